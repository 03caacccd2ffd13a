//! The real program as a process.

use crate::house::House;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A running program, one of the nodes; killed when dropped.
pub struct Program(Child, usize);

/// How a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By SIGKILL: ours, or its own at a crash point.
    Killed,
    /// By itself: it did not start, or stopped when it was asked to.
    Ended(Option<i32>),
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        if status.signal() == Some(9) { Self::Killed } else { Self::Ended(status.code()) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    pub fn start(house: &House, node: usize, crash_at: Option<&str>) -> Self {
        let append = |name: &str| File::options().create(true).append(true).open(house.file(name)).unwrap();
        let mut command = Command::new(house.file("posthouse"));
        command.arg("--config").arg(house.file("settings.toml")).arg("serve");
        command.arg("--listen").arg(house.caller.base(node).trim_start_matches("http://"));
        command.stdin(Stdio::null()).stdout(append("program.out")).stderr(append("program.log"));
        if let Some(point) = crash_at {
            command.env("POSTHOUSE_CRASH_AT", point);
        }
        Self(command.spawn().unwrap(), node)
    }

    /// Waits until it serves; false when it ended instead.
    pub async fn ready(&mut self, house: &House) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.0.try_wait().unwrap().is_none() {
            if house.caller.is_ready(self.1).await {
                return true;
            }
            assert!(Instant::now() < deadline, "the program does not become ready");
            sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Waits for its end, at most so long.
    pub async fn ends_within(&mut self, limit: Duration) -> Option<End> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.into());
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(Duration::from_millis(5).min(deadline - Instant::now())).await;
        }
    }

    /// SIGKILL. Says how it ended: it may have been quicker.
    pub fn kill(mut self) -> End {
        self.0.kill().unwrap();
        self.0.wait().unwrap().into()
    }

    /// Asks it to stop, as an operator does.
    pub async fn stop(mut self) -> Option<End> {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.ends_within(Duration::from_secs(30)).await
    }
}
