//! The provider in both flavours, walked through as an app and a person do.

use std::sync::OnceLock;

use super::*;
use crate::process::wait_for;

fn shared() -> &'static OpenIdProvider {
    static SHARED: OnceLock<OpenIdProvider> = OnceLock::new();
    SHARED.get_or_init(|| OpenIdProvider::start().unwrap())
}

/// The value of a parameter of an address.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

fn redeem(issuer: &Issuer, back: &str) -> Value {
    let code = parameter(back, "code").unwrap_or_else(|| panic!("no code in {back}"));
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", Issuer::REDIRECT)];
    let (status, answer) = issuer.token_call(&fields).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

fn refresh(issuer: &Issuer, token: &str) -> (u16, Value) {
    issuer.token_call(&[("grant_type", "refresh_token"), ("refresh_token", token)]).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

#[test]
fn google_gives_a_refresh_token_for_offline_access_and_keeps_it() {
    let issuer = shared().google();
    let url = issuer.consent_url("openid email https://mail.google.com/", Issuer::REDIRECT);
    let back = issuer.sign_in(&format!("{url}&state=s1"), "ann@lab.test", Consent::All).unwrap();
    assert!(back.starts_with(Issuer::REDIRECT), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("s1"));
    assert_eq!(text(&redeem(issuer, &back), "refresh_token"), None, "nobody asked for it");

    let offline = format!("{url}&access_type=offline&prompt=consent&login_hint=ann%40lab.test");
    let answer = redeem(issuer, &issuer.sign_in(&offline, "ann@lab.test", Consent::All).unwrap());
    assert!(text(&answer, "scope").unwrap().contains("https://mail.google.com/"), "{answer}");
    let token = text(&answer, "refresh_token").unwrap().to_owned();
    for _ in 0..2 {
        let (status, again) = refresh(issuer, &token);
        assert_eq!((status, text(&again, "refresh_token")), (200, Some(token.as_str())), "{again}");
        assert!(issuer.is_active(text(&again, "access_token").unwrap()).unwrap());
    }
}

#[test]
fn microsoft_gives_a_refresh_token_for_its_scope_and_the_next_with_each_use() {
    let issuer = shared().microsoft();
    let scope = "openid email offline_access https://outlook.office.com/IMAP.AccessAsUser.All";
    let url = issuer.consent_url(scope, Issuer::REDIRECT) + "&prompt=select_account";
    let answer = redeem(issuer, &issuer.sign_in(&url, "bo@lab.test", Consent::All).unwrap());
    let first = text(&answer, "refresh_token").unwrap().to_owned();
    let (status, answer) = refresh(issuer, &first);
    let second = text(&answer, "refresh_token").unwrap().to_owned();
    assert!(status == 200 && second != first, "{answer}");
    // A token that is used a second time was stolen, so the whole grant ends.
    assert_eq!(refresh(issuer, &first).0, 400);
    let (status, answer) = refresh(issuer, &second);
    assert_eq!((status, text(&answer, "error")), (400, Some("invalid_grant")));

    let url = issuer.consent_url("openid email https://outlook.office.com/SMTP.Send", Issuer::REDIRECT);
    let answer = redeem(issuer, &issuer.sign_in(&url, "cy@lab.test", Consent::All).unwrap());
    assert_eq!(text(&answer, "refresh_token"), None);
}

#[test]
fn tokens_end_as_they_do_in_life() {
    let issuer = shared().google();
    let tokens = issuer.tokens("dan@lab.test").unwrap();
    let short = issuer.short_lived_tokens("dan@lab.test", 1).unwrap();
    assert!(issuer.is_active(&tokens.access).unwrap());
    assert!(wait_for(process::SERVER_DEADLINE, || !issuer.is_active(&short.access).unwrap()));
    assert!(issuer.is_active(&tokens.access).unwrap());
    assert_eq!(issuer.revoke("dan@lab.test").unwrap(), 2);
    assert!(!issuer.is_active(&tokens.access).unwrap());
    let (status, answer) = refresh(issuer, &tokens.refresh);
    assert_eq!((status, text(&answer, "error")), (400, Some("invalid_grant")));
}

#[test]
fn controls_do_what_they_say() {
    // An own one: these controls hold for everybody.
    let provider = OpenIdProvider::start().unwrap();
    let issuer = provider.microsoft();
    issuer.set_token_bytes(4_000).unwrap();
    let tokens = issuer.tokens("eve@lab.test").unwrap();
    assert_eq!(tokens.access.len(), 4_000);
    issuer.set_lifetime(77).unwrap();
    issuer.fail_token_calls(2, 503, &json!({ "error": "temporarily_unavailable" })).unwrap();
    for expected in [503, 503, 200] {
        let (status, answer) = refresh(issuer, &tokens.refresh);
        assert_eq!(status, expected, "{answer}");
        assert_eq!(answer.get("expires_in").and_then(Value::as_u64), (expected == 200).then_some(77));
    }
    let other = "https://app.test/oauth/callback";
    let url = issuer.consent_url("openid", other);
    assert!(issuer.sign_in(&url, "eve@lab.test", Consent::All).is_err(), "an unknown place to go back to");
    issuer.allow_redirect(other).unwrap();
    assert!(issuer.sign_in(&url, "eve@lab.test", Consent::All).unwrap().starts_with(other));
}

#[test]
fn it_ends_with_its_owner() {
    let provider = OpenIdProvider::start().unwrap();
    let port = provider.google().port();
    assert!(process::accepts(port));
    drop(provider);
    assert!(!process::accepts(port));
}

#[test]
fn google_revokes_by_token() {
    let issuer = shared().google();
    let tokens = issuer.tokens("flo@lab.test").unwrap();
    let revoke = || Exchange::post_form(issuer.port, "/revoke", &[("token", &tokens.refresh)]).run().unwrap().status;
    assert_eq!(revoke(), 200);
    assert!(!issuer.is_active(&tokens.access).unwrap());
    assert_eq!(revoke(), 400);
}

#[test]
fn a_person_may_decline_or_allow_a_part() {
    let issuer = shared().google();
    let url = issuer.consent_url("openid email https://mail.google.com/", Issuer::REDIRECT);
    let back = issuer.sign_in(&url, "gus@lab.test", Consent::Decline).unwrap();
    assert!(back.starts_with(Issuer::REDIRECT), "{back}");
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    let back = issuer.sign_in(&url, "gus@lab.test", Consent::Only(&["email"])).unwrap();
    assert_eq!(text(&redeem(issuer, &back), "scope"), Some("openid email"));
}
