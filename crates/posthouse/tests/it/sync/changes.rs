//! What changes on the server, by servers that offer much and little.

use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Engine, eventually, mail};
use serde_json::json;
use testkit::MailWorld;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

fn thirty(world: &MailWorld, address: &str) {
    for n in 0..30 {
        world.put(address, "INBOX", &mail(&format!("Mail {n}"), &format!("m{n}@else.test"))).unwrap();
    }
    world.put(address, "Sent", &mail("Sent 0", "s0@lab.test")).unwrap();
}

async fn follows(engine: Engine, offers: Offers) {
    let mut s = Scene::start(engine, ("follow", offers), thirty).await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 31, "each once");

    s.doveadm(&["flags add", "\\Flagged", "mailbox", "INBOX", "header", "message-id", "m3@else.test"]);
    s.doveadm(&["flags add", "\\Answered \\Seen", "mailbox", "INBOX", "header", "message-id", "m4@else.test"]);
    s.doveadm(&["expunge", "mailbox", "INBOX", "header", "message-id", "m5@else.test"]);
    s.equal(&FOLDERS).await;
    s.doveadm(&["flags remove", "\\Flagged", "mailbox", "INBOX", "header", "message-id", "m3@else.test"]);
    s.doveadm(&["move", "Sent", "mailbox", "INBOX", "header", "message-id", "m6@else.test"]);
    s.doveadm(&["copy", "Sent", "mailbox", "INBOX", "header", "message-id", "m7@else.test"]);
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 0, "nothing of it is new");
    s.world.deliver(&s.mailbox.address, &mail("New", "new@else.test")).unwrap();
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 1);

    // After a restart and while nobody looked, too.
    s.t.restart().await;
    s.api = s.t.signed_in().await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 0);
    s.t.stop().await;
}

/// A folder that people chose and gave a use keeps both, and its messages, under another name.
async fn renames(engine: Engine, offers: Offers) {
    let mut s = Scene::start(engine, ("rename", offers), |world, address| {
        thirty(world, address);
        for n in 0..3 {
            let id = format!("p{n}@else.test");
            world.put(address, "Projects", &mail(&format!("Project {n}"), &id)).unwrap();
        }
    })
    .await;
    s.equal(&FOLDERS).await;
    let before = folder(&mut s, "Projects").await;
    let choice = json!({ "folders": [{ "id": before["id"], "selected": true, "role": "archive" }] });
    s.api.patch(&format!("/accounts/{}/folders", s.id), &choice).await.expect(200);
    s.equal(&["INBOX", "Sent", "Projects"]).await;
    // Seen completely: what it was like is known.
    let seen = "SELECT COUNT(*) FROM folder WHERE name = 'Projects' AND seen_uid_next IS NOT NULL";
    eventually("it was taken over", async || s.t.number(seen).await == 1).await;
    s.bodies_asked();

    s.doveadm(&["mailbox rename", "Projects", "Done"]);
    s.equal(&["INBOX", "Sent", "Done"]).await;
    let after = folder(&mut s, "Done").await;
    assert_eq!((&after["id"], &after["selected"], &after["role"]), (&before["id"], &json!(true), &json!("archive")));
    assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE name = 'Projects'").await, 0);
    assert_eq!(s.bodies_asked(), 0, "nothing is fetched again");
    s.world.put(&s.mailbox.address, "Done", &mail("Project 3", "p3@else.test")).unwrap();
    s.equal(&["INBOX", "Sent", "Done"]).await;
    s.t.stop().await;
}

async fn folder(s: &mut Scene, name: &str) -> serde_json::Value {
    let list = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
    list["items"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("{list}")).clone()
}

on_both! {
    async fn a_server_that_tells_modseqs_and_does_not_offer_them_is_compared(engine) {
        // Who asked for them once has Dovecot keep them from then on.
        let mut s = Scene::start(engine, ("untold", Offers::Neither), |world, address| {
            thirty(world, address);
            world.doveadm(&["fetch", "-u", address, "modseq", "mailbox", "INBOX", "all"]).unwrap();
        })
        .await;
        s.equal(&FOLDERS).await;
        for flag in ["\\Flagged", "\\Answered"] {
            s.doveadm(&["flags add", flag, "mailbox", "INBOX", "header", "message-id", "m3@else.test"]);
            s.equal(&FOLDERS).await;
        }
        let failed = s.t.number("SELECT COUNT(*) FROM sync_run WHERE reason IS NOT NULL").await;
        assert_eq!(failed, 0, "no pass failed");
        s.t.stop().await;
    }

    async fn a_renamed_folder_is_known_again(engine) {
        renames(engine, Offers::All).await;
    }

    async fn a_renamed_folder_is_known_again_where_list_tells_little(engine) {
        renames(engine, Offers::Condstore).await;
    }

    async fn a_server_with_qresync_is_followed(engine) {
        follows(engine, Offers::All).await;
    }

    async fn a_server_with_condstore_only_is_followed(engine) {
        follows(engine, Offers::Condstore).await;
    }

    async fn a_server_without_mod_sequences_is_followed(engine) {
        follows(engine, Offers::Neither).await;
    }

    async fn new_uids_fetch_only_what_could_be_another(engine) {
        let mut s = Scene::start(engine, ("renewed", Offers::All), |world, address| {
            thirty(world, address);
            // Two that cannot be told apart by header and size.
            for body in ["One two", "Two one"] {
                let twin = [&mail("Twin", "twin@else.test")[..], body.as_bytes(), b"\r\n"].concat();
                world.put(address, "INBOX", &twin).unwrap();
            }
        })
        .await;
        s.equal(&FOLDERS).await;
        assert_eq!(s.bodies_asked(), 33);
        let path = format!("/accounts/{}/messages?limit=200", s.id);
        let before = s.api.get(&path).await.expect(200)["items"].clone();
        let validity = "SELECT CAST(SUM(uid_validity) AS BIGINT) FROM folder WHERE role = 'inbox'";
        let old = s.t.number(validity).await;
        s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
        eventually("the session has ended", async || s.proxy.lives().iter().all(|l| l.ended_at.is_some())).await;
        s.world.renew_uids(&s.mailbox.address, "INBOX").unwrap();
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        eventually("the new UIDs are here", async || s.t.number(validity).await != old).await;
        s.equal(&FOLDERS).await;
        assert_eq!(s.bodies_asked(), 2, "only those that could be either");
        let after = s.api.get(&path).await.expect(200)["items"].clone();
        assert_eq!(ids(&before), ids(&after), "the messages are the same ones, in the same order");
        s.t.stop().await;
    }
}

fn ids(items: &serde_json::Value) -> Vec<serde_json::Value> {
    items.as_array().unwrap().iter().map(|m| json!([m["id"], m["subject"]])).collect()
}
