//! Running the servers' programs, and waiting for what they do.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a server may take to come up or go down on a busy machine.
pub(crate) const SERVER_DEADLINE: Duration = Duration::from_secs(30);

/// Polls `condition` every few milliseconds until it holds; false when `deadline` passed first.
///
/// Blocks the thread: in an async test use a multi-thread runtime.
pub fn wait_for(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The path of a server program, or an error that names the Debian package.
pub(crate) fn program(path: &str, package: &str) -> Result<PathBuf> {
    let path = PathBuf::from(path);
    if !path.exists() {
        bail!("{} is missing: install the Debian package {package}", path.display());
    }
    Ok(path)
}

pub(crate) fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until all ports accept connections; the error carries the end of the server's log.
pub(crate) fn wait_up(server: &str, ports: &[u16], log: &Path) -> Result<()> {
    for port in ports {
        if !wait_for(SERVER_DEADLINE, || accepts(*port)) {
            bail!("{server} did not open port {port}; its log ends:\n{}", tail(log));
        }
    }
    Ok(())
}

/// Ends the server whose process id is the first line of `pid_file`, and waits for that. Its children of the
/// name `session` are told first: Dovecot leaves a session that waits in IDLE alone for ten seconds.
pub(crate) fn stop(pid_file: &Path, session: &str) -> Result<()> {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return Ok(()); // not running
    };
    let pid = text.lines().next().unwrap_or_default().trim().to_owned();
    let mut processes = children(&pid, session)?;
    processes.push(pid.clone());
    Command::new("kill").args(["-s", "TERM"]).args(&processes).stderr(Stdio::null()).status()?;
    if !wait_for(SERVER_DEADLINE, || !alive(&pid)) {
        bail!("the server with process id {pid} does not end");
    }
    Ok(())
}

fn children(parent: &str, program: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stat = fs::read_to_string(Path::new("/proc").join(&name).join("stat")).unwrap_or_default();
        // pid (program) state parent ...
        if let Some((start, rest)) = stat.rsplit_once(')')
            && rest.split_ascii_whitespace().nth(1) == Some(parent)
            && start.ends_with(&format!("({program}"))
        {
            found.push(name);
        }
    }
    Ok(found)
}

/// Where nothing reaps orphans a finished daemon stays as a zombie: that counts as gone.
fn alive(pid: &str) -> bool {
    fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

/// Runs a program to its end with its output in `log`; an error carries the end of that log.
///
/// Output never goes to a pipe: a daemon would keep it open and the caller would never return.
pub(crate) fn run(command: &mut Command, log: &Path) -> Result<()> {
    let file = append(log)?;
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("run {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}; its log ends:\n{}", tail(log));
    }
    Ok(())
}

pub(crate) fn append(log: &Path) -> Result<File> {
    File::options().create(true).append(true).open(log).with_context(|| format!("open {}", log.display()))
}

pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
}
