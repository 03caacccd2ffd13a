//! What was moved from here into folders that are not copied, and is shown there for a while: what becomes of it meanwhile on the server.

use super::owner::Owner;
use super::{Stop, pass};
use crate::connect::ImapSession;
use crate::mailbox::{self, Folder, transfers};
use imap::MailboxStatus;
use std::collections::HashMap;

/// Folders that are looked at in one pass.
const AT_ONCE: usize = 20;

/// What the server told of them when they were last looked at.
pub type Looked = HashMap<String, MailboxStatus>;

/// Takes over what changed of it. A folder of which LIST tells nothing new is not opened again.
pub async fn look(
    owner: &Owner,
    session: &mut ImapSession,
    (statuses, looked): (&HashMap<String, MailboxStatus>, &mut Looked),
) -> Result<(), Stop> {
    let mut c = owner.app.db.read().await?;
    if !transfers::store::is_untidy(&mut c, &owner.scope, owner.account.id).await? {
        looked.clear();
        return Ok(());
    }
    let keeping = transfers::store::keeping(&mut c, &owner.scope, owner.account.id).await?;
    let mut folders = mailbox::folders(&mut c, &owner.scope, owner.account.id).await?;
    drop(c);
    folders.retain(|f| !f.selected && keeping.contains(&(f.id,)));
    looked.retain(|name, _| folders.iter().any(|f| f.name == *name));
    let is_new = |f: &&Folder| statuses.get(&f.name).is_none_or(|told| looked.get(&f.name) != Some(told));
    let new: Vec<&Folder> = folders.iter().filter(is_new).take(AT_ONCE).collect();
    for folder in new {
        match pass::kept(owner, session, folder).await {
            // It shows what it has until its time is over.
            Ok(()) | Err(Stop::Refused(_)) => {}
            Err(e) => return Err(e),
        }
        looked.extend(statuses.get(&folder.name).map(|told| (folder.name.clone(), told.clone())));
    }
    Ok(())
}
