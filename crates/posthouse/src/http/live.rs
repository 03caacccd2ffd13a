//! The stream that tells open pages which topic changed (server-sent events).

use super::auth::{self, SignedIn};
use crate::accounts::AccountId;
use crate::app::App;
use crate::base::live::{Nudge, Topic};
use crate::team;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum_extra::extract::cookie::CookieJar;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;

/// What a quiet stream says this often. Pages take a stream that is silent for 40 s for dead.
const PING: Duration = Duration::from_secs(15);
/// How often a stream asks whether its session still is.
const SESSION_CHECK: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Data {
    topic: Topic,
    account_id: Option<AccountId>,
}

/// Follows what changes in the workspace: `event: topic`, and `event: ready` first. A page that missed some gets
/// `event: ready` again and fetches everything. `event: ping` says that nothing changed.
#[utoipa::path(get, path = "/live", tag = "live", responses((status = 200, description = "A stream of server-sent events", content_type = "text/event-stream", body = String)))]
pub async fn live(State(app): State<App>, SignedIn(actor): SignedIn, jar: CookieJar) -> impl IntoResponse {
    let ready = || Event::default().event("ready").data("{}");
    let mine = actor.scope.workspace_id();
    let nudges = BroadcastStream::new(app.live.subscribe()).filter_map(move |nudge| {
        let event = match nudge {
            Ok(Nudge { workspace_id, topic, account_id }) if workspace_id == mine => {
                Event::default().event("topic").json_data(Data { topic, account_id }).ok()
            }
            Ok(_) => None,
            Err(_) => Some(ready()),
        };
        std::future::ready(event)
    });
    let events = futures_util::stream::once(std::future::ready(ready())).chain(nudges);
    // A stream that never ends would hold up the program's stop.
    let over = futures_util::future::select(
        Box::pin(app.stopping.clone().cancelled_owned()),
        Box::pin(signed_out(app.clone(), auth::token(&app, &jar))),
    );
    let stream = events.take_until(over).map(Ok);
    // An event, not a comment: pages hear nothing of comments, and a server that froze would look like a quiet one.
    let ping = Event::default().event("ping").data("{}");
    not_kept(Sse::new(stream).keep_alive(KeepAlive::new().interval(PING).event(ping)))
}

/// A stream that no cache keeps; the frame's own word for streams would allow it.
pub fn not_kept<S>(stream: Sse<S>) -> impl IntoResponse
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    ([(header::CACHE_CONTROL, "no-store")], stream)
}

/// Ends when the session of the stream does. Looked at now and then: signing out is rare, streams are many.
async fn signed_out(app: App, token: Option<String>) {
    let token = token.unwrap_or_default();
    loop {
        tokio::time::sleep(SESSION_CHECK).await;
        // A database that does not answer signs nobody out. An open page alone does not prolong a session.
        if matches!(team::is_open(&app, &token).await, Ok(false)) {
            return;
        }
    }
}
