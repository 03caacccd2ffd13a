//! Faults of the server that mail is received from.

use super::Shows::{After, Retried, Waits, Works};
use super::{Case, MIDDLE, Row, Shows, Trouble, ask, blocking, close, eventually, play, say, stall, swap};
use crate::on_both;
use posthouse::accounts::Encryption::{None as Plain, StartTls, Tls};
use posthouse::accounts::{Encryption, Reason, Side};
use posthouse::base::blobs::BlobKey;
use posthouse::send::State;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::Direction::{FromClient, FromServer};
use testkit::{Fault, LineMatch, contains, starts};

/// What is under way in the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Mail arrives.
    Mail,
    /// The copy of a sent message is filed.
    Copy,
}

fn row(name: &'static str, by: Encryption, trouble: Trouble, shows: Shows) -> Row<Work> {
    Row { name, by, trouble, shows, again: matches!(shows, Retried(_) | After(..)), then: Work::Mail }
}

/// A fault of a session that was good for a while: how long depends on what happens in the mailbox.
fn later(name: &'static str, trouble: Trouble, shows: Shows) -> Row<Work> {
    Row { name, by: Plain, trouble, shows, again: false, then: Work::Mail }
}

fn copy(name: &'static str, trouble: Trouble, shows: Shows) -> Row<Work> {
    Row { name, by: Plain, trouble, shows, again: false, then: Work::Copy }
}

fn faults(all: impl IntoIterator<Item = Fault>) -> Trouble {
    Trouble::Faults(all.into_iter().collect())
}

fn connecting() -> Vec<Row<Work>> {
    use Reason::{
        BadGreeting, ConnectionLost, ConnectionRefused, RateLimited, ServerError, StartTlsMissing, TimedOut, TlsFailed,
    };
    let greeting = || starts("* OK");
    vec![
        row("refused", Plain, Trouble::Refused, Retried(ConnectionRefused)),
        row("accepted then closed", Plain, faults([Fault::CutAfter(FromServer, 0)]), Retried(ConnectionLost)),
        row("accepted then silent", Plain, faults([Fault::StallAfter(FromServer, 0)]), Retried(TimedOut)),
        row("greeting cut", Plain, faults([Fault::CutAfter(FromServer, 10)]), Retried(ConnectionLost)),
        row("greeting stalled", Plain, faults([Fault::StallAfter(FromServer, 10)]), Retried(TimedOut)),
        row("greeting garbage", Plain, say(FromServer, greeting(), "HTTP/1.1 400 Bad Request"), Retried(BadGreeting)),
        row(
            "greeting bye",
            Plain,
            say(FromServer, greeting(), "* BYE [UNAVAILABLE] Down for maintenance"),
            Retried(ServerError),
        ),
        row(
            "greeting too many",
            Plain,
            say(FromServer, greeting(), "* BYE Too many connections"),
            Retried(RateLimited),
        ),
        row(
            "starttls missing",
            StartTls,
            faults([swap(FromServer, greeting(), "STARTTLS", "X-NONE")]),
            Retried(StartTlsMissing),
        ),
        row("starttls refused", StartTls, ask(contains("STARTTLS"), "STARTTLS", "XSTARTTLS"), Retried(ServerError)),
        row(
            "starttls injected",
            StartTls,
            say(FromServer, contains("Begin TLS"), "{tag} OK Go\r\n* OK injected"),
            Retried(TlsFailed),
        ),
        row("starttls closed", StartTls, faults([Fault::CutAfter(FromClient, 60)]), Retried(ConnectionLost)),
        row("tls closed", Tls, faults([Fault::CutAfter(FromServer, 100)]), Retried(ConnectionLost)),
        row("tls stalled", Tls, faults([Fault::StallAfter(FromServer, 100)]), Retried(TimedOut)),
    ]
}

/// Microsoft's words, with more than our longest pause.
const THROTTLED: &str = "Request is throttled. Suggested Backoff Time: 4000 milliseconds";

/// What the server says when it has enough of us.
fn throttling() -> Vec<Row<Work>> {
    use Reason::{OverQuota, RateLimited, ServerError};
    let answer = || contains("Logged in");
    let says = |at: LineMatch, text: &str| say(FromServer, at, text);
    let elsewhere = swap(FromClient, contains(" APPEND "), "Sent", "Nowhere");
    let no_copy =
        Fault::ReplaceLine(FromServer, contains("TRYCREATE"), "{tag} NO [THROTTLED] Slow down\r\n".to_owned());
    vec![
        row("login throttled", Plain, says(answer(), &format!("{{tag}} NO {THROTTLED}")), After(RateLimited, 4_000)),
        row(
            "fetch throttled",
            Plain,
            says(contains("Fetch completed"), &format!("{{tag}} BAD {THROTTLED}")),
            After(RateLimited, 4_000),
        ),
        row("bye throttled", Plain, says(answer(), &format!("* BYE {THROTTLED}")), After(RateLimited, 4_000)),
        row("list by code", Plain, says(contains("List completed"), "{tag} NO [THROTTLED] Slow"), Retried(RateLimited)),
        row("login in use", Plain, says(answer(), "{tag} NO [INUSE] Locked"), Retried(ServerError)),
        row(
            "login too many",
            Plain,
            says(answer(), "{tag} NO [ALERT] Too many simultaneous connections. (Failure)"),
            Retried(RateLimited),
        ),
        row(
            "login over bandwidth",
            Plain,
            says(answer(), "{tag} NO [ALERT] Account exceeded command or bandwidth limits. (Failure)"),
            Retried(OverQuota),
        ),
        copy("append throttled", faults([elsewhere, no_copy]), Retried(RateLimited)),
    ]
}

fn signing_in() -> Vec<Row<Work>> {
    use Reason::{ConnectionLost, LoginRefused, RateLimited, ServerError, TimedOut};
    let asks = || contains("AUTHENTICATE PLAIN");
    let answer = || contains("Logged in");
    vec![
        row("login closed", Plain, close(FromClient, asks()), Retried(ConnectionLost)),
        row("login stalled", Plain, stall(FromClient, asks()), Retried(TimedOut)),
        row(
            "login refused",
            Plain,
            say(FromClient, asks(), "{tag} AUTHENTICATE PLAIN AGJlbgB3cm9uZw=="),
            Waits(LoginRefused),
        ),
        row(
            "login unavailable",
            Plain,
            say(FromServer, answer(), "{tag} NO [UNAVAILABLE] Later"),
            Retried(ServerError),
        ),
        row("login limit", Plain, say(FromServer, answer(), "{tag} NO [LIMIT] Not now"), Retried(RateLimited)),
        row("login bad", Plain, say(FromServer, answer(), "{tag} BAD What"), Retried(ServerError)),
        row("login bye", Plain, say(FromServer, answer(), "* BYE Shutting down"), Retried(ServerError)),
        row("list closed", Plain, close(FromClient, contains(" LIST ")), Retried(ConnectionLost)),
        row("list stalled", Plain, stall(FromClient, contains(" LIST ")), Retried(TimedOut)),
        row(
            "list refused",
            Plain,
            say(FromServer, contains("List completed"), "{tag} NO Not now"),
            Retried(ServerError),
        ),
        row("examine closed", Plain, close(FromServer, contains("UIDVALIDITY")), Retried(ConnectionLost)),
        row("examine stalled", Plain, stall(FromServer, contains("UIDVALIDITY")), Retried(TimedOut)),
        row("examine refused", Plain, ask(contains("EXAMINE"), "INBOX", "Nowhere"), Retried(ServerError)),
    ]
}

fn reading() -> Vec<Row<Work>> {
    use Reason::{ConnectionLost, ServerError, TimedOut};
    let body = || contains("BODY[] {");
    let size = |new: &str| faults([swap(FromServer, body(), "BODY[] {", new)]);
    vec![
        row("search closed", Plain, close(FromServer, starts("* ESEARCH")), Retried(ConnectionLost)),
        row("fetch cut in a literal", Plain, close(FromServer, starts(MIDDLE)), Retried(ConnectionLost)),
        row("fetch stalled in a literal", Plain, stall(FromServer, starts(MIDDLE)), Retried(TimedOut)),
        row(
            "fetch cut between messages",
            Plain,
            close(FromServer, contains("* 2 FETCH (UID 2 FLAGS")),
            Retried(ConnectionLost),
        ),
        row("fetch literal too long", Plain, size("BODY[] {9"), Retried(TimedOut)),
        // After it has given everything.
        row("fetch refused", Plain, say(FromServer, contains("Fetch completed"), "{tag} NO Not now"), Works),
        row("every answer late", Plain, faults([Fault::DelayPieces(FromServer, Duration::from_millis(100))]), Works),
        row("closed while idle", Plain, Trouble::HangUp, Works),
        later("idle refused", say(FromServer, starts("+ idling"), "{tag} NO Not now"), Retried(ServerError)),
        later("done stalled", stall(FromClient, starts("DONE")), Retried(TimedOut)),
        later("idle bye", say(FromServer, contains("EXISTS"), "* BYE Shutting down"), Retried(ServerError)),
    ]
}

fn filing() -> Vec<Row<Work>> {
    use Reason::{ConnectionLost, TimedOut};
    let elsewhere = || swap(FromClient, contains(" APPEND "), "Sent", "Nowhere");
    let over_quota = "{tag} NO [OVERQUOTA] Quota exceeded\r\n".to_owned();
    vec![
        copy("append closed before", close(FromClient, contains(" APPEND ")), Retried(ConnectionLost)),
        copy("append cut in the literal", close(FromClient, starts(MIDDLE)), Retried(ConnectionLost)),
        copy("append stalled in the literal", stall(FromClient, starts(MIDDLE)), Retried(TimedOut)),
        copy("append closed before the reply", close(FromServer, contains("APPENDUID")), Retried(ConnectionLost)),
        copy("append stalled before the reply", stall(FromServer, contains("APPENDUID")), Retried(TimedOut)),
        copy("append try create", faults([elsewhere()]), Works),
        copy(
            "append over quota",
            faults([elsewhere(), Fault::ReplaceLine(FromServer, contains("TRYCREATE"), over_quota)]),
            Works,
        ),
        copy("append refused though done", say(FromServer, contains("APPENDUID"), "{tag} NO Not now"), Works),
    ]
}

fn mail(n: usize, name: &str) -> Vec<u8> {
    let id = format!("{}-{n}@else.test", name.replace(' ', "-"));
    format!("From: Cleo <cleo@else.test>\r\nTo: ben@lab.test\r\nSubject: {name} {n}\r\nMessage-ID: <{id}>\r\n\r\nHello,\r\n{MIDDLE}\r\nand goodbye.\r\n")
        .into_bytes()
}

async fn deliver(case: &Case, name: &'static str, n: usize) {
    let to = case.ben.address.clone();
    blocking(move |world| world.deliver(&to, &mail(n, name)).unwrap()).await;
}

/// The bodies of the inbox, without carriage returns (Maildir keeps none), and how often each is there.
fn counted(bodies: impl IntoIterator<Item = Vec<u8>>) -> BTreeMap<Vec<u8>, usize> {
    let mut out = BTreeMap::new();
    for body in bodies {
        *out.entry(body.into_iter().filter(|b| *b != b'\r').collect()).or_default() += 1;
    }
    out
}

/// What is stored of the inbox, body by body.
async fn stored(case: &Case) -> BTreeMap<Vec<u8>, usize> {
    let sql = db::Sql::both(
        "SELECT m.blob FROM placement p JOIN message m ON m.id = p.message_id JOIN folder f ON f.id = p.folder_id
         WHERE p.account_id = $1 AND f.role = 'inbox'",
    );
    let args = vec![db::IntoValue::into_value(case.id)];
    let rows: Vec<(BlobKey,)> = db::all(&mut case.app.db.read().await.unwrap(), sql, args).await.unwrap();
    let mut bodies = vec![];
    for (blob,) in rows {
        bodies.push(case.app.blobs.get(&case.scope, case.id, blob).await.unwrap().to_vec());
    }
    counted(bodies)
}

async fn on_the_server(case: &Case) -> BTreeMap<Vec<u8>, usize> {
    let address = case.ben.address.clone();
    counted(blocking(move |world| world.messages(&address, "INBOX").unwrap()).await)
}

/// Mail comes until the fault has struck, ever more seldom: where a pass takes longer than the next mail, a session never idles.
async fn until_struck(case: &Case, name: &'static str, n: &mut usize) {
    let before = case.proxy.struck();
    for looks in [20, 40, 80, 160, 320, 640, 1280] {
        *n += 1;
        deliver(case, name, *n).await;
        for _ in 0..looks {
            if case.proxy.struck() > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    panic!("{name}: the fault never struck");
}

async fn mail_story(mut case: Case, row: Row<Work>) {
    let mut n = 2;
    case.begin(&row.trouble).await;
    deliver(&case, row.name, 1).await;
    deliver(&case, row.name, 2).await;
    let opened = case.proxy.connections();
    case.proxy.hang_up();
    match row.trouble {
        Trouble::Faults(_) => until_struck(&case, row.name, &mut n).await,
        Trouble::HangUp => eventually(row.name, async || case.proxy.connections() > opened).await,
        Trouble::Refused => {}
    }
    case.until_shown(row.name, row.shows).await;
    if row.again {
        case.until_failed_again(row.name).await;
    }
    deliver(&case, row.name, n + 1).await;
    case.end();
    case.until_recovered(row.name, row.shows).await;
    deliver(&case, row.name, n + 2).await;
    let there = on_the_server(&case).await;
    assert_eq!(there.len(), n + 2, "{}: what the server has", row.name);
    eventually(&format!("{}: every message is stored once", row.name), async || stored(&case).await == there).await;
    let seen = case.connection().await;
    assert_eq!((seen.state, seen.reason), Works.state(), "{}", row.name);
}

/// The operation that files the copy: tries, and when it is due next.
async fn op(case: &Case) -> Option<(String, i64, i64)> {
    let sql = db::Sql::both("SELECT state, attempts, next_attempt_at FROM mailbox_op WHERE account_id = $1");
    let args = vec![db::IntoValue::into_value(case.id)];
    db::opt(&mut case.app.db.read().await.unwrap(), sql, args).await.unwrap()
}

async fn copy_story(mut case: Case, row: Row<Work>) {
    case.begin(&row.trouble).await;
    let (opened, struck) = (case.proxy.connections(), case.proxy.struck());
    case.proxy.hang_up();
    eventually(row.name, async || case.proxy.connections() > opened).await;
    let id = case.submit(row.name).await;
    let message = case.until_message_is(row.name, &id, State::Sent).await;
    eventually(&format!("{}: it strikes", row.name), async || case.proxy.struck() > struck).await;
    case.until_shown(row.name, row.shows).await;
    eventually(&format!("{}: the copy waits", row.name), async || op(&case).await.is_some_and(|op| op.1 >= 1)).await;
    let (state, tries, next) = op(&case).await.unwrap();
    // A copy that may be on its way is left alone for ten seconds at least.
    let pause = super::RETRY.pause_ms(tries).max(10_000) * 1_000;
    assert_eq!(state, "waiting", "{}: it is not given up", row.name);
    assert!(next <= case.app.clock.now().0 + pause, "{}: the pause is too long", row.name);
    deliver(&case, row.name, 1).await;
    let there = on_the_server(&case).await;
    let comes_in = async || stored(&case).await == there;
    eventually(&format!("{}: mail comes in though the copy cannot be filed", row.name), comes_in).await;
    case.end();
    // A session that goes on would meet the fault again.
    case.proxy.hang_up();
    case.until_recovered(row.name, row.shows).await;
    let filed = async || op(&case).await.is_some_and(|op| op.0 == "done");
    eventually(&format!("{}: the copy is filed", row.name), filed).await;
    eventually(&format!("{}: it arrived", row.name), async || case.copies(&message).await.1 == 1).await;
    deliver(&case, row.name, 2).await;
    let there = on_the_server(&case).await;
    eventually(&format!("{}: mail comes in", row.name), async || stored(&case).await == there).await;
    assert_eq!(case.copies(&message).await, (1, 1), "{}: one copy filed, one arrived", row.name);
    let shown = case.api.get(&format!("/outgoing/{id}")).await.expect(200);
    assert_eq!(shown["sent_copy"], json!("filed"), "{}", row.name);
}

async fn episode(case: Case, row: Row<Work>) {
    match row.then {
        Work::Mail => mail_story(case, row).await,
        Work::Copy => copy_story(case, row).await,
    }
}

on_both! {
    async fn what_a_mailbox_server_does_wrong_is_named_and_healed(engine) {
        let rows = connecting().into_iter().chain(signing_in()).chain(reading()).chain(filing()).chain(throttling()).collect();
        play(engine, Side::Receive, rows, episode).await;
    }
}
