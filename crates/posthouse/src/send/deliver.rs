//! The SMTP conversation about one message (RFC 5321 section 3.3): up to the 354, then the body and its reply.

use super::store::Due;
use super::verdict::{self, Answer, Verdict};
use super::{Recipient, RecipientState, Why};
use crate::accounts::Failure;
use crate::app::App;
use bytes::Bytes;
use net::NetError;
use net::smtp::{Body, MailOptions, Submission};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A message whose turn it is, with its bytes.
pub struct Letter {
    pub row: Due,
    pub recipients: Vec<Recipient>,
    pub bytes: Bytes,
}

/// What the server said of the recipient at a position.
#[derive(Debug, Clone)]
pub struct Asked {
    pub position: i64,
    pub answer: Answer,
}

/// How far a message came before its body.
pub enum Prepared<'s> {
    /// The server waits for the body.
    Ready(Body<'s>),
    /// The server judged the message; the session goes on.
    Judged(Verdict),
    /// The session is gone; nothing was said about the message.
    Lost(Failure),
}

impl Letter {
    /// Whether a recipient was refused in an earlier try.
    fn some_refused(&self) -> bool {
        self.recipients.iter().any(|r| r.state == RecipientState::Refused)
    }

    fn options(&self) -> MailOptions {
        let needs_utf8 = |a: &str| !a.is_ascii();
        MailOptions {
            size_bytes: u64::try_from(self.bytes.len()).ok(),
            smtputf8: needs_utf8(&self.row.from_address) || self.recipients.iter().any(|r| needs_utf8(&r.address)),
            eight_bit: !self.bytes.is_ascii(),
        }
    }
}

/// MAIL, RCPT for everyone who was not refused in an earlier try, DATA. Nothing of the message leaves.
pub async fn prepare<'s>(session: &'s mut Submission, letter: &Letter) -> (Prepared<'s>, Vec<Asked>) {
    let mut asked = vec![];
    let prepared = match ask(session, letter, &mut asked).await {
        Ok(None) => match session.data().await {
            Ok(body) => Prepared::Ready(body),
            Err(e) => of_error(&e, Why::MessageRefused),
        },
        Ok(Some(verdict)) => Prepared::Judged(verdict),
        Err(prepared) => prepared,
    };
    (prepared, asked)
}

/// None when at least one recipient is accepted.
async fn ask(
    session: &mut Submission,
    letter: &Letter,
    asked: &mut Vec<Asked>,
) -> Result<Option<Verdict>, Prepared<'static>> {
    let began = session.mail_from(&letter.row.from_address, letter.options()).await;
    began.map_err(|e| of_error(&e, verdict::about_mail(&e)))?;
    for recipient in letter.recipients.iter().filter(|r| r.state != RecipientState::Refused) {
        let answer = match session.rcpt_to(&recipient.address).await {
            Ok(reply) if reply.code == 421 => return Err(Prepared::Lost(verdict::farewell(&reply))),
            Ok(reply) => Answer::of(&reply),
            Err(e @ (NetError::Unsendable { .. } | NetError::ExtensionMissing { .. })) => {
                Answer::Refused { for_good: true, words: e.to_string() }
            }
            Err(e) => return Err(of_error(&e, Why::RecipientsRefused)),
        };
        asked.push(Asked { position: recipient.position, answer });
    }
    let accepted = asked.iter().any(|a| a.answer == Answer::Accepted);
    Ok((!accepted).then(|| verdict::none_accepted(asked.iter().map(|a| &a.answer))))
}

fn of_error(e: &NetError, for_good: Why) -> Prepared<'static> {
    match verdict::before_body(e, for_good) {
        Ok(verdict) => Prepared::Judged(verdict),
        Err(failure) => Prepared::Lost(failure),
    }
}

/// Sends the body and waits for the verdict, within bounds. The mark is durable: from here on only a reply decides.
pub async fn send(app: &App, body: Body<'_>, letter: &Letter, asked: &[Asked]) -> Verdict {
    let timeouts = &app.config.timeouts;
    let mut sending = pin!(body.send(&letter.bytes, Duration::from_millis(timeouts.body_ms)));
    let begun = futures_util::poll!(sending.as_mut());
    app.crash.point("send.in_body");
    let sent = match begun {
        Poll::Ready(sent) => sent,
        Poll::Pending => sending.await,
    };
    let mut awaiting = match sent {
        Ok(awaiting) => awaiting,
        Err(e) => return verdict::in_body(&e),
    };
    app.crash.point("send.after_body");
    let all = !letter.some_refused() && asked.iter().all(|a| a.answer == Answer::Accepted);
    let verdict = match awaiting.final_reply(Duration::from_millis(timeouts.verdict_ms)).await {
        Ok(reply) => verdict::of_final(&reply, all),
        Err(e) => verdict::in_body(&e),
    };
    app.crash.point("send.after_reply");
    verdict
}
