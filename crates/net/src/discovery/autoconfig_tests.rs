//! Files as they are published, and files as nobody should read them.

use super::*;

const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- published by the example provider -->
<clientConfig version="1.1">
  <emailProvider id="example.test">
    <domain>example.test</domain>
    <displayName>Example &amp; Sons&#32;Mail</displayName>
    <incomingServer type="imap">
      <hostname>imap.%EMAILDOMAIN%</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>OAuth2</authentication>
      <authentication>password-cleartext</authentication>
      <authentication>telepathy</authentication>
    </incomingServer>
    <incomingServer type="pop3">
      <hostname>pop.example.test</hostname><port>995</port><socketType>SSL</socketType>
    </incomingServer>
    <incomingServer type="imap">
      <hostname><![CDATA[imap2.example.test]]></hostname><port>143</port><socketType>starttls</socketType>
      <username>%EMAILLOCALPART%</username><authentication>password-encrypted</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.example.test</hostname><port>25</port><socketType>plain</socketType>
      <authentication>client-IP-address</authentication>
      <restriction>clientIPAddress</restriction><addThisServer>true</addThisServer>
    </outgoingServer>
    <documentation url="https://example.test/"><descr lang="en">How to</descr></documentation>
  </emailProvider>
  <emailProvider id="other.test">
    <incomingServer type="imap">
      <hostname>other.test</hostname><port>993</port><socketType>SSL</socketType>
    </incomingServer>
  </emailProvider>
  <clientConfigUpdate url="https://example.test/"/>
</clientConfig>
"#;

fn with_server(server: &str) -> String {
    format!(
        "<clientConfig><emailProvider><incomingServer type=\"imap\">{server}</incomingServer></emailProvider></clientConfig>"
    )
}

#[test]
fn a_published_file_is_read() {
    let config = parse(FILE.as_bytes()).unwrap();
    assert_eq!(config.display_name.as_deref(), Some("Example & Sons Mail"));
    let first = Template {
        hostname: "imap.%EMAILDOMAIN%".to_owned(),
        port: 993,
        socket: Socket::Ssl,
        username: Some("%EMAILADDRESS%".to_owned()),
        methods: vec![Method::OAuth2, Method::PasswordCleartext],
    };
    let second = Template {
        hostname: "imap2.example.test".to_owned(),
        port: 143,
        socket: Socket::StartTls,
        username: Some("%EMAILLOCALPART%".to_owned()),
        methods: vec![Method::PasswordEncrypted],
    };
    assert_eq!(config.incoming, [first, second]);
    let outgoing = Template {
        hostname: "smtp.example.test".to_owned(),
        port: 25,
        socket: Socket::Plain,
        username: None,
        methods: vec![Method::Other],
    };
    assert_eq!(config.outgoing, [outgoing]);
}

#[test]
fn a_byte_order_mark_and_a_prefix_do_no_harm() {
    let marked = format!("\u{feff}{FILE}");
    assert_eq!(parse(marked.as_bytes()), parse(FILE.as_bytes()));
    let config = parse(
        b"<c:clientConfig xmlns:c='x'><c:emailProvider><c:incomingServer type='imap'><c:hostname>a.test</c:hostname>\
          <c:port>993</c:port><c:socketType>SSL</c:socketType></c:incomingServer></c:emailProvider></c:clientConfig>",
    );
    assert_eq!(config.unwrap().incoming.len(), 1);
}

#[test]
fn entities_are_refused_wherever_they_stand() {
    let laughs = r#"<?xml version="1.0"?>
        <!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
        <clientConfig><emailProvider><displayName>&lol2;</displayName></emailProvider></clientConfig>"#;
    let outside = r#"<!DOCTYPE x SYSTEM "file:///etc/passwd"><clientConfig/>"#;
    let undeclared = "<clientConfig><emailProvider><displayName>&lol;</displayName></emailProvider></clientConfig>";
    let passed_over = "<clientConfig><unknown>&lol;</unknown></clientConfig>";
    let attribute = "<clientConfig version='&lol;'/>";
    for text in [laughs, outside, undeclared, passed_over, attribute] {
        assert_eq!(parse(text.as_bytes()), Err(ConfigError::Entities), "{text}");
    }
}

#[test]
fn what_is_no_configuration_is_named() {
    for text in ["<html><body>Not found</body></html>", "<!-- x --><Autodiscover/>"] {
        assert!(matches!(parse(text.as_bytes()), Err(ConfigError::WrongRoot { .. })), "{text}");
    }
    assert_eq!(parse(b"<clientConfig version='2.0'/>"), Err(ConfigError::Version { found: "2.0".to_owned() }));
    for text in [
        "",
        "   ",
        "{\"error\": 404}",
        "<clientConfig>",
        "<clientConfig></other>",
        "<clientConfig/><clientConfig/>",
        "<clientConfig/>text",
        "<clientConfig",
        "<clientConfig>& </clientConfig>",
        "<clientConfig>&#xFFFFFFFF;</clientConfig>",
    ] {
        assert!(
            matches!(parse(text.as_bytes()), Err(ConfigError::Malformed { .. })),
            "{text}: {:?}",
            parse(text.as_bytes())
        );
    }
    assert_eq!(parse(b"<clientConfig>\xff</clientConfig>"), Err(ConfigError::NotUtf8));
    let utf16: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(parse(&utf16).is_err());
}

#[test]
fn size_depth_and_values_are_bounded() {
    assert_eq!(parse(&vec![b'<'; 10_000_000]), Err(ConfigError::TooLarge));
    let deep = format!("<clientConfig>{}", "<a>".repeat(10_000));
    assert_eq!(parse(deep.as_bytes()), Err(ConfigError::TooDeep));
    let long = with_server(&format!("<hostname>{}</hostname>", "a".repeat(10_000)));
    assert!(matches!(parse(long.as_bytes()), Err(ConfigError::Malformed { .. })));
    let pieces = with_server(&format!("<hostname>{}</hostname>", "a<!-- -->".repeat(2_000)));
    assert!(matches!(parse(pieces.as_bytes()), Err(ConfigError::Malformed { .. })));
    let server = "<incomingServer type='imap'><hostname>a.test</hostname><port>993</port><socketType>SSL</socketType>\
                  <authentication>plain</authentication></incomingServer>";
    let many = format!("<clientConfig><emailProvider>{}</emailProvider></clientConfig>", server.repeat(300));
    assert_eq!(parse(many.as_bytes()).unwrap().incoming.len(), MAX_SERVERS);
    let methods = with_server(&format!(
        "<hostname>a.test</hostname><port>993</port><socketType>SSL</socketType>{}",
        "<authentication>plain</authentication>".repeat(500)
    ));
    assert_eq!(parse(methods.as_bytes()).unwrap().incoming[0].methods.len(), MAX_METHODS);
}

#[test]
fn an_incomplete_server_is_left_out() {
    for server in [
        "",
        "<hostname>a.test</hostname>",
        "<hostname>a.test</hostname><port>993</port>",
        "<hostname></hostname><port>993</port><socketType>SSL</socketType>",
        "<hostname>a.test</hostname><port>0</port><socketType>SSL</socketType>",
        "<hostname>a.test</hostname><port>70000</port><socketType>SSL</socketType>",
        "<hostname>a.test</hostname><port>-1</port><socketType>SSL</socketType>",
        "<hostname>a.test</hostname><port>993</port><socketType>none</socketType>",
    ] {
        assert_eq!(parse(with_server(server).as_bytes()).unwrap().incoming, [], "{server}");
    }
}
