//! Takes connections: bounded in number, and in the time that a caller may take over the head of a request. A stranger who
//! opens many and says nothing would else take every file that this process may open.
//!
//! At a stop, requests that are worked on may end. Those that have not come whole by then are given [`Bounds::late`] and no
//! more: whoever sends half a request holds up nobody.

use super::unreadable::{self, Answer, Answered, Progress, Unreadable, Wire};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Method;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Open connections at most, where the system lets us open twice as many files.
const CONNECTIONS: usize = 4_096;
/// How long the head of a request may take, and an open connection may be silent between two.
const HEAD: Duration = Duration::from_secs(20);
/// How long the rest of a request that is on its way may take once the program stops.
const LATE: Duration = Duration::from_secs(3);
/// Pause when a connection cannot be taken, as when there are too many open files.
const AGAIN: Duration = Duration::from_millis(500);
/// Octets of a refusal's body at most: a problem has some hundred.
const REFUSAL: usize = 64 * 1024;

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Open connections at most; more wait in the system's queue.
    pub connections: usize,
    /// See [`HEAD`].
    pub head: Duration,
    /// See [`LATE`].
    pub late: Duration,
}

impl Bounds {
    /// What this process can carry: it may open as many files as the system lets it, and half of them are for callers.
    #[must_use]
    pub fn of_process() -> Self {
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1_024, |(soft, hard)| {
            if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
        });
        let half = usize::try_from(files / 2).unwrap_or(CONNECTIONS);
        Self { connections: half.clamp(8, CONNECTIONS), head: HEAD, late: LATE }
    }
}

/// Serves until cancelled; then requests under way may end.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let (graceful, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let calls = Arc::new(());
                let connection = connection(stream, (peer, bounds), &router, (calls.clone(), stop.clone()));
                let connection = graceful.watch(connection);
                let idle = idle_after(stop.clone(), bounds.late, calls);
                tasks.spawn(async move {
                    // How it ended is the caller's matter: most just go away.
                    tokio::select! {
                        _ = connection => {}
                        () = idle => {}
                    }
                    drop(place);
                });
            }
            Err(e) => {
                tracing::warn!(error = %e, "http: a connection could not be taken");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Each call of a connection holds one more of these, until the last octet of its answer was handed over.
type Calls = Arc<()>;

/// Ends when nothing of a connection was answered for as long as a late request may take, after the stop.
async fn idle_after(stop: CancellationToken, late: Duration, calls: Calls) {
    stop.cancelled().await;
    let mut quiet = false;
    loop {
        tokio::time::sleep(late).await;
        // The connection's service holds one, and so do we.
        let idle = Arc::strong_count(&calls) <= 2;
        if idle && quiet {
            return;
        }
        quiet = idle;
    }
}

fn connection(
    stream: TcpStream,
    (peer, bounds): (SocketAddr, Bounds),
    router: &Router,
    (calls, stop): (Calls, CancellationToken),
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + use<> {
    let _ = stream.set_nodelay(true);
    let progress = Progress::default();
    let refusing = router.clone();
    let refusal = move |theirs| Box::pin(refusal(refusing.clone(), peer, theirs)) as Answer;
    let wire = Wire::new(stream, progress.clone(), refusal);
    let router = router.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (call, late, progress) = (calls.clone(), stop.clone().cancelled_owned(), progress.clone());
        let late = async move {
            late.await;
            tokio::time::sleep(bounds.late).await;
        };
        let mut request = request
            .map(|body| Body::new(Arriving { body, late: Box::pin(late), over: false, progress: progress.clone() }));
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await?;
            let begun = progress.begin();
            Ok::<_, Infallible>(answer.map(|body| Answering { body, _call: call, _begun: begun }))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .serve_connection(TokioIo::new(wire), service)
}

/// What the service says where the library would refuse a request by itself, in place of its bare words.
async fn refusal(router: Router, peer: SocketAddr, theirs: Vec<u8>) -> Vec<u8> {
    let mut request = hyper::Request::new(Body::empty());
    // Its method was not read: in the figures it is none of those that are known.
    *request.method_mut() = Method::from_bytes(b"UNREADABLE").unwrap_or_default();
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(Unreadable(unreadable::status(&theirs)));
    let Ok(answer) = router.oneshot(request).await;
    let (head, body) = answer.into_parts();
    match to_bytes(body, REFUSAL).await {
        Ok(body) => unreadable::octets(&theirs, (&head, &body)),
        Err(_) => theirs,
    }
}

/// The body of a request; what has not come when the program has been stopping for a while does not come.
struct Arriving<L> {
    body: Incoming,
    late: Pin<Box<L>>,
    over: bool,
    progress: Progress,
}

impl<L> Drop for Arriving<L> {
    fn drop(&mut self) {
        if !hyper::body::Body::is_end_stream(&self.body) {
            self.progress.leave_unread();
        }
    }
}

impl<L: Future<Output = ()>> hyper::body::Body for Arriving<L> {
    type Data = bytes::Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        c: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(c).map_err(Into::into);
        if next.is_ready() {
            return next;
        }
        self.over = self.over || self.late.as_mut().poll(c).is_ready();
        match self.over {
            true => Poll::Ready(Some(Err("the program stops, and the rest of the request has not come".into()))),
            false => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; while it is there its connection has work.
struct Answering {
    body: Body,
    _call: Calls,
    _begun: Answered,
}

impl hyper::body::Body for Answering {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        c: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(c)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[expect(clippy::disallowed_methods, reason = "the own listener on loopback")]
    async fn say(addr: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn callers_who_never_end_their_request_shut_nobody_out() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()));
        let stop = CancellationToken::new();
        let bounds = Bounds { connections: 2, head: Duration::from_millis(300), late: LATE };
        let tasks = TaskTracker::new();
        let served = tasks.spawn(serve(listener, router, bounds, stop.clone()));
        let mut silent = vec![];
        for text in ["GET / HTTP/1.1\r\nHost: l", "", "GET", ""] {
            silent.push(say(addr, text).await);
        }
        let asked = say(addr, "GET / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n").await;
        let local = asked.local_addr().unwrap().to_string();
        let text = tokio::time::timeout(Duration::from_secs(10), answer(asked)).await.expect("shut out");
        assert!(text.starts_with("HTTP/1.1 200") && text.ends_with(&local), "{text}");
        for stream in silent {
            answer(stream).await;
        }
        stop.cancel();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_looks_like_a_refusal_of_the_library_goes_out_as_it_is() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        const LOOKS: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        // Each part waits until the one before was flushed. With its length said before, nothing stands around it.
        let parts = async || {
            let parts = tokio_stream::iter(["first ", LOOKS, LOOKS]);
            let body = Body::from_stream(tokio_stream::StreamExt::then(parts, async |part| {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(part)
            }));
            ([("content-length", (6 + 2 * LOOKS.len()).to_string())], body)
        };
        let router = Router::new()
            .route("/", get(parts))
            .route("/none", get(async || axum::http::StatusCode::NOT_FOUND))
            .layer(axum::middleware::from_fn(unreadable::layer));
        let stop = CancellationToken::new();
        let bounds = Bounds { connections: 8, head: HEAD, late: LATE };
        let tasks = TaskTracker::new();
        let served = tasks.spawn(serve(listener, router, bounds, stop.clone()));
        let one = |path| format!("GET {path} HTTP/1.1\r\nHost: l\r\n\r\n");
        let all = format!("{}{}{}nonsense\r\n\r\n", one("/none"), one("/"), one("/none"));
        let text = tokio::time::timeout(Duration::from_secs(10), answer(say(addr, &all).await)).await.unwrap();
        assert_eq!(text.matches(LOOKS).count(), 2, "{text}");
        assert_eq!(text.matches("HTTP/1.1 404").count(), 2, "{text}");
        assert_eq!(text.matches("unreadable_request").count(), 1, "{text}");
        assert!(text.rfind("unreadable_request") > text.rfind("HTTP/1.1 404"), "{text}");
        stop.cancel();
        served.await.unwrap();
    }

    #[tokio::test]
    async fn at_a_stop_half_a_request_is_not_waited_for_and_work_may_end() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (go, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (in_work, may_end) = (go.clone(), gate.clone());
        let work = async move |body: String| {
            in_work.add_permits(1);
            may_end.acquire().await.unwrap().forget();
            body
        };
        let router = Router::new()
            .route("/", axum::routing::post(work))
            .route("/read", axum::routing::post(async |b: String| b));
        let stop = CancellationToken::new();
        let bounds = Bounds { connections: 8, head: Duration::from_secs(600), late: Duration::from_millis(200) };
        let tasks = TaskTracker::new();
        let served = tasks.spawn(serve(listener, router, bounds, stop.clone()));
        let half_head = say(addr, "POST /read HTTP/1.1\r\nHost: l\r\nConte").await;
        let half_body = say(addr, "POST /read HTTP/1.1\r\nHost: l\r\nContent-Length: 9\r\n\r\nhalf").await;
        let whole = say(addr, "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nwhole").await;
        go.acquire().await.unwrap().forget();
        stop.cancel();
        // Both halves are given up while the whole one is still worked on.
        let refused =
            tokio::time::timeout(Duration::from_secs(10), answer(half_body)).await.expect("waited for a body");
        assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
        let nothing =
            tokio::time::timeout(Duration::from_secs(10), answer(half_head)).await.expect("waited for a head");
        assert_eq!(nothing, "");
        assert!(!served.is_finished());
        gate.add_permits(1);
        let done = tokio::time::timeout(Duration::from_secs(10), answer(whole)).await.expect("held up");
        assert!(done.starts_with("HTTP/1.1 200") && done.ends_with("whole"), "{done}");
        tokio::time::timeout(Duration::from_secs(10), served).await.expect("does not end").unwrap();
    }
}
