//! Odd replies that were seen in the wild or come from newer RFCs: each must be understood or kept, never lost.

use super::*;
use crate::proto::fetch::Content;
use crate::proto::mailbox::SpecialUse;
use crate::proto::reader::{Event, ReadLimits, Reader, Reply};

fn parse(text: &str) -> Untagged {
    let mut reader = Reader::new(ReadLimits::default());
    reader.feed(text.as_bytes());
    match reader.next() {
        Ok(Some(Event::Reply(Reply::Data(values)))) => Untagged::parse(values),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn fetch(text: &str) -> Fetched {
    match parse(text) {
        Untagged::Fetch(fetched) => *fetched,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn list(text: &str) -> Listed {
    match parse(text) {
        Untagged::List(listed) => listed,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn fetch_items_known_and_unknown() {
    let got = fetch("* 12 FETCH (UID 7 FLAGS (\\Seen $X [x]) RFC822.SIZE 44 MODSEQ (624140003) )\r\n");
    assert_eq!((got.sequence, got.uid, got.size, got.modseq), (12, Some(7), Some(44), Some(624_140_003)));
    assert_eq!(got.flags, Some(strings(&["\\Seen", "$X", "[x]"])));
    assert!(got.has_flag("\\seen") && !got.has_flag("\\Deleted"));

    let got = fetch(
        "* 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-LABELS (\\Inbox \"a b\") UID 1 EMAILID (M6d99) PREVIEW NIL)\r\n",
    );
    assert_eq!(got.uid, Some(1));
    assert_eq!(got.other("X-GM-THRID").and_then(Value::number::<u64>), Some(1_278_455_344_230_334_865));
    assert_eq!(got.other("X-GM-LABELS").and_then(Value::list).map(status::words), Some(strings(&["\\Inbox", "a b"])));
    assert_eq!(got.other("EMAILID").and_then(Value::list).map(status::words), Some(strings(&["M6d99"])));
    assert_eq!(got.other("PREVIEW"), Some(&Value::Nil));

    let got = fetch("* 2 fetch (flags () uid 3 rfc822.size -1 INTERNALDATE \"rubbish\" FUTURE (a (b)) )\r\n");
    assert_eq!((got.uid, got.size, got.internal_date), (Some(3), None, None));
    assert_eq!(got.other("INTERNALDATE").and_then(Value::text).as_deref(), Some("rubbish"));
    assert!(got.other("RFC822.SIZE").is_some() && got.other("FUTURE").is_some());

    let got = fetch("* 3 FETCH (INTERNALDATE \" 1-Jan-1970 00:00:10 +0000\" UID NIL)\r\n");
    assert_eq!((got.uid, got.internal_date), (None, Some(10)));
}

#[test]
fn bodies_in_every_form() {
    let got = fetch(
        "* 5 FETCH (UID 9 BODY[HEADER.FIELDS (\"MESSAGE-ID\" DATE)] {6}\r\nA: b\r\n BODY[TEXT]<0> \"t\" BODY[2] NIL \
         RFC822.HEADER \"h\" BINARY.SIZE[1] 5)\r\n",
    );
    assert_eq!(got.body("header.fields (MESSAGE-ID DATE)"), Some(&Content::Whole(Bytes::from_static(b"A: b\r\n"))));
    assert_eq!(got.body("TEXT"), Some(&Content::Whole(Bytes::from_static(b"t"))));
    assert_eq!(got.body("2"), Some(&Content::Absent));
    assert_eq!(got.body("HEADER"), Some(&Content::Whole(Bytes::from_static(b"h"))));
    assert_eq!(got.other("BINARY.SIZE[1]").and_then(Value::number::<u32>), Some(5));
    let got = fetch("* 5 FETCH (BODY[] \"\" BODY (\"TEXT\" \"PLAIN\"))\r\n");
    assert_eq!(got.body(""), Some(&Content::Whole(Bytes::new())));
    assert!(got.other("BODY").is_some());
}

#[test]
fn an_envelope_with_literals_and_nils_is_kept() {
    let got = fetch("* 1 FETCH (ENVELOPE (NIL {4}\r\nHi\"! (({5}\r\nA \"B\" NIL \"a\" \"b.test\")) NIL) UID 2)\r\n");
    assert_eq!(got.uid, Some(2));
    let envelope = got.other("ENVELOPE").and_then(Value::list).unwrap();
    assert_eq!(envelope[1].text().as_deref(), Some("Hi\"!"));
    assert_eq!(envelope[2].list().unwrap()[0].list().unwrap()[0].text().as_deref(), Some("A \"B\""));
}

#[test]
fn a_message_inside_messages_cannot_break_the_reply() {
    let deep = format!("* 1 FETCH (BODYSTRUCTURE {}{} UID 8)\r\n", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(fetch(&deep).uid, Some(8));
}

#[test]
fn mailboxes() {
    let got = list("* LIST (\\HasNoChildren \\sent) \"/\" \"Entw&APw-rfe\"\r\n");
    assert_eq!((got.name.as_str(), got.raw_name.as_raw()), ("Entwürfe", "Entw&APw-rfe"));
    assert_eq!((got.delimiter, got.special_use, got.selectable()), (Some('/'), Some(SpecialUse::Sent), true));
    let got = list("* LIST (\\Noselect) \"\\\\\" {3}\r\na\"b (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
    assert_eq!((got.name.as_str(), got.delimiter, got.selectable()), ("a\"b", Some('\\'), false));
    let got = list("* LIST () NIL INBOX\r\n");
    assert_eq!((got.delimiter, got.raw_name.is_inbox()), (None, true));
    assert_eq!(list("* XLIST (\\AllMail) \"/\" \"[Gmail]/All Mail\"\r\n").special_use, Some(SpecialUse::All));
    assert_eq!(list("* LIST () \"/\" NIL\r\n").name, "NIL");
    assert!(matches!(parse("* LIST ()\r\n"), Untagged::Other(_)));
    let Untagged::Status { mailbox, status } = parse("* STATUS \"a b\" (MESSAGES 3 SIZE 9 UIDNEXT x UNSEEN 1 )\r\n")
    else {
        panic!("not understood");
    };
    assert_eq!((mailbox.as_str(), status.messages, status.uid_next, status.unseen), ("a b", Some(3), None, Some(1)));
}

#[test]
fn searches() {
    assert_eq!(parse("* SEARCH\r\n"), Untagged::Search(vec![]));
    assert_eq!(parse("* SEARCH 2  5 x 7 (MODSEQ 917162500)\r\n"), Untagged::Search(vec![2, 5, 7]));
    let set = |text: &str| UidSet::parse(text.as_bytes());
    assert_eq!(
        parse("* ESEARCH (TAG \"A1\") UID COUNT 2 ALL 1:3,7\r\n"),
        Untagged::SearchSet { tag: Some("A1".to_owned()), all: set("1:3,7") }
    );
    assert_eq!(parse("* ESEARCH\r\n"), Untagged::SearchSet { tag: None, all: None });
    assert_eq!(parse("* VANISHED (EARLIER) 1:3\r\n"), Untagged::Vanished { earlier: true, uids: set("1:3").unwrap() });
}

#[test]
fn other_replies() {
    let wide = strings(&["IMAP4rev1", "IDLE", "AUTH=PLAIN"]);
    assert_eq!(parse("* CAPABILITY IMAP4rev1  IDLE AUTH=PLAIN \r\n"), Untagged::Capability(wide));
    let long = format!("* CAPABILITY {}\r\n", "X-SOMETHING ".repeat(200));
    assert!(matches!(parse(&long), Untagged::Capability(names) if names.len() == 200));
    let code = Code::CopyUid { uid_validity: 1, from: 2.into(), to: UidSet::range(3, 4) };
    assert_eq!(parse("* [COPYUID 1 2 3:4]\r\n"), Untagged::Code(code));
    assert_eq!(parse("* ID NIL\r\n"), Untagged::Id(vec![]));
    let fields = vec![("name".to_owned(), "Cyrus".to_owned())];
    assert_eq!(parse("* ID (\"name\" \"Cyrus\" \"os\" NIL \"odd\")\r\n"), Untagged::Id(fields));
    assert_eq!(parse("* 4 EXPUNGE\r\n"), Untagged::Expunge(4));
    assert_eq!(parse("* FLAGS (\\Seen [x])\r\n"), Untagged::Flags(strings(&["\\Seen", "[x]"])));
    for odd in ["* 99999999999 EXISTS\r\n", "* 1 FETCH NIL\r\n", "* 1\r\n", "* XYZZY ((\"\" \"/\")) NIL\r\n", "*\r\n"] {
        assert!(matches!(parse(odd), Untagged::Other(_)), "{odd}");
    }
}
