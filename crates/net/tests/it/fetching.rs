//! Bounded HTTP under the guard.

use std::time::Duration;

use net::{EgressPolicy, HttpClient, NetError, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Names, PLENTY, dialer, only_loopback_one, private_dialer, serve};

const MAX_BYTES: usize = 1000;

/// A web server that answers every request with `response`, `PORT` replaced by its own port, and hangs up.
async fn web_server(response: String) -> u16 {
    // Said in the answer: a client that took the connection for one to be kept would lose its next request with it.
    let response = response.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let address = serve(move |mut stream| {
        let response = response.clone();
        async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let port = stream.local_addr().unwrap().port().to_string();
            let _ = stream.write_all(response.replace("PORT", &port).as_bytes()).await;
        }
    })
    .await;
    address.port()
}

fn guarded(port: u16) -> HttpClient {
    let names = Names::default().with("web.test", &["127.0.0.1"]).with("inside.test", &["127.0.0.2"]);
    dialer(names, only_loopback_one(port)).http_client()
}

async fn get(client: &HttpClient, url: &str) -> Result<net::Fetched, NetError> {
    client.get_bounded(url, MAX_BYTES, PLENTY).await
}

#[tokio::test]
async fn a_page_is_fetched() {
    let response = "HTTP/1.1 404 Not Found\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\nabc";
    let port = web_server(response.to_owned()).await;
    let client = guarded(port);
    for host in ["web.test", "127.0.0.1"] {
        let fetched = get(&client, &format!("http://{host}:{port}/x")).await.unwrap();
        assert_eq!(fetched.status, 404);
        assert_eq!(fetched.content_type.as_deref(), Some("image/png"));
        assert_eq!(fetched.body, b"abc");
    }
}

#[tokio::test]
async fn urls_are_judged_before_anything_is_asked() {
    let client = dialer(Names::default(), EgressPolicy::default()).http_client();
    for host in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"] {
        let refused = get(&client, &format!("http://{host}/")).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{host}: {refused:?}");
    }
    for url in ["http://web.test:22/", "https://web.test:6379/", "http://web.test:0/"] {
        let refused = get(&client, url).await;
        assert!(matches!(refused, Err(NetError::PortNotAllowed { .. })), "{url}: {refused:?}");
    }
    let long = format!("http://web.test/{}", "x".repeat(10_000));
    for url in ["", "web.test", "file:///etc/passwd", "ftp://web.test/", "http://a:b@web.test/", &long] {
        let refused = get(&client, url).await;
        assert!(matches!(refused, Err(NetError::UrlRefused { .. })), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn names_are_judged_when_they_are_resolved() {
    let port = web_server(String::new()).await;
    let refused = get(&guarded(port), &format!("http://inside.test:{port}/")).await;
    assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{refused:?}");
    let absent = get(&guarded(port), &format!("http://absent.test:{port}/")).await;
    assert!(matches!(absent, Err(NetError::NameNotFound { .. })), "{absent:?}");
}

async fn redirected(to: &str) -> Result<net::Fetched, NetError> {
    let response = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let port = web_server(response).await;
    get(&guarded(port), &format!("http://web.test:{port}/")).await
}

#[tokio::test]
async fn each_redirect_is_judged() {
    for to in [
        "http://127.0.0.2:PORT/",
        "http://inside.test:PORT/",
        "http://inside.test.:PORT/",
        "http://0x7f.2:PORT/",
        "http://2130706434:PORT/",
        "http://①②⑦.0.0.2:PORT/",
        "//127.0.0.2:PORT/",
        "http:\\\\127.0.0.2:PORT/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.2]:PORT/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://169.254.169.254/latest/meta-data/",
    ] {
        let refused = redirected(to).await;
        assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{to}: {refused:?}");
    }
    let refused = redirected("http://web.test:22/").await;
    assert!(matches!(refused, Err(NetError::PortNotAllowed { port: 22 })), "{refused:?}");
    for to in ["http://user@web.test:PORT/", "http://web.test@127.0.0.2:PORT/"] {
        let refused = redirected(to).await;
        assert!(matches!(refused, Err(NetError::UrlRefused { .. })), "{to}: {refused:?}");
    }
    for to in ["file:///etc/passwd", "gopher://web.test/", "data:image/png;base64,AA=="] {
        // Followed by nobody: it is refused, or the redirect itself is all that comes.
        match redirected(to).await {
            Ok(unfollowed) => assert_eq!((unfollowed.status, unfollowed.body), (302, vec![]), "{to}"),
            Err(refused) => assert!(matches!(refused, NetError::UrlRefused { .. }), "{to}: {refused}"),
        }
    }
    let endless = redirected("http://web.test:PORT/").await;
    assert!(
        matches!(&endless, Err(NetError::UrlRefused { words }) if words.contains("too many redirects")),
        "{endless:?}"
    );
}

#[tokio::test]
async fn the_body_is_bounded_announced_or_not() {
    let chunk = format!("100\r\n{}\r\n", "x".repeat(256)).repeat(10_000);
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_000)),
    ] {
        let port = web_server(response).await;
        let refused = get(&guarded(port), &format!("http://web.test:{port}/")).await;
        assert!(matches!(refused, Err(NetError::TooLarge { limit_bytes: MAX_BYTES })), "{refused:?}");
    }
}

/// What a server packed is never unpacked here: it stays as small as it came.
#[tokio::test]
async fn a_packed_body_is_not_unpacked() {
    let pack = "head -c 50000000 /dev/zero | gzip -9";
    let packed = std::process::Command::new("sh").args(["-c", pack]).output().unwrap().stdout;
    assert!((1_000..100_000).contains(&packed.len()), "{}", packed.len());
    let sent = packed.clone();
    let address = serve(move |mut stream| {
        let body = sent.clone();
        async move {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).await.unwrap_or(0);
            assert!(!String::from_utf8_lossy(&request[..count]).to_lowercase().contains("accept-encoding"));
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    })
    .await;
    let url = format!("http://web.test:{}/", address.port());
    let fetched = guarded(address.port()).get_bounded(&url, 100_000, PLENTY).await.unwrap();
    assert_eq!(fetched.body, packed);
}

#[tokio::test]
async fn the_time_is_bounded() {
    let address = serve(|mut stream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").await;
        std::future::pending::<()>().await;
    })
    .await;
    let url = format!("http://web.test:{}/", address.port());
    let late = guarded(address.port()).get_bounded(&url, MAX_BYTES, Duration::from_millis(200)).await;
    assert!(matches!(late, Err(NetError::TimedOut { stage: Stage::Http })), "{late:?}");
}

#[tokio::test]
async fn plain_text_on_an_https_port() {
    let port = web_server("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned()).await;
    let client = private_dialer(&[port], Vec::new()).http_client();
    let refused = get(&client, &format!("https://localhost:{port}/")).await;
    assert!(matches!(refused, Err(NetError::NotTls)), "{refused:?}");
}

#[tokio::test]
async fn a_host_sees_the_cookies_that_it_set_on_the_way_and_no_other_does() {
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let address = serve(move |mut stream| {
        let asked = asked.clone();
        async move {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]).to_string();
            let cookie = text.lines().find_map(|l| l.strip_prefix("cookie: ")).unwrap_or_default().to_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            asked.lock().unwrap().push((path.clone(), cookie));
            let port = stream.local_addr().unwrap().port();
            let next = match path.as_str() {
                "/a" => Some("/b".to_owned()),
                "/b" => Some(format!("http://web.test:{port}/c")),
                _ => None,
            };
            let answer = match next {
                Some(to) => {
                    format!(
                        "HTTP/1.1 303 See Other\r\nSet-Cookie: x={}; Path=/\r\nLocation: {to}\r\n",
                        path.trim_start_matches('/')
                    )
                }
                None => "HTTP/1.1 200 OK\r\n".to_owned(),
            };
            let whole = format!("{answer}Connection: close\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(whole.as_bytes()).await;
        }
    })
    .await;
    let client = guarded(address.port());
    let fetched = client.get_with_cookies(&format!("http://{address}/a"), MAX_BYTES, PLENTY).await.unwrap();
    assert_eq!(fetched.status, 200);
    let seen = seen.lock().unwrap().clone();
    let expected = [("/a", ""), ("/b", "x=a"), ("/c", "")].map(|(path, cookie)| (path.to_owned(), cookie.to_owned()));
    assert_eq!(seen, expected);
    // The guard judges each hop.
    let port =
        web_server("HTTP/1.1 302 Found\r\nLocation: http://inside.test:PORT/\r\nContent-Length: 0\r\n\r\n".to_owned())
            .await;
    let refused = guarded(port).get_with_cookies(&format!("http://web.test:{port}/"), MAX_BYTES, PLENTY).await;
    assert!(matches!(refused, Err(NetError::PrivateAddress { .. })), "{refused:?}");
    let port = web_server("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let refused = guarded(port).get_with_cookies(&format!("http://web.test:{port}/"), MAX_BYTES, PLENTY).await;
    assert!(matches!(refused, Err(NetError::UrlRefused { .. })), "{refused:?}");
}
