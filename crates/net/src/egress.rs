//! The egress guard's rules: which addresses and ports may be dialled for a host that a user or a server named.
//!
//! An address is judged by what a packet to it would reach. Forms of IPv6 that carry an IPv4 address (mapped,
//! NAT64, 6to4, Teredo) are judged by the address inside. Sources: the IANA special-purpose address registries
//! (RFC 6890 and its updates). Blocks for documentation count as near: nothing public is there, and some networks use
//! them inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ipnet::IpNet;

/// Ports that mail servers use, allowed for every host.
pub const MAIL_PORTS: [u16; 6] = [25, 143, 465, 587, 993, 2525];
/// Ports that web servers use, allowed for HTTP only.
pub const HTTP_PORTS: [u16; 2] = [80, 443];

/// What the operator allows. The default allows the public internet on the usual ports.
#[derive(Debug, Clone, Default)]
pub struct EgressPolicy {
    /// Allows every address that is not on the public internet but can be reached: loopback, private, link-local.
    /// On a machine in a cloud this includes its metadata service; `allowed_networks` is the narrower choice.
    pub allow_private: bool,
    /// Networks that are allowed although they are not on the public internet.
    pub allowed_networks: Vec<IpNet>,
    /// Ports for mail in addition to [`MAIL_PORTS`].
    pub extra_mail_ports: Vec<u16>,
    /// Ports for HTTP in addition to [`HTTP_PORTS`].
    pub extra_http_ports: Vec<u16>,
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The public internet.
    Public,
    /// This machine or a network near it.
    Near,
    /// Not one host: unspecified, multicast, broadcast, reserved, discarded. Never dialled.
    Nowhere,
}

impl EgressPolicy {
    /// Whether `address` may be dialled.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        let judged = embedded_or_self(address);
        judged.iter().flatten().all(|address| match reach(*address) {
            Reach::Public => true,
            Reach::Near => self.allow_private || self.allowed_networks.iter().any(|network| network.contains(address)),
            Reach::Nowhere => false,
        })
    }

    /// Whether `port` may be dialled for mail.
    #[must_use]
    pub fn allows_mail_port(&self, port: u16) -> bool {
        MAIL_PORTS.contains(&port) || self.extra_mail_ports.contains(&port)
    }

    /// Whether `port` may be dialled for HTTP.
    #[must_use]
    pub fn allows_http_port(&self, port: u16) -> bool {
        HTTP_PORTS.contains(&port) || self.extra_http_ports.contains(&port)
    }
}

/// The IPv4 addresses that an IPv6 address carries (Teredo carries two), or the address itself.
fn embedded_or_self(address: IpAddr) -> [Option<IpAddr>; 2] {
    let IpAddr::V6(v6) = address else {
        return [Some(address), None];
    };
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match v6.segments() {
        // IPv4-mapped, ::ffff:0:0/96 (RFC 4291), and NAT64's well-known prefix, 64:ff9b::/96 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [v4(high, low), None],
        // IPv4-translated, ::ffff:0:0:0/96 (RFC 2765).
        [0, 0, 0, 0, 0xffff, 0, high, low] => [v4(high, low), None],
        // 6to4, 2002::/16 (RFC 3056).
        [0x2002, high, low, ..] => [v4(high, low), None],
        // Teredo, 2001::/32 (RFC 4380): its server, and the client with all bits inverted.
        [0x2001, 0, high, low, _, _, client_high, client_low] => [v4(high, low), v4(!client_high, !client_low)],
        // ISATAP, behind any other prefix (RFC 5214): the prefix's network, and the host inside it.
        [.., 0 | 0x200, 0x5efe, high, low] => [Some(address), v4(high, low)],
        _ => [Some(address), None],
    }
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // "This network", multicast, reserved, limited broadcast.
        [0 | 224..=255, ..] => Reach::Nowhere,
        // Loopback and private networks (RFC 1918).
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Near,
        // Shared address space of carriers (RFC 6598), link-local (RFC 3927).
        [100, 64..=127, ..] | [169, 254, ..] => Reach::Near,
        // IETF protocol assignments (RFC 6890), benchmarks (RFC 2544), the relay of 6to4 (RFC 7526).
        [192, 0, 0, _] | [198, 18 | 19, ..] | [192, 88, 99, _] => Reach::Near,
        // Documentation (RFC 5737).
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Near,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Near,
        // Unspecified and the withdrawn IPv4-compatible form (RFC 4291), discard only (RFC 6666) and its dummy neighbour
        // (RFC 9780), multicast.
        [0, 0, 0, 0, 0, 0, _, _] | [0x100, 0, 0, 0 | 1, ..] | [0xff00..=0xffff, ..] => Reach::Nowhere,
        // Unique local (RFC 4193), link-local (RFC 4291), site-local (RFC 3879).
        [0xfc00..=0xfdff | 0xfe80..=0xfeff, ..] => Reach::Near,
        // NAT64 prefixes for local use (RFC 8215): what they lead to is not known here.
        [0x64, 0xff9b, 1, ..] => Reach::Near,
        // Benchmarks (RFC 5180), overlay identifiers (RFC 4843, RFC 7343), segment routing (RFC 9602).
        [0x2001, 2, 0, ..] | [0x2001, 0x10..=0x2f, ..] | [0x5f00, ..] => Reach::Near,
        // Documentation (RFC 3849, RFC 9637).
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Near,
        _ => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: &[&str] = &[
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.10",
        "192.88.99.1",
        "192.168.0.1",
        "198.51.100.1",
        "203.0.113.5",
        "198.18.0.1",
        "198.19.255.255",
        "::1",
        "fc00::1",
        "fdff::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "feff::1",
        "64:ff9b:1::1",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "2001:2::1",
        "2001:10::1",
        "2001:2f:ffff::1",
        "2001:db8::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "5f00::1",
        // Translated and ISATAP forms of private addresses.
        "::ffff:0:127.0.0.1",
        "::ffff:0:10.0.0.1",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:192.168.0.1",
        "fe80::5efe:8.8.8.8",
        "2002:0a00:0001::5efe:808:808",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::192.168.1.1",
        "2002:0a00:0001::1",
        "2002:7f00:0001::",
        "2002:c0a8:0101::1",
        // Teredo with a private server, and with the private client 192.168.0.1.
        "2001:0:0a00:1::f7f7:f7f7",
        "2001:0:808:808:0:0:3f57:fffe",
    ];

    const NOWHERE: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::2",
        "::127.0.0.1",
        "::10.0.0.1",
        "100::1",
        "100:0:0:1::1",
        "::ffff:0:0.0.0.0",
        "ff02::1",
        "ffff::1",
        "::ffff:0.0.0.0",
        "::ffff:255.255.255.255",
        "64:ff9b::0.0.0.1",
        "2002:e000:0001::1",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.0.3.1",
        "192.88.98.1",
        "192.88.100.1",
        "192.167.255.255",
        "192.169.0.1",
        "198.17.255.255",
        "198.20.0.1",
        "198.51.99.1",
        "198.51.101.1",
        "203.0.112.1",
        "203.0.114.1",
        "223.255.255.255",
        "2001:3::1",
        "2001:f::1",
        "2001:30::1",
        "2001:db7::1",
        "2001:db9::1",
        "2606:4700::1111",
        "2606:4700::5efe:8.8.8.8",
        "3fff:1000::1",
        "5eff::1",
        "5f01::1",
        "fbff::1",
        "fe7f::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:0808:0808::1",
        "2001:0:808:808:0:0:f7f7:f7f7",
        "2001:1::1",
    ];

    fn allowed(policy: &EgressPolicy, addresses: &[&'static str]) -> Vec<&'static str> {
        let allows = |text: &&str| policy.allows_address(text.parse().unwrap());
        addresses.iter().copied().filter(allows).collect()
    }

    #[test]
    fn only_the_public_internet_by_default() {
        let policy = EgressPolicy::default();
        assert_eq!(allowed(&policy, NEAR), Vec::<&str>::new());
        assert_eq!(allowed(&policy, NOWHERE), Vec::<&str>::new());
        assert_eq!(allowed(&policy, PUBLIC), PUBLIC);
    }

    #[test]
    fn allow_private_opens_what_can_be_reached_and_no_more() {
        let policy = EgressPolicy { allow_private: true, ..EgressPolicy::default() };
        assert_eq!(allowed(&policy, NEAR), NEAR);
        assert_eq!(allowed(&policy, NOWHERE), Vec::<&str>::new());
        assert_eq!(allowed(&policy, PUBLIC), PUBLIC);
    }

    #[test]
    fn an_allowed_network_opens_itself_in_every_form() {
        let policy = EgressPolicy {
            allowed_networks: vec!["10.0.0.0/24".parse().unwrap(), "fd12::/16".parse().unwrap()],
            ..EgressPolicy::default()
        };
        let inside = ["10.0.0.9", "::ffff:10.0.0.9", "64:ff9b::10.0.0.9", "2002:0a00:0009::1", "fd12::1"];
        assert_eq!(allowed(&policy, &inside), inside);
        let outside = ["10.0.1.9", "127.0.0.1", "::ffff:10.0.1.9", "fd13::1", "169.254.169.254"];
        assert_eq!(allowed(&policy, &outside), Vec::<&str>::new());
    }

    #[test]
    fn ports_are_those_of_mail_and_the_operator() {
        let policy =
            EgressPolicy { extra_mail_ports: vec![1143], extra_http_ports: vec![8080], ..EgressPolicy::default() };
        for port in [25, 143, 465, 587, 993, 2525, 1143] {
            assert!(policy.allows_mail_port(port), "{port}");
        }
        for port in [0, 22, 80, 443, 6379, 8080] {
            assert!(!policy.allows_mail_port(port), "{port}");
        }
        for port in [80, 443, 8080] {
            assert!(policy.allows_http_port(port), "{port}");
        }
        for port in [0, 22, 25, 587, 1143, 6379] {
            assert!(!policy.allows_http_port(port), "{port}");
        }
    }
}
