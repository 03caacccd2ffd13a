//! Composing, and reading back what was composed.

use proptest::prelude::*;

use super::*;
use crate::address::parse_list;
use crate::parsed::{self, Parsed};

const LIMIT: usize = 10 * 1024 * 1024;

fn mailbox(text: &str) -> Mailbox {
    parse_list(text, 1).unwrap().remove(0)
}

fn letter() -> Outgoing {
    Outgoing {
        from: mailbox("Ana <ana@x.test>"),
        reply_to: None,
        to: vec![mailbox("\"Lee, Ben\" <ben@y.test>")],
        cc: vec![],
        bcc: vec![],
        subject: "Lunch".to_owned(),
        text: "At noon.\n.dot\nFrom here on\n".to_owned(),
        html: None,
        message_id: message_id([7; 16], "x.test"),
        date_micros: 1_793_611_230_000_000,
        in_reply_to: None,
        references: vec![],
        attachments: vec![],
    }
}

fn text_of(message: &Outgoing) -> String {
    String::from_utf8(compose(message, LIMIT).unwrap()).unwrap()
}

/// What every transport needs: 7-bit, CRLF only, no line over 998 octets.
fn is_transportable(bytes: &[u8]) -> Result<(), TestCaseError> {
    let text = std::str::from_utf8(bytes).unwrap();
    prop_assert!(text.is_ascii() && text.ends_with("\r\n"));
    prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
    Ok(())
}

#[test]
fn a_plain_letter() {
    insta::assert_snapshot!(text_of(&letter()).replace("\r\n", "\n"));
}

#[test]
fn a_full_letter() {
    let mut message = letter();
    message.reply_to = Some(mailbox("Büro <office@x.test>"));
    message.to.push(mailbox("שלום <s@z.test>"));
    message.cc = vec![mailbox("c@z.test")];
    message.bcc = vec![mailbox("Secret <secret@z.test>"), mailbox("BEN@Y.test")];
    message.subject = "Grüße 🎉 aus Köln".to_owned();
    message.html = Some("<p>Grüße</p>".to_owned());
    message.in_reply_to = Some("<parent@y.test>".to_owned());
    message.references = vec!["<root@y.test>".to_owned(), "<parent@y.test>".to_owned()];
    message.attachments = vec![
        OutgoingFile {
            name: "Übersicht.txt".into(),
            content_type: "text/plain".into(),
            data: b"a\nb\r\n\xff".to_vec(),
        },
        OutgoingFile { name: String::new(), content_type: "application/pdf".into(), data: vec![0; 100] },
    ];
    let text = text_of(&message);
    assert_eq!(text, text_of(&message), "the same values give the same bytes");
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
    assert!(!text.contains("secret") && !text.contains("Bcc"));
    let envelope: Vec<_> = message.envelope().iter().map(ToString::to_string).collect();
    assert_eq!(envelope, ["ben@y.test", "s@z.test", "c@z.test", "secret@z.test"]);
    let (file, data) = parsed::attachment(text.as_bytes(), 0).unwrap();
    assert_eq!((file.name.as_str(), file.content_type.as_str(), file.inline), ("Übersicht.txt", "text/plain", false));
    assert_eq!(data, b"a\nb\r\n\xff");
    assert_eq!(parsed::attachment(text.as_bytes(), 1).unwrap().1, [0; 100]);
}

#[test]
fn hidden_recipients_only() {
    let mut message = letter();
    message.bcc = std::mem::take(&mut message.to);
    let text = text_of(&message);
    assert!(text.contains("undisclosed-recipients") && !text.contains("ben@y.test"));
    assert!(parsed::parse(text.as_bytes()).to.is_empty());
    message.bcc.clear();
    assert_eq!(compose(&message, LIMIT), Err(ComposeError::NoRecipients));
}

type Change = fn(&mut Outgoing);

#[test]
fn what_cannot_be_written_is_named() {
    let changes: Vec<Change> = vec![
        |m| m.subject = "a\r\nBcc: e@x.test".into(),
        |m| m.subject = "a\u{2028}b".into(),
        |m| m.subject = "é".repeat(500),
        |m| m.from.name = Some("A\nna".into()),
        |m| m.to[0].name = Some("x".repeat(400)),
        |m| m.text = "a\0b".into(),
        |m| m.html = Some("\u{1b}[31m".into()),
        |m| m.message_id = "<a@x.test>\r\nBcc: <e@x.test>".into(),
        |m| m.message_id = "a@x.test".into(),
        |m| m.in_reply_to = Some("<a b>".into()),
        |m| m.references = vec!["<ok>".into(), "<a>\r\n".into()],
        |m| m.date_micros = -1,
        |m| m.attachments = vec![OutgoingFile { name: "a\r\nb".into(), content_type: "a/b".into(), data: vec![] }],
        |m| m.attachments = vec![OutgoingFile { name: "a".into(), content_type: "a/b\r\nX: y".into(), data: vec![] }],
        |m| {
            m.attachments =
                vec![OutgoingFile { name: "a".into(), content_type: "multipart/mixed".into(), data: vec![] }];
        },
        |m| m.attachments = vec![OutgoingFile { name: "a".into(), content_type: "a/b".into(), data: vec![] }; 101],
    ];
    let errors: Vec<String> = changes
        .into_iter()
        .map(|change| {
            let mut message = letter();
            change(&mut message);
            compose(&message, LIMIT).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn the_caller_limits_the_size() {
    let bytes = compose(&letter(), LIMIT).unwrap();
    assert!(compose(&letter(), bytes.len()).is_ok());
    let size = bytes.len();
    assert_eq!(compose(&letter(), size - 1), Err(ComposeError::TooLarge { size, max: size - 1 }));
    assert_eq!(compose(&letter(), 3), Err(ComposeError::TooLarge { size: letter().text.len(), max: 3 }));
}

#[test]
fn the_longest_subject_and_many_references() {
    let mut message = letter();
    message.subject = "x".repeat(MAX_SUBJECT_OCTETS);
    message.references = (0..300).map(|n| format!("<{n}@x.test>")).collect();
    let bytes = compose(&message, LIMIT).unwrap();
    is_transportable(&bytes).unwrap();
    let parsed = parsed::parse(&bytes);
    assert_eq!(parsed.subject, message.subject);
    assert_eq!(parsed.references.len(), MAX_REFERENCES);
    assert_eq!(parsed.references.first().map(String::as_str), Some("<0@x.test>"));
    assert_eq!(parsed.references.last().map(String::as_str), Some("<299@x.test>"));
}

#[test]
fn message_ids_are_random_and_of_the_sender() {
    assert_eq!(message_id([0xff; 16], "x.test"), "<77777777777777777777777774@x.test>");
    assert!(parsed::is_message_id(&message_id([0; 16], "xn--bcher-kva.example")));
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn people(all: &[Mailbox]) -> Vec<(Option<String>, String)> {
    all.iter().map(|one| (one.name.clone(), one.address.to_string())).collect()
}

fn read_people(all: &[parsed::Correspondent]) -> Vec<(Option<String>, String)> {
    all.iter().map(|one| (one.name.clone(), one.address.clone())).collect()
}

fn name() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![
        "[a-zA-Z\"\\\\,;:<>@()'. éшא🎉=?_-]{0,40}",
        "[א-ת ]{1,20}",
        "[🎉👩日本語a ]{1,60}",
    ])
    .prop_map(|name| name.map(|name| words(&name)).filter(|name| !name.is_empty()))
}

fn someone() -> impl Strategy<Value = Mailbox> {
    (name(), "[a-z0-9+_-]{1,20}(\\.[a-z]{1,5})?", "[a-z]{1,10}\\.test").prop_map(|(name, local, domain)| Mailbox {
        name,
        address: EmailAddress::parse(&format!("{local}@{domain}")).unwrap(),
    })
}

fn body_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just(".".to_owned()),
            Just("..two".to_owned()),
            Just("From me to you".to_owned()),
            Just("--".to_owned()),
            Just("-- ".to_owned()),
            Just("--=_alternative_x".to_owned()),
            Just("=20 = =\u{e9}".to_owned()),
            Just(String::new()),
            Just("tab\tand trail \t ".to_owned()),
            Just("x".repeat(2_500)),
            Just("é".repeat(1_200)),
            Just("שלום עולם 🎉".to_owned()),
            "[ -~]{0,120}",
            "[a-zéшא日🎉 ]{0,60}",
        ],
        0..12,
    )
    .prop_map(|lines| lines.join("\n"))
}

fn read_back(message: &Outgoing) -> Result<Parsed, TestCaseError> {
    let bytes = compose(message, LIMIT).unwrap();
    is_transportable(&bytes)?;
    Ok(parsed::parse(&bytes))
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        (from, to, cc, reply_to) in (
            someone(), proptest::collection::vec(someone(), 1..6), proptest::collection::vec(someone(), 0..3),
            proptest::option::of(someone()),
        ),
        subject in "[ -~]{0,120}|[a-z éшא日🎉👩]{0,90}|[^\\pC\\pZ]{0,60}",
        (text, html) in (body_text(), proptest::option::of(body_text())),
        data in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        file_name in "[a-zé🎉][a-zA-Zéש🎉 ]{0,60}\\.[a-z]{3}",
        random: [u8; 16],
    ) {
        let message = Outgoing {
            from, to, cc, reply_to,
            bcc: vec![],
            subject: words(&subject),
            text, html,
            message_id: message_id(random, "x.test"),
            date_micros: 1_793_611_230_000_000,
            in_reply_to: Some("<p@x.test>".into()),
            references: vec!["<r@x.test>".into(), "<p@x.test>".into()],
            attachments: data.into_iter()
                .map(|data| OutgoingFile { name: words(&file_name), content_type: "application/octet-stream".into(), data })
                .collect(),
        };
        let parsed = read_back(&message)?;
        prop_assert_eq!(&parsed.problems, &vec![]);
        prop_assert_eq!(read_people(&parsed.from), people(std::slice::from_ref(&message.from)));
        prop_assert_eq!(read_people(&parsed.to), people(&message.to));
        prop_assert_eq!(read_people(&parsed.cc), people(&message.cc));
        prop_assert_eq!(read_people(&parsed.reply_to), people(message.reply_to.as_slice()));
        prop_assert_eq!(&parsed.subject, &message.subject);
        prop_assert_eq!(parsed.message_id.as_ref(), Some(&message.message_id));
        prop_assert_eq!(parsed.date_micros, Some(message.date_micros));
        prop_assert_eq!(&parsed.in_reply_to, &message.in_reply_to);
        prop_assert_eq!(&parsed.references, &message.references);
        let text = parsed.text.unwrap_or_default();
        prop_assert_eq!(text.trim_end(), message.text.trim_end());
        let html = parsed.html.map(|html| html.replace("\r\n", "\n"));
        prop_assert_eq!(html.as_deref().map(str::trim_end), message.html.as_deref().map(str::trim_end));
        let names: Vec<&str> = parsed.attachments.iter().map(|file| file.name.as_str()).collect();
        let sent: Vec<&str> = message.attachments.iter().map(|file| file.name.as_str()).collect();
        prop_assert_eq!(names, sent);
    }
}

#[test]
fn a_subject_that_looks_encoded_arrives_as_it_was_typed() {
    for subject in ["=?utf-8?Q?not_decoded?=".to_owned(), "a =?".to_owned(), format!("=?{}é😀", "x".repeat(900))] {
        let bytes = compose(&Outgoing { subject: subject.clone(), ..letter() }, 10_000).unwrap();
        assert_eq!(crate::parsed::parse(&bytes).subject, subject);
        assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 999));
    }
}

#[test]
fn what_looks_encoded_is_shown_as_it_was_written() {
    for text in ["=?utf-8?q?x?=", "re: =?utf-8?B?eA==?= why", "=?x", "a =? b"] {
        let message = Outgoing { subject: text.to_owned(), ..letter() };
        let parsed = crate::parsed::parse(&compose(&message, 1 << 20).unwrap());
        assert_eq!(parsed.subject, text);
        let to = Mailbox { name: Some(text.to_owned()), ..message.to[0].clone() };
        let message = Outgoing { to: vec![to], ..letter() };
        let parsed = crate::parsed::parse(&compose(&message, 1 << 20).unwrap());
        assert_eq!(parsed.to[0].name.as_deref(), Some(text));
    }
}
