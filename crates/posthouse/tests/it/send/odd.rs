//! Everything that can be typed as recipients, subject and text: refused with its field, or arrived as it was meant.

use super::{submit_as, unique, until};
use crate::on_both;
use crate::support::{Answer, Api, TestApp, beginning, connect_request, eventually};
use serde_json::{Value, json};
use testkit::MailWorld;

async fn try_to_send(api: &mut Api, account: &str, body: Vec<u8>) -> Answer {
    let (path, key) = (format!("/accounts/{account}/outgoing"), unique("odd"));
    api.raw(reqwest::Method::POST, &path, Some(("application/json", body)), &[("idempotency-key", &key)]).await
}

/// Recipients, subject, text: refused for this field, with these words.
fn refused() -> Vec<(Value, &'static str, String)> {
    let message = |to: &str, subject: &str, body: &str| json!({ "to": to, "subject": subject, "body": body });
    let many: Vec<String> = (0..10_000).map(|n| format!("r{n}@x.test")).collect();
    let some: Vec<String> = (0..101).map(|n| format!("r{n}@x.test")).collect();
    let mut out = vec![
        (message(&many.join(", "), "s", "b"), "to", "at most 100".to_owned()),
        (message(&some.join(", "), "s", "b"), "to", "at most 100".to_owned()),
        (message("a@x.test", &"s".repeat(1_000_000), "b"), "subject", "998".to_owned()),
        (message("a@x.test", &"é".repeat(500), "b"), "subject", "998".to_owned()),
        (message("a@x.test", "s", &"b".repeat(1024 * 1024 + 1)), "body", "1 MiB".to_owned()),
    ];
    for subject in [
        "a\r\nBcc: eve@x.test",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
        "\u{1b}[2J",
    ] {
        out.push((message("a@x.test", subject, "b"), "subject", "control".to_owned()));
    }
    for body in ["a\0b", "a\u{1b}[2Jb", "a\u{8}b", "a\u{7f}b"] {
        out.push((message("a@x.test", "s", body), "body", "control".to_owned()));
    }
    for to in [
        "",
        " , ;",
        "a",
        "@x.test",
        "a@",
        "a@x.test\r\nBcc: eve@x.test",
        "a@x.test b@x.test",
        "a\0@x.test",
        "\"a\nb\" <a@x.test>",
        "a\u{202e}b <a@x.test>",
        "A <a@x.test",
        "\"A <a@x.test>",
        "a..b@x.test",
        ".a@x.test",
        "a@-x.test",
        "a@x..test",
        "a@[192.0.2.1]",
        "a@[IPv6:::1]",
        "a(comment)@x.test",
        "<@relay.test:a@x.test>",
        "Friends: a@x.test, b@x.test;",
        "<>",
        "\"a b\"@x.test",
        "a@exa mple.test",
        "a\u{200b}b@x.test",
        "a@x.test> RCPT TO:<eve@x.test",
        "a@b\u{ff20}c.test",
        "a\u{2028}@x.test",
    ] {
        out.push((message(to, "s", "b"), "to", String::new()));
    }
    for to in [
        format!("{}@x.test", "l".repeat(65)),
        format!("a@{}.test", "d".repeat(64)),
        format!("a@{}test", "d.".repeat(130)),
        format!("{} <a@x.test>", "n".repeat(321)),
    ] {
        out.push((message(&to, "s", "b"), "to", String::new()));
    }
    out
}

/// Subjects that arrive as they were typed.
fn subjects() -> Vec<String> {
    let mut out: Vec<String> = [
        "",
        "a",
        "Ärger & Freude",
        "=?utf-8?Q?not_decoded?=",
        "=?",
        "Re: [list] (x) \"y\" <z>",
        "\u{200f}gnp.exe\u{200e}",
        "👩‍👩‍👧‍👦 family",
        "Z\u{351}\u{36b}algo",
        "日本語の件名をここに書きます。とても長いので折り返されます。本当に長いです。",
        "محمد علي",
        "a;b,c:d@e",
        "\u{feff}bom",
        "\u{fffd}\u{fffe}",
        "trailing =",
        "%s%n%00",
    ]
    .map(str::to_owned)
    .into();
    out.extend(["x".repeat(998), "word ".repeat(199) + "end", "😀".repeat(249), "é ".repeat(300) + "e"]);
    out
}

/// Texts, and what they are when they arrive: one kind of line end, and one at the end.
fn texts() -> Vec<(String, String)> {
    let as_it_is = [
        "\n",
        "a\n",
        ".\n",
        "..\n",
        "...\n.\n..\n.a\n",
        ".\n.\n",
        "a\n.\nb\n",
        "From me\n>From\n",
        "=3D =\n= \n",
        "a  \n\tb \t\n  \n",
        "--\n\n--b--\n",
        "\n\n\na\n\n\n",
        "\u{202e}abc\u{202c}\n",
        "\u{feff}bom\n",
        "a\u{2028}b\u{2029}c\n",
        "a\u{85}b\n",
        "\u{fffe}\u{ffff}\n",
        "👩‍👩‍👧‍👦 日本語 محمد\n",
        "Subject: no header\n\nbody\n",
        "QUIT\nRSET\nDATA\n",
    ];
    let mut out: Vec<(String, String)> = as_it_is.iter().map(|t| ((*t).to_owned(), (*t).to_owned())).collect();
    out.extend(
        [
            ("", "\n"),
            ("no end", "no end\n"),
            ("a\rb", "a\nb\n"),
            ("a\r\nb\r\n", "a\nb\n"),
            ("\r\r\n\n", "\n\n\n"),
            (".", ".\n"),
            (".\r.\r\n.\n", ".\n.\n.\n"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    for long in [
        "x".repeat(100_000),
        "é".repeat(50_000),
        ".".repeat(10_000),
        format!("{}\n", ".\n".repeat(20_000)),
        " ".repeat(2_000),
        "b".repeat(1024 * 1024),
    ] {
        let end = if long.ends_with('\n') { "" } else { "\n" };
        out.push((long.clone(), format!("{long}{end}")));
    }
    out
}

on_both! {
    async fn what_is_refused_names_its_field_and_saves_nothing(engine) {
        let world = MailWorld::shared();
        let ben = world.add_user(&unique("odd-ben")).unwrap();
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let id = api.post("/accounts", &connect_request(world, &ben)).await.expect(201)["id"].as_str().unwrap().to_owned();
        for (message, field, words) in refused() {
            let shown = beginning(&message.to_string(), 200).to_owned();
            let problem = try_to_send(&mut api, &id, message.to_string().into_bytes()).await.problem(422, "validation_failed");
            let named = problem["fields"].as_array().unwrap().iter().find(|f| f["field"] == field);
            let text = named.unwrap_or_else(|| panic!("{shown}: {problem}"))["message"].as_str().unwrap();
            assert!(text.contains(&words) && text.len() < 500, "{shown}: {text}");
        }
        for (subject, status, code) in [("\\ud800", 400, "invalid_request"), ("\\udfff\\ud83d", 400, "invalid_request"), ("\u{1}", 400, "invalid_request")] {
            let body = format!("{{\"to\":\"a@x.test\",\"subject\":\"{subject}\",\"body\":\"b\"}}");
            try_to_send(&mut api, &id, body.into_bytes()).await.problem(status, code);
        }
        // 25 MB: the limit of a request is less.
        let large = (25_000_000, 2 * 1024 * 1024 + 1);
        let answer = api.oversized(reqwest::Method::POST, &format!("/accounts/{id}/outgoing"), large).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"code\":\"too_large\""), "{answer}");
        assert_eq!(api.get(&format!("/accounts/{id}/outgoing")).await.expect(200)["items"], json!([]));
        app.stop().await;
    }

    async fn what_is_accepted_arrives_as_it_was_meant(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("odd-ben")).unwrap(), world.add_user(&unique("odd-cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let mut request = connect_request(world, &ben);
        request["imap"] = Value::Null;
        let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
        let mut meant = vec![];
        for subject in subjects() {
            meant.push((subject, ("text".to_owned(), "text\n".to_owned())));
        }
        for (n, text) in texts().into_iter().enumerate() {
            meant.push((format!("text {n}"), text));
        }
        let mut sent = vec![];
        for (subject, (text, _)) in &meant {
            let body = json!({ "to": cleo.address, "subject": subject, "body": text });
            sent.push(submit_as(&mut api, &id, &unique("odd"), &body).await);
        }
        eventually("all of them arrive", async || world.messages(&cleo.address, "INBOX").unwrap().len() == meant.len()).await;
        let arrived: Vec<Vec<u8>> = world.messages(&cleo.address, "INBOX").unwrap();
        for (outgoing, (subject, (_, text))) in sent.iter().zip(&meant) {
            let message_id = until(&mut api, outgoing, "sent").await["message_id"].clone();
            let shown = beginning(subject, 60);
            let read = arrived.iter().map(|raw| (raw, mail::parsed::parse(raw))).find(|(_, p)| p.message_id.as_deref() == message_id.as_str());
            let (raw, read) = read.unwrap_or_else(|| panic!("{shown}: not there"));
            let blanks_single = |t: &str| t.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(read.subject, blanks_single(subject), "{shown}");
            assert_eq!((read.to.len(), &read.to[0].address, read.bcc.len()), (1, &cleo.address, 0), "{shown}");
            assert_eq!(decoded(raw), *text, "{shown}");
            assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 999), "{shown}: a line is too long");
        }
        app.stop().await;
    }

    async fn odd_addresses_that_are_legal_are_written_to(engine) {
        let world = MailWorld::shared();
        let (ben, cleo) = (world.add_user(&unique("odd-ben")).unwrap(), world.add_user(&unique("odd-cleo")).unwrap());
        let app = TestApp::beside(engine, world).await;
        let mut api = app.owner().await;
        let mut request = connect_request(world, &ben);
        request["imap"] = Value::Null;
        let id = api.post("/accounts", &request).await.expect(201)["id"].as_str().unwrap().to_owned();
        let longest = format!("{}@{}.{}.{}.test", "l".repeat(64), "d".repeat(63), "e".repeat(63), "f".repeat(52));
        let odd = [
            ("\"quoted\"@x.test", "\"quoted\"@x.test"), ("\"a@b\"@x.test", "\"a@b\"@x.test"), ("\"a\\\"b\"@x.test", "\"a\\\"b\"@x.test"), ("!#$%&'*+-/=?^_`{|}~@x.test", "!#$%&'*+-/=?^_`{|}~@x.test"),
            ("a@BÜCHER.test", "a@xn--bcher-kva.test"), ("A.B@X.TEST", "A.B@x.test"), ("\"Last, First; \\\"Nick\\\"\" <n@x.test>", "n@x.test"), ("日本語 <j@x.test>", "j@x.test"), ("a_b@x_y.test", "a_b@x_y.test"),
            (longest.as_str(), longest.as_str()),
        ];
        let typed: Vec<&str> = odd.iter().map(|(typed, _)| *typed).chain([cleo.address.as_str()]).collect();
        let body = json!({ "to": typed.join(", "), "subject": "Odd", "body": "b" });
        let sent = submit_as(&mut api, &id, &unique("odd"), &body).await;
        let message = until(&mut api, &sent, "sent").await;
        for (recipient, (_, want)) in message["recipients"].as_array().unwrap().iter().zip(&odd) {
            assert_eq!((recipient["address"].as_str(), recipient["state"].as_str()), (Some(*want), Some("accepted")), "{message}");
        }
        eventually("it arrives", async || world.messages(&cleo.address, "INBOX").unwrap().len() == 1).await;
        let read = mail::parsed::parse(&world.messages(&cleo.address, "INBOX").unwrap()[0]);
        let names: Vec<Option<&str>> = read.to.iter().map(|c| c.name.as_deref()).collect();
        assert!(names.contains(&Some("Last, First; \"Nick\"")) && names.contains(&Some("日本語")), "{names:?}");
        assert_eq!(read.to.len(), odd.len() + 1);
        // An address that needs SMTPUTF8 goes where the server offers it, or is refused with words.
        let body = json!({ "to": "дмитрий@пример.test", "subject": "UTF-8", "body": "b" });
        let sent = submit_as(&mut api, &id, &unique("odd"), &body).await;
        let message = until(&mut api, &sent, "sent").await;
        assert_eq!(message["recipients"][0]["address"], "дмитрий@xn--e1afmkfd.test");
        app.stop().await;
    }
}

/// The text of a message of one part, by its transfer encoding and nothing else.
fn decoded(raw: &[u8]) -> String {
    let at = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let (head, body) = raw.split_at(at + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    let bytes = if head.contains("transfer-encoding: base64") {
        use base64::Engine as _;
        let digits: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        base64::engine::general_purpose::STANDARD.decode(digits).unwrap()
    } else if head.contains("transfer-encoding: quoted-printable") {
        unquoted(body)
    } else {
        body.to_vec()
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// Quoted-printable undone (RFC 2045 section 6.7), strictly.
fn unquoted(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap().replace("=\r\n", "");
    let mut pieces = text.split('=');
    let mut out = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        out.push(u8::from_str_radix(piece.get(..2).unwrap(), 16).unwrap());
        out.extend_from_slice(piece.get(2..).unwrap().as_bytes());
    }
    out
}
