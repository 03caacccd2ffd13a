//! Mail as nobody should write it, through the real Dovecot: each is listed, opens in bounded time and size, and stops
//! neither the mailbox nor the program.

use crate::on_both;
use crate::support::{Answer, Api, TestApp, beginning, connect_request, eventually, mail};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};
use testkit::MailWorld;

/// An answer about one message, which a page must be able to show.
const MAX_ANSWER_BYTES: usize = 12 * 1024 * 1024;
/// Far more than an optimised build needs; tests are not optimised and share the machine.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A mail, and what must be said of it when it is opened.
struct Case {
    name: String,
    raw: Vec<u8>,
    opened: fn(&Value),
}

/// Panics of the product; those of tests are reported by themselves.
static PANICS: Mutex<Vec<String>> = Mutex::new(vec![]);

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.location().is_none_or(|at| !at.file().contains("tests/it")) {
                PANICS.lock().unwrap().push(info.to_string());
            }
            before(info);
        }));
    });
}

fn head(name: &str) -> String {
    format!(
        "X-Case: {name}\r\nFrom: Cleo <cleo@else.test>\r\nTo: ben@lab.test\r\nMessage-ID: <{name}@else.test>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    )
}

fn says(details: &Value, words: &str) {
    let problems = details["parse_problems"].to_string();
    assert!(problems.contains(words), "“{words}” is not in {problems}");
}

fn case(name: &str, rest: impl AsRef<[u8]>, opened: fn(&Value)) -> Case {
    Case { name: name.to_owned(), raw: [head(name).as_bytes(), rest.as_ref()].concat(), opened }
}

fn any(_: &Value) {}

fn html(name: &str, html: &str) -> Case {
    case(name, format!("Subject: {name}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}"), |d| {
        assert_eq!(d["has_html"], true);
    })
}

/// A mail with header fields of its own only.
fn bare(name: &str, raw: impl AsRef<[u8]>, opened: fn(&Value)) -> Case {
    let raw = [format!("X-Case: {name}\r\n").as_bytes(), raw.as_ref()].concat();
    Case { name: name.to_owned(), raw, opened }
}

fn headers() -> Vec<Case> {
    let many: String = (0..10_000).fold("To: a@x.test".into(), |mut all, n| {
        write!(all, ",\r\n r{n}@x.test").unwrap();
        all
    });
    let filler = format!("X-Filler: {}\r\n", "y".repeat(990)).repeat(10_000);
    vec![
        case("subject-1mb", format!("Subject: {}\r\n\r\nx", "long ".repeat(200_000)), |d| {
            assert!((1_000..=2_000).contains(&d["subject"].as_str().unwrap().len()));
        }),
        case("subject-encoded-1mb", format!("Subject: =?utf-8?B?{}?=\r\n\r\nx", "w6k=".repeat(250_000)), any),
        case("subject-many-words", format!("Subject: {}\r\n\r\nx", "=?utf-8?Q?=C3=A9?=\r\n ".repeat(20_000)), any),
        case("subject-open-words", format!("Subject: {}\r\n\r\nx", "=?x?B?".repeat(50_000)), any),
        bare("recipients-10000", format!("From: c@x.test\r\n{many}\r\nSubject: many\r\n\r\nx"), |d| {
            assert_eq!(d["to"].as_array().unwrap().len(), 20);
        }),
        bare("cc-10000", format!("From: c@x.test\r\n{}\r\nSubject: many\r\n\r\nx", many.replace("To:", "Cc:")), |d| {
            assert_eq!(d["cc"].as_array().unwrap().len(), 1_000);
        }),
        bare("header-10mb", format!("{filler}Subject: after ten megabytes\r\n\r\nx"), |d| {
            says(d, "header is very long");
        }),
        bare("header-without-end", "From: c@x.test\r\nSubject: no end", |d| assert_eq!(d["subject"], "no end")),
        bare("nothing-else", "\r\n", |d| says(d, "no valid Message-ID")),
        bare("no-colon", "this is no header\r\nneither is this\r\n\r\nbody", any),
        bare("message-id-1mb", format!("Message-ID: <{}@x.test>\r\nSubject: s\r\n\r\nx", "i".repeat(1_000_000)), |d| {
            assert_eq!(d["message_id"], Value::Null);
        }),
        bare(
            "references-50000",
            format!("Message-ID: <r@x.test>\r\nReferences: {}\r\n\r\nx", "<a@x.test>\r\n ".repeat(50_000)),
            any,
        ),
        bare("in-reply-to-loop", "Message-ID: <loop@x.test>\r\nIn-Reply-To: <loop@x.test>\r\n\r\nx", any),
        bare("fields-30000", format!("{}\r\nx", "Subject: again\r\n".repeat(30_000)), |d| says(d, "more than once")),
        bare("folds-100000", format!("Subject: a{}\r\n\r\nx", "\r\n b".repeat(100_000)), any),
    ]
}

fn dates() -> Vec<Case> {
    let dates = [
        "Fri, 20 Nov 0000 10:00:00 +0000",
        "Fri, 20 Nov 9999999 10:00:00 +0000",
        "Fri, 20 Nov 2026 10:00:00 -9959",
        "Fri, 20 Nov 2026 10:00:00 +99999999",
        "Fri, 99 Nov 2026 99:99:99 +0000",
        "20 Nov 26 10:00 EST",
        "tomorrow",
        "",
        "-1",
        "Fri, 31 Feb 2026 10:00:00 +0000",
        "9223372036854775808 Nov 2026",
    ];
    let one =
        |(n, date): (usize, &str)| bare(&format!("date-{n}"), format!("Date: {date}\r\nSubject: date\r\n\r\nx"), any);
    dates.into_iter().enumerate().map(one).collect()
}

fn addresses() -> Vec<Case> {
    let addresses = [
        "\"quoted local\"@x.test",
        "\"a@b\\\"c\"@x.test",
        "(a (nested) comment) a@x.test (after)",
        "Friends: a@x.test, b@x.test;, c@x.test",
        "undisclosed-recipients:;",
        "ä@bücher.example",
        "дмитрий <д@пример.test>",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "<@relay.test,@other.test:a@x.test>",
        "a@x.test b@x.test",
        "no angle a@x.test",
        "<>",
        "<a@x.test",
        "\"open quote <a@x.test>",
        "a@",
        "@x.test",
        "a@@x.test",
        ",,,;;;",
        "=?utf-8?Q?a=40b.test?= <evil@x.test>",
        "\u{202e}tset.x@a",
        "a\0b@x.test",
        "Name <a@x.test> tail",
        "a . b @ x . test",
        "<<<<a@x.test>>>>",
    ];
    let mut out: Vec<Case> = addresses
        .into_iter()
        .enumerate()
        .map(|(n, a)| {
            bare(
                &format!("address-{n}"),
                format!("From: {a}\r\nTo: {a}\r\nCc: {a}\r\nReply-To: {a}\r\nSubject: address\r\n\r\nx"),
                any,
            )
        })
        .collect();
    let long = format!("{}@{}", "l".repeat(64), "d".repeat(250));
    let beyond = format!("{}@{}.test", "l".repeat(5_000), "d".repeat(5_000));
    for (name, address) in [
        ("address-longest", long),
        ("address-beyond", beyond),
        ("address-comments-deep", format!("{}a@x.test", "(".repeat(100_000))),
        ("address-groups-deep", format!("{}a@x.test", "g:".repeat(50_000))),
        ("address-quotes", format!("{}a@x.test", "\"\\".repeat(50_000))),
        ("address-name-1mb", format!("{} <a@x.test>", "n".repeat(1_000_000))),
    ] {
        out.push(bare(name, format!("From: {address}\r\nTo: {address}\r\nSubject: address\r\n\r\nx"), any));
    }
    out
}

fn parts() -> Vec<Case> {
    let multipart = |kind: &str| format!("Subject: parts\r\nContent-Type: multipart/{kind}; boundary=b\r\n\r\n");
    let file = "--b\r\nContent-Type: application/octet-stream; name=f\r\n\r\nx\r\n";
    let mut deep = String::from("Subject: deep\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n");
    for n in 1..5_000 {
        write!(deep, "--b{}\r\nContent-Type: multipart/mixed; boundary=b{n}\r\n\r\n", n - 1).unwrap();
    }
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(5_000);
    let name: String = (0..5_000).fold(String::new(), |mut all, n| {
        write!(all, ";\r\n name*{n}*=%41%42").unwrap();
        all
    });
    let pixels = data_encoding_of(&vec![7; 600_000]);
    let shown = "<img src=\"cid:big\">".repeat(25_000);
    let images = format!(
        "{}--b\r\nContent-Type: text/html\r\n\r\n{shown}\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <big>\r\nContent-Transfer-Encoding: base64\r\n\r\n{pixels}\r\n--b--\r\n",
        multipart("related")
    );
    vec![
        case("parts-2000", format!("{}{}--b--\r\n", multipart("mixed"), file.repeat(2_000)), |d| {
            says(d, "too many parts");
            assert!((900..=1_000).contains(&d["attachments"].as_array().unwrap().len()));
        }),
        case("part-bomb", format!("{}{}", multipart("mixed"), "--b\r\n\r\n".repeat(200_000)), |d| {
            says(d, "too many parts");
        }),
        case(
            "alternatives-2000",
            format!("{}{}", multipart("alternative"), "--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n".repeat(2_000)),
            any,
        ),
        case("nesting-5000", deep, |d| says(d, "nested too deep")),
        case("messages-in-messages", format!("Subject: s\r\n{nested}"), any),
        case(
            "one-boundary-for-all",
            format!(
                "{}{}",
                multipart("mixed"),
                "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(5_000)
            ),
            any,
        ),
        case(
            "boundary-long",
            format!("Subject: s\r\nContent-Type: multipart/mixed; boundary={}\r\n\r\nx", "b".repeat(100_000)),
            |d| says(d, "could not be told apart"),
        ),
        case("name-continued", format!("Subject: s\r\nContent-Type: application/pdf{name}\r\n\r\nx"), any),
        case("image-shown-25000-times", images, |d| assert_eq!(d["has_html"], true)),
        case(
            "equals-signs",
            format!("Subject: s\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}", "=".repeat(1_000_000)),
            any,
        ),
        case(
            "base64-of-nothing",
            format!("Subject: s\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", "!".repeat(1_000_000)),
            any,
        ),
    ]
}

fn data_encoding_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What 100 MB of zeros are when they are packed.
fn packed_zeros() -> Vec<u8> {
    let pack = "head -c 100000000 /dev/zero | gzip -1";
    std::process::Command::new("sh").args(["-c", pack]).output().unwrap().stdout
}

fn charsets() -> Vec<Case> {
    let mut out = vec![];
    let long = "x".repeat(10_000);
    for (n, charset) in [
        "utf-7",
        "iso-2022-jp",
        "iso-2022-kr",
        "hz-gb-2312",
        "utf-16",
        "utf-16le",
        "utf-32",
        "gb18030",
        "big5",
        "shift_jis",
        "euc-kr",
        "koi8-r",
        "macintosh",
        "x-user-defined",
        "ebcdic-us",
        "utf-8",
        "\"\"",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("charset-{n}");
        let mut raw =
            format!("Subject: =?{charset}?Q?=1B$B=FF=FE+AGE-?=\r\nContent-Type: text/plain; charset={charset}\r\n\r\n")
                .into_bytes();
        for piece in [
            &b"+AGE-+/v8-"[..],
            b"\x1b$B\x1b(J\x1b(I\x1b$)C",
            b"\xff\xfe\x00\xd8",
            b"\xc3\x28\xf0\x9f",
            b"~{~}~",
            &[0x80, 0x81, 0x30, 0x81],
        ] {
            raw.extend(piece.repeat(3_000));
        }
        out.push(case(&name, raw, any));
    }
    out
}

fn bytes() -> Vec<Case> {
    let zeros = packed_zeros();
    let packed = format!(
        "Subject: packed\r\nContent-Type: application/gzip; name=zeros.gz\r\nContent-Disposition: attachment; filename=zeros.gz\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Encoding: gzip\r\n\r\n{}\r\n",
        data_encoding_of(&zeros)
    );
    let mut out = vec![
        case("nul-bytes", b"Subject: a\0b\r\n\r\nbody \0\0\0 with NUL\0\r\n", any),
        case("bare-cr", "Subject: a\rb\rX-Evil: 1\r\n\r\nbody\rwith\rCR\r", any),
        case("bare-lf", "Subject: lf\nContent-Type: text/plain\n\nbody\nwith\nLF", any),
        case("line-1mb", format!("Subject: line\r\n\r\n{}", "x".repeat(1_000_000)), any),
        case("controls", (0..=255_u8).chain(*b"\r\n\r\n").chain(0..=255).collect::<Vec<_>>(), any),
        case("packed-100mb", packed, |d| {
            let size = d["attachments"][0]["size"].as_u64().unwrap();
            assert!(size < 1_000_000, "packed it stays: {size}");
        }),
        Case { name: "empty".into(), raw: b"\r\n".to_vec(), opened: any },
    ];
    for n in 0..50 {
        let raw = format!("X-Case: same-id-{n}\r\nMessage-ID: <same@x.test>\r\nSubject: same {n}\r\n\r\nx");
        out.push(Case {
            name: format!("same-id-{n}"),
            raw: raw.into(),
            opened: |d| assert_eq!(d["message_id"], "<same@x.test>"),
        });
    }
    out
}

fn pages() -> Vec<Case> {
    vec![
        html("html-20mb", &"<p>Paragraph &amp; more</p>\r\n".repeat(800_000)),
        html("divs-100000", &"<div>".repeat(100_000)),
        html("tables-30000", &"<table><tr><td>".repeat(30_000)),
        html("attributes-100000", &format!("<p {}>x", "a=b ".repeat(100_000))),
        html("comment-open", &format!("<!--{}", "-".repeat(1_000_000))),
        html("angles", &"<".repeat(200_000)),
        html("entities", &"&lt;&#x41;&nosuch;&#99999999;".repeat(30_000)),
        html("style-1mb", &format!("<p style=\"{}\">x", "color:red;".repeat(100_000))),
        html("formatting", &"<b><i><u><font>".repeat(30_000)),
    ]
}

async fn bounded(api: &mut Api, what: &str, path: &str) -> Answer {
    let started = Instant::now();
    let answer = api.get(path).await;
    assert!(started.elapsed() < MAX_WAIT, "{what} {path}: {:?}", started.elapsed());
    assert_eq!(answer.status.as_u16(), 200, "{what} {path}: {}", beginning(&answer.text, 500));
    answer
}

/// Opens one message in all its forms. Gives the name of its case.
async fn open(api: &mut Api, id: &str, cases: &[Case]) -> String {
    let raw = bounded(api, id, &format!("/messages/{id}/raw")).await.text;
    let name = raw.lines().next().unwrap_or_default().strip_prefix("X-Case: ").unwrap_or("empty").trim().to_owned();
    let case = cases.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("a message of no case: {name}"));
    let details = bounded(api, &name, &format!("/messages/{id}")).await;
    assert!(details.text.len() < MAX_ANSWER_BYTES, "{name}: {} bytes", details.text.len());
    let details = details.json();
    let unreadable = details["parse_problems"].to_string().contains("could not be read");
    assert!(!unreadable, "{name}: the parser gave up");
    (case.opened)(&details);
    if details["has_html"] == true {
        let page = bounded(api, &name, &format!("/messages/{id}/html?images=1")).await;
        assert!(page.text.len() < MAX_ANSWER_BYTES, "{name}: {} bytes of HTML", page.text.len());
    }
    for n in 0..details["attachments"].as_array().unwrap().len().min(2) {
        bounded(api, &name, &format!("/messages/{id}/attachments/{n}")).await;
    }
    name
}

async fn wait_for(api: &mut Api, id: &str, want: usize) -> Vec<Value> {
    let cell = tokio::sync::Mutex::new((api, vec![]));
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (api, seen) = &mut *cell.lock().await;
        let page = bounded(api, "the list", &format!("/accounts/{id}/messages?limit=200")).await;
        assert!(page.text.len() < MAX_ANSWER_BYTES, "{} bytes of list", page.text.len());
        *seen = page.json()["items"].as_array().unwrap().clone();
        if seen.len() == want {
            return std::mem::take(seen);
        }
        assert!(Instant::now() < deadline, "waited in vain for {want} messages, there are {}", seen.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

on_both! {
    async fn whatever_arrives_is_listed_opens_and_stops_nothing(engine) {
        watch_panics();
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("bad-mail-{engine:?}").to_lowercase()).unwrap();
        let mut cases: Vec<Case> = [headers(), dates(), addresses(), parts(), charsets(), bytes()].into_iter().flatten().collect();
        // What the browser is shown does not depend on the database: once is enough for the largest.
        if engine == crate::support::Engine::Sqlite {
            cases.extend(pages());
        }
        for case in &cases {
            world.put(&mailbox.address, "INBOX", &case.raw).unwrap_or_else(|e| panic!("{}: {e:#}", case.name));
        }
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        let listed = wait_for(&mut api, &id, cases.len()).await;
        let mut opened = std::collections::BTreeSet::new();
        for row in &listed {
            opened.insert(open(&mut api, row["id"].as_str().unwrap(), &cases).await);
        }
        assert_eq!(opened.len(), cases.len(), "each case once");
        world.deliver(&mailbox.address, &mail("A normal one", "normal@else.test")).unwrap();
        let listed = wait_for(&mut api, &id, cases.len() + 1).await;
        assert!(listed.iter().any(|m| m["subject"] == "A normal one"));
        let account = api.get(&format!("/accounts/{id}")).await.expect(200);
        assert_eq!((&account["receiving"]["state"], &account["receiving"]["reason"]), (&"connected".into(), &Value::Null));
        t.stop().await;
        assert_eq!(*PANICS.lock().unwrap(), Vec::<String>::new());
    }
}

/// A mail of 100 MB whose content does not compress.
#[cfg(feature = "failpoints")]
fn hundred_megabytes() -> Vec<u8> {
    let mut raw = head("huge").into_bytes();
    raw.extend(b"Subject: Huge\r\nContent-Type: application/octet-stream; name=huge.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut line = String::new();
    while raw.len() < 100_000_000 {
        line.clear();
        for _ in 0..9 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            line.push_str(&data_encoding_of(&state.to_le_bytes()[..6]));
        }
        line.push_str("\r\n");
        raw.extend_from_slice(line.as_bytes());
    }
    raw
}

/// In a process of its own, whose memory is nobody else's.
#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_100_mb_is_cut_says_so_and_takes_bounded_memory() {
    use crate::support::{Engine, program::Program};
    const BOUND: u64 = 200 * 1024 * 1024;
    let world = MailWorld::shared();
    let mailbox = world.add_user("hundred-megabytes").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let t = TestApp::with(Engine::Sqlite, |c| {
        crate::support::allow(c, world);
        c.data_dir = folder.path().join("data");
    })
    .await;
    let mut api = t.owner().await;
    let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
    let id = account["id"].as_str().unwrap().to_owned();
    let mut config = t.app().config.clone();
    config.listen.set_port(testkit::free_port().unwrap());
    t.stop().await;

    let program = Program::start_at(config.listen, (&config, folder.path()), None);
    let mut api = Api::with_cookie_of(config.listen, &api);
    let port = config.listen;
    eventually("the program answers", async || tokio::net::TcpStream::connect(port).await.is_ok()).await;
    world.deliver(&mailbox.address, &mail("Before", "before@else.test")).unwrap();
    wait_for(&mut api, &id, 1).await;
    let before = program.memory("VmRSS");
    world.put(&mailbox.address, "INBOX", &hundred_megabytes()).unwrap();
    let listed = wait_for(&mut api, &id, 2).await;
    let grown = program.memory("VmHWM").saturating_sub(before);
    assert!(grown < BOUND, "storing it took {} MiB", grown / 1024 / 1024);
    let huge = listed.iter().find(|m| m["subject"] == "Huge").unwrap();
    assert_eq!(huge["size"], 50 * 1024 * 1024);
    let path = format!("/messages/{}", huge["id"].as_str().unwrap());
    let details = bounded(&mut api, "huge", &path).await.json();
    assert_eq!(details["truncated"], true);
    assert!(details["attachments"][0]["size"].as_u64().unwrap() > 30_000_000);
    bounded(&mut api, "huge", &format!("{path}/attachments/0")).await;
    let grown = program.memory("VmHWM").saturating_sub(before);
    assert!(grown < BOUND, "opening it took {} MiB", grown / 1024 / 1024);
    eprintln!("a message of 100 MB: at most {} MiB more than before", grown / 1024 / 1024);
    world.deliver(&mailbox.address, &mail("After", "after@else.test")).unwrap();
    wait_for(&mut api, &id, 3).await;
}
