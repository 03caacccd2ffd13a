//! The accounts list, as many people at once read it: each column's order, first pages and later ones.

use crate::figures::{Figures, quantile};
use crate::program::Program;
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Request;
use http::header::{COOKIE, HOST};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use posthouse::config::Config;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Readers at the same time.
const CLIENTS: usize = 8;
/// Pages that each of them reads in one order.
const PAGES: usize = 40;
/// Times that every order is measured, one round after the other, so that no order is judged by the same few seconds alone.
const ROUNDS: usize = 3;

/// Seeds the accounts, then reads pages of 100 in every order. Each order is read before it is measured, its first page as often as the
/// later ones: every connection to the database prepares a statement once in its life, and PostgreSQL plans its first five runs anew.
///
/// # Errors
/// When an answer is not the page that was asked for.
pub async fn measure(program: &Path, config: &Config, accounts: usize, figures: &mut Figures) -> Result<()> {
    let cookie = crate::seed::fill(config, accounts).await?;
    if let Some(url) = &config.database_url {
        settle(url).await?;
    }
    let running = Program::start(program, config).await?;
    running.at_rest().await?;
    let base = format!("http://127.0.0.1:{}", running.port);
    let clients = try_join_all((0..CLIENTS).map(|_| Client::new(&base, &cookie))).await?;
    let floor = at_once(async |client: &Client| client.times("/healthz", PAGES).await, &clients).await?;
    figures.note("floor: /healthz, 8 clients, p99", &format!("{:.1} ms", quantile(&floor, 0.99)));
    let orders: Vec<String> = ["address", "provider", "user", "health", "sent", "status", "created"]
        .iter()
        .flat_map(|sort| ["asc", "desc"].map(|direction| format!("sort={sort}&dir={direction}")))
        .collect();
    let (mut requests, cpu) = (0, running.cpu_secs()?);
    let mut rounds: Vec<Vec<Vec<f64>>> = vec![vec![]; orders.len()];
    for round in 0..ROUNDS {
        for (order, taken) in orders.iter().zip(&mut rounds) {
            let query = format!("/api/v1/accounts?limit=100&{order}");
            if round == 0 {
                at_once(async |client: &Client| client.times(&query, PAGES).await, &clients).await?;
                at_once(async |client: &Client| client.pages(&query).await, &clients).await?;
                requests += 2 * CLIENTS * PAGES;
            }
            let sorted = at_once(async |client: &Client| client.pages(&query).await, &clients).await?;
            requests += sorted.len();
            taken.push(sorted);
        }
    }
    for (order, taken) in orders.iter().zip(&rounds) {
        let each = taken.iter().map(|round| format!("{:.1}", quantile(round, 0.99))).collect::<Vec<_>>().join(", ");
        let mut all = taken.concat();
        all.sort_by(f64::total_cmp);
        let (p50, p99) = (quantile(&all, 0.5), quantile(&all, 0.99));
        figures.at_most(&format!("100 of {accounts}, {order}, p99 (p50 {p50:.1}; rounds {each})"), (p99, 20.0), "ms");
    }
    let cpu = (running.cpu_secs()? - cpu) * 1_000.0 / requests as f64;
    figures.note("the program's processor time for one of them", &format!("{cpu:.2} ms"));
    figures.note("resident after that", &format!("{:.1} MiB", running.resident_mib()?));
    pause_all((&base, &cookie), accounts, figures).await
}

/// Pauses all of them at once and takes it back: until the run counts its first account, and until it has ended.
async fn pause_all((base, cookie): (&str, &str), accounts: usize, figures: &mut Figures) -> Result<()> {
    let client = Client::new(base, cookie).await?;
    let everyone = json!({ "action": "pause", "filter": {} });
    let began = Instant::now();
    client.post("/api/v1/accounts/bulk/preview", &everyone).await?;
    figures
        .note(&format!("preview of pausing {accounts}"), &format!("{:.0} ms", began.elapsed().as_secs_f64() * 1_000.0));
    let paused = client.run("/api/v1/accounts/bulk", &everyone).await?;
    let undo = format!("/api/v1/accounts/bulk/{}/undo", paused.id);
    let taken_back = client.run(&undo, &json!({})).await?;
    for (name, run) in [("pausing", paused), ("resuming", taken_back)] {
        // Some of those that are seeded are paused already.
        ensure!(run.changed * 2 > accounts, "{name} changed {} accounts", run.changed);
        let took = format!("{:.1} s, the first counted after {:.1} s", run.ended_secs, run.counted_secs);
        figures.note(&format!("{name} {} of {accounts}", run.changed), &took);
    }
    Ok(())
}

/// What one run with all accounts took.
struct Run {
    id: String,
    changed: usize,
    counted_secs: f64,
    ended_secs: f64,
}

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What PostgreSQL does by itself within minutes of so many new rows, so that the figures are those of a house that is lived in.
///
/// # Errors
/// When it cannot be done.
pub async fn settle(url: &str) -> Result<()> {
    let status =
        tokio::process::Command::new("psql").args([url, "--quiet", "--command", "VACUUM ANALYZE"]).status().await;
    ensure!(status.context("run psql")?.success(), "VACUUM ANALYZE");
    Ok(())
}

/// A reader with a connection of its own, which it reads by as directly as can be: the clients share the processor with what is measured.
struct Client {
    reads: Mutex<SendRequest<Empty<Bytes>>>,
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "a client of the product, which ends with the measuring")]
    async fn new(base: &str, cookie: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let stream = TcpStream::connect(base.trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        let (reads, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { reads: Mutex::new(reads), http, base: base.to_owned(), cookie: cookie.to_owned() })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
        let ok = response.status().is_success();
        let text = response.text().await?;
        ensure!(ok, "{path}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Begins a run and looks at it until it has ended.
    async fn run(&self, path: &str, body: &Value) -> Result<Run> {
        let began = Instant::now();
        let mut run = self.post(path, body).await?;
        let number = |run: &Value, name: &str| run.get(name).and_then(Value::as_u64).unwrap_or_default();
        let id = run.get("id").and_then(Value::as_str).context("no run")?.to_owned();
        let mut counted_secs = None;
        while run.get("finished") != Some(&Value::Bool(true)) {
            tokio::time::sleep(LOOK).await;
            run = serde_json::from_slice(&self.get(&format!("/api/v1/accounts/bulk/{id}")).await?.1)?;
            if number(&run, "done") > 0 {
                counted_secs.get_or_insert(began.elapsed().as_secs_f64());
            }
        }
        let changed = usize::try_from(number(&run, "changed"))?;
        let ended_secs = began.elapsed().as_secs_f64();
        Ok(Run { id, changed, counted_secs: counted_secs.unwrap_or(ended_secs), ended_secs })
    }

    /// What a request took until its last byte, and that answer. It is not decoded.
    async fn get(&self, path: &str) -> Result<(f64, Bytes)> {
        let mut reads = self.reads.lock().await;
        let started = Instant::now();
        let host = self.base.trim_start_matches("http://");
        let request = Request::get(path).header(HOST, host).header(COOKIE, &self.cookie).body(Empty::new())?;
        reads.ready().await?;
        let response = reads.send_request(request).await?;
        let ok = response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(ok, "{path}: {}", String::from_utf8_lossy(&body));
        Ok((started.elapsed().as_secs_f64() * 1_000.0, body))
    }

    async fn times(&self, path: &str, count: usize) -> Result<Vec<f64>> {
        let mut taken = vec![];
        for _ in 0..count {
            taken.push(self.get(path).await?.0);
        }
        Ok(taken)
    }

    /// Reads page after page, as scrolling does.
    async fn pages(&self, query: &str) -> Result<Vec<f64>> {
        let (mut taken, mut cursor) = (vec![], String::new());
        for _ in 0..PAGES {
            let (millis, body) = self.get(&format!("{query}&cursor={cursor}")).await?;
            ensure!(memmem::find_iter(&body, br#""address":"#).count() == 100, "a short page");
            let name = br#""next_cursor":""#;
            let at = memmem::rfind(&body, name).context("no next page")? + name.len();
            let rest = body.get(at..).unwrap_or_default();
            let end = rest.iter().position(|b| *b == b'"').context("no end of the cursor")?;
            cursor = String::from_utf8(rest.get(..end).unwrap_or_default().to_vec())?;
            taken.push(millis);
        }
        Ok(taken)
    }
}

/// Lets all clients do the same at once; what each request took, sorted.
async fn at_once<F>(what: F, clients: &[Client]) -> Result<Vec<f64>>
where
    F: AsyncFn(&Client) -> Result<Vec<f64>>,
{
    let mut taken = try_join_all(clients.iter().map(|client| what(client))).await?.concat();
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}
