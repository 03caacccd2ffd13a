//! Every field of every operation, at its bounds and beyond: never a 5xx; what does not fit is named, and nothing is saved of it.

use crate::on_both;
use crate::support::{Answer, Api, TestApp, beginning, connect_request, eventually, mail};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::UdpSocket;
use testkit::MailWorld;

/// Stands in a body for what is no JSON value, such as a lone surrogate.
const HERE: &str = "@@here@@";
/// Longer than any path or query that a server of ours reads.
const LONG: usize = 20_000;

/// An operation of the document.
pub(crate) struct Operation {
    pub method: Method,
    pub path: String,
    pub parameters: Vec<Value>,
    pub body: Option<Value>,
}

pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut out = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            out.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
                body: operation["requestBody"]["content"]["application/json"].get("schema").cloned(),
            });
        }
    }
    out
}

/// The schema itself, where a reference to one stands.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document, document.pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// Whether the value is one of the schema's, as far as our requests use JSON Schema.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    let schema = resolved(document, schema);
    if let Some(one_of) = schema["oneOf"].as_array() {
        return one_of.iter().any(|schema| fits(document, schema, value));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|t| t.as_str().unwrap()).collect(),
        other => panic!("a schema without a type: {other} in {schema}"),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    types.contains(&kind)
        && schema["enum"].as_array().is_none_or(|all| all.contains(value))
        && value.as_f64().is_none_or(|n| {
            schema["minimum"].as_f64().is_none_or(|min| n >= min)
                && schema["maximum"].as_f64().is_none_or(|max| n <= max)
        })
        && value.as_str().map(|s| s.chars().count() as u64).is_none_or(|n| {
            schema["minLength"].as_u64().is_none_or(|min| n >= min)
                && schema["maxLength"].as_u64().is_none_or(|max| n <= max)
        })
        && value.as_object().is_none_or(|object| {
            let known = &schema["properties"];
            object.iter().all(|(name, value)| known.get(name).is_some_and(|s| fits(document, s, value)))
                && schema["required"]
                    .as_array()
                    .is_none_or(|all| all.iter().all(|n| object.contains_key(n.as_str().unwrap())))
        })
}

/// A request that passes as far as it can without being done: its server refuses the connection, its message waits.
pub(crate) fn good_body(operation: &Operation) -> Value {
    let server = json!({ "host": "127.0.0.1", "port": 1, "encryption": "tls", "username": "u", "password": "p" });
    match (operation.method.as_str(), operation.path.as_str()) {
        (_, "/accounts" | "/accounts/test") => json!({
            "provider": "custom", "address": "new@acme.test", "display_name": "New", "provider_name": "", "team": false,
            "smtp": server, "imap": server, "import_days": 30,
        }),
        (_, "/accounts/discover") => json!({ "address": "ana@acme.test", "kind": "icloud", "allow_http": false }),
        (_, "/accounts/{id}/test" | "/accounts/{id}/reconnect") => json!({ "smtp": server, "imap": server }),
        (_, "/accounts/imports/{id}/start") => json!({ "mode": "test", "rows": "passed", "confirm_hosts": [] }),
        ("PATCH", "/accounts/{id}") => {
            json!({ "display_name": "Ben", "provider_name": "Host", "sync_minutes": 5, "import_days": 30 })
        }
        ("PATCH", "/accounts/{id}/folders") => json!({ "folders": [], "dry_run": true }),
        ("DELETE", "/accounts/{id}") => json!({ "address": "nobody@acme.test" }),
        (_, "/accounts/{id}/outgoing") => json!({ "to": "cleo@lab.test", "subject": "s", "body": "b" }),
        (_, "/accounts/{id}/sync/failed/retry") => json!({ "messages": [] }),
        (_, "/accounts/{id}/sync") => json!({ "compare": false }),
        (_, "/accounts/{id}/tags") => json!({ "tags": ["Sales"] }),
        (_, "/tags/{id}") => json!({ "name": "Outreach" }),
        // Of an account that is not there: nothing is done.
        (_, "/accounts/bulk" | "/accounts/bulk/preview") => json!({
            "action": "retry", "tag": "Sales", "accounts": ["00000000-0000-0000-0000-000000000000"], "confirm": 0,
            "filter": { "search": "a", "status": "connected", "provider": "custom", "user": "me", "tag": "Sales" },
        }),
        (_, "/accounts/{id}/messages/change") => json!({
            "messages": ["00000000-0000-0000-0000-000000000000"], "threads": [], "from": null, "action": { "kind": "flags", "seen": true, "flagged": false },
        }),
        (_, "/accounts/{id}/messages/move-back") => json!({
            "moves": [{ "message": uuid::Uuid::nil(), "from": uuid::Uuid::nil(), "to": uuid::Uuid::nil() }],
        }),
        (_, "/accounts/{id}/rules") => json!({ "exclude": ["noreply@*"], "dry_run": true }),
        (_, "/messages/{id}") => json!({ "seen": true, "flagged": false }),
        (_, "/notices/read") => json!({ "up_to": "00000000-0000-0000-0000-000000000000" }),
        (_, "/notices/mail") => json!({ "mails": true }),
        (_, "/notices/mail/sender") => json!({ "account_id": null }),
        (_, "/outgoing/{id}/resolve") => json!({ "sent": true }),
        (_, "/oauth/flows") => json!({
            "provider": "google", "address": "new@acme.test", "display_name": "New", "team": false, "import_days": 30, "dry_run": false,
            "app_id": null, "account_id": null,
        }),
        ("POST", "/owner-links") => {
            let pinned = json!({ "host": "127.0.0.1", "port": 1, "encryption": "tls", "username": "u" });
            json!({
                "provider": "custom", "address": "new@acme.test", "display_name": "New", "provider_name": "", "team": false,
                "import_days": 30, "smtp": pinned, "imap": pinned, "oauth_provider": null, "app_id": null,
            })
        }
        (_, "/owner-links/look" | "/owner-links/consent") => json!({ "token": "no link" }),
        (_, "/owner-links/use") => json!({ "token": "no link", "password": "p", "smtp_password": "p" }),
        (_, "/owner-links/flow") => {
            json!({ "token": "no link", "flow": "00000000-0000-0000-0000-000000000000" })
        }
        ("POST", "/oauth/apps") => json!({
            "provider": "google", "name": "Ours", "client_id": "id", "client_secret": "secret", "tenant": "",
        }),
        (_, "/oauth/apps/check") => json!({ "provider": "google", "app_id": null }),
        (_, "/oauth/apps/{id}") => {
            json!({ "name": "Ours", "client_id": "id", "client_secret": "secret", "tenant": "common" })
        }
        (_, "/session") => json!({ "email": "ana@acme.test", "password": "not the right one" }),
        (_, "/session/link") => json!({ "token": "no link" }),
        (_, "/setup") => json!({
            "token": "no link", "name": "Eve", "email": "eve@acme.test", "password": "correct horse battery",
            "workspace_name": "Mine", "time_zone": "UTC",
        }),
        other => panic!("give {other:?} a body here"),
    }
}

/// A text of so many characters that means something in this field.
fn text_of(field: &str, length: usize) -> String {
    match field {
        "address" | "email" if length == 254 => {
            let label = "d".repeat(60);
            format!("{}@{label}.{label}.{label}.dddddd", "a".repeat(64))
        }
        "to" | "address" | "email" => format!("a@b{}", " ".repeat(length - 3)),
        _ => "x".repeat(length),
    }
}

/// JSON texts that a field may hold instead of its value, and whether the value is one at the very bound.
fn mutants(field: &str, schema: &Value) -> Vec<(String, bool)> {
    let mut out: Vec<(String, bool)> = [
        "null",
        "true",
        "7",
        "-1",
        "0",
        "1.5",
        "-0.0",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "1e300",
        "1e400",
        "[]",
        "{}",
        "[[[]]]",
        "\"\"",
        "\" \"",
        "\"text\"",
        "NaN",
        "01",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"a\\u0000b\"",
        "\"\\u0000\"",
        "\"\u{202e}gnp.exe\"",
        "\"\u{feff}a\"",
        "\"\u{fffe}\u{ffff}\"",
        "\"a\\r\\nBcc: eve@else.test\"",
        "\"a\u{2028}b\"",
        "\"👩‍👩‍👧‍👦\"",
        "\"Z\u{351}\u{36b}\u{343}\"",
        "\"%00%ff%n%s\"",
        "\"'; DROP TABLE account; --\"",
        "\"../../etc/passwd\"",
        "\"\\u007f\\u0085\"",
    ]
    .map(|text| (text.to_owned(), false))
    .into();
    out.push((format!("\"{}\"", "é".repeat(100_000)), false));
    for (name, beyond) in [("minimum", -1), ("maximum", 1)] {
        if let Some(bound) = schema[name].as_i64() {
            out.extend([(bound.to_string(), true), ((bound + beyond).to_string(), false)]);
        }
    }
    if let Some(max) = schema["maxLength"].as_u64() {
        let max = usize::try_from(max).unwrap();
        out.extend([(json!(text_of(field, max)).to_string(), true), (json!("x".repeat(max + 1)).to_string(), false)]);
    }
    if let Some(min) = schema["minLength"].as_u64() {
        let min = usize::try_from(min).unwrap();
        out.extend([(json!(text_of(field, min)).to_string(), true), (json!("x".repeat(min - 1)).to_string(), false)]);
    }
    out
}

/// The fields of a body, with dots.
fn fields(document: &Value, schema: &Value, before: &str, out: &mut Vec<(String, Value)>) {
    let mut schema = resolved(document, schema);
    if let Some(one) = schema["oneOf"].as_array().and_then(|all| all.iter().find(|s| s["type"] != "null")) {
        schema = resolved(document, one);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{before}{name}");
        fields(document, field, &format!("{name}."), out);
        out.push((name, resolved(document, field).clone()));
    }
}

/// What is sent, and what is known of it.
struct Attempt {
    what: String,
    field: String,
    text: String,
    /// It is at a bound of an otherwise good request.
    at_bound: bool,
}

fn attempts(document: &Value, operation: &Operation) -> Vec<Attempt> {
    let Some(schema) = &operation.body else { return vec![] };
    let good = good_body(operation);
    let mut all = vec![];
    fields(document, schema, "", &mut all);
    let mut out = vec![];
    for (field, schema) in all {
        let at = format!("/{}", field.replace('.', "/"));
        let last = field.rsplit('.').next().unwrap();
        for (text, at_bound) in mutants(last, &schema) {
            let mut body = good.clone();
            *body.pointer_mut(&at).unwrap() = json!(HERE);
            let what = format!("{field} = {}", beginning(&text, 60));
            let text = body.to_string().replace(&json!(HERE).to_string(), &text);
            out.push(Attempt { what, field: field.clone(), text, at_bound });
        }
        let (parent, _) = at.rsplit_once('/').unwrap();
        let mut without = good.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(last);
        out.push(Attempt {
            what: format!("no {field}"),
            field: field.clone(),
            text: without.to_string(),
            at_bound: false,
        });
        let mut more = good.clone();
        more.pointer_mut(parent).unwrap()["surprise"] = json!(1);
        out.push(Attempt {
            what: format!("a surprise beside {field}"),
            field,
            text: more.to_string(),
            at_bound: false,
        });
    }
    out
}

/// The rows of every table. Events are left out: the account's owner writes some of its own meanwhile.
struct Rows(&'static str);

impl Rows {
    async fn of(t: &TestApp) -> Self {
        let columns = t.app().db.columns().await.unwrap();
        let tables: std::collections::BTreeSet<&String> = columns.iter().map(|(table, _)| table).collect();
        let mut sql = String::from("SELECT ''");
        // Those are the workers' own: they may come between two requests.
        for table in
            tables.into_iter().filter(|t| !["event", "event_cursor", "lease", "sync_run"].contains(&t.as_str()))
        {
            write!(sql, " || ' {table}=' || CAST((SELECT COUNT(*) FROM \"{table}\") AS TEXT)").unwrap();
        }
        Self(sql.leak())
    }

    async fn count(&self, t: &TestApp) -> String {
        let mut c = t.app().db.read().await.unwrap();
        db::one::<(String,)>(&mut c, db::Sql::both(self.0), vec![]).await.unwrap().0
    }
}

/// Walks on: what was there before the last request, and what was sent so far.
struct Walk<'t> {
    t: &'t TestApp,
    api: Api,
    rows: Rows,
    before: String,
    sent: usize,
}

impl Walk<'_> {
    /// What must hold of every answer.
    async fn judge(&mut self, what: &str, answer: &Answer) {
        self.sent += 1;
        let status = answer.status.as_u16();
        let text = beginning(&answer.text, 600);
        assert!(status < 500, "{what}: {status} {text}");
        if status < 400 {
            // What it began goes on: its job's row goes when that has ended.
            eventually("no job is left", async || self.t.number("SELECT COUNT(*) FROM job").await == 0).await;
            self.before = self.rows.count(self.t).await;
            return;
        }
        let after = self.rows.count(self.t).await;
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/problem+json", "{what}: {status} {text}");
        let problem = answer.json();
        for name in ["code", "detail", "request_id", "title"] {
            assert!(problem[name].as_str().is_some_and(|t| !t.is_empty()), "{what}: no {name} in {text}");
        }
        assert_eq!(problem["status"], status, "{what}: {text}");
        assert_eq!(after, self.before, "{what}: refused with {status}, and yet something was saved");
        if problem["code"] == "validation_failed" {
            assert!(problem["fields"].as_array().is_some_and(|f| !f.is_empty()), "{what}: no field is named in {text}");
        }
    }

    async fn bodies(&mut self, document: &Value, operation: &Operation, path: &str) {
        let Some(schema) = &operation.body else { return };
        for (n, attempt) in attempts(document, operation).into_iter().enumerate() {
            let key = format!("{}-{}-{n}", operation.method, operation.path.len());
            let what = format!("{} {}: {}", operation.method, operation.path, attempt.what);
            let body = Some(("application/json", attempt.text.clone().into_bytes()));
            let answer = self.api.raw(operation.method.clone(), path, body, &[("idempotency-key", &key)]).await;
            self.judge(&what, &answer).await;
            let status = answer.status.as_u16();
            let problem = answer.json();
            let sound = serde_json::from_str::<Value>(&attempt.text).is_ok_and(|value| fits(document, schema, &value));
            assert!(sound || status >= 400, "{what}: the document forbids it, and it was taken: {status}");
            let named =
                problem["fields"].as_array().into_iter().flatten().any(|f| f["field"] == attempt.field.as_str());
            if attempt.at_bound {
                assert!(status != 400 && !named, "{what}: the document allows it, and it was refused: {}", answer.text);
            } else if problem["code"] == "validation_failed" && operation.path != "/accounts/{id}/outgoing" {
                // The accounts of the good body are nobody's: that alone is the trouble of a body that the document allows.
                let empty = problem["fields"].as_array().is_some_and(|f| f.iter().all(|f| f["code"] == "empty"));
                let nobody = sound && operation.path.starts_with("/accounts/bulk") && empty;
                assert!(
                    named || nobody || operation.method == Method::DELETE,
                    "{what}: the field is not named: {}",
                    answer.text
                );
            }
        }
        self.broken_bodies(operation, path).await;
    }

    /// Bodies that are no JSON object at all.
    async fn broken_bodies(&mut self, operation: &Operation, path: &str) {
        let good = good_body(operation).to_string();
        let inner = good.strip_prefix('{').and_then(|g| g.strip_suffix('}')).unwrap();
        let twice = format!("{{{inner},{inner}}}");
        let json = "application/json";
        let table: [(&str, Vec<u8>, &[u16]); 11] = [
            (json, vec![], &[400]),
            (json, b"null".to_vec(), &[400]),
            (json, b"[]".to_vec(), &[400]),
            (json, b"{".to_vec(), &[400]),
            (json, b"\"x\"".to_vec(), &[400]),
            (json, b"{\"\xff\xfe\": 1}".to_vec(), &[400]),
            (json, "[".repeat(100_000).into_bytes(), &[400]),
            (json, "{\"a\":".repeat(100_000).into_bytes(), &[400]),
            (json, format!("\u{feff}{good}").into_bytes(), &[400]),
            (json, twice.into_bytes(), &[400]),
            ("text/plain", good.into_bytes(), &[415]),
        ];
        for (n, (kind, body, allowed)) in table.into_iter().enumerate() {
            let what = format!("{} {}: broken body {n}", operation.method, operation.path);
            let extra = [("idempotency-key", "a-broken-body")];
            let answer = self.api.raw(operation.method.clone(), path, Some((kind, body)), &extra).await;
            self.judge(&what, &answer).await;
            assert!(allowed.contains(&answer.status.as_u16()), "{what}: {} {}", answer.status, answer.text);
        }
        let answer = self.api.oversized(operation.method.clone(), path, (25_000_000, 2 * 1024 * 1024 + 1)).await;
        let what = format!("{} {}: {answer}", operation.method, operation.path);
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"code\":\"too_large\""), "{what}");
        assert_eq!(self.rows.count(self.t).await, self.before, "{what}");
    }

    async fn queries(&mut self, operation: &Operation, path: &str) {
        let odd = [
            "",
            "x",
            "-1",
            "0",
            "1.5",
            "99999999999999999999",
            "%00",
            "a%00b",
            "%ff",
            "%",
            "null",
            "[]",
            "%F0%9F%92%A3",
            "asc",
            "me",
        ];
        let names = operation.parameters.iter().filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap());
        for name in names {
            let long = "a".repeat(LONG);
            let twice = format!("1&{name}=2");
            for value in odd.iter().copied().chain([long.as_str(), twice.as_str()]) {
                let answer = self.api.raw(operation.method.clone(), &format!("{path}?{name}={value}"), None, &[]).await;
                self.judge(
                    &format!("{} {}?{name}={}", operation.method, operation.path, beginning(value, 40)),
                    &answer,
                )
                .await;
            }
        }
    }

    /// Cursors that no list gave, in every order.
    async fn cursors(&mut self, account: &str) {
        use base64::Engine as _;
        let id = "00000000-0000-0000-0000-000000000000";
        for key in ["\"\\u0000\"", "\"x\"", "\"\"", "1", "-9223372036854775808", "9223372036854775807", "1.5", "null"] {
            let cursor = format!("{{\"key\":{key},\"id\":\"{id}\"}}");
            let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(cursor);
            for sort in ["address", "provider", "user", "health", "sent", "status", "created"] {
                for dir in ["asc", "desc"] {
                    let answer = self.api.get(&format!("/accounts?sort={sort}&dir={dir}&cursor={cursor}")).await;
                    self.judge(&format!("cursor {key} by {sort} {dir}"), &answer).await;
                }
            }
            for list in ["messages", "outgoing"] {
                let answer = self.api.get(&format!("/accounts/{account}/{list}?cursor={cursor}")).await;
                self.judge(&format!("cursor {key} of {list}"), &answer).await;
            }
        }
    }

    /// Ids that name nothing: 404, whatever else the request holds.
    async fn paths(&mut self, operation: &Operation) {
        let long = "a".repeat(LONG);
        let odd = [
            "x",
            "0",
            "-1",
            "%00",
            "%ff",
            "..%2f..%2fetc",
            "99999999999999999999",
            "00000000-0000-0000-0000-000000000000",
            "%7B%7D",
            &long,
        ];
        let names = operation.parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap());
        for name in names {
            for value in odd {
                let path = operation.path.replace(&format!("{{{name}}}"), value);
                let path = path
                    .replace("{id}", value)
                    .replace("{message}", value)
                    .replace("{operation}", value)
                    .replace("{index}", "0");
                let query = if path.starts_with("/images") { "?until=1&code=x" } else { "" };
                let body = operation
                    .body
                    .as_ref()
                    .map(|_| ("application/json", good_body(operation).to_string().into_bytes()));
                let extra = [("idempotency-key", "an-odd-path")];
                let answer = self.api.raw(operation.method.clone(), &format!("{path}{query}"), body, &extra).await;
                let what = format!("{} {} with {name} = {}", operation.method, operation.path, beginning(value, 40));
                assert!([404, 414].contains(&answer.status.as_u16()), "{what}: {} {}", answer.status, answer.text);
                if answer.status.as_u16() == 404 {
                    self.judge(&what, &answer).await;
                }
            }
        }
    }
}

/// A name server that knows no name, so that hosts of the walk lead nowhere.
fn empty_name_server() -> std::net::SocketAddr {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 1_500];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            // An answer, recursion available, no such name.
            packet[2] = 0x81;
            packet[3] = 0x83;
            let _ = socket.send_to(&packet[..length], client);
        }
    });
    address
}

/// An account with one message, and one outgoing message that waits for a new password: the walk sends nothing.
async fn settled(api: &mut Api, world: &MailWorld, name: &str) -> [String; 3] {
    let mailbox = world.add_user(name).unwrap();
    world.deliver(&mailbox.address, &mail("Hello", &format!("{name}@else.test"))).unwrap();
    let id =
        api.post("/accounts", &connect_request(world, &mailbox)).await.expect(201)["id"].as_str().unwrap().to_owned();
    let received = first_message(api, &id).await;
    // Its session is open: only sending needs the new password.
    world.set_password(&mailbox.address, "another one").unwrap();
    let message = json!({ "to": mailbox.address, "subject": "s", "body": "b" });
    let key = [("idempotency-key", "the-one-that-waits")];
    let sent = api.call(Method::POST, &format!("/accounts/{id}/outgoing"), Some(&message), &key).await.expect(202);
    let cell = tokio::sync::Mutex::new(api);
    eventually("sending waits for a person", async || {
        let account = cell.lock().await.get(&format!("/accounts/{id}")).await.expect(200);
        account["sending"]["state"] == "reconnect_required"
    })
    .await;
    eventually("it is told", async || cell.lock().await.get("/notices").await.expect(200)["unread"] == 1).await;
    [id, received, sent["id"].as_str().unwrap().to_owned()]
}

async fn first_message(api: &mut Api, account: &str) -> String {
    let path = format!("/accounts/{account}/messages");
    let cell = tokio::sync::Mutex::new((api, Value::Null));
    eventually("the mail is here", async || {
        let (api, id) = &mut *cell.lock().await;
        *id = api.get(&path).await.expect(200)["items"][0]["id"].clone();
        id.is_string()
    })
    .await;
    cell.into_inner().1.as_str().unwrap().to_owned()
}

pub(crate) fn filled(path: &str, [account, message, outgoing]: &[String; 3]) -> String {
    // No tag has an account's id, and no bulk run: what is asked of them is read, and then not found.
    let id = if path.starts_with("/messages") {
        message
    } else if path.starts_with("/outgoing") {
        outgoing
    } else {
        account
    };
    path.replace("{id}", id).replace("{message}", message).replace("{operation}", message).replace("{index}", "0")
}

on_both! {
    async fn every_field_of_every_operation_holds_at_its_bounds_and_beyond(engine) {
        let world = MailWorld::shared();
        let names = empty_name_server();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.egress.extra_ports.push(1);
            c.name_servers = vec![names];
        })
        .await;
        let mut api = t.owner().await;
        let ids = settled(&mut api, world, &format!("bad-requests-{engine:?}").to_lowercase()).await;
        let document = api.get("/api/openapi.json").await.expect(200);
        let rows = Rows::of(&t).await;
        let before = rows.count(&t).await;
        let mut walk = Walk { t: &t, api, rows, before, sent: 0 };
        for operation in operations(&document) {
            // A stream without end, and the end of this session: neither reads anything.
            if operation.path == "/live" || (operation.path == "/session" && operation.method == Method::DELETE) {
                continue;
            }
            let path = filled(&operation.path, &ids);
            walk.bodies(&document, &operation, &path).await;
            walk.queries(&operation, &path).await;
            walk.paths(&operation).await;
        }
        walk.cursors(&ids[0]).await;
        let outgoing = format!("/accounts/{}/outgoing", ids[0]);
        for key in ["", "short", "seven-7", "with a blank", &"k".repeat(129)] {
            let message = json!({ "to": "a@b.test", "subject": "s", "body": "b" });
            let answer = walk.api.call(Method::POST, &outgoing, Some(&message), &[("idempotency-key", key)]).await;
            walk.judge(&format!("key {key}"), &answer).await;
            answer.problem(400, "idempotency_key_needed");
        }
        assert!(walk.sent > 1_500, "only {} requests were sent: the walk is broken", walk.sent);
        t.stop().await;
    }
}
