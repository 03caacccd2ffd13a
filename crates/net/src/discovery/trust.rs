//! Whether two names belong to the same owner, by the public suffix list.

use std::net::IpAddr;

/// The registrable domain of a host: its public suffix and one label. `None` for an address or a suffix itself.
pub(super) fn registrable(host: &str) -> Option<&str> {
    if host.parse::<IpAddr>().is_ok() { None } else { psl::domain_str(host) }
}

/// `host` and `domain` have the same registrable domain.
pub(super) fn same_owner(host: &str, domain: &str) -> bool {
    match (registrable(host), registrable(domain)) {
        (Some(host), Some(domain)) => host == domain,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_apart_by_the_public_suffix_list() {
        for (host, domain) in [
            ("imap.example.com", "example.com"),
            ("imap.example.co.uk", "mail.example.co.uk"),
            ("example.com", "example.com"),
            ("imap.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert!(same_owner(host, domain), "{host} {domain}");
        }
        for (host, domain) in [
            ("example.co.uk", "other.co.uk"),
            ("co.uk", "co.uk"),
            ("a.github.io", "b.github.io"),
            ("notexample.com", "example.com"),
            ("example.com.evil.test", "example.com"),
            ("192.0.2.1", "192.0.2.1"),
            ("a.xn--p1ai", "b.xn--p1ai"),
            ("localhost", "localhost"),
            ("", ""),
        ] {
            assert!(!same_owner(host, domain), "{host} {domain}");
        }
        assert_eq!(registrable("a.b.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registrable("127.0.0.1"), None);
    }
}
