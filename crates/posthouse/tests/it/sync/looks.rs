//! How often folders are opened, and in which order what is new is fetched: counted on the wire.

use super::host::Host;
use super::{Offers, Scene, asked};
use crate::on_both;
use crate::support::{eventually, mail};
use serde_json::json;
use std::time::Duration;
use testkit::Direction::FromClient;
use testkit::{Fault, contains};
use tokio::sync::Mutex;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

fn filled(host: &Host, folder: &str, messages: usize) {
    for n in 1..=messages {
        host.put(folder, &mail(&format!("{folder} {n}"), &format!("{folder}-{n}@else.test")));
    }
}

/// Every folder that was opened, in order, with the number of bodies that were asked for there.
type Looks = Vec<(String, usize)>;

/// The looks from each listing of the folders to the next: a pass over everything, and what came between it and the next one.
fn passes(heard: &[String]) -> Vec<Looks> {
    // What comes before the first listing is of a pass that had begun before.
    let mut told: Vec<Looks> = vec![vec![]];
    for line in heard {
        let mut words = line.split_whitespace().skip(1);
        match words.next() {
            Some("LIST") => told.push(vec![]),
            Some("EXAMINE" | "SELECT") => told.last_mut().unwrap().push((words.next().unwrap().to_owned(), 0)),
            _ => {}
        }
        if line.contains("BODY.PEEK[])") {
            told.last_mut().unwrap().last_mut().unwrap().1 += asked(line);
        }
    }
    // The test of a connection lists the folders, and opens none.
    told.retain(|looks| !looks.is_empty());
    told
}

fn are(heard: &[String], wanted: &[&[(&str, usize)]]) {
    let told = passes(heard);
    let told: Vec<Vec<(&str, usize)>> =
        told.iter().map(|looks| looks.iter().map(|(folder, bodies)| (folder.as_str(), *bodies)).collect()).collect();
    assert_eq!(told, wanted);
}

/// Whoever sees a folder for the first time looks twice: messages may have come from where they lay before.
const PASSES: &str = "SELECT CAST(COALESCE(SUM(passes), 0) AS BIGINT) FROM sync_run";

impl Scene {
    /// Asks for a pass and waits until one is over that began after that: the first to end may have begun before.
    async fn pass(&mut self) {
        for _ in 0..2 {
            let before = self.t.number(PASSES).await;
            self.sync_now(false).await;
            eventually("a pass more", async || self.t.number(PASSES).await > before).await;
        }
    }
}

on_both! {
    async fn a_pass_opens_no_folder_unless_something_is_new(engine) {
        let mut s = Scene::start(engine, ("one-look", Offers::All), |host| filled(host, "INBOX", 3)).await;
        s.equal(&FOLDERS).await;
        s.pass().await;
        s.proxy.take_heard();
        for _ in 0..3 {
            s.pass().await;
        }
        let heard = s.proxy.take_heard();
        assert!(heard.iter().filter(|line| line.contains(" LIST ")).count() >= 3, "{heard:?}");
        assert_eq!(passes(&heard), Vec::<Looks>::new());
        s.host.deliver(&mail("Fresh", "fresh@else.test"));
        let cell = Mutex::new(&mut s);
        eventually("mail comes in", async || cell.lock().await.here().await.contains_key("Fresh")).await;
        let heard = s.proxy.take_heard();
        let looks = passes(&heard).concat();
        assert!(looks.contains(&("INBOX".to_owned(), 1)), "{heard:?}");
        // In the inbox, and what it told as it was opened again.
        assert!(looks.len() <= 2, "{heard:?}");
        s.t.stop().await;
    }

    async fn the_open_inbox_is_believed_for_half_an_hour(engine) {
        let mut s = Scene::start(engine, ("believed", Offers::All), |host| filled(host, "INBOX", 3)).await;
        s.equal(&FOLDERS).await;
        s.pass().await;
        s.proxy.take_heard();
        s.pass().await;
        are(&s.proxy.take_heard(), &[]);
        s.t.advance(31 * 60).await;
        s.pass().await;
        s.pass().await;
        let heard = s.proxy.take_heard();
        assert_eq!(passes(&heard), [[("INBOX".to_owned(), 0)]], "opened once");
        assert!(!heard.iter().any(|line| line.contains("LOGIN")), "{heard:?}");
        s.t.stop().await;
    }

    async fn what_was_moved_into_a_folder_that_is_not_copied_is_looked_at_when_something_is_new_there(engine) {
        let mut s = Scene::start(engine, ("kept-look", Offers::All), |host| filled(host, "INBOX", 3)).await;
        s.equal(&FOLDERS).await;
        let mail = s.api.get(&format!("/accounts/{}/messages", s.id)).await.expect(200)["items"][0]["id"].clone();
        let away = json!({ "messages": [mail], "action": { "kind": "archive" } });
        s.api.post(&format!("/accounts/{}/messages/change", s.id), &away).await.expect(200);
        s.nothing_waits().await;
        for _ in 0..2 {
            s.pass().await;
        }
        s.proxy.take_heard();
        s.pass().await;
        are(&s.proxy.take_heard(), &[]);
        s.host.put("Archive", &crate::support::mail("Other", "other@else.test"));
        s.pass().await;
        are(&s.proxy.take_heard(), &[&[("Archive", 0), ("INBOX", 0)]]);
        s.t.stop().await;
    }

    async fn the_newest_of_every_folder_come_before_the_rest_of_any(engine) {
        let mut plan = Offers::All.plan();
        // Slow enough for its progress to be seen.
        plan.faults.push(Fault::DelayAtLine(FromClient, contains("BODY.PEEK[])"), Duration::from_millis(300)));
        let mut s = Scene::behind(engine, "newest-first", plan, |host| {
            filled(host, "INBOX", 120);
            filled(host, "Sent", 70);
        })
        .await;
        let (path, progress) = (format!("/accounts/{}/sync", s.id), Mutex::new(vec![]));
        let cell = Mutex::new(&mut s);
        eventually("the first passes are over", async || {
            let s = &mut *cell.lock().await;
            let now = s.api.get(&path).await.expect(200);
            if now["stage"] == "importing" {
                progress.lock().await.push((now["total"].as_u64().unwrap(), now["done"].as_u64().unwrap()));
            }
            s.t.number(PASSES).await == 2
        })
        .await;
        let heard = s.proxy.take_heard();
        let first: &[_] = &[("INBOX", 50), ("Sent", 50), ("INBOX", 70), ("Sent", 20), ("INBOX", 0)];
        are(&heard, &[first]);
        let first: Vec<&String> = heard.iter().filter(|line| line.contains("BODY.PEEK[])")).take(2).collect();
        assert!(first[0].contains("UID FETCH 71:120 ") && first[1].contains("UID FETCH 21:70 "), "{first:?}");
        let shown = progress.into_inner();
        assert!(shown.contains(&(120, 50)), "{shown:?}");
        for pair in shown.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            assert!(pair[0].1 <= pair[1].1, "backwards: {shown:?}");
        }
        s.pass().await;
        are(&s.proxy.take_heard(), &[]);

        // A folder that is chosen later: mail comes in before the rest of it.
        filled(&s.host, "Projects", 120);
        s.pass().await;
        s.proxy.take_heard();
        let folders = json!([{ "id": s.folder("Projects").await, "selected": true }]);
        s.api.patch(&format!("/accounts/{}/folders", s.id), &json!({ "folders": folders })).await.expect(200);
        s.equal(&["INBOX", "Sent", "Projects"]).await;
        s.pass().await;
        let told = passes(&s.proxy.take_heard());
        let chosen = [("Projects", 50), ("INBOX", 0), ("Projects", 70), ("INBOX", 0)];
        let chosen = chosen.map(|(folder, bodies)| (folder.to_owned(), bodies)).to_vec();
        let (with, without): (Vec<Looks>, Vec<Looks>) =
            told.into_iter().partition(|pass| pass.iter().any(|(folder, _)| folder == "Projects"));
        assert_eq!(with, [chosen], "opened in one pass, and not again");
        assert!(without.iter().all(|pass| *pass == [("INBOX".to_owned(), 0)]), "{without:?}");
        s.t.stop().await;
    }

    async fn folders_that_are_renamed_while_they_wait_for_their_import_stay_chosen(engine) {
        let mut plan = Offers::All.plan();
        plan.faults.push(Fault::DelayAtLine(FromClient, contains("BODY.PEEK[])"), Duration::from_millis(500)));
        let mut s = Scene::behind(engine, "rename-wait", plan, |host| {
            filled(host, "INBOX", 1);
            filled(host, "Idle", 160);
            filled(host, "Projects", 170);
        })
        .await;
        s.equal(&FOLDERS).await;
        let chosen = [s.folder("Idle").await, s.folder("Projects").await];
        let folders = chosen.map(|id| json!({ "id": id, "selected": true }));
        s.api.patch(&format!("/accounts/{}/folders", s.id), &json!({ "folders": folders })).await.expect(200);
        let cell = Mutex::new(&mut s);
        eventually("the newest of both are here", async || cell.lock().await.here().await.len() == 101).await;
        for folder in ["Idle", "Projects"] {
            s.host.rename(folder, &format!("{folder} again"));
        }
        s.equal(&["INBOX", "Sent", "Idle again", "Projects again"]).await;
        s.t.stop().await;
    }

    async fn small_folders_are_opened_once(engine) {
        let mut s = Scene::start(engine, ("small-folders", Offers::Condstore), |host| {
            filled(host, "INBOX", 50);
            filled(host, "Sent", 50);
        })
        .await;
        eventually("the first passes are over", async || s.t.number(PASSES).await == 2).await;
        // The inbox comes first while nothing of it is here, and is open at the end.
        are(&s.proxy.take_heard(), &[&[("INBOX", 50), ("Sent", 50), ("INBOX", 0)], &[("Sent", 0), ("INBOX", 0)]]);
        s.host.put("Sent", &mail("Sent 51", "sent-51@else.test"));
        s.pass().await;
        let (with, without): (Vec<Looks>, Vec<Looks>) =
            passes(&s.proxy.take_heard()).into_iter().partition(|pass| pass.contains(&("Sent".to_owned(), 1)));
        let looks = |bodies| vec![("Sent".to_owned(), bodies), ("INBOX".to_owned(), 0)];
        assert_eq!(with, [looks(1)], "fetched once");
        assert!(without.iter().all(|pass| *pass == looks(0)), "{without:?}");
        s.t.stop().await;
    }
    async fn pages_of_a_scanner_are_each_fetched(engine) {
        let mut s = Scene::start(engine, ("scanner", Offers::Condstore), |host| filled(host, "INBOX", 1)).await;
        eventually("the first passes are over", async || s.t.number(PASSES).await == 2).await;
        for page in 1..=3 {
            let scan = format!("From: scanner@x.test\r\nSubject: scan\r\n\r\npage {page}\r\n");
            s.host.put("INBOX", scan.as_bytes());
            s.pass().await;
        }
        s.equal(&["INBOX", "Sent"]).await;
        for page in 1..=3 {
            let found = s.api.get(&format!("/messages/search?q=%22page+{page}%22")).await.expect(200);
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "page {page}: {found}");
        }
        s.t.stop().await;
    }
}
