//! Other threads that are probably of the same conversation: one of the two has an answer that does not name what it answers, under the
//! other's subject, and somebody besides the account's owner is in both.

use super::list::{self, Figures, Head, Party};
use crate::accounts::AccountId;
use crate::mailbox::ThreadId;
use crate::team::Scope;
use db::{Conn, DbResult};
use std::collections::HashSet;

/// Threads that are named at most.
const MAX_NAMED: usize = 5;
/// Subjects of one thread that are looked for.
const MAX_SUBJECTS: i64 = 3;
/// Messages whose people are compared: of the thread, and of each subject elsewhere.
const MAX_LOOKS: i64 = 200;
/// Farther apart it is another matter.
const APART_SECS: i64 = 30 * 24 * 3_600;

/// The threads that probably belong to this one, those with the newest messages first.
///
/// # Errors
/// Only the database's.
pub async fn probable(
    c: &mut Conn,
    scope: &Scope,
    (account, own): (AccountId, &str),
    thread: ThreadId,
) -> DbResult<Vec<(Figures, Head)>> {
    let ours = list::parties(c, scope, thread, MAX_LOOKS).await?;
    let with: HashSet<String> = ours.iter().flat_map(|p| people(p, own)).collect();
    if with.is_empty() {
        return Ok(vec![]);
    }
    let mut found: Vec<ThreadId> = vec![];
    for subject in list::subjects(c, scope, thread, MAX_SUBJECTS).await? {
        let span = (subject.first_at.plus_secs(-APART_SECS), subject.last_at.plus_secs(APART_SECS));
        let of = (subject.subject_key.as_str(), span.0, span.1);
        // Of two conversations one must have such an answer.
        let bare = subject.bare == 0;
        for other in list::alike(c, scope, (account, thread), of, (bare, MAX_LOOKS)).await? {
            if !found.contains(&other.thread_id) && people(&other, own).any(|p| with.contains(&p)) {
                found.push(other.thread_id);
            }
        }
    }
    found.truncate(MAX_NAMED);
    if found.is_empty() {
        return Ok(vec![]);
    }
    let mut out = vec![];
    for figures in list::figures(c, scope, &found).await?.into_values() {
        out.extend(list::head(c, scope, figures.thread_id).await?.map(|head| (figures, head)));
    }
    out.sort_by_key(|(_, head)| std::cmp::Reverse((head.received_at, head.id)));
    Ok(out)
}

/// Everybody but the owner of the mailbox, who is in all of it.
fn people<'p>(of: &'p Party, own: &str) -> impl Iterator<Item = String> + use<'p> {
    let own = own.to_lowercase();
    let all = of.to_people.0.iter().map(|p| p.address.as_str()).chain([of.from_address.as_str()]);
    all.map(str::to_lowercase).filter(move |address| !address.is_empty() && *address != own)
}
