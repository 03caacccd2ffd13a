//! A temporary folder with servers in it that end, and are removed, together with their owner.
//!
//! A small shell waits on a pipe that only this process holds. The pipe closes when the [`Keeper`] is
//! dropped or the process ends in whatever way; then the shell ends the servers and removes the folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// $1 is the folder; $2, if any, a pid file in it whose process is asked to end and has five seconds to do so.
/// All that is left with the folder as its working place or in its command line is killed, in rounds: a server
/// that is about to end may still start a process.
const WATCH: &str = r#"
trap '' INT TERM HUP
alive() { read -r _ _ state _ <"/proc/$1/stat" && [ "$state" != Z ]; }
cat >/dev/null
folder=$1
if pid=$(head -n 1 "$2" 2>/dev/null) && [ -n "$pid" ]; then
  kill -s INT "$pid"
  tries=0
  while alive "$pid" && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.05
  done
fi 2>/dev/null
for round in 1 2 3 4 5 6 7 8; do
  found=
  for file in $(find /proc -maxdepth 2 -name cwd -lname "$folder*"; grep -lsF "$folder" /proc/[0-9]*/cmdline); do
    pid=${file#/proc/}; pid=${pid%%/*}
    [ "$pid" = "$$" ] || { kill -s KILL "$pid" && found=yes; }
  done 2>/dev/null
  [ -z "$found" ] && break
done 2>/dev/null
rm -rf "$folder"
"#;

pub(crate) struct Keeper {
    folder: PathBuf,
    watch: Option<Child>,
}

impl Keeper {
    /// Makes a folder that all users may search, and starts the watch over it. The server with this pid file
    /// leaves something outside the folder unless it ends by itself; the others are killed.
    pub(crate) fn new(pid_file: Option<&str>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("testkit-").tempdir()?.keep();
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        if fs::metadata(&folder)?.uid() != 0 {
            fs::remove_dir(&folder)?;
            bail!("the test servers need root: they change to their own users");
        }
        let watch = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(&folder)
            .args(pid_file.map(|file| folder.join(file)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("start the watch over the test servers")?;
        Ok(Self { folder, watch: Some(watch) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            drop(watch.stdin.take());
            // Nothing useful can be done about a failed clean-up of a test.
            let _ = watch.wait();
        }
    }
}
