//! Published mail configurations.

use net::discovery::autoconfig::{self, MAX_BYTES, MAX_METHODS, MAX_SERVERS, MAX_VALUE_BYTES, Template};

/// Reads a configuration. Whatever it holds, what is kept is bounded.
pub fn published(bytes: &[u8]) {
    let result = autoconfig::parse(bytes);
    assert_eq!(autoconfig::parse(bytes), result);
    let config = match result {
        Ok(config) => config,
        Err(error) => {
            let text = error.to_string();
            assert!(text.chars().count() < 300 && !text.contains('\0'), "{text:?}");
            return;
        }
    };
    assert!(bytes.len() <= MAX_BYTES);
    assert!(config.display_name.is_none_or(|name| name.chars().count() <= 101 && !name.chars().any(|c| c == '\0')));
    for servers in [&config.incoming, &config.outgoing] {
        assert!(servers.len() <= MAX_SERVERS);
        servers.iter().for_each(check);
    }
}

fn check(server: &Template) {
    assert!(!server.hostname.is_empty() && server.hostname.len() <= MAX_VALUE_BYTES);
    assert!(server.port != 0 && server.methods.len() <= MAX_METHODS);
    assert!(server.username.as_ref().is_none_or(|name| !name.is_empty() && name.len() <= MAX_VALUE_BYTES));
}
