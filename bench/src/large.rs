//! A mailbox of 100,000 messages: how soon its newest are readable, what its import takes of memory, whether it slows down, and what a
//! pass costs that finds nothing new.

use crate::corpus::{Corpus, NEWEST_SECS};
use crate::figures::{Figures, median};
use crate::house::House;
use crate::import::{Case, Fresh};
use crate::mailbox;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::{Direction, Fault, FaultProxy, Plan, contains};

/// How often the newest are looked for.
const SOON: Duration = Duration::from_millis(10);
/// How often it is looked how far the import is: each look counts what is stored.
const LOOK: Duration = Duration::from_secs(1);
/// Rows of a page, all of which must be readable.
const PAGE: usize = 50;
/// Passes of each kind; the median counts.
const PASSES: usize = 9;
/// Hundredths of an import that are its beginning.
const FIRST: (usize, usize) = (1, 10);
/// Something is wrong when a pass takes longer.
const LONG: Duration = Duration::from_secs(120);

/// What a server offers, what is hidden of Dovecot's for it, and how long a pass may take, in milliseconds.
const SERVERS: [(&str, &[&str], f64); 3] = [
    // Something must be hidden, else the proxy does not listen; nobody asks for this.
    ("QRESYNC", &[" NOTIFY"], 50.0),
    ("CONDSTORE only", &[" QRESYNC", " LIST-STATUS"], 500.0),
    ("neither", &[" QRESYNC", " CONDSTORE", " LIST-STATUS", " ESEARCH"], 2_000.0),
];

/// Imports it once, then asks for passes.
///
/// # Errors
/// When something is not imported, or a pass fails.
pub async fn measure(case: &Case<'_>, place: impl Fn() -> Result<Fresh>, figures: &mut Figures) -> Result<()> {
    let fresh = place()?;
    let mut config = fresh.config.clone();
    let mut proxies = vec![];
    for (name, hidden, target) in SERVERS {
        let hide = |text: &&str| {
            Fault::ReplaceText(Direction::FromServer, contains("CAPABILITY"), [(*text).to_owned(), String::new()])
        };
        let mut plan = Plan { faults: hidden.iter().map(hide).collect() };
        if name == "neither" {
            // Dovecot tells it to everybody.
            let words = ["[HIGHESTMODSEQ", "[X-UNKNOWN"].map(str::to_owned);
            plan.faults.push(Fault::ReplaceText(Direction::FromServer, contains("[HIGHESTMODSEQ"), words));
        }
        let proxy = FaultProxy::start(case.world.imap_port(), plan).await?;
        config.egress.extra_ports.push(proxy.port());
        proxies.push((name, proxy, target));
    }
    let house = House::open(case.program, &config).await?;
    mailbox::settle_disk()?;
    let (account, (first, last)) = import(case, &house, figures).await?;
    let again = beginning(case, place()?).await?;
    let name = format!("import: pace at the end ({last:.0}/s) beside the beginning ({first:.0}/s)");
    figures.ratio_at_least(&name, (last / first, 0.9));
    figures.note("  beside another's beginning right after", &format!("{:.3} ({again:.0}/s)", last / again));
    for (name, proxy, target) in &proxies {
        house.reconnect(&account, &case.filled.mailbox, proxy.port()).await?;
        let (millis, words) = passes(&house, &account, proxy).await?;
        let name = format!("a pass with nothing new over {}, {name}", case.corpus.messages);
        figures.at_most(&name, (millis, *target), "ms");
        figures.note("  its commands", &words);
    }
    Ok(())
}

/// The account, and messages a second at the beginning and at the end.
async fn import(case: &Case<'_>, house: &House, figures: &mut Figures) -> Result<(String, (f64, f64))> {
    let messages = case.corpus.messages;
    let idle = house.program.resident_mib()?;
    house.program.forget_peak()?;
    let began = Instant::now();
    let account = house.connect(&case.filled.mailbox, case.world.imap_port()).await?;
    let answered = Instant::now();
    let listed = newest(house, &account, messages).await?;
    let readable = answered.elapsed();
    figures
        .note(&format!("the newest {PAGE} of {messages}: in the list"), &format!("{:.2} s", secs(listed - answered)));
    figures.at_most(&format!("the newest {PAGE} of {messages}: read, after connecting"), (secs(readable), 1.0), "s");
    let mut looks = vec![];
    house.stored((&account, messages), LOOK, |stored| looks.push((secs(began.elapsed()), stored))).await?;
    let wall = secs(began.elapsed());
    let peak = house.program.peak_mib()?;
    let some: Vec<usize> = (0..messages).step_by(messages.div_ceil(100)).collect();
    house.readable(&account, &some).await?;
    figures.note(&format!("import of {messages}, wall"), &format!("{wall:.0} s"));
    figures.note("import: messages a second", &format!("{:.0}", messages as f64 / wall));
    figures.note("import: processor time", &format!("{:.0} s", house.program.cpu_secs()?));
    let tenths: Vec<String> =
        (0..10).map(|n| format!("{:.0}", pace(&looks, messages, (n * 10, n * 10 + 10)))).collect();
    figures.note("import: messages a second, in each tenth", &tenths.join(" "));
    let name = format!("import of {messages}: most memory above idle ({idle:.0} MiB)");
    figures.at_most(&name, (peak - idle, 150.0), "MiB");
    Ok((account, (pace(&looks, messages, FIRST), pace(&looks, messages, (91, 100)))))
}

/// The pace at which another import of the same mailbox begins. A machine that others share is another one after a minute of work: what
/// it has become slower by meanwhile is not the mailbox's size.
async fn beginning(case: &Case<'_>, fresh: Fresh) -> Result<f64> {
    let messages = case.corpus.messages;
    let house = House::open(case.program, &fresh.config).await?;
    mailbox::settle_disk()?;
    let began = Instant::now();
    let account = house.connect(&case.filled.mailbox, case.world.imap_port()).await?;
    let mut looks = vec![];
    while looks.last().is_none_or(|(_, stored)| stored * 100 < messages * FIRST.1) {
        ensure!(began.elapsed() < LONG, "it does not go on");
        tokio::time::sleep(LOOK).await;
        looks.push((secs(began.elapsed()), house.copy(&account).await?.messages));
    }
    Ok(pace(&looks, messages, FIRST))
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// When the list gave a full page of what is newest in the mailbox; on return each of them was read, too.
async fn newest(house: &House, account: &str, messages: usize) -> Result<Instant> {
    let began = Instant::now();
    let page = PAGE.min(messages);
    loop {
        let list = house.get(&format!("/accounts/{account}/messages?limit={PAGE}")).await?;
        let items = list.get("items").and_then(Value::as_array).context("no items")?;
        let is_newest = |item: &&Value| item.get("date").and_then(Value::as_str).is_some_and(|at| is_of_page(at, page));
        if items.iter().filter(is_newest).count() == page {
            let listed = Instant::now();
            for item in items {
                house.read(item.get("id").and_then(Value::as_str).context("no id")?).await?;
            }
            return Ok(listed);
        }
        ensure!(began.elapsed() < Duration::from_secs(3_600), "the newest {page} do not come");
        tokio::time::sleep(SOON).await;
    }
}

fn is_of_page(date: &str, page: usize) -> bool {
    let first = Corpus::received_at_from_newest(page.saturating_sub(1));
    date.parse::<jiff::Timestamp>().is_ok_and(|at| (first..=NEWEST_SECS).contains(&at.as_second()))
}

/// Messages a second between two hundredths of the import.
fn pace(looks: &[(f64, usize)], messages: usize, (from, to): (usize, usize)) -> f64 {
    let at = |hundredth: usize| {
        let wanted = (messages * hundredth / 100) as f64;
        let pairs = looks.iter().zip(looks.iter().skip(1));
        let found = pairs.into_iter().find(|(_, (_, stored))| *stored as f64 >= wanted);
        found.map_or(f64::NAN, |((before, had), (after, has))| {
            let (had, has) = (*had as f64, *has as f64);
            let share = ((wanted - had) / (has - had)).clamp(0.0, 1.0);
            before + (after - before) * share
        })
    };
    (messages * (to - from) / 100) as f64 / (at(to) - at(from))
}

/// The median of some passes that somebody asked for, from the request to the end that the history gives; and what was said.
async fn passes(house: &House, account: &str, proxy: &FaultProxy) -> Result<(f64, String)> {
    // The first ones compare: what the server offers is another than before.
    for _ in 0..3 {
        pass(house, account).await?;
    }
    proxy.take_heard();
    let mut taken = vec![];
    for _ in 0..PASSES {
        taken.push(pass(house, account).await?);
    }
    let mut verbs: BTreeMap<String, usize> = BTreeMap::new();
    let heard = proxy.take_heard();
    ensure!(!heard.is_empty(), "nothing passed the proxy");
    for line in heard {
        let mut words = line.split_ascii_whitespace().skip(1);
        // "DONE" ends an IDLE and is no command.
        let Some(verb) = words.next() else { continue };
        let verb = if verb == "UID" { format!("UID {}", words.next().unwrap_or_default()) } else { verb.to_owned() };
        *verbs.entry(verb).or_default() += 1;
    }
    let said: Vec<String> = verbs.iter().map(|(verb, n)| format!("{:.1} {verb}", *n as f64 / PASSES as f64)).collect();
    Ok((median(taken), said.join(", ")))
}

/// Milliseconds of one pass.
async fn pass(house: &House, account: &str) -> Result<f64> {
    let before = last_run(house, account).await?;
    let asked = jiff::Timestamp::now();
    let began = Instant::now();
    house.post(&format!("/accounts/{account}/sync"), &json!({})).await?;
    loop {
        let run = last_run(house, account).await?;
        if run != before {
            let (ended, status) = run.context("no run")?.1;
            ensure!(status == "success", "a pass ended as {status}");
            let ended: jiff::Timestamp = ended.parse()?;
            return Ok((ended.as_microsecond() - asked.as_microsecond()) as f64 / 1_000.0);
        }
        if began.elapsed() > LONG {
            bail!("no pass came to its end");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many passes the newest row of the history stands for, with its id; when the last of them ended, and how.
async fn last_run(house: &House, account: &str) -> Result<Option<((String, u64), (String, String))>> {
    let page = house.get(&format!("/accounts/{account}/sync/runs?limit=1")).await?;
    let Some(run) = page.get("items").and_then(Value::as_array).and_then(|runs| runs.first()) else { return Ok(None) };
    let text = |name: &str| run.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let passes = run.get("passes").and_then(Value::as_u64).context("no passes")?;
    Ok(Some(((text("id"), passes), (text("ended_at"), text("status")))))
}
