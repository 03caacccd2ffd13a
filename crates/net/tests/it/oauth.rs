//! OAuth 2.0: what is sent, and what each answer means. The whole flow with a real provider is among the product's tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use net::oauth::{self, Ask, Identity, IdentityError, OAuthApp, Remedy, TokenFailure, Tokens};
use net::{HttpClient, NetError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Names, dialer, only_loopback_one, serve};

/// A token endpoint that gives every request the same answer, and what it was asked.
struct Endpoint {
    app: OAuthApp,
    http: HttpClient,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        let hears = Arc::clone(&asked);
        let address = serve(move |mut stream| {
            let (answer, hears) = (answer.clone(), Arc::clone(&hears));
            async move {
                let mut request = vec![];
                let mut piece = [0; 8192];
                // Headers and a body that is as long as they say.
                while !whole(&request) {
                    match stream.read(&mut piece).await {
                        Ok(count @ 1..) => request.extend_from_slice(&piece[..count]),
                        _ => break,
                    }
                }
                hears.lock().unwrap().push(String::from_utf8(request).unwrap());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let url = format!("http://127.0.0.1:{}/token", address.port());
        let http = dialer(Names::default(), only_loopback_one(address.port())).http_client();
        Self { app: app(&url), http, asked }
    }

    async fn refresh(&self) -> Result<Tokens, TokenFailure> {
        oauth::refresh(&self.http, &self.app, &SecretString::from("old-refresh")).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

fn app(token_url: &str) -> OAuthApp {
    OAuthApp {
        client_id: "our app".into(),
        client_secret: Some(SecretString::from("app-secret")),
        authorize_url: "https://id.example/auth?tenant=1".into(),
        token_url: token_url.into(),
        revoke_url: Some(token_url.into()),
        redirect_url: "https://house.example/api/v1/oauth/callback".into(),
    }
}

fn failed<T>(answer: Result<T, TokenFailure>) -> TokenFailure {
    answer.err().expect("it was refused")
}

#[test]
fn the_browser_is_sent_with_state_challenge_and_all_that_was_asked() {
    let ask = Ask {
        scopes: vec!["https://mail.google.com/".into(), "openid".into()],
        login_hint: Some("ana+x@acme.test".into()),
        extra: vec![("access_type".into(), "offline".into()), ("prompt".into(), "consent".into())],
    };
    let (one, two) = (
        oauth::begin(&app("https://id.example/t"), &ask).unwrap(),
        oauth::begin(&app("https://id.example/t"), &ask).unwrap(),
    );
    let url = url::Url::parse(&one.url).unwrap();
    let pairs: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let expect = |name: &str, value: &str| assert_eq!(pairs[name], value, "{name}");
    expect("tenant", "1");
    expect("response_type", "code");
    expect("client_id", "our app");
    expect("redirect_uri", "https://house.example/api/v1/oauth/callback");
    expect("scope", "https://mail.google.com/ openid");
    expect("login_hint", "ana+x@acme.test");
    expect("access_type", "offline");
    expect("prompt", "consent");
    expect("code_challenge_method", "S256");
    expect("state", &one.state);
    expect("nonce", &one.nonce);
    // RFC 7636 §4.2.
    let digest = <sha2::Sha256 as sha2::Digest>::digest(one.verifier.expose_secret().as_bytes());
    expect("code_challenge", &URL_SAFE_NO_PAD.encode(digest));
    assert!(!one.url.contains("app-secret") && !one.url.contains(one.verifier.expose_secret()));
    assert!(one.state != two.state && one.nonce != two.nonce, "never the same twice");
    assert!(one.state.len() >= 22, "128 bits at least");
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier_and_the_secret_in_the_body() {
    let body = r#"{"access_token":"AT","token_type":"bearer","expires_in":3599,"refresh_token":"RT","scope":"a b","id_token":"x.y.z","ext_expires_in":1}"#;
    let endpoint = Endpoint::answering("200 OK", "Content-Type: application/json\r\n", body).await;
    let verifier = SecretString::from("the-verifier-the-verifier-the-verifier-12345");
    let tokens = oauth::exchange(&endpoint.http, &endpoint.app, "the code".into(), &verifier)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(tokens.access.expose_secret(), "AT");
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "RT");
    assert_eq!((tokens.lasts, tokens.scopes), (Duration::from_secs(3599), Some(vec!["a".into(), "b".into()])));
    assert_eq!(tokens.id_token.as_deref(), Some("x.y.z"));
    let asked = endpoint.asked().remove(0);
    assert!(
        asked.starts_with("POST /token HTTP/1.1\r\n") && !asked.to_lowercase().contains("authorization:"),
        "{asked}"
    );
    for part in [
        "grant_type=authorization_code",
        "code=the+code",
        "code_verifier=the-verifier",
        "client_id=our+app",
        "client_secret=app-secret",
        "redirect_uri=https%3A%2F%2Fhouse.example",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

#[tokio::test]
async fn a_refresh_may_bring_a_new_refresh_token_or_leave_the_old_one() {
    let huge = "t".repeat(6_000);
    let rotated = format!(r#"{{"access_token":"{huge}","token_type":"Bearer","refresh_token":"new"}}"#);
    let endpoint = Endpoint::answering("200 OK", "", &rotated).await;
    let tokens = endpoint.refresh().await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(tokens.access.expose_secret(), huge);
    assert_eq!((tokens.refresh.unwrap().expose_secret(), tokens.lasts), ("new", Duration::from_secs(3_600)));
    assert!(endpoint.asked()[0].contains("grant_type=refresh_token&refresh_token=old-refresh"));
    let kept = Endpoint::answering("200 OK", "", r#"{"access_token":"x","token_type":"Bearer","expires_in":60}"#).await;
    assert!(kept.refresh().await.unwrap_or_else(|e| panic!("{e}")).refresh.is_none());
}

/// Answers of token endpoints: status, body, who can mend it, the code that is kept.
const MEANINGS: &[(&str, &str, Remedy, &str)] = &[
    (
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
        Remedy::Consent,
        "invalid_grant",
    ),
    (
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity."}"#,
        Remedy::Consent,
        "invalid_grant AADSTS700082",
    ),
    (
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"AADSTS50173: The provided grant has expired due to it being revoked."}"#,
        Remedy::Consent,
        "invalid_grant AADSTS50173",
    ),
    (
        "400 Bad Request",
        r#"{"error":"interaction_required","error_description":"AADSTS50076: multi-factor"}"#,
        Remedy::Consent,
        "interaction_required AADSTS50076",
    ),
    (
        "401 Unauthorized",
        r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}"#,
        Remedy::Registration,
        "invalid_client AADSTS7000222",
    ),
    (
        "401 Unauthorized",
        r#"{"error":"invalid_client","error_description":"The OAuth client was not found."}"#,
        Remedy::Registration,
        "invalid_client",
    ),
    (
        "400 Bad Request",
        r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found in the directory"}"#,
        Remedy::Registration,
        "unauthorized_client AADSTS700016",
    ),
    // Microsoft says invalid_grant for some faults of the registration: its number decides.
    (
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"AADSTS7000215: Invalid client secret provided."}"#,
        Remedy::Registration,
        "invalid_grant AADSTS7000215",
    ),
    ("400 Bad Request", r#"{"error":"invalid_scope"}"#, Remedy::Registration, "invalid_scope"),
    (
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"AADSTS90094: admin consent"}"#,
        Remedy::Declined,
        "invalid_grant AADSTS90094",
    ),
    (
        "503 Service Unavailable",
        r#"{"error":"temporarily_unavailable"}"#,
        Remedy::Wait(None),
        "temporarily_unavailable",
    ),
    (
        "400 Bad Request",
        r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: A transient error"}"#,
        Remedy::Wait(None),
        "temporarily_unavailable AADSTS90033",
    ),
    // An outage never asks for a person, whatever words come with it.
    ("500 Internal Server Error", r#"{"error":"invalid_grant"}"#, Remedy::Wait(None), "invalid_grant"),
    ("502 Bad Gateway", "<html>bad gateway</html>", Remedy::Wait(None), "unreadable"),
    ("200 OK", "<html>sign in to the hotel's network</html>", Remedy::Wait(None), "not_oauth"),
    ("200 OK", r#"{"access_token":5,"token_type":"Bearer"}"#, Remedy::Wait(None), "not_oauth"),
    (
        "400 Bad Request",
        r#"{"error":"invalid_client","error_description":"old-refresh is refused"}"#,
        Remedy::Registration,
        "invalid_client",
    ),
    ("404 Not Found", "nothing here", Remedy::Registration, "token_address"),
];

#[tokio::test]
async fn each_refusal_says_who_can_mend_it() {
    for (status, body, remedy, code) in MEANINGS {
        let failure = failed(Endpoint::answering(status, "", body).await.refresh().await);
        assert_eq!((&failure.remedy, failure.code.as_str()), (remedy, *code), "{status} {body}");
        assert!(!failure.to_string().contains("old-refresh") && !failure.to_string().contains("<html"), "{failure}");
    }
    let busy = r#"{"error":"rate_limited"}"#;
    let busy = Endpoint::answering("429 Too Many Requests", "Retry-After: 120\r\n", busy).await;
    assert_eq!(failed(busy.refresh().await).remedy, Remedy::Wait(Some(Duration::from_secs(120))));
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_waited_for_and_a_redirect_is_not_followed() {
    let endpoint = Endpoint::answering("307 Temporary Redirect", "Location: http://127.0.0.1:9/\r\n", "").await;
    let failure = failed(endpoint.refresh().await);
    assert_eq!((failure.remedy, endpoint.asked().len()), (Remedy::Wait(None), 1), "the secret went nowhere else");
    let nobody = OAuthApp {
        token_url: format!("http://127.0.0.1:{}/token", endpoint.app.token_url.len()),
        ..endpoint.app.clone()
    };
    assert_eq!(
        failed(oauth::refresh(&endpoint.http, &nobody, &SecretString::from("t")).await).remedy,
        Remedy::Registration
    );
    let plain = OAuthApp { token_url: "http://id.example/token".into(), ..endpoint.app.clone() };
    let failure = failed(oauth::refresh(&endpoint.http, &plain, &SecretString::from("t")).await);
    assert_eq!(failure.remedy, Remedy::Registration);
    assert!(failure.words.contains("https only"), "{failure}");
    let bad = OAuthApp { token_url: "nonsense".into(), ..endpoint.app.clone() };
    assert_eq!(failed(oauth::refresh(&endpoint.http, &bad, &SecretString::from("t")).await).code, "app_registration");
}

#[tokio::test]
async fn a_lifetime_may_be_a_text_and_no_failure_repeats_a_secret_or_a_number() {
    let body = r#"{"access_token":"a","token_type":"Bearer","expires_in":"1800"}"#;
    let tokens = Endpoint::answering("200 OK", "", body).await.refresh().await.unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(tokens.lasts, Duration::from_secs(1_800));
    assert_eq!(
        oauth::said("unauthorized_client AADSTS700016", "AADSTS700016: no app"),
        "unauthorized_client: AADSTS700016: no app"
    );
    assert_eq!(oauth::said("invalid_client", ""), "invalid_client");
    let body = r#"{"error":"invalid_client","error_description":"the-secret-of-the-app is wrong"}"#;
    let endpoint = Endpoint::answering("401 Unauthorized", "", body).await;
    let app = OAuthApp { client_secret: Some(SecretString::from("the-secret-of-the-app")), ..endpoint.app.clone() };
    let failure = failed(oauth::refresh(&endpoint.http, &app, &SecretString::from("t")).await);
    assert_eq!(failure.words, "[hidden] is wrong");
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let body = format!(r#"{{"error":"{}"}}"#, "x".repeat(200_000));
    let failure = failed(Endpoint::answering("400 Bad Request", "", &body).await.refresh().await);
    assert_eq!((failure.remedy, failure.code.as_str()), (Remedy::Wait(None), "not_oauth"));
    assert!(failure.is_unreadable());
    let long = format!(r#"{{"error":"invalid_grant","error_description":"{}"}}"#, "y".repeat(50_000));
    assert!(failed(Endpoint::answering("400 Bad Request", "", &long).await.refresh().await).to_string().len() < 1_000);
}

#[tokio::test]
async fn a_grant_is_given_back() {
    let endpoint = Endpoint::answering("200 OK", "", "").await;
    let token = SecretString::from("refresh me");
    assert!(oauth::revoke(&endpoint.http, &endpoint.app, &token).await.unwrap());
    let asked = endpoint.asked().remove(0);
    assert!(asked.contains("token=refresh+me&client_id=our+app&client_secret=app-secret"), "{asked}");
    let nowhere = OAuthApp { revoke_url: None, ..endpoint.app.clone() };
    assert!(!oauth::revoke(&endpoint.http, &nowhere, &token).await.unwrap());
    let broken = Endpoint::answering("503 Service Unavailable", "", "").await;
    assert!(matches!(oauth::revoke(&broken.http, &broken.app, &token).await, Err(NetError::Protocol { .. })));
}

#[test]
fn callbacks_say_who_can_mend_it() {
    for (code, words, remedy) in [
        ("access_denied", None, Remedy::Declined),
        ("access_denied", Some("AADSTS65004: User declined to consent"), Remedy::Declined),
        ("consent_required", Some("AADSTS65001: The user or administrator has not consented"), Remedy::Consent),
        ("invalid_request", Some("AADSTS50011: The redirect URI does not match"), Remedy::Registration),
        ("temporarily_unavailable", None, Remedy::Wait(None)),
        ("server_error", None, Remedy::Wait(None)),
        ("login_required", None, Remedy::Consent),
        ("<script>", Some("\u{202e}x\r\ny"), Remedy::Registration),
    ] {
        let failure = oauth::callback_failure(code, words);
        assert_eq!(failure.remedy, remedy, "{code} {words:?}");
        assert!(!failure.words.contains('\u{202e}') && !failure.words.contains('\r'));
    }
}

#[test]
fn scopes_that_were_unticked_are_found() {
    let all = |words: &str| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let required = all("https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send");
    let granted = all("openid https://outlook.office.com/imap.accessasuser.all profile");
    assert_eq!(oauth::missing_scopes(&granted, &required), all("https://outlook.office.com/SMTP.Send"));
    assert!(oauth::missing_scopes(&required, &required).is_empty());
}

const NOW: i64 = 1_800_000_000;

fn id_token(claims: &serde_json::Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn read(claims: &serde_json::Value) -> Result<Identity, IdentityError> {
    Identity::read(Some(&id_token(claims)), "app", "n", NOW)
}

#[test]
fn an_identity_is_issuer_and_subject_and_never_an_address() {
    let google = serde_json::json!({ "iss": "https://accounts.google.com", "sub": "10769", "aud": "app", "exp": NOW + 1, "nonce": "n", "email": "ana@acme.test" });
    let who = read(&google).unwrap();
    assert_eq!((who.key.as_str(), who.shown.as_deref()), ("https://accounts.google.com 10769", Some("ana@acme.test")));
    let microsoft = serde_json::json!({ "iss": "https://login/t1/v2.0", "sub": "differs", "aud": ["other", "app"], "exp": NOW - 200, "nonce": "n",
        "tid": "t1", "oid": "o1", "preferred_username": "ana@acme.onmicrosoft.test" });
    assert_eq!(read(&microsoft).unwrap().key, "t1/o1");
    let mut forged = microsoft.clone();
    (forged["tid"], forged["preferred_username"]) = ("t2".into(), "ana@acme.onmicrosoft.test".into());
    assert_ne!(
        read(&forged).unwrap().key,
        read(&microsoft).unwrap().key,
        "another tenant's administrator is somebody else"
    );
}

#[test]
fn an_id_token_for_somebody_else_proves_nothing() {
    let good = serde_json::json!({ "iss": "i", "sub": "s", "aud": "app", "exp": NOW + 60, "nonce": "n" });
    assert!(read(&good).is_ok());
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        read(&claims)
    };
    assert!(matches!(with("aud", "another".into()), Err(IdentityError::NotOurs(_))));
    assert!(matches!(with("nonce", "older".into()), Err(IdentityError::NotOurs(_))));
    assert!(matches!(with("nonce", serde_json::Value::Null), Err(IdentityError::NotOurs(_))));
    assert_eq!(with("exp", (NOW - 301).into()), Err(IdentityError::Expired));
    assert!(matches!(with("sub", 7.into()), Err(IdentityError::Malformed(_))));
    assert_eq!(Identity::read(None, "app", "n", NOW), Err(IdentityError::Absent));
    for text in ["", "..", "a", "a.b.c", "a.!.c", "a.bnVsbA.c", &"x".repeat(40_000)] {
        assert!(
            matches!(Identity::read(Some(text), "app", "n", NOW), Err(IdentityError::Malformed(_))),
            "{}",
            text.len()
        );
    }
}
