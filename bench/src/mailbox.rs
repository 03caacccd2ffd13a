//! A large mailbox on a real server: the corpus written as Dovecot's own Maildir, its cache warm.

use crate::corpus::Corpus;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use testkit::{MailWorld, Mailbox};

/// What sync copies unless people choose otherwise.
pub const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

/// A mailbox with mail in it.
pub struct Filled {
    /// Who signs in.
    pub mailbox: Mailbox,
    /// Octets of all messages.
    pub octets: u64,
}

/// Writes the corpus as the mailbox of a new user, then has Dovecot read it once, so that its own cache is not what is measured.
///
/// # Errors
/// When the disk is full, or Dovecot does not take it.
pub fn fill(world: &MailWorld, local: &str, corpus: &Corpus) -> Result<Filled> {
    let mailbox = world.add_user(local)?;
    for folder in FOLDERS {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(world.maildir(&mailbox.address, folder).join(part))?;
        }
    }
    let folders = FOLDERS.map(|folder| world.maildir(&mailbox.address, folder).join("cur"));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let octets = std::thread::scope(|scope| {
        let write = |first: usize| {
            let folders = &folders;
            scope.spawn(move || {
                let all = (first..corpus.messages).step_by(workers);
                all.map(|n| write_message(folders, corpus, shuffled(n, corpus.messages))).sum::<Result<u64>>()
            })
        };
        let running: Vec<_> = (0..workers).map(write).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Ok(0))).sum::<Result<u64>>()
    })?;
    world.adopt(&mailbox.address)?;
    warm(world, &mailbox)?;
    Ok(Filled { mailbox, octets })
}

/// The place of a number among as many, each once. Files are written in no order: what was written last is read faster for a while, and
/// clients begin with the newest mail or with the oldest.
fn shuffled(n: usize, all: usize) -> usize {
    // A prime, so it shares no factor with fewer numbers than itself; far apart, so that neighbours are none.
    const STEP: usize = 7_368_787;
    n * STEP % all
}

/// Named as Dovecot names: by the second, then the number; with its size, so that nobody asks the disk for it.
fn write_message([inbox, sent]: &[PathBuf; 2], corpus: &Corpus, n: usize) -> Result<u64> {
    let message = corpus.message(n);
    let size = message.raw.len();
    let name = format!("{}.M{n:06}P1.bench,S={size},W={size}:2,{}", message.received_at, message.flags);
    let path = if message.sent { sent } else { inbox }.join(name);
    let mut file = fs::File::create(&path).with_context(|| format!("{}", path.display()))?;
    file.write_all(&message.raw)?;
    let at = Duration::from_secs(u64::try_from(message.received_at)?);
    file.set_modified(SystemTime::UNIX_EPOCH + at)?;
    Ok(u64::try_from(size)?)
}

/// Everything that a client may ask for is in Dovecot's cache afterwards.
fn warm(world: &MailWorld, mailbox: &Mailbox) -> Result<()> {
    let items = "uid flags date.received size.virtual imap.envelope imap.bodystructure hdr";
    for folder in FOLDERS {
        for _ in 0..2 {
            world.doveadm(&["fetch", "-u", &mailbox.address, items, "mailbox", folder, "all"])?;
        }
    }
    Ok(())
}

/// Everything written so far is on the disk: what one client left behind does not slow down the next.
///
/// # Errors
/// When `sync` cannot be run.
pub fn settle_disk() -> Result<()> {
    ensure!(std::process::Command::new("sync").status().context("run sync")?.success(), "sync failed");
    Ok(())
}
