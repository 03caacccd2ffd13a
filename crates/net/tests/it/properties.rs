//! What holds for any bytes, any text and any address.

use std::net::{Ipv4Addr, Ipv6Addr};

use net::smtp::{Capabilities, reply};
use net::{EgressPolicy, Host, Reply};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes that get further into the reply parser than arbitrary ones.
fn reply_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"250-".to_vec()),
        Just(b"250 ".to_vec()),
        Just(b"550 5.7.606 ".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"AUTH PLAIN".to_vec()),
        vec(any::<u8>(), 0..20),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_a_reply_or_are_refused(bytes in prop_oneof![vec(any::<u8>(), 0..300), reply_like()]) {
        if let Ok(Some((reply, length))) = Reply::parse(&bytes) {
            prop_assert!(length <= bytes.len());
            prop_assert!((200..600).contains(&reply.code));
            prop_assert!(reply.text.chars().count() <= reply::MAX_TEXT_CHARS + 1);
            prop_assert!(!reply.to_string().chars().any(char::is_control));
            let _ = Capabilities::from_reply(&reply);
            // What comes behind a reply does not change it.
            prop_assert_eq!(Reply::parse(&bytes[..length]).unwrap().unwrap().0, reply);
            prop_assert_eq!(Reply::parse(&bytes[..length - 1]).unwrap(), None);
        }
    }

    #[test]
    fn a_parsed_host_is_stable(typed in "\\PC{0,40}|[a-z0-9.:x\\[\\]-]{0,40}") {
        if let Ok(host) = Host::parse(&typed) {
            prop_assert_eq!(Host::parse(&host.to_string()).unwrap(), host);
        }
    }

    #[test]
    fn forms_that_carry_an_address_are_judged_like_it(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from(bits);
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let policy = EgressPolicy::default();
        let verdict = policy.allows_address(v4.into());
        for form in [
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !low),
        ] {
            prop_assert_eq!(policy.allows_address(form.into()), verdict, "{}", form);
        }
    }
}
