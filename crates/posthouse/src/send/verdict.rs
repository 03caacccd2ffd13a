//! What a reply or a failure means for the message: the pure decisions.

use super::Why;
use crate::accounts::Failure;
use crate::connect::{from_net, refused};
use db::text_enum;
use net::NetError;
use net::smtp::{Reply, ReplyClass};

/// The longest text of a server that is kept, in characters.
const MAX_WORDS: usize = 500;
/// A message that is refused for now for longer than this has failed.
const GIVE_UP_SECS: i64 = 48 * 3_600;

text_enum! {
    /// How an attempt ended.
    pub enum Outcome {
        /// The server took the message.
        Sent = "sent",
        /// It certainly did not; another try may work.
        Postponed = "postponed",
        /// It certainly did not, and will not.
        Failed = "failed",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

/// An outcome with its reason and the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    pub why: Option<Why>,
    pub words: Option<String>,
}

impl Verdict {
    pub fn new(outcome: Outcome, why: Why, words: Option<String>) -> Self {
        Self { outcome, why: Some(why), words }
    }

    fn refused(reply: &Reply, for_good: Why) -> Self {
        match reply.class() {
            ReplyClass::Permanent => Self::new(Outcome::Failed, for_good, Some(words(reply))),
            _ => Self::new(Outcome::Postponed, Why::TemporaryRefusal, Some(words(reply))),
        }
    }
}

/// A reply in one line, bounded.
pub fn words(reply: &Reply) -> String {
    reply.to_string().chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

/// Before the body: what a failed MAIL or DATA means for the message, or that the session is gone (with the reason for
/// the account) and the message was not judged.
pub fn before_body(error: &NetError, for_good: Why) -> Result<Verdict, Failure> {
    match error {
        NetError::Temporary { reply, .. } if reply.code == 421 => Err(farewell(reply)),
        NetError::Temporary { reply, .. } | NetError::Permanent { reply, .. } => Ok(Verdict::refused(reply, for_good)),
        NetError::ExtensionMissing { .. } => Ok(Verdict::new(Outcome::Failed, Why::NeedsSmtpUtf8, None)),
        NetError::Unsendable { .. } => Ok(Verdict::new(Outcome::Failed, Why::Unsendable, None)),
        other => Err(from_net(other)),
    }
}

/// What a refusal of MAIL is about: its SIZE (RFC 1870: 552, or 5.3.4), else the sender.
pub fn about_mail(error: &NetError) -> Why {
    match error {
        NetError::Permanent { reply, .. } if reply.code == 552 || reply.enhanced.is_some_and(|e| e.subject == 3) => {
            Why::MessageRefused
        }
        _ => Why::SenderRefused,
    }
}

/// 421: the server closes the session (RFC 5321 section 3.8), often because we send too fast for it.
pub fn farewell(reply: &Reply) -> Failure {
    Failure::said(refused(reply), &words(reply))
}

/// What the server said of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Refused { for_good: bool, words: String },
}

impl Answer {
    pub fn of(reply: &Reply) -> Self {
        if reply.is_done() {
            return Self::Accepted;
        }
        Self::Refused { for_good: reply.class() == ReplyClass::Permanent, words: words(reply) }
    }
}

/// No recipient was accepted in this try: asked again when one of them was refused only for now.
pub fn none_accepted<'a>(answers: impl Iterator<Item = &'a Answer>) -> Verdict {
    let mut first = None;
    for answer in answers {
        match answer {
            Answer::Refused { for_good: false, words } => {
                return Verdict::new(Outcome::Postponed, Why::TemporaryRefusal, Some(words.clone()));
            }
            Answer::Refused { for_good: true, words } => first = first.or(Some(words.clone())),
            Answer::Accepted => {}
        }
    }
    Verdict::new(Outcome::Failed, Why::RecipientsRefused, first)
}

/// From the first byte of the body on, an error that carries no refusal leaves the outcome unknown.
pub fn in_body(error: &NetError) -> Verdict {
    match error {
        NetError::Temporary { reply, .. } | NetError::Permanent { reply, .. } => {
            Verdict::refused(reply, Why::MessageRefused)
        }
        NetError::TimedOut { .. } => Verdict::new(Outcome::Unknown, Why::NoVerdict, None),
        _ => Verdict::new(Outcome::Unknown, Why::BrokenOff, None),
    }
}

/// The reply to the whole message. `all` is whether every recipient was accepted.
pub fn of_final(reply: &Reply, all: bool) -> Verdict {
    match reply.class() {
        ReplyClass::Done => {
            let why = if all { None } else { Some(Why::SomeRefused) };
            Verdict { outcome: Outcome::Sent, why, words: Some(words(reply)) }
        }
        ReplyClass::Temporary | ReplyClass::Permanent => Verdict::refused(reply, Why::MessageRefused),
        // 3xx is no verdict: the server is out of step with us.
        ReplyClass::Continue => Verdict::new(Outcome::Unknown, Why::BrokenOff, Some(words(reply))),
    }
}

/// Whether a message of this age is not tried again.
pub fn too_old(created_at: db::Ts, now: db::Ts) -> bool {
    now >= created_at.plus_secs(GIVE_UP_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Reason;
    use db::Ts;
    use net::Stage;

    fn reply(text: &str) -> Reply {
        Reply::parse(format!("{text}\r\n").as_bytes()).unwrap().unwrap().0
    }

    fn line(v: &Verdict) -> String {
        format!("{} {} {}", v.outcome, v.why.map_or("-", Why::as_str), v.words.as_deref().unwrap_or("-"))
    }

    #[test]
    fn a_message_is_given_up_after_two_days() {
        let day = 24 * 3_600;
        assert!(!too_old(Ts(0), Ts(0).plus_secs(2 * day - 1)));
        assert!(too_old(Ts(0), Ts(0).plus_secs(2 * day)));
    }

    #[test]
    fn only_a_reply_decides_after_the_body() {
        let closed = NetError::Closed { stage: Stage::Body };
        let timed_out = NetError::TimedOut { stage: Stage::FinalReply };
        let refused = NetError::Permanent { stage: Stage::Body, reply: reply("552 5.3.4 Too big") };
        let garbage = NetError::Protocol { stage: Stage::FinalReply, words: "x".into() };
        let table = [
            of_final(&reply("250 2.0.0 Ok"), true),
            of_final(&reply("250 2.0.0 Ok"), false),
            of_final(&reply("451 4.3.0 Later"), true),
            of_final(&reply("421 4.3.2 Closing"), true),
            of_final(&reply("554 5.7.1 Spam"), true),
            of_final(&reply("354 Go on"), true),
            in_body(&closed),
            in_body(&timed_out),
            in_body(&refused),
            in_body(&garbage),
        ];
        insta::assert_snapshot!(table.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
        sent - 250 2.0.0 Ok
        sent some_refused 250 2.0.0 Ok
        postponed temporary_refusal 451 4.3.0 Later
        postponed temporary_refusal 421 4.3.2 Closing
        failed message_refused 554 5.7.1 Spam
        unknown broken_off 354 Go on
        unknown broken_off -
        unknown no_verdict -
        failed message_refused 552 5.3.4 Too big
        unknown broken_off -
        ");
    }

    #[test]
    fn before_the_body_a_lost_session_says_nothing_about_the_message() {
        let stage = Stage::MailFrom;
        let judged = [
            NetError::Permanent { stage, reply: reply("553 5.7.1 Not yours") },
            NetError::Temporary { stage, reply: reply("451 4.3.0 Later") },
            NetError::ExtensionMissing { extension: "SMTPUTF8" },
        ];
        let lines: Vec<String> = judged.iter().map(|e| line(&before_body(e, Why::SenderRefused).unwrap())).collect();
        assert_eq!(
            lines,
            [
                "failed sender_refused 553 5.7.1 Not yours",
                "postponed temporary_refusal 451 4.3.0 Later",
                "failed needs_smtputf8 -"
            ]
        );
        let too_big = NetError::Permanent { stage, reply: reply("552 5.3.4 Too big") };
        assert_eq!((about_mail(&too_big), about_mail(&judged[0])), (Why::MessageRefused, Why::SenderRefused));
        let lost = before_body(&NetError::Closed { stage }, Why::SenderRefused).unwrap_err();
        assert_eq!(lost.reason, Reason::ConnectionLost);
        let slow_down = NetError::Temporary { stage, reply: reply("421 4.7.28 Too many messages") };
        assert_eq!(before_body(&slow_down, Why::SenderRefused).unwrap_err().reason, Reason::RateLimited);
    }

    #[test]
    fn a_message_that_nobody_takes_fails_only_when_all_refuse_for_good() {
        let (gone, full) = (Answer::of(&reply("550 5.1.1 Unknown")), Answer::of(&reply("452 4.2.2 Full")));
        assert_eq!(line(&none_accepted([&gone, &gone].into_iter())), "failed recipients_refused 550 5.1.1 Unknown");
        assert_eq!(line(&none_accepted([&gone, &full].into_iter())), "postponed temporary_refusal 452 4.2.2 Full");
    }
}
