//! One answer for all who ask the same at the same time: every open page that is told of a change asks at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Questions that are being answered. Each who asks gets an answer that was begun after they asked, never an older one.
pub struct Together<K, V>(Mutex<HashMap<K, Arc<Line<V>>>>);

/// Those who ask one question: one of them looks, the others wait.
struct Line<V> {
    /// Looks that were begun.
    begun: AtomicU64,
    /// The last answer, and which look gave it.
    last: tokio::sync::Mutex<Option<(u64, V)>>,
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Together<K, V> {
    /// The answer to `question`: by `look`, or by that of another who waited for the same turn.
    ///
    /// # Errors
    /// Those of `look`, which only who looks gets: the next one looks again.
    pub async fn ask<E>(&self, question: K, look: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let line = self.line(&question);
        let _leave = Leave { all: self, question };
        let asked = line.begun.load(Ordering::SeqCst);
        let mut last = line.last.lock().await;
        if let Some((begun, answer)) = last.as_ref()
            && *begun > asked
        {
            return Ok(answer.clone());
        }
        let begun = line.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = look.await?;
        *last = Some((begun, answer.clone()));
        Ok(answer)
    }

    fn line(&self, question: &K) -> Arc<Line<V>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Line { begun: AtomicU64::new(0), last: tokio::sync::Mutex::new(None) });
        all.entry(question.clone()).or_insert_with(new).clone()
    }
}

/// Somebody in a line. The last who leaves takes it away: nothing is remembered of questions that nobody asks.
struct Leave<'a, K: Eq + Hash, V> {
    all: &'a Together<K, V>,
    question: K,
}

impl<K: Eq + Hash, V> Drop for Leave<'_, K, V> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own, and that of the `ask` which ends; each that waits holds one more.
        if all.get(&self.question).is_some_and(|line| Arc::strong_count(line) <= 2) {
            all.remove(&self.question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Semaphore;

    async fn look(of: &AtomicUsize, may: &Semaphore) -> Result<usize, &'static str> {
        let number = of.fetch_add(1, Ordering::SeqCst);
        may.acquire().await.map_err(|_| "closed")?.forget();
        Ok(number)
    }

    #[tokio::test]
    async fn who_asks_while_another_looks_waits_for_the_next_look_and_shares_it() {
        let (together, looks, may) = (Together::default(), AtomicUsize::new(0), Semaphore::new(0));
        let ask = |question| together.ask(question, look(&looks, &may));
        let (mut first, others) = (Box::pin(ask("a")), futures_util::future::join_all((0..5).map(|_| ask("a"))));
        assert!(futures_util::poll!(&mut first).is_pending());
        let (mut others, mut another) = (Box::pin(others), Box::pin(ask("b")));
        assert!(futures_util::poll!(&mut others).is_pending());
        assert_eq!(looks.load(Ordering::SeqCst), 1, "they wait");
        assert!(futures_util::poll!(&mut another).is_pending());
        assert_eq!(looks.load(Ordering::SeqCst), 2, "another question is another line");
        may.add_permits(3);
        assert_eq!(first.await, Ok(0));
        assert_eq!(others.await, vec![Ok(2); 5], "begun after they asked");
        assert_eq!(another.await, Ok(1));
        assert!(together.0.lock().unwrap().is_empty(), "nothing is remembered");
    }

    #[tokio::test]
    async fn a_look_that_fails_or_is_given_up_holds_up_nobody() {
        let (together, looks, may) = (Together::default(), AtomicUsize::new(0), Semaphore::new(0));
        let mut given_up = Box::pin(together.ask("a", look(&looks, &may)));
        assert!(futures_util::poll!(&mut given_up).is_pending());
        let mut fails = Box::pin(together.ask("a", async { Err("no") }));
        let mut next = Box::pin(together.ask("a", look(&looks, &may)));
        assert!(futures_util::poll!(&mut fails).is_pending() && futures_util::poll!(&mut next).is_pending());
        drop(given_up);
        assert_eq!(fails.await, Err("no"));
        may.add_permits(1);
        assert_eq!(next.await, Ok(1));
        assert!(together.0.lock().unwrap().is_empty());
    }
}
