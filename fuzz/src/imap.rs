//! Replies of IMAP servers: as a tree, as meaning, and through a whole session.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use imap::proto::reader::{Event, ReadError, Reader, Reply};
use imap::proto::reply::Untagged;
use imap::{
    Day, FetchEvent, FetchItem, Fetched, Limits, MailboxName, ReadLimits, SearchKey, Session, StoreMode, UidSet, Value,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Small limits, so that short inputs reach them.
const LIMITS: ReadLimits =
    ReadLimits { max_reply: 4096, stream_over: 16, max_literal: 65_536, max_depth: 6, max_values: 400 };

/// Where the bytes are cut: sizes of pieces, over and over.
fn pieces<'a>(bytes: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut turn = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = sizes.get(turn % sizes.len().max(1)).copied().unwrap_or(1).clamp(1, rest.len());
        turn += 1;
        let (piece, after) = rest.split_at(size);
        rest = after;
        Some(piece)
    })
}

/// The first byte of an input says how the others are cut; the same input is always cut in the same way.
fn cuts(bytes: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some((seed, rest)) = bytes.split_first() else {
        return (vec![1], bytes);
    };
    let seed = usize::from(*seed);
    (vec![1 + seed % 7, 1 + seed / 7 % 5, 1 + seed / 3 % 29], rest)
}

/// What came out of a reader, with the pieces of a streamed literal joined.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Event(Event),
    Literal(Vec<u8>),
    Error(ReadError),
}

fn read<'a>(bytes: impl Iterator<Item = &'a [u8]>, largest: usize) -> Vec<Seen> {
    let mut reader = Reader::new(LIMITS);
    let mut seen = Vec::new();
    for piece in bytes {
        reader.feed(piece);
        loop {
            match (reader.next(), seen.last_mut()) {
                (Ok(None), _) => break,
                (Ok(Some(Event::LiteralChunk(chunk))), Some(Seen::Literal(all))) => all.extend_from_slice(&chunk),
                (Ok(Some(Event::LiteralChunk(chunk))), _) => seen.push(Seen::Literal(chunk.to_vec())),
                (Ok(Some(event)), _) => seen.push(Seen::Event(event)),
                (Err(error), _) => {
                    seen.push(Seen::Error(error));
                    return seen;
                }
            }
        }
        let kept = reader.buffer_mut().len();
        assert!(kept <= LIMITS.max_reply + LIMITS.stream_over + largest, "{kept} bytes are kept");
    }
    seen
}

/// The reader gives the same however the bytes are cut, and never more than its limits.
pub fn imap_tree(input: &[u8]) {
    let (sizes, bytes) = cuts(input);
    let whole = read(std::iter::once(bytes), bytes.len());
    assert_eq!(whole, read(pieces(bytes, &sizes), 29), "cut at {sizes:?}");
    assert_eq!(whole, read(pieces(bytes, &[1]), 1), "cut everywhere");
    for seen in &whole {
        match seen {
            Seen::Event(Event::Reply(Reply::Data(values))) => {
                let (count, depth) = (values.iter().map(count).sum::<usize>(), depth(values));
                assert!(count <= LIMITS.max_values && depth <= LIMITS.max_depth + 1, "{count} values, {depth} deep");
                assert!(values.iter().map(size).sum::<usize>() <= LIMITS.max_reply);
            }
            Seen::Event(Event::LiteralStart { size, .. }) => {
                assert!(*size > LIMITS.stream_over as u64 && *size <= LIMITS.max_literal);
            }
            Seen::Literal(bytes) => assert!(bytes.len() as u64 <= LIMITS.max_literal),
            Seen::Event(_) | Seen::Error(_) => {}
        }
    }
    let (found, framed) = (literals(&whole), framing(bytes));
    let failed = matches!(whole.last(), Some(Seen::Error(_)));
    let same = if failed { framed.starts_with(&found) } else { framed == found };
    assert!(same, "literals begin elsewhere than the lines say: {found:?}, not {framed:?}");
}

fn count(value: &Value) -> usize {
    1 + value.list().unwrap_or_default().iter().map(count).sum::<usize>()
}

fn depth(values: &[Value]) -> usize {
    values.iter().filter_map(Value::list).map(|list| 1 + depth(list)).max().unwrap_or(0)
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(values) => values.iter().map(size).sum(),
        other => other.bytes().map_or(0, <[u8]>::len),
    }
}

/// The streamed literals that are complete, in order.
fn literals(seen: &[Seen]) -> Vec<Vec<u8>> {
    let ended = |at: usize| matches!(seen.get(at + 1), Some(Seen::Event(Event::LiteralEnd)));
    let chunk = |(at, seen): (usize, &Seen)| match seen {
        Seen::Literal(bytes) if ended(at) => Some(bytes.clone()),
        _ => None,
    };
    seen.iter().enumerate().filter_map(chunk).collect()
}

/// The same by the rule alone: a data line that ends in `{n}` is followed by n bytes.
fn framing(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut found, mut inside) = (bytes, Vec::new(), false);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        rest = &rest[end + 1..];
        let size = literal_size(line).filter(|_| inside || is_data(line));
        inside = size.is_some();
        let Some((literal, after)) = rest.split_at_checked(size.unwrap_or(0)) else {
            break;
        };
        if literal.len() > LIMITS.stream_over {
            found.push(literal.to_vec());
        }
        rest = after;
    }
    found
}

fn is_data(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let status = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"];
    words.next() == Some(b"*") && !words.next().is_some_and(|w| status.iter().any(|s| w.eq_ignore_ascii_case(s)))
}

fn literal_size(line: &[u8]) -> Option<usize> {
    let inner = line.strip_suffix(b"}")?;
    let digits = inner.rsplit(|byte| *byte == b'{').next().filter(|digits| digits.len() < inner.len())?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Every reply has a meaning, and what it promises holds. The input is what follows `* `.
pub fn imap_meaning(input: &[u8]) {
    let mut reader = Reader::new(ReadLimits { stream_over: 256, ..LIMITS });
    for prefix in [&b"* "[..], b"* 1 FETCH (", b"* OK ["] {
        reader.feed(prefix);
        reader.feed(input);
        reader.feed(b"\r\n");
        while let Ok(Some(event)) = reader.next() {
            match event {
                Event::Reply(Reply::Data(values)) => understood(values),
                Event::Reply(Reply::Status { code, .. }) => drop(format!("{code:?}")),
                Event::LiteralStart { item: Some((reply, list)), .. } => {
                    understood(reply);
                    understood(list);
                }
                _ => {}
            }
        }
        reader = Reader::new(ReadLimits { stream_over: 256, ..LIMITS });
    }
}

fn understood(values: Vec<Value>) {
    let total = values.iter().map(count).sum::<usize>();
    match Untagged::parse(values) {
        Untagged::Fetch(fetched) => check_fetched(&fetched, total),
        Untagged::List(listed) => {
            let again = MailboxName::encode(&listed.name);
            assert_eq!(again.decode(), listed.name, "a readable name does not survive");
            assert_eq!(listed.raw_name.decode(), listed.name);
            drop((listed.selectable(), format!("{listed:?}")));
        }
        Untagged::SearchSet { all: Some(set), .. } | Untagged::Vanished { uids: set, .. } => check_set(&set),
        other => drop(format!("{other:?}")),
    }
}

fn check_fetched(fetched: &Fetched, total: usize) {
    assert!(fetched.bodies.len() + fetched.other.len() + fetched.flags.as_ref().map_or(0, Vec::len) <= total);
    assert_ne!(fetched.uid, Some(0));
    if let Some(secs) = fetched.internal_date {
        assert!((-62_135_700_000..253_402_400_000).contains(&secs), "{secs}");
        drop(Day::of_unix_secs(secs).to_string());
    }
    for body in &fetched.bodies {
        assert_eq!(body.section, body.section.to_ascii_uppercase());
        assert!(fetched.body(&body.section).is_some());
    }
    // Bodies are shown by their sizes only.
    assert!(fetched.bodies.iter().all(|body| format!("{:?}", body.content).len() < 40));
}

fn check_set(set: &UidSet) {
    let ranges = set.ranges();
    assert!(ranges.iter().all(|(first, last)| *first > 0 && first <= last));
    assert!(ranges.windows(2).all(|pair| u64::from(pair[0].1) + 1 < u64::from(pair[1].0)), "{set}");
    assert!(set.iter().take(1000).count() as u64 <= set.len());
}

/// A whole session against these bytes gives the same answers however they are cut.
pub fn imap_session(input: &[u8]) {
    let (sizes, bytes) = cuts(input);
    let whole = session(bytes, vec![usize::MAX]);
    assert_eq!(whole, session(bytes, sizes.clone()), "cut at {sizes:?}");
    assert_eq!(whole, session(bytes, vec![1]), "cut everywhere");
}

/// A server that says its part without listening.
struct Recorded {
    words: Bytes,
    sizes: Vec<usize>,
    turn: usize,
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let size = self.sizes[self.turn % self.sizes.len()].min(self.words.len()).min(into.remaining());
        self.turn += 1;
        let piece = self.words.split_to(size);
        into.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"),
    );
}

fn session(bytes: &[u8], sizes: Vec<usize>) -> String {
    let stream = Recorded { words: Bytes::copy_from_slice(bytes), sizes, turn: 0 };
    RUNTIME.with_borrow(|runtime| runtime.block_on(talk(stream)))
}

/// Says everything that a client can say, and writes down what it understood.
async fn talk(stream: Recorded) -> String {
    let mut log = String::new();
    let mut note = |what: &str, answer: &dyn std::fmt::Debug| {
        writeln!(log, "{what}: {answer:?}").expect("writing to a string does not fail");
    };
    let limits = Limits { read: LIMITS, max_results: 1000, ..Limits::default() };
    let mut session = match Session::connect(stream, limits).await {
        Ok(session) => session,
        Err(error) => return error.to_string(),
    };
    let inbox = MailboxName::inbox();
    note("capabilities", &session.capabilities().iter().take(600).collect::<Vec<_>>());
    note("id", &session.id(&[("name", "x")]).await);
    let login = session.login("user", "s3cret w").await;
    assert!(!format!("{login:?}").contains("s3cret w"), "a password is shown: {login:?}");
    note("login", &login);
    note("list", &session.list("*").await);
    note("status", &session.status(&inbox).await);
    note("create", &session.create(&inbox).await);
    note("select", &session.select(&inbox).await);
    note("search", &session.uid_search(&[SearchKey::message_id("<ä@x>")]).await);
    note("store", &session.uid_store(&UidSet::from(1), StoreMode::Add, &["\\Seen"]).await);
    match session.uid_fetch(&UidSet::range(1, 9), &[FetchItem::Uid, FetchItem::Body(String::new())]).await {
        Ok(mut messages) => {
            let mut body = 0;
            loop {
                match messages.next().await {
                    Ok(Some(FetchEvent::BodyChunk(chunk))) => body += chunk.len(),
                    Ok(None) => break,
                    Ok(Some(event)) => note("event", &(event, body)),
                    Err(error) => {
                        note("fetch", &error);
                        break;
                    }
                }
            }
        }
        Err(error) => note("fetch", &error),
    }
    if let Ok(mut messages) = session.uid_fetch(&UidSet::from(1), &[FetchItem::Envelope]).await {
        note("message", &messages.next_message(100).await);
        while let Ok(Some(message)) = messages.next_message(100).await {
            note("message", &message);
        }
    }
    note("idle", &session.idle(std::future::pending::<()>(), Duration::from_secs(3600)).await);
    note("changes", &session.take_changes());
    note("append", &session.append(&inbox, &["\\Seen"], Some(0), Bytes::from_static(b"A: b\r\n\r\n")).await);
    note("alerts", &session.take_alerts());
    note("open", &session.is_open());
    note("logout", &session.logout().await);
    log
}
