//! Hostile answers: files that want to grow, and hosts where nobody outside may go.

use std::sync::atomic::Ordering;

use net::discovery::{Options, Outcome, Place, discover};
use net::{Dialer, DialerSettings};

use super::world::{House, PATIENT, address, at, name_server, outcome};

const HOSTS: &str = "autoconfig IN A HERE";

/// What is said of a house that publishes this at the first place.
async fn published(body: &str) -> net::discovery::Report {
    let house = House::new(HOSTS);
    let body = body.to_owned();
    house.web(true, move |_| Some(body.clone())).await;
    house.discover().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_used_say_why() {
    let good = House::configuration("imap.%EMAILDOMAIN%", "smtp.%EMAILDOMAIN%");
    let table = [
        (
            good.replacen(
                "<clientConfig",
                "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><clientConfig",
                1,
            ),
            "entities",
        ),
        (good.replace("House &amp; Home", "&b;"), "entities"),
        ("<html><head><title>Welcome</title></head></html>".to_owned(), "begins with <html>"),
        (format!("<clientConfig>{}", " ".repeat(10_000_000)), "larger than 65536 bytes"),
        (format!("<clientConfig>{}", "<a>".repeat(5_000)), "nested too deeply"),
        ("not xml".to_owned(), "broken"),
        (good.replace("%EMAILDOMAIN%", "%REALNAME%"), "unknown placeholder"),
        (good.replace("%EMAILADDRESS%", "%SECRET%"), "unknown placeholder"),
        (good.replace("SSL", "plain"), "without TLS only"),
        (good.replace("password-cleartext", "client-IP-address"), "no password and no OAuth"),
        (good.replace("imap.%EMAILDOMAIN%", "imap/../x").replace("smtp.%EMAILDOMAIN%", "a b"), "no host name"),
        (good.replace("incomingServer", "x").replace("outgoingServer", "y"), "no server that can be used"),
        (good.replace("993", "22").replace("465", "6379"), "port 22 is not allowed"),
        (good.replace(".%EMAILDOMAIN%", ".absent-house.%EMAILDOMAIN%"), "does not exist"),
    ];
    for (body, words) in table {
        let report = published(&body).await;
        let looked = at(&report, Place::Autoconfig);
        assert_eq!(looked.outcome, Outcome::Unusable, "{words}: {looked:?}");
        assert!(looked.words.contains(words), "{words}: {}", looked.words);
        assert!(looked.words.chars().count() <= 501);
        assert_eq!(report.candidates, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_hosts_are_never_dialled_however_they_are_named() {
    // The house itself is allowed, all else on loopback is not.
    let inside = House::new("@ IN A HERE");
    inside.mail().await;
    let here = inside.address.to_string();
    let mapped = format!("::ffff:{here}");
    let name = format!("imap.{}", inside.domain);
    name_server().add_zone(&format!("imap.{}", inside.domain), &format!("@ IN A {here}")).unwrap();
    for host in [here.as_str(), &mapped, &name, "169.254.169.254", "10.0.0.1", "0x7f.1", "localhost", "[::1]"] {
        let report = published(&House::configuration(host, host)).await;
        let looked = at(&report, Place::Autoconfig);
        assert_eq!(looked.outcome, Outcome::Unusable, "{host}: {looked:?}");
        assert!(looked.words.contains("not on the public internet"), "{host}: {}", looked.words);
        assert_eq!(report.candidates, [], "{host}");
    }
    let house = House::new(&format!("_imaps._tcp IN SRV 0 1 993 {name}.\nimap IN A {here}\nsmtp IN A {here}"));
    let report = house.discover().await;
    assert_eq!(outcome(&report, Place::Srv), Outcome::Unusable, "{:?}", at(&report, Place::Srv));
    assert_eq!(report.candidates, []);
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_that_is_all_private_is_not_touched_and_redirects_inside_are_refused() {
    let house = House::new("@ IN A HERE\n* IN A HERE\n@ IN MX 0 mx");
    house.web(true, |_| Some(House::configuration("imap.%EMAILDOMAIN%", "smtp.%EMAILDOMAIN%"))).await;
    house.mail().await;
    let settings = DialerSettings {
        name_servers: vec![name_server().address()],
        extra_ca_files: vec![house.authority.file.path().to_owned()],
        ..DialerSettings::default()
    };
    let options = Options { allow_http: true, limits: PATIENT, ..Options::default() };
    let typed = address(&format!("ana@{}", house.domain));
    let report = discover(&Dialer::new(settings).unwrap(), &typed, &options, None).await;
    for place in [Place::Autoconfig, Place::WellKnown, Place::AutoconfigHttp] {
        assert_eq!(outcome(&report, place), Outcome::Unusable, "{place:?}");
    }
    assert_eq!((report.candidates, house.visits.load(Ordering::SeqCst)), (vec![], 0));

    let inside = House::new("secret IN A HERE");
    inside.web(true, |_| Some(String::new())).await;
    let outside = House::new(HOSTS);
    let to = format!("https://secret.{}/", inside.domain);
    outside
        .web(true, move |_| Some(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")))
        .await;
    let report = outside.discover().await;
    assert_eq!(outcome(&report, Place::Autoconfig), Outcome::Unusable);
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_addresses_are_asked_about_in_their_normal_form() {
    let house = House::new("* IN A HERE\nxn--bcher-kva IN MX 10 In.Google.COM.");
    house.web(true, |path| path.contains("emailaddress=").then(|| path.to_owned())).await;
    let options = Options { limits: PATIENT, ..Options::default() };
    let dialer = house.dialer(&[]);
    let typed = address(&format!("\"ana..&x\"@Bücher.{}", house.domain));
    let report = discover(&dialer, &typed, &options, None).await;
    let first = &report.candidates[0];
    assert_eq!(first.provider.unwrap().key, "google");
    let name = format!("\"ana..&x\"@xn--bcher-kva.{}", house.domain);
    assert_eq!(first.imap.as_ref().unwrap().usernames, [name]);
    let asked = &at(&report, Place::Autoconfig).asked;
    assert!(asked.contains("https://autoconfig.xn--bcher-kva.") && asked.ends_with("test"), "{asked}");
    assert!(asked.contains("emailaddress=%22ana..%26x%22%40xn--bcher-kva."), "{asked}");
}
