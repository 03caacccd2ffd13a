//! Puts mail of before there was a search into the index, the newest first. Every step can be done twice, and what is done is
//! kept with how far it is: killed anywhere, it goes on.

use super::store::{self, Backlog, Older};
use super::{Entry, put};
use crate::app::App;
use crate::base::blobs::BlobError;
use crate::base::leases::{self, Held, LeaseError};
use crate::mailbox::MessageId;
use crate::team::{Instance, Scope};
use db::{DbError, Ts};
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
/// The lease's name: one node works.
const LEASE: &str = "search_backlog";

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
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

impl From<LeaseError> for IndexError {
    fn from(e: LeaseError) -> Self {
        match e {
            LeaseError::Lost => Self::Lost,
            LeaseError::Db(e) => Self::Db(e),
        }
    }
}

/// Works what waits off, until cancelled.
pub async fn run(app: App, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        tokio::select! {
            () = stop.cancelled() => return,
            done = all(&app) => match done {
                Ok(()) | Err(IndexError::Lost) => {}
                Err(e) => tracing::warn!(error = %e, "search: older mail is put into the index later"),
            },
        }
    }
}

async fn all(app: &App) -> Result<(), IndexError> {
    if store::next_backlog(&mut app.db.read().await?, &Instance).await?.is_none() {
        return Ok(());
    }
    let Some(held) = leases::take(app, LEASE).await? else { return Ok(()) };
    let done = async {
        while step(app, &held).await? {
            tokio::time::sleep(BREATH).await;
        }
        tracing::info!("search: all mail is in the index");
        Ok(())
    }
    .await;
    held.release(app).await?;
    done
}

/// Puts the next chunk of the newest mail that waits into the index; false when nothing waits, or another node works on it.
///
/// # Errors
/// What was put into the index stays there; the rest follows next time.
pub async fn once(app: &App) -> Result<bool, IndexError> {
    let Some(held) = leases::take(app, LEASE).await? else { return Ok(false) };
    let more = step(app, &held).await;
    held.release(app).await?;
    more
}

async fn step(app: &App, held: &Held) -> Result<bool, IndexError> {
    let mut c = app.db.read().await?;
    let Some(backlog) = store::next_backlog(&mut c, &Instance).await? else { return Ok(false) };
    let Backlog { account_id: account, workspace_id, before_at, before_id } = backlog;
    let scope = Scope::of(workspace_id);
    let found = store::older(&mut c, &scope, account, (before_at, before_id), CHUNK).await?;
    drop(c);
    let mut ready: Vec<(&Older, Document)> = vec![];
    for message in &found {
        let body = match app.blobs.get(&scope, account, message.blob).await {
            Ok(body) => Some(body),
            Err(BlobError::Missing | BlobError::Damaged) => None,
            Err(e) => return Err(e.into()),
        };
        let terms = match body {
            Some(body) => tokio::task::spawn_blocking(move || Document::of(&mail::parsed::parse(&body)))
                .await
                .map_err(|e| DbError::Other(e.to_string()))?,
            // Its text is lost; it is found by what its row still says.
            None => Document::of(&by_row(message)),
        };
        ready.push((message, terms));
    }
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    let entries = ready.iter().map(|(message, terms)| Entry {
        id: message.id,
        account,
        received_at: message.received_at,
        has_attachments: message.has_attachments,
        terms,
    });
    put(&mut tx, &scope, app.db.engine(), entries.collect()).await?;
    let whole = i64::try_from(found.len()).unwrap_or(i64::MAX) >= CHUNK;
    let done_to: Option<(Ts, MessageId)> = found.last().filter(|_| whole).map(|m| (m.received_at, m.id));
    store::set_backlog(&mut tx, &scope, account, done_to.map(|(at, id)| (at, id.0))).await?;
    app.crash.point("search.before_commit");
    tx.commit().await?;
    Ok(true)
}

fn by_row(m: &Older) -> Parsed {
    let person = |name: &str, address: &str| Correspondent { name: Some(name.to_owned()), address: address.to_owned() };
    Parsed {
        subject: m.subject.clone(),
        from: vec![person(&m.from_name, &m.from_address)],
        to: m.to_people.0.iter().map(|p| person(&p.name, &p.address)).collect(),
        ..Parsed::default()
    }
}
