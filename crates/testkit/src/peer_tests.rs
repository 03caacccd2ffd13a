//! What is promised of the peers; needs `scripts/peers.sh`, so only `make soak` runs it.

use super::{Peer, PeerServer};

fn works(peer: Peer) {
    let server = PeerServer::start(peer).expect("it starts");
    let (user, _) = server.user().expect("a mailbox");
    let mut other = server.other(&user).expect("signed in");
    other.append("INBOX", b"Message-ID: <a@b>\r\n\r\nx\r\n").expect("stored");
    let list: String = other.command("LIST \"\" \"*\"").expect("listed").into_iter().map(|l| l.text + "\n").collect();
    assert!(list.contains("INBOX.Sent"), "{list}");
    println!("{peer:?}\n{list}{}", other.capabilities().expect("told"));
    server.stop().expect("it stops");
    server.start_again().expect("it starts again");
    let stored = server.other(&user).expect("signed in").stored("INBOX").expect("read");
    assert_eq!(stored.len(), 1);
    assert_eq!(server.other(&user).expect("signed in").find("INBOX", "a@b").expect("found"), [stored[0].uid]);
    assert!(!std::path::Path::new("/etc/courier").exists(), "nothing is left on the machine");
}

#[test]
#[ignore = "by make soak"]
fn cyrus_keeps_mail_over_a_restart() {
    works(Peer::Cyrus);
}

#[test]
#[ignore = "by make soak"]
fn courier_keeps_mail_over_a_restart() {
    works(Peer::Courier);
}
