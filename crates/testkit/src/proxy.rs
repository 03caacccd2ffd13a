//! A byte-level proxy before a real server that injects faults.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
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

/// A line that begins so.
pub fn starts(text: &str) -> LineMatch {
    LineMatch::Starts(text.to_owned())
}

/// A line with this in it.
pub fn contains(text: &str) -> LineMatch {
    LineMatch::Contains(text.to_owned())
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
    /// Passes this text (give its CRLF) instead of the line. `{tag}` in it is the IMAP tag of the client's last command.
    ReplaceLine(Direction, LineMatch, String),
    /// Passes the line with the first text in it replaced by the second.
    ReplaceText(Direction, LineMatch, [String; 2]),
    /// Passes every piece that comes in this direction only after a pause.
    DelayPieces(Direction, Duration),
    /// Pauses before this line, with both sides open.
    DelayAtLine(Direction, LineMatch, Duration),
}

impl Fault {
    fn direction(&self) -> Direction {
        match self {
            Self::CutAfter(direction, _)
            | Self::StallAfter(direction, _)
            | Self::CloseAtLine(direction, _)
            | Self::StallAtLine(direction, _)
            | Self::ReplaceLine(direction, ..)
            | Self::ReplaceText(direction, ..)
            | Self::DelayPieces(direction, _)
            | Self::DelayAtLine(direction, ..) => *direction,
        }
    }

    fn looks_at_lines(&self) -> bool {
        !matches!(self, Self::CutAfter(..) | Self::StallAfter(..) | Self::DelayPieces(..))
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
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What the proxy's owner and its connections share.
struct Shared {
    target: u16,
    plan: Mutex<Plan>,
    lives: Lives,
    struck: AtomicUsize,
    heard: Mutex<Vec<String>>,
    /// Changes when open connections are to end.
    hang_ups: watch::Sender<u64>,
    refusing: watch::Sender<bool>,
}

impl FaultProxy {
    /// Stands before `target_port` on 127.0.0.1.
    #[expect(clippy::disallowed_methods, reason = "a test server with its own life, ended by drop")]
    pub async fn start(target_port: u16, plan: Plan) -> Result<Self> {
        // Not one that the system gives: while it refuses, an outgoing connection could take that.
        let (port, listener) = free()?;
        let shared = Arc::new(Shared {
            target: target_port,
            plan: Mutex::new(plan),
            lives: Lives::default(),
            struck: AtomicUsize::new(0),
            heard: Mutex::default(),
            hang_ups: watch::Sender::new(0),
            refusing: watch::Sender::new(false),
        });
        let task = tokio::spawn(serve(listener, port, Arc::clone(&shared))).abort_handle();
        Ok(Self { port, shared, task })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the faults of later connections.
    pub fn set_plan(&self, plan: Plan) {
        *self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Refuses connections from now on, as if nothing listened; or accepts them again.
    pub fn refuse(&self, refusing: bool) {
        self.shared.refusing.send_replace(refusing);
    }

    /// Ends every connection that is open now, stalled ones too, and says how many there were.
    pub fn hang_up(&self) -> usize {
        self.shared.hang_ups.send_modify(|count| *count += 1);
        // The sender keeps no receiver of its own: each connection has one.
        self.shared.hang_ups.receiver_count()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.lives().len()
    }

    /// Every connection so far, in the order of their opening.
    pub fn lives(&self) -> Vec<Life> {
        self.shared.lives.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a fault did something so far.
    pub fn struck(&self) -> usize {
        self.shared.struck.load(Ordering::SeqCst)
    }

    /// What clients said since the last call, line by line and cut at 4 KiB, as far as the connections are not encrypted. Lines are
    /// seen only while the plan has a fault that looks at lines.
    pub fn take_heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner))
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

const BACKLOG: u32 = 256;
/// Octets of a line that are remembered.
const HEARD: usize = 4096;

/// A socket on this port that does not listen yet: whoever connects to it is refused.
fn bound(port: u16) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    Ok(socket)
}

/// The same where a listener was closed just now. A process that is being started shares all our sockets until its program runs, so
/// the port may be taken a little longer.
async fn bound_after_a_listener(port: u16) -> std::io::Result<TcpSocket> {
    let mut tries = 0;
    loop {
        match bound(port) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && tries < 1000 => tries += 1,
            done => return done,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A port of its own. Another process may take a free one before it is bound: then the next.
fn free() -> Result<(u16, TcpListener)> {
    for _ in 0..20 {
        let port = crate::ports::free()?;
        if let Ok(listener) = bound(port).and_then(|socket| socket.listen(BACKLOG)) {
            return Ok((port, listener));
        }
    }
    anyhow::bail!("no port could be bound")
}

async fn serve(mut listener: TcpListener, port: u16, shared: Arc<Shared>) -> std::io::Result<()> {
    // Dropping the set ends all connections with the proxy.
    let mut open = JoinSet::new();
    let mut refusing = shared.refusing.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted?;
                let end = shared.lives.begin();
                let plan = shared.plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
                open.spawn(connection(client, plan, Arc::clone(&shared), end));
                while open.try_join_next().is_some() {}
            }
            // When this fails the owner is gone, and the proxy with it.
            _ = refusing.changed() => if *refusing.borrow_and_update() {
                drop(listener);
                let socket = bound_after_a_listener(port).await?;
                while *refusing.borrow_and_update() && refusing.changed().await.is_ok() {}
                listener = socket.listen(BACKLOG)?;
            }
        }
    }
}

async fn connection(client: TcpStream, plan: Plan, shared: Arc<Shared>, end: End) {
    let mut hang_ups = shared.hang_ups.subscribe();
    tokio::select! {
        () = forward(client, plan, &shared, &end) => {}
        _ = hang_ups.changed() => {}
    }
}

#[expect(clippy::disallowed_methods, reason = "loopback, in tests")]
async fn forward(client: TcpStream, plan: Plan, shared: &Shared, end: &End) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.target)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let talk = Arc::new(Mutex::new(Talk::default()));
    let up = pump(from_client, to_server, Filter::new(&plan, Direction::FromClient, Arc::clone(&talk)), shared);
    let down = pump(from_server, to_client, Filter::new(&plan, Direction::FromServer, Arc::clone(&talk)), shared);
    tokio::pin!(up, down);
    tokio::select! {
        // A client that is done sending may still wait for the answer.
        ended = &mut up => {
            end.note();
            if ended.is_some() && !lock(&talk).stalled {
                down.await;
            }
        }
        _ = &mut down => {}
    }
}

/// Some(()) at a plain end of input, None when both sides shall be closed.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut filter: Filter,
    shared: &Shared,
) -> Option<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await.ok()?;
        if count == 0 {
            to.write_all(&filter.held).await.ok()?;
            return to.shutdown().await.ok();
        }
        let mut out = Vec::new();
        let next = filter.pass(buffer.get(..count)?, &mut out);
        shared.struck.fetch_add(std::mem::take(&mut filter.struck), Ordering::SeqCst);
        shared.heard.lock().unwrap_or_else(PoisonError::into_inner).append(&mut filter.heard);
        let mut written = 0;
        for (at, pause) in filter.pauses.drain(..) {
            to.write_all(out.get(written..at)?).await.ok()?;
            written = at;
            tokio::time::sleep(pause).await;
        }
        to.write_all(out.get(written..)?).await.ok()?;
        match next {
            Next::Go => {}
            Next::Close => return None,
            Next::Stall => {
                filter.talk().stalled = true;
                while from.read(&mut buffer).await.ok()? > 0 {}
                // A client that hangs up ends both sides; one that waits does not hear that its server did.
                match filter.direction {
                    Direction::FromClient => return None,
                    Direction::FromServer => std::future::pending().await,
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    Close,
    Stall,
}

/// What both directions of a connection know.
#[derive(Default)]
struct Talk {
    /// The IMAP tag of the client's last command.
    tag: String,
    asked_for_tls: bool,
    /// From here on there are no lines.
    encrypted: bool,
    /// One direction passes nothing any more.
    stalled: bool,
}

fn lock(talk: &Mutex<Talk>) -> MutexGuard<'_, Talk> {
    talk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The faults of one direction of one connection.
struct Filter {
    faults: Vec<Fault>,
    direction: Direction,
    by_line: bool,
    held: Vec<u8>,
    passed: usize,
    talk: Arc<Mutex<Talk>>,
    /// Pauses, each before this place of what goes out.
    pauses: Vec<(usize, Duration)>,
    struck: usize,
    /// Lines of a client.
    heard: Vec<String>,
}

impl Filter {
    fn new(plan: &Plan, direction: Direction, talk: Arc<Mutex<Talk>>) -> Self {
        let faults: Vec<Fault> = plan.faults.iter().filter(|fault| fault.direction() == direction).cloned().collect();
        // What one direction needs to know is said in the other.
        let by_line = plan.faults.iter().any(Fault::looks_at_lines);
        Self {
            faults,
            direction,
            by_line,
            held: Vec::new(),
            passed: 0,
            talk,
            pauses: Vec::new(),
            struck: 0,
            heard: Vec::new(),
        }
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        lock(&self.talk)
    }

    fn pass(&mut self, input: &[u8], out: &mut Vec<u8>) -> Next {
        if let Some(pause) = self.faults.iter().find_map(|fault| match fault {
            Fault::DelayPieces(_, pause) => Some(*pause),
            _ => None,
        }) {
            self.struck += 1;
            self.pauses.push((out.len(), pause));
        }
        if !self.by_line || self.talk().encrypted {
            let mut bytes = std::mem::take(&mut self.held);
            bytes.extend_from_slice(input);
            return self.count(&bytes, out);
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
        self.listen(line);
        if self.direction == Direction::FromClient {
            let kept = line.get(..HEARD).unwrap_or(line);
            self.heard.push(String::from_utf8_lossy(kept).trim_end().to_owned());
        }
        let mut line = line.to_vec();
        let mut next = Next::Go;
        let tag = self.talk().tag.clone();
        for fault in &self.faults {
            match fault {
                Fault::CloseAtLine(_, wanted) if wanted.fits(&line) => next = Next::Close,
                Fault::StallAtLine(_, wanted) if wanted.fits(&line) => next = Next::Stall,
                Fault::DelayAtLine(_, wanted, pause) if wanted.fits(&line) => self.pauses.push((out.len(), *pause)),
                Fault::ReplaceLine(_, wanted, text) if wanted.fits(&line) => {
                    line = text.replace("{tag}", &tag).into_bytes();
                }
                Fault::ReplaceText(_, wanted, [old, new]) if wanted.fits(&line) => {
                    line = String::from_utf8_lossy(&line).replacen(old, new, 1).into_bytes();
                }
                _ => continue,
            }
            self.struck += 1;
            if next != Next::Go {
                return next;
            }
        }
        self.count(&line, out)
    }

    /// Notes the tag of a command, and when the lines end because TLS begins.
    fn listen(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line).to_uppercase();
        let mut words = text.split_ascii_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut talk = self.talk();
        match self.direction {
            Direction::FromClient => {
                let number = first.strip_prefix('A').unwrap_or_default();
                if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
                    first.clone_into(&mut talk.tag);
                }
                talk.asked_for_tls = first == "STARTTLS" || second == "STARTTLS";
            }
            Direction::FromServer => {
                let yes = first == "220" || (first == talk.tag && second == "OK");
                talk.encrypted = talk.asked_for_tls && yes;
            }
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
        self.struck += usize::from(next != Next::Go);
        self.passed += allowed;
        out.extend(bytes.iter().take(allowed));
        next
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
