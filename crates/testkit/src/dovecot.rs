//! Two Dovecots on one mail store: one serves IMAP, the other local delivery (LMTP) and sign-in for
//! Postfix. So IMAP can be down while mail is still accepted and delivered.

use std::fmt::Write as _;
use std::fs;
use std::io::{Seek, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::certs::Certs;
use crate::openid::OpenIdProvider;
use crate::process;

/// Mail is owned by a bare number: no account on the machine is needed.
const MAIL_UID: u32 = 20_143;
/// How `doveadm` ends when there is nothing of what it was to work on.
const NOT_FOUND: i32 = 68;

pub(crate) struct Dovecot {
    folder: PathBuf,
    pub(crate) imap_port: u16,
    pub(crate) imaps_port: u16,
    pub(crate) lmtp_port: u16,
    pub(crate) sasl_port: u16,
}

impl Dovecot {
    /// Takes passwords, and with a provider its access tokens, too.
    pub(crate) fn configure(folder: &Path, certs: &Certs, openid: Option<&OpenIdProvider>) -> Result<Self> {
        process::program("/usr/sbin/dovecot", "dovecot-core")?;
        process::program("/usr/lib/dovecot/imap", "dovecot-imapd")?;
        process::program("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")?;
        let dovecot = Self {
            folder: folder.to_owned(),
            imap_port: crate::ports::free()?,
            imaps_port: crate::ports::free()?,
            lmtp_port: crate::ports::free()?,
            sasl_port: crate::ports::free()?,
        };
        fs::create_dir(folder.join("mail"))?;
        std::os::unix::fs::chown(folder.join("mail"), Some(MAIL_UID), Some(MAIL_UID))?;
        let auth = format!(
            "uri = file:{}/users\nkey passdb {{\n  key = passdb/%u\n  format = json\n}}\npassdb_objects = passdb\n",
            folder.display()
        );
        fs::write(folder.join("auth.conf"), auth)?;
        dovecot.write_users(&[])?;
        let sign_in = match openid {
            Some(openid) => dovecot.tokens_or_passwords(openid)?,
            None => format!("auth_mechanisms = plain login\n{}", dovecot.passwords("")),
        };
        for (name, services) in [("imap", dovecot.imap_services()), ("core", dovecot.core_services())] {
            fs::create_dir(folder.join(name))?;
            let text = dovecot.config(name, certs) + &sign_in + &services;
            fs::write(dovecot.config_file(name), text)?;
        }
        Ok(dovecot)
    }

    fn config_file(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("dovecot.conf")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("dovecot.log")
    }

    fn config(&self, name: &str, certs: &Certs) -> String {
        let root = self.folder.display();
        let chain = certs.chain.display();
        let key = certs.key.display();
        let mut text = format!(
            "base_dir = {root}/{name}/run
state_dir = {root}/{name}/state
log_path = {root}/{name}/dovecot.log
listen = 127.0.0.1
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:{root}/mail/%u/folders:INBOX={root}/mail/%u/INBOX:LAYOUT=fs:UTF-8
mail_save_crlf = yes
mail_max_userip_connections = 100
first_valid_uid = {MAIL_UID}
auth_failure_delay = 0
auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@+
postmaster_address = postmaster@lab.test
hostname = mx.lab.test
userdb {{
  driver = static
  args = uid={MAIL_UID} gid={MAIL_UID} home={root}/mail/%u
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"
        );
        text.push_str("namespace inbox {\n  inbox = yes\n  separator = /\n");
        for folder in ["Sent", "Drafts", "Junk", "Trash", "Archive"] {
            let _ = write!(text, "  mailbox {folder} {{\n    special_use = \\{folder}\n    auto = subscribe\n  }}\n");
        }
        text.push_str("}\n");
        text
    }

    fn passwords(&self, more: &str) -> String {
        format!("passdb {{\n  driver = dict\n  args = {}/auth.conf\n{more}}}\n", self.folder.display())
    }

    /// Whose an access token is, and whether it is good, is asked with every sign-in: first at one issuer, then at
    /// the other.
    fn tokens_or_passwords(&self, openid: &OpenIdProvider) -> Result<String> {
        let mut text = "auth_mechanisms = plain login xoauth2 oauthbearer\n".to_owned();
        for (name, issuer) in [("google", openid.google()), ("microsoft", openid.microsoft())] {
            let file = self.folder.join(format!("{name}.conf"));
            let settings = format!(
                "introspection_mode = post
introspection_url = {}
username_attribute = email
active_attribute = active
active_value = true
",
                issuer.introspection_url()
            );
            fs::write(&file, settings)?;
            let file = file.display();
            let _ =
                write!(text, "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {file}\n}}\n");
        }
        // "none" is a look-up without a sign-in: whether there is such a user, for delivery.
        Ok(text + &self.passwords("  mechanisms = plain login none\n"))
    }

    fn imap_services(&self) -> String {
        format!(
            "protocols = imap
service imap-login {{
  # One process for many sign-ins: a hundred tests sign in at once.
  service_count = 0
  inet_listener imap {{
    port = {}
  }}
  inet_listener imaps {{
    port = {}
    ssl = yes
  }}
}}
",
            self.imap_port, self.imaps_port
        )
    }

    fn core_services(&self) -> String {
        format!(
            "protocols = lmtp
service lmtp {{
  inet_listener lmtp {{
    port = {}
  }}
}}
service auth {{
  inet_listener {{
    port = {}
  }}
}}
",
            self.lmtp_port, self.sasl_port
        )
    }

    /// Has every mailbox limited to a gibibyte, as IMAP tells; counts once IMAP is started again.
    pub(crate) fn limit(&self) -> Result<()> {
        let file = self.config_file("imap");
        let text = fs::read_to_string(&file)?
            + "protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
}
";
        Ok(fs::write(file, text)?)
    }

    /// Has IMAP hold so many sessions at the same time, each a process; counts once IMAP is started again.
    pub(crate) fn hold(&self, sessions: usize) -> Result<()> {
        let file = self.config_file("imap");
        let clients = 2 * sessions;
        let text = fs::read_to_string(&file)?
            + &format!(
                "default_client_limit = {clients}
service imap {{
  process_limit = {clients}
}}
service anvil {{
  client_limit = {clients}
}}
service auth {{
  client_limit = {clients}
}}
"
            );
        Ok(fs::write(file, text)?)
    }

    pub(crate) fn start_imap(&self) -> Result<()> {
        self.launch("imap")?;
        process::wait_up("Dovecot", &[self.imap_port, self.imaps_port], &self.log("imap"))
    }

    pub(crate) fn start_core(&self) -> Result<()> {
        self.launch("core")?;
        process::wait_up("Dovecot", &[self.lmtp_port, self.sasl_port], &self.log("core"))
    }

    fn launch(&self, name: &str) -> Result<()> {
        let mut command = Command::new("/usr/sbin/dovecot");
        process::run(command.arg("-c").arg(self.config_file(name)), &self.log(name))
    }

    pub(crate) fn stop_imap(&self) -> Result<()> {
        process::stop(&self.folder.join("imap/run/master.pid"), "imap")?;
        for port in [self.imap_port, self.imaps_port] {
            if !process::wait_for(process::SERVER_DEADLINE, || !process::accepts(port)) {
                bail!("Dovecot still listens on port {port}");
            }
        }
        Ok(())
    }

    /// Replaces the list of users. The new file has a new inode: that is what Dovecot looks at, with
    /// every sign-in (its passwd-file driver looks once a second, and at whole seconds).
    pub(crate) fn write_users(&self, users: &[(String, String)]) -> Result<()> {
        let mut text = String::new();
        for (address, password) in users {
            let password = password.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "shared/passdb/{address}\n{{\"password\":\"{{PLAIN}}{password}\"}}");
        }
        let fresh = self.folder.join("users.new");
        fs::write(&fresh, text)?;
        fs::rename(fresh, self.folder.join("users"))?;
        Ok(())
    }

    /// Runs `doveadm` against the IMAP server's or the core server's sockets.
    pub(crate) fn doveadm(&self, name: &str, arguments: &[&str], input: &[u8]) -> Result<()> {
        let output = self.doveadm_output(name, arguments, input)?;
        ensure!(output.status.success(), "doveadm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Ends the sessions of one user. Between two sessions there is none to end.
    pub(crate) fn kick(&self, address: &str) -> Result<()> {
        let output = self.doveadm_output("imap", &["kick", address], b"")?;
        let kicked = output.status.success() || output.status.code() == Some(NOT_FOUND);
        ensure!(kicked, "doveadm kick {address}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn doveadm_output(&self, name: &str, arguments: &[&str], input: &[u8]) -> Result<Output> {
        let mut stdin = tempfile::tempfile()?;
        stdin.write_all(input)?;
        stdin.rewind()?;
        Command::new("/usr/bin/doveadm")
            .arg("-c")
            .arg(self.config_file(name))
            .args(arguments)
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .context("run doveadm")
    }

    /// Forgets what Dovecot knows about a folder's UIDs: it gives new ones, with a new UIDVALIDITY.
    pub(crate) fn renew_uids(&self, address: &str, folder: &str) -> Result<()> {
        for entry in std::fs::read_dir(self.maildir(address, folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Has everything of an account belong to the mail user.
    pub(crate) fn adopt(&self, address: &str) -> Result<()> {
        let owner = format!("{MAIL_UID}:{MAIL_UID}");
        let home = self.folder.join("mail").join(address);
        let status = Command::new("chown").args(["-R", &owner]).arg(home).status().context("run chown")?;
        if !status.success() {
            bail!("chown {address}: {status}");
        }
        Ok(())
    }

    pub(crate) fn imap_pid(&self) -> Result<u32> {
        let text = fs::read_to_string(self.folder.join("imap/run/master.pid"))?;
        text.lines().next().unwrap_or_default().trim().parse().context("an odd pid file of Dovecot")
    }

    /// The Maildir of one folder; `INBOX` in any case is the inbox.
    pub(crate) fn maildir(&self, address: &str, folder: &str) -> PathBuf {
        let home = self.folder.join("mail").join(address);
        if folder.eq_ignore_ascii_case("INBOX") { home.join("INBOX") } else { home.join("folders").join(folder) }
    }
}
