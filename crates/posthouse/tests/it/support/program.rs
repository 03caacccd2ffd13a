//! The real binary as a process, to be killed.

use posthouse::config::Config;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The running program; killed when dropped.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// Starts `posthouse serve` with these settings, to die at a named point (feature `failpoints`).
    pub fn start(config: &Config, folder: &Path, crash_at: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        command.arg("--config").arg(settings(config, folder)).arg("serve").stdout(Stdio::null());
        if let Some(point) = crash_at {
            command.env("POSTHOUSE_CRASH_AT", point);
        }
        Self(command.spawn().unwrap())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// Whether it is frozen (SIGSTOP).
    pub fn is_frozen(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('T')
    }

    /// Whether it was killed before the deadline.
    pub async fn killed(&mut self) -> bool {
        for _ in 0..600 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.signal() == Some(9);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

/// The settings as a file.
fn settings(config: &Config, folder: &Path) -> PathBuf {
    let list = |ports: &[u16]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let database = config.database_url.as_ref().map(|u| format!("database_url = {u:?}\n")).unwrap_or_default();
    let text = format!(
        "data_dir = {}\nlisten = \"127.0.0.1:0\"\nallow_reserved_domains = true\nextra_ca = [{}]\n{database}\
         [egress]\nallow_private = true\nextra_ports = [{}]\n[retry]\nfirst_ms = 200\nlongest_ms = 1000\n",
        quoted(&config.data_dir),
        config.extra_ca.iter().map(|p| quoted(p)).collect::<Vec<_>>().join(", "),
        list(&config.egress.extra_ports),
    );
    let path = folder.join("settings.toml");
    std::fs::write(&path, text).unwrap();
    path
}
