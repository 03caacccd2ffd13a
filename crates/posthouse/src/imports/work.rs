//! The job: takes the rows that are due, finds their servers, signs in, and keeps what became of each.

use super::check::{self, RowProblem, Wanted};
use super::gates::Pass;
use super::servers::{self, Found, RowServer, Servers};
use super::store::{self, DueRow, Settled};
use super::{Mode, Over, RowId, RowState, RunId, place, tell};
use crate::accounts::{self, Access, AccountId, NewAccount, Provider, Reason, Side};
use crate::app::App;
use crate::base::jobs::{Job, JobError, Lease};
use crate::base::secret::Secret;
use crate::connect::{self, Credential, NewServers, Probe, Protocol, SaveError, Server, StepName, Tested};
use crate::team::{self, Actor, Scope, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often places that others left free are looked for.
const TICK: Duration = Duration::from_millis(250);
/// Ticks between two looks at whether somebody stopped the run.
const LOOK: u32 = 4;
/// Ticks, or rows settled at once, between two prolongations of the claim, which lasts 30 s.
const KEEP: u32 = 32;
/// Tries of one row at a host that says that we come too often.
const TRIES: u32 = 8;
/// Rows in a row that find nobody at a server before the others are not sent there any more.
const IN_VAIN: u32 = 3;

/// The work of one start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportWork {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The run.
    pub run_id: RunId,
    /// Which start.
    pub turn: i64,
}

impl Job for ImportWork {
    const KIND: &'static str = "import_work";

    fn lane(&self) -> String {
        format!("imports:{}", self.run_id)
    }

    fn dedup(&self) -> Option<String> {
        Some(format!("{}:{}", self.run_id, self.turn))
    }

    async fn run(self, app: App, lease: Lease) -> Result<(), JobError> {
        match Work::begin(&app, lease, &self).await? {
            Some(mut work) => work.all().await,
            None => Ok(()),
        }
    }
}

struct Row {
    id: RowId,
    account_id: AccountId,
    wanted: Wanted,
    servers: Option<Servers>,
    tries: u32,
}

/// What is to be done with a row now.
enum Next {
    Later,
    Settle(RowState, RowProblem),
    Go(Servers, Pass),
}

/// What became of a row at its servers.
enum Outcome {
    Passed,
    Connected,
    Failed(RowProblem),
    /// A host said that we come too often.
    TooOften(Protocol, RowProblem),
    /// The run was discarded meanwhile.
    Gone,
    /// Something of ours: the job is tried again.
    Broken(String),
}

enum Done {
    Found(String, Box<Found>),
    Row(Box<Row>, Outcome),
}

/// What all rows of the run share.
#[derive(Clone)]
struct Shared {
    app: App,
    actor: Arc<Actor>,
    mode: Mode,
}

struct Work {
    shared: Shared,
    lease: Lease,
    run: (RunId, i64),
    confirmed: Vec<String>,
    waiting: Vec<Row>,
    tasks: JoinSet<Done>,
    found: HashMap<String, Found>,
    asked: HashSet<String>,
    /// Servers where nobody is: how often, and what was seen. Those without a port are names that do not exist.
    in_vain: HashMap<String, (u32, RowProblem)>,
    stopped: bool,
    changed: bool,
}

impl Work {
    /// Loads what is due; none when the start is no longer the last one.
    async fn begin(app: &App, lease: Lease, job: &ImportWork) -> Result<Option<Self>, JobError> {
        let scope = Scope::of(job.workspace_id);
        let mut c = app.db.read().await?;
        let run = store::any_run(&mut c, &scope, job.run_id).await?;
        let Some(run) = run.filter(|r| r.turn == job.turn) else { return Ok(None) };
        let Some(mode) = run.mode.filter(|m| m.working() == run.state) else { return Ok(None) };
        let actor = team::member(&mut c, &scope, run.user_id).await?;
        let due = store::due_rows(&mut c, &scope, run.id).await?;
        drop(c);
        let Some(actor) = actor else {
            let mut tx = app.db.tx().await?;
            store::end(&mut tx, &scope, (run.id, run.turn), Over::NoMember, app.clock.now()).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let mut work = Self {
            shared: Shared { app: app.clone(), actor: Arc::new(actor), mode },
            lease,
            run: (run.id, run.turn),
            confirmed: run.confirmed.0,
            waiting: vec![],
            tasks: JoinSet::new(),
            found: HashMap::new(),
            asked: HashSet::new(),
            in_vain: HashMap::new(),
            stopped: false,
            changed: false,
        };
        for row in due {
            work.add(row).await?;
        }
        Ok(Some(work))
    }

    async fn add(&mut self, due: DueRow) -> Result<(), JobError> {
        let servers = due.servers.map(|s| s.0);
        match check::wanted(&due.asked.0) {
            Ok(wanted) => {
                let (id, account_id) = (due.id, due.account_id);
                self.waiting.push(Row { id, account_id, wanted, servers, tries: 0 });
                Ok(())
            }
            // It was right when it was uploaded, by an older version of this program.
            Err(problems) => self.settle((due.id, servers.as_ref()), RowState::Invalid, &problems).await,
        }
    }

    /// Works until every row has its result, somebody stops it, or the program ends.
    async fn all(&mut self) -> Result<(), JobError> {
        let stopping = self.shared.app.stopping.clone();
        let mut tick = tokio::time::interval(TICK);
        let mut ticks = 0_u32;
        loop {
            self.launch().await?;
            if self.tasks.is_empty() && (self.waiting.is_empty() || self.stopped) {
                break;
            }
            tokio::select! {
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.take(done).await?,
                    Err(e) => return Err(JobError::Retry(format!("a row broke off: {e}"))),
                },
                _ = tick.tick() => {
                    ticks = ticks.wrapping_add(1);
                    self.look(ticks).await?;
                }
                // What is open is dropped: nothing of it is saved, or it is found again by its account's id.
                () = stopping.cancelled() => return Err(JobError::Retry("the program stops".into())),
            }
        }
        if self.stopped {
            tell(&self.shared.app, &self.shared.actor.scope);
            return Ok(());
        }
        self.end().await
    }

    async fn look(&mut self, ticks: u32) -> Result<(), JobError> {
        let (app, scope) = (&self.shared.app, &self.shared.actor.scope);
        if std::mem::take(&mut self.changed) {
            tell(app, scope);
        }
        if ticks.is_multiple_of(KEEP) {
            self.lease.keep(app).await?;
        }
        if ticks.is_multiple_of(LOOK) {
            let run = store::any_run(&mut app.db.read().await?, scope, self.run.0).await?;
            self.stopped = run.is_none_or(|r| r.turn != self.run.1);
        }
        Ok(())
    }

    /// Begins whatever can begin now.
    async fn launch(&mut self) -> Result<(), JobError> {
        if self.stopped {
            return Ok(());
        }
        let mut settled = 0_u32;
        for mut row in std::mem::take(&mut self.waiting) {
            match self.next(&mut row) {
                Next::Later => self.waiting.push(row),
                Next::Settle(state, problem) => {
                    settled += 1;
                    // Hundreds at once, each with its commit, may take longer than the claim lasts.
                    if settled.is_multiple_of(KEEP) {
                        self.lease.keep(&self.shared.app).await?;
                    }
                    self.settle((row.id, row.servers.as_ref()), state, &[problem]).await?;
                }
                Next::Go(servers, pass) => {
                    let shared = self.shared.clone();
                    self.tasks.spawn(async move {
                        let outcome = shared.tried(&row, &servers).await;
                        drop(pass);
                        Done::Row(Box::new(row), outcome)
                    });
                }
            }
        }
        Ok(())
    }

    fn next(&mut self, row: &mut Row) -> Next {
        let (app, now) = (&self.shared.app, self.shared.app.clock.now());
        if !app.import_gates.any_room() {
            return Next::Later;
        }
        let servers = match row.servers.clone() {
            Some(servers) => servers,
            None => match self.servers_of(&row.wanted) {
                None => return Next::Later,
                Some(Err(problem)) => return Next::Settle(RowState::Failed, problem),
                Some(Ok(servers)) => row.servers.insert(servers).clone(),
            },
        };
        if let Some(doubt) = servers.open_doubt(&self.confirmed) {
            let text = format!("{} Found: {}.", doubt.why, doubt.hosts.join(", "));
            return Next::Settle(RowState::Doubt, RowProblem::of(text));
        }
        if let Some(problem) = self.nobody_there(&servers) {
            return Next::Settle(RowState::Failed, problem);
        }
        match self.shared.app.import_gates.enter(&servers.hosts(), now) {
            Some(pass) => Next::Go(servers, pass),
            None => Next::Later,
        }
    }

    /// The servers of a row, or none while they are looked for. A domain is looked for once a run.
    fn servers_of(&mut self, wanted: &Wanted) -> Option<Result<Servers, RowProblem>> {
        if !servers::needs_finding(wanted) {
            return Some(servers::decide(wanted, None));
        }
        if let Some(known) = servers::known(wanted) {
            return Some(servers::decide(wanted, Some(&known)));
        }
        let domain = wanted.address.domain().to_lowercase();
        if let Some(found) = self.found.get(&domain) {
            return Some(servers::decide(wanted, Some(found)));
        }
        let app = self.shared.app.clone();
        if !self.asked.contains(&domain)
            && let Some(pass) = app.import_gates.enter(&[], app.clock.now())
        {
            self.asked.insert(domain.clone());
            let address = wanted.address.clone();
            self.tasks.spawn(async move {
                let found = servers::find(&app, address).await;
                drop(pass);
                Done::Found(domain, Box::new(found))
            });
        }
        None
    }

    /// What other rows saw where this one would go: nobody.
    fn nobody_there(&self, servers: &Servers) -> Option<RowProblem> {
        let seen = |server: &RowServer| {
            let by_name = self.in_vain.get(&server.host.to_lowercase());
            by_name.or_else(|| self.in_vain.get(&endpoint(server)).filter(|(times, _)| *times >= IN_VAIN))
        };
        let (_, problem) = servers.imap.iter().chain(&servers.smtp).find_map(seen)?;
        let message = format!("{} It was the same for another row, so it was not tried again.", problem.message);
        Some(RowProblem { message, ..problem.clone() })
    }

    async fn take(&mut self, done: Done) -> Result<(), JobError> {
        let (mut row, outcome) = match done {
            Done::Found(domain, found) => {
                self.found.insert(domain, *found);
                return Ok(());
            }
            Done::Row(row, outcome) => (row, outcome),
        };
        let app = self.shared.app.clone();
        let (state, problem) = match outcome {
            Outcome::Gone => return Ok(()),
            Outcome::Broken(why) => return Err(JobError::Retry(why)),
            Outcome::Passed => (RowState::Passed, None),
            Outcome::Connected => (RowState::Connected, None),
            Outcome::Failed(problem) => (RowState::Failed, Some(problem)),
            Outcome::TooOften(side, problem) => {
                if let Some(server) = row.servers.as_ref().and_then(|s| on_side(s, side)) {
                    app.import_gates.close(&server.host.to_lowercase(), app.clock.now(), app.config.retry.first_ms);
                }
                row.tries += 1;
                if row.tries < TRIES {
                    self.waiting.insert(0, *row);
                    return Ok(());
                }
                (RowState::Failed, Some(problem))
            }
        };
        self.learn(&row, problem.as_ref());
        self.settle((row.id, row.servers.as_ref()), state, problem.as_slice()).await
    }

    /// What a row shows of its servers: somebody is there, or nobody.
    fn learn(&mut self, row: &Row, problem: Option<&RowProblem>) {
        let Some(servers) = &row.servers else { return };
        let Some(problem) = problem else {
            self.shared.app.import_gates.welcomed(&servers.hosts());
            for server in servers.imap.iter().chain(&servers.smtp) {
                self.in_vain.remove(&endpoint(server));
            }
            return;
        };
        let Some(server) = problem.side.and_then(|side| on_side(servers, side)) else { return };
        let early = matches!(problem.step, Some(StepName::Dns | StepName::Tcp | StepName::Tls | StepName::Greeting));
        let key = match problem.reason {
            Some(Reason::NameNotFound) => server.host.to_lowercase(),
            Some(Reason::TimedOut | Reason::ConnectionRefused | Reason::ConnectionLost) if early => endpoint(server),
            _ => {
                // Somebody spoke: the next row may be luckier.
                self.in_vain.remove(&endpoint(server));
                return;
            }
        };
        self.in_vain.entry(key).or_insert_with(|| (0, problem.clone())).0 += 1;
    }

    async fn settle(
        &mut self,
        (id, servers): (RowId, Option<&Servers>),
        state: RowState,
        problems: &[RowProblem],
    ) -> Result<(), JobError> {
        let app = &self.shared.app;
        let mut tx = app.db.tx().await?;
        store::settle(&mut tx, &self.shared.actor.scope, &Settled { id, state, servers, problems }).await?;
        tx.commit().await?;
        app.crash.point("imports.settled");
        self.changed = true;
        Ok(())
    }

    /// Every row that was due has its result. A run with no row left for a person to decide about is over.
    async fn end(&mut self) -> Result<(), JobError> {
        let (app, scope) = (&self.shared.app, &self.shared.actor.scope);
        app.crash.point("imports.all_rows");
        let now = app.clock.now();
        let mut tx = app.db.tx().await?;
        let counts = store::counts(&mut tx, scope, self.run.0).await?;
        let open = counts.iter().any(|(s, ..)| matches!(s, RowState::Waiting | RowState::Passed | RowState::Doubt));
        if self.shared.mode == Mode::Connect && !open {
            store::end(&mut tx, scope, self.run, Over::Finished, now).await?;
        } else {
            store::set_ready(&mut tx, scope, self.run, now).await?;
        }
        tx.commit().await?;
        tell(app, scope);
        app.crash.point("imports.ended");
        Ok(())
    }
}

fn endpoint(server: &RowServer) -> String {
    format!("{}:{}", server.host.to_lowercase(), server.port)
}

fn on_side(servers: &Servers, side: Protocol) -> Option<&RowServer> {
    match side {
        Protocol::Imap => servers.imap.as_ref(),
        Protocol::Smtp => servers.smtp.as_ref(),
    }
}

impl Shared {
    async fn tried(&self, row: &Row, servers: &Servers) -> Outcome {
        match self.signed_in(row, servers).await {
            Ok(outcome) => outcome,
            Err(e) => Outcome::Broken(e.to_string()),
        }
    }

    /// Tests, or connects, with the row's passwords.
    async fn signed_in(&self, row: &Row, servers: &Servers) -> db::DbResult<Outcome> {
        let (app, actor, wanted) = (&self.app, &self.actor, &row.wanted);
        let mut c = app.db.read().await?;
        if self.mode == Mode::Connect && accounts::account(&mut c, &actor.scope, row.account_id).await?.is_some() {
            return Ok(Outcome::Connected);
        }
        let Some((imap, smtp)) = store::sealed(&mut c, &actor.scope, row.id).await? else { return Ok(Outcome::Gone) };
        drop(c);
        if wanted.team && !accounts::may(actor, None, Access::Manage) {
            let text = "Only an admin adds an account for the whole team.";
            return Ok(Outcome::Failed(RowProblem::at("team", text)));
        }
        let open = |side, sealed: Option<Vec<u8>>| {
            sealed.and_then(|s| app.vault.open_sealed(&actor.scope, place(row.id, side), &s).ok())
        };
        let imap = with_password(servers.imap.as_ref(), open(Side::Receive, imap), servers.kind);
        let smtp = with_password(servers.smtp.as_ref(), open(Side::Send, smtp), servers.kind);
        if imap.is_some() != servers.imap.is_some() || smtp.is_some() != servers.smtp.is_some() {
            return Ok(Outcome::Failed(RowProblem::at(
                "password",
                "The password of this row is erased. Upload it again.",
            )));
        }
        let secrets: Vec<Secret> = imap.iter().chain(&smtp).map(|s| s.credential.secret().clone()).collect();
        if self.mode == Mode::Test {
            let probe =
                Probe { provider: servers.kind, address: &wanted.address, imap: imap.as_ref(), smtp: smtp.as_ref() };
            let tested = connect::test(app, &probe, None).await;
            return Ok(refused(&tested, &secrets).unwrap_or(Outcome::Passed));
        }
        let new = NewServers { account: self.account(row, servers), smtp, imap };
        let added = connect::add(app, actor, &new).await;
        match added {
            Ok(()) => {
                app.crash.point("imports.added");
                Ok(Outcome::Connected)
            }
            Err(SaveError::Refused(tested)) => {
                let unclear = || Outcome::Failed(RowProblem::of("The connection test failed."));
                Ok(refused(&tested, &secrets).unwrap_or_else(unclear))
            }
            Err(SaveError::Db(e)) => Err(e),
            Err(e @ (SaveError::Taken(_) | SaveError::Closing)) => {
                let mut c = app.db.read().await?;
                // Another node may have gone on with the run while this one was stalled.
                if accounts::account(&mut c, &actor.scope, row.account_id).await?.is_some() {
                    return Ok(Outcome::Connected);
                }
                let there = if let SaveError::Taken(id) = &e { *id } else { None };
                Ok(Outcome::Failed(RowProblem::taken(e.to_string(), there)))
            }
            Err(e @ (SaveError::Account(_) | SaveError::Vault(_) | SaveError::Link(_))) => {
                Ok(Outcome::Failed(RowProblem::of(e.to_string())))
            }
        }
    }

    fn account(&self, row: &Row, servers: &Servers) -> NewAccount {
        let wanted = &row.wanted;
        NewAccount {
            id: row.account_id,
            user_id: (!wanted.team).then_some(self.actor.user_id),
            address: wanted.address.clone(),
            display_name: wanted.display_name.clone(),
            provider: servers.kind,
            provider_name: wanted.provider_name.clone(),
            import_days: wanted.import_days,
        }
    }
}

fn with_password(server: Option<&RowServer>, password: Option<Secret>, kind: Provider) -> Option<Server> {
    let (server, password) = (server?, password?);
    let password = match kind {
        Provider::Custom | Provider::Imap => password,
        _ => in_one_word(password),
    };
    Some(Server {
        host: server.host.clone(),
        port: server.port,
        encryption: server.encryption,
        username: server.username.clone(),
        credential: Credential::Password(password),
    })
}

/// Google and Yahoo show app passwords in four groups of four letters; the spaces are no part of them.
fn in_one_word(password: Secret) -> Secret {
    let groups: Vec<&str> = password.expose().split_whitespace().collect();
    let four = |g: &&str| g.len() == 4 && g.bytes().all(|b| b.is_ascii_alphabetic());
    if groups.len() == 4 && groups.iter().all(four) { Secret::new(groups.concat()) } else { password }
}

fn refused(tested: &Tested, secrets: &[Secret]) -> Option<Outcome> {
    let step = tested.failed.as_ref()?;
    let problem = RowProblem::step(step, &secrets.iter().collect::<Vec<_>>());
    Some(match step.reason {
        Some(Reason::RateLimited) => Outcome::TooOften(step.side, problem),
        _ => Outcome::Failed(problem),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_password_loses_the_spaces_between_its_groups_and_no_other_password_does() {
        let of = |text: &str| in_one_word(Secret::new(text.into())).expose().to_owned();
        assert_eq!(of("abcd efgh ijkl mnop"), "abcdefghijklmnop");
        for kept in ["abcd-efgh-ijkl-mnop", "correct horse battery staple", "abcd efgh ijkl mno1", " spaced "] {
            assert_eq!(of(kept), kept);
        }
    }
}
