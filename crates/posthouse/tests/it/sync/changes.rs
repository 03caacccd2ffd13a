//! What changes on the server, by servers that offer much and little.

use super::host::{At, Host};
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Engine, eventually, mail};
use serde_json::json;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

fn thirty(host: &Host) {
    for n in 0..30 {
        host.put("INBOX", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
    }
    host.put("Sent", &mail("Sent 0", "s0@lab.test"));
}

pub async fn follows(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("follow", at), thirty).await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 31, "each once");

    s.host.flag("INBOX", "m3@else.test", (true, "\\Flagged"));
    s.host.flag("INBOX", "m4@else.test", (true, "\\Answered \\Seen"));
    s.host.expunge("INBOX", "m5@else.test");
    s.equal(&FOLDERS).await;
    s.host.flag("INBOX", "m3@else.test", (false, "\\Flagged"));
    s.host.move_to("INBOX", "m6@else.test", "Sent");
    s.host.copy("INBOX", "m7@else.test", "Sent");
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 0, "nothing of it is new");
    s.host.deliver(&mail("New", "new@else.test"));
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
pub async fn renames(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("rename", at), |host| {
        thirty(host);
        for n in 0..3 {
            let id = format!("p{n}@else.test");
            host.put("Projects", &mail(&format!("Project {n}"), &id));
        }
        host.apart("Projects");
    })
    .await;
    s.equal(&FOLDERS).await;
    let before = folder(&mut s, "Projects").await;
    let choice = json!({ "folders": [{ "id": before["id"], "selected": true, "role": "archive" }] });
    s.api.patch(&format!("/accounts/{}/folders", s.id), &choice).await.expect(200);
    s.equal(&["INBOX", "Sent", "Projects"]).await;
    // Seen completely: what it was like is known.
    let seen = "SELECT COUNT(*) FROM folder WHERE name IN ('Projects', 'INBOX.Projects') AND seen_uid_next IS NOT NULL";
    eventually("it was taken over", async || s.t.number(seen).await == 1).await;
    s.bodies_asked();

    s.host.rename("Projects", "Done");
    s.equal(&["INBOX", "Sent", "Done"]).await;
    let after = folder(&mut s, "Done").await;
    assert_eq!((&after["id"], &after["selected"], &after["role"]), (&before["id"], &json!(true), &json!("archive")));
    assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE name IN ('Projects', 'INBOX.Projects')").await, 0);
    assert_eq!(s.bodies_asked(), 0, "nothing is fetched again");
    s.host.put("Done", &mail("Project 3", "p3@else.test"));
    s.equal(&["INBOX", "Sent", "Done"]).await;
    s.t.stop().await;
}

async fn folder(s: &mut Scene, name: &str) -> serde_json::Value {
    let name = s.host.named(name);
    let list = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
    list["items"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("{list}")).clone()
}

/// A folder has new UIDs for all that it had.
pub async fn renews(engine: Engine, at: impl Into<At>, folder: &str) {
    let mut s = Scene::start(engine, (&format!("renewed-{folder}"), at), |host| {
        for n in 0..31 {
            host.put(folder, &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
        }
        // Two that cannot be told apart by header and size.
        for body in ["One two", "Two one"] {
            let twin = [&mail("Twin", "twin@else.test")[..], body.as_bytes(), b"\r\n"].concat();
            host.put(folder, &twin);
        }
    })
    .await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 33);
    let path = format!("/accounts/{}/messages?limit=200", s.id);
    let before = s.api.get(&path).await.expect(200)["items"].clone();
    let validity = "SELECT CAST(SUM(uid_validity) AS BIGINT) FROM folder WHERE role IN ('inbox', 'sent')";
    let old = s.t.number(validity).await;
    s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
    eventually("the session has ended", async || s.proxy.lives().iter().all(|l| l.ended_at.is_some())).await;
    s.host.renew_uids(folder);
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    eventually("the new UIDs are here", async || s.t.number(validity).await != old).await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 2, "only those that could be either");
    let after = s.api.get(&path).await.expect(200)["items"].clone();
    assert_eq!(ids(&before), ids(&after), "the messages are the same ones, in the same order");
    s.t.stop().await;
}

/// A folder is made, chosen, filled, and goes again with what is in it alone.
pub async fn folders_come_and_go(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("folders", at), thirty).await;
    s.equal(&FOLDERS).await;
    s.bodies_asked();
    s.host.create("Customers/Acme");
    s.host.put("Customers/Acme", &mail("Acme 0", "acme0@else.test"));
    s.host.copy("INBOX", "m1@else.test", "Customers/Acme");
    s.sync_now(false).await;
    let named = s.host.named("Customers/Acme");
    let cell = tokio::sync::Mutex::new(&mut s);
    eventually("it is listed", async || {
        let s = &mut *cell.lock().await;
        let list = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
        list["items"].as_array().unwrap().iter().any(|f| f["name"] == *named)
    })
    .await;
    let chosen = folder(&mut s, "Customers/Acme").await;
    let choice = json!({ "folders": [{ "id": chosen["id"], "selected": true }] });
    s.api.patch(&format!("/accounts/{}/folders", s.id), &choice).await.expect(200);
    s.equal(&["INBOX", "Sent", "Customers/Acme"]).await;
    assert_eq!(s.bodies_asked(), 1, "the copy is known");
    s.host.delete("Customers/Acme");
    s.equal(&FOLDERS).await;
    assert!(!s.here().await.contains_key("Acme 0"));
    assert_eq!(s.bodies_asked(), 0);
    s.t.stop().await;
}

on_both! {
    async fn a_server_that_tells_modseqs_and_does_not_offer_them_is_compared(engine) {
        // Who asked for them once has Dovecot keep them from then on.
        let mut s = Scene::start(engine, ("untold", Offers::Neither), |host| {
            thirty(host);
            host.doveadm(&["fetch", "modseq", "mailbox", "INBOX", "all"]);
        })
        .await;
        s.equal(&FOLDERS).await;
        for flag in ["\\Flagged", "\\Answered"] {
            s.host.flag("INBOX", "m3@else.test", (true, flag));
            s.equal(&FOLDERS).await;
        }
        let failed = s.t.number("SELECT COUNT(*) FROM sync_run WHERE reason IS NOT NULL").await;
        assert_eq!(failed, 0, "no pass failed");
        s.t.stop().await;
    }

    async fn a_folder_is_made_and_deleted_by_somebody_else(engine) {
        folders_come_and_go(engine, Offers::All).await;
        folders_come_and_go(engine, Offers::Neither).await;
    }

    async fn a_renamed_folder_is_known_again(engine) {
        renames(engine, Offers::All).await;
    }

    async fn a_renamed_folder_is_known_again_where_list_tells_little(engine) {
        renames(engine, Offers::Condstore).await;
    }

    async fn a_renamed_folder_is_known_again_where_uidnext_is_not_told(engine) {
        renames(engine, Offers::NoUidnext).await;
    }

    // Courier keeps no UID that it gives in a folder opened for reading only.
    async fn a_server_that_does_not_tell_uidnext_has_its_folders_opened_for_writing(engine) {
        let mut s = Scene::start(engine, ("nouidnext", Offers::NoUidnext), thirty).await;
        s.equal(&FOLDERS).await;
        let heard = s.proxy.take_heard().join("");
        assert!(heard.contains("SELECT INBOX") && heard.contains("SELECT Sent"), "{heard}");
        s.t.stop().await;
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
        renews(engine, Offers::All, "INBOX").await;
    }
}

fn ids(items: &serde_json::Value) -> Vec<serde_json::Value> {
    items.as_array().unwrap().iter().map(|m| json!([m["id"], m["subject"]])).collect()
}
