//! Free loopback ports that no other test process on this machine uses.
//!
//! The ports lie below the ephemeral range, so that a stopped server's port is not taken by an
//! outgoing connection before the server starts again. A locked file per port keeps processes apart;
//! the lock ends with the process.

use std::fs::{self, File};
use std::net::TcpListener;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

struct Taken {
    next: Option<u16>,
    locks: Vec<File>,
}

static TAKEN: Mutex<Taken> = Mutex::new(Taken { next: None, locks: Vec::new() });

/// A free TCP port on 127.0.0.1 that stays ours until the process ends.
pub fn free() -> Result<u16> {
    let folder = std::env::temp_dir().join("testkit-ports");
    fs::create_dir_all(&folder)?;
    let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let start = taken.next.unwrap_or_else(first_of_process);
    for step in 0..COUNT {
        let offset = (u32::from(start) + u32::from(step)) % u32::from(COUNT);
        let offset = u16::try_from(offset)?;
        let port = FIRST + offset;
        let path = folder.join(port.to_string());
        let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        if lock.try_lock().is_err() || TcpListener::bind(("127.0.0.1", port)).is_err() {
            continue;
        }
        taken.next = Some((offset + 1) % COUNT);
        taken.locks.push(lock);
        return Ok(port);
    }
    bail!("no free port from {FIRST} on")
}

/// Processes start to look at different places: fewer collisions to step over.
fn first_of_process() -> u16 {
    u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0)
}
