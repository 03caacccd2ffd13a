//! Takes a message for sending: the one operation for every entry (a person, a schedule, a campaign).

use super::store::{self, NewOutgoing};
use super::{Misfit, OutgoingId, SendError, Shown, person, reserved};
use crate::accounts::{self, Access, Account, AccountError, AccountId, Side};
use crate::app::App;
use crate::base::events::{self, Kind, News};
use crate::team::{Actor, Scope};
use bytes::Bytes;
use mail::address::{EmailAddress, MAX_NAME_OCTETS, Mailbox};
use mail::compose::{self, ComposeError, MAX_SUBJECT_OCTETS};
use std::collections::HashSet;

/// Recipients of one message.
const MAX_RECIPIENTS: usize = 100;
/// The largest body, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The largest message: the body thrice, as quoted-printable makes it at worst, and its headers.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Programs do not answer such mail (RFC 3834 section 5).
pub const AUTOMATIC: &[u8] = b"Auto-Submitted: auto-generated\r\n";

/// What is to be sent.
#[derive(Clone)]
pub struct Request {
    /// The caller's key: the same request under the same key is one message.
    pub key: String,
    /// Recipients, as a person types them.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body, plain text.
    pub body: String,
    /// The same as HTML, for mail that the program itself writes; such a message says that it is automatic (RFC 3834).
    pub automatic_html: Option<String>,
}

impl Request {
    /// What makes two requests the same one.
    fn hash(&self, account: AccountId) -> Vec<u8> {
        let mut hash = blake3::Hasher::new();
        for part in [account.0.as_bytes().as_slice(), self.to.as_bytes(), self.subject.as_bytes(), self.body.as_bytes()]
        {
            hash.update(&part.len().to_le_bytes()).update(part);
        }
        hash.finalize().as_bytes().to_vec()
    }
}

/// Puts a message into the outbox. Its body is durable before its row is.
///
/// # Errors
/// [`SendError::Fields`] names what does not fit; [`SendError::KeyReused`] when the key belongs to another request.
pub async fn submit(app: &App, actor: &Actor, id: AccountId, request: &Request) -> Result<Shown, SendError> {
    let hash = request.hash(id);
    let (account, known) = {
        let mut c = app.db.read().await?;
        let account = accounts::find(&mut c, actor, id, Access::Send).await?;
        accounts::connection(&mut c, &actor.scope, id, Side::Send).await?.ok_or(SendError::NoSendingSide)?;
        (account, store::by_key(&mut c, &actor.scope, &request.key).await?)
    };
    if let Some(known) = known {
        return same(app, actor, known, &hash).await;
    }
    let letter = compose(app, &account, request)?;
    let bytes = Bytes::from(letter.bytes);
    let blob = app.blobs.put(&actor.scope, id, &bytes).await?;
    app.blobs.make_durable().await?;
    let row = NewOutgoing {
        id: OutgoingId(app.ids.next()),
        account: id,
        user: actor.user_id,
        key: request.key.clone(),
        request_hash: hash.clone(),
        message_id: letter.message_id,
        from_address: account.address,
        subject: request.subject.clone(),
        blob,
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
    };
    if insert(app, actor, &row, &letter.to).await? {
        return person::get(app, actor, row.id).await;
    }
    // The same key came twice at once, and the other was first.
    let known =
        store::by_key(&mut app.db.read().await?, &actor.scope, &request.key).await?.ok_or(SendError::NotFound)?;
    same(app, actor, known, &hash).await
}

async fn same(app: &App, actor: &Actor, (id, known): (OutgoingId, Vec<u8>), hash: &[u8]) -> Result<Shown, SendError> {
    if known == hash { person::get(app, actor, id).await } else { Err(SendError::KeyReused) }
}

async fn insert(app: &App, actor: &Actor, row: &NewOutgoing, to: &[Mailbox]) -> Result<bool, SendError> {
    let scope: &Scope = &actor.scope;
    let mut tx = app.db.tx().await?;
    // It may have begun to close while the body was written, and must not begin before this commit.
    accounts::find(&mut tx, actor, row.account, Access::Send).await?;
    if !accounts::lock_open(&mut tx, scope, row.account).await? {
        return Err(AccountError::NotFound.into());
    }
    // Asked under the account's lock: the row of the same key may be what its outbox is settling, which waits for this very account
    // after it; PostgreSQL's insert would wait for the outbox in turn.
    if store::by_key(&mut tx, scope, &row.key).await?.is_some()
        || !store::insert(&mut tx, scope, row, app.clock.now()).await?
    {
        return Ok(false);
    }
    for (position, mailbox) in (0..).zip(to) {
        let name = mailbox.name.as_deref().unwrap_or_default();
        store::insert_recipient(&mut tx, scope, row.id, (position, name, mailbox.address.as_str())).await?;
    }
    let news = News { kind: Kind::OutgoingChanged, account_id: row.account, count: 1 };
    events::emit(&mut tx, app, scope, news).await?;
    tx.commit().await?;
    Ok(true)
}

struct Letter {
    message_id: String,
    to: Vec<Mailbox>,
    bytes: Vec<u8>,
}

fn field(field: &'static str, message: impl Into<String>) -> Misfit {
    Misfit { field, message: message.into() }
}

fn compose(app: &App, account: &Account, request: &Request) -> Result<Letter, SendError> {
    let to = check(request, app.config.allow_reserved_domains).map_err(SendError::Fields)?;
    // Checked when the account was added.
    let address: EmailAddress = account
        .address
        .parse()
        .map_err(|e: mail::address::AddressError| SendError::Fields(vec![field("from", e.to_string())]))?;
    let name = account.display_name.get(..account.display_name.floor_char_boundary(MAX_NAME_OCTETS)).map(str::to_owned);
    let message_id = compose::message_id(app.ids.random(), address.domain());
    let outgoing = compose::Outgoing {
        from: Mailbox { name, address },
        reply_to: None,
        to: to.clone(),
        cc: vec![],
        bcc: vec![],
        subject: request.subject.clone(),
        // Word processors paste these for a soft line break and a page break; no mail has them.
        text: request.body.replace(['\u{b}', '\u{c}'], "\n"),
        html: request.automatic_html.clone(),
        message_id: message_id.clone(),
        date_micros: app.clock.now().0,
        in_reply_to: None,
        references: vec![],
        attachments: vec![],
    };
    match compose::compose(&outgoing, MAX_MESSAGE_BYTES) {
        Ok(bytes) if request.automatic_html.is_some() => {
            Ok(Letter { message_id, to, bytes: [AUTOMATIC, &bytes].concat() })
        }
        Ok(bytes) => Ok(Letter { message_id, to, bytes }),
        Err(e) => Err(SendError::Fields(vec![field(field_of(&e), e.to_string())])),
    }
}

/// The field of the request that a message could not be written for.
const fn field_of(e: &ComposeError) -> &'static str {
    match e {
        ComposeError::NoRecipients => "to",
        ComposeError::ControlCharacter { field }
        | ComposeError::Unprintable { field }
        | ComposeError::Malformed { field }
        | ComposeError::TooLong { field, .. } => match field.as_bytes() {
            b"subject" => "subject",
            b"display name" => "to",
            _ => "body",
        },
        ComposeError::TooManyAttachments | ComposeError::TooLarge { .. } | ComposeError::Date => "body",
    }
}

/// The recipients, each once, or everything that does not fit.
fn check(request: &Request, reserved_allowed: bool) -> Result<Vec<Mailbox>, Vec<Misfit>> {
    let mut errors = vec![];
    let to = match mail::address::parse_list(&request.to, MAX_RECIPIENTS) {
        Ok(to) if to.is_empty() => {
            errors.push(field("to", "Add at least one recipient."));
            vec![]
        }
        Ok(to) => to,
        Err(e) => {
            errors.push(field("to", e.to_string()));
            vec![]
        }
    };
    let reserved = to.iter().find(|m| reserved::is_reserved(m.address.domain()));
    if let Some(mailbox) = reserved.filter(|_| !reserved_allowed) {
        let message = format!("“{}” is an address for tests and examples: nobody reads mail there.", mailbox.address);
        errors.push(field("to", message));
    }
    if request.subject.len() > MAX_SUBJECT_OCTETS {
        errors.push(field(
            "subject",
            format!(
                "The subject is longer than {MAX_SUBJECT_OCTETS} bytes; a letter that is not English takes two or more."
            ),
        ));
    } else if request.subject.chars().any(|c| c.is_control() || mail::breaks_lines(c)) {
        errors.push(field("subject", "Line breaks and control characters do not belong in a subject."));
    } else if request.subject.chars().any(mail::turns_text) {
        errors.push(field("subject", mail::TURNED));
    }
    if request.body.len() > MAX_BODY_BYTES {
        errors.push(field("body", "The text is longer than 1 MiB."));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut seen = HashSet::new();
    Ok(to.into_iter().filter(|m| seen.insert(m.address.key())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn request(to: &str, subject: &str, body: &str) -> Request {
        Request {
            key: "key-0001".into(),
            to: to.into(),
            subject: subject.into(),
            body: body.into(),
            automatic_html: None,
        }
    }

    #[test]
    fn every_part_of_a_request_counts_and_none_runs_into_the_next() {
        let account = AccountId(Uuid::from_u128(1));
        let base = request("a@x.de", "s", "b").hash(account);
        assert_eq!(base, request("a@x.de", "s", "b").hash(account));
        let other_key = Request { key: "another-key".into(), ..request("a@x.de", "s", "b") };
        assert_eq!(base, other_key.hash(account));
        for other in [
            request("b@x.de", "s", "b"),
            request("a@x.de", "sb", ""),
            request("a@x.de", "", "sb"),
            request("a@x.des", "", "b"),
        ] {
            assert_ne!(base, other.hash(account));
        }
        assert_ne!(base, request("a@x.de", "s", "b").hash(AccountId(Uuid::from_u128(2))));
    }

    #[test]
    fn recipients_are_written_to_once() {
        let to = check(&request("Ana <a@x.de>, A@X.de, b@x.de", "s", ""), false).unwrap();
        assert_eq!(to.iter().map(ToString::to_string).collect::<Vec<_>>(), ["\"Ana\" <a@x.de>", "b@x.de"]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let many = vec!["a@x.de"; MAX_RECIPIENTS + 1].join(", ");
        let table = [
            request("", "s", "b"),
            request("nobody", "s", "b"),
            request("a@lab.test", "s", "b"),
            request(&many, "s", "b"),
            request("a@x.de", "a\r\nBcc: b@x.de", "b"),
            request("a@x.de", &"s".repeat(999), "b"),
            request("a@x.de", "s", &"b".repeat(MAX_BODY_BYTES + 1)),
            request("", "\n", "b"),
            request("a@x.de", "\u{202e}gnp.exe", "b"),
            request("a@x.de", "\u{200f}שלום", "b"),
        ];
        let lines = table.iter().map(|r| match check(r, false) {
            Ok(to) => format!("fits: {}", to.len()),
            Err(errors) => errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join(" | "),
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
        assert!(check(&request("a@lab.test", "s", "b"), true).is_ok());
    }
}
