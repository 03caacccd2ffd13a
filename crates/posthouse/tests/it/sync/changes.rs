//! What changes on the server, by servers that offer much and little.

use super::host::{At, Host};
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Engine, eventually, mail};
use serde_json::{Value, json};
use testkit::{Direction, Fault, contains};

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

fn with_projects(host: &Host) {
    thirty(host);
    for n in 0..3 {
        host.put("Projects", &mail(&format!("Project {n}"), &format!("p{n}@else.test")));
    }
}

/// A folder that people chose and gave a use keeps both, and its messages, under another name.
pub async fn renames(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("rename", at), with_projects).await;
    let before = projects(&mut s).await;
    s.host.rename("Projects", "Done");
    is_done(&mut s, &before).await;
    assert_eq!(s.bodies_asked(), 0, "nothing is fetched again");
    s.host.put("Done", &mail("Project 3", "p3@else.test"));
    s.equal(&["INBOX", "Sent", "Done"]).await;
    s.t.stop().await;
}

/// By the time that we look it has other messages as well.
pub async fn renames_and_changes(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("rename-change", at), with_projects).await;
    let before = projects(&mut s).await;
    s.pause().await;
    s.host.rename("Projects", "Done");
    s.host.put("Done", &mail("Project 3", "p3@else.test"));
    s.host.flag("Done", "p1@else.test", (true, "\\Flagged"));
    s.host.expunge("Done", "p0@else.test");
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    is_done(&mut s, &before).await;
    assert_eq!(s.bodies_asked(), 1, "only what is new");
    s.t.stop().await;
}

/// Its name is another folder's by the time that we look, which has mail, too.
pub async fn renames_and_makes_anew(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("rename-anew", at), with_projects).await;
    let before = projects(&mut s).await;
    s.pause().await;
    s.host.rename("Projects", "Done");
    s.host.create("Projects");
    s.host.put("Projects", &mail("Project 3", "p3@else.test"));
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    s.equal(&["INBOX", "Sent", "Done", "Projects"]).await;
    let (done, anew) = (folder(&mut s, "Done").await, folder(&mut s, "Projects").await);
    assert_eq!((&done["id"], &done["selected"], &done["role"]), (&before["id"], &json!(true), &Value::Null));
    assert_eq!((&anew["selected"], &anew["role"]), (&json!(true), &json!("archive")));
    assert_eq!(s.bodies_asked(), 1, "only what is new");
    s.t.stop().await;
}

/// There was nothing in it that could tell.
pub async fn renames_empty(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("rename-empty", at), thirty).await;
    s.equal(&FOLDERS).await;
    s.host.create("Later");
    let later = chosen(&mut s, "Later").await;
    is_seen(&mut s, 3).await;
    s.pause().await;
    s.host.rename("Later", "Now");
    s.host.put("Now", &mail("The first", "now@else.test"));
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    s.equal(&["INBOX", "Sent", "Now"]).await;
    assert_eq!(folder(&mut s, "Now").await["id"], later["id"]);
    s.t.stop().await;
}

/// A folder that is chosen and copied.
async fn chosen(s: &mut Scene, name: &str) -> Value {
    s.sync_now(false).await;
    let named = s.host.named(name);
    let cell = tokio::sync::Mutex::new(&mut *s);
    eventually("it is listed", async || {
        let s = &mut *cell.lock().await;
        let list = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
        list["items"].as_array().unwrap().iter().any(|f| f["name"] == *named)
    })
    .await;
    let found = folder(s, name).await;
    let choice = json!({ "folders": [{ "id": found["id"], "selected": true }] });
    s.api.patch(&format!("/accounts/{}/folders", s.id), &choice).await.expect(200);
    found
}

/// Another folder may have the UIDVALIDITY of one that is gone: it is not taken for it, whatever was chosen there.
async fn another_is_not_taken_for_it(engine: Engine, messages: usize) {
    let mut s = Scene::start(engine, (&format!("rename-other{messages}"), Offers::All), with_projects).await;
    projects(&mut s).await;
    let validity = s.t.number("SELECT uid_validity FROM folder WHERE name = 'Projects'").await;
    s.pause().await;
    s.host.delete("Projects");
    s.host.create("Other");
    s.host.doveadm(&[&format!("mailbox update --uid-validity {validity}"), "Other"]);
    for n in 0..messages {
        s.host.put("Other", &mail(&format!("Other {n}"), &format!("o{n}@else.test")));
    }
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    s.equal(&FOLDERS).await;
    let other = folder(&mut s, "Other").await;
    assert_eq!((&other["selected"], &other["role"]), (&json!(false), &Value::Null));
    assert_eq!(s.bodies_asked(), 0);
    s.t.stop().await;
}

/// The folder of this name, chosen, with a use, and taken over.
async fn projects(s: &mut Scene) -> Value {
    s.equal(&FOLDERS).await;
    let found = folder(s, "Projects").await;
    let choice = json!({ "folders": [{ "id": found["id"], "selected": true, "role": "archive" }] });
    s.api.patch(&format!("/accounts/{}/folders", s.id), &choice).await.expect(200);
    s.equal(&["INBOX", "Sent", "Projects"]).await;
    is_seen(s, 3).await;
    s.bodies_asked();
    found
}

/// So many folders were seen completely: what they were like is known.
async fn is_seen(s: &mut Scene, folders: i64) {
    let seen = "SELECT COUNT(*) FROM folder WHERE selected AND seen_uid_next IS NOT NULL";
    eventually("they were taken over", async || s.t.number(seen).await == folders).await;
}

/// It has a new name and is otherwise what it was.
async fn is_done(s: &mut Scene, before: &Value) {
    s.equal(&["INBOX", "Sent", "Done"]).await;
    let after = folder(s, "Done").await;
    assert_eq!((&after["id"], &after["selected"], &after["role"]), (&before["id"], &json!(true), &json!("archive")));
    assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE name IN ('Projects', 'INBOX.Projects')").await, 0);
}

/// As Cyrus 3.6 has it: only opening a folder tells its id. Its figures are others by the time that we look.
async fn renames_by_id(engine: Engine) {
    let mut plan = Offers::All.plan();
    let mut swap = |direction, at: &str, by: [&str; 2]| {
        plan.faults.push(Fault::ReplaceText(direction, contains(at), by.map(str::to_owned)));
    };
    swap(Direction::FromServer, "CAPABILITY", [" IDLE", " IDLE OBJECTID"]);
    swap(Direction::FromClient, " MAILBOXID", [" MAILBOXID", ""]);
    for count in ["* 3 EXISTS", "* 4 EXISTS"] {
        swap(Direction::FromServer, count, ["* ", "* OK [MAILBOXID (F-7_x)] Ok\r\n* "]);
    }
    let mut s = Scene::behind(engine, "rename-by-id", plan, with_projects).await;
    let before = projects(&mut s).await;
    s.pause().await;
    s.host.rename("Projects", "Done");
    s.host.put("Done", &mail("Project 3", "p3@else.test"));
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    is_done(&mut s, &before).await;
    assert_eq!(s.bodies_asked(), 1, "only what is new");
    s.t.stop().await;
}

async fn folder(s: &mut Scene, name: &str) -> Value {
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
    // Every folder has been looked at: none gets its first UIDVALIDITY from here on.
    eventually("the first pass is over", async || s.t.number("SELECT COUNT(*) FROM sync_run").await > 0).await;
    let path = format!("/accounts/{}/messages?limit=200", s.id);
    let before = s.api.get(&path).await.expect(200)["items"].clone();
    let validity = "SELECT CAST(SUM(uid_validity) AS BIGINT) FROM folder WHERE role IN ('inbox', 'sent')";
    let old = s.t.number(validity).await;
    s.pause().await;
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
    chosen(&mut s, "Customers/Acme").await;
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

    async fn a_renamed_folder_is_known_again_though_it_has_changed(engine) {
        renames_and_changes(engine, Offers::All).await;
        renames_and_changes(engine, Offers::Neither).await;
    }

    async fn a_renamed_folder_is_known_again_though_its_name_is_in_use(engine) {
        for offers in [Offers::All, Offers::Condstore, Offers::Neither] {
            renames_and_makes_anew(engine, offers).await;
        }
    }

    async fn an_empty_folder_that_was_renamed_stays_chosen(engine) {
        renames_empty(engine, Offers::All).await;
    }

    async fn another_folder_is_not_taken_for_one_that_is_gone(engine) {
        // As many as it had, and more.
        another_is_not_taken_for_it(engine, 3).await;
        another_is_not_taken_for_it(engine, 4).await;
    }

    async fn a_copy_is_not_taken_for_the_folder_that_was_renamed(engine) {
        let mut s = Scene::start(engine, ("rename-copy", Offers::All), with_projects).await;
        let before = projects(&mut s).await;
        s.pause().await;
        s.host.rename("Projects", "Done");
        s.host.create("Copied");
        for n in 0..3 {
            s.host.copy("Done", &format!("p{n}@else.test"), "Copied");
        }
        s.host.put("Done", &mail("Project 3", "p3@else.test"));
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        is_done(&mut s, &before).await;
        s.t.stop().await;
    }

    // Nobody chose it, whatever of a chosen folder that is gone lies in it.
    async fn a_larger_folder_with_copies_is_not_chosen(engine) {
        let mut s = Scene::start(engine, ("rename-larger", Offers::All), |host| {
            with_projects(host);
            for n in 0..4 {
                host.put("Private", &mail(&format!("Private {n}"), &format!("v{n}@else.test")));
            }
            host.copy("Projects", "p0@else.test", "Private");
            host.copy("Projects", "p1@else.test", "Private");
        })
        .await;
        projects(&mut s).await;
        s.pause().await;
        s.host.delete("Projects");
        s.host.rename("Private", "Secret");
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        s.equal(&FOLDERS).await;
        assert_eq!(folder(&mut s, "Secret").await["selected"], json!(false));
        s.t.stop().await;
    }

    async fn a_renamed_folder_is_known_again_by_the_id_that_opening_it_tells(engine) {
        renames_by_id(engine).await;
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

fn ids(items: &Value) -> Vec<Value> {
    items.as_array().unwrap().iter().map(|m| json!([m["id"], m["subject"]])).collect()
}
