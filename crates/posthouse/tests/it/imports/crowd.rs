//! Many rows at once: how many sign in at the same time, and what a row costs that finds nobody.

use super::{HEADER, person, row, rows, start, upload, uploaded, worked, workspace};
use crate::on_both;
use crate::support::TestApp;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Direction, Fault, FaultProxy, Life, MailWorld, Mailbox, Plan};

/// How many of these connections were open at the same time, at most.
fn at_once(lives: &[Life]) -> usize {
    let open = |life: &Life, at: Instant| life.opened_at <= at && life.ended_at.is_none_or(|end| end > at);
    lives.iter().map(|one| lives.iter().filter(|l| open(l, one.opened_at)).count()).max().unwrap_or_default()
}

/// A port that takes connections and says nothing, and how many it took.
async fn silent() -> (u16, Arc<AtomicUsize>) {
    let port = testkit::free_port().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let count = visits.clone();
    tokio::spawn(async move {
        let mut held = vec![];
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    (port, visits)
}

async fn slow(port: u16) -> FaultProxy {
    // Long enough that a third one would come in between.
    FaultProxy::start(port, Plan::of(Fault::DelayPieces(Direction::FromServer, Duration::from_millis(40))))
        .await
        .unwrap()
}

on_both! {
    async fn two_sign_in_at_a_time_at_one_host_in_all_runs_together(engine) {
        let world = MailWorld::shared();
        let (imap, smtp) = (slow(world.imaps_port()).await, slow(world.submission_port()).await);
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.egress.extra_ports.extend([imap.port(), smtp.port()]);
        }).await;
        let mut owner = t.owner().await;
        let scope = workspace(&mut owner).await;
        let mut member = person(&t, scope, "ben@acme.test").await;
        let lines = |of: &str| -> Vec<String> {
            let add = |n| world.add_user(&format!("crowd-{of}-{n}-{engine:?}").to_lowercase()).unwrap();
            (0..7).map(|n| { let m: Mailbox = add(n); row(&m, &m.password, (imap.port(), smtp.port())) }).collect()
        };
        let (one, two) = (uploaded(&mut owner, &lines("one")).await, uploaded(&mut member, &lines("two")).await);
        start(&mut owner, &one, "test", "all").await;
        start(&mut member, &two, "test", "all").await;
        for (api, id) in [(&mut owner, &one), (&mut member, &two)] {
            let run = worked(api, id).await;
            assert_eq!(run["counts"]["passed"], 7, "{:?}", rows(api, id).await);
        }
        // Each side by itself: the proxy may note the end of a row's first connection only when its second is open.
        let (receiving, sending) = (imap.lives(), smtp.lives());
        assert_eq!((receiving.len(), sending.len()), (14, 14));
        assert_eq!(at_once(&receiving), 2, "a third row, or one at a time");
        assert!(at_once(&sending) <= 2);
        t.stop().await;
    }

    async fn nobody_is_looked_for_in_vain_for_every_row(engine) {
        let (silent, visits) = silent().await;
        let t = TestApp::with(engine, |c| {
            c.egress.extra_ports.push(silent);
            c.timeouts.connect_ms = 500;
        }).await;
        let mut api = t.owner().await;
        let lines: Vec<String> = (0..40).map(|n| match n % 2 {
            0 => format!("a{n}@x.test,A,pw,no-such-host.invalid,993,no-such-host.invalid,587"),
            _ => format!("a{n}@x.test,A,pw,localhost,{silent},none,"),
        }).collect();
        let file = format!("{HEADER},provider\n{}\n", lines.iter().map(|l| format!("{l},imap")).collect::<Vec<_>>().join("\n"));
        let id = upload(&mut api, file.as_bytes()).await.expect(201)["id"].as_str().unwrap().to_owned();
        start(&mut api, &id, "test", "all").await;
        let run = worked(&mut api, &id).await;
        assert_eq!(run["counts"]["failed"], 40, "{:?}", rows(&mut api, &id).await);
        let visits = visits.load(Ordering::SeqCst);
        assert!(visits <= 4, "{visits} visits where nobody speaks: {:?}", rows(&mut api, &id).await);
        let told = rows(&mut api, &id).await;
        let same = |reason: &str| told.iter().filter(|r| r["problems"][0]["reason"] == reason).count();
        assert_eq!((same("name_not_found"), same("timed_out")), (20, 20));
        t.stop().await;
    }

    async fn a_stopped_run_keeps_its_results_and_goes_on_later(engine) {
        let world = MailWorld::shared();
        let imap = slow(world.imaps_port()).await;
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.egress.extra_ports.push(imap.port());
        }).await;
        let mut api = t.owner().await;
        let add = |n| world.add_user(&format!("stopped-{n}-{engine:?}").to_lowercase()).unwrap();
        let lines: Vec<String> = (0..12).map(add).map(|m| row(&m, &m.password, (imap.port(), world.submission_port()))).collect();
        let id = uploaded(&mut api, &lines).await;
        start(&mut api, &id, "connect", "all").await;
        loop {
            let run = api.get(&format!("/accounts/imports/{id}")).await.expect(200);
            if run["counts"]["connected"].as_i64() > Some(0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let stopped = api.post(&format!("/accounts/imports/{id}/stop"), &json!({})).await.expect(200);
        assert_eq!((&stopped["state"], &stopped["progress"]), (&json!("ready"), &json!(null)));
        assert!(stopped["counts"]["waiting"].as_i64() > Some(0), "{stopped}");
        start(&mut api, &id, "connect", "all").await;
        let run = worked(&mut api, &id).await;
        assert_eq!((&run["ended"], &run["counts"]["connected"]), (&json!("finished"), &json!(12)), "{:?}", rows(&mut api, &id).await);
        assert_eq!(t.number("SELECT COUNT(*) FROM account").await, 12);
        t.stop().await;
    }
}
