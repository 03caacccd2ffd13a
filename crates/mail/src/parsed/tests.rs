//! Reading the corpus, damaged corpus and any bytes.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// Everything of a parsed message in a form that is read in a review.
fn described(parsed: &Parsed) -> String {
    let people = |people: &[Correspondent]| {
        let mut shown: Vec<String> = people
            .iter()
            .take(6)
            .map(|one| format!("{} <{}>", one.name.as_deref().unwrap_or("-"), one.address))
            .collect();
        if people.len() > 6 {
            shown.push(format!("and {} more", people.len() - 6));
        }
        shown.join(" | ")
    };
    let mut out = String::new();
    let _ = writeln!(out, "message_id  {:?}", parsed.message_id);
    let _ = writeln!(out, "in_reply_to {:?}", parsed.in_reply_to);
    let ends = (parsed.references.first(), parsed.references.last());
    let _ = writeln!(out, "references  {} {ends:?}", parsed.references.len());
    let subject: String = parsed.subject.chars().take(100).collect();
    let _ = writeln!(out, "subject     {subject:?} ({} octets)", parsed.subject.len());
    for (field, all) in [("from", &parsed.from), ("to", &parsed.to), ("cc", &parsed.cc), ("reply_to", &parsed.reply_to)]
    {
        let _ = writeln!(out, "{field:<11} {}", people(all));
    }
    let _ = writeln!(out, "date        {:?}", parsed.date_micros);
    let _ = writeln!(out, "text        {:?}", parsed.text);
    let _ = writeln!(out, "html        {}", parsed.html.as_ref().map_or(0, String::len));
    let _ = writeln!(out, "snippet     {:?}", parsed.snippet);
    for attachment in &parsed.attachments {
        let _ = writeln!(out, "attachment  {attachment:?}");
    }
    for problem in &parsed.problems {
        let _ = writeln!(out, "problem     {problem}");
    }
    out
}

#[test]
fn the_corpus_means_what_it_says() {
    let mut paths: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 20);
    for path in paths {
        let raw = std::fs::read(&path).unwrap();
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), described(&parse(&raw)));
    }
}

#[test]
fn an_attachment_comes_with_its_bytes() {
    let raw = include_bytes!("../../corpus/06-nested-message.eml");
    let parsed = parse(raw);
    let (first, bytes) = attachment(raw, 0).unwrap();
    assert_eq!(first, parsed.attachments[0]);
    assert_eq!(first.name, "message.eml");
    assert!(bytes.starts_with(b"From: carl@z.test"));
    assert!(bytes.ends_with(b"--b2--"));
    assert_eq!(parse(&bytes).attachments.len(), 1, "a nested message is a message");
    assert!(attachment(raw, 1).unwrap().1.starts_with(b"From: d@z.test"));
    assert!(attachment(raw, 2).is_none());
    assert_eq!(attachment(include_bytes!("../../corpus/14-inline-images.eml"), 0).unwrap().1, b"\x89PNG\r\n\x1a\n");
}

#[test]
fn the_header_block_ends_after_the_blank_line() {
    assert_eq!(header_block(b"A: b\r\n\r\nbody\r\n\r\n"), b"A: b\r\n\r\n");
    assert_eq!(header_block(b"A: b\n\nbody"), b"A: b\n\n");
    assert_eq!(header_block(b"A: b"), b"A: b");
    assert_eq!(header_block(b"\r\nbody"), b"\r\n");
    assert_eq!(header_block(b""), b"");
}

#[test]
fn nested_messages_do_not_nest_our_stack() {
    let plain = "Content-Type: message/rfc822\n\n".repeat(200_000);
    assert_eq!(parse(plain.as_bytes()).attachments.len(), 1);
    let mut mail = String::from("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n");
    mail.push_str(&data_encoding::BASE64_MIME.encode(plain.as_bytes()));
    assert_eq!(parse(mail.as_bytes()).attachments[0].size, plain.len());
    assert_eq!(attachment(mail.as_bytes(), 0).unwrap().1, plain.as_bytes());
}

#[test]
fn parts_and_depth_are_limited() {
    let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(5_000));
    let parsed = parse(many.as_bytes());
    assert!(parsed.problems.contains(&Problem::TooManyParts));
    assert_eq!(parsed.text.unwrap().matches('x').count(), MAX_PARTS - 1);

    let mut deep = String::new();
    for level in 0..500 {
        let _ = write!(deep, "Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n");
    }
    assert!(parse(deep.as_bytes()).problems.contains(&Problem::TooDeep));
}

#[test]
fn long_bodies_are_cut_and_say_so() {
    let long = format!("Subject: long\n\n{}", "é".repeat(MAX_BODY_OCTETS));
    let parsed = parse(long.as_bytes());
    assert!(parsed.truncated);
    assert_eq!(parsed.text.unwrap().len(), MAX_BODY_OCTETS);
    assert!(!parsed.problems.contains(&Problem::BadCharset));
    let html = format!("Content-Type: text/html\n\n{}", "<p>x</p>".repeat(MAX_BODY_OCTETS));
    let parsed = parse(html.as_bytes());
    assert!(parsed.truncated && parsed.html.unwrap().len() == MAX_BODY_OCTETS);
}

#[test]
fn file_names_are_safe() {
    let long = format!("{}.pdf", "ä".repeat(300));
    for (given, safe) in [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\cmd.exe", "cmd.exe"),
        ("inv\u{202e}fdp.exe", "invfdp.exe"),
        ("a\r\nb\0.txt", "ab.txt"),
        ("..", ""),
        (" .hidden. ", "hidden"),
        ("a<b>\"c\".txt", "abc.txt"),
        ("Übersicht 🎉.ods", "Übersicht 🎉.ods"),
    ] {
        assert_eq!(text::file_name(given), safe);
    }
    let name = text::file_name(&long);
    assert!(name.len() <= MAX_FILE_NAME_OCTETS && name.ends_with("ä.pdf"));
}

#[test]
fn snippets_show_what_the_sender_wrote() {
    for (text, snippet) in [
        ("Hello\n\n  there", "Hello there"),
        ("Yes\n\nAm 1.11. schrieb Ben:\n\n> No\nthanks", "Yes thanks"),
        ("> only\n> quoted", "> only > quoted"),
        ("top\n-----Ursprüngliche Nachricht-----\nVon: x", "top"),
        ("text\n-- \nsignature", "text"),
        ("\u{200c}\u{a0}\u{34f} Preview \u{200b}\u{feff}", "Preview"),
        ("👩\u{200d}🚀 ok", "👩\u{200d}🚀 ok"),
        ("Yes\n\nOn Mon, 23 Nov 2026 at 10:00, Ana Díaz\n<ana@acme.test> wrote:\n\n> No\nthanks", "Yes thanks"),
        ("Yes\n\nOn Monday at 9:05 Ana\nDíaz of the Acme Company\nwrote:\n> No", "Yes"),
        (
            "Hello\n-----\nthere\n==========\nand --- you\n________________________________\nFrom: x",
            "Hello there and --- you",
        ),
        ("Hello Ben,\nyou asked\nas follows:\n> No", "Hello Ben, you asked"),
        ("In 2026\nwe shall\ngo on\nas said:\n\n> No\n\nBen:\n> Yes\nso", "In 2026 we shall go on so"),
        ("page\n\n\nOne:\n\nTwo:\n> a\n\n> b", "page One:"),
    ] {
        assert_eq!(text::snippet(text), snippet);
    }
    assert_eq!(text::snippet(&"é ".repeat(500)).chars().count(), MAX_SNIPPET_CHARS - 1);
}

#[test]
fn what_was_never_decoded_is_no_snippet() {
    let line = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9";
    let of = |text: &str| text::snippet(text);
    assert_eq!(of(&format!("{line}\n{line}\nAAAASUVORK5C\n")), "");
    assert_eq!(of(&format!("See below\n\n{line}\nYWJj\n\nBye")), "See below Bye");
    assert_eq!(of("SGVsbG8gd29ybGQ="), "");
    for kept in [
        "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed7e6dc881",
        "https://x.test/ABCdef0123456789ABCdef0123456789ABCdef0123456789ABCdef0123456789",
        "abc",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "a == b",
    ] {
        assert_eq!(of(kept), kept);
    }
}

#[test]
fn a_body_that_is_no_text_has_no_snippet() {
    let of = |mail: &str| parse(mail.as_bytes()).snippet;
    let base64 = "Content-Transfer-Encoding: base64\n\n";
    assert_eq!(of(&format!("Subject: x\n{base64}!!! this is ~~ no base64 at all, whoever says so {{}} !!!")), "");
    let picture = data_encoding::BASE64_MIME
        .encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89");
    assert_eq!(of(&format!("Subject: x\n{base64}{picture}")), "", "a picture that says it is text");
    let hello = data_encoding::BASE64_MIME.encode("Grüße aus Köln".as_bytes());
    assert_eq!(of(&format!("Subject: x\n{base64}{hello}")), "Grüße aus Köln");
    assert_eq!(of(&format!("Subject: x\n{base64}{}!", hello.trim_end())), "Grüße aus Köln", "damaged, and text");
    let mixed = format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nWords\n--b\n{base64}{picture}\n--b--");
    assert_eq!(of(&mixed), "Words", "the other part is read");
    assert_eq!(of(&format!("Content-Transfer-Encoding: base-64\n\n{hello}")), "");
    assert_eq!(of("Subject: x\n\nHi\u{7} there!"), "Hi there!", "a control in a short text");

    let parts = |boundary: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary={boundary}\n\n--other\nContent-Type: text/plain\n{base64}{hello}\n--other\n\
             Content-Type: text/plain\n\nPlain words\n--other\nContent-Type: image/png; name=x.png\n{base64}{picture}\n--other--\n"
        )
    };
    assert_eq!(of(&parts("wrong")), "Plain words");
    assert_eq!(of(&parts("other")), "Grüße aus Köln Plain words");
}

#[test]
fn a_sender_of_nothing_but_signs_is_none() {
    for from in ["<<<>>>", "<>", "\"\" <>", "<@>", "<<>> <<>>", ",,;", "()"] {
        let parsed = parse(format!("From: {from}\nSubject: x\n\ny").as_bytes());
        assert_eq!(parsed.from, [], "{from}");
        assert!(parsed.problems.contains(&Problem::NoSender), "{from}");
    }
    let parsed = parse(b"From: Ana <<<>>>\n\ny");
    assert_eq!((parsed.from[0].name.as_deref(), parsed.from[0].address.as_str()), (Some("Ana"), ""));
}

#[test]
fn words_before_the_id_of_a_parent_are_not_taken_for_it() {
    for (field, parent) in [
        ("<one@acme.test>", "<one@acme.test>"),
        ("\r\n <one@acme.test>\r\n <two@acme.test>", "<one@acme.test>"),
        ("<one@acme.test> (Ana's message <ana@acme.test>)", "<one@acme.test>"),
        (
            "Message from Ana Diaz <ana@acme.test> of \"Mon, 23 Nov 2026 10:00:00 +0100.\" <one@acme.test>",
            "<one@acme.test>",
        ),
        ("\"Bob\" <bob@acme.test> message <one@acme.test>", "<one@acme.test>"),
        ("Your message of Monday <one@acme.test>", "<one@acme.test>"),
    ] {
        let raw = format!("From: a@x.test\r\nIn-Reply-To: {field}\r\nSubject: x\r\n\r\ny");
        assert_eq!(parse(raw.as_bytes()).in_reply_to.as_deref(), Some(parent), "{field:?}");
    }
}

#[test]
fn message_ids_are_checked() {
    assert!(is_message_id("<a@x.test>"));
    assert!(is_message_id("<no-at>"));
    for id in ["", "<>", "a@x.test", "<a b@x.test>", "<a@x.test\r\n>", "<a><b>", "<ä@x.test>"] {
        assert!(!is_message_id(id), "{id:?}");
    }
}

fn within_limits(parsed: &Parsed) -> Result<(), TestCaseError> {
    prop_assert!(parsed.snippet.chars().count() <= MAX_SNIPPET_CHARS);
    prop_assert!(parsed.subject.len() <= MAX_SUBJECT_OCTETS);
    prop_assert!(parsed.references.len() <= MAX_REFERENCES);
    prop_assert!(parsed.attachments.len() <= MAX_PARTS);
    let people = [&parsed.from, &parsed.to, &parsed.cc, &parsed.bcc, &parsed.reply_to];
    let lines = people.iter().flat_map(|all| all.iter()).flat_map(|one| [one.name.as_deref(), Some(&*one.address)]);
    let names = parsed.attachments.iter().map(|attachment| Some(attachment.name.as_str()));
    for line in lines.chain(names).chain([Some(&*parsed.subject)]).flatten() {
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    for attachment in &parsed.attachments {
        prop_assert!(!attachment.name.is_empty() && !attachment.name.contains(['/', '\\']));
    }
    for id in parsed.references.iter().chain(&parsed.message_id).chain(&parsed.in_reply_to) {
        prop_assert!(is_message_id(id));
    }
    let whole = parsed.text.iter().chain(&parsed.html).all(|body| body.len() <= MAX_BODY_OCTETS);
    prop_assert!(whole);
    Ok(())
}

/// Lines that bring random input into the interesting corners.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::sample::select(vec![
            "Content-Type: multipart/mixed; boundary=b\r\n",
            "Content-Type: multipart/alternative; boundary=\"b c\"\n",
            "Content-Type: multipart/digest; boundary=b\r\n",
            "Content-Type: message/rfc822\r\n",
            "--b\r\n",
            "--b--\r\n",
            "\r\n",
            "\n\n",
            "Content-Type: text/html; charset=\"x-unknown\"\r\n",
            "Content-Transfer-Encoding: base64\r\n",
            "Content-Transfer-Encoding: quoted-printable\r\n",
            "From: \"a, b\" <c@d>, e: f@g, h;\r\n",
            "To: =?utf-8?Q?=\r\n",
            "Subject: =?iso-2022-jp?B?GyRC?= =?utf-8?Q?=FF=00?=\r\n",
            "Date: 1 Jan 1 1:1 +0\r\n",
            "References: <a <b> c>\r\n",
            "Content-Disposition: attachment; filename*0*=utf-8''%E2%80; filename*99=\"x\"\r\n",
            "=\r\n",
            "=3",
            "<b>",
            "> q\r\n",
            "Message-ID: <>\r\n",
            " folded\r\n",
            "Content-Type: text/plain; charset=utf-7\r\n",
            "+AGE-",
            "((((",
            "\"",
        ])
        .prop_map(|line| line.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..24),
    ]
}

proptest! {
    #[test]
    fn any_bytes_parse_within_limits(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        within_limits(&read(&raw))?;
    }

    #[test]
    fn any_mime_parses_within_limits(fragments in proptest::collection::vec(fragment(), 0..40)) {
        let raw = fragments.concat();
        let parsed = read(&raw);
        within_limits(&parsed)?;
        for known in &parsed.attachments {
            let (again, bytes) = attachment(&raw, known.index).unwrap();
            prop_assert_eq!(&again, known);
            prop_assert_eq!(bytes.len(), known.size);
        }
    }

    #[test]
    fn damaged_corpus_mails_parse_within_limits(which in 0usize..4, cut in 0usize..2000, at in 0usize..2000, byte: u8) {
        let corpus: [&[u8]; 4] = [
            include_bytes!("../../corpus/02-multilingual.eml"),
            include_bytes!("../../corpus/06-nested-message.eml"),
            include_bytes!("../../corpus/13-calendar.eml"),
            include_bytes!("../../corpus/15-hostile-html.eml"),
        ];
        let mut raw = corpus[which].to_vec();
        raw.truncate(raw.len().saturating_sub(cut));
        if let Some(found) = raw.get_mut(at) {
            *found = byte;
        }
        within_limits(&read(&raw))?;
    }
}

#[test]
fn inline_parts_are_found_once_and_bounded() {
    let raw = b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n\
        --b\r\nContent-Type: image/png\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b--\r\n";
    let parts = InlineParts::of(raw);
    assert_eq!(parts.get(raw, "a", 100), Some(("image/png", b"ABC".to_vec())));
    assert_eq!(parts.get(raw, "a", 3), None, "too long to be decoded");
    assert_eq!(parts.get(raw, "b", 100), None);
}

#[test]
fn every_field_of_the_header_is_given_in_its_order() {
    let raw = b"Received: from a\r\n\tby b; Mon, 1 Jan 2024 00:00:00 +0000\r\nReceived: from c\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
        X-Odd:\r\nX-List: <a@b.test>, <c@d.test>\r\n\r\nX-Not: a field\r\n";
    let found = super::header_fields(raw);
    let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        found,
        [
            ("Received", "from a by b; Mon, 1 Jan 2024 00:00:00 +0000"),
            ("Received", "from c"),
            ("Subject", "Gr\u{fc}\u{df}e"),
            ("X-Odd", ""),
            ("X-List", "<a@b.test>, <c@d.test>"),
        ]
    );
    assert!(super::header_fields(b"").is_empty());
}
