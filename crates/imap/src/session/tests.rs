//! Sessions against a script: what a real server does not do on demand.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

use super::*;
use crate::{Content, FetchItem, MailboxName, SearchKey, UidSet};

/// One step of a server: wait for a line that contains the text or for the end, or say something.
enum Step {
    Hear(&'static str),
    /// The whole line, with its end.
    HearLine(&'static str),
    HearEnd,
    Say(String),
}

fn hear(text: &'static str) -> Step {
    Step::Hear(text)
}

fn say(text: impl Into<String>) -> Step {
    Step::Say(text.into())
}

/// Plays the steps, then closes. Whatever else the client sends is not read.
async fn serve(stream: DuplexStream, steps: Vec<Step>) {
    let mut stream = BufReader::new(stream);
    for step in steps {
        match step {
            // A client that has had enough is gone.
            Step::Say(text) => drop(stream.write_all(text.as_bytes()).await),
            Step::HearEnd => assert_eq!(stream.read_to_string(&mut String::new()).await.unwrap(), 0),
            Step::HearLine(text) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert!(line == text, "expected {text:?}, got {line:?}");
            }
            Step::Hear(text) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert!(line.contains(text), "expected {text:?}, got {line:?}");
            }
        }
    }
}

fn limits() -> Limits {
    Limits { reply_timeout: Duration::from_secs(5), ..Limits::default() }
}

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 IDLE SASL-IR AUTH=PLAIN STARTTLS ID] hi\r\n";

/// Runs a client against a script that begins with [`GREETING`].
macro_rules! play {
    ($steps:expr, |$session:pat_param| $client:expr) => {{
        let (near, far) = duplex(1 << 16);
        let server = serve(far, [say(GREETING)].into_iter().chain($steps).collect());
        let client = async {
            let $session = Session::connect(near, limits()).await.unwrap();
            $client
        };
        tokio::join!(client, server).0
    }};
}

async fn greeted(greeting: &str) -> Result<Session<DuplexStream>> {
    let (near, mut far) = duplex(1 << 16);
    far.write_all(greeting.as_bytes()).await.unwrap();
    drop(far);
    Session::connect(near, limits()).await
}

#[tokio::test]
async fn greetings() {
    assert!(greeted(GREETING).await.unwrap().capabilities().has("IDLE"));
    assert!(greeted("* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n").await.unwrap().is_preauth());
    let bye = greeted("* BYE [UNAVAILABLE] Too busy\r\n").await.err();
    assert!(
        matches!(bye, Some(Error::Bye(Refusal { code: Some(Code::Unavailable), words, .. })) if words == "Too busy")
    );
    let smtp = greeted("220 mail.test ESMTP\r\n").await.err();
    assert!(matches!(smtp, Some(Error::Protocol(words)) if words == "220 mail.test ESMTP"));
    assert!(matches!(greeted("").await.err(), Some(Error::Closed)));
}

#[tokio::test]
async fn capabilities_are_read_again_after_signing_in() {
    play!(
        [
            hear("A1 AUTHENTICATE PLAIN AHVzZXIAcMOk"),
            say("A1 OK signed in\r\n"),
            hear("A2 CAPABILITY"),
            say("* CAPABILITY IMAP4rev1 CONDSTORE  MOVE\r\nA2 OK\r\n"),
        ],
        |mut session| {
            session.login("user", "pä").await.unwrap();
            assert!(session.capabilities().has("CONDSTORE") && !session.capabilities().has("IDLE"));
        }
    );
}

#[tokio::test]
async fn a_name_with_a_slash_and_a_password_beyond_ascii_go_by_login_and_literals() {
    play!(
        [hear("A1 LOGIN me/other {3}"), say("+ go on\r\n"), hear("pä"), say("A1 OK [CAPABILITY IMAP4rev1] in\r\n"),],
        |mut session| session.login("me/other", "pä").await.unwrap()
    );
}

#[tokio::test]
async fn a_literal_can_be_refused() {
    play!([hear("A1 LOGIN a/b {3}"), say("A1 NO [LIMIT] no\r\n"), hear("A2 NOOP"), say("A2 OK\r\n")], |mut session| {
        let error = session.login("a/b", "pä").await.unwrap_err();
        assert!(matches!(error, Error::No(Refusal { code: Some(Code::Limit), .. })));
        session.noop().await.unwrap();
    });
}

#[tokio::test]
async fn refused_sign_ins() {
    let answers = [
        ("A1 NO [AUTHENTICATIONFAILED] Invalid\r\n", "the server refused the sign-in: Invalid"),
        ("A1 NO bad user or password\r\n", "the server refused the sign-in: bad user or password"),
        ("A1 NO [UNAVAILABLE] later\r\n", "the server refused: later"),
        (
            "A1 BAD got: AUTHENTICATE PLAIN AHUAc2VjcmV0 secret\r\n",
            "the server rejected the command: got: AUTHENTICATE PLAIN *** ***",
        ),
        ("* BYE Too many failures\r\n", "the server closed the session: Too many failures"),
        ("A9 OK\r\n", "not a valid answer: an answer to another command"),
    ];
    for (answer, text) in answers {
        let error = play!([hear("A1 AUTHENTICATE"), say(answer)], |mut session| session.login("u", "secret").await);
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(!format!("{error:?}").contains("secret"));
    }
    let endless =
        [hear("A1 AUTHENTICATE"), say("+ x\r\n".repeat(5)), hear(""), hear(""), hear(""), hear(""), Step::HearEnd];
    let error = play!(endless, |mut session| session.login("u", "secret").await).unwrap_err();
    assert_eq!(error.to_string(), "not a valid answer: the sign-in does not end");
    let (near, mut far) = duplex(1 << 16);
    far.write_all(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS] hi\r\n").await.unwrap();
    let mut session = Session::connect(near, limits()).await.unwrap();
    assert!(matches!(session.login("u", "p").await, Err(Error::Unsupported(_))));
    assert!(matches!(session.login("u\0", "p").await, Err(Error::Invalid(_))));
}

/// Sign-in with a token after this greeting and these answers.
async fn with_token(capabilities: &str, token: &str, steps: Vec<Step>) -> (Result<()>, Session<DuplexStream>) {
    let (near, far) = duplex(1 << 16);
    let greeting = say(format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n"));
    let server = serve(far, [greeting].into_iter().chain(steps).collect());
    let client = async {
        let mut session = Session::connect(near, limits()).await.unwrap();
        let result = session.login_with_token("someuser@example.com", token).await;
        if session.is_open() {
            session.noop().await.unwrap();
        }
        (result, session)
    };
    tokio::join!(client, server).0
}

/// What is heard and said until a refused session goes on with NOOP.
fn refused(exchange: Vec<Step>) -> Vec<Step> {
    exchange.into_iter().chain([hear("A2 NOOP"), say("A2 OK\r\n")]).collect()
}

const XOAUTH2: &str = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnRva2VuAQE=";
const BEARER: &str = "bixhPXNvbWV1c2VyQGV4YW1wbGUuY29tLAFhdXRoPUJlYXJlciB5YTI5LnRva2VuAQE=";

#[tokio::test]
async fn a_token_goes_by_the_mechanism_that_is_offered() {
    let signed_in = || say("A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n");
    let noop = || [hear("A2 NOOP"), say("A2 OK\r\n")];
    let line = |mechanism: &str, response: &str| -> &'static str {
        Box::leak(format!("A1 AUTHENTICATE {mechanism} {response}\r\n").into_boxed_str())
    };
    let table = [
        ("SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER", vec![hear(line("OAUTHBEARER", BEARER)), signed_in()]),
        ("SASL-IR AUTH=XOAUTH2", vec![hear(line("XOAUTH2", XOAUTH2)), signed_in()]),
        ("AUTH=XOAUTH2", vec![hear("A1 AUTHENTICATE XOAUTH2\r\n"), say("+ \r\n"), hear(XOAUTH2), signed_in()]),
    ];
    for (capabilities, steps) in table {
        let (result, session) = with_token(capabilities, "ya29.token", steps.into_iter().chain(noop()).collect()).await;
        result.unwrap();
        assert!(session.capabilities().has("MOVE"), "{capabilities}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_token_is_no_refusal() {
    let steps = vec![hear("A1 NOOP"), say("A1 OK\r\n")];
    let (result, session) = with_token("SASL-IR AUTH=PLAIN", "ya29.token", steps).await;
    assert!(matches!(result, Err(Error::Unsupported(_))) && session.is_open(), "{result:?}");
    let steps = vec![hear("A1 NOOP"), say("A1 OK\r\n")];
    let (result, _) = with_token("AUTH=XOAUTH2", "ya29\r\nA1 LOGOUT", steps).await;
    assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
}

#[tokio::test]
async fn challenges_are_answered_and_kept() {
    // Google, Dovecot, Yahoo, Dovecot with OAUTHBEARER, Microsoft (which explains nothing), and nonsense.
    let google = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";
    let dovecot = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
    let bearer = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=";
    let table = [
        (
            "XOAUTH2",
            Some((google, "\r\n")),
            "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
            "Invalid credentials (Failure) (status 400, schemes Bearer, scope https://mail.google.com/)",
        ),
        (
            "XOAUTH2",
            Some((dovecot, "\r\n")),
            "NO [AUTHENTICATIONFAILED] Authentication failed.",
            "Authentication failed. (status 401, schemes bearer, scope mail)",
        ),
        (
            "OAUTHBEARER",
            Some((bearer, "AQ==\r\n")),
            "NO [AUTHENTICATIONFAILED] Authentication failed.",
            "Authentication failed. (status invalid_token)",
        ),
        ("XOAUTH2", None, "NO AUTHENTICATE failed.", "AUTHENTICATE failed."),
        ("OAUTHBEARER", Some(("what?", "AQ==\r\n")), "NO no", "no"),
    ];
    for with_initial_response in [true, false] {
        for (mechanism, challenge, answer, words) in table {
            let mut steps = vec![hear("A1 AUTHENTICATE ")];
            if !with_initial_response {
                steps.extend([say("+ \r\n"), hear("=\r\n")]);
            }
            if let Some((challenge, acknowledgement)) = challenge {
                steps.extend([say(format!("+ {challenge}\r\n")), Step::HearLine(acknowledgement)]);
            }
            steps.push(say(format!("A1 {answer}\r\n")));
            let ir = if with_initial_response { "SASL-IR " } else { "" };
            let (result, _) = with_token(&format!("{ir}AUTH={mechanism}"), "ya29.token", refused(steps)).await;
            let error = result.unwrap_err();
            assert!(matches!(error, Error::AuthRefused(_)), "{error:?}");
            assert_eq!(error.to_string(), format!("the server refused the sign-in: {words}"));
        }
    }
}

#[tokio::test]
async fn a_passing_reason_is_no_refused_token() {
    let steps = vec![hear("A1 AUTHENTICATE"), say("A1 NO [UNAVAILABLE] Temporary authentication failure\r\n")];
    let (result, _) = with_token("SASL-IR AUTH=XOAUTH2", "ya29.token", refused(steps)).await;
    assert!(matches!(result, Err(Error::No(_))), "{result:?}");
}

#[tokio::test]
async fn tokens_of_kilobytes_are_sent_whole() {
    for (bytes, with_command) in [(5_000, true), (8_192, false), (40_000, false)] {
        let token = "t".repeat(bytes);
        let message = sasl::Mechanism::XOAuth2.message("someuser@example.com", &token).unwrap();
        let (command, response) = if with_command {
            (format!("A1 AUTHENTICATE XOAUTH2 {}\r\n", *message), None)
        } else {
            ("A1 AUTHENTICATE XOAUTH2\r\n".to_owned(), Some(format!("{}\r\n", *message)))
        };
        let mut steps = vec![Step::HearLine(Box::leak(command.into_boxed_str()))];
        if let Some(response) = response {
            steps.extend([say("+ \r\n"), Step::HearLine(Box::leak(response.into_boxed_str()))]);
        }
        steps.extend([say("A1 OK [CAPABILITY IMAP4rev1] in\r\n"), hear("A2 NOOP"), say("A2 OK\r\n")]);
        with_token("SASL-IR AUTH=XOAUTH2", &token, steps).await.0.unwrap();
    }
}

#[tokio::test]
async fn no_token_is_in_an_error() {
    let token: String = (0..3_000).map(|n: u32| char::from(b'A' + (n * n % 57 % 26) as u8)).collect();
    let message = sasl::Mechanism::XOAuth2.message("someuser@example.com", &token).unwrap();
    let challenge = BASE64.encode(format!(r#"{{"status":"400","scope":"{token}"}}"#));
    let ends = [
        format!("A1 BAD {}\r\n", *message),
        format!("A1 NO [X {token}] auth=Bearer {token}\r\n"),
        format!("* OK [ALERT] {}\r\nA1 NO no\r\n", *message),
        format!("* BYE {}\r\n", *message),
        format!("A1 BYE {token}\r\n"),
    ];
    for end in ends {
        let steps = vec![hear("A1 AUTH"), say(format!("+ {challenge}\r\n")), Step::HearLine("\r\n"), say(end.clone())];
        let steps = if end.contains("BYE") { steps } else { refused(steps) };
        let (result, mut session) = with_token("SASL-IR AUTH=XOAUTH2", &token, steps).await;
        let error = result.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", session.take_alerts());
        for secret in [token.as_str(), &message] {
            let leak = secret.as_bytes().windows(16).find(|piece| shown.as_bytes().windows(16).any(|w| w == *piece));
            assert!(leak.is_none(), "{end:.40}: {shown}");
        }
        assert!(shown.contains("***"), "{end:.40}: {shown}");
    }
}

#[tokio::test]
async fn starttls_refuses_text_behind_the_answer() {
    let injected = "A1 OK go\r\n* OK [CAPABILITY IMAP4rev1] from a stranger\r\n";
    let error = play!([hear("A1 STARTTLS"), say(injected)], |session| session.starttls().await.err());
    assert!(matches!(error, Some(Error::Protocol(_))));
    play!([hear("A1 STARTTLS"), say("A1 OK go\r\n")], |session| {
        let mut stream = session.starttls().await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    });
    let preauth = greeted("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n").await.unwrap();
    assert!(matches!(preauth.starttls().await, Err(Error::Protocol(_))));
}

#[tokio::test]
async fn a_dropped_or_late_command_closes_the_session() {
    play!([hear("A1 NOOP"), Step::HearEnd], |mut session| {
        let dropped = tokio::time::timeout(Duration::from_millis(20), session.noop()).await;
        assert!(dropped.is_err() && !session.is_open());
        assert!(matches!(session.noop().await, Err(Error::Closed)));
    });
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_command() {
    let error = |words: &'static str| async move {
        let (near, mut far) = duplex(1 << 16);
        far.write_all(format!("{GREETING}{words}").as_bytes()).await.unwrap();
        let mut session = Session::connect(near, limits()).await.unwrap();
        (session.noop().await.unwrap_err().to_string(), far)
    };
    assert_eq!(error("").await.0, "the server did not answer in time");
    assert_eq!(error("* BAD unknown\r\n").await.0, "the server rejected the command: unknown");
    assert_eq!(error("* BYE going down\r\n").await.0, "the server closed the session: going down");
    assert_eq!(error("* 1 EXI").await.0, "the server did not answer in time");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drips_is_ended_by_the_command_timeout() {
    let (near, mut far) = duplex(1 << 16);
    far.write_all(GREETING.as_bytes()).await.unwrap();
    let limits = Limits { command_timeout: Duration::from_secs(60), ..limits() };
    let mut session = Session::connect(near, limits).await.unwrap();
    let drip = async {
        loop {
            tokio::time::sleep(Duration::from_secs(4)).await;
            if far.write_all(b"* OK Still here\r\n").await.is_err() {
                break;
            }
        }
    };
    let result = tokio::select! {
        result = session.noop() => result,
        () = drip => panic!("the session went away"),
    };
    assert!(matches!(result, Err(Error::Timeout)));
}

#[tokio::test]
async fn selecting_collects_what_the_server_says() {
    let replies = "* 7 EXISTS\r\n* 1 RECENT\r\n* OK [CLOSED] old\r\n* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* 0 RECENT\r\n\
        * OK [UIDVALIDITY 9] ok\r\n* OK [UIDNEXT 0] odd\r\n* OK [HIGHESTMODSEQ 77] ok\r\n\
        * OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n* OK [MAILBOXID (F2212-a_7)] ok\r\n* OK [MAILBOXID (\x01/)] odd\r\n\
        A1 OK [READ-ONLY] done\r\n";
    play!(
        [hear("A1 SELECT \"Entw&APw-rfe\""), say(replies), hear("A2 IDLE"), say("A2 NO not now\r\n")],
        |mut session| {
            let selected = session.select(&MailboxName::encode("Entwürfe")).await.unwrap();
            let expected = Selected {
                uid_validity: Some(9),
                exists: 3,
                highest_modseq: Some(77),
                permanent_flags: vec!["\\Seen".to_owned(), "\\*".to_owned()],
                mailbox_id: Some("F2212-a_7".to_owned()),
                read_only: true,
                ..Selected::default()
            };
            assert_eq!(selected, expected);
            assert!(session.take_changes().is_empty());
            let idle = session.idle(std::future::pending::<()>(), Duration::from_secs(9)).await;
            assert!(matches!(idle, Err(Error::No(_))));
        }
    );
}

#[tokio::test]
async fn search_results_in_both_forms() {
    let replies = "* SEARCH 5 3\r\n* ESEARCH (TAG \"A1\") UID ALL 7:8,3\r\nA1 OK\r\n";
    play!(
        [
            hear("A1 UID SEARCH CHARSET UTF-8 SINCE 1-Jan-1970 NOT UID 1:4,9:* HEADER Subject {3}"),
            say("+\r\n"),
            hear("pä"),
            say(replies),
        ],
        |mut session| {
            let keys = [
                SearchKey::Since(crate::Day::of_unix_secs(0)),
                SearchKey::Not(Box::new(SearchKey::Other("UID 1:4,9:*".to_owned()))),
                SearchKey::Header("Subject".to_owned(), "pä".to_owned()),
            ];
            assert_eq!(session.uid_search(&keys).await.unwrap(), [3, 5, 7, 8]);
        }
    );
    play!([hear("A1 UID SEARCH ALL"), say("* ESEARCH UID ALL 1:4294967295\r\n")], |mut session| {
        assert!(matches!(session.uid_search(&[]).await, Err(Error::TooLarge(_))));
    });
}

#[tokio::test]
async fn append_takes_the_place_from_wherever_it_stands() {
    let uid = |uid| Some(AppendUid { uid_validity: 1, uid });
    let message = || Bytes::from_static(b"A: b\r\n\r\n");
    play!(
        [
            hear("A1 APPEND Sent (\\Seen) \" 1-Jan-1970 00:00:00 +0000\" {8}"),
            say("+ OK\r\n"),
            hear("A: b"),
            hear("\r\n"),
            hear("\r\n"),
            say("A1 OK [APPENDUID 1 5] done\r\n"),
            hear("A2 APPEND Sent {8}"),
            say("A2 NO [TRYCREATE] no such mailbox\r\n"),
        ],
        |mut session| {
            let sent = MailboxName::encode("Sent");
            assert_eq!(session.append(&sent, &["\\Seen"], Some(0), message()).await.unwrap(), uid(5));
            let error = session.append(&sent, &[], None, message()).await.unwrap_err();
            assert!(matches!(error, Error::No(Refusal { code: Some(Code::TryCreate), .. })));
        }
    );
}

#[tokio::test]
async fn fetches_with_odd_company() {
    let big = "x".repeat(70_000);
    let replies = format!(
        "* 4 EXISTS\r\n* 9 FETCH (FLAGS (\\Seen))\r\n\
         * 1 FETCH (BODY[] {{70000}}\r\n{big} UID 11)\r\n* 2 FETCH (UID 12 BODY[] \"small\")\r\n\
         * 3 FETCH (UID 13 ENVELOPE ({{70000}}\r\n{big}) BODY[] {{70000}}\r\n{big})\r\n\
         A1 NO [UNAVAILABLE] Some messages could not be read\r\n"
    );
    play!(
        [hear("A1 UID FETCH 1:5 (UID BODY.PEEK[])"), say(replies), hear("A2 NOOP"), say("A2 OK\r\n")],
        |mut session| {
            let items = [FetchItem::Uid, FetchItem::Body(String::new())];
            let mut stream = session.uid_fetch(&UidSet::range(1, 5), &items).await.unwrap();
            let first = stream.next_message(100_000).await.unwrap().unwrap();
            assert_eq!(first.uid, Some(11));
            assert!(matches!(first.body(""), Some(Content::Whole(body)) if body.len() == 70_000));
            let second = stream.next_message(3).await.unwrap().unwrap();
            assert!(matches!(second.body(""), Some(Content::Whole(body)) if body == "small"));
            let Some(FetchEvent::BodyStart { section, size, before }) = stream.next().await.unwrap() else {
                panic!("no body");
            };
            assert_eq!((section.as_str(), size, before.uid), ("", 70_000, Some(13)));
            let third = stream.next_message(69_999).await.unwrap().unwrap();
            assert_eq!(third.body(""), Some(&Content::Passed(70_000)));
            assert!(matches!(stream.next().await, Err(Error::No(_))));
            assert!(stream.next().await.unwrap().is_none());
            session.noop().await.unwrap();
            assert_eq!(session.take_changes(), Changes { exists: Some(4), expunged: false, flags: true });
        }
    );
}

#[tokio::test]
async fn a_fetch_left_early_closes_the_session() {
    play!([hear("A1 UID FETCH"), say("* 2 FETCH (UID 12)\r\n* 3 FETCH (UID 13)\r\n")], |mut session| {
        let mut stream = session.uid_fetch(&12.into(), &[FetchItem::Uid]).await.unwrap();
        assert!(stream.next().await.unwrap().is_some());
        drop(stream);
        assert!(!session.is_open());
    });
}

#[tokio::test]
async fn idle_ends_for_every_reason() {
    let forever = Duration::from_secs(600);
    play!(
        [
            hear("A1 IDLE"),
            say("* OK Still here\r\n+ idling\r\n* OK Still here\r\n* 4 RECENT\r\n* 4 EXISTS\r\n"),
            hear("DONE"),
            say("* 4 EXISTS\r\nA1 OK\r\n"),
            hear("A2 IDLE"),
            say("+\r\n* 4 EXISTS\r\n"),
            hear("DONE"),
            say("A2 OK\r\n"),
            hear("A3 IDLE"),
            say("+\r\n"),
            hear("DONE"),
            say("* 2 EXPUNGE\r\nA3 OK\r\n"),
            hear("A4 IDLE"),
            say("+\r\nA4 OK enough\r\n"),
            hear("A5 IDLE"),
            say("+\r\n* BYE going down\r\n"),
        ],
        |mut session| {
            let never = std::future::pending::<()>;
            assert_eq!(session.idle(never(), forever).await.unwrap(), IdleEnd::Changed);
            assert_eq!(session.idle(never(), forever).await.unwrap(), IdleEnd::Changed, "not taken yet");
            assert_eq!(session.take_changes(), Changes { exists: Some(4), ..Changes::default() });
            let soon = Duration::from_millis(20);
            assert_eq!(session.idle(never(), soon).await.unwrap(), IdleEnd::TimedOut);
            let woken = session.idle(tokio::time::sleep(soon), forever).await.unwrap();
            assert_eq!(woken, IdleEnd::Changed, "a change came with the end");
            assert!(session.take_changes().expunged);
            assert_eq!(session.idle(never(), forever).await.unwrap(), IdleEnd::TimedOut);
            let gone = session.idle(never(), forever).await;
            assert!(matches!(gone, Err(Error::Bye(Refusal { words, .. })) if words == "going down"));
            assert!(!session.is_open());
        }
    );
}

#[tokio::test]
async fn id_alerts_and_logout() {
    play!(
        [
            hear("A1 ID (\"name\" \"Post\\\"house\" \"version\" \"1\")"),
            say("* ID (\"name\" \"x\")\r\n* OK [ALERT] Read\tthis\r\nA1 OK [ALERT] And this\r\n"),
            hear("A2 LOGOUT"),
            say("* BYE\r\n"),
        ],
        |mut session| {
            let server = session.id(&[("name", "Post\"house"), ("version", "1")]).await.unwrap();
            assert_eq!(server, [("name".to_owned(), "x".to_owned())]);
            assert_eq!(session.take_alerts(), ["Read this", "And this"]);
            session.logout().await.unwrap();
        }
    );
}

#[tokio::test]
async fn a_list_without_end_is_too_large() {
    let line = format!("* LIST () \"/\" {}\r\n", "x".repeat(100_000));
    play!([hear("A1 LIST \"\" \"*\""), say(line.repeat(200))], |mut session| {
        assert!(matches!(session.list("*").await, Err(Error::TooLarge(_))));
        // The rest of the answer is not read.
        drop(session);
    });
}

#[tokio::test]
async fn an_answer_that_is_a_bye_ends_the_session() {
    play!([hear("A1 NOOP"), say("A1 BYE enough\r\n"), Step::HearEnd], |mut session| {
        assert!(matches!(session.noop().await, Err(Error::Bye(Refusal { words, .. })) if words == "enough"));
        assert!(!session.is_open());
    });
}

#[tokio::test]
async fn endless_nonsense_ends_the_session() {
    play!([hear("A1 NOOP"), say("\r\n".repeat(1_001))], |mut session| {
        assert!(matches!(session.noop().await, Err(Error::Protocol(_))));
    });
}

/// Sessions live in tasks.
#[expect(dead_code, reason = "it only has to compile")]
fn futures_can_be_sent(session: &mut Session<DuplexStream>) {
    fn sent<T: Send>(_: T) {}
    sent(session.login("", ""));
    sent(session.idle(std::future::ready(()), Duration::ZERO));
    sent(async { session.uid_fetch(&1.into(), &[]).await?.next_message(1).await });
}

#[path = "mailbox_tests.rs"]
mod mailbox_tests;

#[path = "idle_tests.rs"]
mod idle_tests;
