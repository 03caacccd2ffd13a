//! Power loss, by the order of system calls of the real program: what must survive is synced before what depends on it begins.
//!
//! The mark of a message is durable before the first byte of its body leaves; the bodies of imported mail are durable before
//! the rows that point at them are written. A call counts as done when it has returned, and as begun when it was entered.

use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, allow, mail};
use posthouse::accounts::AccountId;
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::{send, team};
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, sleep};

/// One system call: when it was entered and when it returned, as lines of the trace.
#[derive(Debug, Clone, Default)]
struct Call {
    name: String,
    /// What follows the name: descriptor, bytes, result.
    text: String,
    begun: usize,
    /// None: not before the program was killed.
    done: Option<usize>,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// The descriptor: a number with its file or connection.
    fn on(&self) -> &str {
        self.text.split([',', ')']).next().unwrap_or_default()
    }

    fn succeeded(&self) -> bool {
        let result = self.text.rsplit(" = ").next().unwrap_or_default();
        self.done.is_some() && result.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether it had ended well before the other one began.
    fn before(&self, other: &Self) -> bool {
        self.succeeded() && self.done.is_some_and(|done| done < other.begun)
    }

    fn writes(&self) -> bool {
        self.is(&["write", "writev", "pwrite64", "sendto", "sendmsg"])
    }

    fn reads(&self) -> bool {
        self.is(&["read", "readv", "recvfrom"])
    }

    fn syncs(&self) -> bool {
        self.is(&["fdatasync", "fsync"])
    }
}

/// The calls of a trace (`strace -f -yy -o`), in the order in which they were entered.
fn calls(trace: &str) -> Vec<Call> {
    let mut out: Vec<Call> = vec![];
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (line, text) in trace.lines().enumerate() {
        let Some((process, rest)) = text.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some(call) = open.remove(process).and_then(|at| out.get_mut(at)) else { continue };
            call.text.push_str(resumed.split_once(" resumed>").map_or("", |(_, more)| more));
            call.done = Some(line);
        } else if let Some((name, more)) = rest.split_once('(') {
            let unfinished = more.strip_suffix(" <unfinished ...>");
            let done = if unfinished.is_some() { None } else { Some(line) };
            if done.is_none() {
                open.insert(process, out.len());
            }
            out.push(Call { name: name.to_owned(), text: unfinished.unwrap_or(more).to_owned(), begun: line, done });
        }
    }
    out
}

fn first<'a>(calls: &'a [Call], what: &str, fits: impl Fn(&Call) -> bool) -> Result<&'a Call, String> {
    calls.iter().find(|call| fits(call)).ok_or_else(|| format!("not in the trace: {what}"))
}

/// The 354 of the server on this port, and the first write to it after that.
fn go_and_body(calls: &[Call], port: u16) -> Result<(&Call, &Call), String> {
    let server = format!("->127.0.0.1:{port}]");
    let said = |call: &Call| call.reads() && call.on().contains(&server) && call.text.contains("\"354 ");
    let go = first(calls, "the 354", said)?;
    let sent = |call: &Call| call.writes() && call.on() == go.on() && go.before(call);
    Ok((go, first(calls, "the body", sent)?))
}

/// On SQLite: the mark (a page in which `mark` stands) is written after the 354, and synced before the body begins.
fn sqlite_marks_before_the_body(calls: &[Call], port: u16, mark: &str) -> Result<(), String> {
    let (go, body) = go_and_body(calls, port)?;
    let page = |call: &Call| call.name == "pwrite64" && call.on().contains(".db-wal>") && call.text.contains(mark);
    let written = first(calls, "the mark's page", |call| page(call) && go.before(call))?;
    let synced = |call: &Call| call.syncs() && call.on() == written.on() && written.before(call) && call.before(body);
    first(calls, "a sync of the mark that ended before the body began", synced)?;
    Ok(())
}

/// On PostgreSQL: after the 354 the attempt is inserted, and the reply to its COMMIT is there before the body begins.
fn postgres_marks_before_the_body(calls: &[Call], port: u16) -> Result<(), String> {
    let (go, body) = go_and_body(calls, port)?;
    let inserts = |call: &Call| call.writes() && call.text.contains("INSERT INTO send_attempt") && go.before(call);
    let insert = first(calls, "the attempt", inserts)?;
    let commits =
        |call: &Call| call.writes() && call.on() == insert.on() && call.text.contains("COMMIT") && insert.before(call);
    let commit = first(calls, "its COMMIT", commits)?;
    let answers =
        |call: &Call| call.reads() && call.on() == insert.on() && call.text.contains("COMMIT") && commit.before(call);
    let answer = first(calls, "the reply to its COMMIT", answers)?;
    if answer.before(body) { Ok(()) } else { Err("the body begins before the reply to the mark's COMMIT".into()) }
}

/// Imported bodies are written, then the file system is synced, then the row (`row` stands in it) goes to the database.
fn bodies_before_rows(calls: &[Call], row: &str) -> Result<(), String> {
    let rows = |call: &Call| call.writes() && !call.on().contains("/blobs") && call.text.contains(row);
    let row = first(calls, "the row", rows)?;
    let is_body = |call: &&Call| call.writes() && call.on().contains("/blobs/") && call.begun < row.begun;
    let body = calls.iter().rfind(is_body).ok_or("not in the trace: the body's file")?;
    let synced =
        |call: &Call| call.name == "syncfs" && call.on().contains("/blobs>") && body.before(call) && call.before(row);
    first(calls, "a syncfs between the body and its row", synced)?;
    if !row.on().contains(".db-wal>") {
        return Ok(());
    }
    first(calls, "a sync of the row", |call| {
        call.syncs() && call.on() == row.on() && row.before(call) && call.succeeded()
    })?;
    Ok(())
}

/// A data folder with one message that waits to be sent and one on the server that is not imported yet.
struct Waiting {
    folder: tempfile::TempDir,
    config: posthouse::config::Config,
    app: App,
    key: String,
}

async fn make(engine: Engine) -> Waiting {
    let world = MailWorld::shared();
    let user = |who: &str| world.add_user(&format!("{who}-power-{engine:?}").to_lowercase()).unwrap();
    let (ben, cleo) = (user("ben"), user("cleo"));
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(engine, |c| {
        allow(c, world);
        c.plain_text_logins = true;
        c.data_dir = folder.path().join("data");
    })
    .await;
    let mut api = t.owner().await;
    let server = |port: u16| json!({ "host": "localhost", "port": port, "encryption": "none", "username": ben.address, "password": ben.password });
    let request = json!({
        "provider": "custom", "address": ben.address, "display_name": "Ben Kim", "team": false,
        "smtp": server(world.plain_submission_port()), "imap": server(world.imap_port()),
    });
    let id: AccountId = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().parse().unwrap();
    let config = t.app().config.clone();
    t.stop().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let password = Secret::new("correct horse battery".into());
    let actor = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
    let key = format!("key-of-power-loss-{engine:?}");
    let request = send::Request {
        key: key.clone(),
        to: cleo.address,
        subject: "Power".into(),
        body: "Hello\n".into(),
        automatic_html: None,
    };
    send::submit(&app, &actor, id, &request).await.unwrap();
    world.deliver(&ben.address, &mail("Arrives", "power-loss@else.test")).unwrap();
    Waiting { folder, config, app, key }
}

async fn count(app: &App, sql: &'static str) -> i64 {
    let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
    row.0
}

/// Runs the program until the one is sent and the other stored; its calls.
async fn traced(waiting: &Waiting) -> Vec<Call> {
    let file = waiting.folder.path().join("trace");
    let program = Program::traced(&waiting.config, waiting.folder.path(), &file);
    let deadline = Instant::now() + Duration::from_secs(60);
    let sent = "SELECT COUNT(*) FROM outgoing WHERE state = 'sent'";
    let stored = "SELECT COUNT(*) FROM message WHERE message_id = '<power-loss@else.test>'";
    while count(&waiting.app, sent).await + count(&waiting.app, stored).await < 2 {
        assert!(Instant::now() < deadline, "nothing is sent and stored under strace");
        sleep(Duration::from_millis(50)).await;
    }
    drop(program);
    calls(&whole(&file).await)
}

/// The trace, when strace has written its end.
async fn whole(file: &Path) -> String {
    let read = || String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    let mut seen = read();
    loop {
        sleep(Duration::from_millis(200)).await;
        let now = read();
        if now == seen && !now.is_empty() {
            return now;
        }
        seen = now;
    }
}

on_both! {
    async fn what_must_survive_is_synced_before_what_depends_on_it(engine) {
        let waiting = make(engine).await;
        let calls = traced(&waiting).await;
        waiting.app.db.close().await;
        let port = MailWorld::shared().plain_submission_port();
        match engine {
            Engine::Sqlite => sqlite_marks_before_the_body(&calls, port, &format!("sending{}", waiting.key)).unwrap(),
            Engine::Postgres => postgres_marks_before_the_body(&calls, port).unwrap(),
        }
        bodies_before_rows(&calls, "<power-loss@else.test>").unwrap();
    }
}

/// A good order, a line a call.
const SQLITE: [&str; 8] = [
    r#"7 recvfrom(9<TCP:[127.0.0.1:50000->127.0.0.1:2525]>, "354 Go on\r\n", 4096, 0, NULL, NULL) = 11"#,
    r#"8 pwrite64(5</d/posthouse.db-wal>, "..sendingkey-1..", 4096, 0) = 4096"#,
    r#"8 fdatasync(5</d/posthouse.db-wal> <unfinished ...>"#,
    r#"7 write(3<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8"#,
    r#"8 <... fdatasync resumed>)              = 0"#,
    r#"7 sendto(9<TCP:[127.0.0.1:50000->127.0.0.1:2525]>, "From: Ben\r\n\r\nHello\r\n.\r\n", 22, MSG_NOSIGNAL, NULL, 0) = 22"#,
    r#"8 pwrite64(5</d/posthouse.db-wal>, "..sentkey-1..", 4096, 8192) = 4096"#,
    r#"8 fdatasync(5</d/posthouse.db-wal>)     = 0"#,
];

fn in_order(lines: &[&str], order: &[usize]) -> Vec<Call> {
    calls(&order.iter().map(|at| lines[*at]).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_mark_that_is_not_durable_in_time_is_seen() {
    let check = |order: &[usize]| sqlite_marks_before_the_body(&in_order(&SQLITE, order), 2525, "sendingkey-1");
    check(&[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    for doctored in [
        &[0, 5, 1, 2, 3, 4][..], // the body first
        &[0, 1, 2, 5, 4],        // the sync still runs
        &[0, 1, 5, 2, 4],        // the sync comes after
        &[0, 2, 4, 1, 5],        // the sync is another one's
        &[0, 1, 5, 6, 7],        // no sync of its own
        &[1, 2, 4, 0, 5],        // the mark stands before the 354: it is an earlier try's
        &[0, 1, 2, 5],           // the sync never returned
        &[0, 1, 2, 3, 4],        // no body
    ] {
        check(doctored).unwrap_err();
    }
    let failed = SQLITE.map(|line| line.replace(")              = 0", ")              = -1 EIO (Input/output error)"));
    let failed = failed.each_ref().map(String::as_str);
    sqlite_marks_before_the_body(&in_order(&failed, &[0, 1, 2, 4, 5]), 2525, "sendingkey-1").unwrap_err();
}

#[test]
fn a_body_that_begins_before_the_commit_is_known_is_seen() {
    let lines = [
        r#"7 recvfrom(9<TCP:[127.0.0.1:50000->127.0.0.1:2525]>, "354 Go on\r\n", 4096, 0, NULL, NULL) = 11"#,
        r#"8 sendto(6<TCP:[127.0.0.1:50001->127.0.0.1:5432]>, "P\0\0\0INSERT INTO send_attempt (id", 30, 0, NULL, 0) = 30"#,
        r#"8 sendto(6<TCP:[127.0.0.1:50001->127.0.0.1:5432]>, "Q\0\0\0\vCOMMIT\0", 12, 0, NULL, 0) = 12"#,
        r#"8 recvfrom(6<TCP:[127.0.0.1:50001->127.0.0.1:5432]>, "C\0\0\0\vCOMMIT\0Z\0\0\0\5I", 8192, 0, NULL, NULL) = 18"#,
        r#"7 sendto(9<TCP:[127.0.0.1:50000->127.0.0.1:2525]>, "From: Ben\r\n", 11, 0, NULL, 0) = 11"#,
    ];
    let check = |order: &[usize]| postgres_marks_before_the_body(&in_order(&lines, order), 2525);
    check(&[0, 1, 2, 3, 4]).unwrap();
    for doctored in [&[0, 1, 2, 4, 3][..], &[0, 1, 4, 2, 3], &[0, 4, 1, 2, 3], &[1, 2, 3, 0, 4], &[0, 3, 1, 2, 4]] {
        check(doctored).unwrap_err();
    }
}

#[test]
fn a_row_before_its_body_is_durable_is_seen() {
    let lines = [
        r#"7 write(11</d/blobs/w/a/abc#1>, "zstd", 4) = 4"#,
        r#"8 syncfs(12</d/blobs>)            = 0"#,
        r#"9 pwrite64(5</d/posthouse.db-wal>, "..<id@x>..", 4096, 0) = 4096"#,
        r#"9 fdatasync(5</d/posthouse.db-wal>) = 0"#,
    ];
    let check = |order: &[usize]| bodies_before_rows(&in_order(&lines, order), "<id@x>");
    check(&[0, 1, 2, 3]).unwrap();
    for doctored in [&[0, 2, 1, 3][..], &[1, 0, 2, 3], &[0, 2, 3], &[1, 2, 3], &[0, 1, 2], &[0, 1, 3, 2]] {
        check(doctored).unwrap_err();
    }
}
