//! A caller of the API: keeps its cookie, reads JSON and event streams.

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use std::net::SocketAddr;

/// A caller.
pub struct Api {
    client: reqwest::Client,
    base: String,
    cookie: Option<String>,
}

/// Below what the server lets a connection be idle.
const IDLE: std::time::Duration = std::time::Duration::from_secs(5);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    /// The status must be this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The status and the problem's code must be these.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{body}");
        body
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The events of a stream: name and data.
    pub fn events(&self) -> Vec<(String, Value)> {
        let mut out = vec![];
        for block in self.text.split("\n\n") {
            let line = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
            if let (Some(event), Some(data)) = (line("event:"), line("data:")) {
                out.push((event.to_owned(), serde_json::from_str(data).unwrap()));
            }
        }
        out
    }
}

impl Api {
    pub fn new(addr: SocketAddr) -> Self {
        // The first one wins: others in this process have the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The server ends a connection that was idle for longer, and a request may just be on its way into it.
            .pool_idle_timeout(IDLE)
            .build()
            .unwrap();
        Self { client, base: format!("http://{addr}"), cookie: None }
    }

    /// The session token that it holds.
    pub fn cookie_value(&self) -> String {
        let cookies = self.cookie.as_deref().unwrap_or_default();
        let session = cookies.split("; ").find_map(|c| c.split_once('=').filter(|(name, _)| name.ends_with("session")));
        session.map(|(_, token)| token.to_owned()).unwrap_or_default()
    }

    pub fn with_cookie_of(addr: SocketAddr, other: &Self) -> Self {
        Self { cookie: other.cookie.clone(), ..Self::new(addr) }
    }

    /// Waits until somebody answers there.
    pub async fn until_up(&self) {
        let url = format!("{}/healthz", self.base);
        for _ in 0..600 {
            if self.client.get(&url).send().await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nobody answers at {url}");
    }

    /// Its session.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.clone()
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Option<&Value>, extra: &[(&str, &str)]) -> Answer {
        let body = body.map(|b| ("application/json", b.to_string().into_bytes()));
        self.raw(method, path, body, extra).await
    }

    /// With a body that need not be JSON, under this media type.
    pub async fn raw(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
        extra: &[(&str, &str)],
    ) -> Answer {
        let response = self.open(method, path, body, extra).await;
        let (status, headers) = (response.status(), response.headers().clone());
        for set in headers.get_all(header::SET_COOKIE) {
            self.keep_cookie(set.to_str().unwrap());
        }
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    fn keep_cookie(&mut self, set: &str) {
        let fresh = set.split(';').next().unwrap();
        let name = fresh.split('=').next().unwrap();
        let held = self.cookie.take().unwrap_or_default();
        let others = held.split("; ").filter(|c| !c.is_empty() && c.split('=').next() != Some(name));
        self.cookie = Some(std::iter::once(fresh).chain(others).collect::<Vec<_>>().join("; "));
    }

    /// The answer without its body, which may be a stream that does not end. A path below `/` itself begins with `//`.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
        extra: &[(&str, &str)],
    ) -> reqwest::Response {
        let url = if let Some(page) = path.strip_prefix('/').filter(|p| p.starts_with('/')) {
            format!("{}{page}", self.base)
        } else if path.starts_with("/api/") || path.ends_with('z') {
            format!("{}{path}", self.base)
        } else {
            format!("{}/api/v1{path}", self.base)
        };
        let mut request = self.client.request(method, url);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        if let Some((kind, body)) = body {
            request = request.header(header::CONTENT_TYPE, kind).body(body);
        }
        request.send().await.unwrap()
    }

    /// A body of `declared` octets of which only `sent` go out: one that is refused for its size need not be sent whole,
    /// and whoever sends it whole may lose the answer to a broken pipe.
    pub async fn oversized(&self, method: Method, path: &str, (declared, sent): (usize, usize)) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let host = self.base.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: an-oversized-one\r\nContent-Length: {declared}\r\nConnection: close\r\n\r\n",
            self.cookie.as_deref().unwrap_or_default()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; sent]).await.unwrap();
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, None, &[]).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body), &[]).await
    }

    pub async fn patch(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body), &[]).await
    }

    pub async fn delete(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::DELETE, path, Some(body), &[]).await
    }
}
