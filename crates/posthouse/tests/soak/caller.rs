//! A caller of the API that expects the program to vanish at any moment.

use reqwest::{Method, header};
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A caller: keeps its session's cookie, and goes to one node after the other.
pub struct Caller {
    client: reqwest::Client,
    nodes: Vec<u16>,
    calls: AtomicUsize,
    cookie: Mutex<Option<String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Caller {
    pub fn new(nodes: Vec<u16>) -> Self {
        // The first one wins: others in this process have the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build().unwrap();
        Self { client, nodes, calls: AtomicUsize::new(0), cookie: Mutex::new(None) }
    }

    /// None when the program did not answer: whether it did the work is unknown.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>, key: Option<&str>) -> Option<Answer> {
        let node = self.calls.fetch_add(1, Ordering::SeqCst) % self.nodes.len();
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.base(node)));
        if let Some(cookie) = self.cookie.lock().unwrap().clone() {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let cookie = response.headers().get(header::SET_COOKIE).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let text = response.text().await.ok()?;
        if let Some(cookie) = cookie {
            *self.cookie.lock().unwrap() = cookie.split(';').next().map(str::to_owned);
        }
        Some(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub fn base(&self, node: usize) -> String {
        format!("http://127.0.0.1:{}", self.nodes[node])
    }

    /// Whether a node serves and its database answers.
    pub async fn is_ready(&self, node: usize) -> bool {
        let asked = self.client.get(format!("{}/readyz", self.base(node))).timeout(Duration::from_secs(2)).send().await;
        asked.is_ok_and(|r| r.status().is_success())
    }
}
