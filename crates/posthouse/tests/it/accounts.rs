//! The accounts list: every order, search, filters, keyset pages; 10,000 accounts.

use crate::on_both;
use crate::support::{Api, Engine, TestApp};
use db::{IntoValue, Sql};
use posthouse::accounts::{self, AccountId, NewAccount, Provider};
use posthouse::team::{Scope, UserId};
use serde_json::{Value, json};

async fn seed(t: &TestApp, api: &mut Api, count: usize) {
    let session = api.get("/session").await.expect(200);
    let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
    let me: UserId = session["user"]["id"].as_str().unwrap().parse().unwrap();
    let app = t.app();
    let mut tx = app.db.tx().await.unwrap();
    for n in 0..count {
        let new = NewAccount {
            id: AccountId(app.ids.next()),
            user_id: (n % 3 != 0).then_some(me),
            address: format!("box{n:05}@acme{}.test", n % 7).parse().unwrap(),
            display_name: format!("Box {n} {}", ["Zoë", "100% sure_", "مرحبا"][n % 3]),
            provider: Provider::Custom,
            provider_name: ["Old Host", "", "Zeta"][n % 3].to_owned(),
            import_days: 30,
        };
        accounts::insert(&mut tx, &scope, &new, app.clock.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The rows of up to so many pages.
async fn all(api: &mut Api, query: &str, pages: usize) -> Vec<Value> {
    let mut out = vec![];
    let mut cursor = String::new();
    for _ in 0..pages {
        let page = api.get(&format!("/accounts?limit=200&{query}&cursor={cursor}")).await.expect(200);
        out.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    out
}

on_both! {
    async fn ten_thousand_accounts_page_through_in_every_order(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        assert_eq!(api.get("/accounts").await.expect(200), json!({ "items": [], "next_cursor": null, "total": 0 }));
        seed(&t, &mut api, 10_000).await;
        for sort in ["address", "provider", "user", "health", "sent", "status", "created"] {
            let rows = all(&mut api, &format!("sort={sort}"), usize::MAX).await;
            let ids: Vec<&str> = rows.iter().map(|r| r["id"].as_str().unwrap()).collect();
            let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
            assert_eq!((ids.len(), distinct.len()), (10_000, 10_000), "{sort}: each account once");
            let last = all(&mut api, &format!("sort={sort}&dir=desc"), 3).await;
            let backwards: Vec<&str> = last.iter().map(|r| r["id"].as_str().unwrap()).collect();
            assert_eq!(backwards, ids.iter().rev().take(600).copied().collect::<Vec<_>>(), "{sort}: the same backwards");
            if sort == "address" {
                assert!(rows.iter().map(|r| r["address"].as_str().unwrap()).is_sorted());
            }
        }
        t.stop().await;
    }

    async fn search_and_filters_find_what_they_say(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        seed(&t, &mut api, 90).await;
        let count = async |api: &mut Api, q: &str| api.get(&format!("/accounts?{q}")).await.expect(200)["total"].as_i64().unwrap();
        assert_eq!(count(&mut api, "search=BOX00042").await, 1);
        assert_eq!(count(&mut api, "search=zo%C3%AB").await, 30);
        assert_eq!(count(&mut api, "search=100%25").await, 30, "a percent sign is one");
        assert_eq!(count(&mut api, "search=_").await, 30, "an underscore is one");
        assert_eq!(count(&mut api, "search=%5C").await, 0);
        assert_eq!(count(&mut api, "user=team").await, 30);
        assert_eq!(count(&mut api, "user=me").await, 60);
        assert_eq!(count(&mut api, "status=connecting").await, 90);
        assert_eq!(count(&mut api, "status=connected").await, 0);
        assert_eq!(count(&mut api, "provider=custom&search=acme3").await, 13);
        api.get("/accounts?cursor=nonsense").await.problem(400, "invalid_request");
        api.get("/accounts?sort=nonsense").await.problem(400, "invalid_request");
        let page = api.get("/accounts?sort=sent&limit=1").await.expect(200);
        for other in ["sort=user", "sort=sent&dir=desc", "sort=created"] {
            let other = format!("/accounts?{other}&cursor={}", page["next_cursor"].as_str().unwrap());
            api.get(&other).await.problem(400, "invalid_request");
        }
        assert_eq!(page["total"], 90, "told with the first page");
        let later = format!("/accounts?sort=sent&limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
        assert_eq!(api.get(&later).await.expect(200)["total"], serde_json::Value::Null);
        api.get("/accounts?user=nonsense").await.problem(400, "invalid_request");
        t.stop().await;
    }
}

/// PostgreSQL plans a statement anew as long as the plan for its very values seems cheaper: among equal keys every time, which took
/// longer than reading the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_page_in_any_order_is_not_planned_anew_each_time_on_postgresql() {
    let t = TestApp::start(Engine::Postgres).await;
    let mut api = t.owner().await;
    seed(&t, &mut api, 2_000).await;
    t.run_sql("ANALYZE").await;
    let mut c = t.app().db.read().await.unwrap();
    // The row in the middle, by each key; the first three orders go by a text.
    for (order, key) in
        ["address_key", "provider_key", "user_name", "health_key", "sent_total", "status_rank", "created_at"]
            .into_iter()
            .enumerate()
    {
        let middle = |cast: &str| -> Sql {
            let text = format!(
                "SELECT workspace_id, id, CAST({key} AS {cast}) FROM account ORDER BY {key}, id OFFSET 1000 LIMIT 1"
            );
            Sql::both(text.leak())
        };
        let (workspace, id, key) = if order < 3 {
            let (workspace, id, key): (uuid::Uuid, uuid::Uuid, String) =
                db::one(&mut c, middle("TEXT"), vec![]).await.unwrap();
            (workspace, id, key.into_value())
        } else {
            let (workspace, id, key): (uuid::Uuid, uuid::Uuid, i64) =
                db::one(&mut c, middle("BIGINT"), vec![]).await.unwrap();
            (workspace, id, key.into_value())
        };
        // Plain texts come first in each order: first up and down, then later up and down.
        for sql in posthouse::accounts::statements().into_iter().skip(order * 16 + 2).take(2) {
            for _ in 0..7 {
                let bound = vec![workspace.into_value(), "2026-11-27".into_value(), key.clone(), id.into_value()];
                let rows: Vec<(AccountId,)> = db::all(&mut c, sql, bound).await.unwrap();
                assert_eq!(rows.len(), 101);
            }
        }
    }
    let of = Sql::both(
        "SELECT statement, generic_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT a.id%LIMIT 101'",
    );
    let plans: Vec<(String, i64)> = db::all(&mut c, of, vec![]).await.unwrap();
    assert_eq!(plans.len(), 14);
    for (text, generic) in plans {
        assert_eq!(generic, 2, "after five plans one serves for good: {text}");
    }
    drop(c);
    t.stop().await;
}
