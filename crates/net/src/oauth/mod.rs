//! OAuth 2.0 for mailboxes: the authorization code flow with PKCE (RFC 6749, RFC 7636), refreshing, revoking (RFC 7009), and who it was
//! that consented (OpenID Connect Core 1.0), and which provider answered (RFC 9207).
//!
//! ```text
//! begin -> the browser goes to `Begun::url` -> the provider sends it back with code and state
//!       -> exchange (the caller compared the state) -> Tokens -> refresh before they end -> revoke at the end
//! ```
//!
//! What a refusal means is decided in one place, [`TokenFailure`]: a person has to consent again, the operator has to mend the app's
//! registration, or it passes by itself. No token, code, verifier or secret is in any text here.

mod failure;
mod identity;
mod issuer;

pub use failure::{Remedy, TokenFailure, callback_failure, said};
pub use identity::{Identity, IdentityError};
pub use issuer::{Issuer, IssuerError, check_issuer};

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::{NetError, Stage};
use crate::http::HttpClient;

/// Longest answer of a token endpoint that is read, in bytes. Microsoft's tokens take some kilobytes each.
const MAX_ANSWER_BYTES: usize = 128 * 1024;
/// How long one request to a token endpoint may take.
const LIMIT: Duration = Duration::from_secs(20);
/// How long an access token is taken to last when the provider does not say (RFC 6749 §5.1 leaves it open).
const ASSUMED_LIFE: Duration = Duration::from_secs(3_600);

/// An application as it is registered with a provider.
#[derive(Clone)]
pub struct OAuthApp {
    /// The client identifier (RFC 6749 §2.2).
    pub client_id: String,
    /// The client secret; absent for a public client.
    pub client_secret: Option<SecretString>,
    /// Where people consent.
    pub authorize_url: String,
    /// Where codes and refresh tokens are redeemed.
    pub token_url: String,
    /// Where a grant is given back; absent where the provider has no such place.
    pub revoke_url: Option<String>,
    /// Where the provider sends the browser back to, exactly as it is registered.
    pub redirect_url: String,
}

/// What is asked of the person.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Scopes, in the provider's words.
    pub scopes: Vec<String>,
    /// The address that is to be connected: spares the person choosing among accounts. A wish only; see [`Identity`].
    pub login_hint: Option<String>,
    /// More parameters of the provider's, such as `access_type=offline`.
    pub extra: Vec<(String, String)>,
}

/// A flow that was begun. The caller keeps all but the URL, bound to the browser's session, until the provider sends the browser back.
pub struct Begun {
    /// Where to send the browser.
    pub url: String,
    /// What the callback must bring back; used once.
    pub state: String,
    /// Proves at [`exchange`] that whoever redeems the code began the flow (RFC 7636).
    pub verifier: SecretString,
    /// What the identity must name.
    pub nonce: String,
}

/// What a token endpoint gave.
pub struct Tokens {
    /// Signs in to the mail servers.
    pub access: SecretString,
    /// Brings the next access token. Absent from a refresh that leaves the old one valid.
    pub refresh: Option<SecretString>,
    /// How long the access token lasts.
    pub lasts: Duration,
    /// What was granted, where the provider says so; otherwise it is what was asked (RFC 6749 §5.1).
    pub scopes: Option<Vec<String>>,
    /// The ID token, unread; see [`Identity::read`].
    pub id_token: Option<String>,
}

/// The app's registration as it was given cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of the OAuth app is no address: {words}")]
pub struct AppError {
    /// Which of its addresses.
    pub what: &'static str,
    /// Why.
    pub words: String,
}

/// OpenID Connect's part of a token response.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct WithIdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for WithIdToken {}

type Response = StandardTokenResponse<WithIdToken, BasicTokenType>;
type Ready = Client<
    BasicErrorResponse,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl OAuthApp {
    /// The client secret; empty for a public client.
    fn shared_secret(&self) -> &str {
        self.client_secret.as_ref().map(secrecy::ExposeSecret::expose_secret).unwrap_or_default()
    }

    fn client(&self) -> Result<Ready, AppError> {
        let bad = |what| move |e: url::ParseError| AppError { what, words: e.to_string() };
        let authorize = AuthUrl::new(self.authorize_url.clone()).map_err(bad("authorization address"))?;
        let token = TokenUrl::new(self.token_url.clone()).map_err(bad("token address"))?;
        let redirect = RedirectUrl::new(self.redirect_url.clone()).map_err(bad("redirect address"))?;
        let client = Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(authorize)
            .set_token_uri(token)
            .set_redirect_uri(redirect)
            // Every provider of ours takes it in the body; HTTP Basic is decoded in more than one way (RFC 6749 §2.3.1).
            .set_auth_type(AuthType::RequestBody);
        Ok(match &self.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
            None => client,
        })
    }
}

/// Begins a flow: a fresh state, verifier and nonce, and where to send the browser.
///
/// # Errors
/// The app's registration cannot be used.
pub fn begin(app: &OAuthApp, ask: &Ask) -> Result<Begun, AppError> {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let nonce = CsrfToken::new_random().secret().clone();
    let client = app.client()?;
    let mut request = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(ask.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge)
        .add_extra_param("nonce", nonce.clone());
    if let Some(hint) = &ask.login_hint {
        request = request.add_extra_param("login_hint", hint);
    }
    for (name, value) in &ask.extra {
        request = request.add_extra_param(name, value);
    }
    let (url, state) = request.url();
    Ok(Begun {
        url: url.into(),
        state: state.secret().clone(),
        verifier: SecretString::from(verifier.secret().clone()),
        nonce,
    })
}

/// Redeems the code of a callback whose state was compared.
///
/// # Errors
/// What it takes to go on; see [`Remedy`].
pub async fn exchange(
    http: &HttpClient,
    app: &OAuthApp,
    code: String,
    verifier: &SecretString,
) -> Result<Tokens, TokenFailure> {
    let client = app.client().map_err(|e| TokenFailure::registration(&e))?;
    let caller = Caller::new(http);
    let answer = client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
        .request_async(&|request| caller.call(request))
        .await;
    let secrets = [app.shared_secret(), &code, verifier.expose_secret()];
    answer.map(|answer| tokens(&answer)).map_err(|e| failure::of(e, caller.answered(), &secrets))
}

/// A new access token. Where the answer holds a new refresh token the old one may be used up: keep the new one before anything else.
///
/// # Errors
/// What it takes to go on; see [`Remedy`].
pub async fn refresh(http: &HttpClient, app: &OAuthApp, token: &SecretString) -> Result<Tokens, TokenFailure> {
    let client = app.client().map_err(|e| TokenFailure::registration(&e))?;
    let caller = Caller::new(http);
    let secrets = [app.shared_secret(), token.expose_secret()];
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let answer = client.exchange_refresh_token(&token).request_async(&|request| caller.call(request)).await;
    answer.map(|answer| tokens(&answer)).map_err(|e| failure::of(e, caller.answered(), &secrets))
}

/// Gives the grant back (RFC 7009). True when the provider took it, or knew nothing of it any more; false where it has no such place.
///
/// # Errors
/// It did not answer, or not as it should: the grant may still be valid.
pub async fn revoke(http: &HttpClient, app: &OAuthApp, token: &SecretString) -> Result<bool, NetError> {
    let Some(url) = &app.revoke_url else { return Ok(false) };
    let answer = http.post_form(url, revocation(app, token), MAX_ANSWER_BYTES, LIMIT).await?;
    match answer.status {
        // 400: "invalid_token" of those who say so, which the standard takes for success too.
        200..=299 | 400 => Ok(true),
        status => Err(NetError::Protocol { stage: Stage::Http, words: format!("status {status}") }),
    }
}

fn revocation(app: &OAuthApp, token: &SecretString) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose_secret()).append_pair("client_id", &app.client_id);
    if let Some(secret) = &app.client_secret {
        form.append_pair("client_secret", secret.expose_secret());
    }
    form.finish()
}

/// The required scopes that were not granted: a person may untick some (compared without regard to case, as Microsoft does).
#[must_use]
pub fn missing_scopes(granted: &[String], required: &[String]) -> Vec<String> {
    let has = |scope: &String| granted.iter().any(|g| g.eq_ignore_ascii_case(scope));
    required.iter().filter(|scope| !has(scope)).cloned().collect()
}

fn tokens(answer: &Response) -> Tokens {
    let secret = |text: &String| SecretString::from(text.clone());
    Tokens {
        access: secret(answer.access_token().secret()),
        refresh: answer.refresh_token().map(|t| secret(t.secret())),
        lasts: answer.expires_in().unwrap_or(ASSUMED_LIFE),
        scopes: answer.scopes().map(|all| all.iter().map(|s| s.to_string()).collect()),
        id_token: answer.extra_fields().id_token.clone(),
    }
}

/// The answer with the lifetime as a number: some providers send it as a text, and the standard's word on it (RFC 6749 §5.1) is an example.
fn in_numbers(body: Vec<u8>) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(&body) else { return body };
    let secs = fields.get("expires_in").and_then(serde_json::Value::as_str).and_then(|s| s.trim().parse::<u64>().ok());
    let Some(secs) = secs else { return body };
    fields.insert("expires_in".into(), secs.into());
    serde_json::to_vec(&fields).unwrap_or(body)
}

/// What the endpoint said beside the body.
#[derive(Debug, Clone, Copy, Default)]
struct Answered {
    status: Option<u16>,
    retry_after: Option<Duration>,
}

/// Carries the OAuth library's requests through the guarded client, and remembers what it does not ask for.
struct Caller {
    http: HttpClient,
    answered: Arc<Mutex<Answered>>,
}

impl Caller {
    fn new(http: &HttpClient) -> Self {
        Self { http: http.clone(), answered: Arc::default() }
    }

    fn answered(&self) -> Answered {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, NetError>> + Send + 'static {
        let (http, answered) = (self.http.clone(), Arc::clone(&self.answered));
        async move {
            let url = request.uri().to_string();
            let body = String::from_utf8(request.into_body())
                .map_err(|_| NetError::Unsendable { what: "a request that is no text" })?;
            let fetched = http.post_form(&url, body, MAX_ANSWER_BYTES, LIMIT).await?;
            *answered.lock().unwrap_or_else(PoisonError::into_inner) =
                Answered { status: Some(fetched.status), retry_after: fetched.retry_after };
            let mut response = HttpResponse::new(in_numbers(fetched.body));
            *response.status_mut() = oauth2::http::StatusCode::from_u16(fetched.status)
                .map_err(|e| NetError::Protocol { stage: Stage::Http, words: e.to_string() })?;
            Ok(response)
        }
    }
}
