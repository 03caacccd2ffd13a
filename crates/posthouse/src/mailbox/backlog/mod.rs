//! What is kept of a message as it is stored, and was not yet when older mail was: it is worked off, account by account, the newest
//! first. Every step can be done twice, and what is done is kept with how far it is: killed anywhere, it goes on.

mod store;

use self::store::{Backlog, Older};
use super::search::{self, Entry};
use super::threads::{self, Ties};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::events::{self, Kind, News};
use crate::base::leases::{self, Held, LeaseError};
use crate::team::{Instance, Scope};
use db::{Conn, DbError, DbResult};
use mail::parsed::{Correspondent, Parsed};
use mail::terms::Document;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long after the start, which has enough to do.
const FIRST: Duration = Duration::from_secs(5);
/// How often it is looked whether something waits: a restored backup brings it.
const EVERY: Duration = Duration::from_secs(300);
/// The pause between two chunks, in which others write.
const BREATH: Duration = Duration::from_millis(50);
/// Messages of one transaction.
const CHUNK: i64 = 50;

/// What is done with older mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It is put into the search's index.
    Search,
    /// It is put into conversations.
    Threads,
}

impl Work {
    /// The lease's name: one node works.
    const fn lease(self) -> &'static str {
        match self {
            Self::Search => "search_backlog",
            Self::Threads => "thread_backlog",
        }
    }

    const fn crash_point(self) -> &'static str {
        match self {
            Self::Search => "search.before_commit",
            Self::Threads => "threads.before_commit",
        }
    }
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum BacklogError {
    /// Another node took it over.
    #[error("another node works on it")]
    Lost,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The disk.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl From<LeaseError> for BacklogError {
    fn from(e: LeaseError) -> Self {
        match e {
            LeaseError::Lost => Self::Lost,
            LeaseError::Db(e) => Self::Db(e),
        }
    }
}

/// Works what waits off, until cancelled.
pub async fn run(work: Work, app: App, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        tokio::select! {
            () = stop.cancelled() => return,
            done = all(&app, work) => match done {
                Ok(()) | Err(BacklogError::Lost) => {}
                Err(e) => tracing::warn!(error = %e, ?work, "older mail is worked off later"),
            },
        }
    }
}

async fn all(app: &App, work: Work) -> Result<(), BacklogError> {
    if store::next(&mut app.db.read().await?, &Instance, work).await?.is_none() {
        return Ok(());
    }
    let Some(held) = leases::take(app, work.lease()).await? else { return Ok(()) };
    let done = async {
        while step(app, &held, work).await? {
            tokio::time::sleep(BREATH).await;
        }
        tracing::info!(?work, "all older mail is worked off");
        Ok(())
    }
    .await;
    held.release(app).await?;
    done
}

/// Works off the next chunk of the newest mail that waits; false when nothing waits, or another node works on it.
///
/// # Errors
/// What was done stays; the rest follows next time.
pub async fn once(app: &App, work: Work) -> Result<bool, BacklogError> {
    let Some(held) = leases::take(app, work.lease()).await? else { return Ok(false) };
    let more = step(app, &held, work).await;
    held.release(app).await?;
    more
}

async fn step(app: &App, held: &Held, work: Work) -> Result<bool, BacklogError> {
    let mut c = app.db.read().await?;
    let Some(backlog) = store::next(&mut c, &Instance, work).await? else { return Ok(false) };
    let Backlog { account_id: account, workspace_id, before_at, before_id } = backlog;
    let scope = Scope::of(workspace_id);
    let found = store::older(&mut c, &scope, account, (before_at, before_id), CHUNK).await?;
    drop(c);
    let mut ready = vec![];
    for message in &found {
        let body = match app.blobs.get(&scope, account, message.blob).await {
            Ok(body) => Some(body),
            Err(BlobError::Missing | BlobError::Damaged) => None,
            Err(e) => return Err(e.into()),
        };
        ready.push(match body {
            Some(body) => tokio::task::spawn_blocking(move || Read::of(work, &mail::parsed::parse(&body)))
                .await
                .map_err(|e| DbError::Other(e.to_string()))?,
            // Its text is lost; what its row still says counts.
            None => Read::of(work, &by_row(message)),
        });
    }
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    put(&mut tx, app, (&scope, account), &found, ready).await?;
    let whole = i64::try_from(found.len()).unwrap_or(i64::MAX) >= CHUNK;
    match found.last().filter(|_| whole) {
        Some(last) => store::set(&mut tx, &scope, work, account, (last.received_at, last.id)).await?,
        None => {
            store::end(&mut tx, &scope, work, account).await?;
            if work == Work::Threads {
                // Once, not for each chunk: open pages fetch their lists again.
                let news = News { kind: Kind::MessagesChanged, account_id: account, count: 1 };
                events::emit(&mut tx, app, &scope, news).await?;
            }
        }
    }
    app.crash.point(work.crash_point());
    tx.commit().await?;
    Ok(true)
}

/// What a message says, as far as it is wanted.
enum Read {
    Terms(Document),
    Ties(Ties),
}

impl Read {
    fn of(work: Work, message: &Parsed) -> Self {
        match work {
            Work::Search => Self::Terms(Document::of(message)),
            Work::Threads => Self::Ties(Ties::of(message)),
        }
    }
}

async fn put(
    tx: &mut Conn,
    app: &App,
    (scope, account): (&Scope, AccountId),
    found: &[Older],
    ready: Vec<Read>,
) -> DbResult<()> {
    let (mut all_terms, mut all_ties) = (vec![], vec![]);
    for (message, read) in found.iter().zip(ready) {
        match read {
            Read::Terms(terms) => all_terms.push((message, terms)),
            Read::Ties(ties) => all_ties.push((message.id, ties)),
        }
    }
    let entries = all_terms.iter().map(|(message, terms)| Entry {
        id: message.id,
        received_at: message.received_at,
        text: search::document(app.db.engine(), scope, (account, message.has_attachments), terms),
    });
    search::put(tx, scope, entries.collect()).await?;
    if all_ties.is_empty() { Ok(()) } else { threads::place_older(tx, scope, account, &all_ties).await }
}

fn by_row(m: &Older) -> Parsed {
    let person = |name: &str, address: &str| Correspondent { name: Some(name.to_owned()), address: address.to_owned() };
    let id = |id: &String| Some(id.clone()).filter(|id| !id.is_empty());
    Parsed {
        message_id: id(&m.message_id),
        in_reply_to: id(&m.in_reply_to),
        subject: m.subject.clone(),
        from: vec![person(&m.from_name, &m.from_address)],
        to: m.to_people.0.iter().map(|p| person(&p.name, &p.address)).collect(),
        ..Parsed::default()
    }
}
