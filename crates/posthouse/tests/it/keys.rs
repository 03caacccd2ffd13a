//! The key changed: accounts still connect, the old key opens nothing, and a kill in between loses nothing.

use crate::on_both;
use crate::support::{Engine, TestApp, connect_request, eventually, mail};
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::{keys, server};
use testkit::{MailWorld, Mailbox};

async fn installation(engine: Engine, name: &str, folder: &std::path::Path) -> (TestApp, Mailbox) {
    let world = MailWorld::shared();
    let mailbox = world.add_user(&format!("{name}-{engine:?}").to_lowercase()).unwrap();
    let t = TestApp::with(engine, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.join("data");
    })
    .await;
    let mut api = t.owner().await;
    api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    (t, mailbox)
}

/// The account connects with its stored password: new mail comes in.
async fn follows(config: &Config, mailbox: &Mailbox, subject: &str) {
    let t = TestApp::on(config.clone()).await;
    let before = t.number("SELECT COUNT(*) FROM message").await;
    MailWorld::shared().deliver(&mailbox.address, &mail(subject, &format!("{subject}-{}", mailbox.address))).unwrap();
    eventually(subject, async || t.number("SELECT COUNT(*) FROM message").await == before + 1).await;
    t.stop().await;
}

fn key_lines(config: &Config) -> Vec<String> {
    std::fs::read_to_string(config.key_path()).unwrap().lines().map(str::to_owned).collect()
}

async fn opens(config: &Config) -> Result<(), String> {
    match server::start(config.clone(), Clock::system()).await {
        Ok(running) => {
            running.stop().await;
            Ok(())
        }
        Err(e) => Err(e.to_string()),
    }
}

on_both! {
    async fn the_key_is_changed_and_accounts_still_connect(engine) {
        let folder = tempfile::tempdir().unwrap();
        let (t, mailbox) = installation(engine, "rotate", folder.path()).await;
        let config = t.app().config.clone();
        let old = std::fs::read(config.key_path()).unwrap();
        let refused = keys::rotate(config.clone(), Clock::system()).await.unwrap_err().to_string();
        assert!(refused.contains("stop it first") && std::fs::read(config.key_path()).unwrap() == old, "{refused}");
        t.stop().await;

        let rotated = keys::rotate(config.clone(), Clock::system()).await.unwrap();
        assert_eq!((rotated.passwords.renewed, rotated.passwords.unreadable, rotated.resumed), (2, 0, false));
        let new = key_lines(&config);
        assert!(new.len() == 1 && new[0].starts_with("2 "), "one key is left, with a number of its own");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(config.key_path()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let others = std::fs::read_dir(&config.data_dir).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_str().unwrap().contains("key")).count();
        assert_eq!(others, 1, "no copy of a key lies about");
        follows(&config, &mailbox, "After the change").await;
        std::fs::write(config.key_path(), &old).unwrap();
        assert!(opens(&config).await.unwrap_err().contains("is not the one"));
        std::fs::write(config.key_path(), new.join("\n")).unwrap();
        opens(&config).await.unwrap();
    }

    async fn a_key_file_that_is_none_is_named_with_both_ways_out(engine) {
        let folder = tempfile::tempdir().unwrap();
        let (t, mailbox) = installation(engine, "garbled", folder.path()).await;
        let config = t.app().config.clone();
        t.stop().await;
        let saved = std::fs::read(config.key_path()).unwrap();
        for (garbage, what) in [("", "it is empty"), ("garbage", "line 1 is one word"), ("1 AAAA\n", "line 1 has a key of 3 bytes")] {
            std::fs::write(config.key_path(), garbage).unwrap();
            let refused = opens(&config).await.unwrap_err();
            let shown = config.key_path().display().to_string();
            for part in [shown.as_str(), what, "Put the saved copy of the key back", "`posthouse key lost`"] {
                assert!(refused.contains(part), "{part} in {refused}");
            }
        }
        std::fs::write(config.key_path(), saved).unwrap();
        follows(&config, &mailbox, "With the saved key").await;
        std::fs::write(config.key_path(), "garbage").unwrap();
        let wiped = keys::lost(config.clone(), Clock::system()).await.unwrap();
        assert_eq!(wiped.to_string(), "2 passwords of 1 account");
        opens(&config).await.unwrap();
    }

    // Whoever starts the tests may read every file; a folder can be read by nobody.
    async fn a_key_that_cannot_be_read_is_not_lost(engine) {
        let folder = tempfile::tempdir().unwrap();
        let (t, mailbox) = installation(engine, "unreadable", folder.path()).await;
        let config = t.app().config.clone();
        t.stop().await;
        let saved = folder.path().join("saved.key");
        std::fs::rename(config.key_path(), &saved).unwrap();
        std::fs::create_dir(config.key_path()).unwrap();
        let refused = keys::lost(config.clone(), Clock::system()).await.unwrap_err().to_string();
        assert!(refused.contains("is not lost, and nothing was changed"), "{refused}");
        std::fs::remove_dir(config.key_path()).unwrap();
        std::fs::rename(&saved, config.key_path()).unwrap();
        follows(&config, &mailbox, "With the key in its place").await;
    }

    async fn a_place_without_a_folder_for_the_key_is_refused_before_anything_is_made(engine) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = crate::support::config(engine, &folder.path().join("data"));
        config.key_file = Some(folder.path().join("nope/x"));
        config.key_file_from = Some("posthouse.toml, line 3".into());
        let refused = opens(&config).await.unwrap_err();
        let wanted = format!("`key_file` = {:?} (posthouse.toml, line 3): there is no folder", config.key_path().display().to_string());
        assert!(refused.contains(&wanted) && refused.contains("make it, mount its disk, or name another file"), "{refused}");
        let none = match &config.database_url {
            None => !config.data_dir.join("posthouse.db").exists(),
            Some(url) => db::Db::open_postgres(url).await.unwrap().tables().await.unwrap() == 0,
        };
        assert!(none, "a database was made");
    }

    async fn where_no_key_was_made_there_is_none_to_change(engine) {
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| c.data_dir = folder.path().join("data")).await;
        let config = t.app().config.clone();
        t.run_sql("DELETE FROM vault_canary").await;
        std::fs::remove_file(config.key_path()).unwrap();
        t.stop().await;
        let refused = keys::rotate(config, Clock::system()).await.unwrap_err().to_string();
        assert!(refused.contains("the first start makes it"), "{refused}");
    }
}

#[cfg(feature = "failpoints")]
mod killed {
    use super::*;
    use crate::support::program::{command, killed_command};

    on_both! {
        async fn a_change_that_was_killed_loses_nothing_and_goes_on(engine) {
            let folder = tempfile::tempdir().unwrap();
            let (t, mailbox) = installation(engine, "killed-rotate", folder.path()).await;
            let config = t.app().config.clone();
            t.stop().await;
            for point in ["rotate.key", "rotate.password", "rotate.chunk", "rotate.canary"] {
                let old = std::fs::read(config.key_path()).unwrap();
                killed_command(&config, folder.path(), &["key", "rotate"], point);
                let both = key_lines(&config);
                assert_eq!(both.len(), 2, "{point}: both keys are kept until the end");
                opens(&config).await.unwrap();
                let output = command(&config, folder.path(), &["key", "rotate"], None);
                let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                assert!(output.status.success() && said.contains("The change that was broken off has ended"), "{point}: {said}");
                let new = key_lines(&config);
                assert_eq!(new, both[1..], "{point}: it went on with the key that was new");
                std::fs::write(config.key_path(), old).unwrap();
                assert!(opens(&config).await.unwrap_err().contains("is not the one"), "{point}");
                std::fs::write(config.key_path(), new.join("\n")).unwrap();
            }
            follows(&config, &mailbox, "After four kills").await;
        }
    }
}
