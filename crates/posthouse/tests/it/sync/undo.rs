//! What was moved goes back to where it was, and what lay there before stays.

use super::host::At;
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Api, Engine, eventually, mail};
use serde_json::{Value, json};
use testkit::{Direction, Fault, Plan, contains};

const FOLDERS: [&str; 5] = ["INBOX", "Sent", "Trash", "Archive", "Projects"];

/// Undoes what a change said that it moved.
pub async fn move_back(api: &mut Api, account: &str, moves: &Value) -> Value {
    api.post(&format!("/accounts/{account}/messages/move-back"), &json!({ "moves": moves })).await.expect(200)
}

impl Scene {
    async fn move_back(&mut self, moves: &Value) -> Value {
        move_back(&mut self.api, &self.id, moves).await
    }
}

/// The same mail in several places, all of them copied.
async fn scattered(engine: Engine, (name, at): (&str, impl Into<At>)) -> Scene {
    let mut s = Scene::start(engine, (name, at), |host| {
        let places = [
            (1, &["INBOX", "Trash"][..]),
            (2, &["INBOX", "Projects"]),
            (3, &["INBOX", "Archive"]),
            (4, &["INBOX", "INBOX"]),
            (5, &["INBOX", "Projects", "Trash", "Trash"]),
        ];
        for (n, folders) in places {
            for folder in folders {
                host.put(folder, &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
            }
        }
        host.flag("Projects", "m2@else.test", (true, "\\Flagged"));
    })
    .await;
    s.equal(&["INBOX", "Sent"]).await;
    let mut chosen = vec![];
    for name in ["Trash", "Archive", "Projects"] {
        chosen.push(json!({ "id": s.folder(name).await, "selected": true }));
    }
    s.api.patch(&format!("/accounts/{}/folders", s.id), &json!({ "folders": chosen })).await.expect(200);
    s.equal(&FOLDERS).await;
    s
}

/// Undone, done once more by undoing that, and undone again.
async fn goes_back(s: &mut Scene, (numbers, from, action): (&[usize], Option<&str>, &str), waits: bool) {
    let before = s.there(&FOLDERS);
    let away = s.change(numbers, from, json!({ "kind": action })).await;
    let moves = away["moved"].as_array().unwrap().len();
    if waits {
        s.nothing_waits().await;
        s.equal(&FOLDERS).await;
        assert_ne!(s.there(&FOLDERS), before);
    }
    let again = s.move_back(&away["moved"]).await;
    assert_eq!((&again["missing"], again["moved"].as_array().unwrap().len()), (&json!(0), moves), "{again}");
    assert_eq!(s.here().await, before, "shown at once");
    let nothing = s.move_back(&away["moved"]).await;
    assert_eq!((&nothing["changed"], &nothing["missing"]), (&json!(0), &json!(moves)), "once: {nothing}");
    let back = s.move_back(&again["moved"]).await;
    s.move_back(&back["moved"]).await;
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS), before, "{action} of {numbers:?}");
}

pub async fn undoes(engine: Engine, name: &str, at: impl Into<At>) {
    let mut s = scattered(engine, (name, at)).await;
    s.bodies_asked();
    for waits in [true, false] {
        goes_back(&mut s, (&[1], None, "trash"), waits).await;
        goes_back(&mut s, (&[2], None, "trash"), waits).await;
        goes_back(&mut s, (&[3], Some("INBOX"), "archive"), waits).await;
        goes_back(&mut s, (&[4], None, "trash"), waits).await;
        goes_back(&mut s, (&[1, 2, 3, 4, 5], None, "trash"), waits).await;
    }
    assert_eq!(s.bodies_asked(), 0, "nothing of it was fetched");
    s.t.stop().await;
}

/// The server has moved one copy and its answer is lost; the other copy is told of. Each goes back from where it is.
async fn undoes_unheard(engine: Engine) {
    let mut s = scattered(engine, ("undo-unheard", Offers::All)).await;
    let before = s.there(&FOLDERS);
    s.pause().await;
    let away = s.change(&[2, 3, 5], None, json!({ "kind": "archive" })).await;
    s.move_back(&away["moved"]).await;
    let lost = Fault::CloseAtLine(Direction::FromServer, contains("COPYUID"));
    s.resume(Plan { faults: [Offers::All.plan().faults, vec![lost]].concat() }).await;
    let broken = async || s.t.number("SELECT COUNT(*) FROM mailbox_op WHERE attempts > 0").await > 0;
    eventually("the answer was lost", broken).await;
    s.proxy.set_plan(Offers::All.plan());
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS), before);
    s.t.stop().await;
}

on_both! {
    async fn what_was_moved_unheard_is_undone_with_its_own_copy(engine) {
        undoes_unheard(engine).await;
    }

    async fn what_is_undone_lies_where_it_was_and_nowhere_else(engine) {
        undoes(engine, "undo", Offers::All).await;
    }

    async fn what_is_undone_lies_where_it_was_where_no_uids_are_told(engine) {
        undoes(engine, "undo-no-uids", Offers::NoUidplus).await;
    }

    async fn what_cannot_be_undone_is_told(engine) {
        let mut s = scattered(engine, ("undo-gone", Offers::All)).await;
        let away = s.change(&[1, 2], Some("INBOX"), json!({ "kind": "trash" })).await;
        s.nothing_waits().await;
        // One of both was removed for good meanwhile.
        s.change(&[1], Some("Trash"), json!({ "kind": "delete" })).await;
        s.nothing_waits().await;
        let back = s.move_back(&away["moved"]).await;
        assert_eq!((&back["changed"], &back["missing"]), (&json!(1), &json!(1)), "{back}");
        s.equal(&FOLDERS).await;
        assert_eq!(s.there(&FOLDERS)["Mail 2"], ["INBOX", "Projects flagged"]);
        let path = format!("/accounts/{}/messages/move-back", s.id);
        // Never moved from there.
        let mut made_up = back["moved"][0].clone();
        made_up["from"] = made_up["message"].clone();
        assert_eq!(s.move_back(&json!([made_up])).await["missing"], 1);
        // The folder has gone meanwhile.
        let away = s.change(&[5], Some("Projects"), json!({ "kind": "archive" })).await;
        s.nothing_waits().await;
        s.host.delete("Projects");
        s.equal(&["INBOX", "Sent", "Trash", "Archive"]).await;
        let lost = s.api.post(&path, &json!({ "moves": away["moved"] })).await;
        assert_eq!(lost.problem(422, "validation_failed")["fields"][0]["code"], "unknown");
        for (moves, why) in [(json!([]), "empty"), (json!(vec![back["moved"][0].clone(); 501]), "too_many")] {
            let answer = s.api.post(&path, &json!({ "moves": moves })).await;
            assert!(answer.text.contains(why), "{}", answer.text);
        }
        s.t.stop().await;
    }
}
