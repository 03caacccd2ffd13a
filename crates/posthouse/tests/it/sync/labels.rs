//! Gmail, played by the sandbox: its labels are folders there, and a message lies in several at once. What it does is from Google's
//! description and from transcripts; Google's own servers are not met here.

use crate::on_both;
use crate::support::{Api, Engine, PATIENCE, TestApp, all_mail, eventually, mail};
use posthouse::base::clock::Clock;
use sandbox::{Folder, Kind, Mailbox, NewMessage, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, OtherProgram, Plan, contains};
use tokio_util::sync::CancellationToken;

const ALL_MAIL: &str = "[Gmail]/All Mail";
/// What is copied of it.
const COPIED: [&str; 5] = ["INBOX", ALL_MAIL, "[Gmail]/Sent Mail", "[Gmail]/Spam", "[Gmail]/Trash"];
const PASSWORD: &str = "labels";

/// A mailbox of Gmail's kind in one Posthouse, with a proxy between that counts.
struct Labels {
    sandbox: Sandbox,
    stop: CancellationToken,
    proxy: FaultProxy,
    t: TestApp,
    api: Api,
    id: String,
    address: String,
}

impl Labels {
    async fn start(engine: Engine, name: &str) -> Self {
        let address = format!("{name}-{engine:?}@labels.test").to_lowercase();
        let stop = CancellationToken::new();
        let free = ([127, 0, 0, 1], 0).into();
        let mailbox = Mailbox { address: address.clone(), password: PASSWORD.into(), kind: Kind::Gmail };
        let clock = Arc::new(|| Clock::system().now().0);
        let config = SandboxConfig { imap: free, smtp: free, mailboxes: vec![mailbox], clock };
        let sandbox = Sandbox::start(config, stop.clone()).await.unwrap();
        fill(&sandbox, &address);
        // It changes nothing; only with a fault that looks at lines does the proxy listen to them.
        let none = Fault::ReplaceText(Direction::FromServer, contains("CAPABILITY"), [" NOTIFY".into(), String::new()]);
        let proxy = FaultProxy::start(sandbox.imap_addr().port(), Plan { faults: vec![none] }).await.unwrap();
        let (imap, smtp) = (proxy.port(), sandbox.smtp_addr().port());
        let t = TestApp::with(engine, |c| {
            c.egress.extra_ports = vec![imap, smtp];
            c.plain_text_logins = true;
            c.retry.first_ms = 50;
        })
        .await;
        let mut api = t.owner().await;
        let server = |port: u16| json!({ "host": "localhost", "port": port, "encryption": "none", "username": address, "password": PASSWORD });
        let request = json!({
            "provider": "custom", "address": address, "display_name": "Nora Quist", "provider_name": "Labels", "team": false,
            "smtp": server(smtp), "imap": server(imap),
        });
        let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { sandbox, stop, proxy, t, api, id, address }
    }

    /// Another mail program at the mailbox.
    fn other(&self) -> OtherProgram {
        OtherProgram::sign_in(self.sandbox.imap_addr().port(), &self.address, PASSWORD).unwrap()
    }

    /// What another program says about a message in a folder, `#` being its UID.
    fn there(&self, folder: &str, subject: &str, command: &str) {
        let mut other = self.other();
        let uids = other.find(folder, &message_id(subject)).unwrap();
        let [uid] = uids[..] else { panic!("{subject} in {folder}: {uids:?}") };
        other.command(&command.replace('#', &uid.to_string())).unwrap();
    }

    /// The copied folders on the server: subject -> where it lies.
    fn on_the_server(&self) -> BTreeMap<String, Vec<String>> {
        let mut other = self.other();
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for folder in COPIED {
            for m in other.stored(folder).unwrap() {
                let text = String::from_utf8_lossy(&m.raw).into_owned();
                let subject = text.lines().find_map(|l| l.strip_prefix("Subject: ")).unwrap();
                all.entry(subject.to_owned()).or_default().push(placed(folder, [m.seen, m.flagged]));
            }
        }
        all.values_mut().for_each(|places| places.sort());
        all
    }

    /// The same as we have it.
    async fn here(&self) -> BTreeMap<String, Vec<String>> {
        let sql = db::Sql::both(
            "SELECT m.subject, f.name, p.seen, p.flagged FROM placement p
             JOIN message m ON m.id = p.message_id JOIN folder f ON f.id = p.folder_id",
        );
        let rows: Vec<(String, String, bool, bool)> =
            db::all(&mut self.t.app().db.read().await.unwrap(), sql, vec![]).await.unwrap();
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (subject, folder, seen, flagged) in rows.into_iter().filter(|row| COPIED.contains(&row.1.as_str())) {
            all.entry(subject).or_default().push(placed(&folder, [seen, flagged]));
        }
        all.values_mut().for_each(|places| places.sort());
        all
    }

    /// Waits until the copy is what the server has, with one row for each message.
    async fn equal(&mut self) {
        self.sync_now().await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (here, there) = (self.here().await, self.on_the_server());
            if here == there {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "never equal; here {here:?}, on the server {there:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let subjects = i64::try_from(self.on_the_server().len()).unwrap();
        let rows = "SELECT COUNT(*) FROM message WHERE gmail_id IS NOT NULL";
        let t = &self.t;
        eventually("one row for each message", async || {
            t.number("SELECT COUNT(*) FROM message").await == subjects && t.number(rows).await == subjects
        })
        .await;
    }

    async fn sync_now(&mut self) {
        let path = format!("/accounts/{}/sync", self.id);
        for _ in 0..500 {
            let answer = self.api.post(&path, &json!({ "compare": false })).await;
            if answer.status.as_u16() == 202 {
                return;
            }
            answer.problem(409, "not_receiving");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never connected");
    }

    async fn row(&mut self, subject: &str) -> Value {
        let list = all_mail(&mut self.api, &self.id).await;
        list.into_iter().find(|m| m["subject"] == subject).unwrap_or_else(|| panic!("no {subject}"))
    }

    /// Waits until a row shows these folders: labels may come a moment after the places.
    async fn lies_in(&mut self, subject: &str, folders: &[&str]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let row = self.row(subject).await;
            let shown = row["folders"].as_array().unwrap();
            let mut names: Vec<&str> = shown.iter().map(|f| f["name"].as_str().unwrap()).collect();
            names.sort_unstable();
            if names == folders {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{subject}: {names:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a row shows these labels.
    async fn labelled(&mut self, subject: &str, labels: &[&str]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.row(subject).await["labels"].clone();
            if now == json!(labels) {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{subject}: {now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn found(&mut self, query: &str) -> Vec<String> {
        let page = self.api.get(&format!("/messages/search?q={query}")).await.expect(200);
        let subjects = page["items"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned());
        let mut all: Vec<String> = subjects.collect();
        all.sort();
        all
    }

    /// Does something with a message on our page.
    async fn move_back(&mut self, moves: &Value) -> Value {
        super::undo::move_back(&mut self.api, &self.id, moves).await
    }

    async fn change(&mut self, subject: &str, from: Option<&str>, action: Value) {
        let row = self.row(subject).await;
        let from = match from {
            Some(name) => json!(self.folder(name).await),
            None => Value::Null,
        };
        let body = json!({ "messages": [row["id"]], "from": from, "action": action });
        self.api.post(&format!("/accounts/{}/messages/change", self.id), &body).await.expect(200);
    }

    async fn folder(&mut self, name: &str) -> String {
        let all = self.api.get(&format!("/accounts/{}/folders", self.id)).await.expect(200);
        let found = all["items"].as_array().unwrap().iter().find(|f| f["name"] == name);
        found.unwrap_or_else(|| panic!("no folder {name} in {all}"))["id"].as_str().unwrap().to_owned()
    }

    /// Waits until all that was done here has reached the server.
    async fn settled(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.api.get(&format!("/accounts/{}/operations", self.id)).await.expect(200);
            if now["waiting"] == 0 {
                assert_eq!(now["refused"], json!([]), "nothing was refused");
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "never done: {now}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    fn bodies_asked(&self) -> usize {
        super::bodies_asked(&self.proxy)
    }

    async fn stop(self) {
        self.t.stop().await;
        self.stop.cancel();
        self.sandbox.stopped().await;
    }
}

fn message_id(subject: &str) -> String {
    format!("{}@else.test", subject.replace(' ', "-"))
}

fn placed(folder: &str, flags: [bool; 2]) -> String {
    let set = ["seen", "flagged"].into_iter().zip(flags).filter(|(_, set)| *set);
    set.fold(folder.to_owned(), |text, (flag, _)| text + ", " + flag)
}

fn fill(sandbox: &Sandbox, address: &str) {
    let now = Clock::system().now().0;
    for (subject, folder, labels) in [
        ("All labels", Folder::Inbox, &["\\Important", "\\Starred", "Kunden/Acme", "Follow up"][..]),
        ("Inbox only", Folder::Inbox, &[]),
        ("Another one", Folder::Inbox, &[]),
        ("Put away", Folder::Archive, &["Kunden/Acme"]),
        ("Mine", Folder::Sent, &[]),
        ("Unwanted", Folder::Junk, &[]),
    ] {
        let raw = mail(subject, &message_id(subject));
        let uid = sandbox.file(address, NewMessage { folder, raw, seen: false, received_at: now }).unwrap();
        for label in labels {
            sandbox.set_label(address, (folder, uid), (label, true)).unwrap();
        }
    }
}

on_both! {
    async fn a_mailbox_with_labels_is_copied_once_and_followed(engine) {
        let mut s = Labels::start(engine, "labels-followed").await;
        s.equal().await;
        assert_eq!(s.bodies_asked(), 6, "each was fetched once, however many folders show it");
        assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE selected").await, 5, "labels lead to what is here");

        s.lies_in("All labels", &["Follow up", "INBOX", "Kunden/Acme", ALL_MAIL]).await;
        s.lies_in("Put away", &["Kunden/Acme", ALL_MAIL]).await;
        s.lies_in("Unwanted", &["[Gmail]/Spam"]).await;
        s.labelled("All labels", &["Follow up", "Kunden/Acme"]).await;
        for (query, subjects) in [
            ("label:acme", &["All labels", "Put away"][..]),
            ("label:starred", &["All labels"]),
            ("label:important", &["All labels"]),
            ("label:sent", &["Mine"]),
        ] {
            assert_eq!(s.found(query).await, subjects, "{query}");
        }

        // Somebody else gives a label and takes others off.
        s.there("INBOX", "Inbox only", "UID COPY # \"Kunden/Acme\"");
        s.there("Kunden/Acme", "All labels", "UID STORE # +FLAGS (\\Deleted)");
        s.there("INBOX", "All labels", "UID STORE # -FLAGS (\\Flagged)");
        s.equal().await;
        s.labelled("Inbox only", &["Kunden/Acme"]).await;
        s.labelled("All labels", &["Follow up"]).await;
        assert_eq!(s.found("label:starred").await, [""; 0]);
        // It leaves the inbox, and is not gone by it.
        s.there("INBOX", "Another one", &format!("UID MOVE # \"{ALL_MAIL}\""));
        s.equal().await;
        s.lies_in("Another one", &[ALL_MAIL]).await;
        s.there(ALL_MAIL, "Another one", "UID COPY # \"[Gmail]/Spam\"");
        s.equal().await;
        s.lies_in("Another one", &["[Gmail]/Spam"]).await;

        s.t.restart().await;
        s.api = s.t.signed_in().await;
        s.equal().await;
        assert_eq!(s.bodies_asked(), 0, "nothing is fetched again");
        s.stop().await;
    }

    async fn what_is_done_here_is_done_to_the_labels_there(engine) {
        let mut s = Labels::start(engine, "labels-changed").await;
        s.equal().await;
        s.bodies_asked();

        s.change("Inbox only", None, json!({ "kind": "archive" })).await;
        s.settled().await;
        // At once, by a pass that nobody asked for.
        s.lies_in("Inbox only", &[ALL_MAIL]).await;
        s.equal().await;
        assert_eq!(s.on_the_server()["Inbox only"], [ALL_MAIL]);
        s.lies_in("Inbox only", &[ALL_MAIL]).await;

        // Taken back it lies in both, there and here. Put away by somebody else, it is not gone.
        let inbox = s.folder("INBOX").await;
        s.change("Inbox only", Some(ALL_MAIL), json!({ "kind": "move", "folder": inbox })).await;
        s.settled().await;
        s.equal().await;
        assert_eq!(s.on_the_server()["Inbox only"], ["INBOX", ALL_MAIL]);
        s.there("INBOX", "Inbox only", "UID STORE # +FLAGS (\\Deleted)");
        s.equal().await;
        s.lies_in("Inbox only", &[ALL_MAIL]).await;

        // What is moved to a label, from wherever it lies, stays in All Mail.
        let offers = s.folder("Follow up").await;
        for subject in ["Inbox only", "Put away"] {
            s.change(subject, None, json!({ "kind": "move", "folder": offers })).await;
            s.settled().await;
            s.equal().await;
            assert_eq!(s.on_the_server()[subject], [ALL_MAIL]);
        }
        s.labelled("Inbox only", &["Follow up"]).await;
        s.labelled("Put away", &["Follow up", "Kunden/Acme"]).await;

        s.change("All labels", None, json!({ "kind": "flags", "seen": true, "flagged": false })).await;
        let folder = s.folder("Kunden/Acme").await;
        s.change("Another one", None, json!({ "kind": "copy", "folder": folder })).await;
        s.settled().await;
        s.equal().await;
        s.labelled("Another one", &["Kunden/Acme"]).await;

        s.change("All labels", None, json!({ "kind": "trash" })).await;
        s.settled().await;
        s.equal().await;
        assert_eq!(s.on_the_server()["All labels"], ["[Gmail]/Trash, seen"], "and nowhere else");
        s.change("Another one", None, json!({ "kind": "junk" })).await;
        s.settled().await;
        s.equal().await;
        assert_eq!(s.on_the_server()["Another one"], ["[Gmail]/Spam"]);
        s.change("Another one", Some("[Gmail]/Spam"), json!({ "kind": "move", "folder": inbox })).await;
        s.settled().await;
        s.lies_in("Another one", &["INBOX", "Kunden/Acme", ALL_MAIL]).await;
        // What was sent lies in the trash alone, at once, and comes back by one move.
        let row = s.row("Mine").await;
        let body = json!({ "messages": [row["id"]], "action": { "kind": "trash" } });
        let away = s.api.post(&format!("/accounts/{}/messages/change", s.id), &body).await.expect(200);
        assert_eq!((&away["changed"], away["moved"].as_array().unwrap().len()), (&json!(1), 1), "{away}");
        s.lies_in("Mine", &["[Gmail]/Trash"]).await;
        s.settled().await;
        s.equal().await;
        assert_eq!(s.on_the_server()["Mine"], ["[Gmail]/Trash"]);
        let back = s.move_back(&away["moved"]).await;
        assert_eq!((&back["changed"], &back["missing"]), (&json!(1), &json!(0)), "{back}");
        s.settled().await;
        s.equal().await;
        assert!(s.on_the_server()["Mine"].contains(&ALL_MAIL.to_owned()));
        // Put away and taken back before the server has heard of it: once, however often it is asked for.
        let row = s.row("Another one").await;
        let body = json!({ "messages": [row["id"]], "from": inbox, "action": { "kind": "archive" } });
        let away = s.api.post(&format!("/accounts/{}/messages/change", s.id), &body).await.expect(200);
        let back = s.move_back(&json!([away["moved"][0], away["moved"][0]])).await;
        assert_eq!((&back["changed"], &back["unchanged"]), (&json!(1), &json!(1)), "{back}");
        s.settled().await;
        s.equal().await;
        s.lies_in("Another one", &["INBOX", "Kunden/Acme", ALL_MAIL]).await;
        assert_eq!(s.on_the_server()["Another one"], ["INBOX", ALL_MAIL]);
        // From the trash it goes for good.
        s.change("All labels", Some("[Gmail]/Trash"), json!({ "kind": "delete" })).await;
        s.settled().await;
        s.equal().await;
        assert!(!s.on_the_server().contains_key("All labels"));
        assert_eq!(s.bodies_asked(), 0, "nothing of it was fetched");
        s.stop().await;
    }
}
