//! Host names and addresses as people and servers write them.
//!
//! Parsing follows the WHATWG URL rules (<https://url.spec.whatwg.org/#host-parsing>) with IDNA (UTS 46), so that
//! `0x7f.1`, `127.1` and `2130706433` are seen as the address they would be dialled as, and never as names.

use std::net::IpAddr;

use crate::error::NetError;
use crate::words::clean;

/// Longest host name in characters (RFC 1035 section 2.3.4, without the root dot).
const MAX_NAME_CHARS: usize = 253;
/// Longest label (RFC 1035 section 2.3.4).
const MAX_LABEL_CHARS: usize = 63;

/// A host that can be dialled: a name that must be resolved, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A lower-case ASCII name without a trailing dot, IDNA-encoded where needed.
    Name(String),
    /// An address literal, whatever its spelling was.
    Address(IpAddr),
}

impl Host {
    /// Reads a host as typed: a name, an IPv4 address in any form that URLs know, or an IPv6 address with or without
    /// brackets.
    ///
    /// # Errors
    /// [`NetError::InvalidHost`] for anything else.
    pub fn parse(typed: &str) -> Result<Self, NetError> {
        let invalid = || NetError::InvalidHost { host: clean(typed.as_bytes(), 100) };
        let trimmed = typed.trim();
        // A percent sign would be decoded by the URL rules, and would mark a zone in an IPv6 address.
        if trimmed.is_empty() || trimmed.len() > 4 * MAX_NAME_CHARS || trimmed.contains('%') {
            return Err(invalid());
        }
        if let Ok(address) = trimmed.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        match url::Host::parse(trimmed).map_err(|_| invalid())? {
            url::Host::Ipv4(address) => Ok(Self::Address(address.into())),
            url::Host::Ipv6(address) => Ok(Self::Address(address.into())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                if is_host_name(name) { Ok(Self::Name(name.to_owned())) } else { Err(invalid()) }
            }
        }
    }
}

/// Letters, digits, hyphens and the underscores that real servers use, in labels of legal length.
fn is_host_name(name: &str) -> bool {
    name.len() <= MAX_NAME_CHARS
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= MAX_LABEL_CHARS
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_encoded() {
        for (typed, name) in [
            ("Mail.Example.COM", "mail.example.com"),
            (" imap.example.com. ", "imap.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("_submission.example", "_submission.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(Host::parse(typed).unwrap(), Host::Name(name.to_owned()), "{typed}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_an_address() {
        for (typed, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("１２７.0.0.1", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1"),
        ] {
            let expected = Host::Address(address.parse().unwrap());
            assert_eq!(Host::parse(typed).unwrap(), expected, "{typed}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefg.".repeat(40));
        for typed in [
            "",
            ".",
            "a..b",
            "-a.example",
            "a-.example",
            "a b.example",
            "user@host",
            "host:25",
            "http://host/",
            "host/path",
            "a\r\nb",
            "a\0b",
            "mail%2eexample.com",
            "fe80::1%eth0",
            "256.1.1.1",
            "1.2.3.4.5",
            "[::1",
            "*.example.com",
            long_label.as_str(),
            long_name.as_str(),
        ] {
            assert!(Host::parse(typed).is_err(), "{typed:?} was taken");
        }
    }
}
