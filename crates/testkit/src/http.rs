//! HTTP 1.0 to a server on loopback, one request a connection: enough for the controls of a test server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::SERVER_DEADLINE;

/// A cookie's name, value and path.
pub(crate) type Cookie = (String, String, String);

/// A request to be sent.
pub(crate) struct Exchange {
    port: u16,
    path: String,
    head: String,
    body: String,
}

impl Exchange {
    pub(crate) fn get(port: u16, path: &str) -> Self {
        let head = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n");
        Self { port, path: path.to_owned(), head, body: String::new() }
    }

    pub(crate) fn post(port: u16, path: &str, body: String) -> Self {
        let head = format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n", body.len());
        Self { port, path: path.to_owned(), head, body }
    }

    pub(crate) fn post_form(port: u16, path: &str, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Self::post(port, path, pairs.join("&")).header("Content-Type: application/x-www-form-urlencoded")
    }

    pub(crate) fn header(mut self, line: &str) -> Self {
        self.head.push_str(line);
        self.head.push_str("\r\n");
        self
    }

    /// Adds those cookies whose path this is.
    pub(crate) fn cookies(self, jar: &[Cookie]) -> Self {
        let fitting = jar.iter().filter(|(_, _, path)| self.path.starts_with(path.as_str()));
        let pairs: Vec<String> = fitting.map(|(name, value, _)| format!("{name}={value}")).collect();
        if pairs.is_empty() { self } else { self.header(&format!("Cookie: {}", pairs.join("; "))) }
    }

    pub(crate) fn run(self) -> Result<Response> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).context("connect to the OpenID provider")?;
        stream.set_read_timeout(Some(SERVER_DEADLINE))?;
        stream.write_all(format!("{}\r\n{}", self.head, self.body).as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text).with_context(|| format!("read the answer to {}", self.path))?;
        let (head, body) = text.split_once("\r\n\r\n").context("an HTTP answer")?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Ok(Response { status: status.context("an HTTP status")?, headers, body: body.to_owned() })
    }
}

/// An answer that was read to its end.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("JSON, not {:?}", self.body))
    }

    /// Takes over the cookies that were set; an empty one is removed.
    pub(crate) fn keep_cookies(&self, jar: &mut Vec<Cookie>) {
        for (_, line) in self.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let mut parts = line.split("; ");
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let path = parts.find_map(|part| part.strip_prefix("path=")).unwrap_or("/");
            jar.retain(|(known, _, at)| !(known == name && at == path));
            if !value.is_empty() {
                jar.push((name.to_owned(), value.to_owned(), path.to_owned()));
            }
        }
    }
}

/// A value as it stands in a form or a URL.
pub(crate) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
