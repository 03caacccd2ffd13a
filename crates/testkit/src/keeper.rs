//! A temporary folder with servers in it that end, and are removed, together with their owner.
//!
//! A small shell waits on a pipe that only this process holds. The pipe closes when the [`Keeper`] is
//! dropped or the process ends in whatever way; then the shell stops the servers by their pid files
//! and removes the folder.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// $1 is the folder, the rest are pid files. A server that does not end in five seconds is killed.
const WATCH: &str = r#"
trap '' INT TERM HUP
alive() { read -r _ _ state _ <"/proc/$1/stat" && [ "$state" != Z ]; }
cat >/dev/null
folder=$1; shift
pids=
for file; do
  pid=$(head -n 1 "$file" 2>/dev/null) && [ -n "$pid" ] && pids="$pids $pid"
done
for pid in $pids; do kill -s INT "$pid"; kill -s TERM "$pid"; done 2>/dev/null
for pid in $pids; do
  tries=0
  while alive "$pid"; do
    tries=$((tries + 1))
    [ $tries -eq 100 ] && kill -s KILL "$pid"
    [ $tries -eq 120 ] && break
    sleep 0.05
  done
done 2>/dev/null
# What was still starting had no pid file yet.
for pass in 1 2 3; do
  found=
  for process in /proc/[0-9]*; do
    [ "$process" = "/proc/$$" ] && continue
    case "$(readlink "$process/cwd") $(tr '\0' ' ' <"$process/cmdline")" in
      *"$folder"*) kill -s KILL "${process#/proc/}"; found=yes ;;
    esac
  done 2>/dev/null
  [ -z "$found" ] && break
done
rm -rf "$folder"
"#;

pub(crate) struct Keeper {
    folder: PathBuf,
    watch: Option<Child>,
}

impl Keeper {
    /// Makes a folder that all users may search, and starts the watch over `pid_files` in it.
    pub(crate) fn new(pid_files: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("testkit-").tempdir()?.keep();
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        if fs::metadata(&folder)?.uid() != 0 {
            fs::remove_dir(&folder)?;
            bail!("the test servers need root: they change to their own users");
        }
        let watch = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(&folder)
            .args(pid_files.iter().map(|file| folder.join(file)))
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
