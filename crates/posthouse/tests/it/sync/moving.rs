//! What is moved, copied and removed here reaches the server once, whatever it can and whenever we die.

use super::history::comparisons;
use super::host::{At, Host};
use super::{Offers, Scene, bodies_asked};
use crate::on_both;
use crate::support::program::Program;
use crate::support::{Engine, PATIENCE, all_mail, eventually, mail};
use posthouse::accounts::{self, Access};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::mailbox::transfers::{self, MessageAction, Wanted};
use posthouse::{mailbox, team};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Direction, Fault, Plan, contains};

const FOLDERS: [&str; 4] = ["INBOX", "Sent", "Trash", "Archive"];

fn thirty(host: &Host) {
    for n in 0..30 {
        host.put("INBOX", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
    }
}

impl Scene {
    pub async fn folder(&mut self, name: &str) -> String {
        let all = self.api.get(&format!("/accounts/{}/folders", self.id)).await.expect(200);
        let name = self.host.named(name);
        let found = all["items"].as_array().unwrap().iter().find(|f| f["name"] == name);
        found.unwrap_or_else(|| panic!("no folder {name} in {all}"))["id"].as_str().unwrap().to_owned()
    }

    pub async fn change(&mut self, numbers: &[usize], from: Option<&str>, action: Value) -> Value {
        let list = all_mail(&mut self.api, &self.id).await;
        let subjects: Vec<String> = numbers.iter().map(|n| format!("Mail {n}")).collect();
        let ids: Vec<&Value> =
            list.iter().filter(|m| subjects.iter().any(|s| m["subject"] == **s)).map(|m| &m["id"]).collect();
        assert_eq!(ids.len(), numbers.len(), "{numbers:?}");
        let from = match from {
            Some(name) => json!(self.folder(name).await),
            None => Value::Null,
        };
        let body = json!({ "messages": ids, "from": from, "action": action });
        self.api.post(&format!("/accounts/{}/messages/change", self.id), &body).await.expect(200)
    }

    fn lies(&self, here: &std::collections::BTreeMap<String, Vec<String>>, number: usize) -> Vec<String> {
        let place = here.get(&format!("Mail {number}")).cloned().unwrap_or_default();
        place.iter().map(|p| p.split(' ').next().unwrap().to_owned()).collect()
    }

    pub async fn operations(&mut self) -> Value {
        self.api.get(&format!("/accounts/{}/operations", self.id)).await.expect(200)
    }

    pub async fn nothing_waits(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.operations().await;
            if now["waiting"] == 0 {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "never done: {now}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

pub async fn reaches_the_server(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("moving", at), thirty).await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 30);
    let sent = s.folder("Sent").await;

    let moved = s.change(&[1, 2, 3], None, json!({ "kind": "move", "folder": sent })).await;
    assert_eq!((&moved["changed"], moved["moved"].as_array().unwrap().len()), (&json!(3), 3));
    s.change(&[6], None, json!({ "kind": "copy", "folder": sent })).await;
    s.change(&[7, 8], None, json!({ "kind": "archive" })).await;
    s.change(&[9], None, json!({ "kind": "trash" })).await;
    s.change(&[10], Some("INBOX"), json!({ "kind": "delete" })).await;
    // Marked as read and moved at once, as whoever reads does.
    s.change(&[11, 12], None, json!({ "kind": "flags", "seen": true })).await;
    s.change(&[11], None, json!({ "kind": "move", "folder": sent })).await;
    let here = s.here().await;
    let places: Vec<Vec<String>> = [1, 6, 7, 9, 10, 11].into_iter().map(|n| s.lies(&here, n)).collect();
    assert_eq!(places, [&["Sent"][..], &["INBOX", "Sent"], &["Archive"], &["Trash"], &[], &["Sent"]], "shown at once");
    let list = s.api.get(&format!("/accounts/{}/messages?limit=200", s.id)).await.expect(200);
    assert_eq!(
        list["items"].as_array().unwrap().len(),
        26,
        "neither what is removed, nor what is thrown away, nor what is in a folder that is not copied is listed"
    );
    s.equal(&FOLDERS).await;
    let there = s.there(&FOLDERS);
    assert_eq!(there["Mail 11"], ["Sent seen"]);
    assert!(!there.contains_key("Mail 10"));

    // Taken back, and moved on before the server has heard of the first move.
    let inbox = s.folder("INBOX").await;
    s.change(&[9], Some("Trash"), json!({ "kind": "move", "folder": inbox })).await;
    s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
    s.change(&[1], None, json!({ "kind": "move", "folder": inbox })).await;
    s.change(&[1], None, json!({ "kind": "archive" })).await;
    s.change(&[1], None, json!({ "kind": "flags", "flagged": true })).await;
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS)["Mail 1"], ["Archive flagged"]);
    assert_eq!(s.there(&FOLDERS)["Mail 9"], ["INBOX"]);
    s.nothing_waits().await;
    assert_eq!(s.bodies_asked(), 0, "nothing of it was fetched");
    assert_eq!(s.t.number("SELECT COUNT(*) FROM transfer").await, 0);
    let provisional = "SELECT COUNT(*) FROM placement WHERE uid < 0";
    eventually("every message has the server's UID", async || s.t.number(provisional).await == 0).await;
    assert_eq!(s.operations().await["refused"], json!([]));
    s.t.stop().await;
}

/// What was moved into folders that are not copied is shown there for a while. Meanwhile somebody else does something with it.
pub async fn is_followed_elsewhere(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("elsewhere", at), thirty).await;
    s.equal(&FOLDERS).await;
    s.change(&[7, 8, 10], None, json!({ "kind": "archive" })).await;
    s.change(&[9], None, json!({ "kind": "trash" })).await;
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    s.host.move_to("Archive", "m7@else.test", "INBOX");
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS)["Mail 7"], ["INBOX"]);
    s.host.flag("Archive", "m8@else.test", (true, "\\Seen"));
    s.host.expunge("Trash", "m9@else.test");
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS)["Mail 8"], ["Archive seen"]);
    let (rest, gone) = ("SELECT COUNT(*) FROM message", "SELECT COUNT(*) FROM message WHERE subject = 'Mail 9'");
    eventually("what is nowhere is removed", async || s.t.number(gone).await == 0).await;
    assert_eq!(s.t.number(rest).await, 29);
    assert_eq!(s.bodies_asked(), 30, "each was fetched once");
    s.t.stop().await;
}

/// Each message that was named is counted once, by what became of it.
async fn is_counted(engine: Engine) {
    let mut s = Scene::start(engine, ("counted", Offers::All), thirty).await;
    s.equal(&FOLDERS).await;
    let list = s.api.get(&format!("/accounts/{}/messages?limit=200", s.id)).await.expect(200);
    let of = |n: usize| {
        let mine = list["items"].as_array().unwrap().iter().find(|m| m["subject"] == format!("Mail {n}")).unwrap();
        (mine["id"].clone(), mine["thread_id"].clone())
    };
    let gone = "00000000-0000-7000-8000-000000000001";
    let path = format!("/accounts/{}/messages/change", s.id);
    let (inbox, trash) = (s.folder("INBOX").await, s.folder("Trash").await);
    let counts = |said: &Value| ["changed", "unchanged", "missing", "kept"].map(|name| said[name].as_u64().unwrap());
    let ask = async |s: &mut Scene, body: Value| counts(&s.api.post(&path, &body).await.expect(200));

    let seen = json!({ "kind": "flags", "seen": true });
    let named = json!({ "messages": [of(1).0, of(2).0, gone, gone], "action": seen });
    assert_eq!(ask(&mut s, named.clone()).await, [2, 0, 1, 0]);
    assert_eq!(ask(&mut s, named).await, [0, 2, 1, 0], "they are so already, and one is not there");
    let away = json!({ "messages": [of(1).0, of(2).0, gone], "action": { "kind": "trash" } });
    assert_eq!(ask(&mut s, away.clone()).await, [2, 0, 1, 0]);
    assert_eq!(ask(&mut s, away).await, [0, 2, 1, 0]);
    let for_good = json!({ "messages": [of(1).0, of(3).0, gone], "action": { "kind": "delete" } });
    assert_eq!(ask(&mut s, for_good).await, [1, 0, 1, 1], "what is not thrown away is kept");
    let from = json!({ "messages": [of(3).0, of(4).0], "from": trash, "action": { "kind": "move", "folder": inbox } });
    assert_eq!(ask(&mut s, from).await, [0, 2, 0, 0], "they are where they shall be");
    let from = json!({ "messages": [of(3).0, of(2).0], "from": trash, "action": { "kind": "archive" } });
    assert_eq!(ask(&mut s, from).await, [1, 0, 1, 0], "it does not lie there");
    let threads = json!({ "threads": [of(5).1, gone], "action": seen });
    assert_eq!(ask(&mut s, threads).await, [1, 0, 1, 0], "a conversation that is not there");
    s.t.stop().await;
}

/// The server says no: everything is where it was, and somebody can read why.
pub async fn is_refused(engine: Engine, at: impl Into<At>) {
    let at = at.into();
    let mut s = Scene::start(engine, ("put-back", at), thirty).await;
    s.equal(&FOLDERS).await;
    s.bodies_asked();
    let (command, unknown) = if at.has_move() { ("UID MOVE", "UID MOVX") } else { ("UID COPY", "UID COPX") };
    let broken = Fault::ReplaceText(Direction::FromClient, contains(command), [command.into(), unknown.into()]);
    // Courier quotes every name.
    let name = s.host.named("Archive");
    let hidden = [format!("\" {name}"), format!("\" \"{name}\"")]
        .map(|listed| Fault::ReplaceLine(Direction::FromServer, contains(&listed), "* OK Hidden\r\n".into()));
    s.proxy.set_plan(Plan { faults: [broken].into_iter().chain(hidden).collect() });
    s.proxy.hang_up();
    eventually("the folder is not known any more", async || {
        s.t.number("SELECT COUNT(*) FROM folder WHERE role = 'archive'").await == 0
    })
    .await;
    let sent = s.folder("Sent").await;
    s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
    s.change(&[1, 2], None, json!({ "kind": "move", "folder": sent })).await;
    // These build on it, and fall with it.
    s.change(&[2], None, json!({ "kind": "archive" })).await;
    s.change(&[3], None, json!({ "kind": "archive" })).await;
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    let there = s.there(&FOLDERS);
    assert!((1..=3).all(|n| there[&format!("Mail {n}")] == ["INBOX"]), "{there:?}");
    let refused = s.operations().await["refused"].clone();
    let kinds: Vec<(&Value, &Value)> =
        refused.as_array().unwrap().iter().map(|r| (&r["kind"], &r["messages"])).collect();
    assert_eq!(kinds, [(&json!("move"), &json!(1)), (&json!("move"), &json!(2))], "{refused}");
    assert!(refused[0]["words"].as_str().unwrap().contains(unknown) || at.peer.is_some(), "{refused}");
    assert_ne!(refused[0]["words"], "");
    let folders = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
    assert!(!folders.to_string().contains("Archive"), "the folder that was to be made is forgotten: {folders}");
    assert_eq!(refused[0]["subjects"], json!(["Mail 3"]));
    let mut both = refused[1]["subjects"].as_array().unwrap().clone();
    both.sort_by_key(ToString::to_string);
    assert_eq!(both, ["Mail 1", "Mail 2"], "{refused}");
    assert_eq!((&refused[0]["can_repeat"], &refused[1]["can_repeat"]), (&json!(false), &json!(true)), "{refused}");
    // Asked for again: the folder that was to be made is no more; the other one does as it is told now.
    let again = |r: &Value| format!("/accounts/{}/operations/{}/again", s.id, r["id"].as_str().unwrap());
    let (archive, sent) = (again(&refused[0]), again(&refused[1]));
    s.proxy.set_plan(Plan::default());
    s.proxy.hang_up();
    assert_eq!(s.api.post(&archive, &json!({})).await.expect(409)["code"], "no_such_folder");
    let done = s.api.post(&sent, &json!({})).await.expect(200);
    assert_eq!((&done["changed"], &done["missing"]), (&json!(2), &json!(0)), "{done}");
    s.api.post(&sent, &json!({})).await.expect(404);
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    let there = s.there(&FOLDERS);
    assert!((1..=2).all(|n| there[&format!("Mail {n}")] == ["Sent"]), "{there:?}");
    assert_eq!(s.operations().await["refused"].as_array().unwrap().len(), 1);
    s.api.delete(&format!("/accounts/{}/operations", s.id), &json!({})).await.expect(204);
    assert_eq!(s.operations().await["refused"], json!([]));
    assert_eq!(s.bodies_asked(), 0);
    s.t.stop().await;
}

/// What is sent by us lies in Sent, once.
pub async fn files_what_is_sent(engine: Engine, at: impl Into<At>) {
    let mut s = Scene::start(engine, ("files", at), |_| {}).await;
    s.equal(&FOLDERS).await;
    let body = json!({ "to": "nobody@elsewhere.test", "subject": "Greetings", "body": "Hello" });
    let key = [("idempotency-key", "the-only-one")];
    let path = format!("/accounts/{}/outgoing", s.id);
    s.api.call(reqwest::Method::POST, &path, Some(&body), &key).await.expect(202);
    eventually("it is filed", async || !s.host.stored("Sent").is_empty()).await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS)["Greetings"], ["Sent seen"]);
    assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE role = 'sent'").await, 1);
    // Courier files nothing in a folder that is open for reading only, which no other server minds.
    let mut heard = s.proxy.take_heard().into_iter().rev().skip_while(|line| !line.contains("APPEND"));
    let opened = heard.find(|line| line.contains("SELECT ") || line.contains("EXAMINE ")).unwrap();
    assert!(opened.contains("SELECT "), "{opened}");
    s.t.stop().await;
}

/// Flags that a message got in its folder before it was moved, and that we did not hear of.
async fn takes_its_flags_along(engine: Engine, offers: Offers) {
    let fill = |host: &Host| {
        for n in 1..=2 {
            host.put("Sent", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
        }
    };
    let mut s = Scene::start(engine, ("flagged", offers), fill).await;
    s.equal(&FOLDERS).await;
    let inbox = s.folder("INBOX").await;
    for (number, flag) in [(1, "\\Flagged"), (2, "\\Answered")] {
        s.host.flag("Sent", &format!("m{number}@else.test"), (true, flag));
        s.change(&[number], None, json!({ "kind": "move", "folder": inbox })).await;
        s.nothing_waits().await;
    }
    assert!(!s.there(&FOLDERS).is_empty());
    s.equal(&FOLDERS).await;
    s.t.stop().await;
}

/// An archive is made in the personal namespace, which alone tells where that is.
async fn makes_inside(engine: Engine) {
    let mut plan = Offers::All.plan();
    let swap = |from: &str, to: &str| {
        Fault::ReplaceText(Direction::FromServer, contains("* NAMESPACE"), [from.to_owned(), to.to_owned()])
    };
    plan.faults.push(swap("((\"\" ", "((\"INBOX/\" "));
    plan.faults.push(Fault::ReplaceLine(Direction::FromServer, contains("\" Archive"), "* OK Hidden\r\n".into()));
    let mut s = Scene::behind(engine, "makes-inside", plan, thirty).await;
    s.equal(&["INBOX", "Sent"]).await;
    s.change(&[1, 2], None, json!({ "kind": "archive" })).await;
    s.nothing_waits().await;
    s.equal(&["INBOX", "INBOX/Archive"]).await;
    assert_eq!(s.there(&["INBOX/Archive"]).len(), 2);
    assert_eq!(s.operations().await["refused"], json!([]));
    s.folder("INBOX/Archive").await;
    s.t.stop().await;
}

/// The program dies around a move or a copy: afterwards the message is in one place, or two, and never in three.
pub async fn dies(engine: Engine, at: impl Into<At>, (point, action): (&str, &str)) {
    let at = at.into();
    let name = format!("dies-{action}-{}", point.replace('.', "-")).replace(' ', "-");
    let twin = usize::from(action == "move beside its twin");
    let mut s = Scene::start(engine, (&name, at), |host| {
        for n in 0..3 {
            let message = mail(&format!("Mail {n}"), &format!("m{n}@else.test"));
            host.put("INBOX", &message);
            if twin > 0 && n == 2 {
                host.put("Sent", &message);
            }
        }
    })
    .await;
    s.equal(&["INBOX", "Sent"]).await;
    let (sent, list) = (s.folder("Sent").await, format!("/accounts/{}/messages", s.id));
    let id = s.api.get(&list).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let (account, folder, config) = (s.id.clone(), tempfile::tempdir().unwrap(), s.t.app().config.clone());
    let _data = s.t.keep().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let owner = team::sign_in(&app, "ana@acme.test", Secret::new("correct horse battery".into())).await.ok().unwrap();
    let action = match action {
        "move" | "move beside its twin" => MessageAction::Move { folder: sent.parse().unwrap() },
        "copy" => MessageAction::Copy { folder: sent.parse().unwrap() },
        _ => MessageAction::Delete,
    };
    let mut tx = app.db.tx().await.unwrap();
    let found = accounts::find(&mut tx, &owner.actor, account.parse().unwrap(), Access::Send).await.unwrap();
    let folders = mailbox::folders(&mut tx, &owner.actor.scope, found.id).await.unwrap();
    let inbox = folders.iter().find(|f| f.role == Some(mailbox::Role::Inbox)).unwrap().id;
    let wanted = Wanted { messages: &[id.parse().unwrap()], threads: &[], from: Some(inbox), action: &action };
    transfers::change(&mut tx, &app, &owner.actor, &found, &wanted).await.unwrap();
    tx.commit().await.unwrap();
    let mut program = Program::start(&config, folder.path(), Some(point));
    assert!(program.killed().await, "{point} was not reached");
    let _again = Program::start(&config, folder.path(), None);
    let count = async |sql: &'static str| -> i64 {
        let row: (i64,) = db::one(&mut app.db.read().await.unwrap(), db::Sql::both(sql), vec![]).await.unwrap();
        row.0
    };
    eventually("the operation is done", async || {
        count("SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting'").await == 0
            && count("SELECT COUNT(*) FROM placement WHERE uid < 0").await == 0
            && count("SELECT COUNT(*) FROM placement").await
                == match &action {
                    MessageAction::Copy { .. } => 4,
                    MessageAction::Delete => 2,
                    _ => 3 + i64::try_from(twin).unwrap(),
                }
    })
    .await;
    let number = |folder: &str| s.host.stored(folder).len();
    let want = match &action {
        MessageAction::Copy { .. } => (3, 1),
        MessageAction::Delete => (2, 0),
        _ => (2, 1 + twin),
    };
    assert_eq!((number("INBOX"), number("Sent")), want, "{point} {at:?}");
    assert_eq!(bodies_asked(&s.proxy), 3, "{point}: each once, long ago");
    app.db.close().await;
}

on_both! {
    async fn what_others_did_first_is_not_counted_as_taken_over(engine) {
        let mut s = Scene::start(engine, ("overtaken", Offers::All), thirty).await;
        s.equal(&FOLDERS).await;
        s.pause().await;
        for number in [1, 2] {
            s.change(&[number], None, json!({ "kind": "archive" })).await;
        }
        s.change(&[3], None, json!({ "kind": "flags", "seen": true })).await;
        s.host.move_to("INBOX", "<m1@else.test>", "Sent");
        s.host.expunge("INBOX", "<m3@else.test>");
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        s.nothing_waits().await;
        s.equal(&FOLDERS).await;
        assert_eq!(s.there(&FOLDERS)["Mail 1"], ["Sent"]);
        // What is equal was taken over by a pass that is not over yet.
        s.sync_now(true).await;
        comparisons(&mut s, 1).await;
        let runs = s.api.get(&format!("/accounts/{}/sync/runs", s.id)).await.expect(200);
        let pushed: i64 = runs["items"].as_array().unwrap().iter().map(|run| run["pushed"].as_i64().unwrap()).sum();
        assert_eq!(pushed, 1, "{runs}");
        s.t.stop().await;
    }

    async fn what_was_to_leave_a_folder_with_new_uids_is_told(engine) {
        let mut s = Scene::start(engine, ("renumbered", Offers::All), thirty).await;
        s.equal(&FOLDERS).await;
        s.pause().await;
        s.change(&[1, 2], None, json!({ "kind": "archive" })).await;
        s.change(&[3], None, json!({ "kind": "flags", "flagged": true })).await;
        s.host.renew_uids("INBOX");
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        s.nothing_waits().await;
        s.equal(&FOLDERS).await;
        let refused = s.operations().await["refused"].clone();
        assert_eq!((&refused[0]["messages"], refused.as_array().unwrap().len()), (&json!(2), 1), "{refused}");
        assert!(refused[0]["words"].as_str().unwrap().contains("numbered"), "{refused}");
        assert_eq!((&refused[0]["from"], &refused[0]["to"]), (&json!("INBOX"), &json!("Archive")), "{refused}");
        let there = s.there(&FOLDERS);
        assert_eq!((there["Mail 1"].as_slice(), there["Mail 3"].as_slice()), (&["INBOX".to_owned()][..], &["INBOX flagged".to_owned()][..]));
        assert_eq!(s.bodies_asked(), 30, "known again");
        s.t.stop().await;
    }

    async fn the_figures_are_those_of_one_moment(engine) {
        let mut s = Scene::start(engine, ("figures", Offers::All), thirty).await;
        s.equal(&FOLDERS).await;
        let path = format!("/accounts/{}/sync", s.id);
        let cell = tokio::sync::Mutex::new(&mut s);
        let known = async || cell.lock().await.api.get(&path).await.expect(200)["messages_on_server"] == 30;
        eventually("all were looked at", known).await;
        let sent = s.folder("Sent").await;
        s.pause().await;
        s.change(&[1, 2, 3], None, json!({ "kind": "move", "folder": sent })).await;
        s.change(&[4], None, json!({ "kind": "copy", "folder": sent })).await;
        s.change(&[5], None, json!({ "kind": "archive" })).await;
        s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let waits = s.operations().await["waiting"] != 0;
            let figures = s.api.get(&path).await.expect(200);
            assert_eq!(figures["messages"], figures["messages_on_server"], "{figures}");
            seen.insert(figures["messages"].as_u64().unwrap());
            if !waits {
                break;
            }
        }
        assert!(seen.contains(&30), "one more by the copy, one fewer by the archive: {seen:?}");
        s.equal(&FOLDERS).await;
        let counts = s.api.get(&format!("/accounts/{}/folders", s.id)).await.expect(200);
        let of = |name: &str| counts["items"].as_array().unwrap().iter().find(|f| f["name"] == *name).unwrap()["server_messages"].clone();
        assert_eq!((of("INBOX"), of("Sent")), (json!(26), json!(4)), "{counts}");
        s.t.stop().await;
    }

    async fn what_is_moved_copied_and_removed_here_reaches_the_server(engine) {
        reaches_the_server(engine, Offers::All).await;
        reaches_the_server(engine, Offers::NoMove).await;
        reaches_the_server(engine, Offers::Neither).await;
    }

    async fn what_lies_in_a_folder_that_is_not_copied_is_followed_while_it_is_shown(engine) {
        is_followed_elsewhere(engine, Offers::All).await;
        is_followed_elsewhere(engine, Offers::Neither).await;
    }

    async fn what_is_sent_is_filed_in_a_folder_that_is_open_for_writing(engine) {
        files_what_is_sent(engine, Offers::All).await;
    }

    async fn flags_from_elsewhere_are_taken_along(engine) {
        for offers in [Offers::All, Offers::Condstore, Offers::Neither, Offers::NoUidplus] {
            takes_its_flags_along(engine, offers).await;
        }
    }

    // Nobody asks for a pass after it.
    async fn what_is_moved_has_the_flags_that_it_got_on_its_way(engine) {
        let mut plan = Offers::All.plan();
        plan.faults.push(Fault::DelayAtLine(Direction::FromClient, contains("UID MOVE"), Duration::from_secs(3)));
        let mut s = Scene::behind(engine, "moved-flags", plan, thirty).await;
        s.equal(&FOLDERS).await;
        eventually("Sent was taken over", async || s.t.number("SELECT COUNT(*) FROM folder WHERE seen_modseq IS NOT NULL").await == 2).await;
        let sent = s.folder("Sent").await;
        s.change(&[5], None, json!({ "kind": "move", "folder": sent })).await;
        let proxy = &s.proxy;
        eventually("it is on its way", async || proxy.take_heard().iter().any(|line| line.contains("UID MOVE"))).await;
        s.host.flag("INBOX", "m5@else.test", (true, "\\Answered"));
        s.nothing_waits().await;
        let cell = tokio::sync::Mutex::new(&mut s);
        let place = async || cell.lock().await.here().await.get("Mail 5").cloned();
        eventually("its flag is here", async || place().await == Some(vec!["Sent answered".to_owned()])).await;
        assert_eq!(s.there(&FOLDERS)["Mail 5"], ["Sent answered"]);
        s.t.stop().await;
    }

    async fn what_is_moved_and_removed_by_others_before_it_was_looked_at_is_gone(engine) {
        let mut plan = Offers::Condstore.plan();
        plan.faults.push(Fault::DelayAtLine(Direction::FromClient, contains("EXAMINE Sent"), Duration::from_secs(2)));
        let mut s = Scene::behind(engine, "moved-gone", plan, thirty).await;
        s.equal(&FOLDERS).await;
        eventually("Sent was taken over", async || s.t.number("SELECT COUNT(*) FROM folder WHERE seen_modseq IS NOT NULL").await == 2).await;
        let sent = s.folder("Sent").await;
        s.change(&[5, 6], None, json!({ "kind": "move", "folder": sent })).await;
        s.nothing_waits().await;
        s.host.expunge("Sent", "m5@else.test");
        s.equal(&FOLDERS).await;
        assert_eq!(s.there(&FOLDERS).get("Mail 5"), None);
        assert_eq!(s.there(&FOLDERS)["Mail 6"], ["Sent"]);
        s.t.stop().await;
    }

    async fn of_what_lies_twice_in_a_folder_one_copy_is_made(engine) {
        let twice = |host: &Host| (0..2).for_each(|_| host.put("INBOX", &mail("Mail 1", "m1@else.test")));
        let mut s = Scene::start(engine, ("twice", Offers::All), twice).await;
        s.equal(&FOLDERS).await;
        let sent = s.folder("Sent").await;
        s.change(&[1], Some("INBOX"), json!({ "kind": "copy", "folder": sent })).await;
        s.nothing_waits().await;
        s.equal(&FOLDERS).await;
        assert_eq!(s.there(&FOLDERS)["Mail 1"], ["INBOX", "INBOX", "Sent"]);
        s.t.stop().await;
    }

    async fn a_server_without_uidplus_does_it_too(engine) {
        reaches_the_server(engine, Offers::NoUidplus).await;
    }

    async fn each_named_message_is_counted_once_by_what_became_of_it(engine) {
        is_counted(engine).await;
    }

    async fn what_the_server_refuses_is_put_back(engine) {
        is_refused(engine, Offers::All).await;
    }

    async fn killed_around_a_move_nothing_is_lost_or_doubled(engine) {
        for point in ["transfer.before", "transfer.after"] {
            dies(engine, Offers::All, (point, "move")).await;
            dies(engine, Offers::All, (point, "delete")).await;
        }
    }

    // Where UIDNEXT is not known, everything in the folder could be what a first try copied.
    async fn killed_before_a_move_its_twin_in_the_folder_is_not_taken_for_it(engine) {
        dies(engine, Offers::NoUidnext, ("transfer.before", "move beside its twin")).await;
    }

    async fn a_folder_is_made_where_the_server_keeps_the_mailboxs_own(engine) {
        makes_inside(engine).await;
    }

    async fn killed_around_a_copy_nothing_is_doubled(engine) {
        for point in ["transfer.before", "transfer.copied", "transfer.after"] {
            dies(engine, Offers::All, (point, "copy")).await;
            dies(engine, Offers::NoMove, (point, "move")).await;
        }
    }
}
