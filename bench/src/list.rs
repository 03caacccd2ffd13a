//! The accounts list, as many people at once read it: each column's order, first pages and later ones.

use crate::figures::{Figures, quantile};
use crate::program::Program;
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use posthouse::config::Config;
use std::path::Path;
use std::time::Instant;

/// Readers at the same time.
const CLIENTS: usize = 8;
/// Pages that each of them reads in one order.
const PAGES: usize = 40;

/// Seeds the accounts, then reads pages of 100 in every order. Each order is read once before it is measured: every
/// connection to the database prepares a statement once in its life, and PostgreSQL plans its first five runs anew.
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
    let floor = at_once(async |client: &Client| client.times("/healthz", PAGES).await, (&base, &cookie)).await?;
    figures.note("floor: /healthz, 8 clients, p99", &format!("{:.1} ms", quantile(&floor, 0.99)));
    for sort in ["address", "provider", "user", "health", "sent", "status", "created"] {
        for direction in ["asc", "desc"] {
            let query = format!("/api/v1/accounts?limit=100&sort={sort}&dir={direction}");
            at_once(async |client: &Client| client.pages(&query).await, (&base, &cookie)).await?;
            let taken = at_once(async |client: &Client| client.pages(&query).await, (&base, &cookie)).await?;
            let p99 = quantile(&taken, 0.99);
            let name = format!("100 of {accounts} by {sort} {direction}, p99 (p50 {:.1} ms)", quantile(&taken, 0.5));
            figures.at_most(&name, (p99, 20.0), "ms");
        }
    }
    figures.note("resident after that", &format!("{:.1} MiB", running.resident_mib()?));
    Ok(())
}

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

/// A reader with a connection of its own.
struct Client {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Client {
    async fn get(&self, path: &str) -> Result<(f64, String)> {
        let started = Instant::now();
        let request = self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let response = request.send().await?;
        let ok = response.status().is_success();
        let text = response.text().await?;
        ensure!(ok, "{path}: {text}");
        Ok((started.elapsed().as_secs_f64() * 1_000.0, text))
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
            let (millis, text) = self.get(&format!("{query}&cursor={cursor}")).await?;
            // Not parsed: the clients share the processor with what is measured.
            ensure!(text.matches(r#""address":"#).count() == 100, "a short page");
            let (_, next) = text.rsplit_once(r#""next_cursor":""#).context("no next page")?;
            next.split('"').next().unwrap_or_default().clone_into(&mut cursor);
            taken.push(millis);
        }
        Ok(taken)
    }
}

/// Lets all clients do the same at once; what each request took, sorted.
async fn at_once<F>(what: F, (base, cookie): (&str, &str)) -> Result<Vec<f64>>
where
    F: AsyncFn(&Client) -> Result<Vec<f64>>,
{
    let mut clients = vec![];
    for _ in 0..CLIENTS {
        let http = reqwest::Client::builder().no_proxy().build()?;
        clients.push(Client { http, base: base.to_owned(), cookie: cookie.to_owned() });
    }
    let mut taken = try_join_all(clients.iter().map(|client| what(client))).await?.concat();
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}
