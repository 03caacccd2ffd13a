//! Everything that a soak runs on: the servers, the lines to them, the data folder, the accounts.

use crate::caller::Caller;
use crate::order::Engine;
use crate::program::{End, Program};
use posthouse::config::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use testkit::{FaultProxy, MailWorld, Mailbox, Plan, Postgres};

/// Mailboxes that are nobody's account and only receive.
const SINKS: usize = 2;
/// One line to a server: its encryption, and whether a fault proxy stands before it.
type Line = (&'static str, bool);
/// How the accounts reach their servers: IMAP, then SMTP.
const LINES: [(Line, Line); 6] = [
    (("tls", false), ("starttls", false)),
    (("starttls", false), ("tls", false)),
    (("tls", true), ("starttls", true)),
    (("starttls", true), ("tls", true)),
    (("tls", true), ("tls", true)),
    (("tls", false), ("starttls", true)),
];
/// The folders that are copied.
pub const FOLDERS: [&str; 5] = ["INBOX", "Sent", "Archive", "Trash", "Projects"];
/// The owner's password.
pub const OWNER_PASSWORD: &str = "correct horse battery";

/// A connected account.
pub struct Account {
    pub id: String,
    pub mailbox: Mailbox,
    /// The folders' ids by their names.
    pub folders: BTreeMap<String, String>,
}

/// See above.
pub struct House {
    pub engine: Engine,
    pub seed: u64,
    pub mail: Arc<MailWorld>,
    pub postgres: Option<Arc<Postgres>>,
    pub config: Config,
    pub caller: Caller,
    pub accounts: Vec<Account>,
    pub sinks: Vec<Mailbox>,
    pub proxies: Vec<FaultProxy>,
    folder: tempfile::TempDir,
}

impl House {
    /// Starts the servers, sets the program up, connects the accounts, and stops the program again.
    pub async fn build(engine: Engine, seed: u64) -> Self {
        let (mail, postgres) = tokio::task::spawn_blocking(move || {
            let postgres = (engine == Engine::Postgres).then(|| Arc::new(Postgres::start().unwrap()));
            (Arc::new(MailWorld::start().unwrap()), postgres)
        })
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        // A build meanwhile must not put another program in its place.
        std::fs::copy(env!("CARGO_BIN_EXE_posthouse"), folder.path().join("posthouse")).unwrap();
        let ports = (0..engine.nodes()).map(|_| testkit::free_port().unwrap()).collect();
        let config = Config {
            data_dir: folder.path().join("data"),
            database_url: postgres.as_ref().map(|p| p.fresh_database().unwrap()),
            extra_ca: vec![mail.ca_pem().to_owned()],
            ..Config::default()
        };
        let caller = Caller::new(ports);
        let sinks = (0..SINKS).map(|n| mail.add_user(&format!("sink-{n}")).unwrap()).collect();
        let mut house =
            Self { engine, seed, mail, postgres, config, caller, accounts: vec![], sinks, proxies: vec![], folder };
        let ports = house.lines().await;
        house.write_settings();
        // The first one alone: it makes schema and key.
        let mut program = Program::start(&house, 0, None);
        assert!(program.ready(&house).await, "the program did not start");
        house.set_up().await;
        let mut others = vec![];
        for node in 1..engine.nodes() {
            let mut other = Program::start(&house, node, None);
            assert!(other.ready(&house).await, "another node did not start");
            others.push(other);
        }
        for (number, ports) in ports.into_iter().enumerate() {
            house.connect(number, ports).await;
        }
        others.push(program);
        for program in others {
            assert_eq!(program.stop().await, Some(End::Ended(Some(0))));
        }
        house
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends the servers and leaves the data folder behind.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// The ports of each account's two servers, with the proxies before some.
    async fn lines(&mut self) -> Vec<(u16, u16)> {
        let mut ports = vec![];
        for ((imap, imap_proxy), (smtp, smtp_proxy)) in LINES {
            let mut imap = if imap == "tls" { self.mail.imaps_port() } else { self.mail.imap_port() };
            let mut smtp = if smtp == "tls" { self.mail.smtps_port() } else { self.mail.submission_port() };
            for (port, _) in [(&mut imap, imap_proxy), (&mut smtp, smtp_proxy)].into_iter().filter(|(_, proxy)| *proxy)
            {
                let proxy = FaultProxy::start(*port, Plan::default()).await.unwrap();
                *port = proxy.port();
                self.proxies.push(proxy);
            }
            ports.push((imap, smtp));
        }
        ports
    }

    fn write_settings(&self) {
        let mail = &self.mail;
        let mut ports = vec![mail.imap_port(), mail.imaps_port(), mail.submission_port(), mail.smtps_port()];
        ports.extend(self.proxies.iter().map(FaultProxy::port));
        let database = self.config.database_url.as_ref().map(|u| format!("database_url = {u:?}\n")).unwrap_or_default();
        let text = format!(
            "data_dir = {:?}\nallow_reserved_domains = true\nextra_ca = [{:?}]\n{database}\
             [egress]\nallow_private = true\nextra_ports = {ports:?}\n[retry]\nfirst_ms = 100\nlongest_ms = 1000\n",
            self.config.data_dir.display().to_string(),
            mail.ca_pem().display().to_string(),
        );
        std::fs::write(self.file("settings.toml"), text).unwrap();
    }

    async fn set_up(&self) {
        let token = self.setup_token().await;
        let body = json!({
            "token": token, "name": "Ana Diaz", "email": "ana@acme.test", "password": OWNER_PASSWORD,
            "workspace_name": "Acme", "time_zone": "Europe/Berlin",
        });
        let answer = self.caller.call(Method::POST, "/setup", Some(&body), None).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// From the link that is printed once the program serves.
    async fn setup_token(&self) -> String {
        for _ in 0..1_000 {
            let printed = std::fs::read_to_string(self.file("program.out")).unwrap();
            if let Some((token, _)) = printed.split_once("token=").and_then(|(_, rest)| rest.split_once('\n')) {
                return token.trim().to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no setup link was printed");
    }

    async fn connect(&mut self, number: usize, (imap, smtp): (u16, u16)) {
        let mailbox = self.mail.add_user(&format!("ben-{number}")).unwrap();
        self.mail.create_folder(&mailbox.address, "Projects").unwrap();
        let ((imap_encryption, _), (smtp_encryption, _)) = LINES[number];
        let side = |port: u16, encryption: &str| {
            json!({ "host": "localhost", "port": port, "encryption": encryption, "username": mailbox.address,
                    "password": mailbox.password })
        };
        let body = json!({
            "provider": "custom", "address": mailbox.address, "display_name": "Ben Kim", "provider_name": "Old Host",
            "team": false, "smtp": side(smtp, smtp_encryption), "imap": side(imap, imap_encryption),
        });
        let answer = self.caller.call(Method::POST, "/accounts", Some(&body), None).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["id"].as_str().unwrap().to_owned();
        let folders = self.choose(&id).await;
        self.accounts.push(Account { id, mailbox, folders });
    }

    /// The folders of an account by their names; none while nobody answers.
    async fn folders(&self, account: &str) -> Option<BTreeMap<String, String>> {
        let answer = self.caller.call(Method::GET, &format!("/accounts/{account}/folders"), None, None).await?;
        let named = |f: &Value| Some((f["name"].as_str()?.to_owned(), f["id"].as_str()?.to_owned()));
        let all: BTreeMap<_, _> = answer.body["items"].as_array()?.iter().filter_map(named).collect();
        FOLDERS.iter().all(|name| all.contains_key(*name)).then_some(all)
    }

    /// Has all folders copied that letters go to.
    async fn choose(&self, account: &str) -> BTreeMap<String, String> {
        let mut known = None;
        for _ in 0..1_000 {
            known = self.folders(account).await;
            if known.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
        let known = known.expect("the folders are listed");
        let chosen: Vec<_> = FOLDERS.iter().map(|name| json!({ "id": known[*name], "selected": true })).collect();
        let path = format!("/accounts/{account}/folders");
        let answer = self.caller.call(Method::PATCH, &path, Some(&json!({ "folders": chosen })), None).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        // Flags that another program changed while ours were on their way are taken over by the next look at a folder.
        let often = json!({ "sync_minutes": 1 });
        let answer =
            self.caller.call(Method::PATCH, &format!("/accounts/{account}"), Some(&often), None).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        known
    }
}
