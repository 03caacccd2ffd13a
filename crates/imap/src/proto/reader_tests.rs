//! The reader on any bytes, in any chunking.

use proptest::prelude::*;

use super::*;
use crate::proto::reply::Untagged;

const SMALL: ReadLimits =
    ReadLimits { max_reply: 300, stream_over: 8, max_literal: 5_000, max_depth: 3, max_values: 60 };

/// What came out, with the chunks of a literal joined: the same however the bytes came in.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Event(Event),
    Chunks(Vec<u8>),
    Error(ReadError),
}

fn read(chunks: &[&[u8]], limits: ReadLimits) -> Vec<Seen> {
    let mut reader = Reader::new(limits);
    let mut seen = Vec::new();
    for chunk in chunks {
        reader.feed(chunk);
        loop {
            match (reader.next(), seen.last_mut()) {
                (Ok(None), _) => break,
                (Ok(Some(Event::LiteralChunk(chunk))), Some(Seen::Chunks(all))) => all.extend_from_slice(&chunk),
                (Ok(Some(Event::LiteralChunk(chunk))), _) => seen.push(Seen::Chunks(chunk.to_vec())),
                (Ok(Some(event)), _) => seen.push(Seen::Event(event)),
                (Err(error), _) => {
                    seen.push(Seen::Error(error));
                    return seen;
                }
            }
        }
        let kept = limits.max_reply + limits.stream_over;
        assert!(reader.buffer.len() <= kept, "{} bytes are kept", reader.buffer.len());
    }
    seen
}

fn one(text: &str) -> Reply {
    match read(&[text.as_bytes()], ReadLimits::default()).pop() {
        Some(Seen::Event(Event::Reply(reply))) => reply,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn status(tag: Option<&'static str>, kind: StatusKind, text: &'static str) -> Reply {
    let tag = tag.map(|tag| Bytes::from_static(tag.as_bytes()));
    Reply::Status { tag, kind, code: None, text: Bytes::from_static(text.as_bytes()) }
}

#[test]
fn kinds_of_lines() {
    let table = [
        ("* OK hi\r\n", status(None, StatusKind::Ok, "hi")),
        ("*  ok   Grüße {5}\r\n", status(None, StatusKind::Ok, "Grüße {5}")),
        ("* BYE\r\n", status(None, StatusKind::Bye, "")),
        ("* PREAUTH\n", status(None, StatusKind::PreAuth, "")),
        ("a7 NO why {3}\r\n", status(Some("a7"), StatusKind::No, "why {3}")),
        ("+ idling\r\n", Reply::Continue(Bytes::from_static(b"idling"))),
        ("+\r\n", Reply::Continue(Bytes::new())),
        ("+eyJ9\r\n", Reply::Continue(Bytes::from_static(b"eyJ9"))),
        ("\r\n", Reply::Odd(Bytes::new())),
        ("220 mail.test ESMTP\r\n", Reply::Odd(Bytes::from_static(b"220 mail.test ESMTP"))),
        ("HTTP/1.1 400 Bad Request\r\n", Reply::Odd(Bytes::from_static(b"HTTP/1.1 400 Bad Request"))),
        ("* 3 EXISTS\r\n", Reply::Data(vec![atom("3"), atom("EXISTS")])),
        ("*\r\n", Reply::Data(vec![])),
    ];
    for (line, reply) in table {
        assert_eq!(one(line), reply, "{line:?}");
    }
}

fn atom(text: &'static str) -> Value {
    Value::Atom(Bytes::from_static(text.as_bytes()))
}

fn literal(text: &'static str) -> Value {
    Value::Literal(Bytes::from_static(text.as_bytes()))
}

#[test]
fn literals_stand_where_they_belong() {
    let data = |values| Reply::Data(values);
    let list = |values| Value::List(values);
    assert_eq!(
        one("* 1 FETCH (ENVELOPE ({3}\r\na\"b {0}\r\n NIL) UID 4)\r\n"),
        data(vec![
            atom("1"),
            atom("FETCH"),
            list(vec![atom("ENVELOPE"), list(vec![literal("a\"b"), literal(""), Value::Nil]), atom("UID"), atom("4"),]),
        ])
    );
    // LITERAL+ and literal8 forms, no blank before the head, a string that the server never closed.
    assert_eq!(one("* X ~{2+}\r\nab\r\n"), data(vec![atom("X"), literal("ab")]));
    assert_eq!(one("* X BODY[]{2}\r\nab\r\n"), data(vec![atom("X"), atom("BODY[]"), literal("ab")]));
    assert_eq!(
        one("* X \"open {2}\r\nab c\r\n"),
        data(vec![atom("X"), Value::Quoted(Bytes::from_static(b"open ")), literal("ab"), atom("c")])
    );
    // Not heads.
    assert_eq!(one("* X {a} {}\r\n"), data(vec![atom("X"), atom("{a}"), atom("{}")]));
}

#[test]
fn a_large_literal_passes_in_chunks_and_names_its_place() {
    let seen = read(&[b"* 9 FETCH (UID 5 BODY[] {10}\r\n01234", b"56789 FLAGS ())\r\n"], SMALL);
    let item = vec![atom("UID"), atom("5"), atom("BODY[]")];
    let mut items = item.clone();
    items.extend([Value::Streamed(10), atom("FLAGS"), Value::List(vec![])]);
    assert_eq!(
        seen,
        [
            Seen::Event(Event::LiteralStart { size: 10, item: Some((vec![atom("9"), atom("FETCH")], item)) }),
            Seen::Chunks(b"0123456789".to_vec()),
            Seen::Event(Event::LiteralEnd),
            Seen::Event(Event::Reply(Reply::Data(vec![atom("9"), atom("FETCH"), Value::List(items)]))),
        ]
    );
}

#[test]
fn limits_are_errors() {
    let error = |text: &str| read(&[text.as_bytes()], SMALL).pop();
    let too_large = |what| Some(Seen::Error(ReadError::TooLarge(what)));
    assert_eq!(error(&"x".repeat(301)), too_large("a reply that is too long"));
    assert_eq!(error(&format!("* {}\r\n", "1 ".repeat(61))), too_large("a reply with too many values"));
    assert_eq!(error("* X {5001}\r\n"), too_large("a literal that is too large"));
    assert_eq!(error("* X {99999999999999999999999}\r\n"), too_large("a literal that is too large"));
    let many_literals = format!("* X{}\r\n", " {8}\r\n12345678".repeat(40));
    assert_eq!(error(&many_literals), too_large("a reply that is too long"));
}

#[test]
fn a_literal_that_is_longer_than_announced_is_no_message() {
    let last = |text: &str| read(&[text.as_bytes()], ReadLimits::default()).pop();
    assert_eq!(last("* 1 FETCH (BODY[] {4}\r\nFrom: ana\r\n\r\nHi)\r\n"), Some(Seen::Error(ReadError::Overlong)));
    // One that is whole, and a list without a literal that nobody closed.
    assert!(matches!(last("* 1 FETCH (BODY[] {4}\r\nFrom UID 1)\r\n"), Some(Seen::Event(Event::Reply(_)))));
    assert!(matches!(last("* 1 FETCH (UID 1\r\n"), Some(Seen::Event(Event::Reply(_)))));
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "* ",
        "A1 ",
        "+ ",
        "OK ",
        "NO ",
        "BYE ",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "\\",
        " ",
        "\r\n",
        "\n",
        "\r",
        "{3}\r\n",
        "{9}\r\n",
        "{0}\r\n",
        "~{4+}\r\n",
        "{70}\r\n",
        "{",
        "}",
        "NIL ",
        "FETCH ",
        "12 ",
        "UID 5 ",
        "BODY[]",
        "BODY[",
        "FLAGS ",
        "LIST ",
        "STATUS ",
        "ESEARCH ",
        "SEARCH ",
        "VANISHED ",
        "CAPABILITY ",
        "ID ",
        "1:*,4 ",
        "[COPYUID ",
        "<0>",
        "é",
    ]);
    let piece = prop_oneof![
        12 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn any_bytes_in_any_pieces_give_the_same(input in pieces(), cuts in prop::collection::vec(1_usize..20, 1..200)) {
        let whole = read(&[&input], ReadLimits { max_reply: 4_000, ..SMALL });
        let mut rest = input.as_slice();
        let mut chunks = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        let seen = read(&chunks, ReadLimits { max_reply: 4_000, ..SMALL });
        prop_assert_eq!(&seen, &whole);
        for seen in seen {
            if let Seen::Event(Event::Reply(Reply::Data(values))) = seen {
                Untagged::parse(values);
            }
        }
    }
}
