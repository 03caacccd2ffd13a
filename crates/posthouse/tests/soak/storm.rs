//! The storm: everything that goes wrong, and everything that goes on meanwhile.

use crate::house::House;
use crate::ledger::{Foreign, Submission, Tally};
use crate::moves::{Fate, moves};
use crate::order::Order;
use crate::program::{End, Program};
use crate::random::Random;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::{Direction, Fault, Plan};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Where the program kills itself, besides the kills at any moment.
const POINTS: [&str; 12] = [
    "send.before_mark",
    "send.after_mark",
    "send.in_body",
    "send.after_body",
    "send.after_reply",
    "append.before",
    "append.after",
    "import.before_commit",
    "import.after_commit",
    "transfer.before",
    "transfer.copied",
    "transfer.after",
];
/// Callers that send at the same time.
const SENDERS: usize = 3;
/// A word in every text that is written here: it must be in no log.
pub const WORD: &str = "SOAKWORD";
/// How long a program lives that shall promise something first.
const PROMISE: Duration = Duration::from_secs(6);
/// How long a caller goes on asking after the storm.
const PATIENCE: Duration = Duration::from_secs(90);

/// What every task is given.
#[derive(Clone)]
pub struct Sky {
    pub house: Arc<House>,
    pub tally: Arc<Tally>,
    end: Instant,
}

impl Sky {
    pub fn over(&self) -> bool {
        Instant::now() >= self.end
    }

    pub fn random(&self, task: &str) -> Random {
        Random::new(self.house.seed, task)
    }

    /// Something that blocks: a server's program, a delivery.
    pub async fn blocking(&self, work: impl FnOnce(&House) -> anyhow::Result<()> + Send + 'static) -> bool {
        let house = self.house.clone();
        match tokio::task::spawn_blocking(move || work(&house)).await.unwrap() {
            Ok(()) => true,
            Err(e) => {
                self.tally.count("refused by the servers");
                if self.tally.of("refused by the servers") < 5 {
                    println!("soak: {e:#}");
                }
                false
            }
        }
    }
}

/// Rages for as long as ordered. At its end every server runs, every line is whole, and no program.
pub async fn rage(house: &Arc<House>, tally: &Arc<Tally>, order: &Order) {
    let sky = Sky { house: house.clone(), tally: tally.clone(), end: Instant::now() + order.seconds };
    let mut tasks = JoinSet::new();
    for node in 0..house.engine.nodes() {
        tasks.spawn(kills(sky.clone(), node));
    }
    tasks.spawn(restarts(sky.clone()));
    tasks.spawn(breaks(sky.clone()));
    tasks.spawn(arrivals(sky.clone()));
    tasks.spawn(changes(sky.clone()));
    tasks.spawn(moves(sky.clone()));
    let mut callers = JoinSet::new();
    for number in 0..SENDERS {
        callers.spawn(sends(sky.clone(), number));
    }
    while tasks.join_next().await.transpose().unwrap().is_some() {}
    for proxy in &house.proxies {
        proxy.set_plan(Plan::default());
        proxy.hang_up();
    }
    // Whoever has no answer yet asks until there is one, as a client would.
    let mut last = vec![];
    for node in 0..house.engine.nodes() {
        let mut program = Program::start(house, node, None);
        program.ready(house).await;
        last.push(program);
    }
    while callers.join_next().await.transpose().unwrap().is_some() {}
    for program in last {
        program.kill();
        tally.count("kills");
    }
}

/// Starts a node and kills it, again and again.
async fn kills(sky: Sky, node: usize) {
    let mut random = sky.random(&format!("kills-{node}"));
    let mut told = Instant::now();
    while !sky.over() {
        let kind = random.below(100);
        let point = (kind < 25).then(|| format!("{}:{}", random.pick(&POINTS), 1 + random.below(3)));
        let mut program = Program::start(&sky.house, node, point.as_deref());
        let mut at_point = false;
        if kind >= 90 {
            // Also before it serves.
            sleep(random.millis(0, 80)).await;
        } else if !program.ready(&sky.house).await {
            note_end(&sky, program.kill(), false);
            sleep(Duration::from_millis(100)).await;
            continue;
        } else if (25..50).contains(&kind) {
            // Right after it promised something; on a slow machine that is how it gets to promise anything.
            after_answers(&sky, &mut random).await;
        } else {
            let life = match kind {
                0..25 => random.millis(300, 1_800),
                50..57 => random.millis(1_500, 5_000),
                _ => random.millis(20, 1_000),
            };
            at_point = program.ends_within(life).await.is_some();
        }
        note_end(&sky, program.kill(), at_point);
        if node == 0 && told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            println!("soak: {}", sky.tally.progress());
        }
    }
}

/// Waits until so many requests were answered, or in vain.
async fn after_answers(sky: &Sky, random: &mut Random) {
    let promised = || sky.tally.of("messages out") + sky.tally.of("moves here");
    let enough = promised() + 1 + random.below(3);
    let limit = Instant::now() + PROMISE;
    while promised() < enough && Instant::now() < limit {
        sleep(Duration::from_millis(2)).await;
    }
}

fn note_end(sky: &Sky, end: End, at_point: bool) {
    match end {
        End::Killed => {
            sky.tally.count("kills");
            if at_point {
                sky.tally.count("of them at crash points");
            }
        }
        // Only a database that is down is a reason.
        End::Ended(_) if sky.house.postgres.is_some() => sky.tally.count("starts without a database"),
        End::Ended(code) => sky.tally.wrong(format!("the program ended by itself with {code:?}")),
    }
}

/// Stops servers and starts them again.
async fn restarts(sky: Sky) {
    let mut random = sky.random("restarts");
    while !sky.over() {
        sleep(random.millis(1_500, 7_000)).await;
        let down = random.millis(0, 1_500);
        match random.below(if sky.house.postgres.is_some() { 4 } else { 2 }) {
            0 => {
                sky.blocking(|h| h.mail.stop_imap()).await;
                sleep(down).await;
                assert!(sky.blocking(|h| h.mail.start_imap()).await, "Dovecot does not start again");
                sky.tally.count("restarts of Dovecot");
            }
            1 => {
                sky.blocking(|h| h.mail.stop_smtp()).await;
                sleep(down).await;
                assert!(sky.blocking(|h| h.mail.start_smtp()).await, "Postfix does not start again");
                sky.tally.count("restarts of Postfix");
            }
            kind => {
                let postgres = sky.house.postgres.clone().unwrap();
                sky.blocking(move |_| postgres.stop(kind == 2)).await;
                sleep(down).await;
                let postgres = sky.house.postgres.clone().unwrap();
                assert!(sky.blocking(move |_| postgres.start_again()).await, "PostgreSQL does not start again");
                sky.tally.count(if kind == 2 { "crashes of PostgreSQL" } else { "restarts of PostgreSQL" });
            }
        }
    }
}

/// Cuts and stalls connections.
async fn breaks(sky: Sky) {
    let mut random = sky.random("breaks");
    while !sky.over() {
        sleep(random.millis(100, 1_200)).await;
        let proxy = random.pick(&sky.house.proxies);
        let side = *random.pick(&[Direction::FromClient, Direction::FromServer]);
        let bytes = if random.percent(70) { random.below(6_000) } else { random.below(200_000) };
        match random.below(3) {
            0 => sky.tally.add("cuts", proxy.hang_up()),
            kind => {
                let fault = if kind == 1 { Fault::CutAfter(side, bytes) } else { Fault::StallAfter(side, bytes) };
                sky.tally.count(if kind == 1 { "cut plans" } else { "stall plans" });
                proxy.set_plan(Plan::of(fault));
                sleep(random.millis(100, 1_500)).await;
                proxy.set_plan(Plan::default());
            }
        }
    }
}

/// Mail arrives; another program files something in Sent.
async fn arrivals(sky: Sky) {
    let mut random = sky.random("arrivals");
    let mut number = 0;
    let mut before: Option<Vec<u8>> = None;
    while !sky.over() {
        sleep(random.millis(10, 250)).await;
        number += 1;
        let account = random.below(sky.house.accounts.len());
        let folder = if random.percent(10) { "Sent" } else { "INBOX" };
        let message_id = format!("<foreign-{number}-{}@else.test>", sky.house.seed);
        let raw = letter(&mut random, number, &message_id);
        let address = sky.house.accounts[account].mailbox.address.clone();
        // The same bytes twice are one content under two UIDs.
        let again = before.clone().filter(|_| random.percent(5));
        let known = if again.is_some() { None } else { Some(Foreign { number, account, folder, message_id }) };
        let by_delivery = folder == "INBOX" && again.is_none() && random.percent(70);
        let bytes = again.unwrap_or_else(|| raw.clone());
        let came = sky.blocking(move |h| {
            if by_delivery { h.mail.deliver(&address, &bytes) } else { h.mail.put(&address, folder, &bytes) }
        });
        if came.await {
            sky.tally.count("messages in");
            sky.tally.foreign.lock().unwrap().extend(known);
            if Fate::of(number) == Fate::Kept {
                before = Some(raw);
            }
        }
    }
}

/// A letter from outside: most are small, some have bare line feeds, eight-bit text or attachments' size.
fn letter(random: &mut Random, number: usize, message_id: &str) -> Vec<u8> {
    let end = if random.percent(80) { "\r\n" } else { "\n" };
    let size = if random.percent(4) { random.below(400_000) } else { random.below(3_000) };
    let mut lines = vec![
        "From: Cleo <cleo@else.test>".to_owned(),
        "To: ben@lab.test".to_owned(),
        format!("Subject: Letter {number}"),
        format!("Message-ID: {message_id}"),
        "Date: Fri, 20 Nov 2026 10:00:00 +0000".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: 8bit".to_owned(),
        String::new(),
        format!("{WORD} Grüße {number}"),
        ".a line with a dot".to_owned(),
    ];
    while lines.len() * 60 < size {
        lines.push(format!("{:060}", random.below(1_000_000_000)));
    }
    (lines.join(end) + end).into_bytes()
}

/// Flags change, on the server and by us.
async fn changes(sky: Sky) {
    let mut random = sky.random("changes");
    while !sky.over() {
        sleep(random.millis(20, 300)).await;
        if random.percent(40) {
            change_here(&sky, &mut random).await;
            continue;
        }
        let known = {
            let foreign = sky.tally.foreign.lock().unwrap();
            if foreign.is_empty() { continue } else { foreign[random.below(foreign.len())].clone() }
        };
        let verb = if random.percent(65) { "add" } else { "remove" };
        let flag = *random.pick(&["\\Seen", "\\Flagged", "\\Answered", "\\Seen \\Flagged"]);
        let address = sky.house.accounts[known.account].mailbox.address.clone();
        let done = sky.blocking(move |h| {
            let query = ["mailbox", known.folder, "header", "Message-ID", &known.message_id];
            let mut arguments = vec!["flags", verb, "-u", &address, flag];
            arguments.extend(query);
            h.mail.doveadm(&arguments)
        });
        if done.await {
            sky.tally.count("flag changes on the server");
        }
    }
}

/// A person reads and stars in our page.
async fn change_here(sky: &Sky, random: &mut Random) {
    let caller = &sky.house.caller;
    let account = &random.pick(&sky.house.accounts).id;
    let path = format!("/accounts/{account}/messages?limit=50");
    let Some(page) = caller.call(Method::GET, &path, None, None).await else { return };
    let Some(items) = page.body["items"].as_array().filter(|i| !i.is_empty()) else { return };
    let id = random.pick(items)["id"].as_str().unwrap();
    let body = match random.below(3) {
        0 => json!({ "seen": random.percent(60) }),
        1 => json!({ "flagged": random.percent(60) }),
        _ => json!({ "seen": true, "flagged": random.percent(50) }),
    };
    let changed = caller.call(Method::PATCH, &format!("/messages/{id}"), Some(&body), None).await;
    if changed.is_some_and(|c| c.status == 200) {
        sky.tally.count("flag changes here");
    }
}

/// One caller that sends message after message, each under its own key, until each is answered.
async fn sends(sky: Sky, task: usize) {
    let mut random = sky.random(&format!("sends-{task}"));
    let mut number = 0;
    while !sky.over() {
        sleep(random.millis(20, 700)).await;
        number += 1;
        let key = format!("soak-{task}-{number}-{}", sky.house.seed);
        let account = random.pick(&sky.house.accounts).id.clone();
        let body = request(&sky, &mut random, &key);
        let place = {
            let mut all = sky.tally.submissions.lock().unwrap();
            all.push(Submission { key: key.clone(), id: None });
            all.len() - 1
        };
        let Some(id) = submit(&sky, &account, &key, &body).await else { continue };
        sky.tally.submissions.lock().unwrap()[place].id = Some(id.clone());
        sky.tally.count("messages out");
        if random.percent(15) {
            let again = submit(&sky, &account, &key, &body).await;
            if again.as_ref() != Some(&id) {
                sky.tally.wrong(format!("{key} was {id} and then {again:?}"));
            }
        }
        if random.percent(4) {
            let cancelled = sky.house.caller.call(Method::POST, &format!("/outgoing/{id}/cancel"), None, None).await;
            if cancelled.is_some_and(|c| c.status == 200) {
                sky.tally.count("called back");
            }
        }
    }
}

fn request(sky: &Sky, random: &mut Random, key: &str) -> Value {
    let house = &sky.house;
    let mut to = vec![];
    let only_refused = random.percent(4);
    if !only_refused {
        to.push(random.pick(&house.sinks).address.clone());
        if random.percent(30) {
            to.push(random.pick(&house.accounts).mailbox.address.clone());
        }
        if random.percent(6) {
            to.push("tempfail-now@lab.test".to_owned());
        }
    }
    if only_refused || random.percent(8) {
        to.push("reject-this@lab.test".to_owned());
    }
    let lines = if random.percent(5) { random.below(8_000) } else { random.below(30) };
    let text = "0123456789 abcdefghijklmnopqrstuvwxyz\n".repeat(lines);
    json!({ "to": to.join(", "), "subject": format!("Soak {key}"), "body": format!("{WORD} {key}\n.\n{text}") })
}

/// Asks until there is an answer. None: there was none, which is told as a violation.
async fn submit(sky: &Sky, account: &str, key: &str, body: &Value) -> Option<String> {
    let path = format!("/accounts/{account}/outgoing");
    loop {
        match sky.house.caller.call(Method::POST, &path, Some(body), Some(key)).await {
            Some(answer) if answer.status == 202 => return Some(answer.body["id"].as_str().unwrap().to_owned()),
            Some(answer) if answer.status < 500 => {
                sky.tally.wrong(format!("{key} was answered with {}: {}", answer.status, answer.body));
                return None;
            }
            // No answer, or one that promises nothing.
            _ => sky.tally.count("calls that failed"),
        }
        if Instant::now() > sky.end + PATIENCE {
            sky.tally.wrong(format!("{key} was never answered"));
            return None;
        }
        sleep(Duration::from_millis(40)).await;
    }
}
