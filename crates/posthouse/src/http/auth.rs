//! Who asks: the session cookie of a request.

use super::error::ApiError;
use crate::app::App;
use crate::team::{self, Actor};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

/// The cookie's name.
pub const COOKIE: &str = "posthouse_session";

/// A request of somebody who is signed in; everybody else gets 401.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Actor);

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = token(&CookieJar::from_headers(&parts.headers)).ok_or_else(ApiError::not_signed_in)?;
        let actor = team::who(app, &token).await?.ok_or_else(ApiError::not_signed_in)?;
        Ok(Self(actor))
    }
}

/// The session token of a request.
#[must_use]
pub fn token(jar: &CookieJar) -> Option<String> {
    jar.get(COOKIE).map(|c| c.value().to_owned()).filter(|t| !t.is_empty() && t.len() <= 128)
}

/// The cookie that carries a session: not for scripts, not for other sites' forms, only by TLS where we stand behind it.
#[must_use]
pub fn cookie(app: &App, token: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(COOKIE, token);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(app.config.behind_tls());
    cookie.set_path("/");
    cookie.make_permanent();
    cookie
}

/// The cookie that removes it.
#[must_use]
pub fn no_cookie() -> Cookie<'static> {
    let mut cookie = Cookie::new(COOKIE, "");
    cookie.set_path("/");
    cookie
}
