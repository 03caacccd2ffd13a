//! Reads the mail client configuration that a domain publishes (draft-ietf-mailmaint-autoconfig, version 1.1 of the
//! file format). A stranger wrote it: it is small, shallow, without DTD and without entities of its own, or refused.
//!
//! ```text
//! clientConfig version="1.1"
//!   emailProvider id                        the first one counts
//!     displayName
//!     incomingServer type="imap"            in order of preference; other types are passed over
//!       hostname port socketType username authentication+
//!     outgoingServer type="smtp"
//!       the same
//! ```
//!
//! Values are given as written, with their placeholders (`%EMAILADDRESS%`).

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::words::clean;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Servers of one direction that are kept. Real files have four.
pub const MAX_SERVERS: usize = 16;
/// Sign-in methods of one server that are kept.
pub const MAX_METHODS: usize = 8;
/// Longest value in bytes: a host name has 253, a user name rarely more.
pub const MAX_VALUE_BYTES: usize = 512;
/// Elements inside each other. The format needs five.
const MAX_DEPTH: usize = 16;

/// What a domain publishes about its mail servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientConfig {
    /// What the provider calls itself; cleaned and cut at 100 characters.
    pub display_name: Option<String>,
    /// IMAP servers, the preferred first.
    pub incoming: Vec<Template>,
    /// Submission servers, the preferred first.
    pub outgoing: Vec<Template>,
}

/// A server as written, with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Host name.
    pub hostname: String,
    /// TCP port, never 0.
    pub port: u16,
    /// How it is protected.
    pub socket: Socket,
    /// User name; absent when the file names none.
    pub username: Option<String>,
    /// Sign-in methods, the preferred first. Unknown ones are left out.
    pub methods: Vec<Method>,
}

/// `socketType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Socket {
    /// `plain`: no encryption.
    Plain,
    /// `SSL`: TLS from the first byte.
    Ssl,
    /// `STARTTLS`.
    StartTls,
}

/// `authentication`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `password-cleartext`, or the old `plain`.
    PasswordCleartext,
    /// `password-encrypted`, or the old `secure`: CRAM-MD5 and its like.
    PasswordEncrypted,
    /// `OAuth2`.
    OAuth2,
    /// `none`, `client-IP-address`, `TLS-client-cert`, `smtp-after-pop`, `GSSAPI`, `NTLM`: nothing that a person types.
    Other,
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// More than [`MAX_BYTES`].
    #[error("the file is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not UTF-8.
    #[error("the file is not in UTF-8")]
    NotUtf8,
    /// A document type or an entity of its own: the way to make a small file grow, or read others.
    #[error("the file declares or uses entities")]
    Entities,
    /// More elements inside each other than the format has.
    #[error("the file is nested too deeply")]
    TooDeep,
    /// Another kind of document, such as a web page.
    #[error("the file is no mail configuration: it begins with <{found}>")]
    WrongRoot {
        /// The root element, cleaned and cut.
        found: String,
    },
    /// A version of the format that is not known.
    #[error("the file has version {found}, which is not known")]
    Version {
        /// The version, cleaned and cut.
        found: String,
    },
    /// Broken XML, or none.
    #[error("the file is broken: {words}")]
    Malformed {
        /// What the reader said, cleaned and cut.
        words: String,
    },
}

/// Reads a file. Servers that lack a host, port or socket type, or that are neither IMAP nor SMTP, are left out.
///
/// # Errors
/// [`ConfigError`], for the file as a whole.
pub fn parse(bytes: &[u8]) -> Result<ClientConfig, ConfigError> {
    if bytes.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ConfigError::NotUtf8)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut file = File::default();
    loop {
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(element) => file.open(&element)?,
            Event::Empty(element) => {
                file.open(&element)?;
                file.close();
            }
            Event::End(_) => file.close(),
            Event::Text(text) => file.text(&text.xml10_content())?,
            Event::CData(text) => file.text(&text.xml10_content())?,
            Event::GeneralRef(entity) => file.text(character(&entity)?.encode_utf8(&mut [0; 4]))?,
            Event::DocType(_) => return Err(ConfigError::Entities),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return file.end(),
        }
    }
}

fn malformed(words: &str) -> ConfigError {
    ConfigError::Malformed { words: clean(words.as_bytes(), 200) }
}

/// The character of one of the five entities that XML itself has, or of a number.
fn character(entity: &quick_xml::events::BytesRef<'_>) -> Result<char, ConfigError> {
    match entity.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => match entity.resolve_char_ref() {
            Ok(Some(c)) => Ok(c),
            Ok(None) => Err(ConfigError::Entities),
            Err(error) => Err(malformed(&error.to_string())),
        },
    }
}

/// An element that means something; everything else is passed over with what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    ClientConfig,
    EmailProvider,
    DisplayName,
    Incoming,
    Outgoing,
    Hostname,
    Port,
    SocketType,
    Username,
    Authentication,
    Other,
}

/// A file as far as it was read.
#[derive(Default)]
struct File {
    open: Vec<Element>,
    /// The root was opened.
    begun: bool,
    /// A provider was closed: it counts, and no other.
    complete: bool,
    config: ClientConfig,
    draft: Draft,
    value: String,
}

/// A server as far as it was read.
#[derive(Default)]
struct Draft {
    /// It is of a type that is kept.
    kept: bool,
    hostname: Option<String>,
    port: Option<u16>,
    socket: Option<Socket>,
    username: Option<String>,
    methods: Vec<Method>,
}

impl File {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), ConfigError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ConfigError::TooDeep);
        }
        let local = element.local_name();
        let name: &str = local.as_ref();
        let kind = match (self.open.last(), name) {
            (None, _) if self.begun => return Err(malformed("a second root")),
            (None, "clientConfig") => Element::ClientConfig,
            (None, other) => return Err(ConfigError::WrongRoot { found: clean(other.as_bytes(), 40) }),
            (Some(Element::ClientConfig), "emailProvider") if !self.complete => Element::EmailProvider,
            (Some(Element::EmailProvider), "displayName") => Element::DisplayName,
            (Some(Element::EmailProvider), "incomingServer") => Element::Incoming,
            (Some(Element::EmailProvider), "outgoingServer") => Element::Outgoing,
            (Some(Element::Incoming | Element::Outgoing), inner) => match inner {
                "hostname" => Element::Hostname,
                "port" => Element::Port,
                "socketType" => Element::SocketType,
                "username" => Element::Username,
                "authentication" => Element::Authentication,
                _ => Element::Other,
            },
            _ => Element::Other,
        };
        match kind {
            Element::ClientConfig => {
                let version = attribute(element, "version")?.unwrap_or_default();
                if !version.is_empty() && !version.starts_with("1.") {
                    return Err(ConfigError::Version { found: clean(version.as_bytes(), 20) });
                }
            }
            Element::Incoming | Element::Outgoing => {
                let wanted = if kind == Element::Incoming { "imap" } else { "smtp" };
                let kept = attribute(element, "type")?.is_some_and(|given| given.eq_ignore_ascii_case(wanted));
                self.draft = Draft { kept, ..Draft::default() };
            }
            _ => {}
        }
        self.begun = true;
        self.open.push(kind);
        self.value.clear();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ConfigError> {
        match self.open.last() {
            None if !text.trim().is_empty() => return Err(malformed("text outside the root")),
            None | Some(Element::Other) => {}
            Some(_) if self.value.len() + text.len() > MAX_VALUE_BYTES && !text.trim().is_empty() => {
                return Err(malformed("a value is too long"));
            }
            Some(_) => self.value.push_str(text.trim_matches(['\n', '\r', '\t'])),
        }
        Ok(())
    }

    fn close(&mut self) {
        let value = std::mem::take(&mut self.value);
        let value = value.trim();
        let given = Some(value).filter(|value| !value.is_empty()).map(str::to_owned);
        match self.open.pop() {
            Some(Element::DisplayName) => {
                self.config.display_name = given.map(|name| clean(name.as_bytes(), 100));
            }
            Some(Element::Hostname) => self.draft.hostname = given,
            Some(Element::Port) => self.draft.port = value.parse().ok().filter(|port| *port != 0),
            Some(Element::SocketType) => self.draft.socket = socket(value),
            Some(Element::Username) => self.draft.username = given,
            Some(Element::Authentication) if self.draft.methods.len() < MAX_METHODS => {
                self.draft.methods.extend(method(value));
            }
            Some(Element::Incoming) => keep(&mut self.draft, &mut self.config.incoming),
            Some(Element::Outgoing) => keep(&mut self.draft, &mut self.config.outgoing),
            Some(Element::EmailProvider) => self.complete = true,
            Some(Element::ClientConfig | Element::Authentication | Element::Other) | None => {}
        }
    }

    fn end(self) -> Result<ClientConfig, ConfigError> {
        if !self.begun {
            return Err(malformed("it is empty"));
        }
        if self.open.is_empty() { Ok(self.config) } else { Err(malformed("it ends in the middle")) }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, ConfigError> {
    let found = element.try_get_attribute(name).map_err(|error| malformed(&error.to_string()))?;
    let Some(attribute) = found else { return Ok(None) };
    // Fails on every entity but the five: there is nobody who could have declared it.
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| ConfigError::Entities)?;
    Ok(Some(value.into_owned()))
}

fn keep(draft: &mut Draft, servers: &mut Vec<Template>) {
    let draft = std::mem::take(draft);
    let Draft { kept: true, hostname: Some(hostname), port: Some(port), socket: Some(socket), username, methods } =
        draft
    else {
        return;
    };
    if servers.len() < MAX_SERVERS {
        servers.push(Template { hostname, port, socket, username, methods });
    }
}

fn socket(value: &str) -> Option<Socket> {
    match value.to_ascii_lowercase().as_str() {
        "plain" => Some(Socket::Plain),
        "ssl" | "tls" => Some(Socket::Ssl),
        "starttls" => Some(Socket::StartTls),
        _ => None,
    }
}

fn method(value: &str) -> Option<Method> {
    match value.to_ascii_lowercase().as_str() {
        "password-cleartext" | "plain" => Some(Method::PasswordCleartext),
        "password-encrypted" | "secure" => Some(Method::PasswordEncrypted),
        "oauth2" => Some(Method::OAuth2),
        "none" | "client-ip-address" | "tls-client-cert" | "smtp-after-pop" | "gssapi" | "ntlm" => Some(Method::Other),
        _ => None,
    }
}

#[cfg(test)]
#[path = "autoconfig_tests.rs"]
mod tests;
