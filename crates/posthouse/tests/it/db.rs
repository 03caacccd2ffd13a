//! What must hold of every statement and of both schemas.

use crate::support::{Engine, TestApp};
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// The SQL texts of a source file: for each engine.
#[derive(Default)]
struct Statements(Vec<(String, String)>);

impl<'a> Visit<'a> for Statements {
    fn visit_macro(&mut self, m: &'a syn::Macro) {
        if m.path.is_ident("sql") {
            let texts = literals(m.tokens.clone());
            match texts.as_slice() {
                [both] => self.0.push((both.clone(), both.clone())),
                [lite, pg] => self.0.push((lite.clone(), pg.clone())),
                _ => {}
            }
        }
    }
}

/// The string literals at the top level of a macro's tokens, up to the first bound argument.
fn literals(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let mut out = vec![];
    for token in tokens {
        if let proc_macro2::TokenTree::Literal(l) = token
            && let Ok(text) = syn::parse_str::<syn::LitStr>(&l.to_string())
            && text.value().contains(' ')
        {
            out.push(text.value());
        }
    }
    out
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

pub fn every_statement() -> Vec<(String, String)> {
    let mut files = vec![];
    for dir in ["src", "../db/src"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut files);
    }
    let mut found = Statements::default();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        if source.contains("sql!(") {
            found.visit_file(&syn::parse_file(&source).unwrap());
        }
    }
    let kept = [posthouse::accounts::statements(), posthouse::mailbox::search::statements()].concat();
    found.0.extend(kept.into_iter().map(|s| (s.lite.to_owned(), s.pg.to_owned())));
    found.0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_prepares_on_both_engines() {
    let statements = every_statement();
    assert!(statements.len() > 80, "only {} statements were found: the search is broken", statements.len());
    let (lite, pg) = (TestApp::start(Engine::Sqlite).await, TestApp::start(Engine::Postgres).await);
    let mut wrong = vec![];
    let (mut lite_conn, mut pg_conn) = (lite.app().db.read().await.unwrap(), pg.app().db.read().await.unwrap());
    for (on_lite, on_pg) in &statements {
        if let Err(e) = lite_conn.prepare(on_lite).await {
            wrong.push(format!("SQLite: {e}\n{on_lite}"));
        }
        if let Err(e) = pg_conn.prepare(on_pg).await {
            wrong.push(format!("PostgreSQL: {e}\n{on_pg}"));
        }
    }
    drop((lite_conn, pg_conn));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    lite.stop().await;
    pg.stop().await;
}

/// Tables that stand above workspaces, each with its reason.
const ABOVE_WORKSPACES: &[(&str, &str)] = &[
    ("workspace", "is the workspace"),
    ("user", "a person can be in many"),
    ("one_time_link", "the first link makes the first workspace"),
    ("vault_canary", "the key is the installation's"),
    ("lease", "nodes own across workspaces"),
    ("event_cursor", "readers follow all events"),
];

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_have_the_same_columns_and_every_table_its_workspace() {
    let (lite, pg) = (TestApp::start(Engine::Sqlite).await, TestApp::start(Engine::Postgres).await);
    let (on_lite, on_pg) = (lite.app().db.columns().await.unwrap(), pg.app().db.columns().await.unwrap());
    assert_eq!(on_lite, on_pg);
    let tables: std::collections::BTreeSet<&String> = on_lite.iter().map(|(t, _)| t).collect();
    for table in tables {
        let has = on_lite.iter().any(|(t, c)| t == table && c == "workspace_id");
        let above = ABOVE_WORKSPACES.iter().any(|(t, _)| t == table);
        assert!(has != above, "{table}");
    }
    lite.stop().await;
    pg.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_commits_survive_power_loss() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut tx = t.app().db.tx().await.unwrap();
    for (pragma, want) in
        [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA auto_vacuum", 2), ("PRAGMA secure_delete", 2)]
    {
        let sql = db::Sql { lite: pragma, pg: "SELECT 0" };
        let (got,): (i64,) = db::one(&mut tx, sql, vec![]).await.unwrap();
        assert_eq!(got, want, "{pragma}");
    }
    drop(tx);
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_stops_starts_or_died_is_one_that_cannot_be_reached() {
    let server = testkit::Postgres::start().unwrap();
    let db = db::Db::open_postgres(&server.fresh_database().unwrap()).await.unwrap();
    for immediate in [false, true] {
        let mut open = db.tx().await.unwrap();
        db::run(&mut open, db::Sql::both("SELECT 1"), vec![]).await.unwrap();
        server.stop(immediate).unwrap();
        let cut = db::run(&mut open, db::Sql::both("SELECT 1"), vec![]).await.unwrap_err();
        assert!(matches!(cut, db::DbError::Unavailable(_)), "{cut}");
        drop(open);
        server.start_again().unwrap();
        let mut again = db.tx().await.unwrap();
        db::run(&mut again, db::Sql::both("SELECT 1"), vec![]).await.unwrap();
    }
    db.close().await;
}

crate::on_both! {
    async fn work_in_the_background_leaves_connections_for_people(engine) {
        let t = TestApp::start(engine).await;
        let people = &t.app().db;
        let background = people.in_background();
        let soon = std::time::Duration::from_millis(300);
        let mut held = vec![];
        while let Ok(c) = tokio::time::timeout(soon, background.read()).await {
            held.push(c.unwrap());
            assert!(held.len() < 100, "it takes all there are");
        }
        assert!(held.len() >= 3, "{} at a time", held.len());
        let free = tokio::time::timeout(soon, people.read()).await;
        free.expect("a person does not wait in that line").unwrap();
        held.pop();
        let next = tokio::time::timeout(soon, background.read()).await;
        next.expect("a turn is given back with its connection").unwrap();
        drop(held);
        t.stop().await;
    }
}

/// As a disk that is full does it: SQLite ends the transaction by itself, and the library does not learn of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_room_says_so_and_goes_on_when_there_is_some() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let db = &t.app().db;
    let run = async |sql: &'static str| {
        let mut tx = db.tx().await?;
        db::run(&mut tx, db::Sql::both(sql), vec![]).await?;
        tx.commit().await
    };
    run("CREATE TABLE filler (x BLOB)").await.unwrap();
    let mut full = None;
    for _ in 0..20 {
        // It holds for the one connection that writes.
        let _ = run("PRAGMA max_page_count = 1").await;
        match run("INSERT INTO filler VALUES (zeroblob(4000000))").await {
            Err(e @ db::DbError::Full(_)) => {
                full = Some(e);
                break;
            }
            other => assert!(other.is_ok(), "{other:?}"),
        }
    }
    assert!(full.is_some(), "there was room");
    run("INSERT INTO filler VALUES (zeroblob(4000000))").await.unwrap();
    api.delete("/session", &serde_json::Value::Null).await.expect(204);
    t.signed_in().await;
    t.stop().await;
}

/// Fills the disk, as far as the database can tell: what is written then finds no room.
async fn fill(db: &db::Db) {
    for _ in 0..20 {
        // It holds for the one connection that writes, which is given up when it found no room.
        let _ = changed(db, "PRAGMA max_page_count = 1").await;
        match changed(db, "INSERT INTO filler VALUES (zeroblob(4000000))").await {
            Err(db::DbError::Full(_)) => return,
            other => assert!(other.is_ok(), "{other:?}"),
        }
    }
    panic!("there was room");
}

async fn changed(db: &db::Db, sql: &'static str) -> db::DbResult<()> {
    let mut tx = db.tx().await?;
    db::run(&mut tx, db::Sql::both(sql), vec![]).await?;
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_counts_as_full_until_a_change_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let db = db::Db::open_sqlite(&folder.path().join("x.db")).await.unwrap();
    changed(&db, "CREATE TABLE filler (x BLOB)").await.unwrap();
    assert!(!db.is_full());
    fill(&db).await;
    assert!(db.is_full() && db.in_background().is_full());
    changed(&db, "DELETE FROM filler WHERE x = 1").await.unwrap();
    let rows: (i64,) =
        db::one(&mut db.read().await.unwrap(), db::Sql::both("SELECT COUNT(*) FROM filler"), vec![]).await.unwrap();
    assert!(db.is_full(), "what changed nothing proves nothing ({} rows)", rows.0);
    changed(&db, "INSERT INTO filler VALUES (zeroblob(4000000))").await.unwrap();
    assert!(!db.is_full());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_disk_is_full_is_not_ready_until_there_is_room() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.caller();
    changed(&t.app().db, "CREATE TABLE filler (x BLOB)").await.unwrap();
    assert_eq!(api.get("/readyz").await.text, "ready\n");
    let mut unready = None;
    // The heartbeat may write between the two: there is room for it at once.
    for _ in 0..20 {
        fill(&t.app().db).await;
        let answer = api.get("/readyz").await;
        if answer.status.as_u16() == 503 {
            unready = Some(answer.text);
            break;
        }
    }
    assert!(unready.is_some_and(|text| text.contains("is full")));
    crate::support::eventually("it is ready again by itself", async || {
        t.caller().get("/readyz").await.text == "ready\n"
    })
    .await;
    t.stop().await;
}
