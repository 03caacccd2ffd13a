//! The program killed around filing the Sent copy: there is exactly one in the end.

use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, connect_request};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::{send, team};
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, sleep};

async fn waiting(app: &App) -> i64 {
    let sql = db::Sql::both("SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'");
    let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), sql, vec![]).await.unwrap();
    row.0
}

async fn killed_at(engine: Engine, point: &str) {
    let world = MailWorld::shared();
    let name = format!("append-{engine:?}-{}", point.replace('.', "-")).to_lowercase();
    let mailbox = world.add_user(&name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(engine, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.path().join("data");
    })
    .await;
    let mut api = t.owner().await;
    let id =
        api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201)["id"].as_str().unwrap().to_owned();
    let config = t.app().config.clone();
    t.stop().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let password = Secret::new("correct horse battery".into());
    let owner = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
    let request = send::Request {
        key: format!("key-{name}"),
        to: mailbox.address.clone(),
        subject: "Filed once".into(),
        body: "Hello".into(),
    };
    send::submit(&app, &owner, id.parse().unwrap(), &request).await.unwrap();

    let mut program = Program::start(&config, folder.path(), Some(point));
    assert!(program.killed().await, "{point} was not reached");
    assert_eq!(waiting(&app).await, 1, "{point}: the copy still waits to be filed");
    let _again = Program::start(&config, folder.path(), None);
    let deadline = Instant::now() + Duration::from_secs(90);
    while waiting(&app).await > 0 {
        assert!(Instant::now() < deadline, "{point}: the copy was not filed");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.messages(&mailbox.address, "Sent").unwrap().len(), 1, "{point}: one copy");
    assert_eq!(world.messages(&mailbox.address, "INBOX").unwrap().len(), 1, "{point}: one arrived");
    app.db.close().await;
}

on_both! {
    async fn the_sent_copy_is_filed_once(engine) {
        for point in ["append.before", "append.after"] {
            killed_at(engine, point).await;
        }
    }
}
