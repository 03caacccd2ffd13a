//! Reads a Dovecot Maildir from outside: what is really stored, in UID order.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// All messages of one Maildir; an absent folder is empty.
pub(crate) fn messages(maildir: &Path) -> Result<Vec<Vec<u8>>> {
    loop {
        match read(maildir) {
            // A flag change renames the file between the listing and the reading.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return Ok(other?),
        }
    }
}

fn read(maildir: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let uids = uid_list(maildir);
    let mut files: Vec<(u64, String, PathBuf)> = Vec::new();
    for part in ["new", "cur"] {
        let entries = match fs::read_dir(maildir.join(part)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let base = name.split(':').next().unwrap_or_default().to_owned();
            files.push((uids.get(&base).copied().unwrap_or(u64::MAX), base, entry.path()));
        }
    }
    files.sort();
    files.dedup_by(|one, other| one.1 == other.1);
    files.into_iter().map(|(_, _, path)| fs::read(path)).collect()
}

/// UIDs by file name, from `dovecot-uidlist`: a header line, then `uid [fields] :name`.
fn uid_list(maildir: &Path) -> HashMap<String, u64> {
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
