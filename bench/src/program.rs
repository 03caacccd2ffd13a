//! The program under measurement, as a process.

use anyhow::{Context, Result, bail};
use posthouse::config::Config;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Hundredths of a second in one second: less is rest.
const RESTING_TICKS: u64 = 5;
/// Linux counts so everywhere, whatever the kernel was built with.
const TICKS: f64 = 100.0;

/// Runs until dropped.
pub struct Program {
    child: Child,
    /// Where it serves.
    pub port: u16,
    /// From its start to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts it on this data and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start, or is not ready within half a minute.
    pub async fn start(program: &Path, config: &Config) -> Result<Self> {
        let port = testkit::free_port()?;
        let mut command = Command::new(program);
        command.arg("--data-dir").arg(&config.data_dir).arg("serve").arg("--listen").arg(format!("127.0.0.1:{port}"));
        command.env("POSTHOUSE_LOG__LEVEL", "warn").stdout(Stdio::null());
        match &config.database_url {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        command.envs(servers(config));
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} does not start", program.display()))?;
        let mut running = Self { child, port, ready_after: Duration::ZERO };
        while !ready(port).await {
            if started.elapsed() > Duration::from_secs(30) {
                bail!("not ready after 30 s");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.ready_after = started.elapsed();
        Ok(running)
    }

    /// Waits until it does nothing: after a start it takes the lease of every account, which is not what is measured.
    ///
    /// # Errors
    /// When the process is gone, or is still busy after three minutes.
    pub async fn at_rest(&self) -> Result<()> {
        for _ in 0..180 {
            let before = self.ticks()?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.ticks()? - before <= RESTING_TICKS {
                return Ok(());
            }
        }
        bail!("still busy after three minutes")
    }

    /// Time of the processor that it used so far, in hundredths of a second.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn ticks(&self) -> Result<u64> {
        let used = Used::of(&self.child.id().to_string())?;
        Ok(used.own)
    }

    /// Time of the processor that it used so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_secs(&self) -> Result<f64> {
        Ok(self.ticks()? as f64 / TICKS)
    }

    /// Resident memory in MiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident_mib(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most that was resident at once, since the start or since [`Program::forget_peak`].
    ///
    /// # Errors
    /// When the process is gone.
    pub fn peak_mib(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    /// What is resident now is the peak so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1_024.0)
    }
}

/// Time of the processor, in hundredths of a second.
struct Used {
    parent: u32,
    own: u64,
    /// Of its children that have ended.
    ended: u64,
}

impl Used {
    fn of(process: &str) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let at = |n: usize| fields.get(n).and_then(|f| f.parse::<u64>().ok()).context("an odd /proc/stat");
        Ok(Self { parent: u32::try_from(at(1)?)?, own: at(11)? + at(12)?, ended: at(13)? + at(14)? })
    }
}

/// Seconds of the processor that a process and everything that it ever started used so far.
///
/// # Errors
/// When it is gone.
pub fn family_secs(root: u32) -> Result<f64> {
    let mut all = std::collections::HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // One that ended meanwhile is its parent's.
        if let (Ok(process), Ok(used)) = (name.parse::<u32>(), Used::of(&name)) {
            all.insert(process, used);
        }
    }
    let of_family = |process: u32| {
        let mut at = process;
        while let Some(used) = all.get(&at).filter(|_| at != root) {
            at = used.parent;
        }
        at == root
    };
    let ticks: u64 =
        all.iter().filter(|(process, _)| of_family(**process)).map(|(_, used)| used.own + used.ended).sum();
    Ok(ticks as f64 / TICKS)
}

/// Seconds of the processor that the ended children of this process used so far.
///
/// # Errors
/// When `/proc` is odd.
pub fn children_secs() -> Result<f64> {
    Ok(Used::of("self")?.ended as f64 / TICKS)
}

/// What lets the program reach mail servers on this machine, where the settings have it.
fn servers(config: &Config) -> Vec<(&'static str, String)> {
    let mut named = vec![];
    if config.egress.allow_private {
        named.push(("POSTHOUSE_EGRESS__ALLOW_PRIVATE", "true".to_owned()));
    }
    if !config.egress.extra_ports.is_empty() {
        let ports: Vec<String> = config.egress.extra_ports.iter().map(ToString::to_string).collect();
        named.push(("POSTHOUSE_EGRESS__EXTRA_PORTS", ports.join(",")));
    }
    if config.plain_text_logins {
        named.push(("POSTHOUSE_PLAIN_TEXT_LOGINS", "true".to_owned()));
    }
    if let Some(file) = config.extra_ca.first() {
        named.push(("POSTHOUSE_EXTRA_CA", file.display().to_string()));
    }
    named
}

/// One request of `/readyz`, by hand: a client library would cost more than what is measured.
async fn ready(port: u16) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the own program on loopback")]
    let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let request = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
