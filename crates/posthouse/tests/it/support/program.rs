//! The real binary as a process, to be killed.

use posthouse::config::Config;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
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
    /// Starts `posthouse serve` with these settings on any free port, to die at a named point (feature `failpoints`).
    pub fn start(config: &Config, folder: &Path, crash_at: Option<&str>) -> Self {
        // The settings of an app that was stopped name a port that may be another's by now.
        Self::start_at(([127, 0, 0, 1], 0).into(), (config, folder), crash_at)
    }

    /// The same, to be spoken to.
    pub fn start_at(listen: SocketAddr, (config, folder): (&Config, &Path), crash_at: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        command.arg("--config").arg(settings(config, folder)).arg("serve").arg("--listen").arg(listen.to_string());
        command.stdout(Stdio::null());
        if let Some(point) = crash_at {
            command.env("POSTHOUSE_CRASH_AT", point);
        }
        Self(command.spawn().unwrap())
    }

    /// The same, with a disk of so many KiB of its own for one of its folders; what lies there is taken along.
    pub fn with_disk(listen: SocketAddr, (config, folder): (&Config, &Path), (disk, kib): (&Path, u32)) -> Self {
        let script = r#"mkdir -p "$1" && cp -a "$1" "${1%/}-before" && mount -t tmpfs -o "size=$2k" none "$1" &&
            cp -a "${1%/}-before/." "$1" && shift 2 && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(disk).arg(kib.to_string());
        command.arg(env!("CARGO_BIN_EXE_posthouse")).arg("--config").arg(settings(config, folder)).arg("serve");
        Self(command.arg("--listen").arg(listen.to_string()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Makes that disk another size.
    pub fn resize_disk(&self, disk: &Path, kib: u32) {
        let done = Command::new("nsenter")
            .args(["-t", &self.0.id().to_string(), "-m", "mount", "-o", &format!("remount,size={kib}k"), "none"])
            .arg(disk)
            .status();
        assert!(done.unwrap().success());
    }

    /// A line of `/proc/<pid>/status` in bytes: `VmRSS` is what it holds in memory now, `VmHWM` the most so far.
    pub fn memory(&self, line: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let kib = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Starts it so that its writes, syncs and reads are written to a file by strace, in their order and with what every
    /// descriptor is. The program is our child and strace its tracer: killing the one ends the other.
    pub fn traced(config: &Config, folder: &Path, trace: &Path) -> Self {
        let calls = "trace=fdatasync,fsync,syncfs,pwrite64,write,writev,sendto,sendmsg,read,recvfrom,readv";
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-qq", "-yy", "-s", "8192", "-e", "signal=none", "-e", calls, "-o"]).arg(trace);
        command.arg(env!("CARGO_BIN_EXE_posthouse")).arg("--config").arg(settings(config, folder)).arg("serve");
        Self(command.stdout(Stdio::null()).spawn().unwrap())
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

/// Runs a command of the program to its end, to die at a named point when one is given.
pub fn command(config: &Config, folder: &Path, words: &[&str], crash_at: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    command.arg("--config").arg(settings(config, folder)).args(words);
    if let Some(point) = crash_at {
        command.env("POSTHOUSE_CRASH_AT", point);
    }
    command.output().unwrap()
}

/// Runs a command that must die at this point.
pub fn killed_command(config: &Config, folder: &Path, words: &[&str], point: &str) {
    let output = command(config, folder, words, Some(point));
    assert_eq!(output.status.signal(), Some(9), "{point}: {output:?}");
}

/// The section of the operator's mail server.
fn system_mail(host: &str, config: &Config) -> String {
    let s = &config.system_mail;
    let (user, from) = (s.username.as_deref().unwrap(), s.from.as_deref().unwrap());
    let password = s.password.as_ref().unwrap().expose();
    let (port, encryption) = (s.port, s.encryption);
    format!(
        "[system_mail]\nhost = {host:?}\nport = {port}\nencryption = \"{encryption}\"\nusername = {user:?}\npassword = {password:?}\nfrom = {from:?}\n"
    )
}

/// The settings as a file.
fn settings(config: &Config, folder: &Path) -> PathBuf {
    let list = |ports: &[u16]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    let database = config.database_url.as_ref().map(|u| format!("database_url = {u:?}\n")).unwrap_or_default();
    let mail = config.system_mail.host.as_ref().map(|host| system_mail(host, config)).unwrap_or_default();
    let text = format!(
        "data_dir = {}\nlisten = \"127.0.0.1:0\"\nallow_reserved_domains = true\nplain_text_logins = {}\nextra_ca = [{}]\n{database}\
         [egress]\nallow_private = true\nextra_ports = [{}]\n[retry]\nfirst_ms = 200\nlongest_ms = 1000\n\
         [notices]\nafter_ms = {}\n{mail}",
        quoted(&config.data_dir),
        config.plain_text_logins,
        config.extra_ca.iter().map(|p| quoted(p)).collect::<Vec<_>>().join(", "),
        list(&config.egress.extra_ports),
        config.notices.after_ms,
    );
    let oauth: String = config.oauth.iter().map(|(name, provider)| oauth_section(name, provider)).collect();
    let path = folder.join("settings.toml");
    std::fs::write(&path, text + &oauth).unwrap();
    path
}

/// A provider of the settings.
fn oauth_section(name: &str, p: &posthouse::config::OAuthSettings) -> String {
    let secret = p.client_secret.as_ref().map(|s| s.expose().to_owned());
    let fields = [
        ("client_id", p.client_id.clone()),
        ("client_secret", secret),
        ("authorize_url", p.authorize_url.clone()),
        ("token_url", p.token_url.clone()),
        ("revoke_url", p.revoke_url.clone()),
        ("imap", p.imap.clone()),
        ("smtp", p.smtp.clone()),
    ];
    let lines = fields.into_iter().filter_map(|(field, value)| value.map(|v| format!("{field} = {v:?}\n")));
    format!("[oauth.{name}]\n{}", lines.collect::<String>())
}
