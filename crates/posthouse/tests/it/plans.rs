//! How databases come to their answers. SQLite has no statistics of one that nobody closed yet, and PostgreSQL none of mail that came in
//! a minute ago. No plan may need them: what is asked about some messages must not take longer the more mail there is.

use crate::db::every_statement;
use crate::support::{Engine, TestApp};
use posthouse::mailbox::{ALIKE, ALIKE_NAMELESS, transfers::store::UNTIDY};

/// Tables that grow with mail.
const GROWING: [&str; 6] = ["message", "placement", "thread_link", "search_entry", "outgoing", "event"];
/// A condition that holds for all rows of somebody.
const OF_ALL: [&str; 3] = ["(account_id=?)", "(folder_id=?)", "(workspace_id=?)"];
/// Indexes that hold few rows, however much mail there is.
const PARTIAL: [&str; 5] =
    ["placement_provisional", "placement_kept", "message_nameless", "outgoing_queue", "outgoing_uncertain"];

/// Beginnings of statements that are about all mail of an account, a folder or everybody, and why.
const ABOUT_ALL: &[(&str, &str)] = &[
    ("SELECT p.uid, m.gmail_id, m.labels FROM placement p", "a folder is compared, message by message"),
    ("SELECT LOWER(from_address) AS sender", "the preview of a rule"),
    ("SELECT f.id, f.name, f.role, f.role_told", "the figures of all folders"),
    ("SELECT blob FROM message WHERE", "what to do with the bodies of an account"),
    ("SELECT workspace_id, account_id, blob FROM message ORDER BY id DESC", "the newest, by their key"),
    ("SELECT COUNT(DISTINCT p.message_id) FROM folder f", "what leaving out a folder takes away"),
    ("DELETE FROM placement WHERE account_id = $1 AND workspace_id = $2 AND folder_id IN", "a folder is left out"),
    ("DELETE FROM placement WHERE folder_id = $1 AND workspace_id = $2", "a folder goes"),
    ("SELECT id FROM message WHERE account_id = $1 AND workspace_id = $2 LIMIT 1", "the first that there is"),
    ("SELECT m.id FROM message m WHERE m.account_id = $1 AND m.workspace_id = $2 AND NOT EXISTS", "what lies nowhere"),
    ("DELETE FROM message WHERE account_id = $1 AND workspace_id = $2 AND NOT EXISTS", "what lies nowhere"),
    ("SELECT COUNT(*) AS messages, CAST(COALESCE(SUM(size)", "what goes with an account"),
    ("DELETE FROM placement WHERE workspace_id = $2 AND (folder_id, uid) IN", "some of what goes with an account"),
    ("DELETE FROM message WHERE workspace_id = $2 AND id IN", "some of what goes with an account"),
    ("DELETE FROM folder WHERE account_id = $1", "the first that lies there"),
    (
        "SELECT COUNT(*) FROM outgoing WHERE account_id = $1 AND workspace_id = $2 AND state = $3",
        "the outbox of an account",
    ),
    ("UPDATE outgoing SET state = $3, next_attempt_at = NULL", "a new password for all that waits"),
    (
        "SELECT id FROM outgoing WHERE account_id = $1 AND workspace_id = $2 AND blob = $3",
        "a body of no message is swept",
    ),
    ("DELETE FROM send_attempt WHERE workspace_id = $2 AND outgoing_id IN", "some of what goes with an account"),
    ("DELETE FROM outgoing_recipient WHERE workspace_id = $2 AND outgoing_id IN", "some of what goes with an account"),
    ("DELETE FROM outgoing WHERE id IN", "some of what goes with an account"),
    ("SELECT blob FROM outgoing WHERE account_id", "what to do with the bodies of an account"),
    ("SELECT workspace_id, account_id, blob FROM outgoing ORDER BY", "a look at a restored copy"),
    ("SELECT workspace_id, COUNT(*) FROM outgoing WHERE state IN", "a restored copy holds what it has not sent"),
];

/// What SQLite says of a statement with so many things bound, line by line.
async fn plan(t: &TestApp, statement: &str, bound: usize) -> Vec<String> {
    let text: &'static str = format!("EXPLAIN QUERY PLAN {statement}").leak();
    let bound = vec![db::Value::Bytes(Some(vec![0; 16])); bound];
    let mut c = t.app().db.read().await.unwrap();
    let rows: Vec<(i64, i64, i64, String)> = db::all(&mut c, db::Sql::both(text), bound).await.unwrap();
    rows.into_iter().map(|row| row.3).collect()
}

/// The highest number of what is bound.
fn bound(statement: &str) -> usize {
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    statement.split('$').skip(1).filter_map(number).max().unwrap_or(0)
}

/// The names under which a statement speaks of tables that grow.
fn growing(statement: &str) -> Vec<&str> {
    let words: Vec<&str> = statement.split_whitespace().map(|w| w.trim_matches(['(', ')', ','])).collect();
    let mut out = vec![];
    for (at, word) in words.iter().enumerate().skip(1) {
        if GROWING.contains(word) && ["FROM", "JOIN", "UPDATE", "INTO"].contains(&words[at - 1]) {
            out.push(*word);
            out.extend(words.get(at + 1).filter(|alias| alias.chars().all(|c| c.is_ascii_lowercase())));
        }
    }
    out
}

/// Whether a line of a plan goes through all mail of somebody.
fn goes_through_all(line: &str, growing: &[&str]) -> bool {
    let mut words = line.split(' ');
    let (how, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let wide = how == "SCAN" || how == "SEARCH" && OF_ALL.iter().any(|c| line.contains(c));
    wide && growing.contains(&of) && !PARTIAL.iter().any(|index| line.contains(index))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_about_all_mail_goes_through_all_mail() {
    let t = TestApp::start(Engine::Sqlite).await;
    let (mut wide, mut allowed) = (vec![], std::collections::BTreeSet::new());
    for (statement, _) in every_statement() {
        let text = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let growing = growing(&text);
        let lines = plan(&t, &statement, bound(&statement)).await;
        let Some(line) = lines.iter().find(|line| goes_through_all(line, &growing)) else { continue };
        match ABOUT_ALL.iter().find(|(begins, _)| text.starts_with(begins)) {
            Some((begins, _)) => _ = allowed.insert(*begins),
            None => wide.push(format!("{line}\n  {text}")),
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n\n"));
    let gone: Vec<&str> = ABOUT_ALL.iter().map(|(begins, _)| *begins).filter(|b| !allowed.contains(b)).collect();
    assert!(gone.is_empty(), "no such statement any more: {gone:?}");
    t.stop().await;
}

/// What every pass of every account asks, and what is asked of all that is new.
#[tokio::test(flavor = "multi_thread")]
async fn what_passes_ask_is_known_by_small_indexes() {
    let t = TestApp::start(Engine::Sqlite).await;
    for (statement, indexes) in [
        (UNTIDY, ["placement_provisional", "placement_kept"]),
        (ALIKE, ["SEARCH l USING PRIMARY KEY (link=?)", "SEARCH m USING INDEX message_thread (thread_id=?)"]),
        (
            ALIKE_NAMELESS,
            ["SEARCH a USING INDEX message_nameless (account_id=? AND size=?)", "sqlite_autoindex_message_1 (id=?)"],
        ),
    ] {
        let plan = plan(&t, statement.lite, bound(statement.lite)).await.join("\n");
        assert!(indexes.iter().all(|index| plan.contains(index)), "{plan}");
    }
    t.stop().await;
}

/// An import is over before PostgreSQL has looked at what it brings.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_all_that_is_new_needs_no_statistics_of_postgres() {
    let t = TestApp::start(Engine::Postgres).await;
    let mut tx = t.app().db.tx().await.unwrap();
    for sql in [
        "ALTER TABLE message SET (autovacuum_enabled = FALSE)",
        "ALTER TABLE thread_link SET (autovacuum_enabled = FALSE)",
        // Whose they are does not matter.
        "SET LOCAL session_replication_role = replica",
        "INSERT INTO message (id, thread_id, workspace_id, account_id, blob, size, message_id, in_reply_to, subject, from_name,
           from_address, to_people, snippet, received_at, has_attachments, truncated, created_at)
         SELECT gen_random_uuid(), gen_random_uuid(), CAST(md5('w') AS UUID), CAST(md5('a') AS UUID), decode(md5(CAST(n AS TEXT)), 'hex'),
           n, n, '', '', '', '', '[]', repeat('x', 200), n, FALSE, FALSE, 0 FROM generate_series(1, 5000) n",
        "INSERT INTO thread_link (link, thread_id, workspace_id)
         SELECT decode(md5(message_id), 'hex'), thread_id, workspace_id FROM message",
    ] {
        db::run(&mut tx, db::Sql::both(sql), vec![]).await.unwrap();
    }
    tx.commit().await.unwrap();
    let links =
        every_statement().into_iter().map(|(_, pg)| pg).find(|pg| pg.starts_with("SELECT j, l.thread_id")).unwrap();
    for (statement, indexes) in
        [(&*links, &["thread_link_pkey"][..]), (ALIKE.pg, &["thread_link_pkey", "message_thread"])]
    {
        let ids = vec![db::Value::Uuid(Some(uuid::Uuid::nil())); bound(statement) - 1];
        let bound = [vec![db::Value::Json(Some(serde_json::json!([])))], ids].concat();
        let text: &'static str = format!("EXPLAIN {statement}").leak();
        let rows: Vec<(String,)> =
            db::all(&mut t.app().db.read().await.unwrap(), db::Sql::both(text), bound).await.unwrap();
        let plan = rows.into_iter().map(|row| row.0).collect::<Vec<_>>().join("\n");
        assert!(indexes.iter().all(|index| plan.contains(index)), "{plan}");
        assert!(!["BitmapAnd", "Seq Scan"].iter().any(|wide| plan.contains(wide)), "{plan}");
    }
    t.stop().await;
}
