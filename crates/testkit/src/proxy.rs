//! A byte-level proxy before a real server that injects faults.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Who sends the bytes that a fault looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    FromClient,
    FromServer,
}

/// Which line a fault waits for. Lines are seen only where the connection is not encrypted.
#[derive(Clone, Debug)]
pub enum LineMatch {
    Starts(String),
    Contains(String),
}

impl LineMatch {
    fn fits(&self, line: &[u8]) -> bool {
        match self {
            Self::Starts(text) => line.starts_with(text.as_bytes()),
            Self::Contains(text) => line.windows(text.len().max(1)).any(|part| part == text.as_bytes()),
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Passes so many bytes of this direction, then closes both sides.
    CutAfter(Direction, usize),
    /// Passes so many bytes of this direction, then nothing more, with both sides open.
    StallAfter(Direction, usize),
    /// Closes both sides instead of passing this line.
    CloseAtLine(Direction, LineMatch),
    /// Keeps both sides open, and passes neither this line nor anything after it.
    StallAtLine(Direction, LineMatch),
    /// Passes this text (give its CRLF) instead of the line.
    ReplaceLine(Direction, LineMatch, String),
}

impl Fault {
    fn direction(&self) -> Direction {
        match self {
            Self::CutAfter(direction, _)
            | Self::StallAfter(direction, _)
            | Self::CloseAtLine(direction, _)
            | Self::StallAtLine(direction, _)
            | Self::ReplaceLine(direction, ..) => *direction,
        }
    }

    fn looks_at_lines(&self) -> bool {
        !matches!(self, Self::CutAfter(..) | Self::StallAfter(..))
    }
}

/// The faults of each new connection; empty passes everything.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub faults: Vec<Fault>,
}

impl Plan {
    pub fn of(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

/// When one connection was opened, and when its client's side ended.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub opened_at: Instant,
    pub ended_at: Option<Instant>,
}

/// Listens on a loopback port and forwards to a server's, with faults. Ends when dropped.
pub struct FaultProxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
    connections: Lives,
    cuts: watch::Sender<usize>,
    task: AbortHandle,
}

impl FaultProxy {
    /// Stands before `target_port` on 127.0.0.1.
    #[expect(clippy::disallowed_methods, reason = "a test server with its own life, ended by drop")]
    pub async fn start(target_port: u16, plan: Plan) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let plan = Arc::new(Mutex::new(plan));
        let connections = Lives::default();
        let cuts = watch::Sender::new(0);
        let serve = serve(listener, target_port, Arc::clone(&plan), (connections.clone(), cuts.clone()));
        let task = tokio::spawn(serve).abort_handle();
        Ok(Self { port, plan, connections, cuts, task })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the faults of later connections.
    pub fn set_plan(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Ends every connection that is open now, stalled ones too, and says how many there were.
    pub fn cut(&self) -> usize {
        self.cuts.send_modify(|n| *n = n.wrapping_add(1));
        // The sender keeps no receiver of its own: each connection has one.
        self.cuts.receiver_count()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.lives().len()
    }

    /// Every connection so far, in the order of their opening.
    pub fn lives(&self) -> Vec<Life> {
        self.connections.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Default)]
struct Lives(Arc<Mutex<Vec<Life>>>);

impl Lives {
    fn begin(&self) -> End {
        let mut lives = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lives.push(Life { opened_at: Instant::now(), ended_at: None });
        End { lives: self.clone(), place: lives.len() - 1 }
    }
}

/// Notes the end of a connection, at the latest when it is dropped.
struct End {
    lives: Lives,
    place: usize,
}

impl End {
    fn note(&self) {
        let mut lives = self.lives.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(life) = lives.get_mut(self.place) {
            life.ended_at.get_or_insert_with(Instant::now);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.note();
    }
}

async fn serve(
    listener: TcpListener,
    target: u16,
    plan: Arc<Mutex<Plan>>,
    (connections, cuts): (Lives, watch::Sender<usize>),
) {
    // Dropping the set ends all connections with the proxy.
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let end = connections.begin();
        let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut cut = cuts.subscribe();
        open.spawn(async move {
            tokio::select! {
                () = connection(client, target, plan, &end) => {}
                _ = cut.changed() => {}
            }
        });
        while open.try_join_next().is_some() {}
    }
}

#[expect(clippy::disallowed_methods, reason = "loopback, in tests")]
async fn connection(client: TcpStream, target: u16, plan: Plan, end: &End) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pump(from_client, to_server, Filter::new(&plan, Direction::FromClient));
    let down = pump(from_server, to_client, Filter::new(&plan, Direction::FromServer));
    tokio::pin!(up, down);
    tokio::select! {
        // A client that is done sending may still wait for the answer.
        ended = &mut up => {
            end.note();
            if ended.is_some() {
                down.await;
            }
        }
        _ = &mut down => {}
    }
}

/// Some(()) at a plain end of input, None when both sides shall be closed.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut filter: Filter) -> Option<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await.ok()?;
        if count == 0 {
            to.write_all(&filter.held).await.ok()?;
            return to.shutdown().await.ok();
        }
        let mut out = Vec::new();
        let next = filter.pass(buffer.get(..count)?, &mut out);
        to.write_all(&out).await.ok()?;
        match next {
            Next::Go => {}
            Next::Close => return None,
            Next::Stall => std::future::pending().await,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    Close,
    Stall,
}

/// The faults of one direction of one connection.
struct Filter {
    faults: Vec<Fault>,
    by_line: bool,
    held: Vec<u8>,
    passed: usize,
}

impl Filter {
    fn new(plan: &Plan, direction: Direction) -> Self {
        let faults: Vec<Fault> = plan.faults.iter().filter(|fault| fault.direction() == direction).cloned().collect();
        let by_line = faults.iter().any(Fault::looks_at_lines);
        Self { faults, by_line, held: Vec::new(), passed: 0 }
    }

    fn pass(&mut self, input: &[u8], out: &mut Vec<u8>) -> Next {
        if !self.by_line {
            return self.count(input, out);
        }
        for part in input.split_inclusive(|byte| *byte == b'\n') {
            self.held.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                continue;
            }
            let line = std::mem::take(&mut self.held);
            let next = self.line(&line, out);
            if next != Next::Go {
                return next;
            }
        }
        Next::Go
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Next {
        let mut replaced = None;
        for fault in &self.faults {
            match fault {
                Fault::CloseAtLine(_, wanted) if wanted.fits(line) => return Next::Close,
                Fault::StallAtLine(_, wanted) if wanted.fits(line) => return Next::Stall,
                Fault::ReplaceLine(_, wanted, text) if wanted.fits(line) => {
                    replaced = Some(text.clone());
                }
                _ => {}
            }
        }
        match replaced {
            Some(text) => self.count(text.as_bytes(), out),
            None => self.count(line, out),
        }
    }

    fn count(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Next {
        let mut allowed = bytes.len();
        let mut next = Next::Go;
        for fault in &self.faults {
            let (limit, then) = match fault {
                Fault::CutAfter(_, limit) => (*limit, Next::Close),
                Fault::StallAfter(_, limit) => (*limit, Next::Stall),
                _ => continue,
            };
            if self.passed + allowed >= limit {
                allowed = limit.saturating_sub(self.passed).min(allowed);
                next = then;
            }
        }
        self.passed += allowed;
        out.extend(bytes.iter().take(allowed));
        next
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
