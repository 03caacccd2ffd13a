//! Odd servers as canned transcripts (`tests/probes/*.txt`): each leaves the session alive with the right values, or
//! ends it with the right error. What was understood is in `tests/snapshots`.
//!
//! A file begins with what is odd about the server. `do:` names what the client does; `= No` behind an action is the
//! variant of [`imap::Error`] that it must end with, without it the action must succeed. `end:` says whether the
//! session is open after that. Then comes the transcript:
//!
//! - `C: text` waits for a line of the client that contains the text,
//! - `S: text` says a line with CRLF, `L: text` one with a bare LF, `P: text` a piece without an end,
//! - `@signed-in` and `@inbox` stand for a usual greeting with LOGIN (A1) and a usual SELECT (A2),
//! - `close` closes the connection; without it the server falls silent at the end,
//! - `{{E4}}` is that byte, `{{500*x}}` is 500 times `x`.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use imap::{Content, Error, FetchItem, Fetched, Limits, MailboxName, SearchKey, Session, StoreMode, UidSet};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

const SIGNED_IN: &str = "S: * OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS ID] ready\nC: A1 LOGIN user pass\n\
    S: A1 OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS ID NAMESPACE] signed in";
const INBOX: &str = "C: A2 SELECT INBOX\nS: * FLAGS (\\Answered \\Seen)\nS: * 3 EXISTS\nS: * 0 RECENT\n\
    S: * OK [UIDVALIDITY 7] valid\nS: * OK [UIDNEXT 20] next\nS: A2 OK [READ-WRITE] selected";

/// One file, read.
struct Probe {
    name: String,
    about: String,
    /// What the client does, and the error it must end with.
    actions: Vec<(String, Option<String>)>,
    stays_open: bool,
    transcript: Vec<String>,
}

impl Probe {
    fn read(path: &PathBuf) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("@signed-in", SIGNED_IN).replace("@inbox", INBOX);
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{} has no {name:?}", path.display())).trim().to_owned()
        };
        let action = |action: &str| match action.split_once('=') {
            Some((action, error)) => (action.trim().to_owned(), Some(error.trim().to_owned())),
            None => (action.trim().to_owned(), None),
        };
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            about: text.split("do:").next().unwrap().trim().replace('\n', " "),
            actions: field("do:").split(',').map(action).collect(),
            stays_open: match field("end:").as_str() {
                "open" => true,
                "closed" => false,
                other => panic!("end: {other}"),
            },
            transcript: text.lines().skip_while(|line| !line.starts_with("end:")).skip(1).map(str::to_owned).collect(),
        }
    }
}

/// Replaces `{{…}}`.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        bytes.extend_from_slice(before.as_bytes());
        let (code, after) = after.split_once("}}").unwrap();
        match code.split_once('*') {
            Some((count, text)) => bytes.extend(text.repeat(count.parse().unwrap()).into_bytes()),
            None => bytes.push(u8::from_str_radix(code, 16).unwrap()),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Plays the transcript; gives the line that differs from it.
async fn serve(stream: DuplexStream, transcript: &[String]) -> Result<(), String> {
    let mut stream = BufReader::new(stream);
    for line in transcript {
        let (kind, text) = line.split_at_checked(3).unwrap_or((line, ""));
        let end = match kind {
            "C: " => {
                let mut heard = String::new();
                stream.read_line(&mut heard).await.map_err(|error| error.to_string())?;
                if !heard.contains(text) {
                    return Err(format!("expected {text:?}, heard {heard:?}"));
                }
                continue;
            }
            "S: " => "\r\n",
            "L: " => "\n",
            "P: " => "",
            "clo" => return Ok(()),
            "" => continue,
            other => panic!("{other:?} is no step"),
        };
        // A client that has had enough is gone.
        drop(stream.write_all(&[&bytes_of(text), end.as_bytes()].concat()).await);
    }
    // Silent, and listening until the client has gone.
    while stream.read_line(&mut String::new()).await.is_ok_and(|count| count > 0) {}
    Ok(())
}

async fn act(session: &mut Session<DuplexStream>, action: &str, log: &mut String) -> Result<(), Error> {
    let (verb, argument) = action.split_once(' ').unwrap_or((action, "INBOX"));
    let mailbox = MailboxName::encode(argument);
    match verb {
        "login" => session.login("user", "pass").await?,
        "noop" => session.noop().await?,
        "id" => show(log, &session.id(&[("name", "probe")]).await?),
        "list" => session.list("*").await?.iter().for_each(|listed| show(log, listed)),
        "select" => show(log, &session.select(&mailbox).await?),
        "examine" => show(log, &session.examine(&mailbox).await?),
        "status" => show(log, &session.status(&mailbox).await?),
        "namespace" => show(log, &session.namespace().await?),
        "quota" => session.quota(&mailbox).await?.iter().for_each(|quota| show(log, quota)),
        "create" => session.create(&mailbox).await?,
        "search" => show(log, &session.uid_search(&[SearchKey::Unseen]).await?),
        "store" => session.uid_store(&UidSet::from(11), StoreMode::Add, &["\\Seen"]).await?,
        "append" => show(log, &session.append(&mailbox, &[], None, Bytes::from_static(b"A: b\r\n\r\n")).await?),
        "idle" => show(log, &session.idle(std::future::pending::<()>(), Duration::from_secs(300)).await?),
        "changes" => show(log, &session.take_changes()),
        "fetch" => {
            let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::Body(String::new())];
            let mut messages = session.uid_fetch(&UidSet::range(1, 99), &items).await?;
            while let Some(message) = messages.next_message(1000).await? {
                show_message(log, &message);
            }
        }
        other => panic!("{other:?} is no action"),
    }
    Ok(())
}

fn show(log: &mut String, what: &impl std::fmt::Debug) {
    writeln!(log, "    {what:?}").unwrap();
}

fn show_message(log: &mut String, message: &Fetched) {
    let Fetched { sequence, uid, flags, internal_date, size, modseq, bodies, other } = message;
    write!(log, "    {sequence}: uid {uid:?}, flags {flags:?}, date {internal_date:?}, size {size:?}").unwrap();
    writeln!(log, ", modseq {modseq:?}").unwrap();
    for body in bodies {
        let content = match &body.content {
            Content::Whole(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            other => format!("{other:?}"),
        };
        writeln!(log, "        [{}] {content}", body.section).unwrap();
    }
    for (name, value) in other {
        let text = value.text().map(|text| format!(" {text:?}")).unwrap_or_default();
        writeln!(log, "        {name} {value:?}{text}").unwrap();
    }
}

/// What the client understood, with each action's end.
async fn client(stream: DuplexStream, probe: &Probe) -> String {
    let mut log = format!("{}\n", probe.about);
    let limits = Limits { reply_timeout: Duration::from_secs(60), ..Limits::default() };
    let mut actions = probe.actions.iter();
    let mut session = match Session::connect(stream, limits).await {
        Ok(session) => session,
        Err(error) => {
            let (action, expected) = actions.next().unwrap();
            assert_eq!(action, "connect", "{}: {error:?}", probe.name);
            note(&mut log, probe, "connect", expected.as_deref(), Err(error));
            assert!(actions.next().is_none() && !probe.stays_open, "{}", probe.name);
            return log;
        }
    };
    for (action, expected) in actions {
        let result = if action == "connect" { Ok(()) } else { act(&mut session, action, &mut log).await };
        note(&mut log, probe, action, expected.as_deref(), result);
    }
    assert_eq!(session.is_open(), probe.stays_open, "{}: open at the end\n{log}", probe.name);
    let capabilities: Vec<&str> = session.capabilities().iter().collect();
    writeln!(log, "capabilities: {} {:?}", capabilities.len(), &capabilities[..capabilities.len().min(12)]).unwrap();
    writeln!(log, "preauth: {}, changes: {:?}", session.is_preauth(), session.take_changes()).unwrap();
    writeln!(log, "alerts: {:?}", session.take_alerts()).unwrap();
    log
}

fn note(log: &mut String, probe: &Probe, action: &str, expected: Option<&str>, result: Result<(), Error>) {
    let debug = result.as_ref().err().map(|error| format!("{error:?}"));
    let variant = debug.as_deref().map(|debug| debug.split(|c: char| !c.is_alphanumeric()).next().unwrap());
    assert_eq!(variant, expected, "{}: {action}: {result:?}\n{log}", probe.name);
    match result {
        Ok(()) => writeln!(log, "{action}: done").unwrap(),
        Err(error) => writeln!(log, "{action}: {error} ({debug})", debug = debug.unwrap_or_default()).unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn odd_servers_are_understood_or_left_with_the_right_reason() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probes");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 45, "only {} probes", paths.len());
    for path in paths {
        let probe = Probe::read(&path);
        let (near, far) = duplex(1 << 20);
        let (log, played) = tokio::join!(client(near, &probe), serve(far, &probe.transcript));
        assert_eq!(played, Ok(()), "{}\n{log}", probe.name);
        insta::assert_snapshot!(probe.name.clone(), log);
    }
}
