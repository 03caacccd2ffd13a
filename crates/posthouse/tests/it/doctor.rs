//! The doctor: sees what is wrong, beside a running program, and makes nothing.

use crate::on_both;
use crate::support::{Engine, TestApp, connect_request, eventually, mail};
use posthouse::base::blobs;
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::doctor::{self, Outcome, Report};
use posthouse::team::{Instance, Scope};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use testkit::MailWorld;

async fn examine(config: &Config) -> Report {
    doctor::examine(config, &Clock::system(), (None, vec![])).await
}

/// The outcome of one check, and all that it says.
fn of(report: &Report, name: &str) -> (Outcome, String) {
    let check = report.checks.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no {name}: {report:?}"));
    assert_eq!(check.fix.is_none(), check.outcome == Outcome::Ok, "{check}");
    (check.outcome, check.to_string())
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut out = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        }
        out.insert(path);
    }
    out
}

on_both! {
    async fn a_lost_body_of_an_outbox_is_seen_and_queued_ones_are_looked_at_first(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("doctor-out-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let path = format!("/accounts/{}/outgoing", account["id"].as_str().unwrap());
        for subject in ["First", "Second"] {
            let body = serde_json::json!({ "to": mailbox.address, "subject": subject, "body": "Hello" });
            api.call(reqwest::Method::POST, &path, Some(&body), &[("idempotency-key", &format!("doctor-{subject}"))]).await.expect(202);
        }
        // The copies in the Sent folder have the same bodies, and storing one would bring back what is removed below.
        let copies = "SELECT COUNT(*) FROM message m JOIN outgoing o ON o.account_id = m.account_id AND o.blob = m.blob WHERE o.state = 'sent'";
        eventually("both left and their copies are stored", async || t.number(copies).await == 2).await;
        let config = t.app().config.clone();
        let (outcome, text) = of(&examine(&config).await, "bodies");
        assert!(outcome == Outcome::Ok && text.contains("and 2 of outboxes, are in"), "{text}");

        t.run_sql("UPDATE outgoing SET state = 'queued', next_attempt_at = 9000000000000000 WHERE subject = 'First'").await;
        let mut c = t.app().db.read().await.unwrap();
        let (workspace, account, blob) = posthouse::send::first_bodies(&mut c, &Instance, 1).await.unwrap()[0];
        drop(c);
        let scope = Scope::of(workspace);
        let raw = t.app().blobs.get(&scope, account, blob).await.unwrap();
        assert!(String::from_utf8_lossy(&raw).contains("Subject: First"));
        std::fs::remove_file(config.data_dir.join("blobs").join(blobs::file_of(&scope, account, blob))).unwrap();
        let (outcome, text) = of(&examine(&config).await, "bodies");
        assert_eq!(outcome, Outcome::Failed, "{text}");
        assert!(text.contains("of 2 of outboxes 1 are missing and 0 damaged"), "{text}");
        t.stop().await;
    }

    async fn a_sound_installation_is_healthy_and_each_fault_is_seen(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("doctor-{engine:?}").to_lowercase()).unwrap();
        world.put(&mailbox.address, "INBOX", &mail("Here", "doctor@else.test")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.data_dir = folder.path().join("data");
        })
        .await;
        let mut api = t.owner().await;
        api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        eventually("the mail is stored", async || t.number("SELECT COUNT(*) FROM message").await == 1).await;
        let config = t.app().config.clone();
        std::fs::set_permissions(&config.data_dir, std::fs::Permissions::from_mode(0o700)).unwrap();

        let report = examine(&config).await;
        assert!(report.healthy, "{report:?}");
        for name in ["configuration", "data folder", "database", "bodies", "key", "clock", "name servers", "public URL"] {
            assert_eq!(of(&report, name).0, Outcome::Ok, "{:?}", of(&report, name));
        }
        assert!(of(&report, "program").1.contains("one process serves"), "{report:?}");
        assert!(of(&report, "bodies").1.contains("the 1 newest, and 0 of outboxes, are in"), "{report:?}");
        assert!(of(&report, "authorities").1.contains("1 more from extra_ca"), "{report:?}");

        let key = config.key_path();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let report = examine(&config).await;
        // A start takes it, and warns too.
        assert!(report.healthy && of(&report, "key").0 == Outcome::Warning, "{report:?}");
        assert!(of(&report, "key").1.contains("(mode 644)") && of(&report, "key").1.contains("chmod 600"), "{report:?}");
        let aside = folder.path().join("aside");
        std::fs::rename(&key, &aside).unwrap();
        let report = examine(&config).await;
        assert!(of(&report, "key").1.contains("is missing") && !key.exists(), "{report:?}");
        std::fs::write(&key, "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
        assert!(of(&examine(&config).await, "key").1.contains("is not the one"));
        std::fs::rename(&aside, &key).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

        let body = files(&config.data_dir.join("blobs")).into_iter().find(|p| p.is_file()).unwrap();
        let bytes = std::fs::read(&body).unwrap();
        std::fs::write(&body, &bytes[..bytes.len() - 1]).unwrap();
        assert!(of(&examine(&config).await, "bodies").1.contains("0 are missing and 1 damaged"));
        std::fs::remove_file(&body).unwrap();
        let report = examine(&config).await;
        assert!(!report.healthy && of(&report, "bodies").1.contains("1 are missing and 0 damaged"), "{report:?}");
        std::fs::write(&body, bytes).unwrap();
        assert!(examine(&config).await.healthy);

        // Nothing answers there: a warning, as the fault may be the network's.
        let silent = Config { name_servers: vec![([127, 0, 0, 1], 9).into()], ..config.clone() };
        t.run_sql("UPDATE connection SET host = 'mail.else.test'").await;
        let report = examine(&silent).await;
        assert_eq!((report.healthy, of(&report, "name servers").0), (true, Outcome::Warning), "{report:?}");
        let plain = Config { public_url: Some("http://mail.example.com".into()), ..config.clone() };
        assert!(of(&examine(&plain).await, "public URL").1.contains("in the clear"));
        let closed = Config { public_url: Some("https://127.0.0.1:9".into()), ..config.clone() };
        assert!(of(&examine(&closed).await, "public URL").1.contains("does not answer"));
        let no_file = Config { extra_ca: vec![folder.path().join("none.pem")], ..config.clone() };
        assert_eq!(of(&examine(&no_file).await, "authorities").0, Outcome::Failed);

        t.run_sql("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
        let report = examine(&config).await;
        assert!(of(&report, "database").1.contains("schema 9999; this program knows"), "{report:?}");
        t.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::support::config(Engine::Sqlite, &folder.path().join("none"));
    let report = examine(&config).await;
    assert_eq!((report.healthy, of(&report, "database").0), (false, Outcome::Failed), "{report:?}");
    assert!(files(folder.path()).is_empty());

    let t = TestApp::with(Engine::Sqlite, |c| c.data_dir = folder.path().join("data")).await;
    t.owner().await;
    config.data_dir = folder.path().join("data");
    t.stop().await;
    let before = files(folder.path());
    let report = examine(&config).await;
    assert!(report.healthy && of(&report, "program").1.contains("nobody serves"), "{report:?}");
    assert_eq!(files(folder.path()), before);
    let mut bytes = std::fs::read(config.data_dir.join("posthouse.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 8_192].fill(7);
    std::fs::write(config.data_dir.join("posthouse.db"), bytes).unwrap();
    let report = examine(&config).await;
    assert!(!report.healthy && of(&report, "database").0 == Outcome::Failed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_beside_bodies_is_a_lost_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::config(Engine::Sqlite, folder.path());
    std::fs::create_dir_all(config.data_dir.join("blobs/some")).unwrap();
    for make in [false, true] {
        if make {
            std::fs::write(config.data_dir.join("posthouse.db"), "").unwrap();
        }
        let (outcome, text) = of(&examine(&config).await, "database");
        assert_eq!(outcome, Outcome::Failed, "{text}");
        assert!(text.contains("the database was lost") && text.contains("Restore a backup"), "{text}");
        assert!(!text.contains("start Posthouse once") && !text.contains("the first start makes"), "{text}");
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_with_its_verdict() {
    use crate::support::program::command;
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| c.data_dir = folder.path().join("data")).await;
    t.owner().await;
    let config = t.app().config.clone();
    let lines = command(&config, folder.path(), &["doctor"], None);
    let text = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.status.success() && text.lines().count() >= 10, "{text}");
    assert!(text.lines().any(|l| l.starts_with("ok       configuration") && l.contains("settings.toml")), "{text}");
    let json = command(&config, folder.path(), &["doctor", "--json"], None);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["healthy"], true, "{json}");
    std::fs::write(config.key_path(), "").unwrap();
    let failed = command(&config, folder.path(), &["doctor"], None);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8(failed.stdout).unwrap().lines().any(|l| l.starts_with("failed   key")));
    t.stop().await;
    let bad = folder.path().join("bad.toml");
    std::fs::write(&bad, "lisen = \"127.0.0.1:1\"").unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_posthouse"));
    let output = program.arg("--config").arg(&bad).args(["doctor", "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &json["checks"][0]["outcome"]), (Some(1), &serde_json::json!("failed")));
    assert!(json["checks"][0]["seen"].as_str().unwrap().contains("lisen"), "{json}");
}
