//! After the storm: the program runs, everything comes to rest, and both sides are compared.

use crate::house::{FOLDERS, House, OWNER_PASSWORD};
use crate::ledger::Tally;
use crate::order::Engine;
use crate::program::{End, Program};
use crate::storm::WORD;
use crate::verify::{self, Seen};
use db::{Db, Sql};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long everything may take to come to rest: longer than a dead node's leases and the longest pause of a message.
const REST: Duration = Duration::from_secs(240);

/// What the soak came to.
pub struct Report {
    pub recovered: Duration,
    pub figures: Vec<(&'static str, usize)>,
    pub violations: Vec<String>,
}

/// Lets the program work in peace until both sides agree, stops it, and looks once more.
pub async fn recover(house: &Arc<House>, tally: &Arc<Tally>) -> Report {
    let began = Instant::now();
    let mut program = Program::start(house, 0, None);
    assert!(program.ready(house).await, "the program does not start after the storm");
    let db = posthouse::app::open_database(&house.config).await.unwrap();
    let mut recovered = began.elapsed();
    let mut seen = Seen::default();
    let mut told = Instant::now();
    while began.elapsed() < REST {
        let open = open(house, &db).await;
        if open.is_empty() {
            seen = verify::compare(house, tally, &db).await;
            recovered = began.elapsed();
            if seen.violations.is_empty() {
                break;
            }
        } else {
            seen.violations = open;
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let open: Vec<_> = seen.violations.iter().take(4).map(String::as_str).collect();
            println!("soak: not at rest yet: {}", open.join("; "));
        }
        sleep(Duration::from_millis(500)).await;
    }
    if seen.violations.is_empty() {
        seen.violations = truths(house, &db).await;
    }
    if let Some(End::Ended(Some(code))) = program.ends_within(Duration::ZERO).await {
        seen.violations.push(format!("the program ended by itself with {code}"));
    } else if program.stop().await != Some(End::Ended(Some(0))) {
        seen.violations.push("the program did not stop in good order".into());
    }
    if seen.violations.is_empty() {
        seen = verify::compare(house, tally, &db).await;
    }
    let mut violations = std::mem::take(&mut seen.violations);
    violations.extend(whole(house, &db).await);
    violations.extend(log(house));
    violations.extend(tally.wrong.lock().unwrap().drain(..));
    db.close().await;
    Report { recovered, figures: seen.figures, violations }
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    let row: (i64,) = db::one(&mut db.read().await.unwrap(), Sql::both(sql), vec![]).await.unwrap();
    row.0
}

/// What is not at rest yet.
async fn open(house: &Arc<House>, db: &Db) -> Vec<String> {
    let counted = [
        ("messages wait in the outbox", "SELECT COUNT(*) FROM outgoing WHERE state IN ('queued', 'sending')"),
        ("attempts are open", "SELECT COUNT(*) FROM send_attempt WHERE settled_at IS NULL"),
        ("mailbox operations wait", "SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'"),
        ("messages are on their way", "SELECT COUNT(*) FROM transfer"),
        ("places have no UID yet", "SELECT COUNT(*) FROM placement WHERE uid <= 0"),
        ("sides are not connected", "SELECT COUNT(*) FROM connection WHERE state <> 'connected'"),
        ("accounts are not live", "SELECT COUNT(*) FROM account WHERE sync_stage <> 'live' OR status <> 'connected'"),
        ("events have no number", "SELECT COUNT(*) FROM event WHERE seq IS NULL"),
        ("jobs are left", "SELECT COUNT(*) FROM job"),
    ];
    let mut open = vec![];
    for (what, sql) in counted {
        match number(db, sql).await {
            0 => {}
            n => open.push(format!("{n} {what}")),
        }
    }
    let house = house.clone();
    let queued = tokio::task::spawn_blocking(move || house.mail.queued().unwrap()).await.unwrap();
    if queued > 0 {
        open.push(format!("{queued} messages are in Postfix's queue"));
    }
    open
}

/// What people are told: nothing was refused, every account has what its server has, and a comparison of everything fetches nothing.
async fn truths(house: &Arc<House>, db: &Db) -> Vec<String> {
    let mut out = vec![];
    for account in &house.accounts {
        let path = format!("/accounts/{}", account.id);
        let mut run = Value::Null;
        // The first one also tells what was done since the last row, by looks at the inbox alone.
        for _ in 0..2 {
            let compare = Some(json!({ "compare": true }));
            ask(house, Method::POST, &format!("{path}/sync"), compare, |_| true).await;
            let mark = |run: &Value| (run["id"].clone(), run["passes"].clone());
            let newer = |runs: &Value| runs["items"][0]["compare"] == true && mark(&runs["items"][0]) != mark(&run);
            let runs = ask(house, Method::GET, &format!("{path}/sync/runs"), None, newer).await;
            run = runs["items"][0].clone();
        }
        let nothing = ["fetched", "placed", "changed", "removed", "failed"].iter().all(|figure| run[*figure] == 0);
        if !nothing || run["status"] != "success" {
            out.push(format!("{}: a comparison came to {run}", account.mailbox.address));
        }
        let operations = ask(house, Method::GET, &format!("{path}/operations"), None, |_| true).await;
        if (&operations["waiting"], &operations["refused"]) != (&json!(0), &json!([])) {
            out.push(format!("{}: {operations}", account.mailbox.address));
        }
        let addressed = account.mailbox.address.clone();
        let shared = house.clone();
        let there = tokio::task::spawn_blocking(move || {
            FOLDERS.iter().map(|f| shared.mail.stored(&addressed, f).unwrap().len()).sum::<usize>()
        })
        .await
        .unwrap();
        let holds = |state: &Value| state["messages_on_server"] == there && state["failed"] == 0;
        let state = ask(house, Method::GET, &format!("{path}/sync"), None, holds).await;
        if !holds(&state) {
            out.push(format!("{}: {there} messages are there, and it says {state}", account.mailbox.address));
        }
    }
    if number(db, "SELECT COUNT(*) FROM mailbox_op WHERE state <> 'done'").await > 0 {
        out.push("an operation is open or refused".into());
    }
    out
}

/// Asks until the answer is so; the last answer when it never is.
async fn ask(house: &House, method: Method, path: &str, body: Option<Value>, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // The other node is not there.
        let answer = house.caller.call(method.clone(), path, body.as_ref(), None).await;
        match answer {
            Some(a) if (200..300).contains(&a.status) && holds(&a.body) => return a.body,
            other if Instant::now() > end => return json!({ "no answer": format!("{other:?}") }),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The database is sound, and no event was skipped or numbered twice.
async fn whole(house: &House, db: &Db) -> Vec<String> {
    let mut out = vec![];
    if house.engine == Engine::Sqlite {
        let found: Vec<(String,)> =
            db::all(&mut db.read().await.unwrap(), Sql::both("PRAGMA integrity_check"), vec![]).await.unwrap();
        out.extend(found.into_iter().filter(|(line,)| line != "ok").map(|(line,)| format!("integrity check: {line}")));
    }
    let events = number(db, "SELECT COUNT(*) FROM event").await;
    let distinct = number(db, "SELECT COUNT(DISTINCT seq) FROM event").await;
    let last = number(db, "SELECT seq FROM event_cursor WHERE subscriber = 'sequencer'").await;
    if (events, events) != (distinct, last) {
        out.push(format!("{events} events have {distinct} numbers up to {last}"));
    }
    out
}

/// No panic, no secret, no text and no address in the log.
fn log(house: &House) -> Vec<String> {
    let text = std::fs::read_to_string(house.file("program.log")).unwrap_or_default();
    let mut words = vec!["panicked".to_owned(), WORD.to_owned(), OWNER_PASSWORD.to_owned(), "@lab.test".to_owned()];
    words.extend(house.accounts.iter().map(|a| a.mailbox.password.clone()));
    let mut out = vec![];
    for word in words {
        if let Some(line) = text.lines().find(|l| l.contains(&word)) {
            out.push(format!("the log has {word:?}: {line}"));
        }
    }
    out
}
