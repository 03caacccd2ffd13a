//! A published configuration becomes servers: placeholders are filled in, and what cannot be used is left out and named.

use mail::address::EmailAddress;

use super::autoconfig::{ClientConfig, Method, Socket, Template};
use super::login::{self, Rule};
use super::{Auth, Encryption, Server};
use crate::host::Host;
use crate::words::clean;

/// Servers of one direction that are tried.
pub(super) const MAX_TRIED: usize = 4;

/// What a configuration means for one address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// The preferred first, at most [`MAX_TRIED`].
    pub(super) imap: Vec<Server>,
    pub(super) smtp: Vec<Server>,
    /// Which servers cannot be used, and why.
    pub(super) left_out: Vec<String>,
}

/// The servers of `config` for `address`.
pub(super) fn of(config: &ClientConfig, address: &EmailAddress) -> Settings {
    let mut settings = Settings::default();
    for (templates, incoming) in [(&config.incoming, true), (&config.outgoing, false)] {
        let mut servers = Vec::new();
        for template in templates {
            match server(template, address) {
                Ok(server) if servers.len() < MAX_TRIED => servers.push(server),
                Ok(_) => {}
                Err(why) => settings.left_out.push(format!("{}: {why}", clean(template.hostname.as_bytes(), 100))),
            }
        }
        if incoming { settings.imap = servers } else { settings.smtp = servers }
    }
    settings
}

fn server(template: &Template, address: &EmailAddress) -> Result<Server, &'static str> {
    let encryption = match template.socket {
        Socket::Ssl => Encryption::Tls,
        Socket::StartTls => Encryption::StartTls,
        Socket::Plain => return Err("it is offered without TLS only"),
    };
    let host = fill(&template.hostname, address).ok_or("its name has an unknown placeholder")?;
    let host = Host::parse(&host).map_err(|_| "its name is no host name")?.to_string();
    let usernames =
        usernames(template.username.as_deref(), address).ok_or("the user name has an unknown placeholder")?;
    let mut auth = Vec::new();
    for method in &template.methods {
        let way = match method {
            Method::OAuth2 => Auth::OAuth2,
            Method::PasswordCleartext | Method::PasswordEncrypted => Auth::Password,
            Method::Other => continue,
        };
        if !auth.contains(&way) {
            auth.push(way);
        }
    }
    match (auth.is_empty(), template.methods.is_empty()) {
        (false, _) => {}
        (true, true) => auth.push(Auth::Password),
        (true, false) => return Err("it takes no password and no OAuth"),
    }
    Ok(Server { host, port: template.port, encryption, usernames, auth, answered: None })
}

fn usernames(template: Option<&str>, address: &EmailAddress) -> Option<Vec<String>> {
    match template.unwrap_or("%EMAILADDRESS%") {
        "%EMAILADDRESS%" => Some(login::names(Rule::Address, address, false)),
        "%EMAILLOCALPART%" => Some(login::names(Rule::LocalPart, address, false)),
        other => {
            let name = fill(other, address)?;
            // What a server's file says is what people see and what is sent: nothing hidden in it.
            (clean(name.as_bytes(), 255) == name).then(|| vec![name])
        }
    }
}

/// Fills in the three placeholders; `None` when there is another. What was filled in is not looked at again.
fn fill(template: &str, address: &EmailAddress) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let (name, behind) = after.split_once('%')?;
        match name {
            "EMAILADDRESS" => filled.push_str(address.as_str()),
            "EMAILLOCALPART" => filled.push_str(&login::unquoted(address.local_part())),
            "EMAILDOMAIN" => filled.push_str(address.domain()),
            _ => return None,
        }
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(hostname: &str, username: Option<&str>) -> Template {
        Template {
            hostname: hostname.to_owned(),
            port: 993,
            socket: Socket::Ssl,
            username: username.map(str::to_owned),
            methods: vec![Method::OAuth2, Method::PasswordCleartext, Method::PasswordEncrypted],
        }
    }

    fn made(template: &Template, address: &str) -> Result<Server, &'static str> {
        server(template, &EmailAddress::parse(address).unwrap())
    }

    #[test]
    fn placeholders_are_filled_in_once() {
        let made = made(&template("IMAP.%EMAILDOMAIN%", Some("%EMAILLOCALPART%.%EMAILDOMAIN%")), "ana@Bücher.example");
        let made = made.unwrap();
        assert_eq!(made.host, "imap.xn--bcher-kva.example");
        assert_eq!(made.usernames, ["ana.xn--bcher-kva.example"]);
        assert_eq!(made.auth, [Auth::OAuth2, Auth::Password]);
        let sly = EmailAddress::parse("%EMAILDOMAIN%@e.test").unwrap();
        assert_eq!(fill("%EMAILLOCALPART%x", &sly).unwrap(), "%EMAILDOMAIN%x");
    }

    #[test]
    fn the_user_name_is_the_address_unless_the_file_says_otherwise() {
        assert_eq!(made(&template("a.test", None), "ana@e.test").unwrap().usernames, ["ana@e.test"]);
        let both = made(&template("a.test", Some("%EMAILADDRESS%")), "ana+x@e.test").unwrap();
        assert_eq!(both.usernames, ["ana+x@e.test", "ana@e.test"]);
        assert_eq!(made(&template("a.test", Some("shared")), "ana@e.test").unwrap().usernames, ["shared"]);
    }

    #[test]
    fn what_cannot_be_used_is_left_out_with_its_reason() {
        for (host, user, why) in [
            ("imap.%REALNAME%.test", None, "its name has an unknown placeholder"),
            ("imap.%EMAILDOMAIN", None, "its name has an unknown placeholder"),
            ("imap example", None, "its name is no host name"),
            ("https://imap.example.test/", None, "its name is no host name"),
            ("imap.example.test", Some("%FULLNAME%"), "the user name has an unknown placeholder"),
            ("imap.example.test", Some("a\u{202e}b"), "the user name has an unknown placeholder"),
        ] {
            assert_eq!(made(&template(host, user), "ana@e.test"), Err(why), "{host} {user:?}");
        }
        let plain = Template { socket: Socket::Plain, ..template("a.test", None) };
        assert_eq!(made(&plain, "ana@e.test"), Err("it is offered without TLS only"));
        let by_address = Template { methods: vec![Method::Other], ..template("a.test", None) };
        assert_eq!(made(&by_address, "ana@e.test"), Err("it takes no password and no OAuth"));
        let silent = Template { methods: vec![], ..template("a.test", None) };
        assert_eq!(made(&silent, "ana@e.test").unwrap().auth, [Auth::Password]);
        let config = ClientConfig { incoming: vec![plain, silent], ..ClientConfig::default() };
        let settings = of(&config, &EmailAddress::parse("ana@e.test").unwrap());
        assert_eq!((settings.imap.len(), settings.smtp.len()), (1, 0));
        assert_eq!(settings.left_out, ["a.test: it is offered without TLS only"]);
    }

    #[test]
    fn few_servers_are_tried() {
        let config = ClientConfig { outgoing: vec![template("a.test", None); 16], ..ClientConfig::default() };
        let settings = of(&config, &EmailAddress::parse("ana@e.test").unwrap());
        assert_eq!(settings.smtp.len(), MAX_TRIED);
    }
}
