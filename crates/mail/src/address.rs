//! Mail addresses: one validated type for all of the product, and the reading of what a person types into To.
//!
//! Follows RFC 5321 section 4.5.3.1 (sizes), RFC 5322 section 3.4 (syntax), RFC 6531 (non-ASCII local parts) and
//! UTS #46 (domain names). Address literals (`a@[192.0.2.1]`) and comments are refused: nobody types them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest address in octets (RFC 5321 section 4.5.3.1.3, without the angle brackets).
pub const MAX_ADDRESS_OCTETS: usize = 254;
/// Longest local part in octets (RFC 5321 section 4.5.3.1.1).
pub const MAX_LOCAL_OCTETS: usize = 64;
/// Longest display name in octets: one encoded header line stays well under 998.
pub const MAX_NAME_OCTETS: usize = 320;
/// Longest text that [`parse_list`] reads, in octets.
pub const MAX_LIST_OCTETS: usize = 64 * 1024;
/// How much of a refused text an error repeats, in octets.
const MAX_SHOWN_OCTETS: usize = 80;

/// A mail address that can be written to.
///
/// The local part is kept as written, because its server decides about its case. The domain is lower case and in its
/// ASCII form (`xn--`). Equality is exact; compare [`EmailAddress::key`] to ask whether two people are the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// An address with the name that stands before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mailbox {
    /// Display name, without quotes; `None` when there was none.
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

/// Why a text is no address. Each message names the part and says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was written.
    #[error("Write an email address.")]
    Empty,
    /// There is no `@`, or nothing on one side of it.
    #[error("“{part}” is not an email address: it needs a name, an @ and a domain, such as ana@example.com.")]
    Incomplete {
        /// The refused text, shortened.
        part: String,
    },
    /// A line break, control character or direction mark inside an address or name.
    #[error("“{part}” holds a line break or another invisible character. Remove it and type the address again.")]
    Invisible {
        /// The refused text, shortened, with the characters replaced.
        part: String,
    },
    /// A blank inside an address.
    #[error("“{part}” holds a space. Put a comma between two addresses, and <> around an address after a name.")]
    Space {
        /// The refused text, shortened.
        part: String,
    },
    /// The part before the `@` holds something that is not allowed there.
    #[error("“{part}” is not an email address: check the part before the @.")]
    Local {
        /// The refused text, shortened.
        part: String,
    },
    /// The part after the `@` is no domain name.
    #[error("“{part}” is not an email address: “{domain}” is not a domain name.")]
    Domain {
        /// The refused text, shortened.
        part: String,
        /// The part after the `@`, shortened.
        domain: String,
    },
    /// Longer than [`MAX_ADDRESS_OCTETS`], [`MAX_LOCAL_OCTETS`] or [`MAX_NAME_OCTETS`].
    #[error("“{part}” is too long for an email address.")]
    TooLong {
        /// The refused text, shortened.
        part: String,
    },
    /// An opening quote or `<` without its end, or text after `>`.
    #[error("“{part}” is not complete: check the quotes and the < > around the address.")]
    Unbalanced {
        /// The refused text, shortened.
        part: String,
    },
    /// More addresses than the caller allows, or more text than [`MAX_LIST_OCTETS`].
    #[error("Write at most {max} addresses.")]
    TooMany {
        /// The limit that was passed.
        max: usize,
    },
}

impl EmailAddress {
    /// Reads one bare address (no name, no angle brackets). Blanks around it are ignored.
    ///
    /// # Errors
    /// Says which part is wrong; see [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let part = || shown(text);
        if text.chars().any(|c| c.is_control() || is_separator(c) || crate::is_bidi_control(c)) {
            return Err(AddressError::Invisible { part: part() });
        }
        if text.chars().any(char::is_whitespace) {
            return Err(AddressError::Space { part: part() });
        }
        if text.chars().any(crate::is_invisible) {
            return Err(AddressError::Invisible { part: part() });
        }
        let Some((local, domain)) = text.rsplit_once('@').filter(|(l, d)| !l.is_empty() && !d.is_empty()) else {
            return Err(AddressError::Incomplete { part: part() });
        };
        if local.len() > MAX_LOCAL_OCTETS || text.len() > 4 * MAX_ADDRESS_OCTETS {
            return Err(AddressError::TooLong { part: part() });
        }
        if !is_local_part(local) {
            return Err(AddressError::Local { part: part() });
        }
        let Some(ascii) = ascii_domain(domain) else {
            return Err(AddressError::Domain { part: part(), domain: shown(domain) });
        };
        let address = Self { text: format!("{local}@{ascii}"), at: local.len() };
        if address.text.len() > MAX_ADDRESS_OCTETS {
            return Err(AddressError::TooLong { part: part() });
        }
        Ok(address)
    }

    /// The address as it goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, as written.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The part after the `@`: lower case, ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// What to compare and to index by: the whole address in lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.text.to_lowercase()
    }

    /// Whether the server must offer SMTPUTF8 (RFC 6531) to take this address.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

impl Mailbox {
    /// An address without a name.
    #[must_use]
    pub const fn bare(address: EmailAddress) -> Self {
        Self { name: None, address }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), self.address),
            None => self.address.fmt(f),
        }
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

/// Reads what a person types: `Ana <a@x.test>, b@y.test`. Commas, semicolons and line breaks separate; inside quotes
/// and angle brackets they do not. Duplicates stay. An empty text is an empty list.
///
/// # Errors
/// The first part that is no mailbox, named; or [`AddressError::TooMany`] beyond `max` mailboxes.
pub fn parse_list(text: &str, max: usize) -> Result<Vec<Mailbox>, AddressError> {
    if text.len() > MAX_LIST_OCTETS {
        return Err(AddressError::TooMany { max });
    }
    let mut mailboxes = Vec::new();
    for part in split_list(text) {
        let part = trim_part(part);
        if part.is_empty() {
            continue;
        }
        if mailboxes.len() == max {
            return Err(AddressError::TooMany { max });
        }
        mailboxes.push(parse_mailbox(part)?);
    }
    Ok(mailboxes)
}

/// Cuts at separators that are neither quoted nor in angle brackets. A line break always cuts: no name goes over one.
fn split_list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut angle, mut escaped) = (0, false, false, false);
    for (at, c) in text.char_indices() {
        let after_escape = std::mem::take(&mut escaped);
        let separator = match c {
            '\n' | '\r' => true,
            _ if after_escape => false,
            '\\' if quoted => {
                escaped = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            '<' | '>' if !quoted => {
                angle = c == '<';
                false
            }
            ',' | ';' => !quoted && !angle,
            _ => false,
        };
        if separator {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + c.len_utf8();
            (quoted, angle) = (false, false);
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Copied addresses often carry direction marks and blanks at their ends.
fn trim_part(part: &str) -> &str {
    part.trim_matches(|c: char| c.is_whitespace() || crate::is_invisible(c))
}

fn parse_mailbox(part: &str) -> Result<Mailbox, AddressError> {
    if part.chars().any(|c| c.is_control() && c != '\t' || is_separator(c)) {
        return Err(AddressError::Invisible { part: shown(part) });
    }
    let unbalanced = || AddressError::Unbalanced { part: shown(part) };
    let Some(open) = unquoted_angle(part).ok_or_else(unbalanced)? else {
        return EmailAddress::parse(part).map(Mailbox::bare);
    };
    let (name, rest) = part.split_at_checked(open).ok_or_else(unbalanced)?;
    let inner = rest.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).ok_or_else(unbalanced)?;
    if inner.contains(['<', '>']) {
        return Err(unbalanced());
    }
    let address = EmailAddress::parse(trim_part(inner)).map_err(|error| match error {
        AddressError::Empty => AddressError::Incomplete { part: shown(part) },
        other => other,
    })?;
    let name = unquote(name.trim());
    if name.chars().any(crate::is_bidi_control) {
        return Err(AddressError::Invisible { part: shown(part) });
    }
    if name.len() > MAX_NAME_OCTETS {
        return Err(AddressError::TooLong { part: shown(part) });
    }
    Ok(Mailbox { name: Some(name).filter(|name| !name.is_empty()), address })
}

/// Where the unquoted `<` is: `Some(None)` if there is none, `None` if a quote does not end.
fn unquoted_angle(part: &str) -> Option<Option<usize>> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in part.char_indices() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => return Some(Some(at)),
            _ => {}
        }
    }
    (!quoted).then_some(None)
}

/// The name without quotes and backslashes (RFC 5322 section 3.2.4), blanks made single.
fn unquote(name: &str) -> String {
    let (mut plain, mut escaped) = (String::with_capacity(name.len()), false);
    for c in name.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => {}
            _ => {
                escaped = false;
                plain.push(c);
            }
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Dot-atom or quoted string, with RFC 6531's non-ASCII characters. Blanks and controls were refused before.
fn is_local_part(local: &str) -> bool {
    if let Some(inner) = local.strip_prefix('"') {
        let Some(inner) = inner.strip_suffix('"').filter(|inner| !inner.is_empty()) else {
            return false;
        };
        let mut escaped = false;
        for c in inner.chars() {
            match c {
                _ if std::mem::take(&mut escaped) => {}
                '\\' => escaped = true,
                '"' => return false,
                _ => {}
            }
        }
        return !escaped;
    }
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    })
}

/// The domain in lower case ASCII, or `None` when it is not a host name. Underscores are let through: some exist.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    let well_formed = ascii.len() <= 253
        && ascii.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    well_formed.then(|| ascii.to_ascii_lowercase())
}

/// Line and paragraph separators are not control characters for Unicode, but they break lines.
const fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// The refused text for an error: shortened, with invisible characters replaced.
fn shown(part: &str) -> String {
    let short = crate::cut(part, MAX_SHOWN_OCTETS);
    let mut shown: String = short
        .chars()
        .map(|c| if c.is_control() || is_separator(c) || crate::is_invisible(c) { '\u{fffd}' } else { c })
        .collect();
    if short.len() < part.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> Result<Vec<String>, String> {
        match parse_list(text, 100) {
            Ok(mailboxes) => {
                Ok(mailboxes.iter().map(|m| format!("{}|{}", m.name.as_deref().unwrap_or(""), m.address)).collect())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn local_part_is_kept_and_domain_is_normalised() {
        let address = EmailAddress::parse(" Ana.B+x@BÜCHER.Example ").unwrap();
        assert_eq!(address.as_str(), "Ana.B+x@xn--bcher-kva.example");
        assert_eq!(address.local_part(), "Ana.B+x");
        assert_eq!(address.domain(), "xn--bcher-kva.example");
        assert_eq!(address.key(), "ana.b+x@xn--bcher-kva.example");
        assert!(!address.needs_smtputf8());
        assert!(EmailAddress::parse("дмитрий@пример.test").unwrap().needs_smtputf8());
        assert_eq!(EmailAddress::parse("a@localhost").unwrap().domain(), "localhost");
    }

    #[test]
    fn quoted_local_parts_are_accepted() {
        for text in ["\"a..b\"@x.test", "\"a@b\"@x.test", "\"a\\\"b\"@x.test"] {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), text);
        }
        for text in ["\"@x.test", "\"\"@x.test", "\"a\"b\"@x.test", "\"a\\\"@x.test"] {
            assert!(EmailAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@x.test", "a".repeat(65));
        let long_domain = format!("a@{}.test", vec!["b".repeat(60); 5].join("."));
        for text in [
            "",
            " ",
            "a",
            "@x.test",
            "a@",
            "a b@x.test",
            "a@x test",
            "a..b@x.test",
            ".a@x.test",
            "a.@x.test",
            "a@x..test",
            "a@-x.test",
            "a@x-.test",
            "a@[192.0.2.1]",
            "a@x.test\r\nBcc: e@x.test",
            "a\0@x.test",
            "a@x.test\u{202e}",
            "a\u{200b}b@x.test",
            "a,b@x.test",
            "a(c)@x.test",
            "<a@x.test>",
            "a@x.test.",
            &long_local,
            &long_domain,
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lists_as_people_type_them() {
        assert_eq!(list("Ana <a@x.test>, b@y.test"), Ok(vec!["Ana|a@x.test".into(), "|b@y.test".into()]));
        assert_eq!(
            list("\"Lee, Ben; \\\"B\\\"\" <b@x.test>;c@x.test\n\n d@x.test ,, "),
            Ok(vec!["Lee, Ben; \"B\"|b@x.test".into(), "|c@x.test".into(), "|d@x.test".into()])
        );
        assert_eq!(list("Zoë   Ångström<z@x.test>"), Ok(vec!["Zoë Ångström|z@x.test".into()]));
        assert_eq!(list("\u{202a}a@x.test\u{202c}"), Ok(vec!["|a@x.test".into()]));
        assert_eq!(list("\"a,b\"@x.test"), Ok(vec!["|\"a,b\"@x.test".into()]));
        assert_eq!(list("שלום <s@x.test>"), Ok(vec!["שלום|s@x.test".into()]));
        assert_eq!(list(""), Ok(vec![]));
    }

    #[test]
    fn errors_name_the_bad_part() {
        let errors: Vec<String> = [
            "Ana",
            "a@x.test b@x.test",
            "Ana <a@x.test",
            "\"Ana <a@x.test>",
            "Ana <>",
            "a@x.test\r\nBcc: e@x.test",
            "Ana\u{7} <a@x.test>",
            "A\u{202e}na <a@x.test>",
            "a..b@x.test",
            "a@exa mple",
            "a@ex!ample",
            "<a@x.test> Ana",
        ]
        .iter()
        .map(|text| list(text).unwrap_err())
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn the_number_of_addresses_is_limited() {
        let text = "a@x.test,".repeat(3);
        assert_eq!(parse_list(&text, 3).unwrap().len(), 3);
        assert_eq!(parse_list(&text, 2), Err(AddressError::TooMany { max: 2 }));
        assert_eq!(parse_list(&" ".repeat(MAX_LIST_OCTETS + 1), 2), Err(AddressError::TooMany { max: 2 }));
    }

    #[test]
    fn serde_checks_the_address() {
        let error = EmailAddress::try_from("nobody".to_owned()).unwrap_err();
        assert!(matches!(error, AddressError::Incomplete { .. }));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_safe_in_a_header(text in "\\PC{0,20}|[a-z\\r\\n\\t <>\"@,;.\\\\é]{0,40}") {
            for mailbox in parse_list(&text, 100).unwrap_or_default() {
                let address = mailbox.address.as_str();
                prop_assert!(address.len() <= MAX_ADDRESS_OCTETS);
                prop_assert!(!address.chars().any(|c| c.is_control() || c.is_whitespace()));
                prop_assert!(!mailbox.name.unwrap_or_default().chars().any(char::is_control));
                prop_assert_eq!(&EmailAddress::parse(address).unwrap(), &mailbox.address);
            }
        }

        #[test]
        fn a_shown_mailbox_reads_back(name in "[a-zA-Zéш\"\\\\,;<>@ ]{0,20}") {
            let address = EmailAddress::parse("a@x.test").unwrap();
            let name = Some(name.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|n| !n.is_empty());
            let mailbox = Mailbox { name, address };
            prop_assert_eq!(parse_list(&mailbox.to_string(), 1).unwrap(), vec![mailbox]);
        }
    }
}
