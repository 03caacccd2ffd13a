//! How often one caller may try to sign in.

use crate::config::Config;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Attempts a minute from one address of the network.
const PER_IP: u32 = 30;
/// Attempts a minute at one person's door, after a burst of as many.
const PER_EMAIL: u32 = 10;
/// Keys remembered before the stale ones are dropped.
const KEYS: usize = 10_000;

/// The sign-in limits of one process. Cheap to clone.
#[derive(Clone)]
pub struct SignInLimits(Arc<Inner>);

struct Inner {
    by_ip: DefaultKeyedRateLimiter<IpAddr>,
    by_email: DefaultKeyedRateLimiter<[u8; 32]>,
}

impl Default for SignInLimits {
    fn default() -> Self {
        let per_minute = |n| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self(Arc::new(Inner {
            by_ip: RateLimiter::keyed(per_minute(PER_IP)),
            by_email: RateLimiter::keyed(per_minute(PER_EMAIL)),
        }))
    }
}

impl SignInLimits {
    /// Counts one attempt.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn check(&self, ip: IpAddr, email: &str) -> Result<(), u64> {
        let wait = |n: governor::NotUntil<_>| n.wait_time_from(DefaultClock::default().now()).as_secs().max(1);
        self.forget_stale();
        self.0.by_ip.check_key(&ip).map_err(wait)?;
        let email = *blake3::hash(email.trim().to_lowercase().as_bytes()).as_bytes();
        self.0.by_email.check_key(&email).map_err(wait)
    }

    fn forget_stale(&self) {
        if self.0.by_ip.len() > KEYS {
            self.0.by_ip.retain_recent();
        }
        if self.0.by_email.len() > KEYS {
            self.0.by_email.retain_recent();
        }
    }
}

/// The caller's address: the connection's own, or what a trusted proxy says of it.
#[must_use]
pub fn client_ip(config: &Config, peer: IpAddr, headers: &axum::http::HeaderMap) -> IpAddr {
    if !config.trusted_proxies.contains(&peer) {
        return peer;
    }
    // The proxy nearest to us appended last; walk back over the ones we trust.
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    let chain: Vec<IpAddr> = named.filter_map(|t| t.trim().parse().ok()).collect();
    chain.into_iter().rev().find(|ip| !config.trusted_proxies.contains(ip)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_the_caller() {
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2".parse().unwrap());
        let config = Config { trusted_proxies: vec![ip("10.0.0.1"), ip("10.0.0.2")], ..Config::default() };
        assert_eq!(client_ip(&config, ip("10.0.0.1"), &headers), ip("198.51.100.7"));
        assert_eq!(client_ip(&config, ip("203.0.113.1"), &headers), ip("203.0.113.1"));
    }

    #[test]
    fn a_burst_at_one_door_is_stopped_and_told_how_long() {
        let limits = SignInLimits::default();
        let refused = (0..40_u8).find_map(|n| limits.check(IpAddr::from([192, 0, 2, n]), "a@x.test").err());
        assert!(refused.is_some_and(|secs| (1..=60).contains(&secs)));
        assert!(limits.check(IpAddr::from([192, 0, 2, 99]), "b@x.test").is_ok());
    }
}
