//! Sign-in with a token at canned servers: what Google, Microsoft and Dovecot answer.

use super::*;

const GOOGLE: &str = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";
const DOVECOT: &str = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
const XOAUTH2: &str = "dXNlcj1hbm5hQGxhYi50ZXN0AWF1dGg9QmVhcmVyIHlhMjkudG9rZW4BAQ==";
const BEARER: &str = "bixhPWFubmFAbGFiLnRlc3QsAWF1dGg9QmVhcmVyIHlhMjkudG9rZW4BAQ==";

fn token(token: &str) -> Credentials {
    Credentials::with_token("anna@lab.test", SecretString::from(token))
}

/// What came of a sign-in at a server that offers `mechanisms` and then answers with `replies`, and the lines it heard.
async fn sign_in(mechanisms: &str, token: Credentials, replies: &[&str]) -> (Result<(), NetError>, Vec<String>) {
    let mut script = vec!["220 x\r\n".to_owned(), format!("250-x\r\n250 AUTH {mechanisms}\r\n")];
    script.extend(replies.iter().map(|&reply| reply.to_owned()));
    let script: Vec<&'static str> = script.into_iter().map(|reply| &*reply.leak()).collect();
    let (mut session, done) = session(script.leak()).await;
    let result = session.auth_in_clear(&token).await;
    drop(session);
    (result, done.await.unwrap().split_off(1))
}

#[tokio::test]
async fn a_token_goes_by_the_mechanism_that_is_offered() {
    let table = [("PLAIN XOAUTH2 OAUTHBEARER", "OAUTHBEARER", BEARER), ("LOGIN XOAUTH2", "XOAUTH2", XOAUTH2)];
    for (offered, mechanism, response) in table {
        let (result, lines) = sign_in(offered, token("ya29.token"), &["235 2.7.0 Accepted\r\n"]).await;
        result.unwrap();
        assert_eq!(lines, [format!("AUTH {mechanism} {response}")]);
        // As in Microsoft's documentation, and by servers that pass over the response.
        for prompt in ["334 \r\n", "334 go on\r\n"] {
            let (result, lines) = sign_in(offered, token("ya29.token"), &[prompt, "235 ok\r\n"]).await;
            result.unwrap();
            assert_eq!(lines, [format!("AUTH {mechanism} {response}"), response.to_owned()]);
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_no_token_is_no_refusal() {
    let (result, lines) = sign_in("PLAIN LOGIN", token("ya29.token"), &[]).await;
    assert!(matches!(result, Err(NetError::AuthUnavailable { offered }) if offered == "PLAIN LOGIN"));
    assert!(lines.is_empty(), "{lines:?}");
    for odd in ["", "a b", "a\r\nQUIT", "a\u{1}b"] {
        let (result, lines) = sign_in("XOAUTH2", token(odd), &[]).await;
        assert!(matches!(result, Err(NetError::Unsendable { .. })), "{odd:?}");
        assert!(lines.is_empty(), "{lines:?}");
    }
    let (mut session, _done) = session(&["220 x\r\n", "250-x\r\n250 AUTH XOAUTH2\r\n"]).await;
    assert!(matches!(session.auth(&token("ya29.token")).await, Err(NetError::PlainTextLogin)));
}

#[tokio::test]
async fn challenges_are_answered_and_kept() {
    let google = "535-5.7.8 Username and Password not accepted. For more information, go to\r\n\
                  535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp\r\n";
    let dovecot = "535 5.7.8 Error: authentication failed: invalid\r\n";
    let microsoft = "535 5.7.3 Authentication unsuccessful [x.prod.outlook.com]\r\n";
    let table = [
        ("XOAUTH2", Some(GOOGLE), google, "", "(status 400, schemes Bearer, scope https://mail.google.com/)"),
        ("XOAUTH2", Some(DOVECOT), dovecot, "", "(status 401, schemes bearer, scope mail)"),
        ("OAUTHBEARER", Some(DOVECOT), dovecot, "AQ==", "(status 401, schemes bearer, scope mail)"),
        ("XOAUTH2", None, microsoft, "", "[x.prod.outlook.com]"),
    ];
    for (mechanism, challenge, verdict, acknowledgement, words) in table {
        for size in [10, 2_000] {
            let mut replies = Vec::new();
            // A long token waits for the go-ahead.
            replies.extend((size > 400).then(|| "334 \r\n".to_owned()));
            replies.extend(challenge.map(|challenge| format!("334 {challenge}\r\n")));
            replies.push(verdict.to_owned());
            let replies: Vec<&str> = replies.iter().map(String::as_str).collect();
            let (result, lines) = sign_in(mechanism, token(&"t".repeat(size)), &replies).await;
            let failure = result.unwrap_err();
            assert!(matches!(&failure, NetError::AuthRefused { reply, .. } if reply.code == 535), "{failure}");
            assert!(failure.server_words().unwrap().ends_with(words), "{failure}");
            assert!(failure.to_string().ends_with(words), "{failure}");
            assert_eq!(lines.len(), replies.len());
            if challenge.is_some() {
                assert_eq!(lines.last().unwrap(), acknowledgement);
            }
        }
    }
}

#[tokio::test]
async fn a_refused_token_leaves_the_session_in_step() {
    let replies = &[
        "220 x\r\n",
        "250-x\r\n250 AUTH XOAUTH2\r\n",
        "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n",
        "535 5.7.8 no\r\n",
        "235 ok\r\n",
    ];
    let (mut session, done) = session(replies).await;
    assert!(matches!(session.auth_in_clear(&token("old")).await, Err(NetError::AuthRefused { .. })));
    session.auth_in_clear(&token("new")).await.unwrap();
    assert_eq!(done.await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_never_ends_asking_is_left() {
    let challenge = format!("334 {DOVECOT}\r\n");
    let (result, lines) = sign_in("XOAUTH2", token("t"), &[&challenge, &challenge]).await;
    assert!(matches!(result, Err(NetError::Protocol { stage: Stage::Auth, .. })), "{result:?}");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn xoauth2_after_oauthbearer_only_when_that_is_unknown() {
    let replies = &["504 5.5.4 Unrecognized authentication type\r\n", "235 ok\r\n"];
    let (result, lines) = sign_in("OAUTHBEARER XOAUTH2", token("ya29.token"), replies).await;
    result.unwrap();
    assert_eq!(lines, [format!("AUTH OAUTHBEARER {BEARER}"), format!("AUTH XOAUTH2 {XOAUTH2}")]);
    let (result, lines) = sign_in("OAUTHBEARER XOAUTH2", token("ya29.token"), &["535 5.7.8 no\r\n"]).await;
    assert!(matches!(result, Err(NetError::AuthRefused { .. })));
    assert_eq!(lines.len(), 1);
    let (result, _) = sign_in("XOAUTH2", token("ya29.token"), &["454 4.7.0 Later\r\n"]).await;
    assert!(matches!(result, Err(NetError::Temporary { stage: Stage::Auth, .. })));
}

#[tokio::test]
async fn tokens_of_kilobytes_are_sent_whole() {
    for size in [400, 3_000, 8_192, 40_000] {
        let long = "t".repeat(size);
        let message = sasl::Mechanism::XOAuth2.message("anna@lab.test", &long).unwrap();
        let (result, lines) = sign_in("XOAUTH2", token(&long), &["334 \r\n", "235 ok\r\n"]).await;
        result.unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0] == "AUTH XOAUTH2" && lines[1] == *message, "{size}");
    }
}

#[tokio::test]
async fn no_token_is_in_an_error() {
    let secret: String = (0..3_000).map(|n: u32| char::from(b'A' + (n * n % 57 % 26) as u8)).collect();
    let message = sasl::Mechanism::XOAuth2.message("anna@lab.test", &secret).unwrap();
    // Cut as a server's line is.
    let (cut_message, cut_secret) = (message.get(..900).unwrap(), secret.get(200..1_200).unwrap());
    for verdict in [
        format!("535 5.7.8 {cut_message}\r\n"),
        format!("501-5.5.2 Cannot decode\r\n501 5.5.2 {cut_secret}\r\n"),
        format!("454 4.7.0 {cut_secret}\r\n"),
        format!("334 {cut_secret}\r\n"),
    ] {
        let challenge = format!("334 {}\r\n", {
            use base64::Engine as _;
            base64::prelude::BASE64_STANDARD.encode(format!(r#"{{"status":"400 {cut_secret}"}}"#))
        });
        let (result, _) = sign_in("XOAUTH2", token(&secret), &["334 \r\n", &challenge, &verdict]).await;
        let failure = result.unwrap_err();
        let shown = format!("{failure} {failure:?} {:?}", failure.server_words());
        for secret in [secret.as_str(), &message] {
            let leak = secret.as_bytes().windows(16).find(|piece| shown.as_bytes().windows(16).any(|w| w == *piece));
            assert!(leak.is_none(), "{shown}");
        }
    }
}
