//! What the operator's commands do and tell on the terminal: backup, restore, key, doctor.

use crate::backup::{self, BackupError, Bodyless, Damaged, KeyLook, Manifest};
use crate::base::clock::Clock;
use crate::base::database;
use crate::base::vault::{Look, VaultError};
use crate::base::words::{counted, length};
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
    say!("Backed up {} into {}.", counts(&made.manifest, 0), made.path.display());
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
        say!("This backup {how}: {}.", counts(&checked.manifest, checked.left_out.len()));
        tell_absent(&checked.manifest);
        tell_left_out(&checked.left_out);
        tell_bodyless(&checked.bodyless);
        return Ok(());
    }
    let restored = backup::restore(config, &Clock::system(), source, damaged).await?;
    if restored.was_complete {
        say!("An earlier restore had put everything in place; what it left behind was removed.");
    } else {
        say!("Restored {}.", counts(&restored.manifest, restored.left_out.len()));
        tell_absent(&restored.manifest);
        tell_left_out(&restored.left_out);
        tell_bodyless(&restored.bodyless);
        if restored.held > 0 {
            say!("{}", held(restored.held.unsigned_abs()));
        }
        say!("Everybody signs in again.");
    }
    if let Some(mode) = restored.was_open {
        say!(
            "Every user of this machine could look into {} (mode {mode:03o}); it is its owner's alone now (mode 700).",
            config.data_dir.display()
        );
    }
    say!("{}", about_key(&restored.key, &config.key_path()));
    Ok(())
}

fn held(n: u64) -> String {
    if n == 1 {
        return "1 message was not sent yet when the backup was made. It may have gone out since, so it is not sent by itself: it is \
                shown as uncertain in its account's outbox, and a person decides."
            .into();
    }
    format!(
        "{n} messages were not sent yet when the backup was made. They may have gone out since, so they are not sent by \
         themselves: each is shown as uncertain in its account's outbox, and a person decides."
    )
}

/// What is to be done about the key of what was restored, which is in no backup.
fn about_key(look: &KeyLook, path: &Path) -> String {
    let path = path.display();
    let lost = "If that key is lost for good, run `posthouse key lost`: it wipes the stored passwords, and each account asks for \
                its own again";
    match look {
        Ok(Look::Opens { .. }) => format!("The key {path} belongs to this backup: the stored passwords open."),
        Ok(Look::NotMade) => format!("The backup holds nothing that a key seals. The next start makes the key {path}."),
        Err(VaultError::Missing(_)) => format!(
            "Before you start, put your copy of the key at {path}: it is in no backup, and the stored passwords were sealed with \
             it. {lost}."
        ),
        Err(VaultError::Wrong(_)) => format!(
            "Before you start, put the key that was in use when the backup was made at {path}. The one that is there is another \
             one; keep it, as newer backups need it. {lost}."
        ),
        Err(e) => format!("Before you start: {e}."),
    }
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
        "{begun}: {} sealed with the new one, and the old one is gone.",
        counted(rotated.passwords.renewed, "stored password was", "stored passwords were")
    );
    match rotated.passwords.unreadable {
        0 => {}
        1 => say!("1 password did not open before either: reconnect its account."),
        n => say!("{n} passwords did not open before either: reconnect their accounts."),
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

/// What a backup holds, of whose bodies some were left out.
fn counts(m: &Manifest, left_out: usize) -> String {
    let all = counted(m.bodies, "body", "bodies");
    let bodies = match length(left_out) {
        0 => all,
        out => format!("{} of {all}", m.bodies.saturating_sub(out)),
    };
    format!(
        "{}, {}, {} in outboxes, {bodies}, {} MiB ({}, schema {}, made at {})",
        counted(m.accounts, "account", "accounts"),
        counted(m.messages, "message", "messages"),
        m.outgoing,
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
        "WARNING: {} missing or damaged in the installation already. Messages without a body are in the lists and cannot be \
         opened. `posthouse doctor` and the disk's own log may tell why:",
        counted(length(m.absent.len()), "body was", "bodies were")
    );
    name_some(&m.absent);
}

fn tell_left_out(names: &BTreeSet<String>) {
    if names.is_empty() {
        return;
    }
    let (are, left) = if names.len() == 1 { ("body is", "is") } else { ("bodies are", "are") };
    say!("WARNING: {} {are} damaged or missing in the backup and {left} left out:", names.len());
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
        say!("  and {}", counted(length(accounts.len() - NAMED), "more account", "more accounts"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::EngineName;

    #[test]
    fn what_is_told_of_the_key_of_a_backup_says_which_one_goes_where() {
        let path = Path::new("/x/master.key");
        let looks: [KeyLook; 4] = [
            Ok(Look::Opens { keys: 1 }),
            Ok(Look::NotMade),
            Err(VaultError::Missing(path.into())),
            Err(VaultError::Wrong(path.into())),
        ];
        insta::assert_snapshot!(looks.map(|look| about_key(&look, path)).join("\n"));
    }

    #[test]
    fn one_of_each_is_told_as_one() {
        let manifest = Manifest {
            format: 1,
            program: "1".into(),
            made_at: "2026-11-26T10:00:00Z".into(),
            engine: EngineName::Sqlite,
            schema: 7,
            accounts: 1,
            messages: 1,
            outgoing: 1,
            bodies: 1,
            bytes: 1,
            tables: vec![],
            files: 1,
            list_blake3: String::new(),
            absent: vec![],
        };
        let text = counts(&manifest, 0);
        assert!(text.starts_with("1 account, 1 message, 1 in outboxes, 1 body, 1 MiB (SQLite, schema 7"), "{text}");
        let manifest = Manifest { accounts: 0, messages: 2, bodies: 2, ..manifest };
        let text = counts(&manifest, 0);
        assert!(text.starts_with("0 accounts, 2 messages, 1 in outboxes, 2 bodies, "), "{text}");
        let text = counts(&manifest, 1);
        assert!(text.contains(" in outboxes, 1 of 2 bodies, "), "{text}");
        assert!(held(1).starts_with("1 message was not sent yet") && held(2).starts_with("2 messages were not"));
    }
}
