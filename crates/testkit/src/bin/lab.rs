//! The mail world for tests that are not written in Rust: started by a test, ruled by it line by line.
//!
//! Prints one line of JSON when the servers are up (see [`Ready`]); then answers each line of JSON on its input (see
//! [`Command`]) with one of its own: `{"ok": true, ...}` or `{"ok": false, "error": "..."}`. At the end of the input, also when
//! whoever started it is killed, the servers end and their files are removed.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::{DOMAIN, Direction, Fault, FaultProxy, MailWorld, Plan, Postgres, contains};

/// Where the servers are.
#[derive(Serialize)]
struct Ready<'a> {
    domain: &'a str,
    /// IMAP with STARTTLS.
    imap: u16,
    /// IMAP over TLS.
    imaps: u16,
    /// IMAP without encryption, through a proxy that can refuse messages and changes of them.
    refusing: u16,
    /// Submission with STARTTLS.
    submission: u16,
    /// Submission over TLS.
    smtps: u16,
    /// The authority to trust, a PEM file.
    ca: &'a Path,
    /// An empty database, when the program was started with `--postgres`.
    database_url: Option<String>,
    /// The OpenID provider, when the program was started with `--oauth`. Its controls are calls of `/lab/…` there.
    openid: Option<OpenId>,
}

/// The addresses of the provider's two flavours.
#[derive(Serialize)]
struct OpenId {
    google: String,
    microsoft: String,
}

/// What the world can be told: `{"command": "deliver", "address": "ben@lab.test", "raw": "Subject: ..."}`.
#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
enum Command {
    /// Creates `local@lab.test`; answers with `address` and `password`.
    AddUser {
        local: String,
    },
    /// The next sign-in needs the new password, open sessions go on.
    SetPassword {
        address: String,
        password: String,
    },
    /// Ends the account's open IMAP sessions.
    Kick {
        address: String,
    },
    /// Puts a message into the inbox, as if it came from outside.
    Deliver {
        address: String,
        raw: String,
    },
    /// Answers with `messages`: the raw messages of a folder in UID order, invalid UTF-8 replaced.
    Messages {
        address: String,
        folder: String,
    },
    /// Answers with `count`: how many messages of a folder have this Message-ID.
    FindMessageId {
        address: String,
        folder: String,
        message_id: String,
    },
    /// Who connects to `refusing` from now on is refused the bodies of these sets of UIDs, as they are asked for.
    RefuseBodies {
        of: Vec<String>,
    },
    /// Who connects to `refusing` from now on is refused changes of messages, or none.
    RefuseChanges {
        on: bool,
    },
    StopImap,
    StartImap,
    StopSmtp,
    StartSmtp,
}

fn main() -> Result<()> {
    let wants = |option: &str| std::env::args().any(|a| a == option);
    let world = if wants("--oauth") { MailWorld::with_oauth()? } else { MailWorld::start()? };
    let openid = world.openid().ok();
    let postgres = if wants("--postgres") { Some(Postgres::start()?) } else { None };
    let runtime = tokio::runtime::Runtime::new()?;
    let proxy = runtime.block_on(FaultProxy::start(world.imap_port(), refusal_of(&[])))?;
    let ready = Ready {
        domain: DOMAIN,
        imap: world.imap_port(),
        imaps: world.imaps_port(),
        refusing: proxy.port(),
        submission: world.submission_port(),
        smtps: world.smtps_port(),
        ca: world.ca_pem(),
        database_url: postgres.as_ref().map(Postgres::fresh_database).transpose()?,
        openid: openid.map(|o| OpenId { google: o.google().base_url(), microsoft: o.microsoft().base_url() }),
    };
    say(&serde_json::to_value(ready)?)?;
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(command) => obey(&world, &proxy, command).unwrap_or_else(|e| refusal(&format!("{e:#}"))),
            Err(e) => refusal(&e.to_string()),
        };
        say(&answer)?;
    }
    Ok(())
}

fn obey(world: &MailWorld, proxy: &FaultProxy, command: Command) -> Result<Value> {
    match command {
        Command::AddUser { local } => {
            let user = world.add_user(&local)?;
            return Ok(json!({ "ok": true, "address": user.address, "password": user.password }));
        }
        Command::Messages { address, folder } => {
            let raw = world.messages(&address, &folder)?;
            let messages: Vec<_> = raw.iter().map(|m| String::from_utf8_lossy(m)).collect();
            return Ok(json!({ "ok": true, "messages": messages }));
        }
        Command::FindMessageId { address, folder, message_id } => {
            let count = world.find_message_id(&address, &folder, &message_id)?;
            return Ok(json!({ "ok": true, "count": count }));
        }
        Command::SetPassword { address, password } => world.set_password(&address, &password)?,
        Command::Kick { address } => world.kick_sessions(&address)?,
        Command::Deliver { address, raw } => world.deliver(&address, raw.as_bytes())?,
        Command::RefuseBodies { of } => proxy.set_plan(refusal_of(&of)),
        Command::RefuseChanges { on } => proxy.set_plan(if on { unchanged() } else { refusal_of(&[]) }),
        Command::StopImap => world.stop_imap()?,
        Command::StartImap => world.start_imap()?,
        Command::StopSmtp => world.stop_smtp()?,
        Command::StartSmtp => world.start_smtp()?,
    }
    Ok(json!({ "ok": true }))
}

fn refusal_of(sets: &[String]) -> Plan {
    let broken = [" BODY.PEEK[]".to_owned(), " BODY.NOTHING[]".to_owned()];
    let refused = |set: &String| {
        let asked = contains(&format!("UID FETCH {set} (UID FLAGS INTERNALDATE BODY.PEEK[])"));
        Fault::ReplaceText(Direction::FromClient, asked, broken.clone())
    };
    Plan { faults: sets.iter().map(refused).collect() }
}

/// The commands of changes become ones that the server does not know.
fn unchanged() -> Plan {
    let unknown = |command: &str| {
        let texts = [command.to_owned(), command.replace("UID ", "UID X")];
        Fault::ReplaceText(Direction::FromClient, contains(command), texts)
    };
    Plan { faults: ["UID MOVE", "UID COPY", "UID STORE"].map(unknown).into() }
}

fn refusal(error: &str) -> Value {
    json!({ "ok": false, "error": error })
}

fn say(line: &Value) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
