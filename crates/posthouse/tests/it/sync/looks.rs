//! How often folders are opened, and in which order what is new is fetched: counted on the wire.

use super::host::Host;
use super::{Offers, Scene};
use crate::on_both;
use crate::support::{eventually, mail};
use tokio::sync::Mutex;

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];

fn filled(host: &Host, folder: &str, messages: usize) {
    for n in 1..=messages {
        host.put(folder, &mail(&format!("{folder} {n}"), &format!("{folder}-{n}@else.test")));
    }
}

/// How many of these lines open the inbox.
fn looks(heard: &[String]) -> usize {
    heard.iter().filter(|line| line.contains("EXAMINE INBOX") || line.contains("SELECT INBOX")).count()
}

impl Scene {
    /// Asks for a pass and waits until it is over.
    async fn pass(&mut self) {
        let passes = "SELECT CAST(COALESCE(SUM(passes), 0) AS BIGINT) FROM sync_run";
        let before = self.t.number(passes).await;
        self.sync_now(false).await;
        eventually("a pass more", async || self.t.number(passes).await > before).await;
    }
}

on_both! {
    async fn a_pass_that_somebody_asks_for_looks_at_the_inbox_once(engine) {
        let mut s = Scene::start(engine, ("one-look", Offers::All), |host| filled(host, "INBOX", 3)).await;
        s.equal(&FOLDERS).await;
        for _ in 0..3 {
            s.pass().await;
        }
        s.host.deliver(&mail("Fresh", "fresh@else.test"));
        let cell = Mutex::new(&mut s);
        eventually("mail comes in", async || cell.lock().await.here().await.contains_key("Fresh")).await;
        let heard = s.proxy.take_heard();
        let passes = heard.iter().filter(|line| line.contains(" LIST ")).count();
        assert!(passes >= 3, "{heard:?}");
        // One each, and one for the new mail.
        assert!(looks(&heard) <= passes + 1, "{} looks in {passes} passes: {heard:?}", looks(&heard));
        s.t.stop().await;
    }
}
