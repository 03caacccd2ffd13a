//! One PostgreSQL server per test process, and an empty database for whoever asks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::keeper::Keeper;
use crate::process;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// A killed server leaves its System V shared memory behind.
const PID: &str = "data/postmaster.pid";

/// A PostgreSQL server, open to all on loopback. What it commits outlives its processes, but the machine only if it is
/// [`Postgres::durable`].
pub struct Postgres {
    port: u16,
    durable: bool,
    folder: PathBuf,
    log: PathBuf,
    next: AtomicU32,
    _keeper: Keeper,
}

static SHARED: OnceLock<Postgres> = OnceLock::new();

impl Postgres {
    /// The server that all tests of this process share. Panics when it does not start.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// Starts a server; it ends when the value is dropped or the process ends.
    pub fn start() -> Result<Self> {
        Self::begin(false)
    }

    /// Starts a server as people run it: a commit is on the disk.
    pub fn durable() -> Result<Self> {
        Self::begin(true)
    }

    fn begin(durable: bool) -> Result<Self> {
        for name in ["initdb", "pg_ctl", "psql"] {
            process::program(&format!("{PROGRAMS}/{name}"), "postgresql-15")?;
        }
        let keeper = Keeper::new(Some(PID))?;
        let folder = keeper.folder();
        let log = folder.join("postgres.log");
        std::fs::write(&log, "")?;
        process::run(Command::new("chown").arg("postgres").args([folder, &log]), &log)?;
        let data = folder.join("data");
        process::run(
            as_postgres("initdb", folder).arg("-D").arg(&data).args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ]),
            &log,
        )?;
        let port = crate::ports::free()?;
        let server = Self { port, durable, folder: folder.to_owned(), log, next: AtomicU32::new(0), _keeper: keeper };
        server.start_again()?;
        Ok(server)
    }

    /// Starts the server again after a stop, on the same port and data.
    pub fn start_again(&self) -> Result<()> {
        let quick = if self.durable { "" } else { " -c fsync=off -c full_page_writes=off" };
        let settings =
            format!("-k {} -h 127.0.0.1 -p {} -c max_connections=200{quick}", self.folder.display(), self.port);
        process::run(
            self.pg_ctl().args(["start", "-w", "-t", "30", "-l"]).arg(&self.log).args(["-o", &settings]),
            &self.log,
        )?;
        process::wait_up("PostgreSQL", &[self.port], &self.log)
    }

    /// Stops the server: its sessions are ended at once, open transactions rolled back. With `immediate` it dies
    /// as in a crash, and recovers from its log at the next start.
    pub fn stop(&self, immediate: bool) -> Result<()> {
        let mode = if immediate { "immediate" } else { "fast" };
        process::run(self.pg_ctl().args(["stop", "-w", "-t", "30", "-m", mode]), &self.log)
    }

    fn pg_ctl(&self) -> Command {
        let mut command = as_postgres("pg_ctl", &self.folder);
        command.arg("-D").arg(self.folder.join("data"));
        command
    }

    /// The loopback TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database and gives its URL.
    pub fn fresh_database(&self) -> Result<String> {
        self.database_from("template0")
    }

    /// Creates a copy of the database with this URL, which nobody is connected to, and gives its own.
    pub fn copy_of(&self, url: &str) -> Result<String> {
        self.database_from(url.rsplit('/').next().unwrap_or_default())
    }

    fn database_from(&self, template: &str) -> Result<String> {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(self.url(&name))
    }

    fn psql(&self, database: &str, statement: &str) -> Result<()> {
        let mut psql = Command::new(format!("{PROGRAMS}/psql"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", statement]);
        process::run(&mut psql, &self.log)
    }
}

/// PostgreSQL refuses to run as root.
fn as_postgres(name: &str, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"])
        .arg(format!("{PROGRAMS}/{name}"))
        .current_dir(folder);
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Postgres;

    #[test]
    fn a_fresh_database_answers_a_query_and_is_empty() {
        let server = Postgres::start().unwrap();
        let folder = server.log.parent().unwrap().to_owned();
        let one = server.fresh_database().unwrap();
        let two = server.fresh_database().unwrap();
        assert_ne!(one, two);
        let name = one.rsplit('/').next().unwrap();
        server.psql(name, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)").unwrap();
        assert!(server.psql(two.rsplit('/').next().unwrap(), "SELECT a FROM t").is_err());
        drop(server);
        assert!(fs::metadata(folder).is_err(), "the folder is removed with the server");
    }
}
