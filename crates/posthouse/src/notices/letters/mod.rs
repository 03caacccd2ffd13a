//! Notices by mail: who gets one, what one letter holds, and by which way it leaves.
//!
//! A notice that is told notes in the same commit who is to get it by mail (`notice_mail`, once a person and notice), if the
//! workspace has a way for it: the account that an admin chose, else the operator's server, else none. After a minute
//! everything that waits for a person becomes one letter (`system_mail`), unless it is over by then. What is left out, for
//! whatever reason, stands in the page.
//!
//! - By the operator's server: [`post`]. Marked before its body leaves, and not repeated when its fate is not known.
//! - By an account: handed to [`send::submit`] under a key of its own, so a crash in between hands it over once.
//!
//! An account that does not work tells nothing by mail, least of all about itself.

mod post;
mod store;

pub use post::check;

use super::list::{self, Item};
use super::{Kind, NoticeId};
use crate::accounts::{self, Access, AccountError, AccountId, Side, State};
use crate::app::App;
use crate::base::leases::{self, Held, LeaseError};
use crate::base::meters::SYSTEM_MAIL;
use crate::send::{self, SendError};
use crate::team::{self, Actor, AuditEntry, Instance, Role, Scope, UserId};
use db::{Conn, DbError, DbResult, Ts, text_enum};
use std::fmt::Write as _;
use std::time::Duration;
use store::{Letter, NewLetter};
use tokio_util::sync::CancellationToken;

/// What comes within this time is one letter; never longer than an outage has to last to be told.
const GATHER_MILLIS: i64 = 60_000;
/// Letters that one person gets in a day. More would not be read, and look like spam to their provider.
const DAILY: i64 = 20;
/// Notices that one letter tells in full.
const TOLD: usize = 30;
/// The longest subject, in characters.
const SUBJECT: usize = 150;
/// How often it is looked for what is due.
const POLL: Duration = Duration::from_secs(1);
/// People whose letters one look writes.
const PEOPLE: i64 = 50;
/// The lease's name.
const LEASE: &str = "system_mail";

text_enum! {
    /// What became of a notice for one person.
    pub enum Told {
        /// It will be in a letter.
        Waiting = "waiting",
        /// It is in one.
        Written = "written",
        /// It is in the page only.
        LeftOut = "left_out",
    }
}

text_enum! {
    /// How far a letter is.
    pub enum LetterState {
        /// Nothing of it has left.
        Queued = "queued",
        /// A part or all of it may have left; the server has not answered yet.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// It was refused for good, or for now for too long.
        Failed = "failed",
        /// Nobody knows whether the server took it. It is not repeated: the page has what it told.
        Uncertain = "uncertain",
        /// It is in the outbox of the account that it leaves from.
        HandedOver = "handed_over",
    }
}

/// The way that a workspace's mail takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// There is none: the page only.
    None,
    /// The operator's server.
    Operator,
    /// An account that an admin chose.
    Account(AccountId),
}

/// The way that mail takes now.
pub async fn way(c: &mut Conn, app: &App, scope: &Scope) -> DbResult<Way> {
    Ok(match store::sender(c, scope).await? {
        Some((account, _)) => Way::Account(account),
        None if app.config.system_mail.sender().is_some() => Way::Operator,
        None => Way::None,
    })
}

/// Notes who is to get a notice by mail: admins, and these people.
pub async fn address(tx: &mut Conn, app: &App, scope: &Scope, notice: NoticeId, owners: &[UserId]) -> DbResult<()> {
    if way(tx, app, scope).await? == Way::None {
        return Ok(());
    }
    let gather = GATHER_MILLIS.min(app.config.notices.after());
    let due = app.clock.now().plus_millis(gather);
    for member in team::members(tx, scope).await? {
        if member.role != Role::Member || owners.contains(&member.user_id) {
            store::address(tx, scope, (notice, member.user_id), due).await?;
        }
    }
    Ok(())
}

/// Whoever was told of an outage by mail is told that it is over.
pub async fn address_again(
    tx: &mut Conn,
    app: &App,
    scope: &Scope,
    (outage, over): (NoticeId, NoticeId),
) -> DbResult<()> {
    let gather = GATHER_MILLIS.min(app.config.notices.after());
    store::address_again(tx, scope, (outage, over), app.clock.now().plus_millis(gather)).await
}

/// Whether a member wants mail.
pub async fn wants_mail(c: &mut Conn, actor: &Actor) -> DbResult<bool> {
    store::wants_mail(c, &actor.scope, actor.user_id).await
}

/// Switches the actor's mail on or off.
pub async fn set_wants_mail(app: &App, actor: &Actor, on: bool) -> DbResult<()> {
    let mut tx = app.db.tx().await?;
    store::set_wants_mail(&mut tx, &actor.scope, actor.user_id, on).await?;
    tx.commit().await
}

/// Why an account does not become the sender.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// Only admins choose.
    #[error("not allowed")]
    Forbidden,
    /// It has no server to send with.
    #[error("This account only receives. Choose one that can send.")]
    NoSendingSide,
    /// Not there.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Chooses the account that the workspace's mail leaves from; none: the operator's server, if there is one.
pub async fn choose(app: &App, actor: &Actor, account: Option<AccountId>) -> Result<(), ChooseError> {
    if actor.role == Role::Member {
        return Err(ChooseError::Forbidden);
    }
    let scope = &actor.scope;
    let mut tx = app.db.tx().await?;
    let subject = match account {
        Some(id) => {
            let account = accounts::find(&mut tx, actor, id, Access::Manage).await?;
            accounts::connection(&mut tx, scope, id, Side::Send).await?.ok_or(ChooseError::NoSendingSide)?;
            if !accounts::lock_open(&mut tx, scope, id).await? {
                return Err(AccountError::NotFound.into());
            }
            store::set_sender(&mut tx, scope, (id, actor.user_id), app.clock.now()).await?;
            account.address
        }
        None => {
            store::unset_sender(&mut tx, scope).await?;
            String::new()
        }
    };
    let entry = AuditEntry {
        action: "system_mail.sender_chosen",
        subject,
        detail: serde_json::json!({ "account_id": account }),
    };
    team::audit(&mut tx, app, scope, Some(actor), entry).await?;
    super::changed(&mut tx, app, scope).await?;
    tx.commit().await?;
    Ok(())
}

/// The account is about to be gone: nothing leaves from it any more.
pub async fn forget_account(tx: &mut Conn, app: &App, scope: &Scope, id: AccountId) -> DbResult<()> {
    store::forget_account(tx, scope, id, app.clock.now()).await
}

/// What waited when a backup was made, or was under way, is of the past: it is not sent.
///
/// # Errors
/// Only the database's.
pub async fn hold(tx: &mut Conn, instance: &Instance, now: Ts) -> DbResult<()> {
    store::hold(tx, instance, now).await
}

/// Writes letters and sends them, until cancelled.
pub async fn run(app: &App, stop: &CancellationToken) {
    let mut held: Option<Held> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
        match leases::keep_or_take(app, LEASE, held.as_ref()).await {
            Ok(now) => held = now,
            Err(e) => tracing::warn!(error = %e, "system mail: the lease could not be taken"),
        }
        let Some(held) = &held else { continue };
        match round(app, held, stop).await {
            Ok(()) | Err(LeaseError::Lost) => {}
            Err(LeaseError::Db(e)) => tracing::warn!(error = %e, "system mail: this look failed, the next one follows"),
        }
    }
}

async fn round(app: &App, held: &Held, stop: &CancellationToken) -> Result<(), LeaseError> {
    let now = app.clock.now();
    let people = store::people_due(&mut app.db.read().await?, &Instance, now, PEOPLE).await?;
    for (workspace, user) in people {
        write(app, held, &Scope::of(workspace), user).await?;
    }
    for letter in store::due_by_accounts(&mut app.db.read().await?, &Instance, now, PEOPLE).await? {
        hand_over(app, held, &letter).await?;
    }
    post::send_due(app, held, stop).await
}

/// Everything that waits for a person becomes one letter, as far as it is still to be told.
async fn write(app: &App, held: &Held, scope: &Scope, user: UserId) -> Result<(), LeaseError> {
    let (waiting, letter) = {
        let mut c = app.db.read().await?;
        let waiting = store::waiting(&mut c, scope, user).await?;
        let letter = letter(&mut c, app, (scope, user), &waiting).await?;
        (waiting, letter)
    };
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    let told = letter.as_ref().map(|(_, told)| told.as_slice()).unwrap_or_default();
    for (notice,) in &waiting {
        let became = if told.contains(notice) { Told::Written } else { Told::LeftOut };
        store::set_told(&mut tx, scope, (*notice, user), became).await?;
    }
    if let Some((letter, _)) = &letter {
        store::insert(&mut tx, scope, letter, app.clock.now()).await?;
    }
    app.crash.point("system_mail.before_written");
    tx.commit().await?;
    app.crash.point("system_mail.written");
    Ok(())
}

/// The letter, and the notices that it tells; none when there is nothing to tell by mail.
async fn letter(
    c: &mut Conn,
    app: &App,
    (scope, user): (&Scope, UserId),
    waiting: &[(NoticeId,)],
) -> DbResult<Option<(NewLetter, Vec<NoticeId>)>> {
    let Some(reader) = team::members(c, scope).await?.into_iter().find(|m| m.user_id == user) else { return Ok(None) };
    let way = way(c, app, scope).await?;
    if !store::wants_mail(c, scope, user).await? || !is_open(c, scope, way).await? {
        return Ok(None);
    }
    let since = app.clock.now().plus_secs(-24 * 3_600);
    if store::count_since(c, scope, user, since).await? >= DAILY {
        tracing::warn!(%user, "system mail: this person got {DAILY} letters in a day; more is shown in the page only");
        return Ok(None);
    }
    let mut items = vec![];
    for (notice,) in waiting {
        if let Some(item) = list::one(c, &reader, *notice).await?
            && is_to_be_told(c, scope, way, &item).await?
        {
            items.push(item);
        }
    }
    if items.is_empty() {
        return Ok(None);
    }
    let told = items.iter().map(|i| i.id).collect();
    let domain = app.config.system_mail.sender().map(|s| s.address.domain().to_owned());
    let letter = NewLetter {
        id: app.ids.next(),
        user,
        account: match way {
            Way::Account(id) => Some(id),
            Way::Operator | Way::None => None,
        },
        to: reader.email.clone(),
        subject: subject(&items),
        text: text(app, &reader, &items),
        html: html(app, &reader, &items),
        message_id: mail::compose::message_id(app.ids.random(), domain.as_deref().unwrap_or("localhost")),
    };
    Ok(Some((letter, told)))
}

/// Whether mail can leave that way now.
async fn is_open(c: &mut Conn, scope: &Scope, way: Way) -> DbResult<bool> {
    match way {
        Way::None => Ok(false),
        Way::Operator => Ok(true),
        Way::Account(id) => {
            let side = accounts::connection(c, scope, id, Side::Send).await?;
            Ok(side.is_some_and(|s| s.state == State::Connected))
        }
    }
}

/// Not what is over by now, nor an outage of the very account that would tell of it. One whose server refuses changes still sends.
async fn is_to_be_told(c: &mut Conn, scope: &Scope, way: Way, item: &Item) -> DbResult<bool> {
    if item.kind == Kind::Recovered {
        return Ok(true);
    }
    let about_sender = match way {
        Way::Account(id) if item.kind != Kind::RefusedChange => {
            super::store::notices_of(c, scope, id).await?.contains(&(item.id,))
        }
        Way::Account(_) | Way::Operator | Way::None => false,
    };
    Ok(item.resolved_at.is_none() && !about_sender)
}

fn subject(items: &[Item]) -> String {
    let first = items.first().map_or("", |i| i.words.title.as_str());
    let all = match items.len() {
        0 | 1 => first.to_owned(),
        n => format!("{n} notices: {first}, and more"),
    };
    all.chars().filter(|c| !c.is_control()).take(SUBJECT).collect()
}

/// Where a person sees more about it.
fn link(app: &App, item: &Item) -> String {
    let base = app.config.base_url();
    match (item.count.all, item.named.first()) {
        (1, Some(account)) if item.kind == Kind::RefusedChange => format!("{base}/accounts/{}/sync", account.id),
        (1, Some(account)) => format!("{base}/accounts/{}/settings", account.id),
        (0, _) => format!("{base}/accounts"),
        _ => match item.facts.state {
            Some(state) => format!("{base}/accounts?status={state}"),
            None => format!("{base}/accounts"),
        },
    }
}

/// The parts of what a letter says of one notice: a name for each, and the words.
fn parts(item: &Item) -> Vec<(&'static str, String)> {
    let mut parts = vec![];
    if !item.words.text.is_empty() {
        parts.push(("", item.words.text.clone()));
    }
    if let Some(words) = &item.facts.server_words {
        parts.push(("The server said: ", words.clone()));
    }
    if item.count.all > 1 {
        let names: Vec<&str> = item.named.iter().map(|a| a.address.as_str()).collect();
        let more = usize::try_from(item.count.all).unwrap_or_default().saturating_sub(names.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        parts.push(("Accounts: ", format!("{}{more}", names.join(", "))));
    }
    if item.kind != Kind::Recovered && !item.words.fix.is_empty() {
        parts.push(("What to do: ", item.words.fix.clone()));
    }
    parts
}

fn farewell(app: &App, reader: &Actor) -> (String, String) {
    let why = format!("Posthouse wrote this to you as a member of {}.", reader.workspace_name);
    (why, format!("{}/settings/notifications", app.config.base_url()))
}

fn text(app: &App, reader: &Actor, items: &[Item]) -> String {
    let mut out = String::new();
    for item in items.iter().take(TOLD) {
        let _ = writeln!(out, "{}\n", item.words.title);
        for (name, words) in parts(item) {
            let _ = writeln!(out, "{name}{words}");
        }
        let _ = writeln!(out, "{}\n", link(app, item));
    }
    if let Some(more) = items.len().checked_sub(TOLD).filter(|n| *n > 0) {
        let _ = writeln!(out, "And {more} more: {}/accounts\n", app.config.base_url());
    }
    let (why, settings) = farewell(app, reader);
    let _ = writeln!(out, "-- \n{why}\nWithout these mails: {settings}");
    out
}

fn html(app: &App, reader: &Actor, items: &[Item]) -> String {
    let mut out = String::new();
    for item in items.iter().take(TOLD) {
        let _ = write!(out, "<p><b>{}</b>", escaped(&item.words.title));
        for (name, words) in parts(item) {
            let _ = write!(out, "<br>\n{name}{}", escaped(&words));
        }
        let link = escaped(&link(app, item));
        let _ = write!(out, "<br>\n<a href=\"{link}\">{link}</a></p>\n");
    }
    if let Some(more) = items.len().checked_sub(TOLD).filter(|n| *n > 0) {
        let _ = writeln!(out, "<p>And {more} more.</p>");
    }
    let (why, settings) = farewell(app, reader);
    let (why, settings) = (escaped(&why), escaped(&settings));
    let _ = writeln!(out, "<p><small>{why} <a href=\"{settings}\">Without these mails</a></small></p>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Puts a letter into the outbox of the account that it leaves from; twice is once.
async fn hand_over(app: &App, held: &Held, letter: &Letter) -> Result<(), LeaseError> {
    let scope = Scope::of(letter.workspace_id);
    let Some(account) = letter.account_id else { return Ok(()) };
    let actor = sender_of(&mut app.db.read().await?, &scope).await?;
    let request = send::Request {
        key: format!("system-mail-{}", letter.id),
        to: letter.to_address.clone(),
        subject: letter.subject.clone(),
        body: letter.body.clone(),
        automatic_html: Some(letter.html.clone()),
    };
    let handed = match &actor {
        Some(actor) => send::submit(app, actor, account, &request).await.map(|_| ()),
        None => Err(SendError::NotFound),
    };
    app.crash.point("system_mail.handed_over");
    let (state, words) = match handed {
        Ok(()) => (LetterState::HandedOver, None),
        Err(SendError::Db(e)) => return Err(e.into()),
        Err(SendError::Blob(e)) => return Err(DbError::Unavailable(e.to_string()).into()),
        Err(e) => {
            tracing::warn!(%account, error = %e, "system mail: the chosen account does not take it");
            (LetterState::Failed, Some(e.to_string()))
        }
    };
    let mut tx = app.db.tx().await?;
    held.check(&mut tx).await?;
    store::settle(&mut tx, &scope, (letter.id, state), words, app.clock.now()).await?;
    tx.commit().await?;
    settled(app, state, 1);
    Ok(())
}

/// Counts letters that were settled, once that is durable.
fn settled(app: &App, state: LetterState, letters: u64) {
    if letters > 0 {
        app.meters.count(SYSTEM_MAIL, &[("outcome", state.as_str())], letters);
    }
}

/// Who is named as the one that sends: the admin who chose the account, or the owner once they are none any more.
async fn sender_of(c: &mut Conn, scope: &Scope) -> DbResult<Option<Actor>> {
    let chosen_by = store::sender(c, scope).await?.map(|s| s.1);
    let admins: Vec<Actor> = team::members(c, scope).await?.into_iter().filter(|m| m.role != Role::Member).collect();
    let chooser = admins.iter().find(|a| Some(a.user_id) == chosen_by).cloned();
    Ok(chooser.or_else(|| admins.into_iter().next()))
}
