//! What waits for its next try holds up what touches the same message, and nothing else; what the server said meanwhile is taken over.

use super::host::Host;
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Engine, eventually, mail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::Direction::{FromClient, FromServer};
use testkit::{Fault, Plan, contains};
use tokio::sync::Mutex;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

fn six(host: &Host) {
    for n in 1..=6 {
        host.put("INBOX", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
    }
    host.put("Sent", &mail("Sent 0", "s0@lab.test"));
}

fn two_sent(host: &Host) {
    for n in 1..=2 {
        host.put("Sent", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
    }
}

fn with(offers: Offers, fault: Fault) -> Plan {
    let mut plan = offers.plan();
    plan.faults.push(fault);
    plan
}

/// The server does not know this command.
pub fn refused(command: &str) -> Fault {
    let unknown = command.replace("UID ", "UID X");
    Fault::ReplaceText(FromClient, contains(command), [command.to_owned(), unknown])
}

impl Scene {
    async fn waiting(&mut self) -> u64 {
        self.operations().await["waiting"].as_u64().unwrap()
    }
}

async fn waits_for(s: &mut Scene, what: &str, number: u64) {
    let cell = Mutex::new(s);
    eventually(what, async || cell.lock().await.waiting().await == number).await;
}

/// Where a message lies on the server.
fn lies(s: &Scene, subject: &str) -> Vec<String> {
    s.there(&FOLDERS).get(subject).cloned().unwrap_or_default()
}

async fn is_passed_by(engine: Engine) {
    let plan = with(Offers::All, refused("UID MOVE 1 "));
    let mut s = Scene::patient(engine, "passed-by", plan, six).await;
    s.equal(&FOLDERS).await;
    let to_sent = json!({ "kind": "move", "folder": s.folder("Sent").await });
    s.change(&[1], None, to_sent.clone()).await;
    s.change(&[1], None, json!({ "kind": "flags", "seen": true })).await;
    // Behind the second one by one of its messages: all of it waits, and so does what touches the other.
    s.change(&[1, 2], None, json!({ "kind": "flags", "flagged": true })).await;
    s.change(&[2], None, to_sent.clone()).await;
    s.change(&[3], None, to_sent).await;
    s.change(&[4], None, json!({ "kind": "flags", "seen": true })).await;
    waits_for(&mut s, "those of other messages are done", 4).await;
    let there = s.there(&FOLDERS);
    assert_eq!((&there["Mail 1"], &there["Mail 2"]), (&vec!["INBOX".to_owned()], &vec!["INBOX".to_owned()]));
    assert_eq!((&there["Mail 3"], &there["Mail 4"]), (&vec!["Sent".to_owned()], &vec!["INBOX seen".to_owned()]));
    let tried = s.t.number("SELECT COUNT(*) FROM mailbox_op WHERE state = 'waiting' AND attempts > 0").await;
    assert_eq!(tried, 1, "what waits behind it was not tried");

    s.pause().await;
    s.t.run_sql("UPDATE mailbox_op SET next_attempt_at = 0 WHERE state = 'waiting'").await;
    s.resume(Offers::All.plan()).await;
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    assert_eq!(
        (lies(&s, "Mail 1"), lies(&s, "Mail 2")),
        (vec!["Sent seen flagged".into()], vec!["Sent flagged".into()])
    );
    s.t.stop().await;
}

async fn breaks_every_session(engine: Engine) {
    let plan = with(Offers::All, Fault::CloseAtLine(FromClient, contains("UID MOVE 1 ")));
    let mut s = Scene::behind(engine, "breaks-sessions", plan, six).await;
    s.equal(&FOLDERS).await;
    let to_sent = json!({ "kind": "move", "folder": s.folder("Sent").await });
    s.change(&[1], None, to_sent.clone()).await;
    s.change(&[2], None, to_sent).await;
    let ended = async || s.proxy.lives().iter().any(|life| life.ended_at.is_some());
    eventually("it broke the session", ended).await;
    s.host.put("INBOX", &mail("Fresh", "fresh@else.test"));
    let cell = Mutex::new(&mut s);
    eventually("mail comes in", async || cell.lock().await.here().await.contains_key("Fresh")).await;
    eventually("the other one is done", async || lies(&s, "Mail 2") == ["Sent"]).await;
    assert_eq!(lies(&s, "Mail 1"), ["INBOX"]);
    s.pause().await;
    s.resume(Offers::All.plan()).await;
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    assert_eq!(lies(&s, "Mail 1"), ["Sent"]);
    s.t.stop().await;
}

/// Signing in takes so long that an operation that broke the session is due again by then.
async fn breaks_slow_sessions(engine: Engine) {
    let mut s = Scene::behind(engine, "breaks-slow", Offers::All.plan(), six).await;
    s.equal(&FOLDERS).await;
    let mut plan = with(Offers::All, Fault::CloseAtLine(FromClient, contains("UID MOVE 1 ")));
    plan.faults.push(Fault::DelayAtLine(FromServer, contains("Logged in"), Duration::from_secs(11)));
    s.pause().await;
    let to_sent = json!({ "kind": "move", "folder": s.folder("Sent").await });
    s.change(&[1], None, to_sent).await;
    s.resume(plan).await;
    let broken = async || s.t.number("SELECT COUNT(*) FROM mailbox_op WHERE attempts > 0").await > 0;
    eventually("it broke the session", broken).await;
    s.host.put("INBOX", &mail("Fresh", "fresh@else.test"));
    let cell = Mutex::new(&mut s);
    eventually("mail comes in", async || cell.lock().await.here().await.contains_key("Fresh")).await;
    let tries = s.t.number("SELECT MAX(attempts) FROM mailbox_op").await;
    assert!(tries <= 2, "mail waited for {tries} tries");
    assert_eq!(lies(&s, "Mail 1"), ["INBOX"]);
    s.t.stop().await;
}

/// The server moves a message and tells no UID, or its answer is lost: what was asked for behind it is done with the message where it
/// is now.
async fn goes_on_from_where_it_was_put(engine: Engine, offers: Offers) {
    let name = format!("goes-on-{offers:?}").to_lowercase();
    let mut s = Scene::behind(engine, &name, offers.plan(), |host| {
        six(host);
        host.put("INBOX", b"Subject: Mail 7\r\n\r\nno id\r\n");
    })
    .await;
    s.equal(&FOLDERS).await;
    s.pause().await;
    let (inbox, sent) = (s.folder("INBOX").await, s.folder("Sent").await);
    s.change(&[1, 2, 3, 7], None, json!({ "kind": "move", "folder": sent })).await;
    s.change(&[1, 7], Some("Sent"), json!({ "kind": "move", "folder": inbox })).await;
    s.change(&[2], Some("Sent"), json!({ "kind": "copy", "folder": inbox })).await;
    s.change(&[2], Some("Sent"), json!({ "kind": "delete" })).await;
    if offers == Offers::NoUidplus {
        s.resume(offers.plan()).await;
    } else {
        s.resume(with(offers, Fault::CloseAtLine(FromServer, contains("COPYUID")))).await;
        let broken = async || s.t.number("SELECT COUNT(*) FROM mailbox_op WHERE attempts > 0").await > 0;
        eventually("the answer was lost", broken).await;
        s.proxy.set_plan(offers.plan());
    }
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    let folder = |n: u32| {
        let there = lies(&s, &format!("Mail {n}"));
        there.iter().map(|p| p.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([folder(1), folder(2), folder(3), folder(7)], [["INBOX"], ["INBOX"], ["Sent"], ["INBOX"]]);
    assert_eq!(s.operations().await["refused"], json!([]));
    s.t.stop().await;
}

/// Where a server cannot move, a copy that broke off is looked for by size and header. Another message's must not be taken for it.
async fn keeps_twins_apart(engine: Engine) {
    let plan = with(Offers::NoMove, Fault::CloseAtLine(FromClient, contains("UID COPY")));
    let mut s = Scene::behind(engine, "twins-apart", plan, |host| {
        for body in ["One two", "Two one"] {
            host.put("INBOX", &[&mail("Twin", "twin@else.test")[..], body.as_bytes(), b"\r\n"].concat());
        }
        host.put("Sent", &mail("Sent 0", "s0@lab.test"));
    })
    .await;
    s.equal(&FOLDERS).await;
    let list = s.api.get(&format!("/accounts/{}/messages", s.id)).await.expect(200);
    let twins: Vec<&Value> = list["items"].as_array().unwrap().iter().filter(|m| m["subject"] == "Twin").collect();
    assert_eq!(twins.len(), 2);
    let action = json!({ "kind": "move", "folder": s.folder("Sent").await });
    for twin in twins {
        let body = json!({ "messages": [twin["id"]], "from": null, "action": action });
        s.api.post(&format!("/accounts/{}/messages/change", s.id), &body).await.expect(200);
    }
    let ended = async || s.proxy.lives().iter().any(|life| life.ended_at.is_some());
    eventually("it broke off", ended).await;
    s.proxy.set_plan(Offers::NoMove.plan());
    s.proxy.hang_up();
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    let sent: BTreeSet<Vec<u8>> = s.host.stored("Sent").into_iter().map(|m| m.raw).collect();
    assert_eq!(sent.len(), 3, "both of them and what was there");
    assert!(s.host.stored("INBOX").is_empty());
    s.t.stop().await;
}

on_both! {
    async fn a_refused_operation_holds_up_only_what_touches_its_messages(engine) {
        is_passed_by(engine).await;
    }

    async fn an_operation_that_breaks_every_session_stops_no_other_and_no_mail(engine) {
        breaks_every_session(engine).await;
    }

    async fn mail_comes_in_between_sessions_that_an_operation_breaks_however_slow_the_server_is(engine) {
        breaks_slow_sessions(engine).await;
    }

    async fn what_was_moved_unheard_is_moved_on_from_there(engine) {
        goes_on_from_where_it_was_put(engine, Offers::All).await;
    }

    async fn what_was_moved_is_moved_on_where_no_uids_are_told(engine) {
        goes_on_from_where_it_was_put(engine, Offers::NoUidplus).await;
    }

    async fn twins_on_their_way_wait_for_each_other(engine) {
        keeps_twins_apart(engine).await;
    }

    async fn flags_that_were_left_while_ours_waited_are_taken_over_when_ours_is_done(engine) {
        // A pass that looks at them while ours is queued.
        let plan = with(Offers::Condstore, Fault::DelayAtLine(FromClient, contains("CHANGEDSINCE"), Duration::from_secs(3)));
        let mut s = Scene::behind(engine, "left-flags", plan, two_sent).await;
        s.equal(&FOLDERS).await;
        s.proxy.take_heard();
        for id in ["m1@else.test", "m2@else.test"] {
            s.host.flag("Sent", id, (true, "\\Flagged"));
        }
        s.sync_now(false).await;
        eventually("the pass asks", async || s.proxy.take_heard().iter().any(|line| line.contains("CHANGEDSINCE"))).await;
        s.change(&[1], None, json!({ "kind": "flags", "seen": true })).await;
        s.nothing_waits().await;
        let cell = Mutex::new(&mut s);
        eventually("the server's flags are here", async || {
            let here = cell.lock().await.here().await;
            here["Mail 1"] == ["Sent seen flagged"] && here["Mail 2"] == ["Sent flagged"]
        })
        .await;
        s.equal(&FOLDERS).await;
        s.t.stop().await;
    }

    async fn flags_of_a_change_that_is_given_up_are_the_servers_at_once(engine) {
        let mut s = Scene::behind(engine, "given-up-flags", with(Offers::All, refused("UID STORE")), two_sent).await;
        s.equal(&FOLDERS).await;
        s.sync_now(false).await;
        s.change(&[1], None, json!({ "kind": "flags", "seen": true })).await;
        s.host.flag("Sent", "m1@else.test", (true, "\\Flagged"));
        let twice = "SELECT COUNT(*) FROM mailbox_op WHERE attempts > 1";
        eventually("it was refused and will be again", async || s.t.number(twice).await == 1).await;
        s.proxy.take_heard();
        s.nothing_waits().await;
        assert_eq!(s.here().await["Mail 1"], ["Sent flagged"]);
        let listed = s.proxy.take_heard().iter().filter(|line| line.contains(" LIST ")).count();
        assert_eq!(listed, 0, "for that no pass over everything is made");
        s.equal(&FOLDERS).await;
        s.t.stop().await;
    }
}
