//! Faults of the server that mail is sent through.

use super::Shows::{Retried, Waits, Works};
use super::{Case, MIDDLE, RETRY, Row, Shows, Trouble, ask, close, eventually, play, say, stall, swap};
use crate::on_both;
use posthouse::accounts::Encryption::{None as Plain, StartTls, Tls};
use posthouse::accounts::{Encryption, Reason, Side};
use posthouse::send::State;
use std::time::Duration;
use testkit::Direction::{FromClient, FromServer};
use testkit::{Fault, contains, starts};

/// What becomes of the message that the fault meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It leaves all the same.
    Sent,
    /// It waits, and leaves when the fault is gone.
    Queued,
    /// It fails.
    Failed,
    /// Nobody here knows; so many arrived.
    Uncertain(usize),
}

impl Fate {
    fn last(self) -> State {
        match self {
            Self::Sent | Self::Queued => State::Sent,
            Self::Failed => State::Failed,
            Self::Uncertain(_) => State::Uncertain,
        }
    }
}

fn row(name: &'static str, by: Encryption, trouble: Trouble, shows: Shows) -> Row<Fate> {
    Row { name, by, trouble, shows, again: matches!(shows, Retried(_)), then: Fate::Queued }
}

/// The session breaks before the body: the side opens well in between, so it does not fail twice in a row.
fn broken(name: &'static str, trouble: Trouble, reason: Reason) -> Row<Fate> {
    Row { name, by: Plain, trouble, shows: Retried(reason), again: false, then: Fate::Queued }
}

/// A fault of the message; the side works.
fn message(name: &'static str, trouble: Trouble, then: Fate) -> Row<Fate> {
    Row { name, by: Plain, trouble, shows: Works, again: false, then }
}

fn faults(all: impl IntoIterator<Item = Fault>) -> Trouble {
    Trouble::Faults(all.into_iter().collect())
}

fn connecting() -> Vec<Row<Fate>> {
    use Reason::{
        BadGreeting, ConnectionLost, ConnectionRefused, NoPasswordLogin, RateLimited, ServerError, StartTlsMissing,
        TimedOut, TlsFailed,
    };
    let greeting = || starts("220 mx.lab.test ESMTP");
    let ready = || starts("220 2.0.0");
    vec![
        row("refused", Plain, Trouble::Refused, Retried(ConnectionRefused)),
        row("accepted then closed", Plain, faults([Fault::CutAfter(FromServer, 0)]), Retried(ConnectionLost)),
        row("accepted then silent", Plain, faults([Fault::StallAfter(FromServer, 0)]), Retried(TimedOut)),
        row("greeting cut", Plain, faults([Fault::CutAfter(FromServer, 10)]), Retried(ConnectionLost)),
        row("greeting stalled", Plain, faults([Fault::StallAfter(FromServer, 10)]), Retried(TimedOut)),
        row("greeting garbage", Plain, say(FromServer, greeting(), "HTTP/1.1 400 Bad Request"), Retried(BadGreeting)),
        row(
            "greeting refusal",
            Plain,
            say(FromServer, greeting(), "554 5.3.2 Down for maintenance"),
            Retried(ServerError),
        ),
        row(
            "greeting too many",
            Plain,
            say(FromServer, greeting(), "421 4.7.0 Too many connections"),
            Retried(RateLimited),
        ),
        row("ehlo unknown", Plain, ask(starts("EHLO"), "EHLO", "XEHLO"), Retried(ServerError)),
        row("ehlo closed", Plain, close(FromClient, starts("EHLO")), Retried(ConnectionLost)),
        row("ehlo stalled", Plain, stall(FromClient, starts("EHLO")), Retried(TimedOut)),
        row(
            "ehlo without auth",
            Plain,
            faults([swap(FromServer, contains("AUTH PLAIN"), "AUTH", "XAUTH")]),
            Waits(NoPasswordLogin),
        ),
        row(
            "starttls missing",
            StartTls,
            faults([swap(FromServer, contains("STARTTLS"), "STARTTLS", "X-NONE")]),
            Retried(StartTlsMissing),
        ),
        row(
            "starttls refused",
            StartTls,
            say(FromServer, ready(), "454 4.7.0 TLS not available"),
            Retried(ServerError),
        ),
        row(
            "starttls injected",
            StartTls,
            say(FromServer, ready(), "220 2.0.0 Go\r\n250 injected"),
            Retried(TlsFailed),
        ),
        row("starttls closed", StartTls, faults([Fault::CutAfter(FromClient, 60)]), Retried(ConnectionLost)),
        row("tls closed", Tls, faults([Fault::CutAfter(FromServer, 100)]), Retried(ConnectionLost)),
        row("tls stalled", Tls, faults([Fault::StallAfter(FromServer, 100)]), Retried(TimedOut)),
    ]
}

fn signing_in() -> Vec<Row<Fate>> {
    use Reason::{AppPasswordRequired, ConnectionLost, LoginRefused, RateLimited, ServerError, TimedOut};
    let asks = || starts("AUTH PLAIN");
    let answer = || starts("235");
    let app_password = "534 5.7.9 Application-specific password required";
    vec![
        row("auth refused", Plain, say(FromClient, asks(), "AUTH PLAIN AGJlbgB3cm9uZw=="), Waits(LoginRefused)),
        row("auth app password", Plain, say(FromServer, answer(), app_password), Waits(AppPasswordRequired)),
        row(
            "auth later",
            Plain,
            say(FromServer, answer(), "454 4.7.0 Temporary authentication failure"),
            Retried(ServerError),
        ),
        row(
            "auth too many",
            Plain,
            say(FromServer, answer(), "454 4.7.0 Too many login attempts"),
            Retried(RateLimited),
        ),
        row("auth closed", Plain, close(FromClient, asks()), Retried(ConnectionLost)),
        row("auth stalled", Plain, stall(FromServer, answer()), Retried(TimedOut)),
    ]
}

fn before_the_body() -> Vec<Row<Fate>> {
    use Fate::{Failed, Queued};
    use Reason::{ConnectionLost, RateLimited, ServerError, TimedOut};
    let sender = || starts("250 2.1.0");
    let to = |who: &str| say(FromClient, starts("RCPT TO"), &format!("RCPT TO:<{who}@lab.test>"));
    let (vrfy, later) = ("VRFY postmaster\r\n".to_owned(), "451 4.3.0 Later\r\n".to_owned());
    let data_later =
        [Fault::ReplaceLine(FromClient, starts("DATA"), vrfy), Fault::ReplaceLine(FromServer, starts("252"), later)];
    vec![
        message("mail later", say(FromServer, sender(), "451 4.3.0 Later"), Queued),
        message("mail too large", ask(starts("MAIL FROM"), " SIZE=", " SIZE=99999999"), Failed),
        broken("mail closed", close(FromClient, starts("MAIL FROM")), ConnectionLost),
        broken("mail stalled", stall(FromClient, starts("MAIL FROM")), TimedOut),
        broken("mail garbled", say(FromServer, sender(), "what"), ServerError),
        message("rcpt later", to("tempfail"), Queued),
        message("rcpt refused", to("reject"), Failed),
        broken("rcpt too many", to("ratelimit"), RateLimited),
        broken("rcpt closed", close(FromClient, starts("RCPT TO")), ConnectionLost),
        message("data later", faults(data_later), Queued),
        message("data refused", ask(starts("DATA"), "DATA", "XDATA"), Failed),
        broken("data closed", close(FromClient, starts("DATA")), ConnectionLost),
        broken("data stalled", stall(FromServer, starts("354")), TimedOut),
    ]
}

fn from_the_body_on() -> Vec<Row<Fate>> {
    use Fate::{Failed, Queued, Sent, Uncertain};
    let verdict = || starts("250 2.0.0 Ok: queued");
    let to = |who: &str| say(FromClient, starts("RCPT TO"), &format!("RCPT TO:<{who}@lab.test>"));
    let late = Fault::DelayAtLine(FromServer, verdict(), Duration::from_millis(1_000));
    vec![
        message("body cut", close(FromClient, starts(MIDDLE)), Uncertain(0)),
        message("body stalled", stall(FromClient, starts(MIDDLE)), Uncertain(0)),
        message("end of body cut", close(FromClient, starts(".\r")), Uncertain(0)),
        message("verdict dropped", close(FromServer, verdict()), Uncertain(1)),
        message("verdict stalled", stall(FromServer, verdict()), Uncertain(1)),
        message("verdict garbled", say(FromServer, verdict(), "999 what"), Uncertain(1)),
        message("verdict out of step", say(FromServer, verdict(), "354 Go on"), Uncertain(1)),
        message("verdict late", faults([late]), Sent),
        message("verdict try later", to("latefail"), Queued),
        message("verdict refused", to("latereject"), Failed),
        message("quit closed", close(FromClient, starts("QUIT")), Sent),
        message("quit stalled", stall(FromClient, starts("QUIT")), Sent),
        message("every answer late", faults([Fault::DelayPieces(FromServer, Duration::from_millis(100))]), Sent),
    ]
}

/// A message that the server refused for now waits for exactly its pause.
async fn check_wait(case: &Case, name: &str, id: &str) {
    let waits = async || {
        let seen = case.outgoing(id).await;
        seen.attempts >= 1 && seen.next_attempt_at.is_some()
    };
    eventually(&format!("{name}: it waits"), waits).await;
    let seen = case.outgoing(id).await;
    if let Some(next) = seen.next_attempt_at {
        let pause = RETRY.pause_ms(seen.attempts) * 1_000;
        assert_eq!(next.micros_since(seen.updated_at), pause, "{name}: {seen:?}");
    }
}

async fn episode(mut case: Case, row: Row<Fate>) {
    let name = row.name;
    case.begin(&row.trouble).await;
    let struck = case.proxy.struck();
    let id = case.submit(name).await;
    if let Trouble::Faults(_) = row.trouble {
        eventually(&format!("{name}: it strikes"), async || case.proxy.struck() > struck).await;
    }
    case.until_shown(name, row.shows).await;
    if row.again {
        case.until_failed_again(name).await;
    }
    match row.then {
        Fate::Queued if matches!(row.shows, Works) => check_wait(&case, name, &id).await,
        Fate::Queued => assert_eq!(case.outgoing(&id).await.state, State::Queued, "{name}"),
        other => assert_eq!(case.until_message_is(name, &id, other.last()).await.next_attempt_at, None, "{name}"),
    }
    case.end();
    case.until_recovered(name, row.shows).await;
    let last = row.then.last();
    let copies = match row.then {
        Fate::Sent | Fate::Queued => (1, 1),
        Fate::Failed => (0, 0),
        Fate::Uncertain(arrived) => (0, arrived),
    };
    let message = case.until_message_is(name, &id, last).await;
    // A session that began with the fault still has it, and takes the next message along when that comes soon enough.
    case.proxy.hang_up();
    // The next one shows that the side works, and leaves time for a second copy of the first to show up.
    let next = case.submit("the next one").await;
    let next = case.until_message_is(name, &next, State::Sent).await;
    eventually(&format!("{name}: the next one arrives and is filed"), async || case.copies(&next).await == (1, 1))
        .await;
    eventually(&format!("{name}: {copies:?} copies"), async || case.copies(&message).await == copies).await;
    assert_eq!(case.outgoing(&id).await.state, last, "{name}");
    assert_eq!((case.copies(&message).await, case.copies(&next).await), (copies, (1, 1)), "{name}");
    let sent = usize::from(last == State::Sent) + 1;
    assert_eq!(case.api.get(&format!("/accounts/{}", case.id)).await.expect(200)["sent_total"], sent, "{name}");
}

on_both! {
    async fn what_a_submission_server_does_wrong_is_named_and_healed(engine) {
        let rows = connecting().into_iter().chain(signing_in()).chain(before_the_body()).chain(from_the_body_on()).collect();
        play(engine, Side::Send, rows, episode).await;
    }
}
