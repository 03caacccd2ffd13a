//! Killed at any point of a run: no account is added twice, none is forgotten, and the passwords are erased.

use super::{HEADER, good};
use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::imports::{self, Mode, RunState, Start, Which};
use posthouse::team;
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, sleep};

const ROWS: i64 = 5;

async fn number(app: &App, sql: &'static str) -> i64 {
    let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
    row.0
}

async fn killed_at(engine: Engine, point: &str) {
    let world = MailWorld::shared();
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(engine, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.path().join("data");
    })
    .await;
    t.owner().await;
    let config = t.app().config.clone();
    t.stop().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let password = Secret::new("correct horse battery".into());
    let owner = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
    let name = format!("imports-kill-{engine:?}-{}", point.replace(['.', '_', ':'], "-")).to_lowercase();
    let rows: Vec<String> = (0..ROWS).map(|n| good(world, &world.add_user(&format!("{name}-{n}")).unwrap())).collect();
    let file = format!("{HEADER}\n{}\n", rows.join("\n"));
    let id = imports::upload(&app, &owner, "people.csv", file.as_bytes()).await.unwrap();
    let all = Start { mode: Mode::Connect, which: Which::All, confirm_hosts: vec![] };
    imports::start(&app, &owner, id, all).await.unwrap();
    let mut program = Program::start(&config, folder.path(), Some(point));
    assert!(program.killed().await, "{point} was not reached");
    let _again = Program::start(&config, folder.path(), None);
    let deadline = Instant::now() + Duration::from_secs(90);
    while imports::overview(&app, &owner, id).await.unwrap().run.state != RunState::Ended {
        assert!(Instant::now() < deadline, "{point}: it did not go on");
        sleep(Duration::from_millis(100)).await;
    }
    let connected = imports::overview(&app, &owner, id).await.unwrap().counts;
    assert_eq!(connected.into_iter().collect::<Vec<_>>(), [(imports::RowState::Connected, ROWS)], "{point}");
    assert_eq!(number(&app, "SELECT COUNT(*) FROM account").await, ROWS, "{point}");
    assert_eq!(number(&app, "SELECT COUNT(*) FROM audit WHERE action = 'account.added'").await, ROWS, "{point}");
    assert_eq!(number(&app, "SELECT COUNT(secret_imap) + COUNT(secret_smtp) FROM import_row").await, 0, "{point}");
    // The last thing that a job does is to go.
    while number(&app, "SELECT COUNT(*) FROM job").await > 0 {
        assert!(Instant::now() < deadline, "{point}: its job stays");
        sleep(Duration::from_millis(100)).await;
    }
    app.db.close().await;
}

on_both! {
    async fn a_run_survives_a_kill_at_any_point(engine) {
        // On PostgreSQL another node's claim must run out first, half a minute each: one point stands for all.
        let points: &[&str] = match engine {
            Engine::Sqlite => &["imports.added", "imports.added:4", "imports.settled", "imports.all_rows", "imports.ended"],
            Engine::Postgres => &["imports.added:2"],
        };
        for point in points {
            killed_at(engine, point).await;
        }
    }
}
