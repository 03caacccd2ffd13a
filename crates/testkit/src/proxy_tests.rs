//! The proxy in front of a small server.

use super::*;
use std::sync::atomic::AtomicBool;
use tokio::time::timeout;

fn filter(faults: Vec<Fault>) -> Filter {
    Filter::new(&Plan { faults }, Direction::FromServer, Arc::default())
}

/// Both directions of one connection.
fn both(fault: Fault) -> (Filter, Filter) {
    let (plan, talk) = (Plan::of(fault), Arc::new(Mutex::new(Talk::default())));
    (Filter::new(&plan, Direction::FromClient, Arc::clone(&talk)), Filter::new(&plan, Direction::FromServer, talk))
}

#[test]
fn a_cut_lets_exactly_n_bytes_pass() {
    let mut filter = filter(vec![Fault::CutAfter(Direction::FromServer, 5)]);
    let mut out = Vec::new();
    assert_eq!(filter.pass(b"abc", &mut out), Next::Go);
    assert_eq!(filter.pass(b"defg", &mut out), Next::Close);
    assert_eq!(out, b"abcde");
}

#[test]
fn a_line_in_two_pieces_is_replaced() {
    let fault = Fault::ReplaceLine(Direction::FromServer, starts("250 "), "451 later\r\n".to_owned());
    let mut filter = filter(vec![fault]);
    let mut out = Vec::new();
    filter.pass(b"220 hi\r\n25", &mut out);
    filter.pass(b"0 ok\r\n", &mut out);
    assert_eq!(out, b"220 hi\r\n451 later\r\n");
}

#[test]
fn the_other_direction_is_not_touched() {
    let mut filter = filter(vec![Fault::CutAfter(Direction::FromClient, 0)]);
    let mut out = Vec::new();
    assert_eq!(filter.pass(b"abc", &mut out), Next::Go);
    assert_eq!(out, b"abc");
}

#[test]
fn an_answer_is_made_with_the_tag_of_the_command() {
    let refuse = Fault::ReplaceLine(Direction::FromServer, starts("+ "), "{tag} NO\r\n".to_owned());
    let (mut up, mut down) = both(refuse);
    let mut out = Vec::new();
    up.pass(b"A7 IDLE\r\n", &mut out);
    assert_eq!(std::mem::take(&mut out), b"A7 IDLE\r\n");
    down.pass(b"+ idling\r\n", &mut out);
    assert_eq!((out.as_slice(), down.struck), (b"A7 NO\r\n".as_slice(), 1));
}

#[test]
fn a_part_of_a_line_is_replaced() {
    let texts = ["Sent".to_owned(), "Else".to_owned()];
    let mut filter = filter(vec![Fault::ReplaceText(Direction::FromServer, contains("APPEND"), texts)]);
    let mut out = Vec::new();
    filter.pass(b"A1 APPEND Sent {3+}\r\nSent\r\n", &mut out);
    assert_eq!(out, b"A1 APPEND Else {3+}\r\nSent\r\n");
}

#[test]
fn pauses_stand_before_their_line() {
    let pause = Duration::from_millis(5);
    let mut filter = filter(vec![Fault::DelayAtLine(Direction::FromServer, starts("b"), pause)]);
    let mut out = Vec::new();
    assert_eq!(filter.pass(b"a\r\nb\r\nc\r\n", &mut out), Next::Go);
    assert_eq!((filter.pauses.as_slice(), out.as_slice()), ([(3, pause)].as_slice(), b"a\r\nb\r\nc\r\n".as_slice()));
}

#[test]
fn what_is_encrypted_has_no_lines() {
    let (mut up, mut down) = both(Fault::CloseAtLine(Direction::FromClient, starts("MAIL")));
    let mut out = Vec::new();
    up.pass(b"STARTTLS\r\n", &mut out);
    down.pass(b"220 Go\r\n", &mut out);
    out.clear();
    assert_eq!(up.pass(b"\x16\x03MAIL", &mut out), Next::Go);
    assert_eq!(out, b"\x16\x03MAIL", "nothing waits for the end of a line");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "loopback, in tests")]
async fn connections_are_refused_and_accepted_again() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = FaultProxy::start(server.local_addr().unwrap().port(), Plan::default()).await.unwrap();
    let connects = async || TcpStream::connect(("127.0.0.1", proxy.port())).await.is_ok();
    assert!(connects().await);
    // A process that is being started holds the listener a moment longer than the proxy does.
    let done = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&done);
    let starts = std::thread::spawn(move || {
        while !ended.load(Ordering::SeqCst) {
            std::process::Command::new("true").status().unwrap();
        }
    });
    let turned = timeout(Duration::from_secs(30), async {
        for _ in 0..100 {
            proxy.refuse(true);
            while connects().await {}
            proxy.refuse(false);
            while !connects().await {}
        }
    });
    let turned = turned.await;
    done.store(true, Ordering::SeqCst);
    starts.join().unwrap();
    turned.unwrap();
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "loopback, in tests")]
async fn a_connection_is_closed_at_the_named_line() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = server.local_addr().unwrap().port();
    let fault = Fault::CloseAtLine(Direction::FromClient, LineMatch::Contains(" STOP".to_owned()));
    let proxy = FaultProxy::start(port, Plan::of(fault)).await.unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    let (mut accepted, _) = server.accept().await.unwrap();
    client.write_all(b"a1 GO\r\na2 STOP\r\n").await.unwrap();
    let mut seen = Vec::new();
    accepted.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"a1 GO\r\n");
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(proxy.connections(), 1);
}
