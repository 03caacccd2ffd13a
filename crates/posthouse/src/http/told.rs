//! Work that is told while it runs: an event for each step, and a last one, `done`, with the result.

use super::live::not_kept;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use std::convert::Infallible;
use std::future::ready;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

/// How the steps of some work are told.
pub struct Telling<V> {
    /// The name of their events.
    pub name: &'static str,
    /// Steps that wait for a slow page before the work waits too.
    pub backlog: usize,
    /// What is shown of a step.
    pub shown: V,
}

/// Runs the work and tells its steps as they come. It ends with the page that asked.
pub fn told<S, V, F, T>(
    telling: Telling<impl Fn(S) -> V + Send + 'static>,
    run: impl FnOnce(mpsc::Sender<S>) -> F,
) -> Response
where
    S: Send + 'static,
    V: Serialize,
    F: Future<Output = T> + Send + 'static,
    T: Serialize + Send + 'static,
{
    let Telling { name, backlog, shown } = telling;
    let (tell, steps) = mpsc::channel::<S>(backlog);
    let (finish, finished) = oneshot::channel::<T>();
    let run = run(tell);
    let run = async move {
        let _ = finish.send(run.await);
        None
    };
    let steps = ReceiverStream::new(steps).map(move |step| Some(event(name, &shown(step))));
    let running = futures_util::stream::select(steps, futures_util::stream::once(run)).filter_map(ready);
    let done = futures_util::stream::once(finished).filter_map(|r| ready(r.ok().map(|r| event("done", &r))));
    not_kept(Sse::new(running.chain(done).map(Ok::<_, Infallible>))).into_response()
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_default()
}
