//! The program killed in the middle of an import, started again, and compared with the server.

use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, connect_request, mail};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::MailWorld;
use tokio::time::{Instant, sleep};

const MESSAGES: usize = 230;

async fn column(app: &App, sql: &'static str) -> Vec<String> {
    let rows: Vec<(String,)> = db::all(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
    rows.into_iter().map(|r| r.0).collect()
}

async fn killed_at(engine: Engine, point: &str) {
    let world = MailWorld::shared();
    let name = format!("import-kill-{engine:?}-{}", point.replace([':', '.', '_'], "-")).to_lowercase();
    let mailbox = world.add_user(&name).unwrap();
    for n in 0..MESSAGES {
        world.put(&mailbox.address, "INBOX", &mail(&format!("Mail {n}"), &format!("{name}-{n}@else.test"))).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(engine, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.path().join("data");
        // The test's own start must not import anything: the server is out of reach for it.
        c.egress.extra_ports.retain(|p| *p != world.imaps_port());
    })
    .await;
    let mut config = t.app().config.clone();
    let mut api = t.owner().await;
    let mut request = connect_request(world, &mailbox);
    let imap = request["imap"].take();
    let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
    crate::support::allow(&mut config, world);
    t.stop().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    add_receiving(&app, &id, &imap).await;

    let mut program = Program::start(&config, folder.path(), Some(point));
    assert!(program.killed().await, "{point} was not reached");
    let before = column(&app, "SELECT message_id FROM message").await.len();
    assert!(before < MESSAGES, "{point}: everything was stored before the kill");
    let _again = Program::start(&config, folder.path(), None);
    let deadline = Instant::now() + Duration::from_secs(90);
    while column(&app, "SELECT message_id FROM message").await.len() < MESSAGES {
        assert!(Instant::now() < deadline, "{point}: {:?}", column(&app, "SELECT message_id FROM message").await.len());
        sleep(Duration::from_millis(100)).await;
    }
    let ids = column(&app, "SELECT message_id FROM message").await;
    let expected: BTreeSet<String> = (0..MESSAGES).map(|n| format!("<{name}-{n}@else.test>")).collect();
    assert_eq!(ids.len(), MESSAGES, "{point}: none twice");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected, "{point}: none lost");
    assert_eq!(column(&app, "SELECT CAST(uid AS TEXT) FROM placement").await.len(), MESSAGES);
    every_body_reads(&app, &mailbox.address).await;
    app.db.close().await;
}

/// What is stored is what the server has, byte for byte.
async fn every_body_reads(app: &App, address: &str) {
    let server: BTreeSet<Vec<u8>> = MailWorld::shared().messages(address, "INBOX").unwrap().into_iter().collect();
    let mut stored = BTreeSet::new();
    let sql = db::Sql::both("SELECT workspace_id, account_id, blob FROM message");
    type Row = (posthouse::team::WorkspaceId, posthouse::accounts::AccountId, posthouse::base::blobs::BlobKey);
    let rows: Vec<Row> = db::all(&mut app.db.read().await.unwrap(), sql, vec![]).await.unwrap();
    for (workspace, account, blob) in rows {
        let bytes = app.blobs.get(&posthouse::team::Scope::of(workspace), account, blob).await.unwrap();
        // Maildir keeps bare line feeds.
        stored.insert(bytes.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>());
    }
    let server: BTreeSet<Vec<u8>> =
        server.into_iter().map(|m| m.into_iter().filter(|b| *b != b'\r').collect()).collect();
    assert!(stored == server, "stored bodies differ from the server's");
}

async fn add_receiving(app: &App, id: &str, imap: &serde_json::Value) {
    use posthouse::base::secret::Secret;
    let password = Secret::new("correct horse battery".into());
    let owner = posthouse::team::sign_in(app, "ana@acme.test", password).await.ok().unwrap().actor;
    let account = posthouse::accounts::account(&mut app.db.read().await.unwrap(), &owner.scope, id.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let text = |key: &str| imap[key].as_str().unwrap().to_owned();
    let server = posthouse::connect::Server {
        host: text("host"),
        port: u16::try_from(imap["port"].as_u64().unwrap()).unwrap(),
        encryption: posthouse::accounts::Encryption::Tls,
        username: text("username"),
        credential: posthouse::connect::Credential::Password(Secret::new(text("password"))),
    };
    let changed = posthouse::connect::ChangedServers { account, smtp: None, imap: Some(server) };
    posthouse::connect::reconnect(app, &owner, &changed).await.unwrap();
}

on_both! {
    async fn an_import_goes_on_where_its_last_batch_ended(engine) {
        for point in ["import.before_commit:2", "import.after_commit:2"] {
            killed_at(engine, point).await;
        }
    }
}
