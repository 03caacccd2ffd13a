//! What is old goes, what is a moment younger stays, and so does what something still needs.

use crate::on_both;
use crate::support::{Engine, TestApp};
use db::{IntoValue, Sql, Ts, Value};
use posthouse::base::clock::Clock;
use posthouse::base::leases;
use posthouse::retention::{self, FOR_GOOD, Keep, Kept, TABLE};
use posthouse::team::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

/// A stopped clock at the real time: PostgreSQL judges heartbeats by its own.
async fn start(engine: Engine) -> (TestApp, WorkspaceId) {
    let clock = Clock::set_to(Clock::system().now());
    let t = TestApp::at(engine, clock, |_| {}).await;
    let workspace = t.add_workspace("Acme").await;
    (t, workspace)
}

/// No sequencer works here: another has its lease.
async fn stop_sequencer(t: &TestApp) {
    let mut tx = t.app().db.tx().await.unwrap();
    leases::seize(&mut tx, t.app(), "sequencer").await.unwrap();
    tx.commit().await.unwrap();
}

async fn run(t: &TestApp, sql: &'static str, args: Vec<Value>) {
    let mut tx = t.app().db.tx().await.unwrap();
    db::run(&mut tx, Sql::both(sql), args).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(t: &TestApp, sql: &'static str) -> i64 {
    let mut c = t.app().db.read().await.unwrap();
    let (n,): (i64,) = db::one(&mut c, Sql::both(sql), vec![]).await.unwrap();
    n
}

/// What the rows of a test belong to.
struct Owner {
    workspace: WorkspaceId,
    account: Uuid,
    sent: Uuid,
    open: Uuid,
    user: Uuid,
}

const ACCOUNT: &str = "INSERT INTO account (id, workspace_id, user_name, copied_from, address, address_key, display_name, provider, provider_name, \
    search_text, import_days, status, sync_stage, sync_done, sync_total, sent_total, sent_today, sent_day, created_at, updated_at, \
    closing_at) VALUES ($1, $2, '', '', 'a@b.test', 'a@b.test', '', 'custom', '', '', 30, 'connected', 'live', 0, 0, 0, 0, '', $3, $3, $3)";
const OUTGOING: &str = "INSERT INTO outgoing (id, workspace_id, account_id, state, idempotency_key, request_hash, message_id, \
    from_address, subject, blob, size, attempts, created_at, updated_at) VALUES ($1, $2, $3, $4, $4, $6, '', '', '', $6, 0, 1, $5, $5)";

async fn owner(t: &TestApp, workspace: WorkspaceId) -> Owner {
    let (app, now) = (t.app(), t.app().clock.now());
    let id = || app.ids.next();
    let member = posthouse::team::Role::Member;
    let user = t.add_member(posthouse::team::Scope::of(workspace), "b@b.test", member).await.0;
    let o = Owner { workspace, account: id(), sent: id(), open: id(), user };
    run(t, ACCOUNT, vec![o.account.into_value(), workspace.into_value(), now.into_value()]).await;
    for (row, state) in [(o.sent, "sent"), (o.open, "uncertain")] {
        let args = vec![
            row.into_value(),
            workspace.into_value(),
            o.account.into_value(),
            state.into_value(),
            now.into_value(),
            vec![0_u8; 32].into_value(),
        ];
        run(t, OUTGOING, args).await;
    }
    o
}

/// Puts a row of this age into a table of the retention.
async fn insert(t: &TestApp, o: &Owner, table: &str, n: i64, at: Ts) {
    let id = t.app().ids.next();
    let (workspace, account, at) = (o.workspace.into_value(), o.account.into_value(), at.into_value());
    let hash = id.as_bytes().to_vec().into_value();
    let (sql, rest) = match table {
        "event" => (
            "INSERT INTO event (id, created_at, workspace_id, payload, seq, kind) VALUES ($1, $2, $3, $4, $5, 'account_changed')",
            vec![workspace, json!({}).into_value(), n.into_value()],
        ),
        "audit" => (
            "INSERT INTO audit (id, at, workspace_id, detail, action, subject) VALUES ($1, $2, $3, $4, 'x', 'y')",
            vec![workspace, json!({}).into_value()],
        ),
        "mailbox_op" => (
            "INSERT INTO mailbox_op (id, created_at, workspace_id, account_id, payload, kind, state, attempts, next_attempt_at)
             VALUES ($1, $2, $3, $4, $5, 'append_sent', 'done', 1, $2)",
            vec![workspace, account, json!({}).into_value()],
        ),
        "send_attempt" => (
            "INSERT INTO send_attempt (id, settled_at, workspace_id, account_id, outgoing_id, marked_at, outcome)
             VALUES ($1, $2, $3, $4, $5, $2, 'sent')",
            vec![workspace, account, o.sent.into_value()],
        ),
        "bulk_run" => (
            "INSERT INTO bulk_run (id, created_at, workspace_id, user_id, accounts, outcomes, action) VALUES ($1, $2, $3, $4, $5, $5, 'pause')",
            vec![workspace, o.user.into_value(), hash],
        ),
        "notice" => (
            "INSERT INTO notice (id, resolved_at, workspace_id, dedup, facts, kind, audience, created_at)
             VALUES ($1, $2, $3, $4, $5, 'outage', 'readers', $2)",
            vec![workspace, id.to_string().into_value(), json!({}).into_value()],
        ),
        "system_mail" => (
            "INSERT INTO system_mail (id, settled_at, workspace_id, user_id, to_address, subject, body, html, message_id, state, attempts,
               next_attempt_at, created_at) VALUES ($1, $2, $3, $4, '', '', '', '', '', 'sent', 1, $2, $2)",
            vec![workspace, o.user.into_value()],
        ),
        "session" => (
            "INSERT INTO session (id, expires_at, workspace_id, user_id, token_hash, created_at, last_seen_at)
             VALUES ($1, $2, $3, $4, $5, $2, $2)",
            vec![workspace, o.user.into_value(), hash],
        ),
        "one_time_link" => (
            "INSERT INTO one_time_link (id, expires_at, token_hash, purpose, created_at) VALUES ($1, $2, $3, 'sign_in', $2)",
            vec![hash],
        ),
        "owner_link" => (
            "INSERT INTO owner_link (id, expires_at, workspace_id, user_id, token_hash, pinned, tries, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $2)",
            vec![workspace, o.user.into_value(), hash, json!({}).into_value()],
        ),
        "oauth_flow" => (
            "INSERT INTO oauth_flow (id, expires_at, workspace_id, provider, browser_hash, state_hash, wish, state, created_at)
             VALUES ($1, $2, $3, 'google', $4, $4, $5, 'done', $2)",
            vec![workspace, hash, json!({}).into_value()],
        ),
        "import_run" => (
            "INSERT INTO import_run (id, ended_at, workspace_id, user_id, file_name, state, turn, taken_on, notes, confirmed, created_at, touched_at)
             VALUES ($1, $2, $3, $4, 'a.csv', 'ended', 0, 0, $5, $5, $2, $2)",
            vec![workspace, o.user.into_value(), json!([]).into_value()],
        ),
        "sync_run" => (
            "INSERT INTO sync_run (id, ended_at, workspace_id, account_id, started_at, compare, fetched, placed, changed, removed, failed,
               pushed, passes) VALUES ($1, $2, $3, $4, $2, $5, 0, 0, 0, 0, 0, 0, 1)",
            vec![workspace, account, false.into_value()],
        ),
        "lease" => {
            let name = format!("node:{id}");
            let sql = "INSERT INTO lease (name, until_at, holder, epoch) VALUES ($1, $2, '', 1)";
            return run(t, sql, vec![name.into_value(), at]).await;
        }
        other => panic!("say here how a row of {other} is made"),
    };
    run(t, sql, [vec![id.into_value(), at], rest].concat()).await;
}

async fn rows(t: &TestApp, table: &str) -> i64 {
    let sql = match table {
        "event" => "SELECT COUNT(*) FROM event",
        "audit" => "SELECT COUNT(*) FROM audit",
        "mailbox_op" => "SELECT COUNT(*) FROM mailbox_op",
        "send_attempt" => "SELECT COUNT(*) FROM send_attempt",
        "bulk_run" => "SELECT COUNT(*) FROM bulk_run",
        "notice" => "SELECT COUNT(*) FROM notice",
        "system_mail" => "SELECT COUNT(*) FROM system_mail",
        "session" => "SELECT COUNT(*) FROM session",
        "one_time_link" => "SELECT COUNT(*) FROM one_time_link",
        "oauth_flow" => "SELECT COUNT(*) FROM oauth_flow",
        "owner_link" => "SELECT COUNT(*) FROM owner_link",
        "import_run" => "SELECT COUNT(*) FROM import_run",
        "sync_run" => "SELECT COUNT(*) FROM sync_run",
        "lease" => "SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%'",
        other => panic!("say here how the rows of {other} are counted"),
    };
    count(t, sql).await
}

fn before(t: &TestApp, kept: &Kept) -> Ts {
    kept.before(&t.app().config, t.app().clock.now())
}

async fn cursor(t: &TestApp, reader: &str, seq: i64) {
    let sql = "INSERT INTO event_cursor (subscriber, seq, updated_at) VALUES ($1, $2, 0)
               ON CONFLICT (subscriber) DO UPDATE SET seq = $2";
    run(t, sql, vec![reader.into_value(), seq.into_value()]).await;
}

on_both! {
    async fn each_table_is_cut_at_its_limit_in_bounded_steps(engine) {
        let (t, workspace) = start(engine).await;
        stop_sequencer(&t).await;
        cursor(&t, "sequencer", 1_000).await;
        let o = owner(&t, workspace).await;
        for kept in TABLE {
            let limit = before(&t, kept);
            let others = rows(&t, kept.table).await;
            for n in 1..=5 {
                insert(&t, &o, kept.table, n, Ts(limit.0 - n)).await;
            }
            insert(&t, &o, kept.table, 6, limit).await;
            insert(&t, &o, kept.table, 7, Ts(limit.0 + 1)).await;
            let mut steps = vec![];
            while steps.last() != Some(&0) {
                let mut tx = t.app().db.tx().await.unwrap();
                steps.push(kept.remove(&mut tx, limit, 3).await.unwrap());
                tx.commit().await.unwrap();
            }
            assert_eq!(steps, [3, 2, 0], "{}", kept.table);
            assert_eq!(rows(&t, kept.table).await, others + 2, "{}", kept.table);
        }
        t.stop().await;
    }

    async fn what_something_still_needs_stays_however_old(engine) {
        let (t, workspace) = start(engine).await;
        stop_sequencer(&t).await;
        let o = owner(&t, workspace).await;
        let old = Ts(1);
        for n in 1..=4 {
            insert(&t, &o, "event", n, old).await;
        }
        cursor(&t, "sequencer", 4).await;
        cursor(&t, "a slow reader", 2).await;
        run(&t, "UPDATE event SET seq = NULL WHERE seq = $1", vec![1_i64.into_value()]).await;
        for _ in 0..4 {
            insert(&t, &o, "mailbox_op", 0, old).await;
            insert(&t, &o, "send_attempt", 0, old).await;
        }
        // Whatever their ids: one each of waiting, failed copy, failed flags, done.
        let vary = "UPDATE mailbox_op SET state = $1, kind = $2 WHERE id = (SELECT id FROM mailbox_op WHERE state = 'done' ORDER BY id LIMIT 1)";
        for (state, kind) in [("waiting", "append_sent"), ("failed", "append_sent"), ("failed", "set_flags")] {
            run(&t, vary, vec![state.into_value(), kind.into_value()]).await;
        }
        let open = "UPDATE send_attempt SET outgoing_id = $1 WHERE id = (SELECT id FROM send_attempt ORDER BY id LIMIT 1)";
        let unsettled = "UPDATE send_attempt SET settled_at = NULL WHERE id = (SELECT id FROM send_attempt ORDER BY id DESC LIMIT 1)";
        run(&t, open, vec![o.open.into_value()]).await;
        run(&t, unsettled, vec![]).await;
        assert!(retention::once(t.app()).await.unwrap());
        assert_eq!(count(&t, "SELECT COUNT(*) FROM event WHERE seq IS NULL").await, 1, "no number yet");
        assert_eq!(count(&t, "SELECT COALESCE(MIN(seq), 0) FROM event").await, 3, "the slow reader has not come to it");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'").await, 1);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM mailbox_op WHERE state = 'failed' AND kind = 'append_sent'").await, 1);
        assert_eq!(rows(&t, "mailbox_op").await, 2);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM send_attempt WHERE settled_at IS NULL").await, 1);
        assert_eq!(rows(&t, "send_attempt").await, 2, "the unsettled one, and that of a message a person must judge");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM outgoing").await, 2);
        assert_eq!(rows(&t, "lease").await, 1, "this node's own heartbeat");
        t.stop().await;
    }

    async fn one_node_removes_and_counts_and_long_lists_go_in_one_look(engine) {
        let (t, workspace) = start(engine).await;
        let o = owner(&t, workspace).await;
        let sql = "INSERT INTO session (id, expires_at, workspace_id, user_id, token_hash, created_at, last_seen_at) VALUES ($1, 1, $2, $3, $4, 1, 1)";
        let mut tx = t.app().db.tx().await.unwrap();
        let many = retention::CHUNK + 7;
        for _ in 0..many {
            let id = t.app().ids.next();
            let args = vec![id.into_value(), o.workspace.into_value(), o.user.into_value(), id.as_bytes().to_vec().into_value()];
            db::run(&mut tx, Sql::both(sql), args).await.unwrap();
        }
        let other = leases::seize(&mut tx, t.app(), "retention").await.unwrap();
        tx.commit().await.unwrap();
        assert!(!retention::once(t.app()).await.unwrap(), "another has the lease");
        assert_eq!(rows(&t, "session").await, many);
        other.release(t.app()).await.unwrap();
        assert!(retention::once(t.app()).await.unwrap());
        assert_eq!(rows(&t, "session").await, 0);
        let line = format!("posthouse_retention_removed_rows_total{{table=\"session\"}} {many}");
        assert!(t.app().meters.render().lines().any(|l| l == line), "{line}");
        t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_cut_by_age_or_says_why_not() {
    let t = TestApp::start(Engine::Sqlite).await;
    let columns = t.app().db.columns().await.unwrap();
    let tables: std::collections::BTreeSet<&str> = columns.iter().map(|(table, _)| table.as_str()).collect();
    for table in &tables {
        let cut = TABLE.iter().filter(|k| k.table == *table).count();
        let kept = FOR_GOOD.iter().filter(|(name, _)| name == table).count();
        assert_eq!(cut + kept, 1, "{table} stands in one of retention::TABLE and retention::FOR_GOOD");
    }
    for (name, why) in FOR_GOOD {
        assert!(tables.contains(name) && !why.is_empty(), "{name}");
    }
    t.stop().await;
}

#[test]
fn the_guide_has_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/operating.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let config = posthouse::config::Config::default();
    for kept in TABLE {
        let setting = match kept.keep {
            Keep::Days(_) => String::new(),
            Keep::Setting(name, _) => format!(" (`{name}`)"),
        };
        let line = format!("| {} | {} days{setting} | {} |", kept.what, kept.days(&config), kept.why)
            .replace("| 1 days", "| 1 day");
        assert!(guide.contains(&line), "docs/guide/operating.md lacks: {line}");
    }
}
