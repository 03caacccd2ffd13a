//! How often one caller may try to come in, and how often a person may have servers tested.

use crate::accounts::AccountId;
use crate::config::Config;
use crate::team::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Attempts a minute from one address of the network, after a burst of as many.
const PER_IP: u32 = 30;
/// Questions a minute from one address about a sign-in that is on its way: pages ask every two seconds, and these open nothing.
const POLLS_PER_IP: u32 = 120;
/// Attempts a minute at one person's door, after a burst of as many.
const PER_EMAIL: u32 = 10;
/// Tests of servers a minute for one person, after a burst of as many: each dials other people's machines.
const TESTS_PER_USER: u32 = 120;
/// Attempts a minute that people ask for with one account's stored passwords, after a burst of as many.
const RETRIES: u32 = 6;
/// Keys remembered before the stale ones are dropped.
const KEYS: usize = 10_000;

/// The limits of one process. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    by_ip: DefaultKeyedRateLimiter<IpAddr>,
    polls: DefaultKeyedRateLimiter<IpAddr>,
    by_email: DefaultKeyedRateLimiter<[u8; 32]>,
    tests: DefaultKeyedRateLimiter<UserId>,
    retries: DefaultKeyedRateLimiter<AccountId>,
}

impl Default for Limits {
    fn default() -> Self {
        let per_minute = |n| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self(Arc::new(Inner {
            by_ip: RateLimiter::keyed(per_minute(PER_IP)),
            polls: RateLimiter::keyed(per_minute(POLLS_PER_IP)),
            by_email: RateLimiter::keyed(per_minute(PER_EMAIL)),
            tests: RateLimiter::keyed(per_minute(TESTS_PER_USER)),
            retries: RateLimiter::keyed(per_minute(RETRIES)),
        }))
    }
}

fn secs(refused: &NotUntil<governor::clock::QuantaInstant>) -> u64 {
    refused.wait_time_from(DefaultClock::default().now()).as_secs().max(1)
}

impl Limits {
    /// Counts one attempt with a password.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn sign_in(&self, ip: IpAddr, email: &str) -> Result<(), u64> {
        self.link(ip)?;
        self.0.by_email.check_key(&door(email)).map_err(|n| secs(&n))
    }

    /// Counts one attempt with a link.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn link(&self, ip: IpAddr) -> Result<(), u64> {
        self.forget_stale();
        self.0.by_ip.check_key(&network(ip)).map_err(|n| secs(&n))
    }

    /// Counts one question about what became of something that this caller began.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn poll(&self, ip: IpAddr) -> Result<(), u64> {
        self.forget_stale();
        self.0.polls.check_key(&network(ip)).map_err(|n| secs(&n))
    }

    /// Counts one test of servers.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn test(&self, user: UserId) -> Result<(), u64> {
        self.0.tests.check_key(&user).map_err(|n| secs(&n))
    }

    /// Counts one attempt with an account's stored passwords.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn retry(&self, account: AccountId) -> Result<(), u64> {
        if self.0.retries.len() > KEYS {
            self.0.retries.retain_recent();
        }
        self.0.retries.check_key(&account).map_err(|n| secs(&n))
    }

    fn forget_stale(&self) {
        if self.0.by_ip.len() > KEYS {
            self.0.by_ip.retain_recent();
        }
        if self.0.polls.len() > KEYS {
            self.0.polls.retain_recent();
        }
        if self.0.by_email.len() > KEYS {
            self.0.by_email.retain_recent();
        }
    }
}

/// One person's door, however their address is spelled: what signs in as the same person counts as the same.
fn door(email: &str) -> [u8; 32] {
    let email = email.trim();
    let key = email.parse::<mail::address::EmailAddress>().map_or_else(|_| email.to_lowercase(), |a| a.key());
    *blake3::hash(key.as_bytes()).as_bytes()
}

/// What one caller has: an IPv4 address, or a network of IPv6 (RFC 6177 gives each site a /64 at least).
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// The caller's address: the connection's own, or what a trusted proxy says of it.
#[must_use]
pub fn client_ip(config: &Config, peer: IpAddr, headers: &axum::http::HeaderMap) -> IpAddr {
    // A socket for both families shows IPv4 callers in their IPv6 form.
    let peer = peer.to_canonical();
    if !config.trusted_proxies.contains(&peer) {
        return peer;
    }
    // The proxy nearest to us appended last; walk back over the ones we trust. What cannot be read ends the walk: what
    // stands before it may be the caller's own invention.
    let named = headers.get_all("x-forwarded-for").iter().flat_map(|v| v.to_str().unwrap_or("?").split(','));
    let chain: Vec<Option<IpAddr>> = named.map(|text| address(text.trim())).collect();
    chain.into_iter().rev().map_while(|ip| ip).find(|ip| !config.trusted_proxies.contains(ip)).unwrap_or(peer)
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
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
        assert_eq!(client_ip(&config, ip("::ffff:10.0.0.1"), &headers), ip("198.51.100.7"));
        assert_eq!(client_ip(&config, ip("203.0.113.1"), &headers), ip("203.0.113.1"));
        let said = |text: &str| {
            let mut headers = axum::http::HeaderMap::new();
            headers.insert("x-forwarded-for", text.parse().unwrap());
            client_ip(&config, ip("10.0.0.1"), &headers)
        };
        assert_eq!(said("203.0.113.9, 198.51.100.7:4711"), ip("198.51.100.7"));
        assert_eq!(said("[2001:db8::7]:4711"), ip("2001:db8::7"));
        assert_eq!(said("203.0.113.9, unknown"), ip("10.0.0.1"), "nothing before what cannot be read is believed");
    }

    #[test]
    fn a_burst_at_one_door_is_stopped_and_told_how_long() {
        let limits = Limits::default();
        let refused = (0..40_u8).find_map(|n| limits.sign_in(IpAddr::from([192, 0, 2, n]), "a@x.test").err());
        assert!(refused.is_some_and(|secs| (1..=60).contains(&secs)));
        assert!(limits.sign_in(IpAddr::from([192, 0, 2, 99]), "b@x.test").is_ok());
    }

    #[test]
    fn another_spelling_is_the_same_door() {
        let limits = Limits::default();
        let spellings = ["ana@acme.test", " ANA@ACME.test", "ana@ａcme.test", "ana@acme。test"];
        let came_in = (0..40_u8)
            .zip(spellings.iter().cycle())
            .filter(|(n, email)| limits.sign_in(IpAddr::from([192, 0, 2, *n]), email).is_ok());
        assert_eq!(came_in.count(), PER_EMAIL as usize);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let limits = Limits::default();
        let from = |low: u128| IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | low));
        assert_eq!((0..100).filter(|n| limits.link(from(*n)).is_ok()).count(), PER_IP as usize);
        assert!(limits.link(from(1 << 64)).is_ok(), "the next network is another caller");
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(network(mapped), IpAddr::from([192, 0, 2, 7]));
    }
}
