//! Reads a Dovecot Maildir from outside: what is really stored, in UID order.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A message as it lies in a Maildir.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its UID; 0 while Dovecot has not given it one.
    pub uid: u32,
    pub seen: bool,
    pub flagged: bool,
    pub answered: bool,
    /// As on disk: lines may end in a bare line feed.
    pub raw: Vec<u8>,
}

/// All messages of one Maildir in UID order, those without a UID last; an absent folder is empty.
pub(crate) fn stored(maildir: &Path) -> Result<Vec<Stored>> {
    loop {
        match read(maildir) {
            // A flag change renames the file between the listing and the reading.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return Ok(other?),
        }
    }
}

fn read(maildir: &Path) -> std::io::Result<Vec<Stored>> {
    let uids = uid_list(maildir);
    let mut files: Vec<(u32, String, PathBuf)> = Vec::new();
    for part in ["new", "cur"] {
        let entries = match fs::read_dir(maildir.join(part)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let base = name.split(':').next().unwrap_or_default().to_owned();
            files.push((uids.get(&base).copied().unwrap_or(u32::MAX), base, entry.path()));
        }
    }
    files.sort();
    files.dedup_by(|one, other| one.1 == other.1);
    files.into_iter().map(|(uid, _, path)| one(uid, &path)).collect()
}

/// Flags stand behind the colon of the name: `:2,FRS`.
fn one(uid: u32, path: &Path) -> std::io::Result<Stored> {
    let name = path.to_string_lossy();
    let flags = name.rsplit_once(":2,").map_or("", |(_, flags)| flags);
    Ok(Stored {
        uid: if uid == u32::MAX { 0 } else { uid },
        seen: flags.contains('S'),
        flagged: flags.contains('F'),
        answered: flags.contains('R'),
        raw: fs::read(path)?,
    })
}

/// UIDs by file name, from `dovecot-uidlist`: a header line, then `uid [fields] :name`.
fn uid_list(maildir: &Path) -> HashMap<String, u32> {
    let text = fs::read_to_string(maildir.join("dovecot-uidlist")).unwrap_or_default();
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let (fields, name) = line.split_once(" :")?;
            let uid = fields.split(' ').next()?.parse().ok()?;
            Some((name.split(':').next()?.to_owned(), uid))
        })
        .collect()
}

/// The values of a header field in a raw message, unfolded.
pub(crate) fn header(raw: &[u8], name: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let mut values: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let (true, Some(value)) = (open, values.last_mut()) {
                value.push(' ');
                value.push_str(line.trim());
            }
            continue;
        }
        open = false;
        if let Some((field, value)) = line.split_once(':')
            && field.trim_end().eq_ignore_ascii_case(name)
        {
            values.push(value.trim().to_owned());
            open = true;
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn a_folded_header_is_joined_and_the_body_is_not_looked_at() {
        let raw = b"Subject: x\r\nmessage-id:\r\n <a@b>\r\nX: y\r\n\r\nMessage-ID: <no>\r\n";
        assert_eq!(header(raw, "Message-ID"), ["<a@b>"]);
    }
}
