//! Dovecot hears of new mail by watching files. The system lets a user do that so many times, and a thousand mailboxes of the
//! test world belong to one user: without room for all, most would be looked at every half a minute.

use anyhow::{Context, Result};

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
