//! The program killed around filing the Sent copy: there is exactly one in the end.

use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, connect_request};
use posthouse::accounts::AccountId;
use posthouse::app::App;
use posthouse::base::blobs::BlobKey;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::team::{Scope, WorkspaceId};
use posthouse::{send, team};
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, sleep};

async fn waiting(app: &App) -> i64 {
    let sql = db::Sql::both("SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'");
    let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), sql, vec![]).await.unwrap();
    row.0
}

/// A message that was sent; the program was killed while it filed the copy.
struct Waiting {
    folder: tempfile::TempDir,
    config: posthouse::config::Config,
    app: App,
    mailbox: testkit::Mailbox,
}

impl Waiting {
    async fn killed_at(engine: Engine, point: &str, story: &str) -> Self {
        let world = MailWorld::shared();
        let name = format!("append-{engine:?}-{story}-{}", point.replace('.', "-")).to_lowercase();
        let mailbox = world.add_user(&name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.data_dir = folder.path().join("data");
        })
        .await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
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
            automatic_html: None,
        };
        send::submit(&app, &owner, id.parse().unwrap(), &request).await.unwrap();
        let mut program = Program::start(&config, folder.path(), Some(point));
        assert!(program.killed().await, "{point} was not reached");
        assert_eq!(waiting(&app).await, 1, "{point}: the copy still waits to be filed");
        Self { folder, config, app, mailbox }
    }

    /// The message as it was sent.
    async fn letter(&self) -> bytes::Bytes {
        let sql = db::Sql::both("SELECT workspace_id, account_id, blob FROM outgoing");
        let mut c = self.app.db.read().await.unwrap();
        let (workspace, account, blob): (WorkspaceId, AccountId, BlobKey) = db::one(&mut c, sql, vec![]).await.unwrap();
        self.app.blobs.get(&Scope::of(workspace), account, blob).await.unwrap()
    }

    async fn until_nothing_waits(&self) {
        let deadline = Instant::now() + Duration::from_secs(90);
        while waiting(&self.app).await > 0 {
            assert!(Instant::now() < deadline, "the copy was not filed");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn killed_at(engine: Engine, point: &str) {
    let (world, w) = (MailWorld::shared(), Waiting::killed_at(engine, point, "once").await);
    let _again = Program::start(&w.config, w.folder.path(), None);
    w.until_nothing_waits().await;
    assert_eq!(world.messages(&w.mailbox.address, "Sent").unwrap().len(), 1, "{point}: one copy");
    assert_eq!(world.messages(&w.mailbox.address, "INBOX").unwrap().len(), 1, "{point}: one arrived");
    w.app.db.close().await;
}

/// The program died while the server had the copy and had not filed it yet: it is filed when the next one runs already.
async fn filed_late(engine: Engine) {
    let (world, w) = (MailWorld::shared(), Waiting::killed_at(engine, "append.before", "late").await);
    let _again = Program::start(&w.config, w.folder.path(), None);
    // How slow the server is. The program could have looked for the copy long before.
    sleep(Duration::from_secs(2)).await;
    world.put(&w.mailbox.address, "Sent", &w.letter().await).unwrap();
    w.until_nothing_waits().await;
    assert_eq!(world.messages(&w.mailbox.address, "Sent").unwrap().len(), 1, "one copy");
    w.app.db.close().await;
}

on_both! {
    async fn a_copy_that_the_server_files_late_is_not_filed_again(engine) {
        filed_late(engine).await;
    }

    async fn the_sent_copy_is_filed_once(engine) {
        for point in ["append.before", "append.after"] {
            killed_at(engine, point).await;
        }
    }
}
