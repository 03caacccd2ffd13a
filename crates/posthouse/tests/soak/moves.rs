//! Two-way traffic: letters are moved, copied, put away and deleted, by people here and by other programs on the server. What may happen
//! to a letter is settled by its number, so that at the end it is known how often it must be there.

use crate::ledger::Foreign;
use crate::random::Random;
use crate::storm::Sky;
use reqwest::Method;
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use tokio::time::sleep;

/// Where letters go; what lies in Sent counts as sent.
const PLACES: [&str; 4] = ["INBOX", "Archive", "Trash", "Projects"];

/// What happens to a letter, beside its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// We move it.
    MovedHere,
    /// Another program does.
    MovedThere,
    /// Both do. A server lets two sessions move one message at the same time, and then has it twice.
    MovedByBoth,
    /// We copy it, once, and move it.
    CopiedHere,
    /// We move it, and either side deletes it.
    Deleted,
    /// It stays, and may come again.
    Kept,
}

impl Fate {
    pub fn of(number: usize) -> Self {
        [Self::MovedHere, Self::MovedThere, Self::MovedByBoth, Self::CopiedHere, Self::Deleted, Self::Kept][number % 6]
    }

    /// How often it lies in the mailbox at the end.
    pub fn places(self) -> RangeInclusive<usize> {
        match self {
            Self::MovedHere | Self::MovedThere => 1..=1,
            Self::CopiedHere => 1..=2,
            Self::Deleted => 0..=1,
            Self::MovedByBoth | Self::Kept => 1..=usize::MAX,
        }
    }
}

/// The storm's task.
pub async fn moves(sky: Sky) {
    let mut random = sky.random("moves");
    while !sky.over() {
        sleep(random.millis(20, 250)).await;
        if random.percent(60) {
            here(&sky, &mut random).await;
        } else {
            there(&sky, &mut random).await;
        }
    }
}

/// A letter on our page, and where it lies.
struct Shown {
    number: usize,
    id: Value,
    folders: Vec<Value>,
}

/// A person acts on our page.
async fn here(sky: &Sky, random: &mut Random) {
    let known = random.pick(&sky.house.accounts);
    let account = &known.id;
    let path = format!("/accounts/{account}/messages?limit=100");
    // The program is down more often than not.
    let page = loop {
        match sky.house.caller.call(Method::GET, &path, None, None).await {
            Some(page) if page.status == 200 => break page,
            _ if sky.over() => return,
            _ => sleep(random.millis(5, 40)).await,
        }
    };
    let letters: Vec<Shown> = page.body["items"].as_array().into_iter().flatten().filter_map(shown).collect();
    if letters.is_empty() {
        return;
    }
    let letter = random.pick(&letters);
    let fate = Fate::of(letter.number);
    if !matches!(fate, Fate::MovedHere | Fate::MovedByBoth | Fate::CopiedHere | Fate::Deleted) {
        return;
    }
    let target = &known.folders[*random.pick(&PLACES)];
    let from = &random.pick(&letter.folders)["id"];
    let (what, action) = match (fate, random.below(10)) {
        (Fate::CopiedHere, 0..3) if sky.tally.copied.lock().unwrap().insert(letter.number) => {
            ("copies here", json!({ "kind": "copy", "folder": target }))
        }
        (Fate::Deleted, 0..2) => ("removals here", json!({ "kind": "delete" })),
        (_, 8) => ("moves here", json!({ "kind": "archive" })),
        (_, 9) => ("moves here", json!({ "kind": "trash" })),
        _ => ("moves here", json!({ "kind": "move", "folder": target })),
    };
    let body = json!({ "messages": [letter.id], "from": from, "action": action });
    let path = format!("/accounts/{account}/messages/change");
    let Some(answer) = sky.house.caller.call(Method::POST, &path, Some(&body), None).await else { return };
    match answer.status {
        200 if answer.body["changed"] == 1 => sky.tally.count(what),
        200 | 500.. => {}
        // The account is live, and every folder is there.
        status => sky.tally.wrong(format!("{body} was answered with {status}: {}", answer.body)),
    }
}

fn shown(item: &Value) -> Option<Shown> {
    let number = item["subject"].as_str()?.strip_prefix("Letter ")?.parse().ok()?;
    let folders: Vec<Value> = item["folders"].as_array()?.clone();
    // One that was filed in Sent stays there.
    let stays = folders.is_empty() || folders.iter().any(|f| !PLACES.iter().any(|p| f["name"] == *p));
    (!stays).then(|| Shown { number, id: item["id"].clone(), folders })
}

/// Another program acts on the server.
async fn there(sky: &Sky, random: &mut Random) {
    let known: Vec<Foreign> = {
        let foreign = sky.tally.foreign.lock().unwrap();
        let meant = |f: &&Foreign| matches!(Fate::of(f.number), Fate::MovedThere | Fate::MovedByBoth | Fate::Deleted);
        foreign.iter().filter(|f| f.folder != "Sent").filter(meant).cloned().collect()
    };
    if known.is_empty() {
        return;
    }
    let letter = random.pick(&known).clone();
    let removes = Fate::of(letter.number) == Fate::Deleted;
    if removes && random.percent(70) {
        return;
    }
    let target = *random.pick(&PLACES);
    let address = sky.house.accounts[letter.account].mailbox.address.clone();
    let done = sky.blocking(move |h| {
        let mut words = if removes { vec!["expunge", "-u", &address] } else { vec!["move", "-u", &address, target] };
        words.push("(");
        for (at, place) in PLACES.iter().filter(|p| removes || **p != target).enumerate() {
            if at > 0 {
                words.push("OR");
            }
            words.extend(["mailbox", *place]);
        }
        words.extend([")", "header", "Message-ID", &letter.message_id]);
        h.mail.doveadm(&words)
    });
    if done.await {
        sky.tally.count(if removes { "removals on the server" } else { "moves on the server" });
    }
}
