//! How long new mail takes to be shown, from the moment that the server announces it.

use super::crowd::Settled;
use crate::figures::{Figures, quantile};
use crate::program::Program;
use crate::tap::Tap;
use anyhow::{Context, Result, ensure};
use posthouse::accounts::AccountId;
use std::time::{Duration, Instant};
use testkit::MailWorld;

/// How long one message may take; Dovecot itself waits for half a second before it announces it.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many accounts follow their server, as the list of accounts tells.
///
/// # Errors
/// When the program does not answer.
pub async fn live(running: &Program, settled: &Settled) -> Result<usize> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut live, mut cursor) = (0, String::new());
    loop {
        let path = format!("/accounts?limit=200&sort=created&cursor={cursor}");
        let page = get(&client, (running, settled), &path).await?;
        live += page.matches(r#""stage":"live""#).count();
        let Some((_, next)) = page.rsplit_once(r#""next_cursor":""#) else { return Ok(live) };
        next.split('"').next().unwrap_or_default().clone_into(&mut cursor);
    }
}

async fn get(client: &reqwest::Client, (running, settled): (&Program, &Settled), path: &str) -> Result<String> {
    let url = format!("http://127.0.0.1:{}/api/v1{path}", running.port);
    let response = client.get(url).header("cookie", &settled.cookie).send().await?;
    let ok = response.status().is_success();
    let text = response.text().await?;
    ensure!(ok, "{path}: {text}");
    Ok(text)
}

/// Delivers a message to each account that has a tap of its own, one after the other, and waits for it as an open page does: told
/// by the stream, it fetches the account's mail.
///
/// # Errors
/// When a message does not come.
pub async fn measure(
    running: &Program,
    (world, taps): (&MailWorld, &[Tap]),
    settled: &Settled,
    figures: &mut Figures,
) -> Result<()> {
    let mut page = Page::open(running, settled).await?;
    let (mut told, mut shown, mut announced) = (vec![], vec![], vec![]);
    let timed = taps.len().saturating_sub(1);
    for ((id, address), tap) in settled.accounts.iter().zip(taps).take(timed) {
        tap.listen_for_news();
        let delivered = Instant::now();
        let raw =
            format!("From: Peer <peer@lab.test>\r\nTo: <{address}>\r\nSubject: News for {address}\r\n\r\nHello\r\n");
        world.deliver(address, raw.as_bytes())?;
        let subject = format!("News for {address}");
        let waited = tokio::time::timeout(PATIENCE, page.shows(*id, &subject));
        let (told_at, shown_at) = waited.await.with_context(|| format!("the mail of {address} is not shown"))??;
        let at = tap.news_at().context("the server said nothing")?;
        announced.push(millis(at, delivered));
        told.push(millis(told_at, at));
        shown.push(millis(shown_at, at));
    }
    for times in [&mut announced, &mut told, &mut shown] {
        times.sort_by(f64::total_cmp);
    }
    figures
        .note("the server itself, from delivery to its word, median", &format!("{:.0} ms", quantile(&announced, 0.5)));
    figures.note("from its word to that of the stream, median", &format!("{:.1} ms", quantile(&told, 0.5)));
    let count = shown.len();
    figures.at_most(&format!("from its word to the row, median of {count}"), (quantile(&shown, 0.5), 100.0), "ms");
    figures.at_most(&format!("from its word to the row, worst of {count}"), (quantile(&shown, 1.0), 100.0), "ms");
    Ok(())
}

fn millis(later: Instant, earlier: Instant) -> f64 {
    later.saturating_duration_since(earlier).as_secs_f64() * 1_000.0
}

/// An open page: the stream of what changed, and requests beside it.
struct Page<'a> {
    client: reqwest::Client,
    stream: reqwest::Response,
    heard: String,
    of: (&'a Program, &'a Settled),
}

impl<'a> Page<'a> {
    async fn open(running: &'a Program, settled: &'a Settled) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}/api/v1/live", running.port);
        let stream = client.get(url).header("cookie", &settled.cookie).send().await?.error_for_status()?;
        let mut page = Self { client, stream, heard: String::new(), of: (running, settled) };
        page.until(|event| event.contains("event: ready")).await?;
        // The connection of the requests is there before the clock runs.
        get(&page.client, page.of, "/accounts/summary").await?;
        Ok(page)
    }

    /// The next event of this kind; the ones before it are dropped.
    async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        loop {
            while let Some((event, rest)) = self.heard.split_once("\n\n") {
                let found = wanted(event);
                self.heard = rest.to_owned();
                if found {
                    return Ok(());
                }
            }
            let chunk = self.stream.chunk().await?.context("the stream ended")?;
            self.heard.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// When the stream first told of the account's mail, and when the message was in its list.
    async fn shows(&mut self, account: AccountId, subject: &str) -> Result<(Instant, Instant)> {
        let mut told_at = None;
        loop {
            let id = account.to_string();
            self.until(|event| event.contains(r#""topic":"messages""#) && event.contains(&id)).await?;
            told_at.get_or_insert(Instant::now());
            let mail = get(&self.client, self.of, &format!("/accounts/{account}/messages?limit=1")).await?;
            if let (true, Some(told_at)) = (mail.contains(subject), told_at) {
                return Ok((told_at, Instant::now()));
            }
        }
    }
}
