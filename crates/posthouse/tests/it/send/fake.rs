//! A submission server that does as it is told, message by message, and remembers what it took.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// What it does with one message; what is not named goes well.
#[derive(Debug, Clone)]
pub enum Act {
    /// Closes the connection instead of answering this command; `.` is the end of the body.
    Close(&'static str),
    /// Answers this command so.
    Answer(&'static str, &'static str),
    /// Takes the message at its end, and closes without saying so.
    TakeSilently,
    /// Waits for [`Fake::go`] before it answers this command.
    Hold(&'static str),
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Act>>,
    taken: Mutex<Vec<String>>,
    bodies: AtomicUsize,
    sessions: AtomicUsize,
    holding: AtomicUsize,
    go: Notify,
}

/// The server. It ends when dropped.
pub struct Fake {
    pub port: u16,
    state: Arc<State>,
    task: AbortHandle,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let serving = state.clone();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = serving.clone();
                state.sessions.fetch_add(1, Ordering::SeqCst);
                open.spawn(async move {
                    let _ = session(stream, &state).await;
                });
            }
        });
        Self { port, state, task: task.abort_handle() }
    }

    /// What it does with the next messages, one act each.
    pub fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.script.lock().unwrap().extend(acts);
    }

    /// Answers what is held.
    pub fn go(&self) {
        self.state.go.notify_one();
    }

    /// Message-IDs that it took, told or not.
    pub fn taken(&self) -> Vec<String> {
        self.state.taken.lock().unwrap().clone()
    }

    /// Commands that wait for [`Fake::go`].
    pub fn holding(&self) -> usize {
        self.state.holding.load(Ordering::SeqCst)
    }

    /// Whole bodies that came.
    pub fn bodies(&self) -> usize {
        self.state.bodies.load(Ordering::SeqCst)
    }

    /// Connections, tests of the account included.
    pub fn sessions(&self) -> usize {
        self.state.sessions.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the connection goes on.
async fn answer(
    w: &mut (impl AsyncWriteExt + Unpin),
    state: &State,
    act: Option<&Act>,
    command: &str,
    usual: &str,
) -> std::io::Result<bool> {
    let text = match act {
        Some(Act::Close(at)) if *at == command => return Ok(false),
        Some(Act::Answer(at, text)) if *at == command => text,
        Some(Act::Hold(at)) if *at == command => {
            state.holding.fetch_add(1, Ordering::SeqCst);
            state.go.notified().await;
            state.holding.fetch_sub(1, Ordering::SeqCst);
            usual
        }
        _ => usual,
    };
    w.write_all(format!("{text}\r\n").as_bytes()).await?;
    Ok(!text.starts_with("421"))
}

async fn session(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (r, mut w) = stream.into_split();
    let mut lines = BufReader::new(r).lines();
    w.write_all(b"220 fake ESMTP\r\n").await?;
    let mut act = None;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let goes_on = match verb.as_str() {
            "EHLO" => answer(&mut w, state, None, "EHLO", "250-fake\r\n250-SIZE 10000000\r\n250 AUTH PLAIN").await?,
            "AUTH" => answer(&mut w, state, None, "AUTH", "235 2.7.0 In").await?,
            "MAIL" => {
                act = state.script.lock().unwrap().pop_front();
                answer(&mut w, state, act.as_ref(), "MAIL", "250 2.1.0 Ok").await?
            }
            "RCPT" => answer(&mut w, state, act.as_ref(), "RCPT", "250 2.1.5 Ok").await?,
            "DATA" => {
                if !answer(&mut w, state, act.as_ref(), "DATA", "354 Go on").await? {
                    return Ok(());
                }
                if matches!(act, Some(Act::Answer("DATA", _))) {
                    continue;
                }
                let mut id = String::new();
                loop {
                    let Some(line) = lines.next_line().await? else { return Ok(()) };
                    if line == "." {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("Message-ID: ") {
                        value.clone_into(&mut id);
                    }
                }
                state.bodies.fetch_add(1, Ordering::SeqCst);
                let refuses = matches!(act, Some(Act::Answer(".", _) | Act::Close(".")));
                if !refuses {
                    state.taken.lock().unwrap().push(id);
                }
                if matches!(act, Some(Act::TakeSilently)) {
                    return Ok(());
                }
                answer(&mut w, state, act.as_ref(), ".", "250 2.0.0 Taken").await?
            }
            "QUIT" => return w.write_all(b"221 2.0.0 Bye\r\n").await,
            _ => answer(&mut w, state, None, &verb, "250 2.0.0 Ok").await?,
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}
