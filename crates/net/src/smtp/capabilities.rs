//! What a server offers after EHLO (RFC 5321 section 4.1.1.1).

use super::reply::Reply;

/// The extensions of a server that matter for submission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// SASL mechanisms in upper case (RFC 4954).
    pub auth: Vec<String>,
    /// SIZE (RFC 1870): offered, and the largest message in bytes where the server names one.
    pub size: Option<Option<u64>>,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_codes: bool,
}

impl Capabilities {
    /// Reads the lines after the first of an EHLO reply. Unknown and malformed lines are passed over.
    #[must_use]
    pub fn from_reply(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.text.lines().skip(1) {
            let line = line.to_ascii_uppercase();
            // "AUTH=LOGIN" is what some servers say for the sake of old clients.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => found.starttls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        if !found.auth.iter().any(|known| known == mechanism) {
                            found.auth.push(mechanism.to_owned());
                        }
                    }
                }
                Some("SIZE") => {
                    let limit = words.next().and_then(|digits| digits.parse().ok());
                    // Zero means that there is no fixed limit (RFC 1870 section 4).
                    found.size = Some(limit.filter(|limit| *limit > 0));
                }
                Some("PIPELINING") => found.pipelining = true,
                Some("SMTPUTF8") => found.smtputf8 = true,
                Some("8BITMIME") => found.eight_bit_mime = true,
                Some("DSN") => found.dsn = true,
                Some("ENHANCEDSTATUSCODES") => found.enhanced_codes = true,
                Some(_) | None => {}
            }
        }
        found
    }

    /// Whether a mechanism, named in upper case, is offered.
    #[must_use]
    pub fn offers_auth(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered == mechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(lines: &str) -> Capabilities {
        let (reply, _) = Reply::parse(lines.as_bytes()).unwrap().unwrap();
        Capabilities::from_reply(&reply)
    }

    #[test]
    fn what_postfix_offers() {
        let found = capabilities(
            "250-mail.lab.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n\
             250-AUTH PLAIN LOGIN\r\n250-AUTH=PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n\
             250-SMTPUTF8\r\n250 CHUNKING\r\n",
        );
        assert_eq!(
            found,
            Capabilities {
                starttls: true,
                auth: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
                size: Some(Some(10_240_000)),
                pipelining: true,
                smtputf8: true,
                eight_bit_mime: true,
                dsn: true,
                enhanced_codes: true,
            }
        );
    }

    #[test]
    fn odd_lines_do_no_harm() {
        let found =
            capabilities("250-STARTTLS\r\n250-size\r\n250-Auth=login\r\n250-\r\n250-SIZE x\r\n250 XFOO bar\r\n");
        assert!(!found.starttls, "the first line is a greeting");
        assert_eq!(found.size, Some(None));
        assert_eq!(found.auth, ["LOGIN"]);
        assert_eq!(capabilities("250-x\r\n250 SIZE 0\r\n").size, Some(None));
        assert_eq!(capabilities("250 x\r\n"), Capabilities::default());
    }
}
