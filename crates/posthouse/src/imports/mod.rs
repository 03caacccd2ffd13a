//! Many accounts from one file: checked, tested without saving, connected; each row with its own result.
//!
//! ```text
//!          upload            start: test or connect            every row has its result
//!  (file) -------> ready -------------------------> testing ---------------------------> ready
//!                   |  ^                            connecting --> ended (no row is left that waits for a person)
//!                   |  +------ stop, or hosts to be confirmed -----+
//!                   +-- a day without a person, key lost, restored --> ended
//! ```
//!
//! Passwords are sealed in the transaction that saves the rows, each for its row, and erased in the one that ends the run; those of
//! a row already when its account is there. The work is a job: killed anywhere it goes on, and since a row knows the id of its
//! account beforehand, none is added twice. A person has one open run.

pub mod api;
mod check;
mod expire;
mod file;
mod gates;
mod list;
mod quotes;
mod servers;
mod store;
mod work;

pub use check::RowProblem;
pub use expire::{expire, run};
pub use file::FileError;
pub use gates::Gates;
pub use list::ListedRow;
pub use servers::{HostDoubt, RowServer};
pub use store::{Run, prune};
pub use work::ImportWork;

use crate::accounts::{self, Access, AccountId, Side};
use crate::app::App;
use crate::base::jobs;
use crate::base::live::{Nudge, Topic};
use crate::base::vault::{Place, SealedColumn, VaultError};
use crate::connect;
use crate::team::{self, Actor, AuditEntry, Instance, Scope};
use check::Passwords;
use db::page::{Cursor, Page};
use db::{Conn, DbError, DbResult, Ts, id_type, text_enum};
use std::collections::{BTreeMap, HashMap};
use store::{NewRow, NewRun};

/// Runs that are worked on at the same time, in the whole installation: other jobs need their turns too.
const MAX_WORKING: i64 = 4;
/// Hosts that are confirmed in one run at most: more than rows can name.
const MAX_CONFIRMED: usize = 4_000;

id_type! {
    /// A run.
    #[derive(utoipa::ToSchema)]
    RunId
}
id_type! {
    /// A row of a run.
    #[derive(utoipa::ToSchema)]
    RowId
}

text_enum! {
    /// How far a run is.
    #[derive(utoipa::ToSchema)]
    pub enum RunState {
        /// It waits for a person.
        Ready = "ready",
        /// Rows are tested; nothing is saved.
        Testing = "testing",
        /// Rows are tested and connected.
        Connecting = "connecting",
        /// It is over, and its passwords are erased.
        Ended = "ended",
    }
}

text_enum! {
    /// What a run is started for.
    #[derive(utoipa::ToSchema)]
    pub enum Mode {
        /// To test only.
        Test = "test",
        /// To connect.
        Connect = "connect",
    }
}

text_enum! {
    /// Which rows a start takes on.
    #[derive(utoipa::ToSchema)]
    pub enum Which {
        /// Every row without a fault of its own that is not connected.
        All = "all",
        /// Those that passed the test.
        Passed = "passed",
        /// Those that wait for a word about their hosts.
        Doubt = "doubt",
    }
}

text_enum! {
    /// Why a run is over.
    #[derive(utoipa::ToSchema)]
    pub enum Over {
        /// Every row has its result.
        Finished = "finished",
        /// Nobody went on with it for a day.
        Expired = "expired",
        /// The key that sealed its passwords was lost.
        KeyLost = "key_lost",
        /// It is of a backup.
        Restored = "restored",
        /// The person left the workspace.
        NoMember = "no_member",
    }
}

text_enum! {
    /// What became of a row.
    #[derive(utoipa::ToSchema)]
    pub enum RowState {
        /// Something in the file is wrong: it is not tried.
        Invalid = "invalid",
        /// Not tried yet.
        Waiting = "waiting",
        /// Its servers took the password.
        Passed = "passed",
        /// The test failed.
        Failed = "failed",
        /// Its servers were learned in a way that others can forge: a person has to confirm them.
        Doubt = "doubt",
        /// The account is there.
        Connected = "connected",
    }
}

impl Mode {
    /// The state of a run that is at it.
    #[must_use]
    pub const fn working(self) -> RunState {
        match self {
            Self::Test => RunState::Testing,
            Self::Connect => RunState::Connecting,
        }
    }
}

/// Why something is not done with a run.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not there, or somebody else's.
    #[error("no such run")]
    NotFound,
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// One is open already.
    #[error("You have an import that has not ended. Finish or discard it first.")]
    Open,
    /// It is at work or over.
    #[error("This import is being worked on or is over. Stop it first, or upload the file again.")]
    NotReady,
    /// No row for it.
    #[error("No row of this import is left for that.")]
    Nothing,
    /// Too many at work.
    #[error("{MAX_WORKING} imports are being worked on already. Start this one when one of them has ended.")]
    Busy,
    /// The key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The passwords of runs that have not ended, for a change of the key.
pub const SEALED: SealedColumn = SealedColumn {
    name: "import_row.secret",
    place: |v| Side::ALL.iter().find(|s| s.as_str() == v.part).map(|side| place(RowId(v.row), *side)),
    after: |c, after, limit| Box::pin(store::sealed_secrets(c, &Instance, after, limit)),
    renew: |tx, value, renewed| Box::pin(store::renew_secret(tx, &Instance, value, renewed)),
};

/// Where the password of one side of a row is sealed.
fn place(id: RowId, side: Side) -> Place {
    let column = match side {
        Side::Receive => "secret_imap",
        Side::Send => "secret_smtp",
    };
    Place { table: "import_row", row: id.0, column }
}

/// A run with its figures.
pub struct Overview {
    /// The run.
    pub run: Run,
    /// Rows by state.
    pub counts: BTreeMap<RowState, i64>,
    /// Rows that still wait for their turn.
    pub due: i64,
    /// Hosts that wait for a person's word, with the number of rows.
    pub doubts: Vec<(HostDoubt, i64)>,
}

/// Checks a file and keeps it as a run.
///
/// # Errors
/// [`ImportError::File`] when nothing of it can be used; then nothing is kept.
pub async fn upload(app: &App, actor: &Actor, file_name: &str, bytes: &[u8]) -> Result<RunId, ImportError> {
    let sheet = file::read(bytes)?;
    let new =
        NewRun { id: RunId(app.ids.next()), user_id: actor.user_id, file_name: file_name.into(), notes: sheet.notes };
    let mut rows = Vec::with_capacity(sheet.lines.len());
    {
        let mut c = app.db.read().await?;
        let mut seen = HashMap::new();
        for line in &sheet.lines {
            rows.push(checked(app, actor, &mut c, &mut seen, line).await?);
        }
    }
    let mut tx = app.db.tx().await?;
    store::insert_run(&mut tx, &actor.scope, &new, app.clock.now()).await.map_err(|e| match e {
        DbError::Unique(_) => ImportError::Open,
        other => other.into(),
    })?;
    for row in rows {
        store::insert_row(&mut tx, &actor.scope, new.id, row).await?;
    }
    tx.commit().await?;
    tell(app, &actor.scope);
    Ok(new.id)
}

/// A line as it is kept, with what is wrong with it. `seen` has the addresses of the lines above.
async fn checked(
    app: &App,
    actor: &Actor,
    c: &mut Conn,
    seen: &mut HashMap<String, u64>,
    line: &file::Line,
) -> Result<NewRow, ImportError> {
    let id = RowId(app.ids.next());
    let mut passwords = Passwords::default();
    let (asked, problems) = match (line.slip, check::wanted(&line.cells)) {
        (Some(slip), _) => (file::Cells::new(), vec![RowProblem::of(slip.to_string())]),
        (None, Err(mut problems)) => {
            problems.push(RowProblem::of(check::NOT_KEPT));
            (check::address_only(&line.cells), problems)
        }
        (None, Ok(wanted)) => {
            let mut problems = in_the_way(actor, c, seen, (line, &wanted)).await?;
            match check::passwords(line, &wanted) {
                Ok(found) => passwords = found,
                Err(more) => problems.extend(more),
            }
            (check::bounded(&line.cells), problems)
        }
    };
    let fine = problems.is_empty();
    // What is not tried needs no password.
    let seal = |side, password: Option<crate::base::secret::Secret>| {
        let password = password.filter(|_| fine);
        password.map(|p| app.vault.seal(&app.ids, &actor.scope, place(id, side), &p)).transpose()
    };
    Ok(NewRow {
        id,
        line: i64::try_from(line.number).unwrap_or(i64::MAX),
        address: asked.get("address").cloned().unwrap_or_default(),
        account_id: AccountId(app.ids.next()),
        state: if fine { RowState::Waiting } else { RowState::Invalid },
        asked,
        problems,
        secret_imap: seal(Side::Receive, passwords.imap)?,
        secret_smtp: seal(Side::Send, passwords.smtp)?,
    })
}

/// What stands against a row whose cells are right: another row, an account that is there, what the person may.
async fn in_the_way(
    actor: &Actor,
    c: &mut Conn,
    seen: &mut HashMap<String, u64>,
    (line, wanted): (&file::Line, &check::Wanted),
) -> Result<Vec<RowProblem>, ImportError> {
    let mut problems = vec![];
    let key = wanted.address.key();
    if let Some(first) = seen.get(&key) {
        problems.push(RowProblem::at("address", format!("This address is in row {first} already.")));
    } else if let Some((id, closing)) = accounts::taken(c, &actor.scope, &key).await? {
        let seen = connect::visible(c, actor, id).await?.filter(|_| !closing);
        problems.push(RowProblem::taken("This address is connected in the workspace already.", seen));
    }
    seen.entry(key).or_insert(line.number);
    if wanted.team && !accounts::may(actor, None, Access::Manage) {
        problems.push(RowProblem::at("team", "Only an admin adds an account for the whole team."));
    }
    Ok(problems)
}

/// A run of the actor.
async fn find(c: &mut Conn, actor: &Actor, id: RunId) -> Result<Run, ImportError> {
    store::run(c, &actor.scope, actor.user_id, id).await?.ok_or(ImportError::NotFound)
}

/// A run with its figures.
///
/// # Errors
/// [`ImportError::NotFound`] when it is not the actor's.
pub async fn overview(app: &App, actor: &Actor, id: RunId) -> Result<Overview, ImportError> {
    let mut c = app.db.read().await?;
    let run = find(&mut c, actor, id).await?;
    Ok(figures(&mut c, run).await?)
}

/// The actor's runs with their figures, the newest first.
///
/// # Errors
/// Only the database's.
pub async fn runs(app: &App, actor: &Actor, cursor: Option<&Cursor>, limit: usize) -> DbResult<Page<Overview>> {
    let mut c = app.db.read().await?;
    let page = list::runs(&mut c, &actor.scope, actor.user_id, cursor, limit).await?;
    let mut items = vec![];
    for run in page.items {
        items.push(figures(&mut c, run).await?);
    }
    Ok(Page { items, next: page.next })
}

async fn figures(c: &mut Conn, run: Run) -> DbResult<Overview> {
    let scope = Scope::of(run.workspace_id);
    let (mut counts, mut due) = (BTreeMap::new(), 0);
    for (state, rows, waiting) in store::counts(c, &scope, run.id).await? {
        counts.insert(state, rows);
        due += waiting;
    }
    let mut doubts = BTreeMap::new();
    for row in store::doubted(c, &scope, run.id).await? {
        if let Some(doubt) = row.servers.and_then(|s| s.0.doubt) {
            *doubts.entry(doubt).or_insert(0) += 1;
        }
    }
    Ok(Overview { run, counts, due, doubts: doubts.into_iter().collect() })
}

/// A page of a run's rows.
///
/// # Errors
/// [`ImportError::NotFound`] when it is not the actor's.
pub async fn rows(
    app: &App,
    actor: &Actor,
    (id, state): (RunId, Option<RowState>),
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<ListedRow>, ImportError> {
    let mut c = app.db.read().await?;
    find(&mut c, actor, id).await?;
    Ok(list::rows(&mut c, &actor.scope, (id, state), cursor, limit).await?)
}

/// The file of the rows that failed, without passwords.
///
/// # Errors
/// [`ImportError::NotFound`] when it is not the actor's.
pub async fn failed_file(app: &App, actor: &Actor, id: RunId) -> Result<Vec<u8>, ImportError> {
    let mut c = app.db.read().await?;
    let run = find(&mut c, actor, id).await?;
    let rows = list::not_connected(&mut c, &actor.scope, id, run.state == RunState::Ended).await?;
    let rows = rows.into_iter().map(|row| {
        let told = row.problems.0.iter().map(RowProblem::line).collect::<Vec<_>>().join(" ");
        let told = if told.is_empty() { "It was not tried.".into() } else { told };
        // A row of which nothing is kept has only its line to be found by.
        let told = if row.address.is_empty() { format!("Line {}: {told}", row.line) } else { told };
        (row.asked.0, told)
    });
    file::failed(rows).map_err(|e| ImportError::Db(DbError::Other(e.to_string())))
}

/// What a start is asked for.
pub struct Start {
    /// To test or to connect.
    pub mode: Mode,
    /// Which rows.
    pub which: Which,
    /// Hosts that the person agrees to.
    pub confirm_hosts: Vec<String>,
}

/// Starts testing or connecting.
///
/// # Errors
/// [`ImportError::NotReady`], [`ImportError::Nothing`], [`ImportError::Busy`].
pub async fn start(app: &App, actor: &Actor, id: RunId, start: Start) -> Result<(), ImportError> {
    let mut tx = app.db.tx().await?;
    let run = find(&mut tx, actor, id).await?;
    if run.state != RunState::Ready {
        return Err(ImportError::NotReady);
    }
    if store::count_working(&mut tx, &Instance).await? >= MAX_WORKING {
        return Err(ImportError::Busy);
    }
    let mut confirmed = run.confirmed.0.clone();
    confirmed.extend(start.confirm_hosts.into_iter().map(|h| h.trim().to_lowercase()));
    confirmed.sort();
    confirmed.dedup();
    confirmed.truncate(MAX_CONFIRMED);
    let taken_on = store::take_on(&mut tx, &actor.scope, id, start.which).await?;
    if taken_on == 0 {
        return Err(ImportError::Nothing);
    }
    let now = app.clock.now();
    if !store::set_started(&mut tx, &run, &actor.scope, (start.mode, taken_on, &confirmed), now).await? {
        return Err(ImportError::NotReady);
    }
    let job = ImportWork { workspace_id: actor.scope.workspace_id(), run_id: id, turn: run.turn + 1 };
    jobs::enqueue(&mut tx, app, &actor.scope, &job).await?;
    let detail = serde_json::json!({ "mode": start.mode, "rows": taken_on, "confirmed": confirmed });
    audit(&mut tx, app, actor, ("import.started", &run.file_name), detail).await?;
    tx.commit().await?;
    tell(app, &actor.scope);
    Ok(())
}

/// Stops what was started. Rows that are being tested get their results all the same; the others wait.
///
/// # Errors
/// [`ImportError::NotReady`] when nothing is at work.
pub async fn stop(app: &App, actor: &Actor, id: RunId) -> Result<(), ImportError> {
    let mut tx = app.db.tx().await?;
    let run = find(&mut tx, actor, id).await?;
    if !store::set_ready(&mut tx, &actor.scope, (id, run.turn), app.clock.now()).await? {
        return Err(ImportError::NotReady);
    }
    audit(&mut tx, app, actor, ("import.stopped", &run.file_name), serde_json::json!({})).await?;
    tx.commit().await?;
    tell(app, &actor.scope);
    Ok(())
}

/// Removes a run with its rows and passwords. Accounts that it connected stay.
///
/// # Errors
/// [`ImportError::NotFound`] when it is not the actor's.
pub async fn discard(app: &App, actor: &Actor, id: RunId) -> Result<(), ImportError> {
    let mut tx = app.db.tx().await?;
    let run = find(&mut tx, actor, id).await?;
    store::remove(&mut tx, &actor.scope, id).await?;
    audit(&mut tx, app, actor, ("import.discarded", &run.file_name), serde_json::json!({})).await?;
    tx.commit().await?;
    tell(app, &actor.scope);
    Ok(())
}

async fn audit(
    tx: &mut Conn,
    app: &App,
    actor: &Actor,
    (action, file_name): (&'static str, &str),
    detail: serde_json::Value,
) -> DbResult<()> {
    let entry = AuditEntry { action, subject: file_name.into(), detail };
    team::audit(tx, app, &actor.scope, Some(actor), entry).await
}

/// The key is lost: no password opens any more. How many were wiped.
///
/// # Errors
/// Only the database's.
pub async fn wipe_secrets(tx: &mut Conn, instance: &Instance, now: Ts) -> DbResult<i64> {
    store::end_all(tx, instance, Over::KeyLost, now).await
}

/// What was under way when a backup was made does not go on by itself: its accounts may be there by now, and its passwords were
/// to be erased long ago.
///
/// # Errors
/// Only the database's.
pub async fn end_restored(tx: &mut Conn, instance: &Instance, now: Ts) -> DbResult<()> {
    store::end_all(tx, instance, Over::Restored, now).await.map(|_| ())
}

/// Open pages fetch again. Progress is no event: it is told here and, on other nodes, found by asking.
fn tell(app: &App, scope: &Scope) {
    app.live.nudge(Nudge { workspace_id: scope.workspace_id(), topic: Topic::Imports, account_id: None });
}
