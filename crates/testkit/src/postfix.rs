//! Postfix as a submission server: sign-in through Dovecot, `lab.test` delivered by LMTP.
//!
//! | recipient | answer |
//! |---|---|
//! | `reject*` `disabled*` `overquota*` `policy*` `unauth*` | 550 5.1.1, 550 5.2.1, 552 5.2.2, 550 5.7.1, 550 5.7.26 at RCPT |
//! | `full*` `tempfail*` | 452 4.2.2, 451 4.3.0 at RCPT |
//! | `ratelimit*` | 421 4.7.28, connection closed |
//! | `latefail*` `latereject*`, alone in a message | 451 4.3.0, 554 5.7.1 after the whole message |
//! | an unknown user of `lab.test` | accepted, then a failure report (5.1.1) to the sender |
//! | `@nouser.test` `@nodomain.test` `@blocked.test` | accepted, then a failure report (5.1.1, 5.4.4, 5.7.1) |
//! | any other domain | accepted and thrown away |
//!
//! A sender whose local part begins with `refused` gets 553 5.7.1.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Result, bail};

use crate::certs::Certs;
use crate::process;

const LONG_AGO: SystemTime = SystemTime::UNIX_EPOCH;

const RECIPIENTS: &str = "\
/^reject[^@]*@/     550 5.1.1 User unknown
/^disabled[^@]*@/   550 5.2.1 Mailbox disabled
/^overquota[^@]*@/  552 5.2.2 Mailbox full
/^policy[^@]*@/     550 5.7.1 Message refused by policy
/^unauth[^@]*@/     550 5.7.26 Unauthenticated mail is not accepted
/^full[^@]*@/       452 4.2.2 Mailbox is over quota
/^tempfail[^@]*@/   451 4.3.0 Temporary failure
/^ratelimit[^@]*@/  421 4.7.28 Too many messages from this account
";

const LATE: &str = "\
/^latefail[^@]*@/    451 4.3.0 Try again later
/^latereject[^@]*@/  554 5.7.1 Message looks like spam
";

const SENDERS: &str = "/^refused[^@]*@/  553 5.7.1 Sender address rejected: not owned by user\n";

const TRANSPORTS: &str = "\
/@nouser\\.test$/    error:5.1.1 No such user
/@nodomain\\.test$/  error:5.4.4 No such domain
/@blocked\\.test$/   error:5.7.1 Blocked
";

pub(crate) struct Postfix {
    folder: PathBuf,
    pub(crate) submission_port: u16,
    pub(crate) smtps_port: u16,
    pub(crate) plain_port: u16,
}

impl Postfix {
    pub(crate) fn configure(root: &Path, certs: &Certs, lmtp_port: u16, sasl_port: u16) -> Result<Self> {
        process::program("/usr/lib/postfix/sbin/master", "postfix")?;
        process::program("/usr/lib/postfix/postfix-pcre.so", "postfix-pcre")?;
        let postfix = Self {
            folder: root.join("postfix"),
            submission_port: crate::ports::free()?,
            smtps_port: crate::ports::free()?,
            plain_port: crate::ports::free()?,
        };
        let folder = &postfix.folder;
        fs::create_dir(folder)?;
        postfix.make_queue()?;
        fs::write(folder.join("recipients"), RECIPIENTS)?;
        fs::write(folder.join("late"), LATE)?;
        fs::write(folder.join("senders"), SENDERS)?;
        fs::write(folder.join("transports"), TRANSPORTS)?;
        fs::write(folder.join("main.cf"), postfix.main_cf(certs, lmtp_port, sasl_port))?;
        // Each Postfix program reads a main.cf that is younger than a second again and again.
        File::options().write(true).open(folder.join("main.cf"))?.set_modified(LONG_AGO)?;
        fs::write(folder.join("master.cf"), postfix.master_cf())?;
        Ok(postfix)
    }

    /// What `postfix start` would create on its first run; starting `master` directly is quicker.
    fn make_queue(&self) -> Result<()> {
        let queue = self.folder.join("queue");
        fs::create_dir(&queue)?;
        let owned = [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
            "trace", "maildrop", "public",
        ];
        for name in owned {
            fs::create_dir(queue.join(name))?;
            fs::set_permissions(queue.join(name), Permissions::from_mode(0o700))?;
        }
        fs::set_permissions(queue.join("maildrop"), Permissions::from_mode(0o730))?;
        fs::set_permissions(queue.join("public"), Permissions::from_mode(0o710))?;
        fs::create_dir(queue.join("pid"))?;
        fs::create_dir(self.folder.join("data"))?;
        let mut chown = Command::new("chown");
        chown.arg("postfix").args(owned.map(|name| queue.join(name))).arg(self.folder.join("data"));
        process::run(&mut chown, &self.start_log())?;
        let mut chgrp = Command::new("chgrp");
        chgrp.arg("postdrop").args([queue.join("maildrop"), queue.join("public")]);
        process::run(&mut chgrp, &self.start_log())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("mail.log")
    }

    fn start_log(&self) -> PathBuf {
        self.folder.join("start.log")
    }

    fn main_cf(&self, certs: &Certs, lmtp_port: u16, sasl_port: u16) -> String {
        let root = self.folder.display();
        let chain = certs.chain.display();
        let key = certs.key.display();
        format!(
            "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.lab.test
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = lab.test
virtual_mailbox_maps =
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
transport_maps = pcre:{root}/transports
default_transport = discard:
smtpd_reject_unlisted_recipient = no
smtpd_tls_cert_file = {chain}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl_port}
smtpd_sasl_security_options = noanonymous
smtpd_sender_restrictions = check_sender_access pcre:{root}/senders
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access pcre:{root}/recipients
smtpd_end_of_data_restrictions = check_recipient_access pcre:{root}/late
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
message_size_limit = 26214400
minimal_backoff_time = 5s
maximal_backoff_time = 10s
queue_run_delay = 5s
"
        )
    }

    fn master_cf(&self) -> String {
        let submission = self.submission_port;
        let smtps = self.smtps_port;
        let plain = self.plain_port;
        format!(
            "127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
127.0.0.1:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:{plain} inet n - n - - smtpd
  -o smtpd_tls_auth_only=no
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"
        )
    }

    pub(crate) fn start(&self) -> Result<()> {
        let mut master = Command::new("/usr/lib/postfix/sbin/master");
        master.arg("-w").arg("-c").arg(&self.folder).env("MAIL_CONFIG", &self.folder).env("MAIL_LOGTAG", "postfix");
        process::run(&mut master, &self.start_log())?;
        let ports = [self.submission_port, self.smtps_port, self.plain_port];
        process::wait_up("Postfix", &ports, &self.log())
    }

    /// Messages in the queue: each is one file, in folders by its first letters.
    pub(crate) fn queued(&self) -> Result<usize> {
        let mut found = 0;
        let mut todo: Vec<PathBuf> =
            ["incoming", "active", "deferred", "maildrop"].map(|name| self.folder.join("queue").join(name)).into();
        while let Some(at) = todo.pop() {
            // A message moves on between the listing and the look.
            let Ok(entries) = fs::read_dir(at) else { continue };
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() { todo.push(path) } else { found += 1 }
            }
        }
        Ok(found)
    }

    pub(crate) fn stop(&self) -> Result<()> {
        process::stop(&self.folder.join("queue/pid/master.pid"), "smtpd")?;
        for port in [self.submission_port, self.smtps_port, self.plain_port] {
            if !process::wait_for(process::SERVER_DEADLINE, || !process::accepts(port)) {
                bail!("Postfix still listens on port {port}");
            }
        }
        Ok(())
    }
}
