//! The sandbox as its owner sees it, and the mail that it invents.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use sandbox::{Folder, Sandbox, SandboxConfig, SandboxError, seed};
use tokio_util::sync::CancellationToken;

use crate::{ANNA, Client, NOW, eventually, mail, start};

#[tokio::test(flavor = "multi_thread")]
async fn refuses_to_listen_beyond_loopback() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let open = SocketAddr::from(([0, 0, 0, 0], 0));
    let config = SandboxConfig { imap: free, smtp: open, mailboxes: Vec::new(), clock: Arc::new(|| NOW) };
    let error = Sandbox::start(config, CancellationToken::new()).await.err().expect("refused");
    assert!(matches!(error, SandboxError::NotLoopback(address) if address == open));
    assert!(error.to_string().contains("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_ends_with_its_token() {
    let running = start().await;
    let (mut imap, mut smtp) =
        (Client::connect(running.sandbox.imap_addr()), Client::connect(running.sandbox.smtp_addr()));
    imap.line();
    smtp.line();
    let stats = running.sandbox.stats();
    assert_eq!((stats.imap_connections, stats.smtp_connections, stats.commands), (1, 1, 0));
    imap.send("t LOGOUT\r\n");
    imap.until("t OK");
    eventually(|| running.sandbox.stats().imap_connections == 0);
    assert_eq!(running.sandbox.stats().commands, 1);
    running.token.cancel();
    running.sandbox.stopped().await;
    assert!(smtp.is_closed());
    assert_eq!(running.sandbox.stats().smtp_connections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_it_cannot_keep() {
    let sandbox = start().await.sandbox;
    assert!(matches!(sandbox.deliver("x@acme.test", mail("a"), false, NOW), Err(SandboxError::UnknownMailbox(_))));
    assert!(matches!(sandbox.deliver(ANNA, b"a\0b".to_vec(), false, NOW), Err(SandboxError::MessageRefused)));
    assert!(matches!(
        sandbox.deliver(ANNA, vec![b'a'; sandbox::MAX_MESSAGE_OCTETS + 1], false, NOW),
        Err(SandboxError::MessageRefused)
    ));
    // 20 messages of 25 MiB fit into 512 MiB; moving them costs nothing, so one buffer serves for all.
    let big = vec![b'a'; sandbox::MAX_MESSAGE_OCTETS];
    for _ in 0..20 {
        sandbox.deliver(ANNA, big.clone(), false, NOW).expect("fits");
    }
    assert!(matches!(sandbox.deliver(ANNA, big, false, NOW), Err(SandboxError::MailboxFull)));
}

#[test]
fn seeded_mail_is_the_same_each_time_and_has_every_kind() {
    let messages = seed::mailbox(ANNA, "Anna Berg", 7, NOW, 60);
    let again = seed::mailbox(ANNA, "Anna Berg", 7, NOW, 60);
    assert_eq!(messages.len(), 60);
    assert!(messages.iter().zip(&again).all(|(one, other)| one.raw == other.raw && one.folder == other.folder));
    assert!(
        seed::mailbox(ANNA, "Anna Berg", 8, NOW, 60).iter().zip(&messages).any(|(one, other)| one.raw != other.raw)
    );
    assert!(messages.is_sorted_by_key(|message| message.received_at));
    assert!(messages.iter().all(|message| message.received_at <= NOW));
    for folder in [Folder::Inbox, Folder::Sent, Folder::Drafts, Folder::Junk, Folder::Archive] {
        assert!(messages.iter().any(|message| message.folder == folder), "{folder:?}");
    }
    let all: Vec<_> = messages.iter().map(|message| String::from_utf8(message.raw.clone()).expect("7 bit")).collect();
    for kind in [
        "List-Unsubscribe:",
        "report-type=delivery-status",
        "Content-Disposition: attachment",
        "<img src=\"https://",
        "In-Reply-To:",
    ] {
        assert!(all.iter().any(|raw| raw.contains(kind)), "{kind}");
    }
    assert!(all.iter().any(|raw| raw.contains("=?utf-8?B?5L2Q6Jek")), "the Japanese sender");
    let ids: HashSet<_> =
        all.iter().filter_map(|raw| raw.lines().find(|line| line.starts_with("Message-ID: "))).collect();
    assert_eq!(ids.len(), 60);
    for raw in &all {
        assert!(
            raw.is_ascii() && raw.lines().all(|line| line.len() <= 120) && !raw.replace("\r\n", "").contains('\n'),
            "{raw}"
        );
    }
}

#[test]
fn arrivals_answer_seeded_conversations() {
    let seeded = seed::mailbox(ANNA, "Anna Berg", 7, NOW, 60);
    let arrival = String::from_utf8(seed::arrival(ANNA, 2, 7, NOW)).expect("7 bit");
    let answered = arrival.lines().find_map(|line| line.strip_prefix("In-Reply-To: ")).expect("answers a mail");
    let original = seeded
        .iter()
        .map(|message| String::from_utf8_lossy(&message.raw))
        .find(|raw| raw.contains(&format!("Message-ID: {answered}\r\n")));
    let subject = |raw: &str| {
        raw.lines()
            .find_map(|line| line.strip_prefix("Subject: ").map(|text| text.trim_start_matches("Re: ").to_owned()))
    };
    assert_eq!(subject(&arrival), subject(&original.expect("seeded")));
    assert_ne!(seed::arrival(ANNA, 3, 7, NOW), seed::arrival(ANNA, 4, 7, NOW));
}
