//! A person came back with a code: the account that comes of it.

use super::store::{self, FlowRow};
use super::{FlowId, Problem, open};
use crate::accounts::Encryption;
use crate::accounts::{self, Access, AccountId, Failure, NewAccount, Provider, Reason, Side};
use crate::app::App;
use crate::base::events::{self, Kind};
use crate::base::jobs::{Job, JobError, Lease};
use crate::base::secret::Secret;
use crate::config::MailServer;
use crate::connect::open::{Credential, Server};
use crate::connect::owner;
use crate::connect::probe::{self, Probe};
use crate::connect::save::{self, ChangedServers, NewServers, SaveError};
use crate::oauth::{self, Given, Registration};
use crate::team::{self, Actor, Scope, WorkspaceId};
use mail::address::EmailAddress;
use net::oauth::{Identity, Tokens, missing_scopes};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Redeems the code of a flow and connects the account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinishConsent {
    workspace_id: WorkspaceId,
    flow_id: FlowId,
}

impl FinishConsent {
    pub(super) fn of(workspace_id: WorkspaceId, flow_id: FlowId) -> Self {
        Self { workspace_id, flow_id }
    }
}

impl Job for FinishConsent {
    const KIND: &'static str = "finish_consent";

    fn lane(&self) -> String {
        format!("consent:{}", self.flow_id)
    }

    fn dedup(&self) -> Option<String> {
        Some(self.flow_id.to_string())
    }

    async fn run(self, app: App, _: Lease) -> Result<(), JobError> {
        let scope = Scope::of(self.workspace_id);
        let Some(row) = store::flow(&mut app.db.read().await?, &scope, self.flow_id).await? else { return Ok(()) };
        if row.state != super::FlowState::Working {
            return Ok(());
        }
        let secrets = open(&app, &scope, &row);
        // From here on the code counts as used: whoever comes here again finds none.
        let mut tx = app.db.tx().await?;
        store::take_secrets(&mut tx, &scope, row.id).await?;
        tx.commit().await?;
        app.crash.point("consent.taken");
        let done = match secrets {
            Some(super::Secrets { verifier, nonce, code: Some(code), iss }) => {
                let finish = Finish { app: &app, scope, row: &row };
                finish.run((code, iss.as_deref()), (SecretString::from(verifier), &nonce)).await
            }
            _ => Err(Problem::interrupted()),
        };
        if let Err(problem) = done {
            tracing::info!(flow = %row.id, code = problem.code, "oauth: a flow failed");
            let mut tx = app.db.tx().await?;
            store::end(&mut tx, &scope, row.id, (None, Some(&problem)), app.clock.now()).await?;
            events::emit_to_all(&mut tx, &app, &scope, Kind::ConsentChanged).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

struct Finish<'a> {
    app: &'a App,
    scope: Scope,
    row: &'a FlowRow,
}

impl Finish<'_> {
    async fn run(
        &self,
        (code, iss): (String, Option<&str>),
        (verifier, nonce): (SecretString, &str),
    ) -> Result<(), Problem> {
        let internal = |e: db::DbError| Problem::from(SaveError::Db(e));
        let (used, actor) = {
            let mut c = self.app.db.read().await.map_err(internal)?;
            let named = (self.row.provider.as_str(), self.row.app_id);
            let used = oauth::registration(self.app, &mut c, &self.scope, named).await;
            let used = used.map_err(|f| Problem::of(f, Provider::Custom))?;
            (used, self.actor(&mut c).await?)
        };
        let kind = used.provider.kind;
        // Before anything that came with the answer goes anywhere.
        let from = net::oauth::check_issuer(&self.app.web, &used.app, used.issuer.as_ref(), iss).await;
        from.map_err(|e| {
            tracing::warn!(flow = %self.row.id, provider = used.provider.key, error = %e, "oauth: an answer is not used");
            Problem::wrong_issuer(&e)
        })?;
        let answer = net::oauth::exchange(&self.app.web, &used.app, code, &verifier).await;
        oauth::note_outcome(self.app, &self.scope, &used, answer.as_ref().err()).await.map_err(internal)?;
        self.app.crash.point("consent.redeemed");
        let tokens = answer.map_err(|f| Problem::not_redeemed(&f, kind))?;
        let (given, lacks) = self.given(used, tokens, nonce).map_err(|f| Problem::of(f, kind))?;
        if let Some(problem) = lacks {
            self.decline(&given).await;
            return Err(problem);
        }
        if self.row.wish.dry_run {
            self.decline(&given).await;
            return self.end_dry_run().await.map_err(internal);
        }
        let done = self.connect(&actor, &given).await;
        if done.is_err() {
            self.decline(&given).await;
        }
        done
    }

    async fn end_dry_run(&self) -> db::DbResult<()> {
        let mut tx = self.app.db.tx().await?;
        store::end(&mut tx, &self.scope, self.row.id, (None, None), self.app.clock.now()).await?;
        events::emit_to_all(&mut tx, self.app, &self.scope, Kind::ConsentChanged).await?;
        tx.commit().await
    }

    /// In whose name it is connected: theirs who began it, or theirs who made the link.
    async fn actor(&self, c: &mut db::Conn) -> Result<Actor, Problem> {
        if let Some(link) = self.row.link_id {
            return Ok(owner::still(c, self.app, &self.scope, link).await?.maker);
        }
        let member = match self.row.user_id {
            Some(user) => team::member(c, &self.scope, user).await.map_err(SaveError::Db)?,
            None => None,
        };
        member.ok_or_else(|| {
            Problem::new("not_allowed", "You are no longer a member of this workspace.", "Ask an admin.")
        })
    }

    async fn decline(&self, given: &Given) {
        let noted = async {
            let given_back = oauth::decline(self.app, &self.scope, given).await?;
            let mut tx = self.app.db.tx().await?;
            store::note_given_back(&mut tx, &self.scope, self.row.id, given_back).await?;
            tx.commit().await
        };
        if let Err(e) = noted.await {
            tracing::warn!(error = %e, "oauth: it is not known whether tokens that are not used were given back");
        }
    }

    /// What was given, and what it lacks: a permission, or a name for whoever gave it.
    fn given(&self, used: Registration, tokens: Tokens, nonce: &str) -> Result<(Given, Option<Problem>), Failure> {
        let Tokens { access, refresh, lasts, scopes, id_token } = tokens;
        let refresh = refresh.ok_or_else(|| Failure::of(Reason::NoLastingAccess))?;
        let now_secs = self.app.clock.now().0 / 1_000_000;
        let read = || Identity::read(id_token.as_deref(), &used.app.client_id, nonce, now_secs);
        let (identity, unread) = match used.provider.tells_identity().then(read).transpose() {
            Ok(identity) => (identity, None),
            Err(e) => (None, Some(Problem::nameless(&e))),
        };
        let missing = scopes.map(|s| missing_scopes(&s, &used.provider.required())).unwrap_or_default();
        let not_given = || {
            let seen = format!("Not given: {}.", missing.join(", "));
            Problem::of(Failure::of(Reason::ScopeMissing).with_seen(Some(seen)), used.provider.kind)
        };
        let lacks = unread.or_else(|| (!missing.is_empty()).then(not_given));
        Ok((Given { registration: used, identity, refresh, access, lasts }, lacks))
    }

    async fn connect(&self, actor: &Actor, given: &Given) -> Result<(), Problem> {
        let internal = |e: db::DbError| Problem::from(SaveError::Db(e));
        let kind = given.registration.provider.kind;
        let known = match self.row.account_id {
            Some(id) => oauth::known(&mut self.app.db.read().await.map_err(internal)?, &self.scope, id)
                .await
                .map_err(internal)?,
            None => None,
        };
        let who = given.identity.as_ref();
        let shown = who.and_then(|i| i.shown.clone()).unwrap_or_default();
        let other = known.as_ref().is_some_and(|k| !k.identity.is_empty() && who.is_none_or(|i| i.key != k.identity));
        if other {
            let before = known.map(|k| k.shown).unwrap_or_default();
            let seen = format!("Signed in as {}, connected with {}.", or_somebody(&shown), or_somebody(&before));
            return Err(Problem::of(Failure::of(Reason::WrongIdentity).with_seen(Some(seen)), kind));
        }
        let address: EmailAddress =
            self.row.wish.address.parse().map_err(|_| internal(db::DbError::Corrupt("an address".into())))?;
        let (imap, smtp) = self.servers(given, &address).await.map_err(internal)?;
        let probe = Probe { provider: kind, address: &address, imap: Some(&imap), smtp: Some(&smtp) };
        if let Some(step) = probe::test(self.app, &probe, None).await.failed {
            return Err(self.not_theirs(kind, &shown, step));
        }
        self.save(actor, given, (imap, smtp)).await
    }

    /// Why the servers did not let the person in. A token that is good for another mailbox than the one that was entered is the usual case.
    fn not_theirs(&self, kind: Provider, shown: &str, step: crate::connect::ConnectStep) -> Problem {
        let reason = step.reason.unwrap_or(Reason::ServerError);
        let address = &self.row.wish.address;
        let elsewhere = reason == Reason::TokenRefused && !shown.is_empty() && !shown.eq_ignore_ascii_case(address);
        let failure = if elsewhere {
            let seen = format!("Signed in as {shown}, but the mailbox is {address}.");
            Failure::of(Reason::WrongIdentity).with_seen(Some(seen))
        } else {
            Failure::of(reason)
        };
        Problem { server_words: step.server_words.clone(), step: Some(step), ..Problem::of(failure, kind) }
    }

    /// The provider's servers, signed in to as the address; a reconnected account keeps its login name.
    async fn servers(&self, given: &Given, address: &EmailAddress) -> db::DbResult<(Server, Server)> {
        let provider = &given.registration.provider;
        let mut names = (address.to_string(), address.to_string());
        if let Some(id) = self.row.account_id {
            let stored = accounts::connections(&mut self.app.db.read().await?, &self.scope, id).await?;
            let name = |side| stored.iter().find(|c| c.side == side && c.auth == accounts::Auth::Oauth);
            let or = |side, own: String| name(side).map_or(own, |c| c.username.clone());
            names = (or(Side::Receive, names.0), or(Side::Send, names.1));
        }
        Ok((server(&provider.imap, names.0, given), server(&provider.smtp, names.1, given)))
    }

    /// Account, connections, grant and the flow's end in one commit.
    async fn save(&self, actor: &Actor, given: &Given, (imap, smtp): (Server, Server)) -> Result<(), Problem> {
        let written = async {
            let mut tx = self.app.db.tx().await?;
            let link = match self.row.link_id {
                Some(link) => Some(owner::still(&mut tx, self.app, &self.scope, link).await?.row),
                None => None,
            };
            let id = match self.row.account_id {
                Some(id) => {
                    let account = accounts::find(&mut tx, actor, id, Access::Manage).await?;
                    let changed = ChangedServers { account, smtp: Some(smtp), imap: Some(imap) };
                    save::replace(&mut tx, self.app, actor, &changed).await?;
                    id
                }
                None => {
                    let new = NewServers { account: self.account(actor, given)?, smtp: Some(smtp), imap: Some(imap) };
                    save::insert(&mut tx, self.app, actor, &new).await?;
                    new.account.id
                }
            };
            oauth::keep(&mut tx, self.app, &self.scope, id, given).await?;
            if let Some(link) = &link {
                owner::use_up(&mut tx, self.app, link, id).await?;
            }
            // Given up meanwhile: without a commit nothing of this stays.
            if !store::end(&mut tx, &self.scope, self.row.id, (Some(id), None), self.app.clock.now()).await? {
                return Ok(false);
            }
            events::emit_to_all(&mut tx, self.app, &self.scope, Kind::ConsentChanged).await?;
            tx.commit().await?;
            Ok::<_, SaveError>(true)
        };
        self.app.crash.point("consent.saving");
        let saved = match written.await {
            Ok(saved) => saved,
            Err(e) => return Err(save::told(self.app, actor, &self.row.wish.address, e).await.into()),
        };
        if saved { Ok(()) } else { Err(Problem::cancelled()) }
    }

    fn account(&self, actor: &Actor, given: &Given) -> Result<NewAccount, SaveError> {
        let (wish, provider) = (&self.row.wish, &given.registration.provider);
        let named = provider.kind == Provider::Custom;
        Ok(NewAccount {
            id: AccountId(self.app.ids.next()),
            user_id: (!wish.team).then_some(actor.user_id),
            address: wish.address.parse().map_err(|_| db::DbError::Corrupt("an address".into()))?,
            display_name: wish.display_name.clone(),
            provider: provider.kind,
            provider_name: if named { provider.label.clone() } else { String::new() },
            import_days: wish.import_days,
        })
    }
}

fn or_somebody(shown: &str) -> &str {
    if shown.is_empty() { "somebody whom the provider does not name" } else { shown }
}

fn server(at: &MailServer, username: String, given: &Given) -> Server {
    Server {
        host: at.host.clone(),
        port: at.port,
        encryption: if at.starttls { Encryption::StartTls } else { Encryption::Tls },
        username,
        credential: Credential::Token(Secret::new(given.access.expose_secret().to_owned())),
    }
}
