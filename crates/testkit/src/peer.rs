//! Cyrus and Courier, unpacked by `scripts/peers.sh` and started where nothing of the machine changes: in a mount namespace of
//! its own each finds its programs, and Courier its compiled-in `/etc/courier` and `/run/courier`; in a process namespace of its own
//! everything ends with its first process.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail};

use crate::keeper::Keeper;
use crate::other::OtherProgram;
use crate::process;

/// Mailboxes that are there from the start: who may sign in is not changed while a server runs.
const USERS: usize = 48;
/// The password of each.
const PASSWORD: &str = "password-of-a-peer";
/// The shell stays the first process: it ends with the one that started it, which a server that changes its user does not.
/// What both begin with. $1 is the server's folder, $2 the unpacked packages, $3 the port; the rest are the users.
const SPACE: &str = "set -eu
folder=$1; root=$2; port=$3; password=$4; shift 4
mount --make-rprivate /
mount -t overlay overlay -o \"lowerdir=$root/usr:/usr\" /usr
cd \"$folder\"
";
const CYRUS: &str = r#"
[ -e sasldb ] || for user in "$@"; do
  printf %s "$password" | saslpasswd2 -p -c -f sasldb -u localhost "$user"
done
chown -R mail:mail conf spool run sasldb
/usr/lib/cyrus/bin/master -C "$folder/imapd.conf" -M "$folder/cyrus.conf" -p "$folder/master.pid" &
wait $!
"#;
/// Gamin, which Courier asks before each command, wants a user with a name.
const COURIER: &str = r#"
mount -t overlay overlay -o "lowerdir=$folder/over/etc:/etc" /etc
mount -t overlay overlay -o "lowerdir=$folder/over/run:/run" /run
mount --bind conf /etc/courier
mount --bind run /run/courier
hash=$(printf '%s\n%s\n' "$password" "$password" | userdbpw -md5)
[ -e conf/userdb ] || for user in "$@"; do
  home=$folder/mail/$user
  mkdir -p "$home"
  maildirmake.courier "$home/Maildir"
  for name in Sent Drafts Trash Junk; do maildirmake.courier -f $name "$home/Maildir"; done
  chown -R mail:mail "$home"
  printf '%s\tuid=%s|gid=%s|home=%s|mail=%s|imappw=%s\n' "$user" "$(id -u mail)" "$(id -g mail)" "$home" "$home/Maildir" "$hash" >>conf/userdb
done
chmod 600 conf/userdb
makeuserdb
/usr/lib/courier/courier-authlib/authdaemond &
until [ -S run/authdaemon/socket ]; do sleep 0.05; done
listen=$port
set -a
. "$root/etc/courier/imapd"
set +a
couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup "$listen" \
  /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir &
wait $!
"#;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Knows everything that Dovecot does; special-use attributes in lower case, folders below INBOX, `.` between levels.
    Cyrus,
    /// No CONDSTORE, SPECIAL-USE, MOVE, ESEARCH, LIST-STATUS; folders below INBOX, `.` between levels.
    Courier,
}

/// A running one. Ends when it is dropped or the process ends.
pub struct PeerServer {
    peer: Peer,
    root: PathBuf,
    /// IMAP without TLS.
    pub port: u16,
    next: AtomicUsize,
    process: Mutex<Option<Child>>,
    keeper: Keeper,
}

static CYRUS_SHARED: OnceLock<PeerServer> = OnceLock::new();
static COURIER_SHARED: OnceLock<PeerServer> = OnceLock::new();

impl PeerServer {
    /// Starts one with mailboxes that nobody uses yet.
    pub fn start(peer: Peer) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/root");
        let root = root.canonicalize().context("Cyrus and Courier are missing: run scripts/peers.sh")?;
        let keeper = Keeper::new(None)?;
        let server = Self {
            peer,
            root,
            port: crate::ports::free()?,
            next: AtomicUsize::new(0),
            process: Mutex::new(None),
            keeper,
        };
        match peer {
            Peer::Cyrus => server.configure_cyrus()?,
            Peer::Courier => server.configure_courier()?,
        }
        server.start_again()?;
        Ok(server)
    }

    /// The one that all tests of this process share. Panics when it does not start.
    pub fn shared(peer: Peer) -> &'static Self {
        let shared = match peer {
            Peer::Cyrus => &CYRUS_SHARED,
            Peer::Courier => &COURIER_SHARED,
        };
        shared.get_or_init(|| Self::start(peer).unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// The name and the password of a mailbox that is the caller's alone.
    pub fn user(&self) -> Result<(String, String)> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if number >= USERS {
            bail!("there are {USERS} mailboxes");
        }
        let name = name(number);
        // Cyrus makes the mailbox and its folders with the first sign-in.
        self.other(&name)?;
        Ok((name, PASSWORD.to_owned()))
    }

    /// Another mail program, signed in to this mailbox.
    pub fn other(&self, user: &str) -> Result<OtherProgram> {
        OtherProgram::sign_in(self.port, user, PASSWORD)
    }

    /// Has Courier give new UIDs, with a new UIDVALIDITY; Cyrus keeps its own from a folder's beginning to its end.
    pub fn forget_uids(&self, user: &str, folder: &str) -> Result<()> {
        if self.peer != Peer::Courier {
            bail!("only Courier forgets UIDs");
        }
        let inside = folder.strip_prefix("INBOX").context("all folders are below INBOX")?;
        let file = self.keeper.folder().join(format!("mail/{user}/Maildir/{inside}/courierimapuiddb"));
        // It goes by the second, and must not be the one that it had.
        let before = self.validity(user, folder)?;
        if !process::wait_for(process::SERVER_DEADLINE, || {
            let _ = fs::remove_file(&file);
            self.validity(user, folder).is_ok_and(|now| now != before)
        }) {
            bail!("Courier keeps the UIDs of {folder}");
        }
        Ok(())
    }

    /// Lays a message into a mailbox of Courier's, as a delivery program does; `name` is the file's, whose order the UIDs follow.
    pub fn lay(&self, user: &str, name: &str, raw: &[u8]) -> Result<()> {
        let maildir = self.keeper.folder().join(format!("mail/{user}/Maildir"));
        let (fresh, new) = (maildir.join("tmp").join(name), maildir.join("new").join(name));
        fs::write(&fresh, raw)?;
        let owner = fs::metadata(&maildir)?;
        std::os::unix::fs::chown(&fresh, Some(owner.uid()), Some(owner.gid()))?;
        Ok(fs::rename(fresh, new)?)
    }

    fn validity(&self, user: &str, folder: &str) -> Result<String> {
        // Only who opens it for writing has the server keep what it says.
        let lines = self.other(user)?.command(&format!("SELECT \"{folder}\""))?;
        Ok(lines.into_iter().find(|line| line.text.contains("UIDVALIDITY")).context("no UIDVALIDITY")?.text)
    }

    /// Ends it with its sessions.
    pub fn stop(&self) -> Result<()> {
        if let Some(mut process) = self.process.lock().unwrap_or_else(PoisonError::into_inner).take() {
            process.kill()?;
            process.wait()?;
        }
        if !process::wait_for(process::SERVER_DEADLINE, || !process::accepts(self.port)) {
            bail!("{:?} still listens", self.peer);
        }
        Ok(())
    }

    /// Starts it on its port, with the mail that it has.
    pub fn start_again(&self) -> Result<()> {
        let log = self.keeper.folder().join("log");
        let file = process::append(&log)?;
        let script = SPACE.to_owned()
            + match self.peer {
                Peer::Cyrus => CYRUS,
                Peer::Courier => COURIER,
            };
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script, "sh"]);
        command.arg(self.keeper.folder()).arg(&self.root).arg(self.port.to_string()).arg(PASSWORD);
        command.args((0..USERS).map(name)).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().context("run unshare")?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        process::wait_up(&format!("{:?}", self.peer), &[self.port], &log)
    }

    fn configure_cyrus(&self) -> Result<()> {
        let folder = self.keeper.folder();
        for name in ["conf", "spool", "run"] {
            fs::create_dir(folder.join(name))?;
        }
        let at = folder.display();
        let settings = format!(
            "configdirectory: {at}/conf
proc_path: {at}/run/proc
mboxname_lockpath: {at}/run/lock
defaultpartition: default
partition-default: {at}/spool
cyrus_user: mail
servername: localhost
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {at}/sasldb
sasl_mech_list: PLAIN
allowplaintext: yes
unixhierarchysep: no
altnamespace: no
autocreate_quota: 0
autocreate_inbox_folders: Sent|Drafts|Junk|Trash|Archive
autocreate_subscribe_folders: Sent|Drafts|Junk|Trash|Archive
xlist-sent: Sent
xlist-drafts: Drafts
xlist-junk: Junk
xlist-trash: Trash
xlist-archive: Archive
idlesocket: {at}/run/idle
lmtpsocket: {at}/run/lmtp
notifysocket: {at}/run/notify
"
        );
        fs::write(folder.join("imapd.conf"), settings)?;
        // Each entry on a line of its own: else it is read as empty, without an error.
        let services = format!(
            "START {{
  recover cmd=\"ctl_cyrusdb -C {at}/imapd.conf -r\"
}}
SERVICES {{
  imap cmd=\"imapd -C {at}/imapd.conf\" listen=\"127.0.0.1:{}\" prefork=2 maxchild=200
}}
EVENTS {{
  checkpoint cmd=\"ctl_cyrusdb -C {at}/imapd.conf -c\" period=30
}}
",
            self.port
        );
        Ok(fs::write(folder.join("cyrus.conf"), services)?)
    }

    fn configure_courier(&self) -> Result<()> {
        let folder = self.keeper.folder();
        for name in ["over/etc/courier", "over/run/courier", "conf", "run/authdaemon", "mail"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let settings = "authmodulelist=\"authuserdb\"\ndaemons=5\nauthdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\n\
                        DEFAULTOPTIONS=\"\"\nLOGGEROPTS=\"\"\n";
        Ok(fs::write(folder.join("conf/authdaemonrc"), settings)?)
    }
}

impl Drop for PeerServer {
    fn drop(&mut self) {
        // The keeper's watch removes what is left.
        let _ = self.stop();
    }
}

fn name(number: usize) -> String {
    format!("peer-{number}")
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
