//! Sending: against the real Postfix and Dovecot, against a server that misbehaves, and with the program killed.

mod fake;
mod faults;
#[cfg(feature = "failpoints")]
mod kills;
mod odd;
mod paused;
mod real;

use crate::support::{Api, eventually};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A text that no other call of this process gives.
fn unique(name: &str) -> String {
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

async fn submit(api: &mut Api, account: &str, to: &str) -> String {
    let body = json!({ "to": to, "subject": "Greetings", "body": "Hello,\n.and goodbye.\n" });
    submit_as(api, account, &unique("key-of"), &body).await
}

async fn submit_as(api: &mut Api, account: &str, key: &str, body: &Value) -> String {
    let path = format!("/accounts/{account}/outgoing");
    let answer = api.call(reqwest::Method::POST, &path, Some(body), &[("idempotency-key", key)]).await.expect(202);
    answer["id"].as_str().unwrap().to_owned()
}

async fn outgoing(api: &mut Api, id: &str) -> Value {
    api.get(&format!("/outgoing/{id}")).await.expect(200)
}

/// Waits until the message is in this state, and gives it.
async fn until(api: &mut Api, id: &str, state: &str) -> Value {
    let cell = tokio::sync::Mutex::new((api, Value::Null));
    eventually(&format!("{id} is {state}"), async || {
        let (api, seen) = &mut *cell.lock().await;
        *seen = outgoing(api, id).await;
        seen["state"] == state
    })
    .await;
    cell.into_inner().1
}

async fn account(api: &mut Api, id: &str) -> Value {
    api.get(&format!("/accounts/{id}")).await.expect(200)
}

async fn until_sending_is(api: &mut Api, id: &str, state: &str) -> Value {
    let cell = tokio::sync::Mutex::new((api, Value::Null));
    eventually(&format!("sending is {state}"), async || {
        let (api, seen) = &mut *cell.lock().await;
        *seen = account(api, id).await;
        seen["sending"]["state"] == state
    })
    .await;
    cell.into_inner().1
}
