//! Conversations: the same threads whatever the order of arrival, lists that stay right, older mail, and nobody else's.

use crate::isolation::person;
use crate::on_both;
use crate::search::{BASE, Letter, Stock, ids, stock};
use crate::support::{Api, TestApp, connect_request, eventually, mail};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::mailbox::backlog::{self, Work};
use posthouse::team::{Role, Scope};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::MailWorld;

/// A message with this name as its subject and id, that names these; `at` in seconds after the first.
fn part(name: &str, names: &[&str], at: i64) -> Letter {
    let refs: Vec<String> = names.iter().map(|n| format!("<{n}@else.test>")).collect();
    let refs = if refs.is_empty() { String::new() } else { format!("References: {}\r\n", refs.join("\r\n ")) };
    written(name, &format!("Message-ID: <{name}@else.test>\r\n{refs}"), ("cleo@else.test", at))
}

fn written(subject: &str, more: &str, (from, at): (&str, i64)) -> Letter {
    let raw = format!(
        "From: {from}\r\nTo: ben@lab.test\r\nSubject: {subject}\r\n{more}Content-Type: text/plain\r\n\r\nText of {subject} at {at}.\r\n"
    );
    Letter { raw: raw.into_bytes(), at: BASE + at, seen: true, archived: false }
}

/// A chain, answers to a question that never came, two halves and what ties them, odd ones, and one that is alone.
fn talk() -> Vec<Letter> {
    vec![
        part("a1", &[], 1),
        part("a2", &["a1"], 2),
        part("a3", &["a1", "a2"], 3),
        part("b2", &["b1"], 4),
        part("b3", &["b1"], 5),
        part("c1", &[], 6),
        part("c2", &["c1"], 7),
        part("c4", &["c3"], 8),
        part("c3", &["c2"], 9),
        part("d1", &["d2", "d1"], 10),
        part("d2", &["d1"], 11),
        written("e1", "Message-ID: <twice@else.test>\r\n", ("x@else.test", 12)),
        written("e2", "Message-ID: <twice@else.test>\r\n", ("y@else.test", 13)),
        written("f1", "", ("x@else.test", 14)),
        written("f2", "Message-ID: <>\r\nReferences: <>\r\n", ("x@else.test", 15)),
    ]
}

const TALK: &str = "a1 a2 a3|b2 b3|c1 c2 c4 c3|d1 d2|e1 e2|f1|f2";

/// Every conversation of the account by its messages' subjects, as [`TALK`].
async fn partition(api: &mut Api, account: impl std::fmt::Display) -> String {
    let mut all = BTreeSet::new();
    for row in pages(api, &format!("/accounts/{account}/threads?limit=50")).await {
        let thread = api.get(&format!("/threads/{}", row["id"].as_str().unwrap())).await.expect(200);
        let subjects = names(&thread["messages"]);
        assert_eq!(row["message_count"], json!(subjects.len()), "{row}");
        assert_eq!(
            (&row["subject"], &row["date"]),
            (&json!(subjects[0]), &thread["messages"][subjects.len() - 1]["date"])
        );
        assert!(thread["messages"].as_array().unwrap().iter().all(|m| m["thread_id"] == row["id"]));
        all.insert(subjects.join(" "));
    }
    all.into_iter().collect::<Vec<_>>().join("|")
}

fn names(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect()
}

/// Every row of a list.
async fn pages(api: &mut Api, path: &str) -> Vec<Value> {
    let (mut out, mut cursor) = (vec![], String::new());
    for _ in 0..1_000 {
        let page = api.get(&format!("{path}&cursor={cursor}")).await.expect(200);
        out.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return out,
        }
    }
    panic!("{path}: pages without end");
}

/// The same letters in an order of their own.
fn shuffled(seed: u64) -> Vec<Letter> {
    let mut state = seed;
    let mut all: Vec<(u64, Letter)> = talk()
        .into_iter()
        .map(|l| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33, l)
        })
        .collect();
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, l)| l).collect()
}

async fn stored(app: &App, stock: &mut Stock, letters: Vec<Letter>, at_a_time: usize) {
    let mut rest = letters.into_iter().peekable();
    while rest.peek().is_some() {
        stock.store(app, rest.by_ref().take(at_a_time).collect()).await;
    }
}

on_both! {
    async fn what_is_thrown_away_leaves_the_list_of_all_folders(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let thrown_away = |letter: Letter| Letter { archived: true, ..letter };
        let letters = vec![part("a", &[], 1), thrown_away(part("a2", &["a"], 2)), thrown_away(part("b", &[], 3)), part("c", &[], 4)];
        stock.store(t.app(), letters).await;
        let account = stock.account;
        let all = |list: &str| format!("/accounts/{account}/{list}?limit=2");
        let in_folder = |list: &str| format!("/accounts/{account}/{list}?limit=2&folder={}", stock.archive);
        let shown = async |api: &mut Api, path: &str| names(&json!(pages(api, path).await));
        assert_eq!(shown(&mut api, &all("messages")).await, ["c", "b", "a2", "a"]);
        for (role, sql) in [
            ("trash", "UPDATE folder SET role = 'trash' WHERE role IS NULL"),
            ("junk", "UPDATE folder SET role = 'junk' WHERE role = 'trash'"),
        ] {
            t.run_sql(sql).await;
            assert_eq!(shown(&mut api, &all("messages")).await, ["c", "a"], "{role}");
            assert_eq!(shown(&mut api, &all("threads")).await, ["c", "a"], "{role}");
            assert_eq!(shown(&mut api, &in_folder("messages")).await, ["b", "a2"], "{role}");
            assert_eq!(shown(&mut api, &in_folder("threads")).await, ["b", "a"], "{role}");
        }
        t.stop().await;
    }

    async fn the_same_mail_comes_to_the_same_threads_in_any_order(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut backwards = talk();
        backwards.reverse();
        let orders = vec![(talk(), 1), (backwards, 1), (talk(), 100), (shuffled(1), 2), (shuffled(2), 3), (shuffled(3), 1)];
        for (n, (letters, at_a_time)) in orders.into_iter().enumerate() {
            let mut stock = stock(t.app(), &scope, Some(user), &format!("ben{n}@lab.test")).await;
            stored(t.app(), &mut stock, letters, at_a_time).await;
            assert_eq!(partition(&mut api, stock.account).await, TALK, "order {n}");
            // Again it changes nothing, under whatever UID.
            stored(t.app(), &mut stock, shuffled(9), 4).await;
            assert_eq!(partition(&mut api, stock.account).await, TALK, "order {n} again");
        }
        t.stop().await;
    }

    async fn a_list_of_conversations_is_by_the_newest_message_of_its_folder(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let mut letters = vec![];
        for n in 0..120_i64 {
            letters.push(part(&format!("q{n}"), &[], n * 10));
            // Every third was answered from elsewhere, and that is filed away.
            if n % 3 == 0 {
                letters.push(Letter { archived: true, seen: false, ..part(&format!("r{n}"), &[&format!("q{n}")], 5_000 - n) });
            }
        }
        stored(t.app(), &mut stock, letters, 100).await;
        let rows = pages(&mut api, &format!("/accounts/{}/threads?limit=7", stock.account)).await;
        let subjects = names(&json!(rows));
        let (answered, others): (Vec<i64>, Vec<i64>) = ((0..120).filter(|n| n % 3 == 0).collect(), (0..120).rev().filter(|n| n % 3 != 0).collect());
        let want: Vec<String> = answered.iter().chain(&others).map(|n| format!("q{n}")).collect();
        assert_eq!(subjects, want);
        assert_eq!((&rows[0]["message_count"], &rows[0]["unread_count"], &rows[0]["people_count"]), (&json!(2), &json!(1), &json!(1)));
        assert_eq!(rows[0]["unread_id"], rows[0]["newest_id"]);
        assert_eq!(names(&rows[0]["folders"].as_array().unwrap().iter().map(|f| json!({ "subject": f["name"] })).collect()), ["INBOX", "Projekte/Ältere Post"]);
        let inbox = pages(&mut api, &format!("/accounts/{}/threads?limit=50&folder={}", stock.account, stock.inbox)).await;
        assert_eq!(names(&json!(inbox)), (0..120).rev().map(|n| format!("q{n}")).collect::<Vec<_>>());
        assert!(inbox[0]["snippet"].as_str().unwrap().starts_with("Text of q119"), "{}", inbox[0]);
        let archive = pages(&mut api, &format!("/accounts/{}/threads?limit=50&folder={}", stock.account, stock.archive)).await;
        assert_eq!(archive.len(), 40);
        // Of a conversation, page by page.
        let id = rows[0]["id"].as_str().unwrap();
        let first = api.get(&format!("/threads/{id}?limit=1")).await.expect(200);
        let next = first["next_cursor"].as_str().unwrap();
        let second = api.get(&format!("/threads/{id}?limit=1&cursor={next}")).await.expect(200);
        assert_eq!((names(&first["messages"]), names(&second["messages"])), (vec!["q0".to_owned()], vec!["r0".to_owned()]));
        assert_eq!(second["next_cursor"], Value::Null);
        for wrong in ["limit=0", "limit=501", "folder=x", "cursor=nonsense"] {
            api.get(&format!("/threads/{id}?{wrong}")).await.problem(400, "invalid_request");
        }
        t.stop().await;
    }

    async fn a_subject_alone_joins_nothing_and_is_told(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let day = 24 * 3_600;
        let id = |name: &str| format!("Message-ID: <{name}@else.test>\r\n");
        stored(t.app(), &mut stock, vec![
            written("Offer for May", &id("offer"), ("cleo@else.test", 0)),
            written("Re: [sales] Offer for May", &id("bare"), ("cleo@else.test", day)),
            // Nobody is in both; too late; no answer; another subject.
            written("Re: Offer for May", &id("stranger"), ("eve@else.test", 2 * day)),
            written("Re: Offer for May", &id("late"), ("cleo@else.test", 40 * day)),
            written("Offer for May", &id("again"), ("cleo@else.test", -2 * day)),
            written("Re: Offer for June", &id("june"), ("cleo@else.test", 3 * day)),
        ], 2).await;
        let rows = pages(&mut api, &format!("/accounts/{}/threads?limit=50", stock.account)).await;
        assert_eq!(rows.len(), 6, "nothing is joined");
        let mut probable = vec![];
        for row in &rows {
            let thread = api.get(&format!("/threads/{}", row["id"].as_str().unwrap())).await.expect(200);
            let others = thread["probable"].as_array().unwrap().clone();
            probable.push((thread["messages"][0]["date"].as_str().unwrap().get(5..10).unwrap().to_owned(), names(&json!(others)).join(" + ")));
        }
        let none = String::new;
        let want = [
            ("12-30", none()), ("11-23", none()), ("11-22", none()),
            ("11-21", "Offer for May + Offer for May".to_owned()),
            ("11-20", "Re: [sales] Offer for May".to_owned()),
            ("11-18", "Re: [sales] Offer for May".to_owned()),
        ];
        assert_eq!(probable, want.map(|(day, others)| (day.to_owned(), others)));
        t.stop().await;
    }

    async fn older_mail_is_put_into_conversations_whatever_stops_it(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let mut letters: Vec<Letter> = (0..110).map(|n| part(&format!("o{n}"), &[], 100 + n)).collect();
        letters.extend(talk());
        letters.push(part("late", &["o3"], 5_000));
        stored(t.app(), &mut stock, letters, 100).await;
        // As it is after the migration, while the worker is kept away.
        let held = posthouse::base::leases::take(t.app(), "thread_backlog").await.unwrap().unwrap();
        t.run_sql("UPDATE message SET thread_id = id, subject_key = '', bare_reply = (1 = 0)").await;
        t.run_sql("DELETE FROM thread_link").await;
        t.run_sql("INSERT INTO thread_backlog (account_id, workspace_id, before_at, before_id)
                   SELECT account_id, workspace_id, 9223372036854775807, id FROM message ORDER BY id DESC LIMIT 1").await;
        assert_eq!(pages(&mut api, &format!("/accounts/{}/threads?limit=200", stock.account)).await.len(), 126, "each is there, alone");
        assert!(!backlog::once(t.app(), Work::Threads).await.unwrap(), "another works on it");
        // What arrives meanwhile is met by what it names when that is come to.
        stored(t.app(), &mut stock, vec![part("a4", &["a2"], 6_000), part("o200", &["o50", "o51"], 6_001)], 1).await;
        held.release(t.app()).await.unwrap();
        let config = posthouse::config::Config::clone(&t.app().config);
        let kept = t.keep().await;
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        while backlog::once(&app, Work::Threads).await.unwrap() {}
        app.db.close().await;
        let t = TestApp::on(config).await;
        let mut api = t.signed_in().await;
        let all = partition(&mut api, stock.account).await;
        let long: Vec<&str> = all.split('|').filter(|c| c.contains(' ')).collect();
        assert_eq!(long, ["a1 a2 a3 a4", "b2 b3", "c1 c2 c4 c3", "d1 d2", "e1 e2", "o3 late", "o50 o51 o200"]);
        assert_eq!(t.number("SELECT COUNT(*) FROM thread_backlog").await, 0);
        assert_eq!(t.number("SELECT COUNT(*) FROM message WHERE subject_key = ''").await, 0);
        t.stop().await;
        drop(kept);
    }

    async fn what_ties_messages_goes_with_the_last_of_them(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        stored(t.app(), &mut stock, vec![part("a1", &[], 1), part("a2", &["a1"], 2), part("x", &[], 3)], 1).await;
        t.run_sql("DELETE FROM placement WHERE uid = 1").await;
        t.run_sql("DELETE FROM message WHERE subject = 'a1'").await;
        stored(t.app(), &mut stock, vec![part("a3", &["a1"], 4), part("b1", &["a0"], 5)], 1).await;
        assert_eq!(partition(&mut api, stock.account).await, "a2 a3|b1|x");
        // Two threads that turn out to be one, and what arrives for the one that was moved.
        stored(t.app(), &mut stock, vec![part("a4", &["a0", "a3"], 6), part("b2", &["b1"], 7)], 1).await;
        assert_eq!(partition(&mut api, stock.account).await, "a2 a3 b1 a4 b2|x");
        t.run_sql("DELETE FROM placement").await;
        t.run_sql("DELETE FROM message WHERE subject IN ('a2', 'a3', 'b1', 'a4')").await;
        assert_eq!(t.number("SELECT COUNT(*) FROM thread_link").await, 8);
        t.run_sql("DELETE FROM message WHERE subject = 'b2'").await;
        assert_eq!(t.number("SELECT COUNT(*) FROM thread_link").await, 1);
        t.stop().await;
    }

    async fn a_conversation_follows_the_mailbox_and_is_nobody_elses(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("threads-{engine:?}").to_lowercase()).unwrap();
        let answer = |id: &str, names: &str| {
            let head = format!("References: <{names}@else.test>\r\n");
            [head.as_bytes(), &mail(&format!("Re: {id}"), &format!("{id}@else.test"))[..]].concat()
        };
        // The answer and what was sent are there before the question.
        world.put(&mailbox.address, "INBOX", &answer("third", "first")).unwrap();
        world.put(&mailbox.address, "Sent", &answer("second", "first")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        let path = format!("/accounts/{id}/threads");
        let counts = async |api: &mut Api| -> Vec<(i64, i64)> {
            let page = api.get(&path).await.expect(200);
            let rows = page["items"].as_array().unwrap().clone();
            rows.iter().map(|r| (r["message_count"].as_i64().unwrap(), r["unread_count"].as_i64().unwrap())).collect()
        };
        let cell = tokio::sync::Mutex::new(t.caller_like(&api));
        eventually("both are here", async || counts(&mut *cell.lock().await).await == [(2, 2)]).await;
        world.deliver(&mailbox.address, &mail("The question", "first@else.test")).unwrap();
        world.deliver(&mailbox.address, &mail("Something else", "else@else.test")).unwrap();
        eventually("the late question is in it", async || counts(&mut *cell.lock().await).await.contains(&(3, 3))).await;
        let row = api.get(&path).await.expect(200)["items"].as_array().unwrap().iter().find(|r| r["message_count"] == 3).unwrap().clone();
        let thread = row["id"].as_str().unwrap();
        let unread = row["unread_id"].as_str().unwrap();
        assert_eq!(api.get(&format!("/messages/{unread}")).await.expect(200)["thread_id"], row["id"]);
        api.patch(&format!("/messages/{unread}"), &json!({ "seen": true, "flagged": true })).await.expect(200);
        let read = api.get(&format!("/threads/{thread}")).await.expect(200);
        assert_eq!((&read["unread_count"], &read["flagged"]), (&json!(2), &json!(true)));

        let mut member = person(&t, Scope::of(ids(&mut api).await.0.workspace_id()), "mia@acme.test", Role::Member).await;
        let other = Scope::of(t.add_workspace("Other").await);
        let mut stranger = person(&t, other, "eve@other.test", Role::Owner).await;
        for who in [&mut member, &mut stranger] {
            who.get(&format!("/threads/{thread}")).await.problem(404, "not_found");
            who.get(&path).await.problem(404, "not_found");
        }

        world.doveadm(&["expunge", "-u", &mailbox.address, "mailbox", "INBOX", "header", "message-id", "first@else.test"]).unwrap();
        eventually("what is gone is not counted", async || counts(&mut *cell.lock().await).await.contains(&(2, 2))).await;
        world.doveadm(&["expunge", "-u", &mailbox.address, "mailbox", "INBOX", "header", "message-id", "else@else.test"]).unwrap();
        eventually("a conversation without messages is gone", async || counts(&mut *cell.lock().await).await.len() == 1).await;
        // It comes back into what it left.
        world.deliver(&mailbox.address, &mail("The question again", "first@else.test")).unwrap();
        eventually("it is one again", async || counts(&mut *cell.lock().await).await == [(3, 3)]).await;
        t.stop().await;
    }
}
