//! What is wrong with the address of a PostgreSQL, by its part. Never with the part itself: what is written wrongly moves the
//! password to where something else is expected.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Something that has no name here.
const ANY: &str = "it is not written as a URL";
const SCHEME: &str = "it does not begin with postgres://";
const PORT: &str = "its port is no number from 1 to 65535 (in a password / is written %2F, ? is %3F, # is %23)";
const HOST: &str = "its host is no name or address (in a password / is written %2F, ? is %3F, # is %23)";
const NO_HOST: &str = "it names no host (postgres://user:password@host/database)";
const AT: &str = "it has more than one @ (in a password @ is written %40)";
const BLANK: &str = "it has a blank (in a password written %20)";
/// The driver would pass over it: a certificate would not be checked, and what stands there would be logged.
const PARAMETER: &str = "it has a parameter behind its ? that is not known; known are sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, \
    port, dbname, user, password, application_name, options and statement-cache-capacity";
const UTF8: &str = "its user, password or database has a % that stands for no UTF-8 (% itself is written %25)";
const SSL_MODE: &str = "its sslmode is none of disable, allow, prefer, require, verify-ca and verify-full";
const HOST_ADDRESS: &str = "its hostaddr is no IP address";
const CACHE: &str = "its statement-cache-capacity is no number";

/// The first part of `url` that is wrong.
#[must_use]
pub fn fault(url: &str) -> Option<&'static str> {
    options(url).err()
}

/// What the driver makes of `url`, or the first part of it that is wrong.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, &'static str> {
    let known = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = known.ok_or(SCHEME)?;
    if rest.contains(char::is_whitespace) {
        return Err(BLANK);
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    let mut names = query.split('&').map(|parameter| parameter.split('=').next().unwrap_or_default());
    let there = url.parse().map_err(|_| of_rest(rest))?;
    if !names.clone().all(is_known) {
        return Err(PARAMETER);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_host = !authority.rsplit_once('@').map_or(authority, |(_, server)| server).is_empty();
    if has_host || names.any(|name| matches!(name, "host" | "hostaddr")) { Ok(there) } else { Err(NO_HOST) }
}

/// What the driver knows; nothing stands between two `&`.
fn is_known(name: &str) -> bool {
    const KNOWN: &[&str] = &[
        "",
        "sslmode",
        "ssl-mode",
        "sslrootcert",
        "ssl-root-cert",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ];
    KNOWN.contains(&name) || name.starts_with("options[")
}

/// What is wrong with an address that the driver refuses, by what stands behind its scheme.
fn of_rest(rest: &str) -> &'static str {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = before.split(['/', '#']).next().unwrap_or_default();
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    // The colons of an IPv6 address stand in brackets.
    let port = server.rsplit_once(']').map_or(server, |(_, after)| after).rsplit_once(':').map_or("", |(_, port)| port);
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return PORT;
    }
    if authority.matches('@').count() > 1 {
        return AT;
    }
    if server.is_empty() && authority.contains('@') {
        return NO_HOST;
    }
    // With nothing behind the server only the server is left to be wrong.
    let only = |part: &str| format!("postgres://{part}").parse::<PgConnectOptions>().is_err();
    if only(server) {
        return HOST;
    }
    if only(before) {
        return UTF8;
    }
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').find_map(of_parameter).unwrap_or(ANY)
}

/// A parameter that the driver reads as something other than a text.
fn of_parameter(parameter: &str) -> Option<&'static str> {
    let refused = format!("postgres://h/?{parameter}").parse::<PgConnectOptions>().is_err();
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name {
        "sslmode" | "ssl-mode" if value.parse::<PgSslMode>().is_err() => Some(SSL_MODE),
        "port" if refused => Some(PORT),
        "hostaddr" if refused => Some(HOST_ADDRESS),
        "statement-cache-capacity" if refused => Some(CACHE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_wrong_is_named() {
        for (url, part) in [
            ("mysql://u:secret@h/x", Some(SCHEME)),
            ("postgres://u:secret@127.0.0.1:abc/x", Some(PORT)),
            ("postgres://u:secret@127.0.0.1:70000/x", Some(PORT)),
            ("postgres://u:sec/ret@127.0.0.1/x", Some(PORT)),
            ("postgres://u:secret@[::1]:x/d", Some(PORT)),
            ("postgres://u:secret@h/x?port=abc", Some(PORT)),
            ("postgres://u:secret@[::1/x", Some(HOST)),
            ("postgres://u:secret@a b/x", Some(BLANK)),
            ("postgres://u:sec ret@h/x", Some(BLANK)),
            ("postgres://u:secret@/x", Some(NO_HOST)),
            ("postgres://", Some(NO_HOST)),
            ("postgres:///x", Some(NO_HOST)),
            ("postgres://u:sec@h@/x", Some(AT)),
            ("postgres://u:secret@h/x?pasword=secret", Some(PARAMETER)),
            ("postgres://u:secret@h/x?sslmod=verify-full&user=u", Some(PARAMETER)),
            ("postgres://u:secret%ff@h/x", Some(UTF8)),
            ("postgres://u:secret@h/x?sslmode=nonsense", Some(SSL_MODE)),
            ("postgres://u:secret@h/x?application_name=a&ssl-mode=", Some(SSL_MODE)),
            ("postgres://u:secret@h/x?hostaddr=h", Some(HOST_ADDRESS)),
            ("postgres://u:secret@h/x?statement-cache-capacity=-1", Some(CACHE)),
            ("postgres://u:secret@h/x", None),
            ("postgresql://u:s%2Fcret@[::1]:5432/x?sslmode=verify-full", None),
            ("postgres:///x?host=/run/postgresql", None),
        ] {
            assert_eq!(fault(url), part, "{url}");
        }
    }
}
