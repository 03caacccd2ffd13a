//! Full-text search: the same corpus gives the same hits on both engines, to those who may read it and to nobody else.

use crate::isolation::person;
use crate::on_both;
use crate::support::{Api, Engine, TestApp};
use db::{IntoValue, Sql, Ts};
use posthouse::accounts::{self, AccountId, NewAccount, Provider};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::mailbox::backlog::{self, Work};
use posthouse::mailbox::{self, Flags, FolderId, Incoming, NewFolder};
use posthouse::team::{Role, Scope, UserId, WorkspaceId};
use serde_json::{Value, json};

/// 2026-11-20T10:00:00Z, in seconds.
pub(crate) const BASE: i64 = 1_795_168_800;

/// An account with an inbox and an archive, and no servers.
pub(crate) struct Stock {
    pub(crate) scope: Scope,
    pub(crate) account: AccountId,
    pub(crate) inbox: FolderId,
    pub(crate) archive: FolderId,
    pub(crate) uid: i64,
}

/// A message of a test.
pub(crate) struct Letter {
    pub(crate) raw: Vec<u8>,
    pub(crate) at: i64,
    pub(crate) seen: bool,
    pub(crate) archived: bool,
}

pub(crate) fn letter(subject: &str, body: &str, at: i64) -> Letter {
    let raw = format!(
        "From: Cleo Weiß <cleo@else.test>\r\nTo: Ben Kim <ben@lab.test>\r\nSubject: {subject}\r\nMessage-ID: <{at}@else.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n"
    );
    Letter { raw: raw.into_bytes(), at, seen: true, archived: false }
}

pub(crate) async fn ids(api: &mut Api) -> (Scope, UserId) {
    let session = api.get("/session").await.expect(200);
    let workspace: WorkspaceId = session["workspace"]["id"].as_str().unwrap().parse().unwrap();
    (Scope::of(workspace), session["user"]["id"].as_str().unwrap().parse().unwrap())
}

pub(crate) async fn stock(app: &App, scope: &Scope, user_id: Option<UserId>, address: &str) -> Stock {
    let (account, inbox, archive) = (AccountId(app.ids.next()), FolderId(app.ids.next()), FolderId(app.ids.next()));
    let new = NewAccount {
        id: account,
        user_id,
        address: address.parse().unwrap(),
        display_name: format!("Name of {address}"),
        provider: Provider::Custom,
        provider_name: String::new(),
        import_days: 30,
    };
    let now = app.clock.now();
    let mut tx = app.db.tx().await.unwrap();
    accounts::insert(&mut tx, scope, &new, now).await.unwrap();
    for (id, name, role) in [(inbox, "INBOX", Some(mailbox::Role::Inbox)), (archive, "Projekte/Ältere Post", None)] {
        let folder = NewFolder { name: name.into(), delimiter: "/".into(), role, selected: true, mailbox_id: None };
        mailbox::save_folder(&mut tx, scope, (id, account), &folder, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    Stock { scope: *scope, account, inbox, archive, uid: 0 }
}

impl Stock {
    /// Stores messages as sync does.
    pub(crate) async fn store(&mut self, app: &App, letters: Vec<Letter>) {
        for part in letters.chunks(500) {
            for archived in [false, true] {
                let mut batch = vec![];
                for l in part.iter().filter(|l| l.archived == archived) {
                    let blob = app.blobs.put(&self.scope, self.account, &l.raw.clone().into()).await.unwrap();
                    self.uid += 1;
                    let summary = mailbox::summarise(&l.raw);
                    let of = (self.account, summary.has_attachments);
                    batch.push(Incoming {
                        uid: self.uid,
                        flags: Flags { seen: l.seen, ..Flags::default() },
                        received_at: Ts(l.at * 1_000_000),
                        size: i64::try_from(l.raw.len()).unwrap(),
                        blob,
                        truncated: false,
                        header_hash: mailbox::header_hash(&l.raw),
                        found_by: mailbox::search::document(app.db.engine(), &self.scope, of, &summary.terms),
                        summary,
                    });
                }
                let folder = if archived { self.archive } else { self.inbox };
                let mut tx = app.db.tx().await.unwrap();
                mailbox::ingest(&mut tx, app, &self.scope, (self.account, folder), &mut batch).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn subjects(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect()
}

/// Every page of an answer.
async fn all(api: &mut Api, query: &str, limit: usize) -> Vec<String> {
    let (mut out, mut cursor) = (vec![], String::new());
    for _ in 0..1_000 {
        let page = api.get(&format!("/messages/search?{query}&limit={limit}&cursor={cursor}")).await.expect(200);
        assert!(page["items"].as_array().unwrap().len() <= limit);
        out.extend(subjects(&page));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return out,
        }
    }
    panic!("{query}: pages without end");
}

async fn find(api: &mut Api, typed: &str) -> Vec<String> {
    all(api, &format!("q={}", encoded(typed)), 25).await
}

fn corpus() -> Vec<Letter> {
    let with_file = "From: Ana Díaz <ana.diaz@acme.test>\r\nTo: Ben Kim <ben@lab.test>, Zoë <zoe@lab.test>\r\nSubject: Your quote\r\n\
        Message-ID: <file@else.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n<p>The <b>grand</b> total is <i>42</i></p><script>hidden()</script>\r\n--b\r\n\
        Content-Type: application/pdf; name=\"Angebot-Maerz.pdf\"\r\nContent-Disposition: attachment; filename=\"Angebot-Maerz.pdf\"\r\n\r\nx\r\n--b--\r\n";
    let links: String = (0..400).map(|n| format!("www.p{n}.test ")).collect();
    vec![
        Letter { raw: with_file.into(), at: BASE, seen: false, archived: false },
        letter("Grüße aus München", "Schöne Straße. İstanbul'da ilık bir gün.", BASE - 10),
        letter("東京都の天気", "明日は晴れ。 2026年の予定", BASE - 20),
        Letter {
            archived: true,
            ..letter("Syntax", "he said \"NEAR(a, b)\" and x:y and don't* 100% a_b C++ O'Neil \\ ok", BASE - 30)
        },
        letter("Long", &format!("{} end {links}", "x".repeat(300)), BASE - 40),
        letter("Contact", "Write to sales-team@müller.test, please", BASE - 86_400 * 30),
        Letter { seen: false, ..letter("Ёлка и οδός", "Привет, ΟΔΟΣ", BASE - 86_400 * 300) },
    ]
}

/// What is typed, and what is found. The subjects of the corpus are shortened to their first word.
const QUERIES: &[(&str, &str)] = &[
    ("quote", "Your"),
    ("QUO", "Your"),
    ("grand total", "Your"),
    ("\"grand total is 42\"", "Your"),
    ("\"total grand\"", ""),
    ("hidden", ""),
    ("angebot-maerz.pdf", "Your"),
    ("maerz pdf", "Your"),
    ("from:diaz", "Your"),
    ("from:Díaz", "Your"),
    ("from:ana.diaz@acme.test", "Your"),
    ("ana.diaz@acme.test", "Your"),
    ("acme.test", "Your"),
    ("to:zoe", "Your"),
    ("from:zoe", ""),
    ("from:weiss", "Grüße 東京都の天気 Syntax Long Contact Ёлка"),
    ("-from:cleo", "Your"),
    ("subject:grusse", "Grüße"),
    ("subject:strasse", ""),
    ("strasse", "Grüße"),
    ("STRAßE schone", "Grüße"),
    ("munchen", "Grüße"),
    ("istanbul", "Grüße"),
    ("ISTANBUL", "Grüße"),
    ("ılık", "Grüße"),
    ("ilik", "Grüße"),
    ("京都", "東京都の天気"),
    ("東京都の天気", "東京都の天気"),
    ("晴", "東京都の天気"),
    ("都京", ""),
    ("\"2026年の予定\"", "東京都の天気"),
    ("\"NEAR(a, b)\"", "Syntax"),
    ("NEAR(quote", ""),
    ("x:y", "Syntax"),
    ("don't*", "Syntax"),
    ("100% a_b C++", "Syntax"),
    ("o'neil \\", "Syntax"),
    ("\"unclosed", ""),
    ("\" ' : * ^ ( ) { } - -- \u{0}", ""),
    ("AND OR NOT", ""),
    ("www.p399.test", "Long"),
    ("\"p398 test www\"", "Long"),
    ("www.p399.te", "Long"),
    ("www.p399.t", "Long"),
    ("\"p398 p399\"", ""),
    ("sales-team@müller.test", "Contact"),
    ("muller.test", "Contact"),
    ("елка", "Ёлка"),
    ("οδοσ", "Ёлка"),
    ("has:attachment", "Your"),
    ("-has:attachment cleo is:unread", "Ёлка"),
    ("is:unread", "Your Ёлка"),
    ("is:read", "Grüße 東京都の天気 Syntax Long Contact"),
    ("in:inbox is:unread", "Your Ёлка"),
    ("in:\"ältere post\"", "Syntax"),
    ("in:ALTERE-POST", "Syntax"),
    ("in:nowhere", ""),
    ("-in:inbox", "Syntax"),
    ("-in:nowhere -in:\"ältere post\" is:unread", "Your Ёлка"),
    ("-in:inbox -in:\"ältere post\"", ""),
    ("in:inbox in:\"ältere post\"", ""),
    ("in:inbox in:INBOX is:unread", "Your Ёлка"),
    ("account:ben account:other is:unread", ""),
    ("account:ben account:lab.test is:unread", "Your Ёлка"),
    ("before:2026-11-20 before:2027-01-01 after:2026-01-01 after:2026-10-01", "Contact"),
    ("is:unread is:read", ""),
    ("quote has:attachment -has:attachment", ""),
    ("-account:nobody is:unread", "Your Ёлка"),
    ("-after:2026-01-31", "Ёлка"),
    ("before:2026-11-20 after:2026-10-01", "Contact"),
    ("after:2026-11-20 quote", "Your"),
    ("before:2026-11-20 quote", ""),
    ("account:ben@lab.test syntax", "Syntax"),
    ("account:\"name of ben\" syntax", "Syntax"),
    ("account:other syntax", ""),
    ("", ""),
    ("   ", ""),
];

on_both! {
    async fn mail_is_found_by_words_people_files_folders_flags_and_time(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        stock.store(t.app(), corpus()).await;
        for (typed, want) in QUERIES {
            let found: Vec<String> = find(&mut api, typed).await.iter().map(|s| s.split(' ').next().unwrap().to_owned()).collect();
            assert_eq!(found.join(" "), *want, "{typed}");
        }
        let long = find(&mut api, &"x".repeat(900)).await;
        assert_eq!(long, ["Long"]);
        // The same by parameters.
        let (account, inbox) = (stock.account, stock.inbox);
        for (query, want) in [
            (format!("q=quote&account_id={account}"), "Your quote"),
            (format!("folder_id={inbox}&from=ana&to=ben&has_attachment=true&unread=true"), "Your quote"),
            (format!("q=cleo&folder_id={}", stock.archive), "Syntax"),
            ("q=cleo&before=2026-11-01&after=2026-10-01&unread=false".into(), "Contact"),
        ] {
            assert_eq!(all(&mut api, &query, 1).await, [want], "{query}");
        }
        t.stop().await;
    }

    async fn a_hit_shows_where_its_text_has_the_words(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let body = format!("{} the Nadelöhr stands here {}", "hay ".repeat(300), "hay ".repeat(300));
        stock.store(t.app(), vec![letter("About <b>nadelöhr</b>", &body, BASE)]).await;
        let page = api.get("/messages/search?q=nadelohr").await.expect(200);
        let hit = &page["items"][0];
        let part = |text: &str, hit: bool| json!({ "text": text, "hit": hit });
        assert_eq!(hit["subject_parts"], json!([part("About <b>", false), part("nadelöhr", true), part("</b>", false)]));
        assert_eq!(hit["excerpt"][1], part("Nadelöhr", true), "{hit}");
        assert_eq!(hit["from_parts"], json!([part("Cleo Weiß", false)]));
        assert_eq!(hit["account"], json!({ "id": stock.account, "address": "ben@lab.test", "display_name": "Name of ben@lab.test" }));
        assert_eq!((&hit["folders"][0]["name"], &hit["seen"], &page["indexing"]), (&json!("INBOX"), &json!(true), &json!(false)));
        t.stop().await;
    }

    async fn what_is_gone_is_found_no_more(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let app = t.app();
        stock.store(app, vec![letter("First", "needle", BASE), letter("Second", "needle", BASE + 1)]).await;
        assert_eq!(find(&mut api, "needle").await, ["Second", "First"]);
        let mut tx = app.db.tx().await.unwrap();
        mailbox::remove_gone(&mut tx, app, &scope, (stock.account, stock.inbox), &[2]).await.unwrap();
        let lost = mailbox::unplaced(&mut tx, &scope, stock.account, 10).await.unwrap();
        mailbox::remove_unplaced(&mut tx, app, &scope, stock.account, &lost).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find(&mut api, "needle").await, ["First"]);
        let mut tx = app.db.tx().await.unwrap();
        mailbox::set_uid_validity(&mut tx, &scope, stock.inbox, 7).await.unwrap();
        let lost = mailbox::unplaced(&mut tx, &scope, stock.account, 10).await.unwrap();
        mailbox::remove_unplaced(&mut tx, app, &scope, stock.account, &lost).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find(&mut api, "needle").await, Vec::<String>::new());
        assert_eq!(t.number("SELECT COUNT(*) FROM search_entry").await, 0);
        assert_eq!(t.number("SELECT COUNT(*) FROM search_index").await, 0);
        t.stop().await;
    }

    async fn nobody_finds_what_is_not_theirs(engine) {
        let t = TestApp::start(engine).await;
        let app = t.app().clone();
        let mut owner = t.owner().await;
        let (scope, user) = ids(&mut owner).await;
        let other = Scope::of(t.add_workspace("Other").await);
        let mut eve = person(&t, other, "eve@other.test", Role::Owner).await;
        let mut ben = person(&t, scope, "ben@acme.test", Role::Member).await;
        let (_, ben_id) = ids(&mut ben).await;
        let mut stocks = vec![];
        for (scope, user, address) in [(&scope, Some(user), "owner@acme.test"), (&scope, None, "team@acme.test"), (&scope, Some(ben_id), "ben@acme.test"), (&other, None, "eve@other.test")] {
            let mut stock = stock(&app, scope, user, address).await;
            stock.store(&app, vec![letter(address, &format!("needle of {address}"), BASE - i64::try_from(stocks.len()).unwrap())]).await;
            stocks.push(stock);
        }
        for typed in ["needle", "is:read", "in:inbox", "from:cleo", "needle -from:nobody"] {
            assert_eq!(find(&mut owner, typed).await, ["owner@acme.test", "team@acme.test", "ben@acme.test"], "{typed}");
            assert_eq!(find(&mut ben, typed).await, ["team@acme.test", "ben@acme.test"], "{typed}");
            assert_eq!(find(&mut eve, typed).await, ["eve@other.test"], "{typed}");
        }
        let secret = &stocks[0];
        for api in [&mut ben, &mut eve] {
            api.get(&format!("/messages/search?q=needle&account_id={}", secret.account)).await.problem(404, "not_found");
            assert_eq!(all(api, &format!("q=needle&folder_id={}", secret.inbox), 5).await, Vec::<String>::new());
            assert_eq!(find(api, "needle account:owner@acme.test").await, Vec::<String>::new());
        }
        t.caller().get("/messages/search?q=needle").await.problem(401, "not_signed_in");
        // An account that is being deleted is shown to nobody.
        let mut tx = app.db.tx().await.unwrap();
        let sql = Sql::both("UPDATE account SET closing_at = 1 WHERE id = $1");
        db::run(&mut tx, sql, vec![secret.account.into_value()]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find(&mut owner, "needle").await, ["team@acme.test", "ben@acme.test"]);
        t.stop().await;
    }

    async fn a_search_that_looks_at_much_goes_on_where_it_stopped(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        let mut letters: Vec<Letter> = (0..5_500).map(|n| letter(&format!("Common {n}"), "common", BASE + n / 3)).collect();
        letters[3].seen = false;
        letters.push(Letter { seen: false, ..letter("Common but old", "common", BASE - 86_400) });
        letters.push(letter("Rare and old", "rare", BASE - 86_401));
        stock.store(t.app(), letters).await;
        assert_eq!(all(&mut api, "q=common&unread=true", 50).await, ["Common 3", "Common but old"]);
        let first = api.get("/messages/search?q=common&unread=true").await.expect(200);
        assert!(first["next_cursor"].is_string() && first["items"] == json!([]), "{first}");
        assert_eq!(find(&mut api, "rare").await, ["Rare and old"]);
        assert_eq!(find(&mut api, "common -subject:common").await, Vec::<String>::new());
        assert_eq!(all(&mut api, "q=common", 50).await.len(), 5_501);
        let page = api.get("/messages/search?q=common&before=2026-11-20&limit=1").await.expect(200);
        assert_eq!((subjects(&page), &page["next_cursor"]), (vec!["Common but old".to_owned()], &Value::Null));
        t.stop().await;
    }

    async fn older_mail_is_put_into_the_index_newest_first_whatever_stops_it(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        stock.store(t.app(), (0..120).map(|n| letter(&format!("Old {n}"), "needle", BASE + n)).collect()).await;
        let held = posthouse::base::leases::take(t.app(), "search_backlog").await.unwrap().unwrap();
        t.run_sql("DELETE FROM search_entry").await;
        t.run_sql("INSERT INTO search_backlog (account_id, workspace_id, before_at, before_id)
                   SELECT account_id, workspace_id, 9223372036854775807, id FROM message ORDER BY id DESC LIMIT 1").await;
        let page = api.get("/messages/search?q=needle").await.expect(200);
        assert_eq!((&page["items"], &page["indexing"], &page["indexed_back_to"]), (&json!([]), &json!(true), &Value::Null));
        assert!(!backlog::once(t.app(), Work::Search).await.unwrap(), "another works on it");
        held.release(t.app()).await.unwrap();
        assert!(backlog::once(t.app(), Work::Search).await.unwrap());
        let page = api.get("/messages/search?q=needle&limit=50").await.expect(200);
        assert_eq!((subjects(&page)[0].as_str(), subjects(&page).len(), &page["indexing"]), ("Old 119", 50, &json!(true)));
        assert_eq!(page["indexed_back_to"], page["items"][49]["date"]);
        // A body that is lost does not stop it.
        let lost = db::Sql::both("SELECT blob FROM message WHERE subject = 'Old 0'");
        let (blob,): (posthouse::base::blobs::BlobKey,) = db::one(&mut t.app().db.read().await.unwrap(), lost, vec![]).await.unwrap();
        t.app().blobs.remove(&scope, stock.account, blob).await.unwrap();
        let config = t.app().config.clone();
        let config = posthouse::config::Config::clone(&config);
        // Stopped, and opened without its workers.
        let kept = t.keep().await;
        let app = App::open(config.clone(), Clock::system()).await.unwrap();
        while backlog::once(&app, Work::Search).await.unwrap() {}
        app.db.close().await;
        let t = TestApp::on(config).await;
        let mut api = t.signed_in().await;
        assert_eq!(all(&mut api, "q=needle", 50).await.len(), 119);
        assert_eq!(find(&mut api, "\"old 0\"").await, ["Old 0"]);
        assert_eq!(t.number("SELECT COUNT(*) FROM search_backlog").await, 0);
        assert_eq!(t.number("SELECT COUNT(*) FROM search_index").await, 120);
        t.stop().await;
        drop(kept);
    }

    async fn what_is_no_search_is_refused(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        stock.store(t.app(), (0..3).map(|n| letter(&format!("Needle {n}"), "x", BASE + n)).collect()).await;
        for query in [
            "q=a&limit=0", "q=a&limit=51", "q=a&before=yesterday", "q=a&after=2026-02-30", "q=a&account_id=x", "q=a&unread=maybe", "q=a&sort=date",
            &format!("q={}", "a".repeat(1_001)),
        ] {
            api.get(&format!("/messages/search?{query}")).await.problem(400, "invalid_request");
        }
        let page = api.get("/messages/search?q=needle&limit=1").await.expect(200);
        let next = page["next_cursor"].as_str().unwrap();
        api.get(&format!("/messages/search?q=other&cursor={next}")).await.problem(400, "invalid_request");
        assert_eq!(subjects(&api.get(&format!("/messages/search?q=needle&limit=2&cursor={next}")).await.expect(200)), ["Needle 1", "Needle 0"]);
        t.stop().await;
    }
}

/// Words without a pattern, the same at each run.
fn mixed(seed: u64) -> Vec<Letter> {
    let words = [
        "offer",
        "Straße",
        "STRASSE",
        "東京都",
        "京都",
        "ana@x.test",
        "ana",
        "x.test",
        "re:",
        "naïve",
        "naive",
        "42",
        "4",
        "İ",
        "i",
        "NEAR",
        "on",
    ];
    let mut state = seed;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    (0..600)
        .map(|n| {
            let mut some = |count: usize| (0..count).map(|_| words[next(words.len())]).collect::<Vec<_>>().join(" ");
            let (subject, body) = (some(3), some(12));
            Letter {
                seen: n % 7 != 0,
                archived: n % 5 == 0,
                ..letter(&format!("{subject} #{n}"), &body, BASE + i64::from(n / 2))
            }
        })
        .collect()
}

/// A segment is written to the database and merged with others later: one for each message is most of an import's work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_one_segment_of_the_index() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut api = t.owner().await;
    let (scope, user) = ids(&mut api).await;
    let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
    let letters = (0..12).map(|n| letter("Offer", "some words", BASE - n)).collect();
    stock.store(t.app(), letters).await;
    let segments = async || {
        let sql = Sql::both("SELECT COUNT(DISTINCT segid) FROM search_index_idx");
        db::one::<(i64,)>(&mut t.app().db.read().await.unwrap(), sql, vec![]).await.unwrap().0
    };
    assert_eq!(segments().await, 1);
    // Megabytes of terms that no other message has: FTS5 by itself writes each of them.
    let words = |n: i64| (0..2_000).map(|k| format!("word{n}x{k} ")).collect::<String>();
    let letters = (0..40).map(|n| letter("Book", &words(n), BASE - 100 - n)).collect();
    stock.store(t.app(), letters).await;
    assert_eq!(segments().await, 2);
    t.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_find_the_same() {
    let mut answers: Vec<Vec<(String, Vec<String>)>> = vec![];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, user) = ids(&mut api).await;
        let mut stock = stock(t.app(), &scope, Some(user), "ben@lab.test").await;
        stock.store(t.app(), mixed(7)).await;
        let mut answer = vec![];
        for typed in [
            "offer",
            "strasse",
            "京",
            "京都",
            "\"京都 offer\"",
            "ana",
            "ana@x.test",
            "\"ana naive\"",
            "naive -42",
            "4",
            "42 subject:offer",
            "subject:\"offer strasse\"",
            "i",
            "near on",
            "\"on 4\"",
            "re: offer",
            "is:unread offer",
            "in:inbox 東京",
            "offer -is:read -東京",
            "x.te",
            "-offer",
            "-offer -ana",
            "o",
        ] {
            let mut found = all(&mut api, &format!("q={}", encoded(typed)), 13).await;
            let newest_first = found
                .iter()
                .map(|s| s.rsplit('#').next().unwrap().parse::<i32>().unwrap() / 2)
                .is_sorted_by(|a, b| a >= b);
            assert!(newest_first, "{typed}");
            // Of two of the same second either may be the first.
            found.sort();
            let before = found.len();
            found.dedup();
            assert_eq!(before, found.len(), "{typed}: twice");
            answer.push((typed.to_owned(), found));
        }
        answers.push(answer);
        t.stop().await;
    }
    assert_eq!(answers[0], answers[1]);
    let empty: Vec<&String> = answers[0].iter().filter(|(_, found)| found.is_empty()).map(|(typed, _)| typed).collect();
    assert_eq!(empty, ["o"], "one letter is a word, not a beginning");
}
