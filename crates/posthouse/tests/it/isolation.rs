//! Nobody sees another workspace, and nobody does more than their role: every path of the OpenAPI document is walked.

use crate::support::{Api, Engine, TestApp, connect_request};
use posthouse::team::{Role, Scope, WorkspaceId};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::MailWorld;

/// Ids of things in a workspace, by the name of the path's parameter and the path's beginning.
fn fill(path: &str, ids: &Value) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap();
    let first = if path.starts_with("/accounts/bulk/") { "bulk" } else { first };
    let first = if path.starts_with("/accounts/imports/") { "imports" } else { first };
    let id = ids[first].as_str().unwrap_or("00000000-0000-0000-0000-000000000000");
    path.replace("{id}", id).replace("{message}", id).replace("{operation}", id).replace("{index}", "0")
}

/// A body that passes the first look: what is left to refuse is the right.
fn body(path: &str) -> Value {
    match path {
        "/accounts/{id}/reconnect" | "/accounts/{id}/test" => json!({ "imap": null, "smtp": null }),
        "/accounts/{id}/outgoing" => json!({ "to": "a@b.test", "subject": "s", "body": "b" }),
        "/outgoing/{id}/resolve" => json!({ "sent": true }),
        "/accounts/imports/{id}/start" => json!({ "mode": "test", "rows": "all" }),
        "/accounts/{id}" => json!({}),
        "/accounts/{id}/folders" => json!({ "folders": [] }),
        "/accounts/{id}/messages/change" => {
            json!({ "messages": ["00000000-0000-0000-0000-000000000000"], "action": { "kind": "archive" } })
        }
        "/accounts/{id}/messages/move-back" => {
            let none = "00000000-0000-0000-0000-000000000000";
            json!({ "moves": [{ "message": none, "from": none, "to": none }] })
        }
        "/accounts/{id}/rules" => json!({ "exclude": ["theirs@*"] }),
        "/accounts/{id}/tags" => json!({ "tags": ["Theirs"] }),
        "/tags/{id}" => json!({ "name": "Theirs" }),
        _ => json!({}),
    }
}

fn methods(item: &Value) -> Vec<Method> {
    let known = ["get", "post", "put", "patch", "delete"];
    known.iter().filter(|m| item.get(**m).is_some()).map(|m| m.to_uppercase().parse().unwrap()).collect()
}

async fn walk(api: &mut Api, ids: &Value, allowed: &[u16]) -> usize {
    let document = api.get("/api/openapi.json").await.expect(200);
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.contains('{') {
            continue;
        }
        for method in methods(item) {
            let mut request = body(path);
            if method == Method::DELETE && path == "/accounts/{id}" {
                request = json!({ "address": ids["address"] });
            }
            let with_body = if method == Method::GET { None } else { Some(&request) };
            let mut at = fill(path, ids);
            if path.starts_with("/images/") {
                at += "?until=9999999999&code=forged";
            }
            let answer = api.call(method.clone(), &at, with_body, &[("idempotency-key", "isolation-walk-1")]).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{method} {path}: {} {}", answer.status, answer.text);
            walked += 1;
        }
    }
    walked
}

/// A person in a workspace, signed in.
pub(crate) async fn person(t: &TestApp, scope: Scope, email: &str, role: Role) -> Api {
    let user = t.add_member(scope, email, role).await;
    let link = posthouse::team::link_for(t.app(), user).await.unwrap();
    let mut api = t.caller();
    api.post("/session/link", &json!({ "token": link.split("link=").nth(1).unwrap() })).await.expect(200);
    api
}

async fn owner_gives_to_team(t: &TestApp, id: &str) {
    use db::IntoValue;
    let id: posthouse::accounts::AccountId = id.parse().unwrap();
    let mut tx = t.app().db.tx().await.unwrap();
    let sql = db::Sql::both("UPDATE account SET user_id = NULL WHERE id = $1");
    db::run(&mut tx, sql, vec![id.into_value()]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_refuses_strangers_and_lesser_roles() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("isolated-{engine:?}").to_lowercase()).unwrap();
        world.deliver(&mailbox.address, &crate::support::mail("Secret", "secret@else.test")).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let account = owner.post("/accounts", &connect_request(world, &mailbox)).await.expect(201);
        let id = account["id"].as_str().unwrap().to_owned();
        let (mut message, mut thread) = (Value::Null, Value::Null);
        for _ in 0..1_000 {
            let row = owner.get(&format!("/accounts/{id}/messages")).await.expect(200)["items"][0].clone();
            (message, thread) = (row["id"].clone(), row["thread_id"].clone());
            if !message.is_null() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
        let send = json!({ "to": mailbox.address, "subject": "Hi", "body": "x" });
        let path = format!("/accounts/{id}/outgoing");
        let outgoing =
            owner.call(Method::POST, &path, Some(&send), &[("idempotency-key", "isolation-1")]).await.expect(202);
        let link = owner.post(&format!("/accounts/{id}/owner-links"), &json!({})).await.expect(201);
        let tagged = json!({ "tags": ["Ours"] });
        owner.call(Method::PUT, &format!("/accounts/{id}/tags"), Some(&tagged), &[]).await.expect(200);
        let tag = owner.get("/tags").await.expect(200)["items"][0]["id"].clone();
        let bulk = owner.post("/accounts/bulk", &json!({ "action": "retry", "accounts": [id] })).await.expect(202);
        let file = b"address,password\nnew@else.test,secret\n".to_vec();
        let import = owner.raw(Method::POST, "/accounts/imports", Some(("text/csv", file)), &[]).await.expect(201);
        let ids = json!({ "owner-links": link["id"], "tags": tag, "bulk": bulk["id"], "accounts": id, "messages": message, "threads": thread, "images": message, "outgoing": outgoing["id"], "address": mailbox.address, "imports": import["id"] });

        let session = owner.get("/session").await.expect(200);
        let mine: WorkspaceId = session["workspace"]["id"].as_str().unwrap().parse().unwrap();
        let other = Scope::of(t.add_workspace("Other").await);
        let mut stranger = person(&t, other, "eve@other.test", Role::Owner).await;
        assert!(walk(&mut stranger, &ids, &[404]).await > 12);
        assert_eq!(stranger.get("/accounts").await.expect(200)["total"], 0);
        assert_eq!(stranger.get("/tags").await.expect(200)["items"], json!([]));
        let export = stranger.get("/accounts/export").await;
        assert!(export.status == 200 && !export.text.contains(&mailbox.address), "{}", export.text);
        let all = json!({ "action": "pause", "accounts": [id] });
        assert_eq!(stranger.post("/accounts/bulk/preview", &all).await.expect(200)["changing"], 0);
        stranger.post("/accounts/bulk", &all).await.expect(202);
        let mut member = person(&t, Scope::of(mine), "ben@acme.test", Role::Member).await;
        walk(&mut member, &ids, &[403, 404]).await;
        // A team's account is seen by members, who may read and send with it, and change nothing.
        owner_gives_to_team(&t, &id).await;
        member.get(&format!("/accounts/{id}")).await.expect(200);
        for (method, path, body) in [
            (Method::PATCH, format!("/accounts/{id}"), json!({ "display_name": "Mine now" })),
            (Method::PATCH, format!("/accounts/{id}/folders"), json!({ "folders": [] })),
            (Method::POST, format!("/accounts/{id}/reconnect"), json!({ "smtp": null })),
            (Method::POST, format!("/accounts/{id}/pause"), json!({})),
            (Method::POST, format!("/accounts/{id}/resume"), json!({})),
            (Method::PUT, format!("/accounts/{id}/tags"), json!({ "tags": ["Mine"] })),
            (Method::GET, format!("/accounts/{id}/closing"), json!({})),
            (Method::DELETE, format!("/accounts/{id}"), json!({ "address": mailbox.address })),
        ] {
            member.call(method, &path, Some(&body), &[]).await.problem(403, "forbidden");
        }
        let mut nobody = t.caller();
        walk(&mut nobody, &ids, &[401, 404]).await;

        let import = owner.get(&format!("/accounts/imports/{}", import["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&import["state"], &import["total"]), (&json!("ready"), &json!(1)));
        assert_eq!(
            owner.get(&format!("/accounts/{id}")).await.expect(200)["status"],
            "connected",
            "nothing was changed"
        );
        t.stop().await;
    }
}
