//! What the operator does about the key that seals the stored passwords: `posthouse key lost`, `posthouse key rotate`.

use crate::accounts;
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::base::ids::Ids;
use crate::base::leases;
use crate::base::vault::{self, Resealed, Rotation, SealedColumn};
use crate::config::Config;
use crate::team::Instance;
use crate::{connect, imports, oauth, server};
use anyhow::Context;
use db::{Db, Engine};

/// Every column of sealed values.
const SEALED: &[SealedColumn] = &[connect::SEALED, oauth::SEALED_TOKENS, oauth::SEALED_SECRETS, imports::SEALED];

/// A key that was changed.
#[derive(Debug, Clone, Copy)]
pub struct Rotated {
    /// What became of the passwords.
    pub passwords: Resealed,
    /// Whether it ended a change that was broken off before.
    pub resumed: bool,
}

/// Wipes every stored password and forgets the key that sealed them: the key file is lost for good. Each account then asks
/// for its password. The next start makes a new key. Returns how many passwords were wiped.
///
/// # Errors
/// Refuses while a program serves, and where the key file opens what it sealed; otherwise the database's.
pub async fn lost(config: Config, clock: Clock) -> anyhow::Result<u64> {
    let (_lock, db) = open(&config, &clock).await?;
    let key = config.key_path();
    if key.exists() && vault::look(&db, &key).await.is_ok() {
        anyhow::bail!(
            "{} opens the stored passwords: nothing is lost, and nothing was changed. To wipe them all the same, move that file away first",
            key.display()
        );
    }
    if key.exists() {
        let aside = key.with_extension(format!("lost-{}", clock.now().0 / 1_000_000));
        std::fs::rename(&key, &aside).with_context(|| format!("{} cannot be put aside", key.display()))?;
    }
    let mut tx = db.tx().await?;
    let mut wiped = accounts::wipe_secrets(&mut tx, &Instance, clock.now()).await?;
    wiped += imports::wipe_secrets(&mut tx, &Instance, clock.now()).await?;
    oauth::wipe(&mut tx, &Instance).await?;
    vault::forget_canaries(&mut tx).await?;
    tx.commit().await?;
    db.close().await;
    Ok(wiped)
}

/// Makes a new key, seals every stored password with it, and drops the old one. Killed at any moment it leaves a key file that
/// opens everything; run again it goes on.
///
/// # Errors
/// Refuses while a program serves: it would not know the new key.
pub async fn rotate(config: Config, clock: Clock) -> anyhow::Result<Rotated> {
    let (_lock, db) = open(&config, &clock).await?;
    let (ids, crash) = (Ids::new(clock.clone()), Crash::new(config.crash_at.as_deref()));
    let rotation = Rotation::begin(&db, &ids, &config.key_path(), clock.now()).await?;
    let resumed = rotation.resumed;
    crash.point("rotate.key");
    let mut passwords = Resealed::default();
    for column in SEALED {
        column.reseal((&db, &ids), &rotation, &crash, &mut passwords).await?;
    }
    rotation.forget_old_canaries(&db).await?;
    crash.point("rotate.canary");
    rotation.drop_old_keys()?;
    db.close().await;
    Ok(Rotated { passwords, resumed })
}

/// The database of an installation that nobody serves.
async fn open(config: &Config, clock: &Clock) -> anyhow::Result<(Option<std::fs::File>, Db)> {
    if config.database_url.is_none() && !config.data_dir.join("posthouse.db").exists() {
        anyhow::bail!("{} holds no Posthouse data; name the right folder with --data-dir", config.data_dir.display());
    }
    let lock = server::lock(config).await?;
    let db = crate::app::open_database(config).await?;
    db.migrate().await?;
    // With SQLite the lock says it; what a killed program left of its heartbeat does not count there.
    if db.engine() == Engine::Postgres && leases::alive(&db, clock.now()).await? > 0 {
        anyhow::bail!(
            "a Posthouse runs on this database; stop it first. One that was killed counts for {} seconds",
            leases::HEARTBEAT_LASTS.as_secs()
        );
    }
    Ok((lock, db))
}
