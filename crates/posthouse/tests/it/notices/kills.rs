//! The program killed while it tells: nothing is lost, nothing is told or sent twice.

use super::letters::{address_owner, arrived, count, impatient};
use super::unique;
use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, TestApp, allow, connect_request, eventually};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::config::{Config, SystemMail};
use serde_json::json;
use std::time::Duration;
use testkit::{MailWorld, Mailbox};
use tokio::time::Instant;

/// Longer than a dead node's leases last.
const DEADLINE: Duration = Duration::from_secs(90);

/// A data folder with an account whose password is refused, and no program.
struct Unsaid {
    folder: tempfile::TempDir,
    config: Config,
    app: App,
    ana: Mailbox,
}

/// Which way mail takes.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Operator,
    Account,
}

impl Unsaid {
    async fn make(engine: Engine, point: &str, by: By) -> Self {
        let world = MailWorld::shared();
        let name = |part: &str| unique(&format!("{part}-{}", point.replace(['.', '_'], "-")), engine);
        let add = |part: &str| world.add_user(&name(part)).unwrap();
        let (from, ana, ben) = (add("from"), add("ana"), add("ben"));
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| {
            allow(c, world);
            c.data_dir = folder.path().join("data");
            impatient(c, &from);
            if by == By::Account {
                c.system_mail = SystemMail::default();
            }
        })
        .await;
        let mut api = t.owner().await;
        address_owner(t.app(), &ana).await;
        if by == By::Account {
            let sender = api.post("/accounts", &connect_request(world, &from)).await.expect(201);
            let choice = json!({ "account_id": sender["id"] });
            api.call(reqwest::Method::PUT, "/notices/mail/sender", Some(&choice), &[]).await.expect(200);
        }
        api.post("/accounts", &connect_request(world, &ben)).await.expect(201);
        let config = t.app().config.clone();
        t.stop().await;
        world.set_password(&ben.address, "another one").unwrap();
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        Self { folder, config, app, ana }
    }

    fn start(&self, crash_at: Option<&str>) -> Program {
        Program::start(&self.config, self.folder.path(), crash_at)
    }

    async fn until(&self, what: &str, sql: &'static str, wanted: i64) {
        let began = Instant::now();
        while count(&self.app, sql).await != wanted {
            assert!(began.elapsed() < DEADLINE, "{what}: {}", count(&self.app, sql).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

const OPEN: &str = "SELECT COUNT(*) FROM system_mail WHERE state IN ('queued', 'sending')";

/// Killed at the point, started again: one notice, and so many copies of one letter.
async fn killed_at(engine: Engine, (point, by): (&str, By), (state, copies): (&'static str, usize)) {
    let unsaid = Unsaid::make(engine, point, by).await;
    assert!(unsaid.start(Some(point)).killed().await, "{point} was not reached");
    let _again = unsaid.start(None);
    unsaid.until("one letter is settled", state, 1).await;
    eventually("it arrives", async || arrived(&unsaid.ana).len() == copies).await;
    // What is told or sent twice would come with the next looks; another outage in between makes sure that there were some.
    let all = [
        ("SELECT COUNT(*) FROM notice", 1),
        ("SELECT COUNT(*) FROM notice_mail", 1),
        ("SELECT COUNT(*) FROM system_mail", 1),
        (OPEN, 0),
    ];
    unsaid.two_more_looks().await;
    for (sql, wanted) in all {
        assert_eq!(count(&unsaid.app, sql).await, wanted, "{point}: {sql}");
    }
    assert_eq!(arrived(&unsaid.ana).len(), copies, "{point}");
    unsaid.app.db.close().await;
}

impl Unsaid {
    /// Waits until the program has noted an outage that begins now, and forgotten it again: each takes a look.
    async fn two_more_looks(&self) {
        let mark = "UPDATE outage SET working_since_at = 1 WHERE notice_id IS NOT NULL";
        for _ in 0..2 {
            super::run(&self.app, mark, vec![]).await;
            self.until("another look", "SELECT COUNT(*) FROM outage WHERE working_since_at IS NULL", 1).await;
        }
    }
}

const SENT: &str = "SELECT COUNT(*) FROM system_mail WHERE state = 'sent'";
const UNCERTAIN: &str = "SELECT COUNT(*) FROM system_mail WHERE state = 'uncertain'";
const HANDED: &str = "SELECT COUNT(*) FROM system_mail WHERE state = 'handed_over'";

on_both! {
    async fn before_and_after_it_is_told(engine) {
        killed_at(engine, ("notices.before_commit", By::Operator), (SENT, 1)).await;
        killed_at(engine, ("notices.after_commit", By::Operator), (SENT, 1)).await;
    }

    async fn before_and_after_the_letter_is_written(engine) {
        killed_at(engine, ("system_mail.before_written", By::Operator), (SENT, 1)).await;
        killed_at(engine, ("system_mail.written", By::Operator), (SENT, 1)).await;
    }

    async fn before_the_mark_it_is_repeated(engine) {
        killed_at(engine, ("system_mail.before_mark", By::Operator), (SENT, 1)).await;
    }

    async fn after_the_mark_it_is_not(engine) {
        killed_at(engine, ("system_mail.after_mark", By::Operator), (UNCERTAIN, 0)).await;
        killed_at(engine, ("system_mail.after_reply", By::Operator), (UNCERTAIN, 1)).await;
    }

    async fn when_an_account_has_it_already(engine) {
        killed_at(engine, ("system_mail.handed_over", By::Account), (HANDED, 1)).await;
    }
}
