//! Domains that are reserved for tests and documentation (RFC 2606, RFC 6761): mail to them only costs reputation.

/// Whether a domain (in lower case, as an address holds it) is reserved, or lies below one that is.
#[must_use]
pub fn is_reserved(domain: &str) -> bool {
    const TOPS: [&str; 4] = ["test", "example", "invalid", "localhost"];
    const NAMES: [&str; 3] = ["example.com", "example.net", "example.org"];
    let domain = domain.trim_end_matches('.');
    let top = domain.rsplit('.').next().unwrap_or(domain);
    let below = |name: &str| domain.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    TOPS.contains(&top) || NAMES.into_iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::is_reserved;

    #[test]
    fn reserved_names_and_what_lies_below_them() {
        for domain in [
            "lab.test",
            "test",
            "a.b.example",
            "x.invalid",
            "localhost",
            "me.localhost",
            "example.com",
            "mail.example.org",
            "example.net.",
        ] {
            assert!(is_reserved(domain), "{domain}");
        }
        for domain in ["testing.com", "myexample.com", "example.co", "example.com.au", "test.de", "contest"] {
            assert!(!is_reserved(domain), "{domain}");
        }
    }
}
