//! A mail provider on loopback: accounts, IMAP, submission and delivery under `lab.test`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail};

use crate::certs::{Certs, ServerCertificate};
use crate::dovecot::Dovecot;
use crate::keeper::Keeper;
use crate::maildir::Stored;
use crate::openid::OpenIdProvider;
use crate::postfix::Postfix;
use crate::{lmtp, maildir};

/// The mail domain of all accounts.
pub const DOMAIN: &str = "lab.test";

/// An account: sign in to IMAP and submission with `address` and `password`.
#[derive(Clone, Debug)]
pub struct Mailbox {
    pub address: String,
    pub password: String,
}

/// Dovecot and Postfix for one test or one test process.
///
/// The folders Sent, Drafts, Junk, Trash and Archive exist in every account, with their SPECIAL-USE
/// attributes. Postfix takes a password only through TLS, but on its plain port; Dovecot takes one without,
/// too, because both ends are on one host. Postfix answers some recipients with an error: `reject*`,
/// `disabled*`, `overquota*`, `policy*`, `unauth*` (5xx), `full*`, `tempfail*` (4xx), `ratelimit*` (421
/// and the connection closed), `latefail*`, `latereject*` (after the message); an unknown user of `lab.test` gives a failure report in the sender's
/// inbox; other domains are accepted and thrown away.
pub struct MailWorld {
    dovecot: Dovecot,
    postfix: Postfix,
    certs: Certs,
    openid: Option<OpenIdProvider>,
    users: Mutex<Vec<(String, String)>>,
    /// Last: the servers end after everything else is gone.
    _keeper: Keeper,
}

static SHARED: OnceLock<MailWorld> = OnceLock::new();
static SHARED_WITH_OAUTH: OnceLock<MailWorld> = OnceLock::new();

impl MailWorld {
    /// Starts all servers; they end when the value is dropped or the process ends.
    pub fn start() -> Result<Self> {
        Self::showing(ServerCertificate::Good)
    }

    /// As [`MailWorld::start`], with this certificate at all four TLS ports.
    pub fn showing(certificate: ServerCertificate) -> Result<Self> {
        Self::start_with(certificate, None)
    }

    /// As [`MailWorld::start`], with an OpenID provider whose access tokens IMAP and submission take beside the
    /// passwords, by OAUTHBEARER and XOAUTH2.
    pub fn with_oauth() -> Result<Self> {
        Self::start_with(ServerCertificate::Good, Some(OpenIdProvider::launch()?))
    }

    /// As [`MailWorld::start`], with a limit of one gibibyte for each mailbox, which IMAP tells (RFC 9208). Counting touches the
    /// folders' indexes, so other worlds go without.
    pub fn with_quota() -> Result<Self> {
        let world = Self::start()?;
        world.dovecot.stop_imap()?;
        world.dovecot.limit()?;
        world.dovecot.start_imap()?;
        Ok(world)
    }

    /// As [`MailWorld::start`], with IMAP for so many sessions at the same time. Dovecot tells of new mail at once only as far as the
    /// system lets its user watch files: `fs.inotify.max_user_instances` must be larger.
    pub fn holding(sessions: usize) -> Result<Self> {
        let world = Self::start()?;
        world.dovecot.stop_imap()?;
        world.dovecot.hold(sessions)?;
        world.dovecot.start_imap()?;
        Ok(world)
    }

    fn start_with(certificate: ServerCertificate, mut openid: Option<OpenIdProvider>) -> Result<Self> {
        let keeper = Keeper::new(None)?;
        let folder = keeper.folder();
        let certs = Certs::make(folder, certificate)?;
        let dovecot = Dovecot::configure(folder, &certs, openid.as_ref())?;
        let postfix = Postfix::configure(folder, &certs, dovecot.lmtp_port, dovecot.sasl_port)?;
        dovecot.start_core()?;
        dovecot.start_imap()?;
        postfix.start()?;
        if let Some(openid) = &mut openid {
            openid.wait_up()?;
        }
        Ok(Self { dovecot, postfix, certs, openid, users: Mutex::new(Vec::new()), _keeper: keeper })
    }

    /// The world that all tests of this process share. Panics when a server does not start.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// The world with an OpenID provider that all tests of this process share. Panics when a server does not start.
    pub fn shared_with_oauth() -> &'static Self {
        SHARED_WITH_OAUTH.get_or_init(|| Self::with_oauth().unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// The provider of [`MailWorld::with_oauth`]; other worlds have none.
    pub fn openid(&self) -> Result<&OpenIdProvider> {
        self.openid.as_ref().context("this world has no OpenID provider")
    }

    /// IMAP with STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.dovecot.imap_port
    }

    /// IMAP over TLS.
    pub fn imaps_port(&self) -> u16 {
        self.dovecot.imaps_port
    }

    /// Submission with STARTTLS, which is required before AUTH.
    pub fn submission_port(&self) -> u16 {
        self.postfix.submission_port
    }

    /// Submission over TLS.
    pub fn smtps_port(&self) -> u16 {
        self.postfix.smtps_port
    }

    /// Submission without TLS, which takes passwords too: where a test reads what passes.
    pub fn plain_submission_port(&self) -> u16 {
        self.postfix.plain_port
    }

    /// The certificate authority (PEM) that issued the servers' certificate for `localhost` and 127.0.0.1.
    pub fn ca_pem(&self) -> &Path {
        &self.certs.authority
    }

    /// Creates the account `local@lab.test`. Two tests on one world must use different local parts.
    pub fn add_user(&self, local: &str) -> Result<Mailbox> {
        let address = format!("{local}@{DOMAIN}");
        let password = format!("password-of-{local}");
        self.change_users(|users| {
            if users.iter().any(|(known, _)| *known == address) {
                bail!("{address} exists already");
            }
            users.push((address.clone(), password.clone()));
            Ok(())
        })?;
        Ok(Mailbox { address, password })
    }

    /// Changes a password: the next sign-in needs the new one, open sessions go on.
    pub fn set_password(&self, address: &str, new: &str) -> Result<()> {
        self.change_users(|users| {
            let Some(user) = users.iter_mut().find(|(known, _)| known == address) else {
                bail!("{address} does not exist");
            };
            new.clone_into(&mut user.1);
            Ok(())
        })
    }

    /// Gives a folder a new UIDVALIDITY, and its messages new UIDs. No session may have it open.
    pub fn renew_uids(&self, address: &str, folder: &str) -> Result<()> {
        self.dovecot.renew_uids(address, folder)
    }

    /// Removes an account; its mail stays on disk and open sessions go on.
    pub fn remove_user(&self, address: &str) -> Result<()> {
        self.change_users(|users| {
            users.retain(|(known, _)| known != address);
            Ok(())
        })
    }

    /// As [`MailWorld::add_user`], many at once.
    pub fn add_users(&self, locals: &[String]) -> Result<Vec<Mailbox>> {
        let new: Vec<Mailbox> = locals
            .iter()
            .map(|local| Mailbox { address: format!("{local}@{DOMAIN}"), password: format!("password-of-{local}") })
            .collect();
        self.change_users(|users| {
            if let Some((known, _)) = users.iter().find(|(known, _)| new.iter().any(|m| m.address == *known)) {
                bail!("{known} exists already");
            }
            users.extend(new.iter().map(|m| (m.address.clone(), m.password.clone())));
            Ok(())
        })?;
        Ok(new)
    }

    fn change_users(&self, change: impl FnOnce(&mut Vec<(String, String)>) -> Result<()>) -> Result<()> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut users)?;
        self.dovecot.write_users(&users)
    }

    /// Delivers a message to the account's INBOX, as if it came from outside.
    ///
    /// Line ends become CRLF; Dovecot adds `Return-Path`, `Delivered-To` and `Received`.
    pub fn deliver(&self, address: &str, raw: &[u8]) -> Result<()> {
        lmtp::deliver(self.dovecot.lmtp_port, address, raw)
    }

    /// Stores a message in a folder, byte by byte as given; creates the folder if it is missing.
    pub fn put(&self, address: &str, folder: &str, raw: &[u8]) -> Result<()> {
        let save = ["save", "-u", address, "-m", folder];
        if self.dovecot.doveadm("core", &save, raw).is_err() {
            // A session may have made it since.
            let made = self.create_folder(address, folder);
            self.dovecot.doveadm("core", &save, raw).or_else(|e| made.and(Err(e)))?;
        }
        Ok(())
    }

    /// Creates a folder; `/` separates levels.
    pub fn create_folder(&self, address: &str, folder: &str) -> Result<()> {
        self.dovecot.doveadm("core", &["mailbox", "create", "-u", address, folder], b"")
    }

    /// Runs `doveadm` with these arguments, for what has no method here.
    pub fn doveadm(&self, arguments: &[&str]) -> Result<()> {
        self.dovecot.doveadm("core", arguments, b"")
    }

    /// The raw messages of a folder in UID order; an absent folder is empty.
    pub fn messages(&self, address: &str, folder: &str) -> Result<Vec<Vec<u8>>> {
        Ok(self.stored(address, folder)?.into_iter().map(|m| m.raw).collect())
    }

    /// The messages of a folder with UID and flags, in UID order; an absent folder is empty.
    pub fn stored(&self, address: &str, folder: &str) -> Result<Vec<Stored>> {
        maildir::stored(&self.dovecot.maildir(address, folder))
    }

    /// The Maildir of a folder, for who writes much mail at once; see [`MailWorld::adopt`].
    pub fn maildir(&self, address: &str, folder: &str) -> PathBuf {
        self.dovecot.maildir(address, folder)
    }

    /// Gives the mail server what was written below an account's folders.
    pub fn adopt(&self, address: &str) -> Result<()> {
        self.dovecot.adopt(address)
    }

    /// The process id of the IMAP server, whose children are its sessions.
    pub fn imap_pid(&self) -> Result<u32> {
        self.dovecot.imap_pid()
    }

    /// How many messages the submission server has taken and not delivered yet.
    pub fn queued(&self) -> Result<usize> {
        self.postfix.queued()
    }

    /// How many messages of a folder have this Message-ID (with or without angle brackets).
    pub fn find_message_id(&self, address: &str, folder: &str, id: &str) -> Result<usize> {
        let bare = |id: &str| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
        let wanted = bare(id);
        let messages = self.messages(address, folder)?;
        Ok(messages.iter().filter(|raw| maildir::header(raw, "Message-ID").iter().any(|id| bare(id) == wanted)).count())
    }

    /// Stops the IMAP server and ends its sessions. Submission and delivery go on.
    pub fn stop_imap(&self) -> Result<()> {
        self.dovecot.stop_imap()
    }

    /// Starts the IMAP server again, on the same ports.
    pub fn start_imap(&self) -> Result<()> {
        self.dovecot.start_imap()
    }

    /// Stops the submission server and ends its sessions.
    pub fn stop_smtp(&self) -> Result<()> {
        self.postfix.stop()
    }

    /// Starts the submission server again, on the same ports.
    pub fn start_smtp(&self) -> Result<()> {
        self.postfix.start()
    }

    /// Ends the account's open IMAP sessions, if there are any.
    pub fn kick_sessions(&self, address: &str) -> Result<()> {
        self.dovecot.kick(address)
    }

    /// The logs of the IMAP server, of the core server (LMTP, sign-in) and of Postfix.
    pub fn logs(&self) -> [PathBuf; 3] {
        [self.dovecot.log("imap"), self.dovecot.log("core"), self.postfix.log()]
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
