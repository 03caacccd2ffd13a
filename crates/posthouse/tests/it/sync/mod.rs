//! The copy stays equal to the server, whatever it offers and whatever happens to it; nothing stored is fetched again.

mod changes;
mod gmail;
mod history;
mod host;
mod labels;
mod looks;
mod moving;
mod order;
mod peers;
mod random;
mod undo;

use crate::support::{Api, Engine, PATIENCE, TestApp};
use host::{At, Host};
use posthouse::base::clock::Clock;
use posthouse::config::Retry;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, Plan, contains};

/// What the server does not offer, by the proxy before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offers {
    /// Everything that Dovecot has.
    All,
    /// Neither QRESYNC nor LIST-STATUS.
    Condstore,
    /// No mod-sequences either, and no ESEARCH.
    Neither,
    /// No MOVE.
    NoMove,
    /// Neither MOVE nor UIDPLUS: a message cannot be removed alone, and nobody tells where one went.
    NoUidplus,
    /// Courier's way: UIDNEXT only where it is asked for, nothing of CONDSTORE, MOVE, ESEARCH and LIST-STATUS.
    NoUidnext,
    /// Everything, and refuses changes of some messages.
    Refusing,
}

impl Offers {
    fn plan(self) -> Plan {
        let hidden: &[&str] = match self {
            Self::All | Self::Refusing => &[" NOTIFY"],
            Self::Condstore => &[" QRESYNC", " LIST-STATUS"],
            Self::NoMove => &[" MOVE"],
            Self::NoUidplus => &[" MOVE", " UIDPLUS"],
            Self::NoUidnext => &[" CONDSTORE", " QRESYNC", " LIST-STATUS", " ESEARCH", " MOVE"],
            Self::Neither => &[" CONDSTORE", " QRESYNC", " LIST-STATUS", " ESEARCH"],
        };
        let hide = |name: &&str| {
            Fault::ReplaceText(Direction::FromServer, contains("CAPABILITY"), [(*name).to_owned(), String::new()])
        };
        let mut faults: Vec<Fault> = hidden.iter().map(hide).collect();
        if self == Self::Refusing {
            for command in ["UID STORE 2 ", "UID MOVE 3 ", "UID MOVE 5 ", "UID COPY 7 ", "UID STORE 8 "] {
                faults.push(order::refused(command));
            }
        }
        if self == Self::NoUidnext {
            let other = ["[UIDNEXT".to_owned(), "[NEXT".to_owned()];
            faults.push(Fault::ReplaceText(Direction::FromServer, contains("[UIDNEXT"), other));
        }
        Plan { faults }
    }
}

/// A change that the server refuses is tried five times, the last after sixty of the first pauses.
const SHORT: Retry = Retry { first_ms: 50, longest_ms: 500, healthy_ms: 10_000 };

/// One mailbox in one Posthouse, with a proxy between.
pub struct Scene {
    pub host: Host,
    pub proxy: FaultProxy,
    pub t: TestApp,
    pub api: Api,
    pub id: String,
}

impl Scene {
    /// The mailbox is filled by `fill` before it is connected.
    pub async fn start(engine: Engine, (name, at): (&str, impl Into<At>), fill: impl FnOnce(&Host)) -> Self {
        let at = at.into();
        let host = Host::new(engine, &format!("{name}-{}", at.name()), at.peer);
        Self::on(engine, (host, at.offers.plan()), SHORT, fill).await
    }

    /// On Dovecot, with these faults between.
    pub async fn behind(engine: Engine, name: &str, plan: Plan, fill: impl FnOnce(&Host)) -> Self {
        Self::on(engine, (Host::new(engine, name, None), plan), SHORT, fill).await
    }

    /// The same; what is refused or broken is not tried again before the test is over.
    pub async fn patient(engine: Engine, name: &str, plan: Plan, fill: impl FnOnce(&Host)) -> Self {
        Self::on(
            engine,
            (Host::new(engine, name, None), plan),
            Retry { first_ms: 600_000, longest_ms: 600_000, ..Retry::default() },
            fill,
        )
        .await
    }

    async fn on(engine: Engine, (host, plan): (Host, Plan), retry: Retry, fill: impl FnOnce(&Host)) -> Self {
        fill(&host);
        let proxy = FaultProxy::start(host.port(), plan).await.unwrap();
        let port = proxy.port();
        let t = TestApp::at(engine, Clock::movable(), |c| {
            crate::support::allow(c, host.world);
            c.egress.extra_ports.push(port);
            c.plain_text_logins = true;
            c.retry = retry;
        })
        .await;
        let mut api = t.owner().await;
        let id = api.post("/accounts", &host.request(port)).await.expect(201)["id"].as_str().unwrap().to_owned();
        Self { host, proxy, t, api, id }
    }

    /// What we have: subject -> where it lies, with its flags there.
    pub async fn here(&mut self) -> BTreeMap<String, Vec<String>> {
        let sql = db::Sql::both(
            "SELECT m.subject, f.name, p.seen, p.flagged, p.answered FROM placement p
             JOIN message m ON m.id = p.message_id JOIN folder f ON f.id = p.folder_id",
        );
        let rows: Vec<(String, String, bool, bool, bool)> =
            db::all(&mut self.t.app().db.read().await.unwrap(), sql, vec![]).await.unwrap();
        let mut all = BTreeMap::new();
        for (subject, folder, seen, flagged, answered) in rows {
            let place: &mut Vec<String> = all.entry(subject).or_default();
            place.push(marks(&self.host.common(&folder), [seen, flagged, answered]));
            place.sort();
        }
        all
    }

    /// The same on the server.
    pub fn there(&self, folders: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for folder in folders {
            for m in self.host.stored(folder) {
                let text = String::from_utf8_lossy(&m.raw);
                let subject = text.lines().find_map(|l| l.strip_prefix("Subject: ")).unwrap().trim().to_owned();
                let place: &mut Vec<String> = all.entry(subject).or_default();
                place.push(marks(folder, [m.seen, m.flagged, m.answered]));
                place.sort();
            }
        }
        all
    }

    /// Whether the bodies here are those of the server, octet by octet.
    async fn has_the_bodies(&self, folders: &[&str]) -> bool {
        let sql =
            db::Sql::both("SELECT DISTINCT m.subject, m.blob FROM placement p JOIN message m ON m.id = p.message_id");
        let here: Vec<(String, Vec<u8>)> =
            db::all(&mut self.t.app().db.read().await.unwrap(), sql, vec![]).await.unwrap();
        let there = folders.iter().flat_map(|folder| self.host.stored(folder)).map(|m| {
            // In a Maildir lines may end otherwise than over the net.
            let text = String::from_utf8_lossy(&m.raw).replace("\r\n", "\n");
            let subject = text.lines().find_map(|l| l.strip_prefix("Subject: ")).unwrap().trim().to_owned();
            (subject, blake3::hash(text.replace('\n', "\r\n").as_bytes()).as_bytes().to_vec())
        });
        here.into_iter().collect::<BTreeSet<_>>() == there.collect()
    }

    /// Waits until the copy is what the server has.
    pub async fn equal(&mut self, folders: &[&str]) {
        self.sync_now(false).await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (here, there) = (self.here().await, self.there(folders));
            if here == there && self.has_the_bodies(folders).await {
                return;
            }
            let differing = |(subject, place): &(&String, &Vec<String>)| there.get(*subject) != Some(*place);
            let ours: Vec<_> = here.iter().filter(differing).collect();
            let theirs: Vec<_> = there.iter().filter(|(s, p)| here.get(*s) != Some(*p)).collect();
            if tokio::time::Instant::now() > deadline {
                let heard = self.proxy.take_heard();
                let last = heard.iter().rev().take(80).rev().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
                panic!("never equal; here {ours:?}, on the server {theirs:?}; last on the wire:\n{last}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The mailbox goes on, behind these faults.
    pub async fn resume(&mut self, plan: Plan) {
        self.proxy.set_plan(plan);
        self.api.post(&format!("/accounts/{}/resume", self.id), &json!({})).await.expect(200);
    }

    /// Nobody of us is signed in afterwards.
    pub async fn pause(&mut self) {
        self.api.post(&format!("/accounts/{}/pause", self.id), &json!({})).await.expect(200);
        let ended = async || self.proxy.lives().iter().all(|life| life.ended_at.is_some());
        crate::support::eventually("the session has ended", ended).await;
    }

    /// Asks for a pass; a session that was cut is opened again first.
    pub async fn sync_now(&mut self, compare: bool) {
        let path = format!("/accounts/{}/sync", self.id);
        for _ in 0..500 {
            let answer = self.api.post(&path, &json!({ "compare": compare })).await;
            if answer.status.as_u16() == 202 {
                return;
            }
            answer.problem(409, "not_receiving");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never connected again");
    }

    /// Messages whose whole body was asked for since the last call.
    pub fn bodies_asked(&self) -> usize {
        bodies_asked(&self.proxy)
    }
}

pub fn bodies_asked(proxy: &FaultProxy) -> usize {
    proxy.take_heard().iter().filter(|line| line.contains("BODY.PEEK[])")).map(|line| asked(line)).sum()
}

fn marks(folder: &str, flags: [bool; 3]) -> String {
    let set = ["seen", "flagged", "answered"].into_iter().zip(flags).filter(|(_, set)| *set);
    set.fold(folder.to_owned(), |text, (flag, _)| text + " " + flag)
}

/// How many UIDs a `UID FETCH` names.
fn asked(line: &str) -> usize {
    let set = line.split(' ').nth(3).unwrap();
    let size = |part: &str| match part.split_once(':') {
        Some((a, b)) => b.parse::<usize>().unwrap() - a.parse::<usize>().unwrap() + 1,
        None => 1,
    };
    set.split(',').map(size).sum()
}
