//! Mail comes in: import, IDLE, flags, reading; states when the server goes away or the password changes.

use crate::on_both;
use crate::support::{Api, TestApp, connect_request, eventually, mail, wait_for_state};
use reqwest::Method;
use serde_json::json;
use testkit::MailWorld;

async fn subjects(api: &mut Api, id: &str) -> Vec<String> {
    let list = api.get(&format!("/accounts/{id}/messages?limit=200")).await.expect(200);
    list["items"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect()
}

async fn wait_for_subjects(api: &mut Api, id: &str, want: usize) {
    for _ in 0..1_000 {
        if subjects(api, id).await.len() == want {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    panic!("waited in vain for {want} messages, there are {:?}", subjects(api, id).await);
}

on_both! {
    async fn mail_is_imported_followed_live_and_survives_a_restart(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("import-{engine:?}").to_lowercase()).unwrap();
        for n in 0..120 {
            world.put(&mailbox.address, "INBOX", &mail(&format!("Old {n}"), &format!("old-{n}@else.test"))).unwrap();
        }
        world.put(&mailbox.address, "Sent", &mail("Sent before", "sent-before@lab.test")).unwrap();
        let mut t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        wait_for_subjects(&mut api, &id, 121).await;
        let account = api.get(&format!("/accounts/{id}")).await.expect(200);
        assert_eq!(account["sent_total"], 1, "mail seen in Sent counts");

        world.deliver(&mailbox.address, &mail("Fresh", "fresh@else.test")).unwrap();
        wait_for_subjects(&mut api, &id, 122).await;
        assert_eq!(subjects(&mut api, &id).await[0], "Fresh", "the newest first");

        let folders = api.get(&format!("/accounts/{id}/folders")).await.expect(200);
        let inbox = &folders["items"][0];
        assert_eq!((&inbox["role"], &inbox["messages"]), (&json!("inbox"), &json!(121)));
        let page = api.get(&format!("/accounts/{id}/messages?limit=100&folder={}", inbox["id"].as_str().unwrap())).await.expect(200);
        let next = page["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("/accounts/{id}/messages?limit=100&folder={}&cursor={next}", inbox["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((page["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (100, 21));

        t.restart().await;
        let mut again = t.caller();
        again.post("/session", &json!({ "email": "ana@acme.test", "password": "correct horse battery" })).await.expect(200);
        assert_eq!(subjects(&mut again, &id).await.len(), 122);
        world.deliver(&mailbox.address, &mail("After restart", "after@else.test")).unwrap();
        wait_for_subjects(&mut again, &id, 123).await;
        t.stop().await;
    }

    async fn a_message_is_read_marked_and_its_files_saved(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("read-{engine:?}").to_lowercase()).unwrap();
        let hostile = b"From: Eve <eve@else.test>\r\nTo: ben@lab.test\r\nSubject: Hostile\r\nMessage-ID: <hostile@else.test>\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
            <p onclick=\"x()\">Hi<script>alert(1)</script><style>@import 'https://evil.test/x.css'</style><img src=\"https://evil.test/p.gif\" alt=\"pic\">\
            <form action=\"https://evil.test\"><input name=q></form><a href=\"javascript:alert(1)\">go</a></p>\r\n\
            --b\r\nContent-Type: text/plain; name=\"../../etc/passwd\"\r\nContent-Disposition: attachment; filename=\"../../etc/passwd\"\r\n\r\nfile body\r\n--b--\r\n";
        world.deliver(&mailbox.address, hostile).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        wait_for_subjects(&mut api, &id, 1).await;
        let row = api.get(&format!("/accounts/{id}/messages")).await.expect(200)["items"][0].clone();
        assert_eq!((&row["seen"], &row["has_attachments"], &row["from"]["address"]), (&json!(false), &json!(true), &json!("eve@else.test")));
        let message = row["id"].as_str().unwrap();
        let details = api.get(&format!("/messages/{message}")).await.expect(200);
        assert_eq!((&details["remote_images"], &details["attachments"][0]["name"]), (&json!(1), &json!("passwd")));
        let html = api.get(&format!("/messages/{message}/html?images=0")).await;
        let csp = html.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.contains("default-src 'none'") && csp.contains("sandbox"), "{csp}");
        for bad in ["<script", "onclick", "evil.test", "<form", "javascript:", "@import"] {
            assert!(!html.text.contains(bad), "{bad} in {}", html.text);
        }
        let with_images = api.get(&format!("/messages/{message}/html?images=1")).await.text;
        assert!(with_images.contains("/api/v1/images/") && !with_images.contains("evil.test"), "{with_images}");
        let path = with_images.split("/api/v1").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
        t.caller().get(&path).await.problem(502, "image_unavailable");
        t.caller().get(&path.replace("/0?", "/1?")).await.problem(404, "not_found");
        // The frame asks for images alone, and shows whatever image the answer is.
        let drawn = t.caller().open(Method::GET, &path, None, &[("accept", "image/avif,image/*,*/*;q=0.8")]).await;
        assert_eq!((drawn.status().as_u16(), &drawn.headers()["content-type"]), (502, &"image/svg+xml".parse().unwrap()));
        let drawn = drawn.text().await.unwrap();
        assert!(drawn.contains(">pic</text>") && drawn.contains("of this image"), "{drawn}");
        let file = api.get(&format!("/messages/{message}/attachments/0")).await;
        assert_eq!(file.text.trim_end(), "file body");
        assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"passwd\""));
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
        let raw = api.get(&format!("/messages/{message}/raw")).await;
        assert!(raw.text.ends_with("--b--\r\n") && raw.text.contains("Subject: Hostile"));
        let headers = api.get(&format!("/messages/{message}/headers")).await.expect(200);
        assert!(headers["items"].as_array().unwrap().contains(&json!({ "name": "Subject", "value": "Hostile" })), "{headers}");

        api.patch(&format!("/messages/{message}"), &json!({ "seen": true, "flagged": true })).await.expect(200);
        let world_sees = || async { world.doveadm(&["search", "-u", &mailbox.address, "mailbox", "INBOX", "SEEN", "FLAGGED"]).is_ok_and(|()| true) };
        eventually("flags on the server", world_sees).await;
        t.stop().await;
    }

    async fn a_wrong_password_waits_for_a_person_and_reconnect_keeps_everything(engine) {
        let world = MailWorld::start().unwrap();
        let mailbox = world.add_user("changed").unwrap();
        world.deliver(&mailbox.address, &mail("First", "first@else.test")).unwrap();
        let t = TestApp::beside(engine, &world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(&world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        wait_for_subjects(&mut api, &id, 1).await;
        world.set_password(&mailbox.address, "another password").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
        let account = wait_for_state(&mut api, &id, "receiving", "reconnect_required").await;
        assert_eq!((&account["receiving"]["reason"], &account["receiving"]["next_attempt_at"]), (&json!("login_refused"), &json!(null)));
        assert!(account["receiving"]["server_words"].as_str().unwrap().contains("failed"), "{account}");
        assert_eq!((&account["status"], &account["status_side"]), (&json!("reconnect_required"), &json!("receiving")));
        world.deliver(&mailbox.address, &mail("Meanwhile", "meanwhile@else.test")).unwrap();

        let side = |port: u16, encryption: &str, password: &str| json!({ "host": "localhost", "port": port, "encryption": encryption,
            "username": mailbox.address, "password": password });
        let wrong = json!({ "imap": side(world.imaps_port(), "tls", "still wrong") });
        api.post(&format!("/accounts/{id}/reconnect"), &wrong).await.problem(422, "connect_failed");
        let right = json!({ "imap": side(world.imaps_port(), "tls", "another password"),
            "smtp": side(world.submission_port(), "starttls", "another password") });
        assert_eq!(api.post(&format!("/accounts/{id}/reconnect"), &right).await.expect(200)["id"], json!(id));
        wait_for_state(&mut api, &id, "receiving", "connected").await;
        wait_for_subjects(&mut api, &id, 2).await;
        t.stop().await;
    }

    async fn another_mailboxs_login_leaves_nothing_behind(engine) {
        let world = MailWorld::shared();
        let (dana, carl) = (world.add_user(&format!("dana-{engine:?}").to_lowercase()).unwrap(), world.add_user(&format!("carl-{engine:?}").to_lowercase()).unwrap());
        world.put(&dana.address, "INBOX", &mail("Dana's", "dana@else.test")).unwrap();
        for n in 0..3 {
            world.put(&carl.address, "INBOX", &mail(&format!("Carl's {n}"), &format!("carl-{n}@else.test"))).unwrap();
        }
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let id = api.post("/accounts", &connect_request(world, &dana)).await.expect(201)["id"].as_str().unwrap().to_owned();
        wait_for_subjects(&mut api, &id, 1).await;
        // Both may have the same UIDVALIDITY: it says nothing across mailboxes.
        for (login, want) in [(&carl, 3), (&dana, 1)] {
            let imap = &connect_request(world, login)["imap"];
            api.post(&format!("/accounts/{id}/reconnect"), &json!({ "imap": imap })).await.expect(200);
            wait_for_subjects(&mut api, &id, want).await;
        }
        assert_eq!(subjects(&mut api, &id).await, ["Dana's"]);
        t.stop().await;
    }

    async fn an_outage_is_retried_and_recovers_by_itself(engine) {
        let world = MailWorld::start().unwrap();
        let mailbox = world.add_user("outage").unwrap();
        let t = TestApp::beside(engine, &world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(&world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        world.deliver(&mailbox.address, &mail("Before", "before@else.test")).unwrap();
        wait_for_subjects(&mut api, &id, 1).await;
        world.stop_imap().unwrap();
        let account = wait_for_state(&mut api, &id, "receiving", "disconnected").await;
        assert_ne!(account["receiving"]["next_attempt_at"], json!(null));
        assert_eq!(account["sending"]["state"], "connected", "the sides are never mixed up");
        world.deliver(&mailbox.address, &mail("During", "during@else.test")).unwrap();
        world.start_imap().unwrap();
        wait_for_state(&mut api, &id, "receiving", "connected").await;
        wait_for_subjects(&mut api, &id, 2).await;
        t.stop().await;
    }

    async fn orphaned_bodies_are_swept_and_others_stay(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("sweep-{engine:?}").to_lowercase()).unwrap();
        world.deliver(&mailbox.address, &mail("Kept", "kept@else.test")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        wait_for_subjects(&mut api, &id, 1).await;
        let app = t.app();
        let open = posthouse::accounts::open_accounts(&mut app.db.read().await.unwrap(), &posthouse::team::Instance).await.unwrap();
        let (scope, account) = (open[0].scope(), open[0].id);
        let orphan = app.blobs.put(&scope, account, &"nobody points at me".into()).await.unwrap();
        assert_eq!(posthouse::sweep::sweep(app).await.unwrap(), 0, "a young one may still get its row");
        let folder = app.config.data_dir.join("blobs").join(scope.workspace_id().to_string()).join(account.to_string());
        for file in std::fs::read_dir(&folder).unwrap() {
            let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3_600);
            std::fs::File::options().write(true).open(file.unwrap().path()).unwrap().set_modified(old).unwrap();
        }
        assert_eq!(posthouse::sweep::sweep(app).await.unwrap(), 1);
        assert!(app.blobs.get(&scope, account, orphan).await.is_err());
        let row = api.get(&format!("/accounts/{id}/messages")).await.expect(200)["items"][0]["id"].clone();
        api.get(&format!("/messages/{}", row.as_str().unwrap())).await.expect(200);
        t.stop().await;
    }

    async fn try_now_uses_the_stored_password_again(engine) {
        let world = MailWorld::start().unwrap();
        let mailbox = world.add_user("trynow").unwrap();
        let t = TestApp::beside(engine, &world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(&world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        world.deliver(&mailbox.address, &mail("Here", "here@else.test")).unwrap();
        wait_for_subjects(&mut api, &id, 1).await;
        world.set_password(&mailbox.address, "for a moment another").unwrap();
        world.kick_sessions(&mailbox.address).unwrap();
        wait_for_state(&mut api, &id, "receiving", "reconnect_required").await;
        world.set_password(&mailbox.address, &mailbox.password).unwrap();
        api.post(&format!("/accounts/{id}/retry"), &json!({})).await.expect(202);
        wait_for_state(&mut api, &id, "receiving", "connected").await;
        t.stop().await;
    }

    async fn a_sending_side_recovers_with_nothing_to_send(engine) {
        let world = MailWorld::start().unwrap();
        let mailbox = world.add_user("idle-sender").unwrap();
        let t = TestApp::beside(engine, &world).await;
        let mut api = t.owner().await;
        let account = api.post("/accounts", &connect_request(&world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        world.stop_smtp().unwrap();
        let send = json!({ "to": "someone@else.test", "subject": "Never", "body": "x" });
        let path = format!("/accounts/{id}/outgoing");
        let queued = api.call(reqwest::Method::POST, &path, Some(&send), &[("idempotency-key", "idle-sender-1")]).await.expect(202);
        wait_for_state(&mut api, &id, "sending", "disconnected").await;
        api.post(&format!("/outgoing/{}/cancel", queued["id"].as_str().unwrap()), &json!({})).await.expect(200);
        world.start_smtp().unwrap();
        wait_for_state(&mut api, &id, "sending", "connected").await;
        t.stop().await;
    }
}
