//! Why a message is in its state: a stable code, and what people read.

use crate::accounts::{Connection, State as Side};
use db::text_enum;

text_enum! {
    /// A stable reason.
    pub enum Why {
        /// Queued: the server refused for now.
        TemporaryRefusal = "temporary_refusal",
        /// Queued: the connection broke before anything of the message had left.
        ConnectionLost = "connection_lost",
        /// Failed: the server does not take mail from this address.
        SenderRefused = "sender_refused",
        /// Failed: it refused every recipient.
        RecipientsRefused = "recipients_refused",
        /// Failed: it refused the message.
        MessageRefused = "message_refused",
        /// Failed: an address needs SMTPUTF8 (RFC 6531), which the server lacks.
        NeedsSmtpUtf8 = "needs_smtputf8",
        /// Failed: it cannot be put into the protocol's commands.
        Unsendable = "unsendable",
        /// Failed: its stored body is gone or damaged.
        BodyMissing = "body_missing",
        /// Failed: it was refused for now for too long.
        GaveUp = "gave_up",
        /// Sent, but not to everyone.
        SomeRefused = "some_refused",
        /// Uncertain: the connection broke when a part or all of it had left.
        BrokenOff = "broken_off",
        /// Uncertain: all of it left, and no reply came.
        NoVerdict = "no_verdict",
        /// Uncertain: this program ended in between.
        ProgramEnded = "program_ended",
        /// Uncertain: it waited, or was under way, in the backup that this installation was restored from.
        Restored = "restored",
        /// Sent, as a person said.
        PersonSent = "person_sent",
        /// Failed, as a person said.
        PersonNotSent = "person_not_sent",
    }
}

impl Why {
    /// What people read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::TemporaryRefusal => "The server asked us to try again later.",
            Self::ConnectionLost => "The connection broke before anything was sent. We try again.",
            Self::SenderRefused => "The server does not let this account send from its address.",
            Self::RecipientsRefused => "The server refused every recipient.",
            Self::MessageRefused => "The server refused the message.",
            Self::NeedsSmtpUtf8 => "An address has letters that this server cannot handle (it lacks SMTPUTF8).",
            Self::Unsendable => "An address in this message cannot be given to a mail server.",
            Self::BodyMissing => "The stored message is missing or damaged, so it was not sent.",
            Self::GaveUp => "The server kept asking us to try later. We stopped after two days.",
            Self::SomeRefused => {
                "Not everyone gets this: the server refused the recipients marked below. They are not retried, so that \
                 nobody gets it twice; send it to them again."
            }
            Self::BrokenOff => {
                "The connection broke while the message was on its way. It may have arrived or not. We do not send it \
                 again: look whether it arrived, then decide."
            }
            Self::NoVerdict => {
                "The whole message was handed over, but the server never confirmed it. It may have arrived or not. We do \
                 not send it again: look whether it arrived, then decide."
            }
            Self::ProgramEnded => {
                "This program stopped while the message was on its way. It may have arrived or not. We do not send it \
                 again: look whether it arrived, then decide."
            }
            Self::Restored => {
                "Posthouse was restored from a backup in which this message was not sent yet. It may have gone out after the \
                 backup was made. We do not send it again: look whether it arrived, then decide."
            }
            Self::PersonSent => "Somebody here confirmed that it was sent.",
            Self::PersonNotSent => "Somebody here confirmed that it was not sent.",
        }
    }
}

/// Why a queued message waits for the account's sending side; none when that side can be used.
#[must_use]
pub fn waits_for(side: &Connection) -> Option<String> {
    let meaning = side.reason.map_or("", |r| r.text());
    let text = match side.state {
        Side::Connected | Side::Connecting => return None,
        Side::Disconnected => {
            format!("The sending server cannot be used right now. {meaning} We try again by ourselves.")
        }
        Side::ReconnectRequired => format!("It waits until this account is reconnected. {meaning}"),
        Side::Paused => "It waits: this account is paused.".into(),
        Side::NotSetUp => "It waits: this account has no sending server.".into(),
    };
    Some(text.replace("  ", " ").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Encryption, Reason};
    use db::Ts;

    #[test]
    fn every_reason_is_a_sentence_for_people() {
        let table: Vec<String> = Why::ALL.iter().map(|w| format!("{w}\n  {}", w.text())).collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn a_waiting_message_says_what_it_waits_for() {
        let side = |state, reason| Connection {
            side: crate::accounts::Side::Send,
            host: "mail.x.test".into(),
            port: 465,
            encryption: Encryption::Tls,
            username: "a".into(),
            auth: crate::accounts::Auth::Password,
            secret: None,
            state,
            reason,
            server_words: None,
            since_at: Ts(0),
            failures: 1,
            next_attempt_at: None,
            generation: 1,
        };
        let table = [
            side(Side::Connected, None),
            side(Side::Disconnected, Some(Reason::ConnectionRefused)),
            side(Side::ReconnectRequired, Some(Reason::LoginRefused)),
            side(Side::Paused, None),
        ];
        insta::assert_snapshot!(
            table.iter().map(|s| format!("{}: {:?}", s.state, waits_for(s))).collect::<Vec<_>>().join("\n")
        );
    }
}
