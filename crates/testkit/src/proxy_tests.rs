//! The proxy in front of a small server.

use super::*;

fn filter(faults: Vec<Fault>) -> Filter {
    Filter::new(&Plan { faults }, Direction::FromServer)
}

fn starts(text: &str) -> LineMatch {
    LineMatch::Starts(text.to_owned())
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
