//! Bounded HTTP requests to hosts that users and remote servers named, under the same egress guard.
//!
//! Each hop is checked: scheme, port and address literals before the request and before each redirect is followed,
//! names when they are resolved. The connection goes to the addresses that were checked. No proxies, no `Referer`, and no
//! cookies but on the way of one [`HttpClient::get_with_cookies`].

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};

use crate::dialer::checked_addresses;
use crate::dns::Resolver;
use crate::egress::EgressPolicy;
use crate::error::{NetError, SetupError, Stage};
use crate::host::Host;
use crate::tls;
use crate::words::clean;

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// Longest URL in bytes.
const MAX_URL_BYTES: usize = 8 * 1024;
/// Most cookies that one request keeps on its way: a sign-in page sets a handful.
const MAX_COOKIES: usize = 30;
/// Longest cookie in bytes, as browsers have it (RFC 6265 §6.1).
const MAX_COOKIE_BYTES: usize = 4 * 1024;
/// Limit for opening one connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What a [`HttpClient::get_bounded`] brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// HTTP status, of the last hop.
    pub status: u16,
    /// The `Content-Type` as the server sent it, cut at 200 characters.
    pub content_type: Option<String>,
    /// When the server wants to be asked again, where it says so in seconds.
    pub retry_after: Option<Duration>,
    /// The body, at most as long as asked for.
    pub body: Vec<u8>,
}

/// An HTTP client that cannot leave the egress rules. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    /// For what is believed because it came over TLS.
    keeping_tls: Client,
    /// Follows no redirect by itself.
    direct: Client,
    egress: EgressPolicy,
}

impl HttpClient {
    pub(crate) fn build(
        tls_config: &rustls::ClientConfig,
        egress: &EgressPolicy,
        resolver: &Resolver,
    ) -> Result<Self, SetupError> {
        let client = |redirects| Self::client(tls_config, egress, resolver, redirects);
        Ok(Self {
            client: client(following(egress.clone(), false))?,
            keeping_tls: client(following(egress.clone(), true))?,
            direct: client(redirect::Policy::none())?,
            egress: egress.clone(),
        })
    }

    fn client(
        tls_config: &rustls::ClientConfig,
        egress: &EgressPolicy,
        resolver: &Resolver,
        redirects: redirect::Policy,
    ) -> Result<Client, SetupError> {
        Client::builder()
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .pool_max_idle_per_host(2)
            .redirect(redirects)
            .dns_resolver(GuardedResolve { egress: egress.clone(), resolver: resolver.clone() })
            .tls_backend_preconfigured(tls_config.clone())
            .build()
            .map_err(|error| SetupError::Http { words: error.to_string() })
    }

    /// A request to `url`, which the caller completes and sends. Set a time limit on it, and bound what is read.
    ///
    /// # Errors
    /// [`NetError::UrlRefused`], [`NetError::PortNotAllowed`] or [`NetError::PrivateAddress`].
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, NetError> {
        Ok(self.client.request(method, self.checked(url)?))
    }

    fn checked(&self, url: &str) -> Result<Url, NetError> {
        if url.len() > MAX_URL_BYTES {
            return Err(url_refused("it is too long"));
        }
        let url = Url::parse(url).map_err(|error| url_refused(&error.to_string()))?;
        check_url(&url, &self.egress)?;
        Ok(url)
    }

    /// Fetches `url`, at most `max_bytes` of it, all within `limit`. Any status is a success.
    ///
    /// # Errors
    /// [`NetError::TooLarge`] beyond `max_bytes`, [`NetError::TimedOut`] beyond `limit`, and those of the guard, the
    /// connection and TLS.
    pub async fn get_bounded(&self, url: &str, max_bytes: usize, limit: Duration) -> Result<Fetched, NetError> {
        let request = self.request(Method::GET, url)?;
        tokio::time::timeout(limit, fetch(request, max_bytes))
            .await
            .map_err(|_| NetError::TimedOut { stage: Stage::Http })?
    }

    /// Fetches `url` as [`HttpClient::get_bounded`] does, and follows no redirect from https to http: what is asked for over
    /// TLS comes over TLS.
    ///
    /// # Errors
    /// As [`HttpClient::get_bounded`]; [`NetError::UrlRefused`] also for such a redirect.
    pub async fn get_keeping_tls(&self, url: &str, max_bytes: usize, limit: Duration) -> Result<Fetched, NetError> {
        let request = self.keeping_tls.get(self.checked(url)?);
        tokio::time::timeout(limit, fetch(request, max_bytes))
            .await
            .map_err(|_| NetError::TimedOut { stage: Stage::Http })?
    }

    /// Fetches `url` as [`HttpClient::get_keeping_tls`] does, and shows each host the cookies that it set on the way, as a browser does:
    /// pages where people sign in know by them who was sent on. They are forgotten with the answer.
    ///
    /// # Errors
    /// As [`HttpClient::get_keeping_tls`].
    pub async fn get_with_cookies(&self, url: &str, max_bytes: usize, limit: Duration) -> Result<Fetched, NetError> {
        let url = self.checked(url)?;
        tokio::time::timeout(limit, self.hops(url, max_bytes))
            .await
            .map_err(|_| NetError::TimedOut { stage: Stage::Http })?
    }

    async fn hops(&self, mut url: Url, max_bytes: usize) -> Result<Fetched, NetError> {
        let mut cookies = Cookies::default();
        for _ in 0..=MAX_REDIRECTS {
            let request = self.direct.get(url.clone());
            let request = match cookies.of(&url) {
                Some(shown) => request.header(reqwest::header::COOKIE, shown),
                None => request,
            };
            let response = request.send().await.map_err(|error| failure(&error))?;
            let place =
                response.headers().get(reqwest::header::LOCATION).filter(|_| response.status().is_redirection());
            let Some(place) = place.and_then(|value| value.to_str().ok()) else {
                return read_bounded(response, max_bytes).await;
            };
            let next = url.join(place).map_err(|error| url_refused(&error.to_string()))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(url_refused("a redirect from https to http is not followed"));
            }
            check_url(&next, &self.egress)?;
            cookies.take(&url, response.headers());
            url = next;
        }
        Err(url_refused("too many redirects"))
    }

    /// Posts an encoded form that may hold secrets, and reads at most `max_bytes` of the answer, all within `limit`. It goes to this address
    /// alone: a redirect is an answer like any other. Any status is a success.
    ///
    /// # Errors
    /// As [`HttpClient::get_bounded`]; [`NetError::UrlRefused`] also for `http` to another machine.
    pub async fn post_form(
        &self,
        url: &str,
        form: String,
        max_bytes: usize,
        limit: Duration,
    ) -> Result<Fetched, NetError> {
        let url = self.checked(url)?;
        if url.scheme() != "https" && !is_this_machine(&url) {
            return Err(url_refused("secrets are sent by https only"));
        }
        let request = self
            .direct
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(reqwest::header::ACCEPT, "application/json")
            .body(form);
        tokio::time::timeout(limit, fetch(request, max_bytes))
            .await
            .map_err(|_| NetError::TimedOut { stage: Stage::Http })?
    }
}

/// Follows redirects that the guard allows; with `keeping_tls` none from https to http.
fn following(egress: EgressPolicy, keeping_tls: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error(url_refused("too many redirects"));
        }
        let from_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if keeping_tls && from_tls && attempt.url().scheme() != "https" {
            return attempt.error(url_refused("a redirect from https to http is not followed"));
        }
        match check_url(attempt.url(), &egress) {
            Ok(()) => attempt.follow(),
            Err(error) => attempt.error(error),
        }
    })
}

pub(crate) fn is_this_machine(url: &Url) -> bool {
    matches!(Host::parse(url.host_str().unwrap_or("")), Ok(Host::Address(address)) if address.is_loopback())
}

/// The cookies of one way, each for the origin that set it alone, whatever it says of domains and paths.
#[derive(Default)]
struct Cookies(Vec<(String, String, String)>);

impl Cookies {
    fn of(&self, url: &Url) -> Option<String> {
        let origin = url.origin().ascii_serialization();
        let pairs = self.0.iter().filter(|(at, ..)| *at == origin).map(|(_, name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn take(&mut self, url: &Url, headers: &reqwest::header::HeaderMap) {
        let origin = url.origin().ascii_serialization();
        for set in headers.get_all(reqwest::header::SET_COOKIE) {
            let pair =
                set.to_str().ok().and_then(|text| text.split(';').next()).filter(|p| p.len() <= MAX_COOKIE_BYTES);
            let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) else { continue };
            self.0.retain(|(at, known, _)| *at != origin || known != name.trim());
            if self.0.len() < MAX_COOKIES {
                self.0.push((origin.clone(), name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
}

async fn fetch(request: RequestBuilder, max_bytes: usize) -> Result<Fetched, NetError> {
    read_bounded(request.send().await.map_err(|error| failure(&error))?, max_bytes).await
}

async fn read_bounded(mut response: Response, max_bytes: usize) -> Result<Fetched, NetError> {
    let too_large = || NetError::TooLarge { limit_bytes: max_bytes };
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > max_bytes) {
        return Err(too_large());
    }
    let retry_after = response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|secs| secs.trim().parse().ok()).map(Duration::from_secs);
    let content_type = response.headers().get(reqwest::header::CONTENT_TYPE).map(|value| clean(value.as_bytes(), 200));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched { status: response.status().as_u16(), content_type, retry_after, body })
}

fn url_refused(words: &str) -> NetError {
    NetError::UrlRefused { words: clean(words.as_bytes(), 200) }
}

/// Scheme, credentials, port and address literals. Names are judged when they are resolved.
fn check_url(url: &Url, egress: &EgressPolicy) -> Result<(), NetError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(url_refused("only http and https are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(url_refused("it holds a user name or password"));
    }
    let port = url.port_or_known_default().unwrap_or(0);
    if !egress.allows_http_port(port) {
        return Err(NetError::PortNotAllowed { port });
    }
    let host = Host::parse(url.host_str().unwrap_or(""))?;
    match host {
        Host::Address(address) if !egress.allows_address(address) => {
            Err(NetError::PrivateAddress { host: host.to_string(), address })
        }
        Host::Address(_) | Host::Name(_) => Ok(()),
    }
}

/// The guard as the HTTP client's resolver.
struct GuardedResolve {
    egress: EgressPolicy,
    resolver: Resolver,
}

impl Resolve for GuardedResolve {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.egress.clone();
        let resolver = self.resolver.clone();
        Box::pin(async move {
            let host = Host::parse(name.as_str())?;
            let addresses = checked_addresses(&host, &egress, &resolver).await?;
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

/// The layers of an HTTP error below the outermost, which names the URL; a URL may hold a secret token.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        // The source of an io::Error is that of the error it holds, which is thereby passed over.
        let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        held.map_or_else(|| cause.source(), |held| Some(held))
    })
}

/// Finds the decision in the layers of an HTTP error.
fn failure(error: &reqwest::Error) -> NetError {
    for cause in causes(error) {
        if let Some(ours) = cause.downcast_ref::<NetError>() {
            return copy_of_guard_error(ours);
        }
        if let Some(tls_error) = cause.downcast_ref::<rustls::Error>() {
            return tls::rustls_failure(tls_error);
        }
    }
    if error.is_timeout() {
        return NetError::TimedOut { stage: Stage::Http };
    }
    let words = causes(error).last().map_or_else(String::new, ToString::to_string);
    NetError::Io { stage: Stage::Http, source: std::io::Error::other(clean(words.as_bytes(), 200)) }
}

/// The guard's decisions, which an HTTP error only lends.
fn copy_of_guard_error(error: &NetError) -> NetError {
    match error {
        NetError::PrivateAddress { host, address } => {
            NetError::PrivateAddress { host: host.clone(), address: *address }
        }
        NetError::PortNotAllowed { port } => NetError::PortNotAllowed { port: *port },
        NetError::NameNotFound { host } => NetError::NameNotFound { host: host.clone() },
        NetError::NameServers { host, words } => NetError::NameServers { host: host.clone(), words: words.clone() },
        NetError::InvalidHost { host } => NetError::InvalidHost { host: host.clone() },
        NetError::TimedOut { stage } => NetError::TimedOut { stage: *stage },
        other => url_refused(&other.to_string()),
    }
}
