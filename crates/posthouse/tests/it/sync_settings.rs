//! What people decide about an account's copy: how often it is compared, which folders, how far back. And a folder that does not open.

use crate::on_both;
use crate::support::{Api, Engine, TestApp, allow, connect_request, eventually, mail};
use posthouse::base::clock::Clock;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::Direction::{FromClient, FromServer};
use testkit::{Fault, FaultProxy, LineMatch, MailWorld, Mailbox, Plan, contains};
use tokio::sync::Mutex;

const DAY_SECS: i64 = 24 * 3_600;

/// One account of one mailbox, and whoever looks at it.
struct Place {
    t: TestApp,
    clock: Clock,
    api: Mutex<Api>,
    world: &'static MailWorld,
    mailbox: Mailbox,
    id: String,
}

impl Place {
    /// Connected so many days from now: what is put into the mailbox today is so old.
    async fn with(engine: Engine, name: &str, days: i64, imap: Option<&FaultProxy>) -> Self {
        Self::of(MailWorld::shared(), engine, (name, days), imap).await
    }

    async fn of(
        world: &'static MailWorld,
        engine: Engine,
        (name, days): (&str, i64),
        imap: Option<&FaultProxy>,
    ) -> Self {
        let mailbox = world.add_user(&format!("{name}-{engine:?}").to_lowercase()).unwrap();
        for folder in ["Sent", "Archive"] {
            world
                .put(&mailbox.address, folder, &mail(&format!("First in {folder}"), &format!("{folder}@else.test")))
                .unwrap();
        }
        world.put(&mailbox.address, "INBOX", &mail("First", "first@else.test")).unwrap();
        let clock = Clock::movable();
        clock.advance_secs(days * DAY_SECS);
        let t = TestApp::at(engine, clock.clone(), |c| {
            allow(c, world);
            c.plain_text_logins = true;
            c.egress.extra_ports.extend(imap.map(FaultProxy::port));
        })
        .await;
        let mut api = t.owner().await;
        let mut request = connect_request(world, &mailbox);
        if let Some(imap) = imap {
            request["imap"]["port"] = json!(imap.port());
            request["imap"]["encryption"] = json!("none");
        }
        let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
        let place = Self { t, clock, api: Mutex::new(api), world, mailbox, id };
        eventually("it is live", async || place.account().await["sync"]["stage"] == "live").await;
        place
    }

    async fn account(&self) -> Value {
        self.api.lock().await.get(&format!("/accounts/{}", self.id)).await.expect(200)
    }

    async fn change(&self, change: Value) -> Value {
        self.api.lock().await.patch(&format!("/accounts/{}", self.id), &change).await.expect(200)
    }

    async fn subjects(&self) -> Vec<String> {
        let list = self.api.lock().await.get(&format!("/accounts/{}/messages?limit=200", self.id)).await.expect(200);
        list["items"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect()
    }

    async fn has(&self, subject: &str) -> bool {
        self.subjects().await.iter().any(|s| s == subject)
    }

    async fn until_here(&self, subject: &str) {
        eventually(subject, async || self.has(subject).await).await;
    }

    async fn folder(&self, name: &str) -> Value {
        let list = self.api.lock().await.get(&format!("/accounts/{}/folders", self.id)).await.expect(200);
        list["items"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("{list}")).clone()
    }

    /// Chooses a folder or leaves it out.
    async fn choose(&self, name: &str, selected: bool, dry_run: bool) -> crate::support::Answer {
        let id = self.folder(name).await["id"].clone();
        let body = json!({ "folders": [{ "id": id, "selected": selected }], "dry_run": dry_run });
        self.api.lock().await.patch(&format!("/accounts/{}/folders", self.id), &body).await
    }

    /// Says what a folder is for.
    async fn use_for(&self, name: &str, role: Value, dry_run: bool) -> crate::support::Answer {
        let id = self.folder(name).await["id"].clone();
        let body = json!({ "folders": [{ "id": id, "role": role }], "dry_run": dry_run });
        self.api.lock().await.patch(&format!("/accounts/{}/folders", self.id), &body).await
    }

    /// What the folder is for, and what the server says.
    async fn used_for(&self, name: &str) -> (Value, Value) {
        let folder = self.folder(name).await;
        (folder["role"].clone(), folder["server_role"].clone())
    }

    /// Sends a message, and waits until its copy is filed.
    async fn send(&self, subject: &str) {
        let body = json!({ "to": self.mailbox.address, "subject": subject, "body": "Hello.\n" });
        let path = format!("/accounts/{}/outgoing", self.id);
        let key = format!("{}-{}", self.id, subject.replace(' ', "-"));
        let headers = [("idempotency-key", key.as_str())];
        let mut api = self.api.lock().await;
        let sent = api.call(reqwest::Method::POST, &path, Some(&body), &headers).await.expect(202);
        drop(api);
        let path = format!("/outgoing/{}", sent["id"].as_str().unwrap());
        eventually("the copy is filed", async || {
            self.api.lock().await.get(&path).await.expect(200)["sent_copy"] == "filed"
        })
        .await;
    }

    /// Messages of a folder on the server.
    fn there(&self, folder: &str) -> usize {
        self.world.messages(&self.mailbox.address, folder).unwrap().len()
    }

    /// Chooses an empty or new folder and waits until it was looked at. The inbox comes last in a pass: with the second such folder all
    /// of the first one's pass is over.
    async fn pass_over(&self) {
        for name in ["Drafts", "Junk"] {
            self.choose(name, true, false).await.expect(200);
            eventually("the folder was looked at", async || {
                let looked =
                    "SELECT COUNT(*) FROM folder WHERE uid_validity IS NOT NULL AND name IN ('Drafts', 'Junk')";
                self.t.number(looked).await == if name == "Drafts" { 1 } else { 2 }
            })
            .await;
        }
    }

    fn put(&self, folder: &str, subject: &str) {
        let id = format!("{}@else.test", subject.replace(' ', "-"));
        self.world.put(&self.mailbox.address, folder, &mail(subject, &id)).unwrap();
    }

    /// The owner looks at the inbox, and at more only when it is time: once this mail is here it has done so.
    async fn look(&self, subject: &str) {
        self.put("INBOX", subject);
        self.until_here(subject).await;
    }
}

on_both! {
    async fn a_folder_without_idle_is_looked_at_as_often_as_was_chosen(engine) {
        let p = Place::with(engine, "frequency", 0, None).await;
        assert_eq!(p.account().await["sync_minutes"], 5);
        p.look("Settled").await;
        p.put("Sent", "Elsewhere 1");
        p.clock.advance_secs(4 * 60);
        p.look("After four minutes").await;
        assert!(!p.has("Elsewhere 1").await, "five minutes are not over");
        p.clock.advance_secs(60);
        p.look("After five minutes").await;
        p.until_here("Elsewhere 1").await;

        assert_eq!(p.change(json!({ "sync_minutes": 60 })).await["sync_minutes"], 60);
        p.put("Sent", "Elsewhere 2");
        p.clock.advance_secs(16 * 60);
        p.look("After sixteen minutes").await;
        assert!(!p.has("Elsewhere 2").await, "an hour is not over");
        // Nothing but the change itself wakes the owner, and the time that went by counts.
        p.change(json!({ "sync_minutes": 15 })).await;
        p.until_here("Elsewhere 2").await;

        let mut api = p.api.lock().await;
        for bad in [json!({ "sync_minutes": 0 }), json!({ "sync_minutes": 61 }), json!({ "import_days": -1 }), json!({ "import_days": 3_651 })] {
            let problem = api.patch(&format!("/accounts/{}", p.id), &bad).await.problem(422, "validation_failed");
            assert_eq!(problem["fields"][0]["field"].as_str(), bad.as_object().unwrap().keys().next().map(String::as_str));
        }
        drop(api);
        assert_eq!((&p.account().await["sync_minutes"], &p.account().await["import_days"]), (&json!(15), &json!(30)));
        // The page offers five, the API takes any between; the guide and the API's own text tell both.
        for minutes in [1, 2, 60] {
            assert_eq!(p.change(json!({ "sync_minutes": minutes })).await["sync_minutes"], minutes);
        }
        for text in [include_str!("../../../../docs/guide/account-settings.md"), include_str!("../../../../openapi.json")] {
            assert!(text.contains("any number from 1 to 60"));
        }
        p.t.stop().await;
    }

    async fn folders_are_chosen_and_left_out(engine) {
        let p = Place::with(engine, "choose", 0, None).await;
        p.until_here("First in Sent").await;
        for (name, selected) in [("INBOX", true), ("Sent", true), ("Archive", false), ("Drafts", false), ("Junk", false)] {
            let folder = p.folder(name).await;
            assert_eq!(folder["selected"], selected, "{folder}");
        }
        eventually("all are counted on the server", async || {
            p.folder("Archive").await["server_messages"] == 1 && p.folder("Junk").await["server_messages"] == 0
        })
        .await;
        assert!(!p.has("First in Archive").await);

        let answer = p.choose("Archive", true, false).await.expect(200);
        assert_eq!(answer["removed_messages"], 0);
        p.until_here("First in Archive").await;
        // A copy of what is in the archive lies in the inbox, too.
        p.world.put(&p.mailbox.address, "INBOX", &mail("First in Archive", "Archive@else.test")).unwrap();
        eventually("both are placed", async || p.folder("INBOX").await["messages"] == 2).await;
        p.put("Archive", "Only in Archive");
        p.clock.advance_secs(5 * 60);
        p.look("A pass").await;
        p.until_here("Only in Archive").await;

        let told = p.choose("Archive", false, true).await.expect(200);
        assert_eq!(told["removed_messages"], 1, "what lies in the inbox too stays");
        assert!(p.folder("Archive").await["selected"] == true && p.has("Only in Archive").await, "only asked");
        let done = p.choose("Archive", false, false).await.expect(200);
        assert_eq!(done["removed_messages"], 1);
        let archive = done["items"].as_array().unwrap().iter().find(|f| f["name"] == "Archive").unwrap();
        assert_eq!((&archive["selected"], &archive["messages"]), (&json!(false), &json!(0)));
        assert!(!p.has("Only in Archive").await && p.has("First in Archive").await);
        p.clock.advance_secs(5 * 60);
        p.look("Another pass").await;
        assert_eq!(p.folder("Archive").await["messages"], 0, "it is not asked any more");
        assert_eq!(p.world.messages(&p.mailbox.address, "Archive").unwrap().len(), 2, "on the server nothing changed");

        // Chosen again: all of it comes back.
        p.choose("Archive", true, false).await.expect(200);
        p.until_here("Only in Archive").await;

        p.choose("INBOX", false, false).await.problem(422, "validation_failed");
        let body = json!({ "folders": [{ "id": "00000000-0000-0000-0000-000000000000", "selected": true }] });
        let problem = p.api.lock().await.patch(&format!("/accounts/{}/folders", p.id), &body).await.problem(422, "validation_failed");
        assert_eq!(problem["fields"][0]["code"], "unknown_folder");
        assert_eq!(p.t.number("SELECT COUNT(*) FROM audit WHERE action = 'account.folders_chosen'").await, 3);
        p.t.stop().await;
    }

    async fn a_person_says_what_a_folder_is_for(engine) {
        let p = Place::with(engine, "roles", 0, None).await;
        let (sent, archive) = (json!("sent"), json!("archive"));
        let ids = (p.folder("Sent").await["id"].clone(), p.folder("Archive").await["id"].clone());
        let told = p.use_for("Archive", sent.clone(), true).await.expect(200);
        assert_eq!(told["moved_roles"], json!([{ "role": "sent", "from": ids.0, "to": ids.1 }]));
        let shown = told["items"].as_array().unwrap().iter().find(|f| f["name"] == "Archive").unwrap();
        assert_eq!((&shown["role"], &shown["role_by_hand"], &shown["server_role"]), (&sent, &sent, &archive));
        assert_eq!(p.used_for("Sent").await, (sent.clone(), sent.clone()), "only asked");

        p.use_for("Archive", sent.clone(), false).await.expect(200);
        assert_eq!(p.used_for("Archive").await, (sent.clone(), archive.clone()));
        assert_eq!(p.used_for("Sent").await, (Value::Null, sent.clone()));
        p.send("Filed by hand").await;
        assert_eq!((p.there("Archive"), p.there("Sent")), (2, 1), "the copy lies where a person wants it");
        // A pass that finds a new folder writes the list anew.
        p.world.put(&p.mailbox.address, "Projects", &mail("New", "new@else.test")).unwrap();
        p.clock.advance_secs(5 * 60);
        p.look("A pass").await;
        eventually("the new folder is known", async || {
            p.t.number("SELECT COUNT(*) FROM folder WHERE name = 'Projects'").await == 1
        })
        .await;
        assert_eq!((p.used_for("Archive").await.0, p.used_for("Sent").await.0), (sent.clone(), Value::Null));

        // Given to another: one folder has it.
        let moved = p.use_for("Projects", sent.clone(), false).await.expect(200);
        assert_eq!(moved["moved_roles"][0]["from"], ids.1);
        assert_eq!((p.used_for("Archive").await.0, p.used_for("Projects").await), (archive.clone(), (sent.clone(), Value::Null)));
        let back = p.use_for("Projects", Value::Null, false).await.expect(200);
        assert_eq!(back["moved_roles"][0]["to"], ids.0, "the server's word counts again");
        assert_eq!((p.used_for("Sent").await.0, p.used_for("Projects").await.0), (sent.clone(), Value::Null));
        p.send("Filed by the server's word").await;
        assert_eq!((p.there("Archive"), p.there("Sent")), (2, 2));

        for (folder, role) in [("INBOX", "sent"), ("Archive", "inbox")] {
            let problem = p.use_for(folder, json!(role), false).await.problem(422, "validation_failed");
            assert_eq!(problem["fields"][0]["code"], "inbox_role", "{folder}");
        }
        let [archive, projects] = [p.folder("Archive").await["id"].clone(), p.folder("Projects").await["id"].clone()];
        for (second, code) in [(&archive, "named_twice"), (&projects, "same_use")] {
            let folders = json!([{ "id": archive, "role": "junk" }, { "id": second, "role": "junk" }]);
            let path = format!("/accounts/{}/folders", p.id);
            let problem = p.api.lock().await.patch(&path, &json!({ "folders": folders })).await.problem(422, "validation_failed");
            assert_eq!(problem["fields"][0]["code"], code);
        }
        p.use_for("INBOX", Value::Null, false).await.expect(200);
        assert_eq!(p.folder("Archive").await["selected"], false, "what is copied is another matter");
        p.t.stop().await;
    }

    async fn new_folders_lie_in_the_personal_namespace(engine) {
        // The server says that its folders lie in "Mine/", and does not list the one for sent mail.
        let plan = Plan {
            faults: vec![
                Fault::ReplaceText(FromServer, contains("* NAMESPACE"), ["((\"\" ".into(), "((\"Mine/\" ".into()]),
                Fault::ReplaceLine(FromServer, contains("\\Sent"), String::new()),
            ],
        };
        let imap = FaultProxy::start(MailWorld::shared().imap_port(), plan).await.unwrap();
        let p = Place::with(engine, "namespace", 0, Some(&imap)).await;
        p.send("Filed").await;
        assert_eq!((p.there("Mine/Sent"), p.there("Sent")), (1, 1));
        // Its name says what it is for.
        p.clock.advance_secs(5 * 60);
        p.look("A pass").await;
        eventually("it is known", async || {
            p.t.number("SELECT COUNT(*) FROM folder WHERE name = 'Mine/Sent' AND role = 'sent' AND selected").await == 1
        })
        .await;
        p.until_here("Filed").await;
        p.t.stop().await;
    }

    async fn how_full_the_mailbox_is_on_the_server_is_told(engine) {
        static LIMITED: std::sync::LazyLock<MailWorld> = std::sync::LazyLock::new(|| MailWorld::with_quota().unwrap());
        let world: &MailWorld = tokio::task::spawn_blocking(|| &*LIMITED).await.unwrap();
        let plan = Plan::of(Fault::ReplaceText(FromServer, contains("* QUOTA "), ["STORAGE".into(), "STORAGE".into()]));
        let imap = FaultProxy::start(world.imap_port(), plan).await.unwrap();
        let p = Place::of(world, engine, ("quota", 0), Some(&imap)).await;
        let path = format!("/accounts/{}/sync", p.id);
        let quota = async || p.api.lock().await.get(&path).await.expect(200)["quota"].clone();
        let gib = 1_i64 << 30;
        let told = quota().await;
        assert_eq!(told["limit"], gib, "{told}");
        assert!(told["used"].as_i64().unwrap() > 0 && told["used"].as_i64().unwrap() < gib, "{told}");
        let asked = imap.take_heard().iter().filter(|line| line.contains("GETQUOTAROOT")).count();
        assert!((1..=2).contains(&asked), "once a pass, and the first one may want a second: {asked}");

        let almost = "STORAGE 999999 1000000 MESSAGE 3 4".to_owned();
        let line = format!("* QUOTA \"User quota\" ({almost})\r\n");
        imap.set_plan(Plan::of(Fault::ReplaceLine(FromServer, contains("* QUOTA "), line)));
        imap.hang_up();
        eventually("another answer is taken over", async || {
            quota().await == json!({ "used": 999_999_i64 * 1_024, "limit": 1_000_000_i64 * 1_024 })
        })
        .await;
        imap.set_plan(Plan::of(Fault::ReplaceText(FromServer, contains("CAPABILITY"), [" QUOTA".into(), " X-NONE".into()])));
        imap.hang_up();
        eventually("nothing is told any more", async || quota().await.is_null()).await;
        assert_eq!(p.account().await["receiving"]["state"], "connected");
        p.t.stop().await;
    }

    async fn what_is_on_its_way_from_a_folder_that_is_left_out_is_not_stored(engine) {
        let plan = Plan::of(Fault::DelayAtLine(FromServer, contains("Subject: Held"), Duration::from_secs(3)));
        let imap = FaultProxy::start(MailWorld::shared().imap_port(), plan).await.unwrap();
        let p = Place::with(engine, "left-out-late", 0, Some(&imap)).await;
        p.put("Archive", "Held");
        p.choose("Archive", true, false).await.expect(200);
        eventually("it is on its way", async || imap.struck() > 0).await;
        p.choose("Archive", false, false).await.expect(200);
        p.look("Afterwards").await;
        assert_eq!((p.has("Held").await, p.folder("Archive").await["messages"].clone()), (false, json!(0)));
        p.t.stop().await;
    }

    async fn the_window_is_enlarged_and_narrowed(engine) {
        // Everything in the mailbox is forty days old.
        let p = Place::with(engine, "window", 40, None).await;
        assert_eq!(p.subjects().await, Vec::<String>::new());
        let change = p.change(json!({ "import_days": 90 })).await;
        assert_eq!(change["import_days"], 90);
        p.until_here("First").await;
        p.until_here("First in Sent").await;

        p.change(json!({ "import_days": 7 })).await;
        p.put("INBOX", "Too old for seven days");
        p.clock.advance_secs(5 * 60);
        p.put("Sent", "Too old, too");
        p.pass_over().await;
        assert_eq!(p.subjects().await.len(), 2, "what is here stays, and nothing older comes");
        p.t.stop().await;
    }

    async fn everything_is_older_than_any_number_of_days(engine) {
        let p = Place::with(engine, "everything", 20 * 366, None).await;
        p.change(json!({ "import_days": 3_650 })).await;
        p.choose("Archive", true, false).await.expect(200);
        p.pass_over().await;
        assert_eq!(p.subjects().await.len(), 0, "they are twenty years old");
        assert_eq!(p.change(json!({ "import_days": 0 })).await["import_days"], 0);
        for subject in ["First", "First in Sent", "First in Archive"] {
            p.until_here(subject).await;
        }
        p.t.stop().await;
    }

    async fn a_folder_that_does_not_open_is_told_and_stops_nothing_else(engine) {
        let swap = Fault::ReplaceText(FromClient, opens_the_archive(), ["Archive".into(), "Nowhere".into()]);
        let imap = FaultProxy::start(MailWorld::shared().imap_port(), Plan::of(swap)).await.unwrap();
        let p = Place::with(engine, "unopened", 0, Some(&imap)).await;
        p.choose("Archive", true, false).await.expect(200);
        eventually("the server's words are shown", async || {
            p.folder("Archive").await["refused"].as_str().is_some_and(|words| words.contains("Nowhere"))
        })
        .await;
        // It sorts before the others: they are looked at all the same, again and again.
        p.put("Sent", "Elsewhere");
        p.clock.advance_secs(5 * 60);
        p.look("In the inbox").await;
        p.until_here("Elsewhere").await;
        assert_eq!(p.account().await["receiving"]["state"], "connected");
        assert_eq!(p.folder("Sent").await["refused"], Value::Null);

        imap.set_plan(Plan::default());
        imap.hang_up();
        p.until_here("First in Archive").await;
        eventually("nothing is told any more", async || p.folder("Archive").await["refused"].is_null()).await;
        p.t.stop().await;
    }
}

fn opens_the_archive() -> LineMatch {
    contains("EXAMINE")
}
