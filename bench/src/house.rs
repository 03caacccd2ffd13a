//! The program as its owner uses it: signed in, by the API.

use crate::program::Program;
use anyhow::{Context, Result, bail, ensure};
use posthouse::base::clock::Clock;
use posthouse::config::Config;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::Mailbox;

/// An import may take so long.
const IMPORT: Duration = Duration::from_secs(3_600);

/// A running program with an owner.
pub struct House {
    pub program: Program,
    http: reqwest::Client,
    cookie: String,
}

/// What the program says of an account's copy.
#[derive(Debug, Clone, Copy)]
pub struct Copy {
    /// Nothing is being imported.
    pub live: bool,
    pub messages: usize,
    pub failed: usize,
}

impl House {
    /// Makes an owner, then starts the program on it.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn open(program: &Path, config: &Config) -> Result<Self> {
        let running = posthouse::server::start(config.clone(), Clock::system()).await?;
        let (cookie, _) = crate::seed::own(&running).await?;
        running.stop().await;
        let program = Program::start(program, config).await?;
        program.at_rest().await?;
        Ok(Self { program, http: reqwest::Client::builder().no_proxy().build()?, cookie })
    }

    /// The answer's body.
    ///
    /// # Errors
    /// When the answer is a refusal.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.answer(self.http.get(self.url(path)), path).await
    }

    /// The same, for what changes something.
    ///
    /// # Errors
    /// When the answer is a refusal.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(self.url(path)).header("content-type", "application/json");
        self.answer(request.body(body.to_string()), path).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v1{path}", self.program.port)
    }

    async fn answer(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Value> {
        let response = request.header("cookie", &self.cookie).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    /// Connects a mailbox, to be copied whole; gives the account's id.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn connect(&self, mailbox: &Mailbox, port: u16) -> Result<String> {
        let mut request = json!({
            "provider": "imap", "address": mailbox.address, "display_name": "Large", "import_days": 0,
        });
        let server = server(mailbox, port);
        request.as_object_mut().context("an object")?.insert("imap".into(), server);
        let account = self.post("/accounts", &request).await?;
        Ok(account.get("id").and_then(Value::as_str).context("no id")?.to_owned())
    }

    /// The same mailbox behind another port.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn reconnect(&self, account: &str, mailbox: &Mailbox, port: u16) -> Result<()> {
        self.post(&format!("/accounts/{account}/reconnect"), &json!({ "imap": server(mailbox, port) })).await?;
        Ok(())
    }

    /// How far an account's copy is.
    ///
    /// # Errors
    /// When the program does not say.
    pub async fn copy(&self, account: &str) -> Result<Copy> {
        let state = self.get(&format!("/accounts/{account}/sync")).await?;
        let number = |name: &str| state.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        Ok(Copy {
            live: state.get("stage").and_then(Value::as_str) == Some("live"),
            messages: number("messages").context("no messages")?,
            failed: number("failed").context("no failed")?,
        })
    }

    /// Waits until so many messages are stored, and looks again and again after such a pause; `seen` is told of each look.
    ///
    /// # Errors
    /// When messages fail, or it takes an hour.
    pub async fn stored(
        &self,
        (account, messages): (&str, usize),
        pause: Duration,
        mut seen: impl FnMut(usize),
    ) -> Result<()> {
        let began = Instant::now();
        loop {
            let copy = self.copy(account).await?;
            seen(copy.messages);
            ensure!(copy.failed == 0, "{} messages failed", copy.failed);
            if copy.live && copy.messages >= messages {
                ensure!(copy.messages == messages, "{} messages instead of {messages}", copy.messages);
                return Ok(());
            }
            if began.elapsed() > IMPORT {
                bail!("{} of {messages} messages after an hour", copy.messages);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes sure that these messages of the corpus are there with text and conversation, and found by their words.
    ///
    /// # Errors
    /// When one is not.
    pub async fn readable(&self, account: &str, numbers: &[usize]) -> Result<()> {
        for n in numbers {
            let found = self.get(&format!("/messages/search?q=needle{n}+&account_id={account}")).await?;
            let hits = found.get("items").and_then(Value::as_array).context("no items")?;
            ensure!(hits.len() == 1, "message {n} is found {} times", hits.len());
            let id = hits.first().and_then(|hit| hit.get("id")).and_then(Value::as_str).context("no id")?;
            self.read(id).await?;
        }
        Ok(())
    }

    /// Reads one message.
    ///
    /// # Errors
    /// When its body or conversation is not there.
    pub async fn read(&self, id: &str) -> Result<()> {
        let message = self.get(&format!("/messages/{id}")).await?;
        let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
        let told: String = message.to_string().chars().take(1_000).collect();
        ensure!(text.contains("needle"), "the text of {id} is not there: {told}");
        ensure!(message.get("thread_id").is_some_and(Value::is_string), "{id} is in no conversation");
        Ok(())
    }
}

fn server(mailbox: &Mailbox, port: u16) -> Value {
    json!({
        "host": "127.0.0.1", "port": port, "encryption": "none",
        "username": mailbox.address, "password": mailbox.password,
    })
}
