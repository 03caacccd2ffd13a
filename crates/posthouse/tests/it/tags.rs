//! Tags: made by typing, unique whatever their letters' case, bounded, renamed and removed in one place; the list filtered by them.

use crate::on_both;
use crate::support::{Api, Engine, TestApp};
use posthouse::accounts::{self, AccountId, NewAccount, Provider};
use posthouse::team::{Role, Scope, UserId};
use reqwest::Method;
use serde_json::{Value, json};

/// Accounts that reach no server: the first of every three is the team's, the others the owner's.
pub async fn seed(t: &TestApp, api: &mut Api, count: usize) -> (Scope, Vec<String>) {
    let session = api.get("/session").await.expect(200);
    let scope = Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap());
    let me: UserId = session["user"]["id"].as_str().unwrap().parse().unwrap();
    let app = t.app();
    let mut tx = app.db.tx().await.unwrap();
    let mut ids = vec![];
    for n in 0..count {
        let new = NewAccount {
            id: AccountId(app.ids.next()),
            user_id: (n % 3 != 0).then_some(me),
            address: format!("box{n:05}@acme.test").parse().unwrap(),
            display_name: format!("Box {n}"),
            provider: Provider::Custom,
            provider_name: String::new(),
            import_days: 30,
        };
        accounts::insert(&mut tx, &scope, &new, app.clock.now()).await.unwrap();
        ids.push(new.id.to_string());
    }
    tx.commit().await.unwrap();
    (scope, ids)
}

/// A member of the workspace, signed in.
pub async fn member(t: &TestApp, scope: Scope, role: Role) -> (Api, UserId) {
    let user = t.add_member(scope, "ben@acme.test", role).await;
    let link = posthouse::team::link_for(t.app(), user).await.unwrap();
    let mut api = t.caller();
    api.post("/session/link", &json!({ "token": link.split("link=").nth(1).unwrap() })).await.expect(200);
    (api, user)
}

async fn put(api: &mut Api, id: &str, tags: &[&str]) -> crate::support::Answer {
    let body = json!({ "tags": tags });
    api.call(Method::PUT, &format!("/accounts/{id}/tags"), Some(&body), &[]).await
}

async fn names(api: &mut Api) -> Vec<(String, i64)> {
    let all = api.get("/tags").await.expect(200);
    let tag = |t: &Value| (t["name"].as_str().unwrap().to_owned(), t["accounts"].as_i64().unwrap());
    all["items"].as_array().unwrap().iter().map(tag).collect()
}

on_both! {
    async fn tags_are_made_by_typing_and_changed_in_one_place(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (scope, ids) = seed(&t, &mut api, 6).await;
        let answer = put(&mut api, &ids[0], &["  Sales ", "Ärzte", "sales"]).await.expect(200);
        assert_eq!(answer["tags"], json!(["Sales", "Ärzte"]), "one of each, by name");
        put(&mut api, &ids[1], &["SALES"]).await.expect(200);
        assert_eq!(names(&mut api).await, [("Sales".to_owned(), 2), ("Ärzte".to_owned(), 1)]);
        let page = api.get("/accounts?tag=sALes").await.expect(200);
        assert_eq!((&page["total"], &page["items"][0]["tags"]), (&json!(2), &json!(["Sales", "Ärzte"])));
        assert_eq!(api.get("/accounts?tag=nothing").await.expect(200)["total"], 0);
        assert_eq!(api.get("/accounts?tag=%C3%A4rzte&user=me").await.expect(200)["total"], 0);

        let answer = put(&mut api, &ids[0], &["Ärzte"]).await.expect(200);
        assert_eq!(answer["tags"], json!(["Ärzte"]), "what is left out is taken off");
        let too_many: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
        let too_many: Vec<&str> = too_many.iter().map(String::as_str).collect();
        for odd in [&["x".repeat(41).as_str()][..], &[" "], &["a\nb"], &too_many] {
            assert_eq!(put(&mut api, &ids[2], odd).await.problem(422, "validation_failed")["fields"][0]["field"], "tags");
        }
        assert_eq!(names(&mut api).await.len(), 2, "a refused request makes no tag");

        let tags = api.get("/tags").await.expect(200);
        let (sales, doctors) = (tags["items"][0]["id"].as_str().unwrap(), tags["items"][1]["id"].as_str().unwrap());
        let rename = |name: &str| json!({ "name": name });
        let path = format!("/tags/{sales}");
        api.call(Method::PATCH, &path, Some(&rename("ärzte")), &[]).await.problem(409, "tag_taken");
        api.call(Method::PATCH, &path, Some(&rename("")), &[]).await.problem(422, "validation_failed");
        assert_eq!(api.call(Method::PATCH, &path, Some(&rename("Outreach")), &[]).await.status, 204);
        assert_eq!(api.get("/accounts?tag=outreach").await.expect(200)["items"][0]["tags"], json!(["Outreach"]));
        let (mut ben, user) = member(&t, scope, Role::Member).await;
        ben.call(Method::PATCH, &path, Some(&rename("Mine")), &[]).await.problem(403, "forbidden");
        ben.call(Method::DELETE, &path, None, &[]).await.problem(403, "forbidden");
        put(&mut ben, &ids[0], &["Mine"]).await.problem(403, "forbidden");
        assert_eq!(ben.get("/tags").await.expect(200)["can_manage"], false);
        assert_eq!(names(&mut ben).await, [("Outreach".to_owned(), 0), ("Ärzte".to_owned(), 1)], "counted are those that Ben sees");
        let _ = user;
        assert_eq!(api.call(Method::DELETE, &format!("/tags/{doctors}"), None, &[]).await.status, 204);
        assert_eq!(names(&mut api).await, [("Outreach".to_owned(), 1)]);
        assert_eq!(t.number("SELECT COUNT(*) FROM account_tag").await, 1);
        assert_eq!(t.number("SELECT COUNT(*) FROM audit WHERE action IN ('tag.renamed', 'tag.removed')").await, 2);
        t.stop().await;
    }

    async fn a_workspace_has_no_more_tags_than_its_bound(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let (_, ids) = seed(&t, &mut api, 11).await;
        for (n, id) in ids.iter().take(10).enumerate() {
            let tags: Vec<String> = (0..50).map(|k| format!("tag {n} {k}")).collect();
            put(&mut api, id, &tags.iter().map(String::as_str).collect::<Vec<_>>()).await.expect(200);
        }
        let refused = put(&mut api, &ids[10], &["one more"]).await.problem(422, "validation_failed");
        assert_eq!(refused["fields"][0]["code"], "too_many");
        put(&mut api, &ids[10], &["tag 3 7"]).await.expect(200);
        assert_eq!(names(&mut api).await.len(), 500);
        t.stop().await;
    }

    async fn pages_of_a_tag_are_whole_whether_few_or_many_have_it(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        seed(&t, &mut api, 2_000).await;
        t.run_sql("INSERT INTO tag (id, workspace_id, name, name_key, created_at) SELECT id, id, 'Many', 'many', 0 FROM workspace").await;
        t.run_sql("INSERT INTO account_tag (tag_id, account_id, workspace_id) SELECT workspace_id, id, workspace_id FROM account WHERE address < 'box01500'").await;
        t.run_sql("INSERT INTO tag (id, workspace_id, name, name_key, created_at) SELECT id, workspace_id, 'Few', 'few', 0 FROM account WHERE address LIKE 'box00007%'").await;
        t.run_sql("INSERT INTO account_tag (tag_id, account_id, workspace_id) SELECT t.id, a.id, a.workspace_id FROM tag t CROSS JOIN account a WHERE t.name_key = 'few' AND a.address > 'box01700'").await;
        for (tag, want) in [("few", 300), ("many", 1_500)] {
            for sort in ["address", "provider", "user", "health", "sent", "status", "created"] {
                for dir in ["asc", "desc"] {
                    let found = pages(&mut api, &format!("tag={tag}&sort={sort}&dir={dir}")).await;
                    assert_eq!(found, (want, want, Some(want)), "{tag} {sort} {dir}");
                }
            }
            let found = pages(&mut api, &format!("tag={tag}&user=team")).await;
            assert_eq!((found.0, found.2), (want / 3, Some(want / 3)), "{tag} of the team");
        }
        t.stop().await;
    }
}

/// Rows, distinct rows, and the total that the first page told.
async fn pages(api: &mut Api, query: &str) -> (usize, usize, Option<usize>) {
    let (mut rows, mut seen, mut total, mut cursor) = (0, std::collections::BTreeSet::new(), None, String::new());
    loop {
        let page = api.get(&format!("/accounts?limit=200&{query}&cursor={cursor}")).await.expect(200);
        total = total.or(page["total"].as_u64().map(|n| usize::try_from(n).unwrap()));
        for row in page["items"].as_array().unwrap() {
            rows += 1;
            seen.insert(row["id"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return (rows, seen.len(), total),
        }
    }
}

/// The plans of the texts for a tag: neither may walk through the whole workspace where the tag's own rows, or the order's index, lead.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_by_tag_uses_its_indexes() {
    let t = TestApp::start(Engine::Sqlite).await;
    let mut c = t.app().db.read().await.unwrap();
    for sql in posthouse::accounts::statements() {
        let text: &'static str = format!("EXPLAIN QUERY PLAN {}", sql.lite).leak();
        let bound = vec![db::Value::Int(None); 11];
        let plan: Vec<(i64, i64, i64, String)> = db::all(&mut c, db::Sql::both(text), bound).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.3.as_str()).collect();
        let of = |start: &str| plan.iter().find(|l| l.starts_with(start)).copied().unwrap_or_default();
        if sql.lite.contains(" f CROSS JOIN") {
            assert!(of("SEARCH a ").contains("(id=?)"), "{plan:#?}");
        } else if sql.lite.contains("m.tag_id") {
            assert!(
                !plan.iter().any(|l| l.contains("USE TEMP B-TREE FOR ORDER BY")),
                "the order is an index's: {plan:#?}"
            );
            assert!(of("SEARCH m ").contains("tag_id=? AND account_id=?"), "{plan:#?}");
        } else if sql.lite.contains("account_tag p") {
            assert!(of("SEARCH p ").contains("account_tag_of"), "{plan:#?}");
        }
    }
    drop(c);
    t.stop().await;
}

/// The same on PostgreSQL, with values, and after it has looked at its tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_by_tag_uses_its_indexes_on_postgresql() {
    use db::IntoValue;
    let t = TestApp::start(Engine::Postgres).await;
    let mut api = t.owner().await;
    let (scope, _) = seed(&t, &mut api, 3_000).await;
    t.run_sql("INSERT INTO tag (id, workspace_id, name, name_key, created_at) SELECT id, id, 'Many', 'many', 0 FROM workspace").await;
    t.run_sql(
        "INSERT INTO account_tag (tag_id, account_id, workspace_id) SELECT workspace_id, id, workspace_id FROM account",
    )
    .await;
    t.run_sql("ANALYZE").await;
    let user: UserId = api.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().parse().unwrap();
    let mut c = t.app().db.read().await.unwrap();
    let none: Option<String> = None;
    // Seven orders, each plain, of any, few and many, each first up and down, then later up and down; the first three orders go by a text.
    for (n, sql) in posthouse::accounts::statements().into_iter().take(7 * 16).enumerate() {
        let (order, kind, later) = (n / 16, (n / 4) % 4, n % 4 >= 2);
        let today = "2026-11-26".into_value();
        let mut bound = vec![scope.workspace_id().into_value()];
        if kind == 0 {
            bound.push(today);
        } else {
            bound.extend([none.clone().into_value(), none.clone().into_value(), none.clone().into_value()]);
            bound.extend(["all".into_value(), today, user.into_value()]);
        }
        if later {
            bound.push(if order < 3 { "box01000@acme.test".into_value() } else { 0_i64.into_value() });
            bound.push(user.0.into_value());
        }
        if kind > 0 {
            bound.push(101_i64.into_value());
        }
        if kind > 1 {
            bound.push(scope.workspace_id().into_value());
        }
        let text: &'static str = format!("EXPLAIN {}", sql.pg).leak();
        let plan: Vec<(String,)> = db::all(&mut c, db::Sql::both(text), bound).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|row| row.0.as_str()).collect();
        if kind == 2 {
            assert!(plan.iter().any(|l| l.contains("on account_tag")), "{n}: {plan:#?}");
            assert!(!plan.iter().any(|l| l.contains("Seq Scan on account_tag p")), "{n}: {plan:#?}");
        }
        if kind == 0 || kind == 3 {
            assert!(
                !plan.iter().any(|l| l.contains("Seq Scan on account a")),
                "{n}: the order's index leads: {plan:#?}"
            );
        }
    }
    let names = posthouse::accounts::statements().into_iter().find(|sql| sql.pg.contains("account_tag p")).unwrap();
    let text: &'static str = format!("EXPLAIN {}", names.pg).leak();
    let bound = vec![vec![user.0; 101].into_value(), scope.workspace_id().into_value()];
    let plan: Vec<(String,)> = db::all(&mut c, db::Sql::both(text), bound).await.unwrap();
    assert!(plan.iter().any(|l| l.0.contains("account_tag_of on account_tag p")), "a page's tags: {plan:#?}");
    drop(c);
    t.stop().await;
}
