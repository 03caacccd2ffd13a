//! What the system must allow: watches of files, and open files.
//!
//! Dovecot hears of new mail by watching files. The system lets a user do that so many times, and a thousand mailboxes of the
//! test world belong to one user: without room for all, most would be looked at every half a minute.

use anyhow::{Context, Result, ensure};

const LIMIT: &str = "/proc/sys/fs/inotify/max_user_instances";

/// The limit as it was before; set again when this goes.
pub struct Before(Option<String>);

impl Drop for Before {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // The bench is over; the next start of the machine has the old limit again in any case.
            let _ = std::fs::write(LIMIT, before);
        }
    }
}

/// Lets every user watch so many times, as long as what is returned lives.
///
/// # Errors
/// When the limit is lower and cannot be changed.
pub fn allow(times: usize) -> Result<Before> {
    let before = std::fs::read_to_string(LIMIT).with_context(|| format!("{LIMIT} cannot be read"))?;
    if before.trim().parse::<usize>()? >= times {
        return Ok(Before(None));
    }
    std::fs::write(LIMIT, times.to_string())
        .with_context(|| format!("set fs.inotify.max_user_instances to {times}: Dovecot watches a file per mailbox"))?;
    Ok(Before(Some(before)))
}

/// Files that a process has open beside its connections.
const OTHER_FILES: usize = 500;

/// Says what to do where the sandbox may not hold so many connections.
///
/// # Errors
/// When it may not.
pub fn need_files(connections: usize) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files")).context("no limit of open files")?;
    let soft = line.split_whitespace().next().unwrap_or_default();
    let enough = soft.parse().map_or(soft == "unlimited", |files: usize| files >= connections + OTHER_FILES);
    ensure!(enough, "{soft} open files are allowed, {connections} connections need more: ulimit -n 20000");
    Ok(())
}
