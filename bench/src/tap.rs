//! Stands before a mail server, passes everything, and notes when the server speaks.

use anyhow::Result;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Octets that are passed at once: small, since a thousand connections have them twice.
const PIECE: usize = 4 * 1024;

/// Listens until the bench ends.
pub struct Tap {
    /// The port to connect to.
    pub port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    /// Sessions that said IDLE and not DONE since; known without TLS only.
    idling: AtomicUsize,
    /// When the server first spoke after [`Tap::listen_for_news`].
    news: Mutex<News>,
}

#[derive(Default)]
enum News {
    #[default]
    NotAwaited,
    Awaited,
    Came(Instant),
}

impl Tap {
    /// Stands before `target` on 127.0.0.1.
    ///
    /// # Errors
    /// When there is no free port.
    #[expect(clippy::disallowed_methods, reason = "loopback, as long as the bench runs")]
    pub async fn start(target: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", testkit::free_port()?)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::<Seen>::default();
        let theirs = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, Arc::clone(&theirs)));
            }
        });
        Ok(Self { port, seen })
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// Sessions that wait in IDLE now; none is seen through TLS.
    pub fn idling(&self) -> usize {
        self.seen.idling.load(Ordering::SeqCst)
    }

    /// From here on the first words of the server are news.
    pub fn listen_for_news(&self) {
        *self.seen.news.lock().unwrap_or_else(PoisonError::into_inner) = News::Awaited;
    }

    /// When they came.
    pub fn news_at(&self) -> Option<Instant> {
        match *self.seen.news.lock().unwrap_or_else(PoisonError::into_inner) {
            News::Came(at) => Some(at),
            News::NotAwaited | News::Awaited => None,
        }
    }
}

impl Seen {
    fn server_spoke(&self) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*news, News::Awaited) {
            *news = News::Came(Instant::now());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "loopback")]
async fn pass(client: TcpStream, target: u16, seen: Arc<Seen>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    // Neither may wait for more to send: that would be measured.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    seen.open.fetch_add(1, Ordering::SeqCst);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let mut idles = false;
    tokio::select! {
        _ = pump(from_client, to_server, |piece| {
            // `tag IDLE` and `DONE` come by themselves, each in one piece.
            let now = piece.ends_with(b" IDLE\r\n");
            if now && !idles {
                seen.idling.fetch_add(1, Ordering::SeqCst);
            } else if idles && !now {
                seen.idling.fetch_sub(1, Ordering::SeqCst);
            }
            idles = now;
        }) => {}
        _ = pump(from_server, to_client, |_| seen.server_spoke()) => {}
    }
    seen.idling.fetch_sub(usize::from(idles), Ordering::SeqCst);
    seen.open.fetch_sub(1, Ordering::SeqCst);
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut see: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let read = piece.get(..count).unwrap_or_default();
        see(read);
        to.write_all(read).await?;
    }
}
