//! What a session holds while it waits.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::*;

/// A stream that remembers how much room was last offered to read into.
struct Roomy(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Roomy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.1.store(buffer.remaining(), Ordering::SeqCst);
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Roomy {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_session_that_idles_holds_no_large_buffer() {
    let (near, far) = duplex(1 << 16);
    let steps = [say(GREETING), hear("NOOP"), say("* 1 EXISTS\r\nA1 OK\r\n"), hear("IDLE"), say("+ go\r\n")];
    let server = serve(far, steps.into_iter().chain([hear("DONE"), say("A2 OK\r\n")]).collect());
    let room = Arc::new(AtomicUsize::new(0));
    let small = room.clone();
    let client = async move {
        let mut session = Session::connect(Roomy(near, room.clone()), limits()).await.unwrap();
        session.noop().await.unwrap();
        assert!(room.load(Ordering::SeqCst) > 1_000, "an answer is read in large pieces");
        session.take_changes();
        let is_small = std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if (1..=256).contains(&small.load(Ordering::SeqCst)) { Poll::Ready(()) } else { Poll::Pending }
        });
        session.idle(is_small, Duration::from_secs(5)).await.unwrap()
    };
    assert_eq!(tokio::join!(client, server).0, IdleEnd::Woken);
}
