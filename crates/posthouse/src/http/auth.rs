//! Who asks: the session cookie of a request.

use super::error::ApiError;
use crate::app::App;
use crate::team::{self, Actor};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use std::time::Duration;

/// The cookie's name.
pub const COOKIE: &str = "posthouse_session";
/// Its name behind TLS: browsers take it only from this host itself, by TLS, for every path (RFC 6265bis 4.1.3.2), so
/// that no other host of the domain can plant one.
pub const TLS_COOKIE: &str = "__Host-posthouse_session";

/// A request of somebody who is signed in; everybody else gets 401.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Actor);

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = token(app, &CookieJar::from_headers(&parts.headers)).ok_or_else(ApiError::not_signed_in)?;
        let actor = team::who(app, &token).await?.ok_or_else(ApiError::not_signed_in)?;
        tracing::Span::current().record("user", tracing::field::display(actor.user_id));
        Ok(Self(actor))
    }
}

fn cookie_name(app: &App) -> &'static str {
    if app.config.behind_tls() { TLS_COOKIE } else { COOKIE }
}

/// The session token of a request.
#[must_use]
pub fn token(app: &App, jar: &CookieJar) -> Option<String> {
    jar.get(cookie_name(app)).map(|c| c.value().to_owned()).filter(|t| !t.is_empty() && t.len() <= 128)
}

/// The cookie that carries a session: not for scripts, not for other sites' forms, only by TLS where we stand behind it,
/// and no longer than a session can last.
#[must_use]
pub fn cookie(app: &App, token: String) -> Cookie<'static> {
    let mut cookie = no_cookie(app);
    cookie.set_value(token);
    let age = cookie.max_age().or(Duration::from_secs(team::LONGEST_SESSION_SECS.unsigned_abs()).try_into().ok());
    cookie.set_max_age(age);
    cookie
}

/// The cookie that removes it. Browsers take a removal only with the attributes that the name asks for.
#[must_use]
pub fn no_cookie(app: &App) -> Cookie<'static> {
    let mut cookie = Cookie::new(cookie_name(app), "");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.config.behind_tls());
    cookie.set_path("/");
    cookie
}

/// The cookie that tells a browser from others for the time of a flow at a provider, whether somebody is signed in or not.
const BROWSER: &str = "posthouse_browser";
/// Its name behind TLS; see [`TLS_COOKIE`].
const TLS_BROWSER: &str = "__Host-posthouse_browser";

/// The token of the browser, when it has one.
#[must_use]
pub fn browser(app: &App, jar: &CookieJar) -> Option<String> {
    let name = if app.config.behind_tls() { TLS_BROWSER } else { BROWSER };
    jar.get(name).map(|c| c.value().to_owned()).filter(|t| (32..=128).contains(&t.len()))
}

/// The cookie that carries it. Strict would not come back with a person whom another site sends to us.
#[must_use]
pub fn browser_cookie(app: &App, token: String) -> Cookie<'static> {
    let mut cookie = no_cookie(app);
    cookie.set_name(if app.config.behind_tls() { TLS_BROWSER } else { BROWSER });
    cookie.set_value(token);
    cookie
}
