//! Both sides compared: what the program says against what the servers really have.

use crate::house::{FOLDERS, House};
use crate::ledger::Tally;
use crate::moves::Fate;
use bytes::Bytes;
use db::{Db, IntoValue, Sql};
use posthouse::accounts::AccountId;
use posthouse::base::blobs::{BlobKey, Blobs};
use posthouse::send::{OutgoingId, RecipientState, State};
use posthouse::team::{Scope, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use testkit::Stored;

/// What a comparison found.
#[derive(Default)]
pub struct Seen {
    pub figures: Vec<(&'static str, usize)>,
    pub violations: Vec<String>,
}

/// A message on the server with its Message-ID.
struct There {
    stored: Stored,
    message_id: String,
    /// The queue id under which our submission server took it; absent for what came another way.
    queue_id: Option<String>,
}

/// Every mailbox of the server: address, folder, what lies there.
type Server = BTreeMap<(String, &'static str), Vec<There>>;

/// A row of the outbox.
#[derive(db::FromRow)]
struct Outgoing {
    id: OutgoingId,
    idempotency_key: String,
    account_id: AccountId,
    state: State,
    message_id: String,
    blob: BlobKey,
}

/// A row of the local copy.
#[derive(db::FromRow)]
struct Placed {
    account_id: AccountId,
    folder: String,
    uid: i64,
    seen: bool,
    flagged: bool,
    answered: bool,
    blob: BlobKey,
    size: i64,
    message_id: String,
}

struct Comparison<'a> {
    house: &'a House,
    tally: &'a Tally,
    db: &'a Db,
    blobs: Blobs,
    scope: Scope,
    server: Server,
    out: Seen,
}

/// Compares everything.
pub async fn compare(house: &Arc<House>, tally: &Tally, db: &Db) -> Seen {
    let shared = house.clone();
    let server = tokio::task::spawn_blocking(move || look(&shared)).await.unwrap();
    let (workspace,): (WorkspaceId,) =
        db::one(&mut db.read().await.unwrap(), Sql::both("SELECT id FROM workspace"), vec![]).await.unwrap();
    let blobs = Blobs::open(&house.config.data_dir.join("blobs")).unwrap();
    let scope = Scope::of(workspace);
    let mut c = Comparison { house, tally, db, blobs, scope, server, out: Seen::default() };
    let outgoing = c.outgoing().await;
    c.ledger(&outgoing).await;
    c.sent_copies(&outgoing);
    c.letters();
    c.counters(&outgoing).await;
    c.mailboxes().await;
    c.bodies(&outgoing).await;
    c.out
}

fn look(house: &House) -> Server {
    let mut server = Server::new();
    let addresses = house.accounts.iter().map(|a| &a.mailbox).chain(&house.sinks).map(|m| &m.address);
    for address in addresses {
        for folder in FOLDERS {
            let stored = house.mail.stored(address, folder).unwrap();
            server.insert((address.clone(), folder), stored.into_iter().map(there).collect());
        }
    }
    server
}

fn there(stored: Stored) -> There {
    let head = String::from_utf8_lossy(&stored.raw[..stored.raw.len().min(8_192)]).into_owned();
    let word_after = |mark: &str| {
        let rest = head.split_once(mark)?.1;
        Some(rest.split_whitespace().next().unwrap_or_default().to_owned())
    };
    let message_id = word_after("\nMessage-ID:").unwrap_or_default();
    There { message_id, queue_id: word_after("ESMTPSA id "), stored }
}

/// The bytes as IMAP gives them: every line ends in CRLF.
fn as_fetched(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for (at, byte) in raw.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || raw[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

impl Comparison<'_> {
    fn wrong(&mut self, what: String) {
        self.out.violations.push(what);
    }

    async fn rows<T: db::FromAnyRow>(&self, sql: &'static str) -> Vec<T> {
        db::all(&mut self.db.read().await.unwrap(), Sql::both(sql), vec![]).await.unwrap()
    }

    async fn outgoing(&self) -> Vec<Outgoing> {
        self.rows("SELECT id, idempotency_key, account_id, state, message_id, blob FROM outgoing ORDER BY id").await
    }

    /// What we call sent arrived once at each recipient that was accepted, in one transaction; what we do not, at most
    /// once or never. What was promised has a row in a final state.
    async fn ledger(&mut self, outgoing: &[Outgoing]) {
        let submissions = self.tally.submissions.lock().unwrap().clone();
        for submission in &submissions {
            let rows: Vec<_> = outgoing.iter().filter(|o| o.idempotency_key == submission.key).collect();
            let ids: Vec<String> = rows.iter().map(|o| o.id.to_string()).collect();
            if ids.first() != submission.id.as_ref() || ids.len() != 1 {
                self.wrong(format!("{}: promised {:?}, stored {ids:?}", submission.key, submission.id));
            }
        }
        if outgoing.len() != submissions.len() {
            self.wrong(format!("{} messages in the outbox, {} were handed over", outgoing.len(), submissions.len()));
        }
        let mut copies: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for ((address, folder), list) in &self.server {
            for m in list.iter().filter(|m| *folder == "INBOX" && m.queue_id.is_some()) {
                let came = (address.clone(), m.queue_id.clone().unwrap_or_default());
                copies.entry(m.message_id.clone()).or_default().push(came);
            }
        }
        let mut figures = BTreeMap::new();
        let mut again = 0;
        for o in outgoing {
            let mut came = copies.remove(&o.message_id).unwrap_or_default();
            let all = came.len();
            // Postfix itself may deliver again what it was stopped in the middle of: the same queue id.
            came.sort();
            came.dedup();
            again += all - came.len();
            let taken: BTreeSet<&String> = came.iter().map(|(_, queue_id)| queue_id).collect();
            *figures.entry(o.state.as_str()).or_insert(0) += 1;
            if taken.len() > 1 {
                self.wrong(format!("{} is {} and left {} times", o.message_id, o.state, taken.len()));
            }
            match o.state {
                State::Sent => self.reached(o, &came).await,
                State::Uncertain if taken.is_empty() => *figures.entry("uncertain, did not arrive").or_insert(0) += 1,
                State::Uncertain => *figures.entry("uncertain, arrived").or_insert(0) += 1,
                State::Failed | State::Cancelled if taken.is_empty() => {}
                State::Failed | State::Cancelled | State::Queued | State::Sending => {
                    self.wrong(format!("{} is {} and arrived {} times", o.message_id, o.state, came.len()));
                }
            }
        }
        for id in copies.keys() {
            self.wrong(format!("{id} arrived and is in no outbox"));
        }
        self.out.figures.extend(figures);
        self.out.figures.push(("deliveries that Postfix repeated", again));
    }

    /// The mailboxes that a sent message reached are those of its accepted recipients.
    async fn reached(&mut self, o: &Outgoing, came: &[(String, String)]) {
        let sql = Sql::both("SELECT address, state FROM outgoing_recipient WHERE outgoing_id = $1 ORDER BY position");
        let mut c = self.db.read().await.unwrap();
        let recipients: Vec<(String, RecipientState)> = db::all(&mut c, sql, vec![o.id.into_value()]).await.unwrap();
        drop(c);
        let expected: BTreeSet<&String> =
            recipients.iter().filter(|(_, s)| *s == RecipientState::Accepted).map(|(a, _)| a).collect();
        let reached: BTreeSet<&String> = came.iter().map(|(address, _)| address).collect();
        if expected != reached {
            self.wrong(format!("{} is sent to {expected:?} and reached {reached:?}", o.message_id));
        }
    }

    fn address(&self, id: AccountId) -> String {
        let id = id.to_string();
        self.house.accounts.iter().find(|a| a.id == id).unwrap().mailbox.address.clone()
    }

    /// One copy in Sent for each message that was sent, none for the others.
    fn sent_copies(&mut self, outgoing: &[Outgoing]) {
        for o in outgoing {
            let sent = &self.server[&(self.address(o.account_id), "Sent")];
            let copies = sent.iter().filter(|m| m.message_id == o.message_id).count();
            if copies != usize::from(o.state == State::Sent) {
                self.wrong(format!("{} is {} and has {copies} copies in Sent", o.message_id, o.state));
            }
        }
    }

    /// No letter is lost, and none doubled: a copy that was asked for is a second place.
    fn letters(&mut self) {
        let foreign = self.tally.foreign.lock().unwrap().clone();
        let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for ((address, _), list) in &self.server {
            for m in list {
                *places.entry((address, &m.message_id)).or_default() += 1;
            }
        }
        let mut wrong = vec![];
        let mut moved = 0;
        for f in foreign {
            let address = self.house.accounts[f.account].mailbox.address.as_str();
            let there = places.get(&(address, f.message_id.as_str())).copied().unwrap_or_default();
            let fate = Fate::of(f.number);
            moved += usize::from(fate != Fate::Kept);
            if !fate.places().contains(&there) {
                wrong.push(format!("{} of {address}, {fate:?}, lies there {there} times", f.message_id));
            }
        }
        self.out.violations.extend(wrong);
        self.out.figures.push(("letters that may move", moved));
    }

    /// What the list shows as sent is what was sent.
    async fn counters(&mut self, outgoing: &[Outgoing]) {
        let totals: Vec<(AccountId, i64)> = self.rows("SELECT id, sent_total FROM account").await;
        let counted: Vec<(AccountId, String)> = self.rows("SELECT account_id, message_id FROM sent_message").await;
        let foreign = self.tally.foreign.lock().unwrap().clone();
        for (id, total) in totals {
            let counted: BTreeSet<&str> = counted.iter().filter(|c| c.0 == id).map(|c| c.1.as_str()).collect();
            let ours = outgoing.iter().filter(|o| o.account_id == id && o.state == State::Sent);
            let ours: BTreeSet<&str> = ours.map(|o| o.message_id.as_str()).collect();
            let at = self.house.accounts.iter().position(|a| a.id == id.to_string()).unwrap();
            let filed: BTreeSet<&str> = foreign
                .iter()
                .filter(|f| f.account == at && f.folder == "Sent")
                .map(|f| f.message_id.as_str())
                .collect();
            let there = &self.server[&(self.address(id), "Sent")];
            let must: BTreeSet<&str> =
                there.iter().map(|m| m.message_id.as_str()).chain(ours.iter().copied()).collect();
            let missing: Vec<String> = must.difference(&counted).map(|id| (*id).to_owned()).collect();
            let extra = counted.iter().filter(|c| !ours.contains(*c) && !filed.contains(*c) && !must.contains(*c));
            let extra: Vec<String> = extra.map(|id| (*id).to_owned()).collect();
            if usize::try_from(total) != Ok(counted.len()) {
                self.out.violations.push(format!("account {at} shows {total} sent and counted {}", counted.len()));
            }
            if !missing.is_empty() || !extra.is_empty() {
                self.wrong(format!("account {at} did not count {missing:?}, and counted {extra:?}"));
            }
        }
    }

    /// The copy of each mailbox is the server's: the same UIDs, bytes and flags.
    async fn mailboxes(&mut self) {
        let placed: Vec<Placed> = self
            .rows(
                "SELECT p.account_id, f.name AS folder, p.uid, p.seen, p.flagged, p.answered, m.blob, m.size, m.message_id
                 FROM placement p JOIN folder f ON f.id = p.folder_id JOIN message m ON m.id = p.message_id",
            )
            .await;
        let mut ours: BTreeMap<(String, String), BTreeMap<i64, Placed>> = BTreeMap::new();
        for p in placed {
            ours.entry((self.address(p.account_id), p.folder.clone())).or_default().insert(p.uid, p);
        }
        let mut compared = 0;
        for account in &self.house.accounts {
            for folder in FOLDERS {
                let list = self.server.remove(&(account.mailbox.address.clone(), folder)).unwrap();
                let mut have = ours.remove(&(account.mailbox.address.clone(), folder.to_owned())).unwrap_or_default();
                compared += list.len();
                for m in list {
                    match have.remove(&i64::from(m.stored.uid)) {
                        Some(p) => self.same(&account.mailbox.address, &m, &p).await,
                        None => self.wrong(format!(
                            "{} {folder} {} {} is not stored",
                            account.mailbox.address, m.stored.uid, m.message_id
                        )),
                    }
                }
                for p in have.values() {
                    self.wrong(format!(
                        "{} {folder} {} {} is stored and not on the server",
                        account.mailbox.address, p.uid, p.message_id
                    ));
                }
            }
        }
        for ((address, folder), list) in ours {
            self.wrong(format!("{} messages are stored in {folder} of {address}", list.len()));
        }
        self.out.figures.push(("messages compared byte by byte", compared));
    }

    async fn same(&mut self, address: &str, there: &There, p: &Placed) {
        let m = &there.stored;
        let what = format!("{address} {} {} {}", p.folder, p.uid, there.message_id);
        if (m.seen, m.flagged, m.answered) != (p.seen, p.flagged, p.answered) {
            let server = (m.seen, m.flagged, m.answered);
            self.wrong(format!("{what}: flags are {server:?} there and {:?} here", (p.seen, p.flagged, p.answered)));
        }
        let server = as_fetched(&m.raw);
        match self.body(p.account_id, p.blob).await {
            Ok(bytes) if bytes != server || usize::try_from(p.size) != Ok(server.len()) => {
                self.wrong(format!("{what}: {} bytes there, {} here", server.len(), bytes.len()));
            }
            Ok(_) => {}
            Err(e) => self.wrong(format!("{what}: {e}")),
        }
    }

    async fn body(&self, account: AccountId, blob: BlobKey) -> Result<Bytes, posthouse::base::blobs::BlobError> {
        self.blobs.get(&self.scope, account, blob).await
    }

    /// No row points at a body that is not there, and no message lies nowhere.
    async fn bodies(&mut self, outgoing: &[Outgoing]) {
        for o in outgoing {
            if let Err(e) = self.body(o.account_id, o.blob).await {
                self.wrong(format!("{}: {e}", o.message_id));
            }
        }
        let sql =
            "SELECT m.message_id FROM message m WHERE NOT EXISTS (SELECT 1 FROM placement p WHERE p.message_id = m.id)";
        let nowhere: Vec<(String,)> = self.rows(sql).await;
        for (id,) in nowhere {
            self.wrong(format!("{id} is stored and lies nowhere"));
        }
    }
}
