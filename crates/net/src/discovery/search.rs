//! Asks all sources at once, and stops as soon as nothing better can come.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mail::address::EmailAddress;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::check::Protocol;
use super::providers::Providers;
use super::{Candidate, Doubt, Looked, Options, Outcome, Place, Report, Server, Source, sources};
use crate::dialer::Dialer;
use crate::words::clean;

/// Longest text about one source, in characters.
const MAX_WORDS_CHARS: usize = 500;
/// A question ends so long before the whole search, so that its answer still counts.
const MARGIN: Duration = Duration::from_millis(300);

/// What a source said.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) words: Vec<String>,
    pub(super) candidates: Vec<Candidate>,
    /// Domains to ask for a configuration, now that they are known.
    pub(super) mx_domains: Vec<String>,
}

impl Answer {
    pub(super) fn new(outcome: Outcome, words: String) -> Self {
        let words = Some(words).filter(|words| !words.is_empty()).into_iter().collect();
        Self { outcome, words, candidates: Vec::new(), mx_domains: Vec::new() }
    }
}

/// One search.
pub(super) struct Search<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) address: &'a EmailAddress,
    pub(super) options: &'a Options,
    ends: Instant,
}

/// A question that is being asked.
type Task<'a> = Pin<Box<dyn Future<Output = (Place, Answer)> + Send + 'a>>;

/// A question that was begun and has not ended.
struct Pending {
    place: Place,
    asked: String,
    began: Instant,
}

/// What is known so far.
#[derive(Default)]
struct Notes {
    listener: Option<mpsc::Sender<Looked>>,
    looked: Vec<Looked>,
    found: Vec<(Place, Candidate)>,
    pending: Vec<Pending>,
}

impl<'a> Search<'a> {
    pub(super) fn new(dialer: &'a Dialer, address: &'a EmailAddress, options: &'a Options) -> Self {
        Self { dialer, address, options, ends: Instant::now() + options.limits.whole }
    }

    /// The domain of the address: ASCII, lower case.
    pub(super) fn domain(&self) -> &str {
        self.address.domain()
    }

    /// When a question that begins now has to end.
    pub(super) fn until(&self, limit: Duration) -> Instant {
        (Instant::now() + limit).min(self.ends - MARGIN.min(self.options.limits.whole / 4))
    }

    pub(super) async fn run(&self, listener: Option<mpsc::Sender<Looked>>) -> Report {
        let mut notes = Notes { listener, ..Notes::default() };
        if self.in_table(&mut notes) {
            for (place, asked) in self.questions() {
                notes.end(Pending::new(place, asked), Outcome::NotAsked, "the table knows the domain");
            }
            return notes.report();
        }
        let mut tasks: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
        for (place, asked) in self.questions() {
            match self.task(place, &asked) {
                Some(task) => {
                    notes.begin(place, asked);
                    tasks.push(task);
                }
                None if place == Place::AutoconfigHttp => {
                    let words = "over plain http others could change the answer: asked only after you agree";
                    notes.end(Pending::new(place, asked), Outcome::NotAsked, words);
                }
                None => {}
            }
        }
        self.collect(&mut notes, &mut tasks).await;
        notes.report()
    }

    async fn collect<'s>(&'s self, notes: &mut Notes, tasks: &mut FuturesUnordered<Task<'s>>) {
        while !notes.is_settled() {
            match timeout_at(self.ends, tasks.next()).await {
                Ok(Some((place, mut answer))) => {
                    let domains = std::mem::take(&mut answer.mx_domains);
                    notes.answer(place, answer);
                    if !domains.is_empty() {
                        let place = Place::AutoconfigOfMx;
                        notes.begin(place, domains.join(", "));
                        tasks.push(Box::pin(async move { (place, sources::published_by_mx(self, domains).await) }));
                    }
                }
                Ok(None) => return,
                Err(_) => return notes.end_rest(Outcome::TimedOut, "no answer in time"),
            }
        }
        notes.end_rest(Outcome::NotAsked, "a better answer came first");
    }

    /// What is asked of whom beside the table, but the configuration of the MX, whose domain nobody knows yet.
    fn questions(&self) -> Vec<(Place, String)> {
        let domain = self.domain();
        let hosts = [Protocol::Imap, Protocol::Smtp].map(|protocol| sources::guessed(domain, protocol));
        let mut guesses: Vec<String> = hosts.concat();
        guesses.sort();
        guesses.dedup();
        vec![
            (Place::Mx, domain.to_owned()),
            (Place::Autoconfig, sources::autoconfig_url(domain, Some(self.address.as_str()))),
            (Place::WellKnown, sources::well_known_url(domain)),
            (Place::AutoconfigHttp, sources::autoconfig_url(domain, None)),
            (Place::Srv, domain.to_owned()),
            (Place::Guess, guesses.join(", ")),
        ]
    }

    fn task<'s>(&'s self, place: Place, asked: &str) -> Option<Task<'s>> {
        let url = asked.to_owned();
        Some(match place {
            Place::Mx => Box::pin(async move { (place, sources::mx(self).await) }),
            Place::Autoconfig | Place::WellKnown => {
                Box::pin(async move { (place, sources::published(self, url, None).await) })
            }
            Place::AutoconfigHttp if self.options.allow_http => {
                Box::pin(async move { (place, sources::published(self, url, Some(Doubt::PlainHttp)).await) })
            }
            Place::Srv => Box::pin(async move { (place, sources::srv(self).await) }),
            Place::Guess => Box::pin(async move { (place, sources::guess(self).await) }),
            Place::DomainTable | Place::AutoconfigOfMx | Place::AutoconfigHttp => return None,
        })
    }

    /// Whether the table knows the domain; notes what it says.
    fn in_table(&self, notes: &mut Notes) -> bool {
        let table = Providers::built_in();
        let pending = Pending::new(Place::DomainTable, self.domain().to_owned());
        let Some(row) = table.by_domain(self.domain()) else {
            notes.end(pending, Outcome::Nothing, "not in the table");
            return false;
        };
        notes.end(pending, Outcome::Found, &row.label);
        for provider in table.with_others(row) {
            let (imap, smtp) = provider.servers(self.address);
            let doubt = sources::local_program(imap.iter().chain(&smtp));
            let candidate = Candidate { source: Source::DomainTable, provider: Some(provider), imap, smtp, doubt };
            notes.found.push((Place::DomainTable, candidate));
        }
        true
    }
}

impl Pending {
    fn new(place: Place, asked: String) -> Self {
        Self { place, asked, began: Instant::now() }
    }
}

impl Notes {
    fn tell(&self, looked: &Looked) {
        if let Some(listener) = &self.listener {
            // A page that went away or is slow does not hold the search up; the report has everything.
            let _ = listener.try_send(looked.clone());
        }
    }

    fn begin(&mut self, place: Place, asked: String) {
        let running = Looked {
            place,
            asked: asked.clone(),
            outcome: Outcome::Running,
            took: Duration::ZERO,
            words: String::new(),
        };
        self.tell(&running);
        self.pending.push(Pending::new(place, asked));
    }

    fn end(&mut self, pending: Pending, outcome: Outcome, words: &str) {
        let Pending { place, asked, began } = pending;
        let words = clean(words.as_bytes(), MAX_WORDS_CHARS);
        let looked = Looked { place, asked, outcome, took: began.elapsed(), words };
        self.tell(&looked);
        self.looked.push(looked);
    }

    fn answer(&mut self, place: Place, answer: Answer) {
        self.found.extend(answer.candidates.into_iter().map(|candidate| (place, candidate)));
        if let Some(at) = self.pending.iter().position(|pending| pending.place == place) {
            let pending = self.pending.remove(at);
            self.end(pending, answer.outcome, &answer.words.join("; "));
        }
    }

    fn end_rest(&mut self, outcome: Outcome, words: &str) {
        for pending in std::mem::take(&mut self.pending) {
            self.end(pending, outcome, words);
        }
    }

    /// A certain candidate was found, and nothing better is under way.
    fn is_settled(&self) -> bool {
        let best = self.found.iter().filter(|(_, candidate)| is_certain(candidate)).map(|(place, _)| *place).min();
        best.is_some_and(|best| self.pending.iter().all(|pending| pending.place > best))
    }

    fn report(mut self) -> Report {
        self.looked.sort_by_key(|looked| looked.place);
        // Stable: rows of one source keep their order.
        self.found.sort_by_key(|(place, candidate)| (is_dead(candidate), *place));
        let mut candidates: Vec<Candidate> = Vec::new();
        for (_, mut candidate) in self.found {
            let host = |server: &Option<Server>| server.as_ref().map(|server| server.host.clone());
            let (imap, smtp) = (host(&candidate.imap), host(&candidate.smtp));
            let row = || Providers::built_in().by_servers(imap.as_deref(), smtp.as_deref());
            candidate.provider = candidate.provider.or_else(row);
            match candidates.iter_mut().find(|known| same_servers(known, &candidate)) {
                // The same servers, learned in a way that leaves no doubt.
                Some(known) if known.doubt.is_some() && candidate.doubt.is_none() => *known = candidate,
                Some(_) => {}
                None => candidates.push(candidate),
            }
        }
        Report { candidates, looked: self.looked }
    }
}

/// Nothing that comes later is better.
fn is_certain(candidate: &Candidate) -> bool {
    match candidate.source {
        Source::DomainTable | Source::Mx { .. } => true,
        Source::Autoconfig { .. } | Source::Srv | Source::Guess => {
            let answered = |server: &Option<_>| server.as_ref().is_some_and(|s: &Server| s.answered == Some(true));
            candidate.doubt.is_none() && answered(&candidate.imap) && answered(&candidate.smtp)
        }
    }
}

/// None of its servers answered.
fn is_dead(candidate: &Candidate) -> bool {
    candidate.servers().all(|server| server.answered == Some(false))
}

fn same_servers(one: &Candidate, other: &Candidate) -> bool {
    let places = |candidate: &Candidate| {
        [&candidate.imap, &candidate.smtp].map(|side| side.as_ref().map(|s| (s.host.clone(), s.port, s.encryption)))
    };
    places(one) == places(other)
}
