//! Replies of SMTP servers.

use net::smtp::reply::{MAX_LINE_BYTES, MAX_REPLY_LINES, MAX_TEXT_CHARS};
use net::smtp::{Capabilities, Reply};

/// Reads all replies of `bytes`. However much of a reply has come, it is read the same or not yet; its text is bounded
/// and clean.
pub fn smtp_reply(bytes: &[u8]) {
    let mut rest = bytes;
    loop {
        let result = Reply::parse(rest);
        for end in [rest.len() / 3, rest.len() / 2, rest.len().saturating_sub(1)] {
            let early = Reply::parse(&rest[..end]);
            assert!(matches!(early, Ok(None)) || early == result, "{early:?} became {result:?}");
        }
        let (reply, length) = match result {
            Ok(Some(found)) => found,
            Ok(None) => {
                assert!(rest.len() <= MAX_REPLY_LINES * MAX_LINE_BYTES + MAX_LINE_BYTES, "a reply without end");
                break;
            }
            Err(_) => break,
        };
        let whole = &rest[..length];
        assert!(whole.ends_with(b"\n") && (200..600).contains(&reply.code));
        assert_eq!(Reply::parse(whole), Ok(Some((reply.clone(), length))));
        assert_eq!(Reply::parse(&whole[..length - 1]), Ok(None), "complete before its line ended");
        check_text(&reply);
        let capabilities = Capabilities::from_reply(&reply);
        let mut known = capabilities.auth.clone();
        known.sort();
        known.dedup();
        assert_eq!(known.len(), capabilities.auth.len());
        rest = &rest[length..];
    }
}

fn check_text(reply: &Reply) {
    assert!(reply.text.chars().count() <= MAX_TEXT_CHARS + 1);
    assert!(reply.text.lines().count() <= MAX_REPLY_LINES);
    assert!(!reply.text.chars().any(|c| c.is_control() && c != '\n'));
    let shown = reply.to_string();
    assert!(!shown.chars().any(char::is_control) && shown.starts_with(&reply.code.to_string()));
    if let Some(enhanced) = reply.enhanced {
        assert_eq!(u16::from(enhanced.class), reply.code / 100);
        assert!(enhanced.subject < 1000 && enhanced.detail < 1000);
    }
}
