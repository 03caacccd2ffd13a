//! The link with which a mailbox's owner connects it: what it shows, what it takes, and when it works no more.

use crate::oauth::{Scene, come_back, someone};
use crate::on_both;
use crate::support::{Api, TestApp, connect_request, eventually, mail};
use posthouse::team::{Role, Scope};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Consent, MailWorld, Mailbox};

/// The request for a link to a mailbox of this world, at its servers.
fn asked(world: &MailWorld, mailbox: &Mailbox) -> Value {
    let mut request = connect_request(world, mailbox);
    for side in ["smtp", "imap"] {
        request[side].as_object_mut().unwrap().remove("password");
    }
    request
}

/// What stands behind `#` in a link that was made.
fn token(made: &Value) -> String {
    let (page, token) = made["url"].as_str().unwrap().split_once("#token=").unwrap();
    assert!(page.ends_with("/connect"), "{made}");
    assert_eq!(token.len(), 43, "256 random bits");
    token.to_owned()
}

async fn make(owner: &mut Api, request: &Value) -> (Value, String) {
    let made = owner.post("/owner-links", request).await.expect(201);
    let token = token(&made);
    (made, token)
}

async fn look(holder: &mut Api, token: &str) -> crate::support::Answer {
    holder.post("/owner-links/look", &json!({ "token": token })).await
}

/// Connects by the link; the last event.
async fn connect(holder: &mut Api, token: &str, password: &str) -> Value {
    connecting(holder, token, password).await.pop().unwrap().1
}

/// The events of connecting, to the last.
async fn connecting(holder: &mut Api, token: &str, password: &str) -> Vec<(String, Value)> {
    let answer = holder.post("/owner-links/use", &json!({ "token": token, "password": password })).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
    let events = answer.events();
    assert_eq!(events.last().unwrap().0, "done");
    events
}

/// Waits until the account has mail with these subjects.
async fn has(api: &Api, t: &TestApp, id: &str, subjects: &[&str]) {
    let path = format!("/accounts/{id}/messages");
    eventually("its mail is here", async || {
        let list = t.caller_like(api).get(&path).await.text;
        subjects.iter().all(|subject| list.contains(subject))
    })
    .await;
}

on_both! {
    async fn the_owner_connects_a_new_mailbox_signed_out_and_once(engine) {
        let world = MailWorld::shared();
        let mailbox = someone(world, "asked");
        world.deliver(&mailbox.address, &mail("Waiting", "waiting@else.test")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let (made, token) = make(&mut owner, &asked(world, &mailbox)).await;
        assert_eq!((&made["address"], &made["made_by"], &made["account_id"]), (&json!(mailbox.address), &json!("Ana Diaz"), &Value::Null));
        let listed = owner.get("/owner-links").await;
        assert!(listed.text.contains(&mailbox.address) && !listed.text.contains(&token), "its address is told once: {}", listed.text);
        assert_eq!(t.number("SELECT COUNT(*) FROM owner_link WHERE LENGTH(token_hash) = 32").await, 1);
        let hours = "SELECT (expires_at - created_at) / 3600000000 FROM owner_link";
        assert_eq!(t.number(hours).await, 72);

        // What scanners do: follow the link, and look at whatever they guess from it.
        let mut holder = t.caller();
        let page = holder.get("//connect").await;
        assert_eq!(page.status.as_u16(), 200);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        for path in ["look", "use", "consent", "flow"] {
            let answer = holder.get(&format!("/owner-links/{path}?token={token}")).await;
            assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        }
        for _ in 0..2 {
            let seen = look(&mut holder, &token).await.expect(200);
            assert_eq!((&seen["workspace"], &seen["inviter"]), (&json!("Acme"), &json!("Ana Diaz")), "{seen}");
            assert_eq!((&seen["address"], &seen["imap"]["host"], &seen["again"]), (&json!(mailbox.address), &json!("localhost"), &json!(false)));
        }
        assert_eq!(t.number("SELECT COUNT(*) FROM owner_link WHERE used_at IS NULL AND tries = 0").await, 1, "nothing of this used it");

        let told = connecting(&mut holder, &token, "not the right one").await;
        let refused = told.iter().find(|(_, step)| step["reason"] == "login_refused").unwrap_or_else(|| panic!("{told:?}"));
        let fix = refused.1["fix"].as_str().unwrap();
        assert!(fix.contains("whoever sent you the link") && !fix.contains("Check the username"), "{fix}");
        let wrong = &told.last().unwrap().1;
        assert_eq!((&wrong["ok"], &wrong["imap_ok"]), (&json!(false), &json!(false)), "{wrong}");
        assert_eq!(owner.get("/accounts").await.expect(200)["total"], 0);
        let right = connect(&mut holder, &token, &mailbox.password).await;
        assert_eq!(right["ok"], true, "a wrong password leaves the link as it is: {right}");
        let list = owner.get("/accounts").await.expect(200);
        let row = &list["items"][0];
        assert_eq!((&row["address"], &row["status"], &row["user"]["name"]), (&json!(mailbox.address), &json!("connected"), &json!("Ana Diaz")));
        has(&owner, &t, row["id"].as_str().unwrap(), &["Waiting"]).await;

        look(&mut holder, &token).await.problem(410, "link_used");
        let again = json!({ "token": token, "password": mailbox.password });
        holder.post("/owner-links/use", &again).await.problem(410, "link_used");
        assert_eq!(owner.get("/owner-links").await.expect(200)["items"], json!([]));
        for action in ["SELECT COUNT(*) FROM audit WHERE action = 'owner_link.made' AND actor_id IS NOT NULL",
            "SELECT COUNT(*) FROM audit WHERE action = 'owner_link.used' AND actor_id IS NULL"] {
            assert_eq!(t.number(action).await, 1, "{action}");
        }
        assert_eq!(t.number("SELECT COUNT(*) FROM event WHERE kind = 'account_added'").await, 1, "open pages are told");
        t.stop().await;
    }

    async fn an_account_that_its_owner_reconnects_keeps_its_history_and_fetches_the_gap(engine) {
        let world = MailWorld::shared();
        let mailbox = someone(world, "changed");
        world.deliver(&mailbox.address, &mail("Before", "before@else.test")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let id = owner.post("/accounts", &connect_request(world, &mailbox)).await.expect(201)["id"].as_str().unwrap().to_owned();
        has(&owner, &t, &id, &["Before"]).await;
        world.set_password(&mailbox.address, "changed by the owner").unwrap();
        let path = format!("/accounts/{id}");
        eventually("it waits for a person", async || {
            let _ = world.kick_sessions(&mailbox.address);
            t.caller_like(&owner).get(&path).await.json()["receiving"]["state"] == "reconnect_required"
        })
        .await;
        world.deliver(&mailbox.address, &mail("In the gap", "gap@else.test")).unwrap();

        let made = owner.post(&format!("{path}/owner-links"), &json!({})).await.expect(201);
        assert_eq!(made["account_id"], id);
        let listed = owner.get(&format!("/owner-links?account_id={id}")).await.expect(200);
        assert_eq!(listed["items"][0]["id"], made["id"]);
        assert_eq!(owner.get("/owner-links").await.expect(200)["items"], json!([]), "those for new accounts");
        let token = token(&made);
        let mut holder = t.caller();
        assert_eq!(look(&mut holder, &token).await.expect(200)["again"], true);
        assert_eq!(connect(&mut holder, &token, "changed by the owner").await["ok"], true);
        has(&owner, &t, &id, &["Before", "In the gap"]).await;
        let account = owner.get(&path).await.expect(200);
        assert_eq!((&account["receiving"]["state"], &account["sending"]["state"]), (&json!("connected"), &json!("connected")));
        assert_eq!(t.number("SELECT COUNT(*) FROM account").await, 1);

        // Servers that were changed since are not those that the page names.
        let stale = owner.post(&format!("{path}/owner-links"), &json!({})).await.expect(201);
        let mut imap = connect_request(world, &mailbox)["imap"].clone();
        (imap["password"], imap["host"]) = (json!("changed by the owner"), json!("127.0.0.1"));
        owner.post(&format!("{path}/reconnect"), &json!({ "imap": imap })).await.expect(200);
        look(&mut holder, &self::token(&stale)).await.problem(410, "link_void");

        // A deleted account takes its links along.
        owner.delete(&path, &json!({ "address": mailbox.address })).await.expect(202);
        eventually("its links are gone", async || t.number("SELECT COUNT(*) FROM owner_link").await == 0).await;
        t.stop().await;
    }

    async fn a_link_that_is_over_says_why_and_saves_nothing(engine) {
        let world = MailWorld::shared();
        let mailbox = someone(world, "over");
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let mut holder = t.caller();
        let use_it = |token: &str| json!({ "token": token, "password": mailbox.password });

        look(&mut holder, "no token of ours").await.problem(404, "link_unknown");
        let (made, revoked) = make(&mut owner, &asked(world, &mailbox)).await;
        let path = format!("/owner-links/{}", made["id"].as_str().unwrap());
        for _ in 0..2 {
            owner.delete(&path, &Value::Null).await.expect(204);
        }
        look(&mut holder, &revoked).await.problem(410, "link_revoked");
        holder.post("/owner-links/use", &use_it(&revoked)).await.problem(410, "link_revoked");
        assert_eq!(t.number("SELECT COUNT(*) FROM audit WHERE action = 'owner_link.revoked'").await, 1);

        let (_, late) = make(&mut owner, &asked(world, &mailbox)).await;
        t.run_sql("UPDATE owner_link SET expires_at = created_at + 1 WHERE revoked_at IS NULL").await;
        holder.post("/owner-links/use", &use_it(&late)).await.problem(410, "link_expired");

        // Neither another address nor another server, whatever is added to the request.
        let (_, pinned) = make(&mut owner, &asked(world, &mailbox)).await;
        for (field, value) in [("address", json!("eve@else.test")), ("imap", connect_request(world, &mailbox)["imap"].clone())] {
            let mut request = use_it(&pinned);
            request[field] = value;
            holder.post("/owner-links/use", &request).await.problem(400, "invalid_request");
        }
        for _ in 0..10 {
            assert_eq!(connect(&mut holder, &pinned, "guessed").await["ok"], false);
        }
        holder.post("/owner-links/use", &use_it(&pinned)).await.problem(410, "link_exhausted");
        look(&mut holder, &pinned).await.problem(410, "link_exhausted");
        let (_, fresh) = make(&mut owner, &asked(world, &mailbox)).await;
        look(&mut holder, &fresh).await.expect(200);
        let listed = owner.get("/owner-links").await.expect(200);
        let used_up: Vec<_> = listed["items"].as_array().unwrap().iter().map(|l| l["used_up"].clone()).collect();
        assert_eq!(used_up, [json!(false), json!(true)], "{listed}");
        assert_eq!(owner.get("/accounts").await.expect(200)["total"], 0);
        t.stop().await;
    }

    async fn a_link_is_as_good_as_the_right_of_whoever_made_it(engine) {
        let world = MailWorld::shared();
        let mailbox = someone(world, "rights");
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let mut holder = t.caller();
        let mut request = asked(world, &mailbox);
        request["team"] = json!(true);
        let (_, token) = make(&mut owner, &request).await;
        assert_eq!(look(&mut holder, &token).await.expect(200)["user"], Value::Null, "the whole team's");
        // No longer an admin, who alone connects for the team; then no longer a member.
        t.run_sql("UPDATE membership SET role = 'member'").await;
        holder.post("/owner-links/use", &json!({ "token": token, "password": mailbox.password })).await.problem(410, "link_void");
        let own = asked(world, &mailbox);
        let (_, own_token) = make(&mut owner, &own).await;
        look(&mut holder, &own_token).await.expect(200);
        t.run_sql("UPDATE membership SET workspace_id = workspace_id, role = 'owner'").await;
        look(&mut holder, &token).await.expect(200);

        // Others of the workspace neither see nor revoke a member's links; admins do.
        let session = owner.get("/session").await.expect(200);
        let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
        let mut member = crate::isolation::person(&t, scope, "ben@acme.test", Role::Member).await;
        assert_eq!(member.get("/owner-links").await.expect(200)["items"], json!([]));
        let of_owner = owner.get("/owner-links").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        member.delete(&format!("/owner-links/{of_owner}"), &Value::Null).await.problem(404, "not_found");
        let other = MailWorld::shared().add_user(&format!("rights-b-{engine:?}").to_lowercase()).unwrap();
        let (made, _) = make(&mut member, &asked(world, &other)).await;
        let seen = owner.get("/owner-links").await;
        assert!(seen.text.contains(&other.address), "{}", seen.text);
        owner.delete(&format!("/owner-links/{}", made["id"].as_str().unwrap()), &Value::Null).await.expect(204);

        // Connected in another way meanwhile: the link has nothing left to do.
        owner.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        look(&mut holder, &token).await.problem(410, "link_taken");
        let open = owner.get("/owner-links").await;
        assert!(!open.text.contains(&mailbox.address), "it waits for nobody: {}", open.text);
        owner.post("/owner-links", &asked(world, &mailbox)).await.problem(409, "address_taken");
        t.run_sql("DELETE FROM membership").await;
        look(&mut holder, &token).await.problem(410, "link_void");
        t.stop().await;
    }

    async fn one_member_has_twenty_open_links_at_most(engine) {
        let world = MailWorld::shared();
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let request = |n: i32| {
            let mailbox = Mailbox { address: format!("many-{n}@lab.test"), password: String::new() };
            asked(world, &mailbox)
        };
        let mut last = Value::Null;
        for n in 0..20 {
            last = make(&mut owner, &request(n)).await.0;
        }
        owner.post("/owner-links", &request(20)).await.problem(409, "too_many_links");
        owner.delete(&format!("/owner-links/{}", last["id"].as_str().unwrap()), &Value::Null).await.expect(204);
        make(&mut owner, &request(20)).await;
        owner.post("/owner-links", &request(21)).await.problem(409, "too_many_links");
        // One without tries left does not count.
        t.run_sql("UPDATE owner_link SET tries = 10 WHERE id = (SELECT id FROM owner_link WHERE revoked_at IS NULL ORDER BY id LIMIT 1)").await;
        make(&mut owner, &request(21)).await;

        // Also when all are asked for at once.
        t.run_sql("UPDATE owner_link SET revoked_at = 1").await;
        let at_once = (0..30).map(|n| {
            let (mut caller, body) = (t.caller_like(&owner), request(100 + n));
            async move { caller.post("/owner-links", &body).await.status.as_u16() }
        });
        let statuses = futures_util::future::join_all(at_once).await;
        assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 20, "{statuses:?}");
        assert!(statuses.iter().all(|s| [201, 409].contains(s)), "{statuses:?}");
        t.stop().await;
    }
}

/// A link to a mailbox that consents at a provider.
async fn by_consent(scene: &mut Scene<'_>, mailbox: &Mailbox) -> String {
    let request = json!({ "provider": "google", "address": mailbox.address, "display_name": "Ben Kim", "oauth_provider": "google" });
    make(&mut scene.owner, &request).await.1
}

/// The holder's way to the provider, as somebody, and back.
async fn walk(scene: &Scene<'_>, holder: &mut Api, token: &str, who: &str) -> Value {
    let flow = holder.post("/owner-links/consent", &json!({ "token": token })).await.expect(201);
    let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), who, Consent::All).unwrap();
    let to = come_back(holder, &back).await;
    assert_eq!(to, format!("/connect?flow={}", flow["id"].as_str().unwrap()));
    ended(holder, token, &flow).await
}

async fn ended(holder: &mut Api, token: &str, flow: &Value) -> Value {
    let asked = json!({ "token": token, "flow": flow["id"] });
    let cell = tokio::sync::Mutex::new((holder, Value::Null));
    eventually("the flow ends", async || {
        let (holder, last) = &mut *cell.lock().await;
        let answer = holder.post("/owner-links/flow", &asked).await;
        // Asked too often: a page asks every two seconds.
        *last = if answer.status.as_u16() == 429 { Value::Null } else { answer.expect(200) };
        last["state"] == "done" || last["state"] == "failed"
    })
    .await;
    cell.into_inner().1
}

on_both! {
    async fn the_owner_consents_at_the_provider_signed_out(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let (mailbox, other) = (someone(world, "link-consents"), someone(world, "link-other"));
        let token = by_consent(&mut scene, &mailbox).await;
        let mut holder = scene.posthouse.caller();
        let seen = look(&mut holder, &token).await.expect(200);
        assert!(seen["consent"]["permissions"][0].is_string() && seen["imap"].is_null(), "{seen}");
        let password = json!({ "token": token, "password": "x" });
        holder.post("/owner-links/use", &password).await.problem(409, "link_other_way");

        // Somebody else consents: nothing is saved, and the link is as it was.
        let failed = walk(&scene, &mut holder, &token, &other.address).await;
        assert_eq!(failed["problem"]["code"], "wrong_identity", "{failed}");
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM account").await, 0);
        // The way back belongs to the browser that began it.
        let flow = holder.post("/owner-links/consent", &json!({ "token": token })).await.expect(201);
        let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
        assert_eq!(come_back(&mut scene.posthouse.caller(), &back).await, "/oauth/return");
        assert_eq!(come_back(&mut scene.owner, &back).await, "/oauth/return");
        // And its outcome to the link.
        let stranger = by_consent(&mut scene, &other).await;
        holder.post("/owner-links/flow", &json!({ "token": stranger, "flow": flow["id"] })).await.problem(404, "not_found");
        scene.owner.get(&format!("/oauth/flows/{}", flow["id"].as_str().unwrap())).await.problem(404, "not_found");

        let done = walk(&scene, &mut holder, &token, &mailbox.address).await;
        assert_eq!(done["state"], "done", "{done}");
        let list = scene.owner.get("/accounts").await.expect(200);
        let id = list["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(list["items"][0]["address"], mailbox.address);
        scene.receives(&id, "By-the-link").await;
        look(&mut holder, &token).await.problem(410, "link_used");

        // Taken back at the provider: the owner is asked again, by a link to the account.
        scene.issuer("google").revoke(&mailbox.address).unwrap();
        let _ = world.kick_sessions(&mailbox.address);
        scene.posthouse.run_sql("UPDATE oauth_grant SET renew_at = 0, expires_at = 0").await;
        scene.receiving(&id, "reconnect_required", Some("consent_revoked")).await;
        let made = scene.owner.post(&format!("/accounts/{id}/owner-links"), &json!({})).await.expect(201);
        let mut elsewhere = scene.posthouse.caller();
        let again = self::token(&made);
        let failed = walk(&scene, &mut elsewhere, &again, &other.address).await;
        assert_eq!(failed["problem"]["code"], "wrong_identity", "{failed}");
        assert_eq!(walk(&scene, &mut elsewhere, &again, &mailbox.address).await["state"], "done");
        scene.receiving(&id, "connected", None).await;
    }

    async fn a_link_that_is_revoked_while_its_owner_is_at_the_provider_connects_nothing(engine) {
        let world = MailWorld::shared_with_oauth();
        let mut scene = Scene::open(engine, world).await;
        let mailbox = someone(world, "link-too-late");
        let token = by_consent(&mut scene, &mailbox).await;
        let mut holder = scene.posthouse.caller();
        let flow = holder.post("/owner-links/consent", &json!({ "token": token })).await.expect(201);
        let back = scene.issuer("google").sign_in(flow["url"].as_str().unwrap(), &mailbox.address, Consent::All).unwrap();
        let link = scene.owner.get("/owner-links").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        scene.owner.delete(&format!("/owner-links/{link}"), &Value::Null).await.expect(204);
        come_back(&mut holder, &back).await;
        let failed = ended(&mut holder, &token, &flow).await;
        assert_eq!(failed["problem"]["code"], "link_over", "{failed}");
        assert_eq!(scene.posthouse.number("SELECT COUNT(*) FROM account").await, 0);
    }
}

#[cfg(feature = "failpoints")]
mod killed {
    use super::*;
    use crate::support::program::Program;
    use crate::support::{Engine, allow};

    /// Account and link's use are one commit: killed before it there is neither, and the owner does it again.
    async fn before_the_commit(engine: Engine) {
        let world = MailWorld::shared();
        let folder = tempfile::tempdir().unwrap();
        let mailbox = someone(world, "link-dies");
        let t = TestApp::with(engine, |c| {
            allow(c, world);
            c.data_dir = folder.path().join("data");
        })
        .await;
        let mut owner = t.owner().await;
        let (_, token) = make(&mut owner, &asked(world, &mailbox)).await;
        let (addr, config) = (t.addr(), t.app().config.clone());
        let mut holder = t.caller();
        t.stop().await;
        let mut program = Program::start_at(addr, (&config, folder.path()), Some("owner_link.saving"));
        holder.until_up().await;
        let body = json!({ "token": token, "password": mailbox.password }).to_string().into_bytes();
        let stream = holder.open(Method::POST, "/owner-links/use", Some(("application/json", body)), &[]).await;
        assert!(program.killed().await, "the point was not reached");
        drop(stream);
        let t = TestApp::on(config).await;
        assert_eq!(t.number("SELECT COUNT(*) FROM account").await, 0);
        assert_eq!(t.number("SELECT COUNT(*) FROM owner_link WHERE used_at IS NOT NULL").await, 0);
        holder = t.caller();
        assert_eq!(connect(&mut holder, &token, &mailbox.password).await["ok"], true);
        t.stop().await;
    }

    on_both! {
        async fn nothing_is_half_saved(engine) { before_the_commit(engine).await; }
    }
}
