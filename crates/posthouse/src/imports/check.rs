//! A row of the file becomes what is wanted, or what is wrong with it, by column.

use super::file::{Cells, Line, PASSWORDS};
use crate::accounts::api::name_field;
use crate::accounts::{self, AccountId, Encryption, Provider, Reason};
use crate::base::secret::Secret;
use crate::connect::{ConnectStep, Protocol, StepName};
use mail::address::{AddressError, EmailAddress};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// The longest host or user name that is read, as for a single account.
const MAX_NAME: usize = 254;
/// The longest password, in bytes, as for a single account.
const MAX_PASSWORD_BYTES: usize = 1_024;
/// The longest text of one cell that is kept: enough to recognise what is wrong with it.
const MAX_CELL: usize = 500;
/// Days of mail when the file says nothing.
const IMPORT_DAYS: i64 = 30;
/// Stands where a password stood in the server's words.
const HIDDEN: &str = "***";
/// What leaves a side out.
const NO_SIDE: &str = "none";

/// What is wrong with a row, or went wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowProblem {
    /// The column, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What happened, and what to do.
    pub message: String,
    /// The server's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_words: Option<String>,
    /// Receiving or sending, when a server was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Protocol>,
    /// The step of the test that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The account that has the address already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
}

impl RowProblem {
    /// The address is connected already.
    #[must_use]
    pub fn taken(message: impl Into<String>, account_id: Option<AccountId>) -> Self {
        Self { account_id, ..Self::at("address", message) }
    }

    /// Something about a column.
    #[must_use]
    pub fn at(column: &str, message: impl Into<String>) -> Self {
        Self { column: Some(column.into()), message: message.into(), ..Self::default() }
    }

    /// Something about the row.
    #[must_use]
    pub fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A step that failed. A server that repeats the password does so not in what is kept. Our own sentences hold no password:
    /// a gap in them would tell one that is an ordinary word.
    #[must_use]
    pub fn step(step: &ConnectStep, passwords: &[&Secret]) -> Self {
        let clean = |text: &str| {
            passwords.iter().fold(text.to_owned(), |text, password| sasl::blot_out(&text, password.expose(), HIDDEN))
        };
        let words = [step.detail.as_deref(), step.fix.as_deref()];
        let message = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self {
            column: None,
            message,
            server_words: step.server_words.as_deref().map(clean),
            side: Some(step.side),
            step: Some(step.step),
            reason: step.reason,
            account_id: None,
        }
    }

    /// In one line, for the file of failed rows.
    #[must_use]
    pub fn line(&self) -> String {
        let side = match self.side {
            Some(Protocol::Imap) => "Receiving (IMAP): ",
            Some(Protocol::Smtp) => "Sending (SMTP): ",
            None => "",
        };
        let column = self.column.as_ref().map(|c| format!("{c}: ")).unwrap_or_default();
        let said = self.server_words.as_ref().map(|w| format!(" The server said: {w}")).unwrap_or_default();
        format!("{side}{column}{}{said}", self.message)
    }
}

/// A side of the account, as the file asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideAsked {
    /// These servers.
    Given(Given),
    /// Whatever is found; with this user name, if there is one.
    Find(Option<String>),
    /// The account does without.
    LeftOut,
}

/// A server of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is protected.
    pub encryption: Encryption,
    /// The user name; absent: the address.
    pub username: Option<String>,
}

/// What a row wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The address.
    pub address: EmailAddress,
    /// The name that recipients see.
    pub display_name: String,
    /// The kind; absent: what the servers make it.
    pub provider: Option<Provider>,
    /// What to call the servers.
    pub provider_name: String,
    /// Days of mail to import.
    pub import_days: i64,
    /// The team's instead of the person's.
    pub team: bool,
    /// Receiving.
    pub imap: SideAsked,
    /// Sending.
    pub smtp: SideAsked,
}

impl Wanted {
    /// Whether sending may go without saying: an account of the kind `imap` whose row has no word on its outgoing server.
    #[must_use]
    pub fn may_go_without_sending(&self) -> bool {
        let receives = matches!(self.imap, SideAsked::Given(_));
        self.provider == Some(Provider::Imap) && receives && self.smtp == SideAsked::Find(None)
    }
}

/// The names of one side's columns, and what is taken where they are empty.
struct Columns {
    host: &'static str,
    port: &'static str,
    encryption: &'static str,
    username: &'static str,
    password: &'static str,
    /// Ports by encryption: TLS, else.
    ports: (u16, u16),
    /// Without port and encryption.
    usual: Encryption,
}

const IMAP: Columns = Columns {
    host: "imap_host",
    port: "imap_port",
    encryption: "imap_encryption",
    username: "imap_username",
    password: "imap_password",
    ports: (993, 143),
    usual: Encryption::Tls,
};
const SMTP: Columns = Columns {
    host: "smtp_host",
    port: "smtp_port",
    encryption: "smtp_encryption",
    username: "smtp_username",
    password: "smtp_password",
    ports: (465, 587),
    usual: Encryption::StartTls,
};

fn cell<'c>(cells: &'c Cells, column: &str) -> &'c str {
    cells.get(column).map(String::as_str).unwrap_or_default()
}

/// The address of a cell. What is wrong is told without the cell, which may hold a password: the error's own words repeat it.
fn address(text: &str) -> Result<EmailAddress, &'static str> {
    let wrong = |e: AddressError| match e {
        AddressError::TooLong { .. } => "This is too long for an email address.",
        AddressError::Space { .. } => {
            "There is a space in the email address. Only the address stands here, such as ana@example.com."
        }
        AddressError::Invisible { .. } => {
            "There is a line break or another invisible character in the email address. Type it again."
        }
        _ => {
            "This is not an email address. Only a name, an @ and a domain stand here, such as ana@example.com; look at the quotes and at what separates the cells."
        }
    };
    let address: EmailAddress = text.parse().map_err(wrong)?;
    let domain = address.domain();
    if plausible_host(domain) { Ok(address) } else { Err("This is not an email address: its domain is not one.") }
}

/// Whether a text can be a server's name. A password that slipped here is to be asked of no name server.
fn plausible_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if text.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok() {
        return true;
    }
    let of_a_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(of_a_name);
    let top = |top: &str| top.starts_with("xn--") || (top.len() > 1 && top.chars().all(char::is_alphabetic));
    text.rsplit_once('.').is_some_and(|(rest, last)| rest.split('.').all(label) && label(last) && top(last))
}

/// What the cells want.
///
/// # Errors
/// Everything that is wrong with them, by column.
pub fn wanted(cells: &Cells) -> Result<Wanted, Vec<RowProblem>> {
    let mut problems = vec![];
    let address = match cell(cells, "address") {
        "" => Err("The address is needed.".to_owned()),
        text => address(text).map_err(str::to_owned),
    };
    let address = address.map_err(|why| problems.push(RowProblem::at("address", why))).ok();
    let mut name = |column: &str| {
        let checked = name_field(column, cell(cells, column), false);
        checked.map_err(|e| problems.push(RowProblem::at(column, e.message))).unwrap_or_default()
    };
    let (display_name, provider_name) = (name("display_name"), name("provider_name"));
    let provider = provider(cell(cells, "provider")).map_err(|p| problems.push(p)).unwrap_or_default();
    let import_days = match cell(cells, "import_days") {
        "" => Some(IMPORT_DAYS),
        text => text.parse().ok().filter(|days| accounts::IMPORT_DAYS.contains(days)),
    };
    if import_days.is_none() {
        problems.push(RowProblem::at("import_days", "A number of days from 1 to 3650, or 0 for everything."));
    }
    let team = yes_or_no(cell(cells, "team"));
    if team.is_none() {
        problems
            .push(RowProblem::at("team", "\"yes\" for an account of the whole team, \"no\" or nothing for your own."));
    }
    let (imap, smtp) = (side(cells, &IMAP, &mut problems), side(cells, &SMTP, &mut problems));
    if (&imap, &smtp) == (&SideAsked::LeftOut, &SideAsked::LeftOut) {
        problems.push(RowProblem::at("imap_host", "Both sides are \"none\". An account receives, sends, or both."));
    }
    let (Some(address), true) = (address, problems.is_empty()) else { return Err(problems) };
    let display_name = if display_name.is_empty() { address.local_part().to_owned() } else { display_name };
    let (import_days, team) = (import_days.unwrap_or(IMPORT_DAYS), team.unwrap_or_default());
    Ok(Wanted { address, display_name, provider, provider_name, import_days, team, imap, smtp })
}

fn provider(text: &str) -> Result<Option<Provider>, RowProblem> {
    let text = text.to_lowercase();
    match text.as_str() {
        "" => return Ok(None),
        "gmail" | "google workspace" => return Ok(Some(Provider::Google)),
        _ => {}
    }
    let by_password: Vec<Provider> = Provider::ALL.iter().copied().filter(|p| *p != Provider::Microsoft).collect();
    let known = |p: &&Provider| p.as_str() == text || p.label().to_lowercase() == text;
    if let Some(provider) = by_password.iter().find(known) {
        return Ok(Some(*provider));
    }
    let all = by_password.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ");
    let why = if ["microsoft", "outlook", "office365", "exchange"].contains(&text.as_str()) {
        "Microsoft takes no passwords from mail programs: connect this account by signing in at Microsoft.".to_owned()
    } else {
        format!("One of {all}, or nothing.")
    };
    Err(RowProblem::at("provider", why))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "" | "no" | "false" | "0" => Some(false),
        "yes" | "true" | "1" | "team" => Some(true),
        _ => None,
    }
}

fn encryption(text: &str) -> Result<Option<Encryption>, ()> {
    match text.to_lowercase().as_str() {
        "" => Ok(None),
        "tls" | "ssl" | "ssl/tls" => Ok(Some(Encryption::Tls)),
        "starttls" => Ok(Some(Encryption::StartTls)),
        "none" | "plain" => Ok(Some(Encryption::None)),
        _ => Err(()),
    }
}

fn side(cells: &Cells, columns: &Columns, problems: &mut Vec<RowProblem>) -> SideAsked {
    let host = cell(cells, columns.host).trim_end_matches('.');
    let username = Some(cell(cells, columns.username)).filter(|u| !u.is_empty());
    if username.is_some_and(|u| u.len() > MAX_NAME || u.chars().any(char::is_control)) {
        problems.push(RowProblem::at(columns.username, "At most 254 bytes, without line breaks."));
    }
    let port = match cell(cells, columns.port) {
        "" => None,
        text => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => {
                problems.push(RowProblem::at(columns.port, "A port is a number from 1 to 65535."));
                None
            }
        },
    };
    let encryption = encryption(cell(cells, columns.encryption)).unwrap_or_else(|()| {
        problems.push(RowProblem::at(columns.encryption, "One of tls, starttls, none, or nothing."));
        None
    });
    let username = username.map(str::to_owned);
    if host.eq_ignore_ascii_case(NO_SIDE) {
        return SideAsked::LeftOut;
    }
    if host.is_empty() {
        if port.is_some() || encryption.is_some() {
            let text =
                "The server's name is needed beside its port and encryption. Leave all three empty to have them found.";
            problems.push(RowProblem::at(columns.host, text));
        }
        return SideAsked::Find(username);
    }
    if host.len() > MAX_NAME || !plausible_host(host) {
        let text = "Only the whole name of the server, such as mail.example.com, or its IP address.";
        problems.push(RowProblem::at(columns.host, text));
    }
    let (by_tls, otherwise) = columns.ports;
    let encryption = encryption.unwrap_or(match port {
        Some(port) if port == by_tls => Encryption::Tls,
        Some(port) if port == otherwise => Encryption::StartTls,
        _ => columns.usual,
    });
    let port = port.unwrap_or(if encryption == Encryption::Tls { by_tls } else { otherwise });
    SideAsked::Given(Given { host: host.to_owned(), port, encryption, username })
}

/// The passwords of both sides; absent where the side is left out.
#[derive(Default)]
pub struct Passwords {
    /// Receiving.
    pub imap: Option<Secret>,
    /// Sending.
    pub smtp: Option<Secret>,
}

/// The passwords of a row whose cells are right.
///
/// # Errors
/// What is wrong with them.
pub fn passwords(line: &Line, wanted: &Wanted) -> Result<Passwords, Vec<RowProblem>> {
    let mut problems = vec![];
    for column in PASSWORDS {
        let Some(password) = line.passwords.get(column).map(Secret::expose) else { continue };
        if password.len() > MAX_PASSWORD_BYTES {
            problems.push(RowProblem::at(column, "A password has at most 1,024 bytes."));
        }
        if password.contains(['\r', '\n']) {
            problems.push(RowProblem::at(column, "A password has no line breaks. Look at the quotes around it."));
        }
    }
    let mut of = |side: &SideAsked, columns: &Columns| {
        if *side == SideAsked::LeftOut {
            return None;
        }
        let password = line.passwords.get(columns.password).or_else(|| line.passwords.get("password"));
        let spared = columns.host == SMTP.host && wanted.may_go_without_sending();
        if password.is_none() && !spared && problems.iter().all(|p| p.column.as_deref() != Some("password")) {
            let text = format!("The password is needed, here or in {}.", columns.password);
            problems.push(RowProblem::at("password", text));
        }
        password.cloned()
    };
    let found = Passwords { imap: of(&wanted.imap, &IMAP), smtp: of(&wanted.smtp, &SMTP) };
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// What is told of a row of which only the address is kept.
pub const NOT_KEPT: &str =
    "The other cells of this row are not kept, as a password may stand among them. Correct the row in your own file.";

/// The cells as they are kept.
#[must_use]
pub fn bounded(cells: &Cells) -> Cells {
    cells.iter().map(|(column, cell)| (column.clone(), cell.chars().take(MAX_CELL).collect())).collect()
}

/// What is kept of cells that are not what their columns take: one that does not fit is a sign that others slipped, too.
#[must_use]
pub fn address_only(cells: &Cells) -> Cells {
    let ends = |c: char| c.is_whitespace() || c.is_control() || [',', ';', ':', '|', '"', '<', '>'].contains(&c);
    let first = cell(cells, "address").split(ends).next().unwrap_or_default();
    let kept = address(first).ok().map(|_| ("address".to_owned(), first.to_owned()));
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::StepStatus;

    fn cells(of: &[(&str, &str)]) -> Cells {
        of.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
    }

    fn given(side: &SideAsked) -> (u16, Encryption) {
        match side {
            SideAsked::Given(g) => (g.port, g.encryption),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_empty_port_or_encryption_follows_from_the_other() {
        let imap = |port: &str, encryption: &str| {
            let row = [
                ("address", "a@x.test"),
                ("imap_host", "h.test"),
                ("imap_port", port),
                ("imap_encryption", encryption),
            ];
            given(&wanted(&cells(&row)).unwrap().imap)
        };
        assert_eq!(imap("", ""), (993, Encryption::Tls));
        assert_eq!(imap("143", ""), (143, Encryption::StartTls));
        assert_eq!(imap("", "starttls"), (143, Encryption::StartTls));
        assert_eq!(imap("1993", ""), (1993, Encryption::Tls));
        let smtp = |port: &str, encryption: &str| {
            let row = [
                ("address", "a@x.test"),
                ("smtp_host", "h.test"),
                ("smtp_port", port),
                ("smtp_encryption", encryption),
            ];
            given(&wanted(&cells(&row)).unwrap().smtp)
        };
        assert_eq!(smtp("", ""), (587, Encryption::StartTls));
        assert_eq!(smtp("465", ""), (465, Encryption::Tls));
        assert_eq!(smtp("", "SSL"), (465, Encryption::Tls));
        assert_eq!(smtp("25", ""), (25, Encryption::StartTls));
    }

    #[test]
    fn everything_wrong_in_a_row_is_told_at_once_by_column() {
        let row = cells(&[
            ("address", "no address"),
            ("provider", "outlook"),
            ("import_days", "3651"),
            ("team", "maybe"),
            ("imap_port", "70000"),
            ("smtp_host", "https://smtp.x.test"),
            ("smtp_encryption", "maximum"),
            ("display_name", "a\u{2028}b"),
        ]);
        let columns: Vec<String> = wanted(&row).unwrap_err().into_iter().filter_map(|p| p.column).collect();
        let want =
            ["address", "display_name", "provider", "import_days", "team", "imap_port", "smtp_encryption", "smtp_host"];
        assert_eq!(columns, want);
    }

    #[test]
    fn only_what_can_be_a_server_is_taken_for_one() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "::1", "[::1]", "mail.x.test", "a.b-c.xn--p1ai", "post.дом"]
        {
            assert!(plausible_host(host), "{host}");
        }
        for host in
            ["SecretFour1", "h", "Secret.Four1", "a..test", ".test", "test.", "s!cret.test", "a b.test", "x.t", "[x"]
        {
            let row = cells(&[("address", "a@x.test"), ("imap_host", host), ("smtp_host", "none")]);
            let told = wanted(&row).unwrap_err();
            assert_eq!(told[0].column.as_deref(), Some("imap_host"), "{host}");
            assert!(!told[0].message.contains("ecret"), "{told:?}");
        }
    }

    #[test]
    fn of_a_wrong_row_only_what_is_an_address_is_kept_or_told() {
        let row = |address: &str| cells(&[("address", address), ("display_name", "SECRET"), ("smtp_host", "SECRET")]);
        for (text, kept) in [
            ("a@x.test", Some("a@x.test")),
            ("a@x.test;SECRET", Some("a@x.test")),
            ("a@x.test SECRET", Some("a@x.test")),
            ("a@x.test,SECRET", Some("a@x.test")),
            ("SECRET a@x.test", None),
            ("SECRET", None),
            ("a@SECRET", None),
            ("a@SECRET;x", None),
        ] {
            let row = row(text);
            assert_eq!(address_only(&row).into_values().next().as_deref(), kept, "{text}");
            assert!(address_only(&row).len() <= 1, "{text}");
            let told = wanted(&row).unwrap_err();
            assert!(told.iter().all(|p| !p.line().contains("SECRET")), "{told:?}");
        }
    }

    #[test]
    fn only_the_servers_words_lose_the_password() {
        let step = |words: &str| ConnectStep {
            side: Protocol::Imap,
            step: StepName::Login,
            status: StepStatus::Failed,
            took_ms: None,
            detail: Some("Username or password was refused.".into()),
            reason: Some(Reason::LoginRefused),
            fix: Some("Type the password again.".into()),
            server_words: Some(words.into()),
        };
        let told = |words: &str, password: &str| {
            let problem = RowProblem::step(&step(words), &[&Secret::new(password.into())]);
            (problem.message, problem.server_words.unwrap())
        };
        let own = "Username or password was refused. Type the password again.".to_owned();
        assert_eq!(told("LOGIN ana password?", "password"), (own.clone(), "LOGIN ana ***?".into()));
        assert_eq!(told("Authentication failed", "e"), (own, "Authentication failed".into()));
    }

    #[test]
    fn sides_are_found_given_or_left_out() {
        let row = cells(&[("address", "a@x.test"), ("imap_host", "NONE"), ("smtp_username", "out")]);
        let got = wanted(&row).unwrap();
        assert_eq!((got.imap, got.smtp), (SideAsked::LeftOut, SideAsked::Find(Some("out".into()))));
        assert_eq!((got.display_name.as_str(), got.import_days), ("a", 30));
        let neither = cells(&[("address", "a@x.test"), ("imap_host", "none"), ("smtp_host", "none")]);
        assert_eq!(wanted(&neither).unwrap_err()[0].column.as_deref(), Some("imap_host"));
    }
}
