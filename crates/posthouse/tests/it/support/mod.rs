//! A running Posthouse for one test, and a caller of its API.

mod api;
#[cfg(feature = "failpoints")]
pub mod program;

pub use api::{Answer, Api};

use posthouse::base::clock::Clock;
use posthouse::config::{Config, Egress, Retry};
use posthouse::server::{self, Running};
use std::path::Path;
use std::time::Duration;
use testkit::{MailWorld, Postgres};
use tokio::sync::OnceCell;

/// The engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Runs the body once on each engine.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            $(#[$meta])*
            async fn story($engine: $crate::support::Engine) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() { story($crate::support::Engine::Sqlite).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() { story($crate::support::Engine::Postgres).await; }
        }
    )*};
}

/// A Posthouse on a free port with a data folder and database of its own.
pub struct TestApp {
    running: Option<Running>,
    config: Config,
    _folder: tempfile::TempDir,
}

/// The settings of a test, with an empty database.
pub fn config(engine: Engine, folder: &Path) -> Config {
    let database_url = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Postgres::shared().fresh_database().unwrap()),
    };
    Config { database_url, ..settings(folder) }
}

/// Gives these settings a database that every migration was applied to: a copy, as hundreds of tests begin with one.
async fn furnish(engine: Engine, config: &mut Config) {
    static SQLITE: OnceCell<Config> = OnceCell::const_new();
    static POSTGRES: OnceCell<Config> = OnceCell::const_new();
    let migrated = async || {
        let model = self::config(engine, &tempfile::tempdir().unwrap().keep());
        std::fs::create_dir_all(&model.data_dir).unwrap();
        let db = posthouse::app::open_database(&model).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        model
    };
    match engine {
        Engine::Sqlite => {
            let model = SQLITE.get_or_init(migrated).await;
            std::fs::create_dir_all(&config.data_dir).unwrap();
            std::fs::copy(model.data_dir.join("posthouse.db"), config.data_dir.join("posthouse.db")).unwrap();
        }
        // The test has a server of its own.
        Engine::Postgres if config.database_url.is_some() => {}
        Engine::Postgres => {
            let model = POSTGRES.get_or_init(migrated).await;
            config.database_url = Some(Postgres::shared().copy_of(model.database_url.as_ref().unwrap()).unwrap());
        }
    }
}

/// The settings of a test: loopback may be dialled, pauses are short.
fn settings(folder: &Path) -> Config {
    Config {
        data_dir: folder.to_owned(),
        // Not one that the system gives: those who start again on it would find it taken by an outgoing connection.
        listen: ([127, 0, 0, 1], testkit::free_port().unwrap()).into(),
        egress: Egress { allow_private: true, extra_ports: vec![] },
        allow_reserved_domains: true,
        retry: Retry { first_ms: 200, longest_ms: 1_000, ..Retry::default() },
        ..Config::default()
    }
}

impl TestApp {
    /// Starts one that knows no mail server.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// Starts one that may speak to this world's servers.
    pub async fn beside(engine: Engine, world: &MailWorld) -> Self {
        Self::with(engine, |c| allow(c, world)).await
    }

    /// Starts one with changed settings.
    pub async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(engine, Clock::system(), change).await
    }

    /// Starts one with changed settings that goes by this clock.
    pub async fn at(engine: Engine, clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let _ = tracing_subscriber::fmt().with_test_writer().with_env_filter("warn").try_init();
        let folder = tempfile::tempdir().unwrap();
        let mut config = settings(folder.path());
        change(&mut config);
        furnish(engine, &mut config).await;
        let running = server::start(config.clone(), clock).await.unwrap();
        Self { running: Some(running), config, _folder: folder }
    }

    pub fn app(&self) -> &posthouse::app::App {
        &self.running.as_ref().unwrap().app
    }

    /// Where it answers `/metrics`.
    pub fn metrics_addr(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().metrics_addr.expect("metrics.listen is set")
    }

    /// Where it serves.
    pub fn addr(&self) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().addr
    }

    /// A caller that is not signed in.
    pub fn caller(&self) -> Api {
        Api::new(self.running.as_ref().unwrap().addr)
    }

    /// Another caller with the same session.
    pub fn caller_like(&self, api: &Api) -> Api {
        Api::with_cookie_of(self.running.as_ref().unwrap().addr, api)
    }

    /// The owner, after setting up.
    pub async fn owner(&self) -> Api {
        let link = posthouse::team::setup_link(self.app()).await.unwrap().expect("nobody owns it yet");
        let token = link.split("token=").nth(1).unwrap();
        let mut api = self.caller();
        let body = serde_json::json!({
            "token": token, "name": "Ana Diaz", "email": "ana@acme.test", "password": "correct horse battery",
            "workspace_name": "Acme", "time_zone": "Europe/Berlin",
        });
        api.post("/setup", &body).await.expect(201);
        api
    }

    /// Moves its clock, which is a movable one. The heartbeat grows old with it and would have run out: all sessions would end at its next
    /// beat.
    pub async fn advance(&self, secs: i64) {
        let mut tx = self.app().db.tx().await.unwrap();
        let prolong = db::Sql::both("UPDATE lease SET until_at = until_at + $1 WHERE name LIKE 'node:%'");
        db::run(&mut tx, prolong, vec![db::IntoValue::into_value(secs * 1_000_000)]).await.unwrap();
        self.app().clock.advance_secs(secs);
        tx.commit().await.unwrap();
    }

    /// Stops it and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.running.take().unwrap().stop().await;
        let running = server::start(self.config.clone(), Clock::system()).await.unwrap();
        self.running = Some(running);
    }

    /// The same settings for another installation in this folder, with nothing in it yet.
    pub fn elsewhere(&self, folder: &std::path::Path) -> Config {
        let engine = if self.config.database_url.is_some() { Engine::Postgres } else { Engine::Sqlite };
        let fresh = config(engine, &folder.join("data"));
        let (data_dir, database_url, listen) = (fresh.data_dir, fresh.database_url, fresh.listen);
        Config { data_dir, database_url, listen, ..self.config.clone() }
    }

    /// Starts one on what is there.
    pub async fn on(config: Config) -> Self {
        let running = server::start(config.clone(), Clock::system()).await.unwrap();
        Self { running: Some(running), config, _folder: tempfile::tempdir().unwrap() }
    }

    /// Runs a statement.
    pub async fn run_sql(&self, sql: &'static str) {
        let mut tx = self.app().db.tx().await.unwrap();
        db::run(&mut tx, db::Sql::both(sql), vec![]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The number that a statement gives.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let row: (i64,) = db::one(&mut self.app().db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
        row.0
    }

    /// Signs the owner in.
    pub async fn signed_in(&self) -> Api {
        let mut api = self.caller();
        let body = serde_json::json!({ "email": "ana@acme.test", "password": "correct horse battery" });
        api.post("/session", &body).await.expect(200);
        api
    }

    /// Stops it and keeps what it stored.
    pub async fn keep(mut self) -> tempfile::TempDir {
        self.running.take().unwrap().stop().await;
        self._folder
    }

    /// Stops it in good order.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }
}

/// Lets a Posthouse speak to this world's servers.
pub fn allow(config: &mut Config, world: &MailWorld) {
    config.egress.extra_ports = vec![
        world.imap_port(),
        world.imaps_port(),
        world.submission_port(),
        world.smtps_port(),
        world.plain_submission_port(),
    ];
    config.extra_ca = vec![world.ca_pem().to_owned()];
}

/// The request that connects a mailbox of this world.
pub fn connect_request(world: &MailWorld, mailbox: &testkit::Mailbox) -> serde_json::Value {
    serde_json::json!({
        "provider": "custom", "address": mailbox.address, "display_name": "Ben Kim", "provider_name": "Old Host", "team": false,
        "smtp": { "host": "localhost", "port": world.submission_port(), "encryption": "starttls",
                  "username": mailbox.address, "password": mailbox.password },
        "imap": { "host": "localhost", "port": world.imaps_port(), "encryption": "tls",
                  "username": mailbox.address, "password": mailbox.password },
    })
}

/// An account's newest 200 messages, and those in Trash, Junk and folders that are not copied, which its list leaves out.
pub async fn all_mail(api: &mut Api, account: &str) -> Vec<serde_json::Value> {
    let folders = api.get(&format!("/accounts/{account}/folders")).await.expect(200);
    let is_apart = |f: &&serde_json::Value| f["role"] == "trash" || f["role"] == "junk" || f["selected"] == false;
    let apart = folders["items"].as_array().unwrap().iter().filter(is_apart);
    let named = apart.map(|f| format!("&folder={}", f["id"].as_str().unwrap()));
    let mut all = vec![];
    for folder in std::iter::once(String::new()).chain(named) {
        let list = api.get(&format!("/accounts/{account}/messages?limit=200{folder}")).await.expect(200);
        for message in list["items"].as_array().unwrap() {
            if !all.iter().any(|m: &serde_json::Value| m["id"] == message["id"]) {
                all.push(message.clone());
            }
        }
    }
    all
}

/// Waits until a side of the account is so; panics with the account.
pub async fn wait_for_state(api: &mut Api, id: &str, side: &str, state: &str) -> serde_json::Value {
    for _ in 0..1_000 {
        let account = api.get(&format!("/accounts/{id}")).await.expect(200);
        if account[side]["state"] == state {
            return account;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("waited in vain for {state}: {}", api.get(&format!("/accounts/{id}")).await.expect(200));
}

/// How long anything is waited for. No test measures speed: a busy machine has time to come to it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the condition holds; panics with `what` after the deadline.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if condition().await {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The first octets of a text, for a report.
pub fn beginning(text: &str, octets: usize) -> &str {
    text.get(..text.floor_char_boundary(octets)).unwrap()
}

/// A small mail.
pub fn mail(subject: &str, message_id: &str) -> Vec<u8> {
    format!(
        "From: Cleo <cleo@else.test>\r\nTo: ben@lab.test\r\nSubject: {subject}\r\nMessage-ID: <{message_id}>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello from {subject}.\r\n"
    )
    .into_bytes()
}

impl TestApp {
    /// A second workspace, for tests of isolation.
    pub async fn add_workspace(&self, name: &str) -> posthouse::team::WorkspaceId {
        let app = self.app();
        let id = posthouse::team::WorkspaceId(app.ids.next());
        let mut tx = app.db.tx().await.unwrap();
        let sql = db::Sql::both("INSERT INTO workspace (id, name, time_zone, created_at) VALUES ($1, $2, 'UTC', $3)");
        let args = vec![
            db::IntoValue::into_value(id),
            db::IntoValue::into_value(name),
            db::IntoValue::into_value(app.clock.now()),
        ];
        db::run(&mut tx, sql, args).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A person with a role in a workspace.
    pub async fn add_member(
        &self,
        scope: posthouse::team::Scope,
        email: &str,
        role: posthouse::team::Role,
    ) -> posthouse::team::UserId {
        use db::IntoValue;
        let app = self.app();
        let id = posthouse::team::UserId(app.ids.next());
        let now = app.clock.now();
        let mut tx = app.db.tx().await.unwrap();
        let user = db::Sql::both(
            "INSERT INTO \"user\" (id, email, email_key, name, password_hash, created_at, updated_at) VALUES ($1, $2, $2, $2, '', $3, $3)",
        );
        db::run(&mut tx, user, vec![id.into_value(), email.into_value(), now.into_value()]).await.unwrap();
        let member =
            db::Sql::both("INSERT INTO membership (workspace_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)");
        let args = vec![scope.workspace_id().into_value(), id.into_value(), role.into_value(), now.into_value()];
        db::run(&mut tx, member, args).await.unwrap();
        tx.commit().await.unwrap();
        id
    }
}
