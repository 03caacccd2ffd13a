//! What the operator does about the key that seals the stored passwords: `posthouse key lost`, `posthouse key rotate`.

use crate::accounts;
use crate::base::clock::Clock;
use crate::base::crash::Crash;
use crate::base::ids::Ids;
use crate::base::leases;
use crate::base::vault::{self, Resealed, Rotation, SealedColumn, VaultError};
use crate::base::words::counted;
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

/// What was wiped because its key is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wiped {
    /// Passwords of accounts.
    pub passwords: i64,
    /// The accounts that they are of.
    pub accounts: i64,
    /// What accounts that sign in at a provider were granted.
    pub grants: u64,
    /// Secrets of workspaces' own OAuth apps.
    pub app_secrets: u64,
    /// Sign-ins at a provider that were on their way.
    pub flows: u64,
    /// Passwords of accounts that were being imported.
    pub import_passwords: i64,
}

/// What there was, in words: "4 passwords of 2 accounts and 1 OAuth grant".
impl std::fmt::Display for Wiped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |n: u64, one: &str, many: &str| (n > 0).then(|| counted(n, one, many));
        let (passwords, accounts) = (self.passwords.unsigned_abs(), self.accounts.unsigned_abs());
        let of_accounts = of(accounts, "account", "accounts").unwrap_or_default();
        let parts = [
            of(passwords, "password", "passwords").map(|text| format!("{text} of {of_accounts}")),
            of(self.grants, "OAuth grant", "OAuth grants"),
            of(self.app_secrets, "secret of an OAuth app", "secrets of OAuth apps"),
            of(self.flows, "sign-in that was on its way", "sign-ins that were on their way"),
            of(self.import_passwords.unsigned_abs(), "password of an import", "passwords of imports"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.split_last() {
            None => f.write_str("nothing: nothing was sealed"),
            Some((last, [])) => f.write_str(last),
            Some((last, before)) => write!(f, "{} and {last}", before.join(", ")),
        }
    }
}

/// Wipes every stored password and forgets the key that sealed them: the key file is lost for good. Each account then asks
/// for its password. The next start makes a new key. Returns what was wiped.
///
/// # Errors
/// Refuses while a program serves, where the key file opens what it sealed, and where it cannot be read: it may be the right one.
/// Otherwise the database's.
pub async fn lost(config: Config, clock: Clock) -> anyhow::Result<Wiped> {
    let (_lock, db) = open(&config, &clock).await?;
    let key = config.key_path();
    match vault::look(&db, &key).await {
        Ok(_) if key.exists() => anyhow::bail!(
            "{} opens the stored passwords: nothing is lost, and nothing was changed. To wipe them all the same, move that file away first",
            key.display()
        ),
        Err(e @ VaultError::File { .. }) => anyhow::bail!(
            "{e}. A key that cannot be read is not lost, and nothing was changed. Give this user the right to read it, or name the \
             file where this is a folder; to wipe the stored passwords all the same, move it away first"
        ),
        _ => {}
    }
    if key.exists() {
        let aside = key.with_extension(format!("lost-{}", clock.now().0 / 1_000_000));
        std::fs::rename(&key, &aside).with_context(|| format!("{} cannot be put aside", key.display()))?;
    }
    let mut tx = db.tx().await?;
    let (passwords, accounts) = accounts::wipe_secrets(&mut tx, &Instance, clock.now()).await?;
    let import_passwords = imports::wipe_secrets(&mut tx, &Instance, clock.now()).await?;
    let (grants, app_secrets, flows) = oauth::wipe(&mut tx, &Instance).await?;
    vault::forget_canaries(&mut tx).await?;
    tx.commit().await?;
    db.close().await;
    Ok(Wiped { passwords, accounts, grants, app_secrets, flows, import_passwords })
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
    // Before the key file is touched, which would be changed back for nothing.
    db.can_write().await?;
    // With SQLite the lock says it; what a killed program left of its heartbeat does not count there.
    if db.engine() == Engine::Postgres && leases::alive(&db, clock.now()).await? > 0 {
        anyhow::bail!(
            "a Posthouse runs on this database; stop it first. One that was killed counts for {} seconds",
            leases::HEARTBEAT_LASTS.as_secs()
        );
    }
    Ok((lock, db))
}

#[cfg(test)]
mod tests {
    use super::Wiped;

    #[test]
    fn what_was_wiped_is_counted_and_named() {
        let all = Wiped { passwords: 3, accounts: 2, grants: 1, app_secrets: 2, flows: 1, import_passwords: 4 };
        assert_eq!(
            all.to_string(),
            "3 passwords of 2 accounts, 1 OAuth grant, 2 secrets of OAuth apps, 1 sign-in that was on its way and 4 passwords of imports"
        );
        assert_eq!(Wiped { grants: 2, ..Wiped::default() }.to_string(), "2 OAuth grants");
        assert_eq!(Wiped::default().to_string(), "nothing: nothing was sealed");
    }
}
