//! What the operator's commands do and tell on the terminal: backup, restore, key, doctor.

use crate::backup::{self, BackupError, Bodyless, Damaged, Manifest};
use crate::base::clock::Clock;
use crate::base::database;
use crate::base::vault::{Look, VaultError};
use crate::config::Config;
use crate::doctor::Report;
use crate::keys;
use crate::say;
use db::{DbError, OpenError};
use std::collections::BTreeSet;
use std::path::Path;

/// Names that are printed at most; there may be thousands.
const NAMED: usize = 20;

/// An error as an operator needs it: one of the database says which one, the engine's own words and what to do.
#[must_use]
pub fn explained(config: &Config, error: anyhow::Error) -> anyhow::Error {
    match of_database(config, &error) {
        Some(text) => anyhow::Error::msg(text),
        None => error,
    }
}

fn of_database(config: &Config, error: &anyhow::Error) -> Option<String> {
    if let Some(e) = error.downcast_ref::<DbError>() {
        return Some(database::told(config, e));
    }
    if let Some(e) = error.downcast_ref::<OpenError>() {
        return database::told_of_opening(config, e);
    }
    if let Some(VaultError::Db(e)) = error.downcast_ref() {
        return Some(database::told(config, e));
    }
    match error.downcast_ref()? {
        // Those of a backup's own file say so themselves.
        BackupError::Settings(e) => of_database(config, e),
        _ => None,
    }
}

/// `posthouse backup`.
///
/// # Errors
/// As [`backup::make`].
pub async fn backup(config: &Config, target: &Path, damaged: Damaged) -> anyhow::Result<()> {
    let made = backup::make(config, &Clock::system(), target, damaged).await?;
    say!("Backed up {} into {}.", counts(&made.manifest), made.path.display());
    tell_absent(&made.manifest);
    tell_bodyless(&made.bodyless);
    say!(
        "The key is not in it. Keep a copy of {} in another place than the backups: without it the stored passwords of this \
         backup cannot be opened, and whoever has both has the passwords.",
        config.key_path().display()
    );
    Ok(())
}

/// `posthouse restore`.
///
/// # Errors
/// As [`backup::restore`] and [`backup::check`].
pub async fn restore(config: &Config, source: &Path, (check, damaged): (bool, Damaged)) -> anyhow::Result<()> {
    if check {
        let checked = backup::check(source, damaged).await?;
        let how = if checked.left_out.is_empty() { "is whole" } else { "can be restored without some bodies" };
        say!("This backup {how}: {}.", counts(&checked.manifest));
        tell_absent(&checked.manifest);
        tell_left_out(&checked.left_out);
        tell_bodyless(&checked.bodyless);
        return Ok(());
    }
    let restored = backup::restore(config, &Clock::system(), source, damaged).await?;
    if restored.was_complete {
        say!("An earlier restore had put everything in place; what it left behind was removed.");
    } else {
        say!("Restored {}.", counts(&restored.manifest));
        tell_absent(&restored.manifest);
        tell_left_out(&restored.left_out);
        tell_bodyless(&restored.bodyless);
        if restored.held > 0 {
            say!(
                "{} messages were not sent yet when the backup was made. They may have gone out since, so they are not sent by \
                 themselves: each is shown as uncertain in its account's outbox, and a person decides.",
                restored.held
            );
        }
        say!("Everybody signs in again.");
    }
    if let Some(mode) = restored.was_open {
        say!(
            "Every user of this machine could look into {} (mode {mode:03o}); it is its owner's alone now (mode 700).",
            config.data_dir.display()
        );
    }
    match &restored.key {
        Ok(Look::Opens { .. }) => say!("The key {} opens the stored passwords.", config.key_path().display()),
        Ok(Look::NotMade) => say!("No password is stored in it; the next start makes a key."),
        Err(e) => say!("Before you start: {e}"),
    }
    Ok(())
}

/// `posthouse key lost`.
///
/// # Errors
/// As [`keys::lost`].
pub async fn lost(config: Config) -> anyhow::Result<()> {
    let wiped = keys::lost(config, Clock::system()).await?;
    say!("Wiped: {wiped}. The next start makes a new key.");
    if wiped.passwords > 0 || wiped.grants > 0 {
        say!("Reconnect each account then: with its password, or by signing in at its provider.");
    }
    if wiped.app_secrets > 0 {
        say!("Before that enter the secrets of the OAuth apps again, in Settings, Providers.");
    }
    if wiped.import_passwords > 0 {
        say!("Upload the files of the imports again.");
    }
    Ok(())
}

/// `posthouse key rotate`.
///
/// # Errors
/// As [`keys::rotate`].
pub async fn rotate(config: Config) -> anyhow::Result<()> {
    let path = config.key_path();
    let rotated = keys::rotate(config, Clock::system()).await?;
    let begun = if rotated.resumed { "The change that was broken off has ended" } else { "The key was changed" };
    say!(
        "{begun}: {} stored passwords were sealed with the new one, and the old one is gone.",
        rotated.passwords.renewed
    );
    if rotated.passwords.unreadable > 0 {
        say!("{} passwords did not open before either: reconnect their accounts.", rotated.passwords.unreadable);
    }
    say!(
        "Copy {} to where you keep the key. Backups that were made until now need the old key: keep your copy of that as long \
         as you keep them, or make a new backup now.",
        path.display()
    );
    Ok(())
}

/// The verdict of `posthouse doctor`.
#[derive(Debug, thiserror::Error)]
#[error("something failed; see above")]
pub struct Unhealthy;

/// Prints what `posthouse doctor` saw.
///
/// # Errors
/// When something failed: the program then ends with 1.
pub fn report(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        say!("{}", serde_json::to_string_pretty(report)?);
    } else {
        report.checks.iter().for_each(|check| say!("{check}"));
    }
    if report.healthy { Ok(()) } else { Err(Unhealthy.into()) }
}

fn counts(m: &Manifest) -> String {
    format!(
        "{} accounts, {} messages, {} in outboxes, {} bodies, {} MiB ({}, schema {}, made at {})",
        m.accounts,
        m.messages,
        m.outgoing,
        m.bodies,
        m.bytes.div_ceil(1024 * 1024),
        m.engine,
        m.schema,
        m.made_at
    )
}

fn tell_absent(m: &Manifest) {
    if m.absent.is_empty() {
        return;
    }
    say!(
        "WARNING: {} bodies were missing or damaged in the installation already. Their messages are in the lists and cannot be \
         opened. `posthouse doctor` and the disk's own log may tell why:",
        m.absent.len()
    );
    name_some(&m.absent);
}

fn tell_left_out(names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    say!("WARNING: {} bodies are damaged or missing in the backup and are left out:", names.len());
    name_some(names);
}

fn name_some<'a>(names: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>) {
    let mut names = names.into_iter();
    names.by_ref().take(NAMED).for_each(|name| say!("  {name}"));
    if names.len() > 0 {
        say!("  and {} more", names.len());
    }
}

fn tell_bodyless(accounts: &[Bodyless]) {
    if accounts.is_empty() {
        return;
    }
    say!("These accounts have messages without a body; a page that opens one says so:");
    accounts.iter().take(NAMED).for_each(|account| say!("  {account}"));
    if accounts.len() > NAMED {
        say!("  and {} more accounts", accounts.len() - NAMED);
    }
}
