//! Passwords of a run that has not ended, when the key changes or is lost.

use super::{good, kept, rows, start, uploaded, worked};
use crate::on_both;
use crate::support::TestApp;
use posthouse::base::clock::Clock;
use posthouse::keys;
use serde_json::json;
use testkit::MailWorld;

on_both! {
    async fn a_changed_key_opens_them_and_a_lost_one_ends_the_run(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("imports-key-{engine:?}").to_lowercase()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.data_dir = folder.path().join("data");
        }).await;
        let mut api = t.owner().await;
        let id = uploaded(&mut api, &[good(world, &mailbox)]).await;
        let config = t.app().config.clone();
        t.stop().await;
        let rotated = keys::rotate(config.clone(), Clock::system()).await.unwrap();
        assert_eq!((rotated.passwords.renewed, rotated.passwords.unreadable), (2, 0));

        let t = TestApp::on(config.clone()).await;
        let mut api = t.signed_in().await;
        start(&mut api, &id, "test", "all").await;
        assert_eq!(worked(&mut api, &id).await["counts"]["passed"], 1, "{:?}", rows(&mut api, &id).await);
        t.stop().await;

        std::fs::remove_file(config.key_path()).unwrap();
        let wiped = keys::lost(config.clone(), Clock::system()).await.unwrap();
        assert_eq!(wiped.to_string(), "2 passwords of imports");
        let t = TestApp::on(config).await;
        let run = t.signed_in().await.get(&format!("/accounts/imports/{id}")).await.expect(200);
        assert_eq!((&run["state"], &run["ended"]), (&json!("ended"), &json!("key_lost")));
        assert_eq!(kept(&t).await, 0);
        t.stop().await;
    }
}
