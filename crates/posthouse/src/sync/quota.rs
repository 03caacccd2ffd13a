//! What the mailbox may hold on the server (RFC 9208), for people: a full mailbox takes no mail.

use super::owner::Owner;
use super::{Stop, store};
use crate::connect::{self, ImapSession};
use imap::{MailboxName, Quota};

/// STORAGE is told in these, in octets.
const UNIT: u64 = 1_024;

/// Asks once, and keeps the answer when it is another one.
pub async fn look(owner: &Owner, session: &mut ImapSession) -> Result<(), Stop> {
    let told = match session.quota(&MailboxName::inbox()).await {
        Ok(told) => fullest(&told),
        Err(e) if connect::is_too_much(&e) => return Err(e.into()),
        // Nothing that mail depends on.
        Err(imap::Error::No(_) | imap::Error::Bad(_) | imap::Error::Unsupported(_) | imap::Error::Protocol(_)) => None,
        Err(e) => return Err(e.into()),
    };
    let (scope, account) = (&owner.scope, owner.account.id);
    if store::quota(&mut owner.app.db.read().await?, scope, account).await? == told {
        return Ok(());
    }
    let mut tx = owner.tx().await?;
    store::set_quota(&mut tx, scope, account, told).await?;
    store::tell(&mut tx, &owner.app, scope, account).await?;
    tx.commit().await?;
    Ok(())
}

/// Octets used and allowed, of the limit that is reached first.
fn fullest(told: &[Quota]) -> Option<(i64, i64)> {
    let octets = |units: u64| i64::try_from(units.saturating_mul(UNIT)).unwrap_or(i64::MAX);
    let storage = told.iter().filter(|q| q.resource == "STORAGE" && q.limit > 0);
    let left = |q: &&Quota| q.limit.saturating_sub(q.usage);
    storage.min_by_key(left).map(|q| (octets(q.usage), octets(q.limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_reached_first_counts() {
        let quota =
            |resource: &str, usage, limit| Quota { root: String::new(), resource: resource.into(), usage, limit };
        let (large, small) = (quota("STORAGE", 900, 1_000_000), quota("STORAGE", 900, 1_000));
        assert_eq!(fullest(&[large, quota("MESSAGE", 9, 9), small]), Some((900 * 1_024, 1_000 * 1_024)));
        assert_eq!(fullest(&[quota("MESSAGE", 3, 100), quota("STORAGE", 5, 0)]), None);
        assert_eq!(fullest(&[quota("STORAGE", u64::MAX, u64::MAX)]), Some((i64::MAX, i64::MAX)));
    }
}
