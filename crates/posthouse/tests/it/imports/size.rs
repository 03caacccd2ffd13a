//! A long file with mixed faults, in the real program: how long it takes, and how much memory.

use super::{HEADER, good, row};
use crate::support::program::Program;
use crate::support::{Engine, TestApp};
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::imports::{self, Mode, RowState, RunState, Start, Which};
use posthouse::team;
use std::time::{Duration, Instant};
use testkit::MailWorld;

/// What one program may need more for a run than without: the rows of a run are a few megabytes.
const MEMORY: u64 = 64 * 1024 * 1024;

/// Connects a file of so many rows, a third of them with one fault each.
async fn long_file(rows: usize) {
    let world = MailWorld::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| {
        crate::support::allow(c, &world);
        c.egress.extra_ports.push(1);
        c.data_dir = folder.path().join("data");
    })
    .await;
    t.owner().await;
    let config = t.app().config.clone();
    t.stop().await;
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let password = Secret::new("correct horse battery".into());
    let owner = team::sign_in(&app, "ana@acme.test", password).await.ok().unwrap().actor;
    let ports = (world.imaps_port(), world.submission_port());
    let line = |n: usize| {
        let mailbox = world.add_user(&format!("long-{n}")).unwrap();
        match n % 15 {
            1 => row(&mailbox, "wrong", ports),
            4 => good(&world, &mailbox).replace("localhost", "no-such-host.invalid"),
            7 => row(&mailbox, &mailbox.password, (1, ports.1)),
            10 => good(&world, &mailbox).replace(&format!(",{},", ports.0), ",70000,"),
            13 => format!("{},,{},,,,", mailbox.address, mailbox.password),
            _ => good(&world, &mailbox),
        }
    };
    let lines: Vec<String> = (0..rows).map(line).collect();
    let file = format!("{HEADER}\n{}\n", lines.join("\n"));
    let uploading = Instant::now();
    let id = imports::upload(&app, &owner, "people.csv", file.as_bytes()).await.unwrap();
    let uploaded = uploading.elapsed();

    let program = Program::start(&config, folder.path(), None);
    let beats = db::Sql::both("SELECT COUNT(*) FROM lease WHERE name LIKE 'node:%'");
    crate::support::eventually("the program has started", async || {
        let (nodes,): (i64,) = db::one(&mut app.db.read().await.unwrap(), beats, vec![]).await.unwrap();
        nodes == 1
    })
    .await;
    let mut took = vec![];
    for (mode, which) in [(Mode::Test, Which::All), (Mode::Connect, Which::Passed)] {
        let (before, began) = (program.memory("VmRSS"), Instant::now());
        imports::start(&app, &owner, id, Start { mode, which, confirm_hosts: vec![] }).await.unwrap();
        let deadline = began + Duration::from_secs(60 + 2 * rows as u64);
        loop {
            let state = imports::overview(&app, &owner, id).await.unwrap().run.state;
            if matches!(state, RunState::Ready | RunState::Ended) {
                break;
            }
            assert!(Instant::now() < deadline, "{mode}: still at work");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let peak = program.memory("VmHWM");
        took.push((mode, began.elapsed(), before, peak));
    }
    let counts = imports::overview(&app, &owner, id).await.unwrap().counts;
    let of = |residues: &[usize]| (0..rows).filter(|n| residues.contains(&(n % 15))).count() as i64;
    let count = |state| counts.get(&state).copied().unwrap_or_default();
    assert_eq!((count(RowState::Failed), count(RowState::Invalid)), (of(&[1, 4, 7, 13]), of(&[10])), "{counts:?}");
    assert_eq!(count(RowState::Connected), rows as i64 - of(&[1, 4, 7, 10, 13]), "{counts:?}");
    println!("{rows} rows: checked and sealed in {uploaded:.1?}");
    for (mode, took, before, peak) in &took {
        let mib = |bytes: &u64| bytes / 1024 / 1024;
        println!("  {mode}: {took:.1?}, memory {} MiB before, {} MiB at most", mib(before), mib(peak));
    }
    let (_, _, before, peak) = took[0];
    assert!(peak - before < MEMORY, "a test of {rows} rows needs {} more bytes", peak - before);
    app.db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_rows_with_mixed_faults_each_get_their_result() {
    long_file(60).await;
}

/// By `make imports`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn as_many_rows_as_are_asked_for() {
    long_file(std::env::var("ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(500)).await;
}
