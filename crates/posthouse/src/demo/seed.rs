//! Invents the mail of a small sales team: outreach and its answers, a newsletter, a bounce, junk, a draft.
//!
//! The same arguments give the same octets. All names are made up and all domains are under `.test` (RFC 2606), so
//! nothing here can reach anyone. The set holds what mail clients stumble over: folded and encoded headers, a
//! right-to-left and a Japanese name, HTML with a remote image, an attachment, a delivery report.

use super::compose::{self, Body, Mail, Party};
use super::words::{self, PEOPLE, Person, TOPICS, Topic};
use sandbox::{Folder, NewMessage};

const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Seeded mail is at most this old.
const SPAN_DAYS: u64 = 45;
/// Mail that came within this time may still be unread.
const UNREAD_WITHIN: i64 = 3 * DAY;

/// A mailbox of exactly `count` messages, oldest first, none younger than `now` (microseconds).
///
/// From nine messages on it holds one of each special kind; the rest are conversations.
pub(super) fn mailbox(address: &str, name: &str, seed: u64, now: i64, count: usize) -> Vec<NewMessage> {
    let owner = Owner { address, name, seed, now };
    let mut messages = owner.specials();
    let mut thread = 0;
    while messages.len() < count {
        messages.extend(owner.conversation(thread));
        thread += 1;
    }
    messages.truncate(count);
    messages.sort_by_key(|message| message.received_at);
    messages
}

/// The `n`-th message that comes to `address` while the demo runs: mostly a further answer in a conversation
/// of [`mailbox`] with the same seed, now and then a new inquiry.
pub(super) fn arrival(address: &str, n: u64, seed: u64, now: i64) -> NewMessage {
    let owner = Owner { address, name: "", seed, now };
    let thread = owner.thread(n);
    let mut dice = owner.dice(0x4000_0000 + n);
    let id = owner.id(&format!("live{n}"), thread.person.domain());
    let mut mail = Mail {
        from: thread.person.party(),
        to: owner.party(),
        subject: String::new(),
        id,
        answers: Vec::new(),
        at: now,
        extra: String::new(),
    };
    let text = if n % 4 == 3 {
        mail.subject = format!("Question from {}", thread.person.company);
        format!(
            "Hello,\r\n\r\na colleague told me about you. {}\r\n\r\nBest,\r\n{}\r\n",
            dice.pick(words::INQUIRIES),
            thread.person.name
        )
    } else {
        mail.subject = format!("Re: {}", thread.subject());
        mail.answers = vec![owner.thread_id(n, 0, owner.domain())];
        format!("{}\r\n\r\n{}\r\n", dice.pick(words::LATER_ANSWERS), thread.person.name)
    };
    NewMessage { folder: Folder::Inbox, raw: compose::message(&mail, &Body::Text(text)), seen: false, received_at: now }
}

struct Owner<'a> {
    address: &'a str,
    name: &'a str,
    seed: u64,
    now: i64,
}

/// One conversation: with whom, about what.
struct Thread {
    person: &'static Person,
    topic: &'static Topic,
}

impl Thread {
    fn subject(&self) -> String {
        self.fill(self.topic.subject)
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{first}", self.person.first()).replace("{company}", self.person.company)
    }
}

impl<'a> Owner<'a> {
    fn domain(&self) -> &'a str {
        self.address.rsplit_once('@').map_or("sandbox.test", |(_, domain)| domain)
    }

    fn party(&self) -> Party {
        Party { name: self.name.to_owned(), address: self.address.to_owned() }
    }

    fn dice(&self, purpose: u64) -> Dice {
        // FNV-1a: mailboxes of one seed differ.
        let hash = self
            .address
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3));
        Dice(hash ^ self.seed.rotate_left(32) ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn id(&self, local: &str, domain: &str) -> String {
        format!("<{local}.{:016x}@{domain}>", self.dice(0).next())
    }

    fn thread_id(&self, thread: u64, step: usize, domain: &str) -> String {
        self.id(&format!("t{thread}s{step}"), domain)
    }

    fn thread(&self, index: u64) -> Thread {
        let mut dice = self.dice(1 + index);
        // Neighbouring conversations are with different people.
        let shift = self.dice(0).below(PEOPLE.len() as u64);
        let at = usize::try_from((index + shift) % PEOPLE.len() as u64).unwrap_or_default();
        Thread { person: PEOPLE.get(at).unwrap_or(dice.pick(PEOPLE)), topic: dice.pick(TOPICS) }
    }

    /// When the `steps` messages of a conversation were sent: up to a day apart, the last one before now.
    fn times(&self, dice: &mut Dice, steps: usize) -> Vec<i64> {
        let mut at = self.now - i64::try_from(dice.below(SPAN_DAYS * 24)).unwrap_or_default() * HOUR;
        let mut times: Vec<i64> = Vec::new();
        for _ in 0..steps {
            times.push(at);
            at += HOUR + i64::try_from(dice.below(23 * 60)).unwrap_or_default() * MINUTE;
        }
        let late = times.last().map_or(0, |last| (last + MINUTE - self.now).max(0));
        times.iter().map(|at| at - late).collect()
    }

    fn conversation(&self, index: u64) -> Vec<NewMessage> {
        let thread = self.thread(index);
        let mut dice = self.dice(0x1000_0000 + index);
        let steps = 1 + usize::try_from(dice.below(4)).unwrap_or_default();
        let times = self.times(&mut dice, steps);
        let mut answers = Vec::new();
        let mut messages = Vec::new();
        for (step, (at, text)) in times.into_iter().zip(thread.topic.texts).enumerate() {
            let ours = step % 2 == 0;
            let (from, to) =
                if ours { (self.party(), thread.person.party()) } else { (thread.person.party(), self.party()) };
            let id = self.thread_id(index, step, if ours { self.domain() } else { thread.person.domain() });
            let prefix = if step == 0 { "" } else { "Re: " };
            let writer = if ours { self.name } else { &from.name };
            let text = format!("{}\r\n\r\n{writer}\r\n", thread.fill(text));
            let subject = format!("{prefix}{}", thread.subject());
            let mail = Mail { from, to, subject, id: id.clone(), answers: answers.clone(), at, extra: String::new() };
            let raw = compose::message(&mail, &Body::Text(text));
            let seen = ours || self.now - at > UNREAD_WITHIN || dice.below(3) == 0;
            messages.push(NewMessage {
                folder: if ours { Folder::Sent } else { Folder::Inbox },
                raw,
                seen,
                received_at: at,
            });
            answers.push(id);
        }
        messages
    }

    fn special(&self, kind: &str, from: Party, subject: &str, at: i64) -> Mail {
        let domain = from.address.rsplit_once('@').map_or("sandbox.test", |(_, domain)| domain).to_owned();
        Mail {
            from,
            to: self.party(),
            subject: subject.to_owned(),
            id: self.id(kind, &domain),
            answers: Vec::new(),
            at,
            extra: String::new(),
        }
    }

    /// One message of each kind that is no plain conversation.
    fn specials(&self) -> Vec<NewMessage> {
        let day = |days: i64| self.now - days * DAY - 5 * HOUR;
        let put = |folder, seen, mail: &Mail, body: &Body| NewMessage {
            folder,
            raw: compose::message(mail, body),
            seen,
            received_at: mail.at,
        };
        let mut messages = vec![self.newsletter(day(1)), self.attachment(day(2))];
        messages.extend(self.bounce(day(4)));
        for (kind, person, at) in [("rtl", &words::RIGHT_TO_LEFT, day(0)), ("ja", &words::JAPANESE, day(3))] {
            let mail = self.special(kind, person.party(), person.greeting.0, at);
            messages.push(put(
                Folder::Inbox,
                false,
                &mail,
                &Body::Text(format!("{}\r\n\r\n{}\r\n", person.greeting.1, person.name)),
            ));
        }
        let junk = self.special(
            "junk",
            Party::new("Prize Office", "win@lucky-draw.test"),
            "You have been selected!!!",
            day(6),
        );
        messages.push(put(Folder::Junk, false, &junk, &Body::Text(words::JUNK.to_owned())));
        let thread = self.thread(0);
        let mut draft = self.special("draft", self.party(), "Our offer for the autumn", day(1));
        draft.to = thread.person.party();
        messages.push(put(Folder::Drafts, true, &draft, &Body::Text(thread.fill(words::DRAFT))));
        let archived =
            self.special("archive", Party::new("Billing", "billing@paperless.test"), "Invoice 2041 is paid", day(20));
        messages.push(put(Folder::Archive, true, &archived, &Body::Text(words::INVOICE.to_owned())));
        messages
    }

    fn newsletter(&self, at: i64) -> NewMessage {
        let mut mail = self.special(
            "news",
            Party::new("The Pipeline Weekly", "weekly@pipeline-news.test"),
            "Five openers that get answers",
            at,
        );
        mail.extra = "List-Id: The Pipeline Weekly <weekly.pipeline-news.test>\r\n\
            List-Unsubscribe: <https://pipeline-news.test/u/42>, <mailto:leave@pipeline-news.test>\r\n\
            List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPrecedence: bulk\r\n"
            .to_owned();
        let body = Body::Html { text: words::NEWS_TEXT.to_owned(), html: words::NEWS_HTML.to_owned() };
        NewMessage { folder: Folder::Inbox, raw: compose::message(&mail, &body), seen: false, received_at: at }
    }

    fn attachment(&self, at: i64) -> NewMessage {
        let thread = self.thread(1);
        let mail = self.special("file", thread.person.party(), "Numbers for the pilot", at);
        let text = format!("{}\r\n\r\n{}\r\n", words::WITH_FILE, thread.person.name);
        let body = Body::File { text, name: "pilot-numbers.csv", kind: "text/csv", octets: words::CSV.as_bytes() };
        NewMessage { folder: Folder::Inbox, raw: compose::message(&mail, &body), seen: false, received_at: at }
    }

    /// A mail to someone who left, and the report that it did not arrive (RFC 3464).
    fn bounce(&self, at: i64) -> [NewMessage; 2] {
        let gone = "former.colleague@northwind-parts.test";
        let mut sent = self.special("lost", self.party(), "Following up on the trade fair", at);
        sent.to = Party::new("Former Colleague", gone);
        let raw = compose::message(&sent, &Body::Text(words::LOST.to_owned()));
        let daemon = Party::new("Mail Delivery System", "mailer-daemon@northwind-parts.test");
        let mut report = self.special("dsn", daemon, "Undelivered Mail Returned to Sender", at + MINUTE);
        report.extra = "Auto-Submitted: auto-replied\r\n".to_owned();
        let body = Body::Report { recipient: gone, original: &raw };
        let report = NewMessage {
            folder: Folder::Inbox,
            raw: compose::message(&report, &body),
            seen: false,
            received_at: report.at,
        };
        [NewMessage { folder: Folder::Sent, raw, seen: true, received_at: at }, report]
    }
}

/// SplitMix64: small, fast and the same on every platform.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn pick<T>(&mut self, from: &'static [T]) -> &'static T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or_default();
        from.get(at).or(from.first()).unwrap_or_else(|| unreachable!("every list of words has entries"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const ANNA: &str = "anna@acme.test";
    /// 14 July 2026, 12:00 UTC.
    const NOW: i64 = 1_784_030_400_000_000;

    #[test]
    fn seeded_mail_is_the_same_each_time_and_has_every_kind() {
        let messages = mailbox(ANNA, "Anna Berg", 7, NOW, 60);
        let again = mailbox(ANNA, "Anna Berg", 7, NOW, 60);
        assert_eq!(messages.len(), 60);
        assert!(messages.iter().zip(&again).all(|(one, other)| one.raw == other.raw && one.folder == other.folder));
        assert!(mailbox(ANNA, "Anna Berg", 8, NOW, 60).iter().zip(&messages).any(|(one, other)| one.raw != other.raw));
        assert!(messages.is_sorted_by_key(|message| message.received_at));
        assert!(messages.iter().all(|message| message.received_at <= NOW));
        for folder in [Folder::Inbox, Folder::Sent, Folder::Drafts, Folder::Junk, Folder::Archive] {
            assert!(messages.iter().any(|message| message.folder == folder), "{folder:?}");
        }
        let all: Vec<_> =
            messages.iter().map(|message| String::from_utf8(message.raw.clone()).expect("7 bit")).collect();
        for kind in [
            "List-Unsubscribe:",
            "report-type=delivery-status",
            "Content-Disposition: attachment",
            "<img src=\"https://",
            "In-Reply-To:",
        ] {
            assert!(all.iter().any(|raw| raw.contains(kind)), "{kind}");
        }
        assert!(all.iter().any(|raw| raw.contains("=?utf-8?B?5L2Q6Jek")), "the Japanese sender");
        let ids: HashSet<_> =
            all.iter().filter_map(|raw| raw.lines().find(|line| line.starts_with("Message-ID: "))).collect();
        assert_eq!(ids.len(), 60);
        for raw in &all {
            assert!(raw.starts_with("Date: ") && raw.contains(" 2026 ") && raw.contains(" +0000\r\nFrom: "), "{raw}");
            assert!(
                raw.is_ascii() && raw.lines().all(|line| line.len() <= 120) && !raw.replace("\r\n", "").contains('\n'),
                "{raw}"
            );
        }
    }

    #[test]
    fn arrivals_answer_seeded_conversations() {
        let seeded = mailbox(ANNA, "Anna Berg", 7, NOW, 60);
        let arrived = String::from_utf8(arrival(ANNA, 2, 7, NOW).raw).expect("7 bit");
        let answered = arrived.lines().find_map(|line| line.strip_prefix("In-Reply-To: ")).expect("answers a mail");
        let original = seeded
            .iter()
            .map(|message| String::from_utf8_lossy(&message.raw))
            .find(|raw| raw.contains(&format!("Message-ID: {answered}\r\n")));
        let subject = |raw: &str| {
            raw.lines()
                .find_map(|line| line.strip_prefix("Subject: ").map(|text| text.trim_start_matches("Re: ").to_owned()))
        };
        assert_eq!(subject(&arrived), subject(&original.expect("seeded")));
        assert_ne!(arrival(ANNA, 3, 7, NOW).raw, arrival(ANNA, 4, 7, NOW).raw);
    }
}
