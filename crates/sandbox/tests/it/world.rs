//! The sandbox as its owner sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use sandbox::{Folder, NewMessage, NotFiled, Sandbox, SandboxConfig, SandboxError};
use tokio_util::sync::CancellationToken;

use crate::{ANNA, Client, NOW, mail, start};

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
async fn ends_with_its_token() {
    let running = start().await;
    let (mut imap, mut smtp) =
        (Client::connect(running.sandbox.imap_addr()), Client::connect(running.sandbox.smtp_addr()));
    imap.line();
    smtp.line();
    running.token.cancel();
    running.sandbox.stopped().await;
    assert!(imap.is_closed());
    assert!(smtp.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_it_cannot_keep() {
    let sandbox = start().await.sandbox;
    let file =
        |address, raw| sandbox.file(address, NewMessage { folder: Folder::Inbox, raw, seen: false, received_at: NOW });
    assert!(matches!(file("x@acme.test", mail("a")), Err(SandboxError::UnknownMailbox(_))));
    assert!(matches!(file(ANNA, b"a\0b".to_vec()), Err(SandboxError::NotFiled(NotFiled::HasNul))));
    let too_large = vec![b'a'; sandbox::MAX_MESSAGE_OCTETS + 1];
    assert!(matches!(file(ANNA, too_large), Err(SandboxError::NotFiled(NotFiled::TooLarge))));
    // 20 messages of 25 MiB fit into 512 MiB.
    let big = vec![b'a'; sandbox::MAX_MESSAGE_OCTETS];
    for uid in 1..=20 {
        assert_eq!(file(ANNA, big.clone()).expect("fits"), uid);
    }
    assert!(matches!(file(ANNA, big), Err(SandboxError::NotFiled(NotFiled::Full))));
}
