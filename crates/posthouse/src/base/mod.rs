//! What every domain stands on: time, ids, secrets, news, background work, ownership and bytes on disk.

pub mod blobs;
pub mod clock;
pub mod crash;
pub mod database;
pub mod disk;
pub mod events;
pub mod ids;
pub mod jobs;
pub mod leases;
pub mod lines;
pub mod live;
pub mod meters;
pub mod output;
pub mod secret;
pub mod together;
pub mod vault;
pub mod wakes;
pub mod words;
