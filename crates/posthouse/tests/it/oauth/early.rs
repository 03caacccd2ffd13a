//! What goes wrong before there is an account.

use super::*;

on_both! {
    async fn who_gives_up_while_the_mailbox_is_checked_has_no_account_and_no_consent(engine) {
        let world = MailWorld::shared_with_oauth();
        let slow = Plan::of(Fault::DelayPieces(Direction::FromServer, std::time::Duration::from_millis(700)));
        let imap = FaultProxy::start(world.imaps_port(), slow).await.unwrap();
        let mut scene = Scene::open_with(engine, world, |c| {
            c.egress.extra_ports.push(imap.port());
            c.oauth.get_mut("google").unwrap().imap = Some(format!("tls://localhost:{}", imap.port()));
        })
        .await;
        let mailbox = someone(world, "gives-up");
        let flow = scene.begin("google", &mailbox).await;
        scene.walk("google", &flow, (&mailbox.address, Consent::All)).await;
        eventually("the mailbox is being checked", || async { imap.connections() > 0 }).await;
        let path = format!("/oauth/flows/{}", flow["id"].as_str().unwrap());
        assert_eq!(scene.owner.get(&path).await.expect(200)["state"], "working");
        scene.owner.delete(&path, &Value::Null).await.expect(204);
        assert_eq!(scene.ended(&flow).await["problem"]["code"], "cancelled");
        let posthouse = &scene.posthouse;
        let left = "SELECT COUNT(*) FROM job WHERE kind = 'finish_consent'";
        eventually("nothing goes on", || async { posthouse.number(left).await == 0 }).await;
        for sql in ["SELECT COUNT(*) FROM account", "SELECT COUNT(*) FROM oauth_grant"] {
            assert_eq!(posthouse.number(sql).await, 0, "{sql}");
        }
        assert_eq!(scene.issuer("google").revoke(&mailbox.address).unwrap(), 0, "the consent was given back");
        assert_eq!(scene.ended(&flow).await["problem"]["code"], "cancelled");
    }

    async fn what_the_provider_left_out_or_refused_at_the_code_is_told_as_what_it_is(engine) {
        let world = own_world();
        let no_openid = OAuthSettings {
            label: Some("Acme Mail".into()),
            scopes: ["email", "https://mail.google.com/"].map(str::to_owned).into(),
            ..settings(&world, world.openid().unwrap().google())
        };
        let mut scene = Scene::open_with(engine, &world, |c| {
            c.oauth.insert("acme".into(), OAuthSettings { client_id: None, client_secret: None, ..no_openid });
        })
        .await;
        let mailbox = someone(&world, "told");
        let acme = json!({ "provider": "acme", "address": mailbox.address, "display_name": "Ben" });
        let refused = scene.owner.post("/oauth/flows", &acme).await.problem(409, "app_configuration");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("has no app for Acme Mail") && !detail.contains("refuses"), "{detail}");

        let invalid = json!({ "error": "invalid_grant", "error_description": format!("no code for {}", Issuer::CLIENT_SECRET) });
        let unnamed = json!({ "access_token": "a", "refresh_token": "r-e-f-r-e-s-h", "token_type": "Bearer", "expires_in": "3600" });
        let cases = [
            (400, invalid, "expired", "took too long, or was used already"),
            (200, unnamed, "app_configuration", "did not say who signed in"),
            (200, json!({ "access_token": 5 }), "app_configuration", "none of OAuth"),
        ];
        for (status, body, code, words) in cases {
            let flow = scene.begin("google", &mailbox).await;
            scene.issuer("google").fail_token_calls(1, status, &body).unwrap();
            scene.walk("google", &flow, (&mailbox.address, Consent::All)).await;
            let problem = scene.ended(&flow).await["problem"].clone();
            assert_eq!(problem["code"], code, "{problem}");
            assert!(problem["text"].as_str().unwrap().contains(words), "{problem}");
            assert!(!problem.to_string().contains(Issuer::CLIENT_SECRET), "{problem}");
        }
    }

    async fn a_client_id_is_one_app_of_a_provider_in_a_workspace(engine) {
        let t = TestApp::start(engine).await;
        let mut owner = t.owner().await;
        let app = |provider: &str, name: &str, client_id: &str| json!({ "provider": provider, "name": name, "client_id": client_id });
        owner.post("/oauth/apps", &app("google", "Sales", "id-1")).await.expect(201);
        let refused = owner.post("/oauth/apps", &app("google", "Support", " id-1 ")).await.problem(409, "app_taken");
        assert!(refused["detail"].as_str().unwrap().contains("“Sales”"), "{refused}");
        owner.post("/oauth/apps", &app("microsoft", "Sales", "id-1")).await.expect(201);
        let other = owner.post("/oauth/apps", &app("google", "Sales", "id-2")).await.expect(201)["id"].as_str().unwrap().to_owned();
        let path = format!("/oauth/apps/{other}");
        owner.patch(&path, &json!({ "client_id": "id-1" })).await.problem(409, "app_taken");
        owner.patch(&path, &json!({ "client_id": "id-2", "name": "Support" })).await.expect(204);
        // Two at once are one, too.
        let (mut a, mut b) = (t.caller_like(&owner), t.caller_like(&owner));
        let twice = app("google", "Twice", "id-3");
        let (a, b) = tokio::join!(a.post("/oauth/apps", &twice), b.post("/oauth/apps", &twice));
        let mut both = [a.status.as_u16(), b.status.as_u16()];
        both.sort_unstable();
        assert_eq!(both, [201, 409]);
        // Those that were there before can still be changed.
        t.run_sql("UPDATE oauth_app SET client_id = 'id-1' WHERE client_id = 'id-2'").await;
        owner.patch(&path, &json!({ "name": "Before" })).await.expect(204);
        t.stop().await;
    }
}
