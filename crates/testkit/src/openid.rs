//! An OpenID provider in two flavours, Google's and Microsoft's: npm's `oidc-provider` with `oidc/server.js`.
//!
//! Anybody signs in, with any password, by a browser ([`Issuer::authorize_url`]) or without one
//! ([`Issuer::sign_in`], [`Issuer::tokens`]).

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Exchange, Response, encoded};
use crate::keeper::Keeper;
use crate::process;

/// Redirects and forms of one sign-in. A real one has seven.
const MAX_STEPS: usize = 20;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc");

/// The running provider; it ends when the value is dropped or the process ends.
pub struct OpenIdProvider {
    google: Issuer,
    microsoft: Issuer,
    ready: PathBuf,
    log: PathBuf,
    node: Child,
    keeper: Option<Keeper>,
}

impl OpenIdProvider {
    /// Starts both flavours. Takes about a second, so it is for tests that need it.
    pub fn start() -> Result<Self> {
        let mut provider = Self::launch()?;
        provider.wait_up()?;
        Ok(provider)
    }

    /// Starts without waiting for [`OpenIdProvider::wait_up`]. The ports are known.
    pub(crate) fn launch() -> Result<Self> {
        if !fs::exists(format!("{FOLDER}/node_modules/oidc-provider"))? {
            bail!("the OpenID provider of the tests is not installed: `make deps` does it");
        }
        let keeper = Keeper::new(None)?;
        let folder = keeper.folder();
        let google = Issuer { port: crate::ports::free()?, microsoft: false };
        let microsoft = Issuer { port: crate::ports::free()?, microsoft: true };
        let (ready, log, settings) = (folder.join("ready"), folder.join("openid.log"), folder.join("settings.json"));
        let text = json!({ "google": google.port, "microsoft": microsoft.port, "ready": ready });
        fs::write(&settings, text.to_string())?;
        let output = process::append(&log)?;
        // The folder as its working place is what the keeper finds it by.
        let node = Command::new("node")
            .arg(format!("{FOLDER}/server.js"))
            .arg(settings)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("run node: install Node 20.19 or newer")?;
        Ok(Self { google, microsoft, ready, log, node, keeper: Some(keeper) })
    }

    pub(crate) fn wait_up(&mut self) -> Result<()> {
        let mut ended = None;
        let up = process::wait_for(process::SERVER_DEADLINE, || {
            ended = self.node.try_wait().ok().flatten();
            ended.is_some() || self.ready.exists()
        });
        if !up || ended.is_some() {
            bail!("the OpenID provider did not start ({ended:?}); its log ends:\n{}", process::tail(&self.log));
        }
        Ok(())
    }

    /// Refresh tokens only for `access_type=offline` and fresh consent, and they stay the same.
    pub fn google(&self) -> &Issuer {
        &self.google
    }

    /// Refresh tokens only for the scope `offline_access`, and each works once: its use gives the next one.
    pub fn microsoft(&self) -> &Issuer {
        &self.microsoft
    }
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        drop(self.keeper.take());
        // Killed by the keeper; without this it would stay as a zombie.
        let _ = self.node.wait();
    }
}

/// What an account was given.
#[derive(Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// What a person answers to the question for consent.
#[derive(Clone, Copy)]
pub enum Consent<'a> {
    All,
    /// These scopes stay ticked.
    Only(&'a [&'a str]),
    Decline,
}

/// One flavour of the provider: its addresses, and the controls over it.
pub struct Issuer {
    port: u16,
    microsoft: bool,
}

impl Issuer {
    /// The client that asks people for access; its secret goes into the body of a token call.
    pub const CLIENT_ID: &str = "app";
    pub const CLIENT_SECRET: &str = "app-secret";
    /// Where people may be sent back to without [`Issuer::allow_redirect`]. Nothing listens there.
    pub const REDIRECT: &str = "http://127.0.0.1/callback";

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The `iss` of its tokens; `/.well-known/openid-configuration` follows.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn authorize_url(&self) -> String {
        self.base_url() + if self.microsoft { "/common/oauth2/v2.0/authorize" } else { "/o/oauth2/v2/auth" }
    }

    pub fn token_url(&self) -> String {
        self.base_url() + self.token_path()
    }

    pub fn userinfo_url(&self) -> String {
        self.base_url() + if self.microsoft { "/oidc/userinfo" } else { "/v1/userinfo" }
    }

    /// Google's: takes a token from anyone. Microsoft has none.
    pub fn revoke_url(&self) -> Option<String> {
        (!self.microsoft).then(|| self.base_url() + "/revoke")
    }

    pub(crate) fn introspection_url(&self) -> String {
        format!("http://dovecot:dovecot-secret@127.0.0.1:{}/token/introspection", self.port)
    }

    fn token_path(&self) -> &'static str {
        if self.microsoft { "/common/oauth2/v2.0/token" } else { "/token" }
    }

    /// Tokens for IMAP and SMTP, as if this person had consented. Each call is a grant of its own.
    pub fn tokens(&self, address: &str) -> Result<Tokens> {
        Tokens::of(&self.control("token", &json!({ "email": address }))?)
    }

    /// As [`Issuer::tokens`], with an access token that lives for so many seconds.
    pub fn short_lived_tokens(&self, address: &str, seconds: u32) -> Result<Tokens> {
        Tokens::of(&self.control("token", &json!({ "email": address, "seconds": seconds }))?)
    }

    /// As [`Issuer::tokens`], with an access token of this length.
    pub fn long_tokens(&self, address: &str, bytes: u32) -> Result<Tokens> {
        Tokens::of(&self.control("token", &json!({ "email": address, "bytes": bytes }))?)
    }

    /// The lifetime of all access tokens from now on; an hour at first.
    pub fn set_lifetime(&self, seconds: u32) -> Result<()> {
        self.control("lifetime", &json!({ "seconds": seconds })).map(drop)
    }

    /// The length of all access tokens from now on; 43 at first. Microsoft's have some kilobytes.
    pub fn set_token_bytes(&self, bytes: u32) -> Result<()> {
        self.control("token_bytes", &json!({ "bytes": bytes })).map(drop)
    }

    /// Ends all grants of an account, as a person does who takes access away: access tokens are no longer active, and
    /// refresh tokens get `invalid_grant`. Gives their number.
    pub fn revoke(&self, address: &str) -> Result<u64> {
        let done = self.control("revoke", &json!({ "email": address }))?;
        done.get("grants").and_then(Value::as_u64).context("the number of grants")
    }

    /// Answers the next `count` calls of the token address with this, whatever they ask; 0 ends what was said before.
    pub fn fail_token_calls(&self, count: u32, status: u16, body: &Value) -> Result<()> {
        self.control("fail", &json!({ "count": count, "status": status, "body": body })).map(drop)
    }

    /// Lets people be sent back to `uri`.
    pub fn allow_redirect(&self, uri: &str) -> Result<()> {
        self.control("redirect", &json!({ "uri": uri })).map(drop)
    }

    /// Whether an access token is good at this moment.
    pub fn is_active(&self, access_token: &str) -> Result<bool> {
        // dovecot:dovecot-secret
        let basic = "Authorization: Basic ZG92ZWNvdDpkb3ZlY290LXNlY3JldA==";
        let form = [("token", access_token)];
        let answer = Exchange::post_form(self.port, "/token/introspection", &form).header(basic).run()?;
        answer.json()?.get("active").and_then(Value::as_bool).context("introspection")
    }

    /// A call of the token address by the client: the status, and what was answered.
    pub fn token_call(&self, fields: &[(&str, &str)]) -> Result<(u16, Value)> {
        let client = [("client_id", Self::CLIENT_ID), ("client_secret", Self::CLIENT_SECRET)];
        let answer = Exchange::post_form(self.port, self.token_path(), &[fields, &client].concat()).run()?;
        Ok((answer.status, answer.json()?))
    }

    /// Walks through sign-in and consent as a browser does, from the address where an app sends a person to the one
    /// where the person is sent back to, which is returned: it carries `code` or `error`.
    pub fn sign_in(&self, url: &str, address: &str, consent: Consent<'_>) -> Result<String> {
        let mut cookies = Vec::new();
        let mut at = url.to_owned();
        let mut form: Form = None;
        for _ in 0..MAX_STEPS {
            let Some(path) = self.own_path(&at) else { return Ok(at) };
            let exchange = match form.take() {
                Some(fields) => {
                    let fields: Vec<(&str, &str)> =
                        fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                    Exchange::post_form(self.port, &path, &fields)
                }
                None => Exchange::get(self.port, &path),
            };
            let answer = exchange.cookies(&cookies).run()?;
            answer.keep_cookies(&mut cookies);
            match (answer.status, answer.header("location")) {
                (302 | 303, Some(location)) => location.clone_into(&mut at),
                (200, _) => (at, form) = filled(&answer, address, consent)?,
                (status, _) => bail!("{path} answered {status}: {}", answer.body),
            }
        }
        bail!("the sign-in does not end; it is at {at}")
    }

    /// The path of an address at this issuer.
    fn own_path(&self, url: &str) -> Option<String> {
        let path = url.strip_prefix(&self.base_url()).unwrap_or(url);
        path.starts_with('/').then(|| path.to_owned())
    }

    /// The address that sends a person to sign in and consent to these scopes; add parameters behind it.
    pub fn consent_url(&self, scope: &str, redirect: &str) -> String {
        let (scope, redirect) = (encoded(scope), encoded(redirect));
        let client = Self::CLIENT_ID;
        format!("{}?response_type=code&client_id={client}&redirect_uri={redirect}&scope={scope}", self.authorize_url())
    }

    fn control(&self, name: &str, value: &Value) -> Result<Value> {
        let answer = Exchange::post(self.port, &format!("/lab/{name}"), value.to_string()).run()?;
        if answer.status != 200 {
            bail!("/lab/{name} answered {}: {}", answer.status, answer.body);
        }
        answer.json()
    }
}

impl Tokens {
    fn of(value: &Value) -> Result<Self> {
        let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).context("a token");
        Ok(Self { access: field("access_token")?, refresh: field("refresh_token")? })
    }
}

type Form = Option<Vec<(&'static str, String)>>;

/// Where a person goes from a page, and what is filled in there.
fn filled(page: &Response, address: &str, consent: Consent<'_>) -> Result<(String, Form)> {
    let value_behind = |text: &str| text.split('"').next().unwrap_or_default().to_owned();
    let target = |before: &str| page.body.split_once(before).map(|(_, rest)| value_behind(rest)).context("a form");
    let form = if page.body.contains("name=\"login\"") {
        vec![("login", address.to_owned()), ("password", "any".to_owned())]
    } else {
        let boxes = page.body.split("name=\"scope\" value=\"").skip(1).map(value_behind);
        match consent {
            Consent::All => boxes.map(|scope| ("scope", scope)).collect(),
            Consent::Only(scopes) => {
                boxes.filter(|scope| scopes.contains(&scope.as_str())).map(|scope| ("scope", scope)).collect()
            }
            Consent::Decline => return Ok((target("<a href=\"")?, None)),
        }
    };
    Ok((target("action=\"")?, Some(form)))
}

#[cfg(test)]
#[path = "openid_tests.rs"]
mod tests;
