//! Takes connections: bounded in number, and in the time that a caller may take over the head of a request. A stranger who
//! opens many and says nothing would else take every file that this process may open.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::sync::Arc;
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
/// Pause when a connection cannot be taken, as when there are too many open files.
const AGAIN: Duration = Duration::from_millis(500);

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Open connections at most; more wait in the system's queue.
    pub connections: usize,
    /// See [`HEAD`].
    pub head: Duration,
}

impl Bounds {
    /// What this process can carry: it may open as many files as the system lets it, and half of them are for callers.
    #[must_use]
    pub fn of_process() -> Self {
        let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1_024, |(soft, hard)| {
            if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
        });
        let half = usize::try_from(files / 2).unwrap_or(CONNECTIONS);
        Self { connections: half.clamp(8, CONNECTIONS), head: HEAD }
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
                let connection = connection(stream, peer, &router, bounds);
                let connection = graceful.watch(connection);
                tasks.spawn(async move {
                    // How it ended is the caller's matter: most just go away.
                    let _ = connection.await;
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

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    bounds: Bounds,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + use<> {
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .serve_connection(TokioIo::new(stream), service)
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
        let bounds = Bounds { connections: 2, head: Duration::from_millis(300) };
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
}
