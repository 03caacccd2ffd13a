//! Backup and restore: whole while mail arrives, refused when damaged, never half, and nothing is sent twice.

use crate::on_both;
use crate::support::{Api, Engine, TestApp, connect_request, eventually, mail};
use posthouse::backup::{self, BackupError, Damaged};
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::doctor::{self, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use testkit::{MailWorld, Mailbox};

/// An installation with one connected account.
async fn installation(engine: Engine, name: &str, messages: usize) -> (TestApp, Mailbox, Api, String) {
    let world = MailWorld::shared();
    let mailbox = world.add_user(&format!("{name}-{engine:?}").to_lowercase()).unwrap();
    for n in 0..messages {
        world.put(&mailbox.address, "INBOX", &mail(&format!("Mail {n}"), &format!("{name}-{n}@else.test"))).unwrap();
    }
    let t = TestApp::beside(engine, world).await;
    let mut api = t.owner().await;
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let id = account["id"].as_str().unwrap().to_owned();
    eventually("all mail is stored", async || stored(&t).await == i64::try_from(messages).unwrap()).await;
    (t, mailbox, api, id)
}

async fn doctor_of_bodies(config: &Config) -> (Outcome, String) {
    let report = doctor::examine(config, &Clock::system(), (None, vec![])).await;
    let check = report.checks.iter().find(|check| check.name == "bodies").unwrap();
    (check.outcome, check.to_string())
}

async fn stored(t: &TestApp) -> i64 {
    t.number("SELECT COUNT(*) FROM message").await
}

/// Every stored message of an account as it is read back, without the difference of line ends.
async fn read_back(api: &mut Api, account: &str) -> BTreeSet<Vec<u8>> {
    let list = api.get(&format!("/accounts/{account}/messages?limit=200")).await.expect(200);
    let mut out = BTreeSet::new();
    for row in list["items"].as_array().unwrap() {
        let raw = api.get(&format!("/messages/{}/raw", row["id"].as_str().unwrap())).await;
        assert_eq!(raw.status, 200, "{row}");
        out.insert(raw.text.replace('\r', "").into_bytes());
    }
    out
}

fn on_the_server(mailbox: &Mailbox) -> BTreeSet<Vec<u8>> {
    let without = |raw: Vec<u8>| raw.into_iter().filter(|b| *b != b'\r').collect();
    MailWorld::shared().messages(&mailbox.address, "INBOX").unwrap().into_iter().map(without).collect()
}

async fn submit(api: &mut Api, account: &str, to: &str, subject: &str) -> String {
    let body = json!({ "to": to, "subject": subject, "body": "Hello" });
    let path = format!("/accounts/{account}/outgoing");
    let key = format!("{account}-{}", subject.replace(' ', "-"));
    let answer = api.call(reqwest::Method::POST, &path, Some(&body), &[("idempotency-key", &key)]).await.expect(202);
    answer["id"].as_str().unwrap().to_owned()
}

async fn outgoing(api: &mut Api, id: &str) -> Value {
    api.get(&format!("/outgoing/{id}")).await.expect(200)
}

fn with_subject(mailbox: &Mailbox, subject: &str) -> usize {
    let line = format!("Subject: {subject}");
    let all = MailWorld::shared().messages(&mailbox.address, "INBOX").unwrap();
    all.iter().filter(|raw| String::from_utf8_lossy(raw).contains(&line)).count()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A file in a folder, the first by name at each level, whose path has this in it.
fn some_file(folder: &Path, part: &str) -> PathBuf {
    let mut todo = vec![folder.to_owned()];
    while let Some(at) = todo.pop() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(at).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                todo.push(path);
            } else if path.display().to_string().contains(part) {
                return path;
            }
        }
    }
    panic!("no {part} in {}", folder.display());
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// A body goes, and list and manifest are made to know nothing of it: only the rows tell.
fn forget_a_body(backup: &Path) {
    let body = some_file(backup, "/blobs/");
    let name = body.strip_prefix(backup).unwrap().display().to_string();
    std::fs::remove_file(&body).unwrap();
    let list = std::fs::read_to_string(backup.join("files.b3")).unwrap();
    let list: String = list.lines().filter(|l| !l.ends_with(&name)).map(|l| format!("{l}\n")).collect();
    std::fs::write(backup.join("files.b3"), &list).unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    let mut manifest: backup::Manifest = serde_json::from_value(manifest["manifest"].clone()).unwrap();
    manifest.files -= 1;
    manifest.list_blake3 = blake3::hash(list.as_bytes()).to_hex().to_string();
    let hash = blake3::hash(&serde_json::to_vec(&manifest).unwrap()).to_hex().to_string();
    let text = json!({ "manifest": manifest, "blake3": hash }).to_string();
    std::fs::write(backup.join("manifest.json"), text).unwrap();
}

/// Nothing lies in the folder of this installation, and its database is empty.
async fn is_untouched(config: &Config) -> bool {
    let database = match &config.database_url {
        None => 0,
        Some(url) => {
            let db = db::Db::open_postgres(url).await.unwrap();
            let tables = db.tables().await.unwrap();
            db.close().await;
            tables
        }
    };
    database == 0 && !config.data_dir.exists()
}

on_both! {
    async fn what_is_backed_up_while_mail_arrives_comes_back_whole_and_sends_nothing_twice(engine) {
        let world = MailWorld::shared();
        let (t, mailbox, mut api, id) = installation(engine, "backup", 40).await;
        // The sending side is out of order for long: what is submitted waits.
        t.run_sql("UPDATE connection SET state = 'disconnected', reason = 'connection_refused', failures = 9,
                   next_attempt_at = 9000000000000000 WHERE side = 'send'").await;
        let queued = submit(&mut api, &id, &mailbox.address, "Held while queued").await;
        let under_way = submit(&mut api, &id, &mailbox.address, "Held under way").await;
        t.run_sql("INSERT INTO send_attempt (id, workspace_id, account_id, outgoing_id, marked_at)
                   SELECT id, workspace_id, account_id, id, created_at FROM outgoing WHERE subject = 'Held under way'").await;
        t.run_sql("UPDATE outgoing SET state = 'sending', next_attempt_at = NULL WHERE subject = 'Held under way'").await;

        api.post(&format!("/accounts/{id}/owner-links"), &serde_json::json!({})).await.expect(201);
        let places = tempfile::tempdir().unwrap();
        let address = mailbox.address.clone();
        let arriving = std::thread::spawn(move || {
            for n in 0..30 {
                world.deliver(&address, &mail(&format!("Meanwhile {n}"), &format!("meanwhile-{n}-{address}"))).unwrap();
            }
        });
        let made = backup::make(&t.app().config, &Clock::system(), &places.path().join("copy"), Damaged::Refused).await.unwrap();
        arriving.join().unwrap();
        assert_eq!((made.manifest.accounts, made.manifest.outgoing, made.manifest.absent.len()), (1, 2, 0));
        assert!(made.manifest.messages >= 40, "{:?}", made.manifest);
        assert!(!made.path.join("master.key").exists() && made.path.join("files.b3").exists());
        let old = t.app().config.clone();
        let key = std::fs::read(old.key_path()).unwrap();
        let mut config = t.elsewhere(places.path());
        config.key_file = None;
        t.stop().await;
        drop(std::fs::remove_dir_all(&old.data_dir));

        let restored = backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap();
        assert_eq!((restored.held, restored.was_complete), (2, false));
        let missing = restored.key.unwrap_err().to_string();
        assert!(missing.contains("master.key is missing") && !config.key_path().exists(), "{missing}");
        std::fs::write(config.key_path(), key).unwrap();
        let t = TestApp::on(config).await;
        assert_eq!(t.caller_like(&api).get("/accounts").await.status, 401, "sessions of the past have ended");
        let links = "SELECT COUNT(*) FROM owner_link WHERE revoked_at IS NOT NULL";
        assert_eq!(t.number(links).await, 1, "a link of the past may have been used since");
        let mut api = t.signed_in().await;
        let audit = t.number("SELECT COUNT(*) FROM audit WHERE action = 'installation.restored' AND CAST(detail AS TEXT) LIKE '%2%'").await;
        assert_eq!(audit, 1);
        let wanted = on_the_server(&mailbox);
        assert_eq!(wanted.len(), 70);
        eventually("what came after the backup is fetched", async || stored(&t).await == 70).await;
        assert!(read_back(&mut api, &id).await == wanted, "every message is equal");

        // The sender works again, and still leaves alone what waited in the backup.
        t.run_sql("UPDATE connection SET next_attempt_at = 1 WHERE side = 'send'").await;
        let fresh = submit(&mut api, &id, &mailbox.address, "After the restore").await;
        let seen = tokio::sync::Mutex::new(t.caller_like(&api));
        eventually("new mail is sent", async || outgoing(&mut *seen.lock().await, &fresh).await["state"] == "sent").await;
        eventually("it arrives", async || with_subject(&mailbox, "After the restore") == 1).await;
        for held in [&queued, &under_way] {
            let shown = outgoing(&mut api, held).await;
            assert_eq!((&shown["state"], &shown["next_attempt_at"]), (&json!("uncertain"), &Value::Null), "{shown}");
            assert!(shown["why"].as_str().unwrap().contains("restored from a backup"), "{shown}");
        }
        assert_eq!(with_subject(&mailbox, "Held"), 0);
        let decided = api.post(&format!("/outgoing/{queued}/resolve"), &json!({ "sent": false })).await.expect(200);
        assert_eq!(decided["state"], "failed");
        t.stop().await;
    }

    async fn a_damaged_backup_is_refused_and_nothing_changes(engine) {
        let (t, _, _, _) = installation(engine, "damaged", 3).await;
        let places = tempfile::tempdir().unwrap();
        let good = places.path().join("good");
        backup::make(&t.app().config, &Clock::system(), &good, Damaged::Refused).await.unwrap();
        let served = backup::restore(&t.app().config, &Clock::system(), &good, Damaged::Refused).await.unwrap_err().to_string();
        let expected = if engine == Engine::Sqlite { "is running on" } else { "has tables already" };
        assert!(served.contains(expected), "{served}");
        let database = if engine == Engine::Sqlite { "posthouse.db" } else { "postgres/message.copy" };
        type Harm = Box<dyn Fn(&Path)>;
        let harms: Vec<(&str, Harm)> = vec![
            ("is not what was written", Box::new(move |b| flip(&b.join(database)))),
            ("is missing", Box::new(move |b| std::fs::remove_file(b.join(database)).unwrap())),
            ("is not what was written", Box::new(|b| flip(&some_file(b, "/blobs/")))),
            ("is not what was written", Box::new(|b| cut(&some_file(b, "/blobs/")))),
            ("is missing", Box::new(|b| std::fs::remove_file(some_file(b, "/blobs/")).unwrap())),
            ("manifest.json is cut off", Box::new(|b| cut(&b.join("manifest.json")))),
            ("has no manifest.json", Box::new(|b| std::fs::remove_file(b.join("manifest.json")).unwrap())),
            ("files.b3 is missing, cut off", Box::new(|b| cut(&b.join("files.b3")))),
            ("files.b3 is missing, cut off", Box::new(|b| flip(&b.join("files.b3")))),
            ("a message's body", Box::new(forget_a_body)),
        ];
        for (n, (text, harm)) in harms.iter().enumerate() {
            let bad = places.path().join(format!("bad-{n}"));
            copy_folder(&good, &bad);
            harm(&bad);
            let config = t.elsewhere(&places.path().join(format!("target-{n}")));
            let refused = backup::restore(&config, &Clock::system(), &bad, Damaged::Refused).await.unwrap_err().to_string();
            assert!(refused.contains(text) && refused.contains("Nothing was changed"), "{n}: {refused}");
            // The rows of PostgreSQL are read where they are loaded, before the commit.
            assert_eq!(backup::check(&bad, Damaged::Refused).await.is_err(), engine == Engine::Sqlite || !text.contains("body"), "{n}");
            assert!(is_untouched(&config).await, "{n}");
        }
        backup::check(&good, Damaged::Refused).await.unwrap();
        let config = t.elsewhere(&places.path().join("target"));
        backup::restore(&config, &Clock::system(), &good, Damaged::Refused).await.unwrap();
        let again = backup::restore(&config, &Clock::system(), &good, Damaged::Refused).await.unwrap_err();
        assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
        let taken = backup::make(&t.app().config, &Clock::system(), &good, Damaged::Refused).await.unwrap_err().to_string();
        assert!(taken.contains("is a backup already"), "{taken}");
        t.stop().await;
    }

    async fn a_body_that_was_lost_before_is_told_and_the_rest_comes_back(engine) {
        let (t, _, _, _) = installation(engine, "absent", 3).await;
        let places = tempfile::tempdir().unwrap();
        std::fs::remove_file(some_file(&t.app().config.data_dir, "/blobs/")).unwrap();
        let made = backup::make(&t.app().config, &Clock::system(), places.path(), Damaged::Refused).await.unwrap();
        assert_eq!((made.manifest.messages, made.manifest.bodies, made.manifest.absent.len()), (3, 2, 1));
        assert!(made.path.file_name().unwrap().to_str().unwrap().starts_with("posthouse-20"), "{:?}", made.path);
        let config = t.elsewhere(places.path());
        // As it comes from a medium that is only read, or out of an archive.
        std::fs::set_permissions(some_file(&made.path, "/blobs/"), std::fs::Permissions::from_mode(0o444)).unwrap();
        let restored = backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap();
        assert_eq!(restored.manifest.absent.len(), 1);
        let mode = std::fs::metadata(some_file(&config.data_dir, "/blobs/")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        t.stop().await;
    }

    async fn every_fault_is_told_and_the_rest_comes_back_without_those_bodies(engine) {
        let (t, mailbox, _, id) = installation(engine, "left-out", 4).await;
        let places = tempfile::tempdir().unwrap();
        let made = backup::make(&t.app().config, &Clock::system(), &places.path().join("copy"), Damaged::Refused).await.unwrap();
        let gone = some_file(&made.path, "/blobs/");
        std::fs::remove_file(&gone).unwrap();
        let flipped = some_file(&made.path, "/blobs/");
        flip(&flipped);
        let config = t.elsewhere(places.path());
        let refused = backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap_err().to_string();
        assert!(refused.contains("2 faults:") && refused.contains("--without-damaged-bodies"), "{refused}");
        for (file, how) in [(&gone, "is missing"), (&flipped, "is not what was written")] {
            let line = format!("{} {how}", file.strip_prefix(&made.path).unwrap().display());
            assert!(refused.contains(&line), "{line} in {refused}");
        }
        assert!(is_untouched(&config).await);
        assert_eq!(backup::check(&made.path, Damaged::LeftOut).await.unwrap().left_out.len(), 2);

        let restored = backup::restore(&config, &Clock::system(), &made.path, Damaged::LeftOut).await.unwrap();
        let told: Vec<String> = restored.bodyless.iter().map(ToString::to_string).collect();
        assert_eq!((restored.left_out.len(), told), (2, vec![format!("{}: 2 messages", mailbox.address)]));
        std::fs::copy(t.app().config.key_path(), config.key_path()).unwrap();
        t.stop().await;
        let t = TestApp::on(config.clone()).await;
        let audit = t.number("SELECT COUNT(*) FROM audit WHERE action = 'installation.restored' AND CAST(detail AS TEXT) LIKE '%left_out%2%'").await;
        assert_eq!(audit, 1);
        let mut api = t.signed_in().await;
        let list = api.get(&format!("/accounts/{id}/messages")).await.expect(200);
        let (mut whole, mut without) = (0, 0);
        for row in list["items"].as_array().unwrap() {
            let path = format!("/messages/{}", row["id"].as_str().unwrap());
            let shown = api.get(&path).await.expect(200);
            assert_eq!(shown["subject"], row["subject"]);
            if shown["body_missing"] == true {
                assert_eq!(shown["text"], Value::Null);
                for part in ["raw", "html", "attachments/0"] {
                    api.get(&format!("{path}/{part}")).await.problem(410, "body_missing");
                }
                without += 1;
            } else {
                api.get(&format!("{path}/raw")).await.expect(200);
                whole += 1;
            }
        }
        assert_eq!((whole, without), (2, 2));
        let again = backup::make(&config, &Clock::system(), &places.path().join("again"), Damaged::Refused).await.unwrap();
        assert_eq!((again.manifest.absent.len(), again.bodyless[0].messages), (2, 2));
        let (outcome, text) = doctor_of_bodies(&config).await;
        assert!(outcome == Outcome::Warning && text.contains("2 are missing") && text.contains("lacked 2"), "{text}");
        std::fs::remove_file(some_file(&config.data_dir, "/blobs/")).unwrap();
        let (outcome, text) = doctor_of_bodies(&config).await;
        assert!(outcome == Outcome::Failed && text.contains("3 are missing") && text.contains("is mounted"), "{text}");
        let twice = t.elsewhere(&places.path().join("twice"));
        backup::restore(&twice, &Clock::system(), &again.path, Damaged::Refused).await.unwrap();
        let (outcome, text) = doctor_of_bodies(&twice).await;
        assert!(outcome == Outcome::Warning && text.contains("lacked 2"), "the same two, not two more: {text}");
        t.stop().await;
    }

    async fn a_small_installation_whose_bodies_are_all_gone_is_not_backed_up_unless_somebody_says_so(engine) {
        let (t, _, _, _) = installation(engine, "unmounted", 10).await;
        let places = tempfile::tempdir().unwrap();
        let (config, target) = (&t.app().config, places.path().join("copy"));
        std::fs::remove_dir_all(config.data_dir.join("blobs")).unwrap();
        let refused = backup::make(config, &Clock::system(), &target, Damaged::Refused).await.unwrap_err().to_string();
        assert!(refused.contains("10 faults:") && refused.contains("is its disk mounted"), "{refused}");
        assert!(refused.contains("--without-damaged-bodies") && !target.exists(), "{refused}");
        let made = backup::make(config, &Clock::system(), &target, Damaged::LeftOut).await.unwrap();
        assert_eq!((made.manifest.absent.len(), made.manifest.bodies), (10, 0));
        t.stop().await;
    }

    async fn bodies_that_cannot_be_read_are_all_told_and_left_out_only_when_asked(engine) {
        let (t, mailbox, _, _) = installation(engine, "unread", 3).await;
        let places = tempfile::tempdir().unwrap();
        let folder = some_file(&t.app().config.data_dir, "/blobs/").parent().unwrap().to_owned();
        for body in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).take(2).collect::<Vec<_>>() {
            // A link to itself cannot be read by anybody, root or not.
            std::fs::remove_file(&body).unwrap();
            std::os::unix::fs::symlink(&body, &body).unwrap();
        }
        let config = &t.app().config;
        let target = places.path().join("copy");
        let refused = backup::make(config, &Clock::system(), &target, Damaged::Refused).await.unwrap_err().to_string();
        assert!(refused.contains("2 faults:") && refused.matches("cannot be read").count() == 2, "{refused}");
        assert!(refused.contains("--without-damaged-bodies") && !target.exists(), "{refused}");
        let made = backup::make(config, &Clock::system(), &target, Damaged::LeftOut).await.unwrap();
        assert_eq!((made.manifest.absent.len(), made.manifest.bodies), (2, 1));
        assert_eq!(made.bodyless[0].to_string(), format!("{}: 2 messages", mailbox.address));
        backup::check(&target, Damaged::Refused).await.unwrap();
        t.stop().await;
    }

    async fn a_backup_into_the_data_folder_is_refused(engine) {
        let t = TestApp::start(engine).await;
        let config = &t.app().config;
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&config.data_dir, link.path().join("here")).unwrap();
        for place in [config.data_dir.clone(), config.data_dir.join("backups/new"), link.path().join("here/x")] {
            let refused = backup::make(config, &Clock::system(), &place, Damaged::Refused).await.unwrap_err().to_string();
            assert!(refused.contains("is in the data folder") && refused.contains("outside of it"), "{refused}");
            assert!(!config.data_dir.join("backups").exists());
        }
        t.stop().await;
    }

    async fn a_folder_that_all_may_look_into_is_closed_by_a_restore(engine) {
        let t = TestApp::start(engine).await;
        let places = tempfile::tempdir().unwrap();
        let made = backup::make(&t.app().config, &Clock::system(), &places.path().join("copy"), Damaged::Refused).await.unwrap();
        let mut was = vec![];
        for mode in [0o755, 0o750] {
            let config = t.elsewhere(&places.path().join(format!("{mode:o}")));
            std::fs::create_dir_all(&config.data_dir).unwrap();
            std::fs::set_permissions(&config.data_dir, std::fs::Permissions::from_mode(mode)).unwrap();
            let restored = backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap();
            let now = std::fs::metadata(&config.data_dir).unwrap().permissions().mode() & 0o777;
            was.push((restored.was_open, now));
        }
        assert_eq!(was, [(Some(0o755), 0o700), (None, 0o750)]);
        t.stop().await;
    }

    async fn no_body_is_removed_while_a_backup_is_made(engine) {
        let t = TestApp::start(engine).await;
        t.owner().await;
        let app = t.app();
        let scope = posthouse::team::Scope::of(posthouse::team::WorkspaceId(app.ids.next()));
        let account = posthouse::accounts::AccountId(app.ids.next());
        let blob = app.blobs.put(&scope, account, &"kept".into()).await.unwrap();
        let kept = posthouse::base::blobs::keep_all(&app.config.data_dir.join("blobs")).unwrap();
        assert!(app.blobs.remove(&scope, account, blob).await.unwrap_err().to_string().contains("a backup is being made"));
        assert!(app.blobs.remove_account(&scope, account).await.is_err());
        app.blobs.get(&scope, account, blob).await.unwrap();
        drop(kept);
        // A program that another test starts in this moment has the lock, too, until it is itself.
        eventually("it may go", async || app.blobs.remove_account(&scope, account).await.is_ok()).await;
        assert!(app.blobs.get(&scope, account, blob).await.is_err());
        t.stop().await;
    }
}

/// Runs the program on this folder as root, which may write everywhere, where the folder is mounted read-only.
fn on_a_read_only_mount(data: &Path, words: &[&str]) -> std::process::Output {
    let script = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && data="$1" && program="$2" && shift 2 \
                    && exec "$program" --data-dir "$data" "$@""#;
    std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(data)
        .arg(env!("CARGO_BIN_EXE_posthouse"))
        .args(words)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_only_read_is_backed_up_and_looked_at() {
    let places = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| c.data_dir = places.path().join("data")).await;
    t.owner().await;
    let data = t.app().config.data_dir.clone();
    let text = |o: &std::process::Output| {
        format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr))
    };
    let backed_up = async |data: &Path, name: &str| {
        let target = places.path().join(name);
        let output = on_a_read_only_mount(data, &["backup", target.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", text(&output));
        backup::check(&target, Damaged::Refused).await.unwrap();
    };
    backed_up(&data, "beside a running program").await;
    // As a snapshot of the disk has it, or a program that was killed: changes are in the journal only.
    let cut_off = places.path().join("cut-off");
    copy_folder(&data, &cut_off);
    std::fs::remove_file(cut_off.join("posthouse.db-shm")).unwrap();
    assert!(std::fs::metadata(cut_off.join("posthouse.db-wal")).unwrap().len() > 0);
    t.stop().await;
    backed_up(&data, "after a stop").await;
    let looked = text(&on_a_read_only_mount(&data, &["doctor"]));
    assert!(looked.contains("failed   database") && looked.contains("SQLite cannot be written"), "{looked}");
    assert!(looked.contains("opens the stored passwords") || looked.contains("ok       key"), "{looked}");

    let target = places.path().join("none");
    let refused = on_a_read_only_mount(&cut_off, &["backup", target.to_str().unwrap()]);
    let said = text(&refused);
    assert!(!refused.status.success() && !target.exists(), "{said}");
    assert!(
        said.contains("posthouse.db-wal holds the last changes") && said.contains("copy the whole folder"),
        "{said}"
    );
    let looked = text(&on_a_read_only_mount(&cut_off, &["doctor"]));
    assert!(looked.contains("posthouse.db-wal holds the last changes"), "{looked}");
}

/// Runs the program as root, where this folder is a disk of so many KiB; what it says, and what is in the folder after it.
fn on_a_small_disk(folder: &Path, kib: u32, words: &[&str]) -> (bool, String, String) {
    let script = r#"mount -t tmpfs -o "size=$2k" none "$1" && folder="$1" && program="$3" && shift 3 \
                    && "$program" "$@" 2>&1; ended=$?; echo "--"; ls -A "$folder"; exit "$ended""#;
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(folder)
        .args([&kib.to_string(), env!("CARGO_BIN_EXE_posthouse")])
        .args(words)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let (said, left) = text.split_once("--\n").unwrap();
    (output.status.success(), said.to_owned(), left.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_as_it_was_typed_and_nothing_is_left_on_it() {
    let places = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| c.data_dir = places.path().join("data")).await;
    t.owner().await;
    let data = t.app().config.data_dir.to_str().unwrap().to_owned();
    t.stop().await;
    let small = places.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let target = small.join("monday").to_str().unwrap().to_owned();
    // The database does not fit; it fits, and the list beside it does not.
    let whole = places.path().join("whole").to_str().unwrap().to_owned();
    let (made, said, _) = on_a_small_disk(&small, 64, &["--data-dir", &data, "backup", &whole]);
    assert!(made, "{said}");
    let database = std::fs::metadata(Path::new(&whole).join("posthouse.db")).unwrap().len();
    let pages = u32::try_from(database / 1024).unwrap();
    for kib in [64, pages + 4] {
        let (made, said, left) = on_a_small_disk(&small, kib, &["--data-dir", &data, "backup", &target]);
        assert!(!made && said.contains(&format!("{target} has no room for the backup: ")), "{kib}: {said}");
        assert!(said.contains(" MiB are free there") && !said.contains("unfinished"), "{said}");
        assert_eq!(left, "", "{said}");
    }
    let (restored, said, left) =
        on_a_small_disk(&small, 64, &["--data-dir", small.to_str().unwrap(), "restore", &whole]);
    assert!(
        !restored && said.contains(&format!("{} has no room for what is in the backup", small.display())),
        "{said}"
    );
    assert!(!said.contains(&whole) && said.contains("nothing was changed"), "{said}");
    assert!(!left.contains("restoring") && !left.contains("posthouse.db") && !left.contains("blobs"), "{left}");

    let (made, said, _) = on_a_small_disk(&small, 64, &["--data-dir", &data, "backup", "/proc/x"]);
    assert!(!made && said.contains("/proc/x cannot be written: ") && !said.contains("unfinished"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_its_database_is_named() {
    let places = tempfile::tempdir().unwrap();
    let t = TestApp::start(Engine::Sqlite).await;
    let made =
        backup::make(&t.app().config, &Clock::system(), &places.path().join("copy"), Damaged::Refused).await.unwrap();
    let config = t.elsewhere(places.path());
    t.stop().await;
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let journal = config.data_dir.join("posthouse.db-wal");
    std::fs::write(&journal, [7; 100]).unwrap();
    let refused =
        backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap_err().to_string();
    let started = posthouse::server::start(config.clone(), Clock::system()).await.err().unwrap().to_string();
    let report = posthouse::doctor::examine(&config, &Clock::system(), (None, vec![])).await;
    let looked = report.checks.iter().find(|c| c.name == "database").unwrap().to_string();
    for text in [refused, started, looked] {
        assert!(
            text.contains("posthouse.db-wal holds the last changes of a posthouse.db that is not beside it"),
            "{text}"
        );
        assert!(text.contains("Put that posthouse.db back beside it"), "{text}");
    }
    assert!(journal.exists() && !config.data_dir.join("posthouse.db").exists());
    std::fs::remove_file(&journal).unwrap();
    backup::restore(&config, &Clock::system(), &made.path, Damaged::Refused).await.unwrap();
}

#[cfg(feature = "failpoints")]
mod killed {
    use super::*;
    use crate::support::program::{command, killed_command};
    use posthouse::server;

    on_both! {
        async fn a_killed_backup_is_no_backup_and_a_killed_restore_is_never_served(engine) {
            let (t, _, _, _) = installation(engine, "killed", 3).await;
            let places = tempfile::tempdir().unwrap();
            let (target, source) = (places.path().join("copy"), t.app().config.clone());
            let words = ["backup", target.to_str().unwrap()];
            for point in ["backup.begun", "backup.database", "backup.account", "backup.written"] {
                killed_command(&source, places.path(), &words, point);
                assert!(!target.exists(), "{point}");
                let left = places.path().join("copy.unfinished");
                let is_whole = backup::check(&left, Damaged::Refused).await.is_ok();
                assert_eq!(is_whole, point == "backup.written", "{point}");
            }
            let output = command(&source, places.path(), &words, None);
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && said.contains("The key is not in it. Keep a copy of"), "{said}");
            assert!(!places.path().join("copy.unfinished").exists());

            for point in ["restore.begun", "restore.staged", "restore.bodies", "restore.database"] {
                let mut config = t.elsewhere(&places.path().join(point));
                config.key_file = Some(source.key_path());
                killed_command(&config, places.path(), &["restore", target.to_str().unwrap()], point);
                let refused = server::start(config.clone(), Clock::system()).await.err().unwrap().to_string();
                assert!(refused.contains("began and did not end"), "{point}: {refused}");
                let again = backup::restore(&config, &Clock::system(), &target, Damaged::Refused).await.unwrap();
                assert_eq!(again.was_complete, point == "restore.database", "{point}");
                assert!(again.key.is_ok(), "{point}");
                let restored = TestApp::on(config).await;
                assert_eq!(stored(&restored).await, 3, "{point}");
                restored.signed_in().await;
                restored.stop().await;
            }
            t.stop().await;
        }
    }
}
