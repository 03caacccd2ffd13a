//! What passes came to is told, and what could not be fetched is fetched when a person asks.

use super::host::Host;
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Api, PATIENCE, eventually, mail, wait_for_state};
use db::Sql;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Direction, Fault, contains};

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

async fn get(api: &mut Api, id: &str, rest: &str) -> Value {
    api.get(&format!("/accounts/{id}/sync{rest}")).await.expect(200)
}

/// Waits until the account's answer is so; panics with the last one.
pub async fn until(s: &mut Scene, what: &str, rest: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = get(&mut s.api, &s.id, rest).await;
        if holds(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}: {answer}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// A session without or with the server's refusal of the second message, alone and among the three.
async fn reopen(s: &mut Scene, refuses: bool) {
    s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
    eventually("the session has ended", async || s.proxy.lives().iter().all(|l| l.ended_at.is_some())).await;
    let mut plan = Offers::All.plan();
    for set in ["1:3", "2"].into_iter().filter(|_| refuses) {
        let body = contains(&format!("UID FETCH {set} (UID FLAGS INTERNALDATE BODY.PEEK[])"));
        let broken = [" BODY.PEEK[]".to_owned(), " BODY.NOTHING[]".to_owned()];
        plan.faults.push(Fault::ReplaceText(Direction::FromClient, body, broken));
    }
    s.proxy.set_plan(plan);
}

/// A session in which the server refuses the second message, its header as well, whatever it is asked for with.
async fn reopen_without_header(s: &mut Scene) {
    reopen(s, true).await;
    let mut plan = Offers::All.plan();
    for set in ["1:3", "1:2", "2:3", "2"] {
        for what in ["UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]", "UID FLAGS INTERNALDATE BODY.PEEK[]"] {
            let broken = [" BODY.PEEK[".to_owned(), " BODY.NOTHING[".to_owned()];
            let line = contains(&format!("UID FETCH {set} ({what})"));
            plan.faults.push(Fault::ReplaceText(Direction::FromClient, line, broken));
        }
    }
    s.proxy.set_plan(plan);
}

async fn resume(s: &mut Scene) {
    s.api.post(&format!("/accounts/{}/resume", s.id), &json!({})).await.expect(200);
}

/// Tries all again; a session that is being opened is waited for.
async fn retry(s: &mut Scene) {
    let path = format!("/accounts/{}/sync/failed/retry", s.id);
    let cell = tokio::sync::Mutex::new(&mut s.api);
    eventually("it may be tried again", async || {
        let answer = cell.lock().await.post(&path, &json!({})).await;
        answer.status.as_u16() == 202
    })
    .await;
}

/// The rows of comparisons, the newest first, once there are so many. A pass that was asked for before may be over after them.
pub async fn comparisons(s: &mut Scene, number: usize) -> Vec<Value> {
    let of = |runs: &Value| -> Vec<Value> {
        runs["items"].as_array().unwrap().iter().filter(|run| run["compare"] == true).cloned().collect()
    };
    of(&until(s, "it was compared", "/runs", |runs| of(runs).len() == number).await)
}

on_both! {
    async fn a_message_that_is_refused_is_told_and_stored_when_it_is_tried_again(engine) {
        let mut s = Scene::start(engine, ("refused", Offers::All), |_| {}).await;
        s.equal(&FOLDERS).await;
        reopen(&mut s, true).await;
        for n in 1..=3 {
            s.host.put("INBOX", &mail(&format!("Mail {n}"), &format!("r{n}@else.test")));
        }
        resume(&mut s).await;
        let partial = |runs: &Value| runs["items"].as_array().unwrap().iter().any(|r| r["status"] == "partial");
        let runs = until(&mut s, "the run is partial", "/runs", partial).await;
        let run = runs["items"].as_array().unwrap().iter().find(|r| r["status"] == "partial").unwrap();
        assert_eq!((&run["fetched"], &run["failed"], &run["passes"]), (&json!(2), &json!(1), &json!(1)), "{runs}");
        let state = until(&mut s, "all is known", "", |v| v["messages_on_server"] == 3).await;
        assert_eq!((&state["messages"], &state["failed"], &state["received_today"]), (&json!(2), &json!(1), &json!(2)));
        let failed = until(&mut s, "it is listed", "/failed", |v| v["items"][0]["uid"] == 2).await;
        let one = &failed["items"][0];
        assert_eq!((&one["folder_name"], &one["class"], &one["attempts"]), (&json!("INBOX"), &json!("refused"), &json!(1)));
        assert_ne!(one["server_words"], "");

        // Still refused: counted, and not given up.
        retry(&mut s).await;
        until(&mut s, "it was tried again", "/failed", |v| v["items"][0]["attempts"] == 2).await;

        reopen(&mut s, false).await;
        resume(&mut s).await;
        retry(&mut s).await;
        let state = until(&mut s, "it is here", "", |v| v["failed"] == 0 && v["messages"] == 3).await;
        assert_eq!(state["messages_on_server"], 3);
        assert_eq!(get(&mut s.api, &s.id, "/failed").await["items"], json!([]));
        s.equal(&FOLDERS).await;
        s.t.stop().await;
    }

    async fn a_message_whose_header_is_refused_stops_no_other(engine) {
        let mut s = Scene::start(engine, ("no-header", Offers::All), |host| {
            host.put("Sent", &mail("Sent 0", "s0@lab.test"));
        })
        .await;
        s.equal(&FOLDERS).await;
        reopen_without_header(&mut s).await;
        for n in 1..=3 {
            s.host.put("INBOX", &mail(&format!("Mail {n}"), &format!("n{n}@else.test")));
        }
        resume(&mut s).await;
        let state = until(&mut s, "the others are here", "", |v| v["messages"] == 3 && v["messages_on_server"] == 4).await;
        assert_eq!(state["failed"], 1, "{state}");
        let failed = get(&mut s.api, &s.id, "/failed").await;
        assert_eq!((&failed["items"][0]["uid"], &failed["items"][0]["class"]), (&json!(2), &json!("refused")), "{failed}");
        retry(&mut s).await;
        until(&mut s, "it was tried again", "/failed", |v| v["items"][0]["attempts"] == 2).await;
        let account = s.api.get(&format!("/accounts/{}", s.id)).await.expect(200);
        assert_eq!(account["status"], "connected", "{account}");
        reopen(&mut s, false).await;
        resume(&mut s).await;
        retry(&mut s).await;
        until(&mut s, "it is here", "", |v| v["failed"] == 0 && v["messages"] == 4).await;
        s.equal(&FOLDERS).await;
        s.t.stop().await;
    }

    async fn a_message_that_ends_the_session_stops_no_other(engine) {
        let mut s = Scene::start(engine, ("ends-session", Offers::All), |_| {}).await;
        s.equal(&FOLDERS).await;
        s.api.post(&format!("/accounts/{}/pause", s.id), &json!({})).await.expect(200);
        eventually("the session has ended", async || s.proxy.lives().iter().all(|l| l.ended_at.is_some())).await;
        for n in 1..=30 {
            s.host.put("INBOX", &mail(&format!("Mail {n}"), &format!("e{n}@else.test")));
        }
        s.host.put("Sent", &mail("Sent 0", "e0@else.test"));
        let bad = [2, 4, 5, 17, 18, 30];
        for n in bad {
            s.host.set_readable("INBOX", &format!("<e{n}@else.test>"), false);
        }
        resume(&mut s).await;
        // Ten are suspected, of which four are only the ones before; the rest does not wait for any of them.
        until(&mut s, "what is not suspected is here", "", |v| v["messages"].as_i64() >= Some(21)).await;
        until(&mut s, "the newest three are given up", "", |v| v["failed"].as_i64() >= Some(3)).await;
        let state = until(&mut s, "the others are here", "", |v| v["messages"] == 25 && v["messages_on_server"] == 31).await;
        assert_eq!(state["failed"], 6, "{state}");
        let failed = get(&mut s.api, &s.id, "/failed").await;
        let mut uids: Vec<_> = failed["items"].as_array().unwrap().iter().map(|m| m["uid"].as_i64().unwrap()).collect();
        uids.sort_unstable();
        assert_eq!((uids, &failed["items"][0]["class"]), (bad.to_vec(), &json!("ends_session")), "{failed}");
        assert!(failed["items"][0]["server_words"].as_str().unwrap().contains("FETCH failed"), "{failed}");

        // Tried again it is told, and the account is not in trouble by it.
        let troubled = |runs: &Value| runs["items"].as_array().unwrap().iter().filter(|r| r["status"] == "failed").count();
        let before = troubled(&get(&mut s.api, &s.id, "/runs").await);
        retry(&mut s).await;
        let again = |v: &Value| (0..bad.len()).all(|n| v["items"][n]["attempts"] == 2);
        until(&mut s, "they were tried again", "/failed", again).await;
        until(&mut s, "all are known", "", |v| v["messages_on_server"] == 31).await;
        let account = s.api.get(&format!("/accounts/{}", s.id)).await.expect(200);
        assert_eq!(account["status"], "connected", "{account}");
        assert_eq!(troubled(&get(&mut s.api, &s.id, "/runs").await), before);

        // A comparison that found nothing new does not say that nothing is missing.
        s.sync_now(true).await;
        let compared = comparisons(&mut s, 1).await;
        assert_eq!((&compared[0]["status"], &compared[0]["failed"]), (&json!("partial"), &json!(6)));

        s.host.set_readable("INBOX", "@else.test>", true);
        retry(&mut s).await;
        until(&mut s, "they are here", "", |v| v["failed"] == 0 && v["messages"] == 31).await;
        s.equal(&FOLDERS).await;
        s.t.stop().await;
    }

    async fn a_session_that_the_server_ends_after_a_while_is_opened_again_in_silence(engine) {
        let before = |host: &Host| host.put("INBOX", &mail("Before", "before@else.test"));
        let mut s = Scene::patient(engine, "kicked", Offers::All.plan(), before).await;
        until(&mut s, "all was taken over", "", |v| v["messages_on_server"] == 1 && v["stage"] == "live").await;
        // A kick in a pass is a pass that failed. New folders are looked at twice.
        let passes = |runs: &Value| runs["items"].as_array().unwrap().iter().filter_map(|run| run["passes"].as_i64()).sum::<i64>();
        until(&mut s, "the first passes are over", "/runs", |runs| passes(runs) == 2).await;
        s.t.advance(11).await;
        let sessions = s.proxy.lives().len();
        s.host.world.kick_sessions(&s.host.mailbox.address).unwrap();
        eventually("there is another session", async || s.proxy.lives().len() > sessions).await;
        s.host.put("INBOX", &mail("After", "after@else.test"));
        until(&mut s, "it brings what came", "", |v| v["messages"] == 2).await;
        let account = s.api.get(&format!("/accounts/{}", s.id)).await.expect(200);
        assert_eq!(account["status"], "connected", "{account}");
        let runs = get(&mut s.api, &s.id, "/runs").await;
        assert!(runs["items"].as_array().unwrap().iter().all(|run| run["status"] == "success"), "{runs}");

        // One that has just been opened is not well: that is told.
        s.host.world.kick_sessions(&s.host.mailbox.address).unwrap();
        let account = wait_for_state(&mut s.api, &s.id, "receiving", "disconnected").await;
        assert_eq!(account["receiving"]["reason"], "server_error", "{account}");
        s.t.stop().await;
    }

    async fn failures_count_no_more_while_the_session_after_them_lives(engine) {
        let before = |host: &Host| host.put("INBOX", &mail("Before", "before@else.test"));
        let mut s = Scene::start(engine, ("well", Offers::All), before).await;
        let live = |v: &Value| v["messages_on_server"] == 1 && v["stage"] == "live";
        until(&mut s, "all was taken over", "", live).await;
        let sessions = s.proxy.lives().len();
        s.host.world.kick_sessions(&s.host.mailbox.address).unwrap();
        eventually("there is another session", async || s.proxy.lives().len() > sessions).await;
        until(&mut s, "it works", "", live).await;
        let failures = "SELECT failures FROM connection WHERE side = 'receive'";
        assert_eq!(s.t.number(failures).await, 1);
        s.t.advance(11).await;
        s.sync_now(false).await;
        eventually("it has lived for a while", async || s.t.number(failures).await == 0).await;
        assert!(s.proxy.lives().last().is_some_and(|life| life.ended_at.is_none()), "and goes on");
        s.t.stop().await;
    }

    async fn passes_without_change_are_one_row_and_a_comparison_heals(engine) {
        let mut s = Scene::start(engine, ("heals", Offers::All), |host| {
            for n in 0..3 {
                host.put("INBOX", &mail(&format!("Mail {n}"), &format!("h{n}@else.test")));
            }
        })
        .await;
        s.equal(&FOLDERS).await;
        s.sync_now(false).await;
        let quiet = |v: &Value| v["items"][0]["fetched"] == 0;
        let first = until(&mut s, "a pass without change", "/runs", quiet).await;
        for more in 1..=2 {
            let before = get(&mut s.api, &s.id, "/runs").await["items"][0]["passes"].as_i64().unwrap();
            s.sync_now(false).await;
            let now = until(&mut s, "one pass more", "/runs", |v| v["items"][0]["passes"].as_i64() > Some(before)).await;
            assert_eq!(now["items"][0]["id"], first["items"][0]["id"], "the same row, {more}");
        }

        let mut tx = s.t.app().db.tx().await.unwrap();
        let sql = "DELETE FROM placement WHERE message_id IN (SELECT id FROM message WHERE subject = 'Mail 1')";
        db::run(&mut tx, Sql::both(sql), vec![]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(s.here().await.len(), 2);
        s.sync_now(true).await;
        let runs = comparisons(&mut s, 1).await;
        assert_eq!((&runs[0]["placed"], &runs[0]["status"]), (&json!(1), &json!("success")), "{runs:?}");
        assert_eq!(s.here().await, s.there(&FOLDERS));

        // Another one is said, though it found nothing.
        s.sync_now(true).await;
        assert_eq!(comparisons(&mut s, 2).await[0]["placed"], 0);
        s.t.stop().await;
    }

    async fn once_a_week_everything_is_compared(engine) {
        let mut s = Scene::start(engine, ("weekly", Offers::All), |host| {
            host.put("INBOX", &mail("Lost", "lost@else.test"));
        })
        .await;
        s.equal(&FOLDERS).await;
        s.sync_now(false).await;
        until(&mut s, "a pass without change", "/runs", |v| v["items"][0]["fetched"] == 0).await;
        s.t.run_sql("DELETE FROM placement").await;
        // Nine days have gone by; the server tells of no change.
        s.t.run_sql("UPDATE account SET created_at = created_at - 777600000000").await;
        s.sync_now(false).await;
        let runs = comparisons(&mut s, 1).await;
        assert_eq!(runs[0]["status"], "success", "{runs:?}");
        assert_eq!(s.here().await, s.there(&FOLDERS));
        assert!(get(&mut s.api, &s.id, "").await["compared_at"].is_string());
        // Only once.
        s.sync_now(false).await;
        until(&mut s, "a usual pass", "/runs", |v| v["items"][0]["compare"] == false).await;
        assert_eq!(comparisons(&mut s, 1).await, runs);
        s.t.stop().await;
    }
}
