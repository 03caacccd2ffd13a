//! Any order of changes on the server, changes here, cuts and restarts ends with both sides equal.

use super::host::At;
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{Engine, mail};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];
const STEPS: usize = 40;

/// Who did what so far.
struct Model {
    rng: StdRng,
    /// Messages made, each with a Message-ID of its own.
    made: usize,
}

impl Model {
    fn any(&mut self) -> String {
        format!("r{}@else.test", self.rng.random_range(0..self.made.max(1)))
    }

    fn folder(&mut self) -> &'static str {
        FOLDERS[self.rng.random_range(0..2)]
    }

    fn make(&mut self, s: &Scene, folder: &str) {
        let message = mail(&format!("Random {}", self.made), &format!("r{}@else.test", self.made));
        s.host.put(folder, &message);
        self.made += 1;
    }

    /// One change by somebody else; true when it made a message.
    fn change_there(&mut self, s: &Scene) -> bool {
        let (folder, id) = (self.folder(), self.any());
        let flag = ["\\Seen", "\\Flagged", "\\Answered"][self.rng.random_range(0..3)];
        let other = if folder == "Sent" { "INBOX" } else { "Sent" };
        let change = self.rng.random_range(0..8);
        match change {
            0..=2 => self.make(s, folder),
            3 => s.host.flag(folder, &id, (true, flag)),
            4 => s.host.flag(folder, &id, (false, flag)),
            5 => s.host.expunge(folder, &id),
            6 => s.host.move_to(folder, &id, other),
            _ => s.host.copy(folder, &id, other),
        }
        change <= 2
    }

    /// One change on our page.
    async fn change_here(&mut self, s: &mut Scene) {
        let list = s.api.get(&format!("/accounts/{}/messages?limit=200", s.id)).await.expect(200);
        let items = list["items"].as_array().unwrap();
        if items.is_empty() {
            return;
        }
        let message = &items[self.rng.random_range(0..items.len())];
        let id = message["id"].as_str().unwrap();
        let path = format!("/accounts/{}/messages/change", s.id);
        let target =
            if s.host.common(message["folders"][0]["name"].as_str().unwrap()) == "Sent" { "INBOX" } else { "Sent" };
        let action = match self.rng.random_range(0..6) {
            0..=1 => json!({ "kind": "flags", "seen": self.rng.random::<bool>() }),
            2 => json!({ "kind": "flags", "flagged": self.rng.random::<bool>() }),
            3..=4 => json!({ "kind": "move", "folder": s.folder(target).await }),
            _ => json!({ "kind": "copy", "folder": s.folder(target).await }),
        };
        s.api.post(&path, &json!({ "messages": [id], "action": action })).await.expect(200);
        if self.rng.random_range(0..10) == 0 {
            let from = message["folders"][0]["id"].clone();
            let body = json!({ "messages": [id], "from": from, "action": { "kind": "delete" } });
            s.api.post(&path, &body).await.expect(200);
        }
    }
}

pub async fn plays(engine: Engine, (at, seed, cuts): (impl Into<At>, u64, bool)) {
    println!("sync: random changes with seed {seed}");
    let mut model = Model { rng: StdRng::seed_from_u64(seed), made: 0 };
    let mut s = Scene::start(engine, (&format!("random{seed}"), at), |_| {}).await;
    for _ in 0..20 {
        let folder = model.folder();
        model.make(&s, folder);
    }
    s.equal(&FOLDERS).await;
    assert_eq!(s.bodies_asked(), 20, "each once, seed {seed}");
    for _ in 0..STEPS {
        match model.rng.random_range(0..10) {
            0..=5 => {
                if model.change_there(&s) && !cuts {
                    // From here on its body is stored: until another is made nothing is to be fetched.
                    s.equal(&FOLDERS).await;
                    assert_eq!(s.bodies_asked(), 1, "only what is new, seed {seed}");
                }
            }
            6..=7 => model.change_here(&mut s).await,
            8 if cuts => drop(s.proxy.hang_up()),
            9 if cuts && model.rng.random_range(0..4) == 0 => {
                s.t.restart().await;
                s.api = s.t.signed_in().await;
            }
            _ => s.equal(&FOLDERS).await,
        }
    }
    s.equal(&FOLDERS).await;
    if !cuts {
        assert_eq!(s.bodies_asked(), 0, "a stored body was fetched again, seed {seed}");
    }
    s.t.stop().await;
}

on_both! {
    async fn both_sides_end_equal_and_nothing_stored_is_fetched_again(engine) {
        plays(engine, (Offers::All, 11, false)).await;
        plays(engine, (Offers::Neither, 12, false)).await;
    }

    async fn what_is_refused_holds_up_nothing_else_and_is_put_back(engine) {
        plays(engine, (Offers::Refusing, 31, false)).await;
    }

    async fn cuts_and_restarts_lose_nothing(engine) {
        plays(engine, (Offers::All, 21, true)).await;
        plays(engine, (Offers::Condstore, 22, true)).await;
    }
}
