//! Full-text search over one large account: a fixed set of questions, each asked again and again.

use crate::figures::{Figures, quantile};
use crate::program::Program;
use anyhow::{Context, Result, ensure};
use posthouse::accounts::{self, AccountId, NewAccount, Provider};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use posthouse::mailbox::{self, Flags, FolderId, Incoming, NewFolder};
use posthouse::team::{Scope, UserId};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// How often each question is asked.
const TIMES: usize = 200;
/// Different words of the corpus; the first are in most messages, as in any language.
const WORDS: usize = 40_000;
/// The newest message, in seconds: 2026-11-20.
const NEWEST: i64 = 1_795_168_800;
/// One message in so many seconds: 100,000 are two years.
const APART: i64 = 631;

/// What is asked: a name, the query string, and whether more pages may follow before the first row.
const QUESTIONS: &[(&str, &str)] = &[
    ("a word of every message", "q=regards"),
    ("a word of a third", "q=w3+"),
    ("a word of ten messages or so", "q=w30000+"),
    ("a word of one message", "q=needle77777"),
    ("no such word", "q=nosuchword"),
    ("the beginning of a word", "q=w12"),
    ("three words", "q=w5+w9+w14+"),
    ("words in a row", "q=%22best+regards%22"),
    ("a sender", "q=from:p17@peer.test"),
    ("a frequent word without another", "q=regards+-w3"),
    ("a frequent word, long ago", "q=regards+before:2024-12-31"),
    ("what is only in the oldest tenth", "q=ancient"),
    ("with files", "q=has:attachment"),
    ("unread, with a frequent word", "q=regards+is:unread"),
    ("in a folder, with a frequent word", "q=regards+in:archive"),
    ("unread of the oldest tenth: one of its pages", "q=ancient+is:flagged"),
];

/// Stores the messages, then asks.
///
/// # Errors
/// When an answer is none.
pub async fn measure(program: &Path, config: &Config, messages: usize, figures: &mut Figures) -> Result<()> {
    let running = posthouse::server::start(config.clone(), Clock::system()).await?;
    let began = Instant::now();
    let cookie = crate::seed::own(&running).await?;
    let account = fill(&running.app, &cookie.1, messages).await?;
    running.stop().await;
    figures
        .note(&format!("stored and indexed, {messages} messages"), &format!("{:.0} s", began.elapsed().as_secs_f64()));
    if let Some(url) = &config.database_url {
        crate::list::settle(url).await?;
    }
    let running = Program::start(program, config).await?;
    running.at_rest().await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut taken_by_all = vec![];
    for (name, query) in QUESTIONS {
        let url = format!("http://127.0.0.1:{}/api/v1/messages/search?{query}&account_id={account}", running.port);
        let mut taken = vec![];
        let mut rows = 0;
        for n in 0..TIMES + 10 {
            let began = Instant::now();
            let response = client.get(&url).header("cookie", &cookie.0).send().await?;
            let ok = response.status().is_success();
            let text = response.text().await?;
            ensure!(ok, "{query}: {text}");
            rows = text.matches(r#""excerpt":"#).count();
            // The first prepare their statements.
            if n >= 10 {
                taken.push(began.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        taken_by_all.extend(taken.clone());
        taken.sort_by(f64::total_cmp);
        let name = format!("{name} ({rows} rows), p99 (p50 {:.1} ms)", quantile(&taken, 0.5));
        figures.at_most(&name, (quantile(&taken, 0.99), 50.0), "ms");
    }
    taken_by_all.sort_by(f64::total_cmp);
    let name = format!("search in {messages}, all questions, p99 (p50 {:.1} ms)", quantile(&taken_by_all, 0.5));
    figures.at_most(&name, (quantile(&taken_by_all, 0.99), 50.0), "ms");
    figures.note("resident after that", &format!("{:.1} MiB", running.resident_mib()?));
    Ok(())
}

async fn fill(app: &App, (scope, me): &(Scope, UserId), messages: usize) -> Result<AccountId> {
    let (account, inbox, archive) = (AccountId(app.ids.next()), FolderId(app.ids.next()), FolderId(app.ids.next()));
    let new = NewAccount {
        id: account,
        user_id: Some(*me),
        address: "large@acme.test".parse().ok().context("address")?,
        display_name: "Large".into(),
        provider: Provider::Custom,
        provider_name: String::new(),
        import_days: 30,
    };
    let now = app.clock.now();
    let mut tx = app.db.tx().await?;
    accounts::insert(&mut tx, scope, &new, now).await?;
    for (id, name) in [(inbox, "INBOX"), (archive, "Archive")] {
        let folder =
            NewFolder { name: name.into(), delimiter: "/".into(), role: None, selected: true, mailbox_id: None };
        mailbox::save_folder(&mut tx, scope, (id, account), &folder, now).await?;
    }
    tx.commit().await?;
    let mut chance = Chance(1);
    // The newest first, as an import comes.
    for begin in (0..messages).step_by(250) {
        for folder in [inbox, archive] {
            let mut batch = vec![];
            for n in begin..(begin + 250).min(messages) {
                if (n % 10 == 9) == (folder == archive) {
                    batch.push(message(app, (scope, account), (n, messages), &mut chance).await?);
                }
            }
            let mut tx = app.db.tx().await?;
            mailbox::ingest(&mut tx, app, scope, (account, folder), &mut batch).await?;
            tx.commit().await?;
        }
    }
    Ok(account)
}

async fn message(
    app: &App,
    (scope, account): (&Scope, AccountId),
    (n, of): (usize, usize),
    chance: &mut Chance,
) -> Result<Incoming> {
    let mut body = String::new();
    for _ in 0..40 + chance.below(80) {
        // Zipf's law, near enough: the chance of a word falls with its number.
        let word = chance.below(WORDS) * chance.below(WORDS) / WORDS * chance.below(WORDS) / WORDS;
        let _ = write!(body, "w{word} ");
    }
    if n * 10 >= of * 9 {
        body.push_str("ancient ");
    }
    let raw = format!(
        "From: Peer {p} <p{p}@peer.test>\r\nTo: Large <large@acme.test>\r\nSubject: About w{s} number {n}\r\nMessage-ID: <{n}@peer.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nneedle{n} {body}\r\nBest regards\r\n",
        p = chance.below(500),
        s = chance.below(WORDS),
    );
    let bytes = bytes::Bytes::from(raw.clone());
    let mut summary = mailbox::summarise(raw.as_bytes());
    summary.has_attachments = n % 12 == 0;
    let number = i64::try_from(n)?;
    Ok(Incoming {
        uid: i64::try_from(of)? - number,
        flags: Flags { seen: n % 400 != 399, ..Flags::default() },
        received_at: db_time(NEWEST - number * APART),
        size: i64::try_from(raw.len())?,
        blob: app.blobs.put(scope, account, &bytes).await?,
        truncated: false,
        header_hash: mailbox::header_hash(raw.as_bytes()),
        found_by: mailbox::search::document(app.db.engine(), scope, (account, summary.has_attachments), &summary.terms),
        summary,
    })
}

fn db_time(secs: i64) -> db::Ts {
    db::Ts(secs * 1_000_000)
}

/// Numbers without a pattern, the same at each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % n.max(1)
    }
}
