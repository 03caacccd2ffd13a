//! Which provider an answer came from (RFC 9207).

use super::*;

/// Where the provider sends somebody back to, with another name for itself; none: with no name.
fn named(back: &str, issuer: Option<&str>) -> String {
    let (address, query) = back.split_once('?').unwrap();
    let others: Vec<&str> = query.split('&').filter(|part| !part.starts_with("iss=")).collect();
    assert_eq!(others.len() + 1, query.split('&').count(), "the provider names itself: {back}");
    let named = issuer.map(|i| format!("&iss={}", i.replace(':', "%3A").replace('/', "%2F"))).unwrap_or_default();
    format!("{address}?{}{named}", others.join("&"))
}

on_both! {
    async fn an_answer_that_another_provider_gave_is_not_used(engine) {
        let world = MailWorld::shared_with_oauth();
        let (google, microsoft) = (world.openid().unwrap().google().base_url(), world.openid().unwrap().microsoft().base_url());
        for known in [None, Some(google.clone())] {
            let mut scene = Scene::open_with(engine, world, |c| c.oauth.get_mut("google").unwrap().issuer = known.clone()).await;
            let mailbox = someone(world, "mixed-up");
            for said in [Some(microsoft.as_str()), Some("http://127.0.0.1:9"), Some("https://accounts.google.com"), Some(""), None] {
                let flow = scene.begin("google", &mailbox).await;
                let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
                come_back(&mut scene.owner, &named(&back, said)).await;
                let ended = scene.ended(&flow).await;
                assert_eq!((&ended["state"], &ended["problem"]["code"]), (&json!("failed"), &json!("wrong_issuer")), "{known:?} {said:?}: {ended}");
                assert!(ended["problem"]["fix"].as_str().unwrap().contains("issuer"), "{ended}");
            }
            assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM account").await, 0);
            assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM oauth_flow WHERE secrets IS NOT NULL").await, 0);
            let flow = scene.begin("google", &mailbox).await;
            let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
            come_back(&mut scene.owner, &named(&back, Some(&google))).await;
            let ended = scene.ended(&flow).await;
            assert_eq!(ended["state"], "done", "{known:?}: {ended}");
            scene.posthouse.stop().await;
        }
    }
}
