//! What each source gives, and what it says when it has nothing.

use std::time::{Duration, Instant};

use net::discovery::{Auth, Doubt, Learned, Limits, MAX_STEPS, Options, Outcome, Place, Source, discover};
use net::{Dialer, DialerSettings, Records};
use testkit::MailWorld;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::world::{House, PATIENT, address, at, both, name_server, outcome};

/// All hosts of the house.
const HOSTS: &str = "@ IN A HERE\n* IN A HERE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_configuration_is_enough() {
    let house = House::new(HOSTS);
    let config = House::configuration("imap.%EMAILDOMAIN%", &format!("Smtp.{}", house.domain.to_uppercase()));
    let wanted = format!("/mail/config-v1.1.xml?emailaddress=ana%40{}", house.domain);
    house.web(true, move |path| (path == wanted).then(|| config.clone())).await;
    house.mail().await;
    let report = house.discover().await;
    let first = &report.candidates[0];
    let domain = &house.domain;
    assert_eq!(both(first), (format!("imap.{domain}:993/ana@{domain}"), format!("smtp.{domain}:465/ana@{domain}")));
    assert!(
        matches!(&first.source, Source::Autoconfig { url, secure: true } if url.starts_with("https://autoconfig."))
    );
    assert_eq!((&first.doubt, first.provider), (&None, None));
    let imap = first.imap.as_ref().unwrap();
    assert_eq!((imap.answered, imap.auth.as_slice()), (Some(true), &[Auth::Password][..]));
    let looked = at(&report, Place::Autoconfig);
    assert_eq!(looked.outcome, Outcome::Found);
    assert!(looked.words.starts_with(&format!("House & Home; imap.{domain}:993 answers")), "{}", looked.words);
    assert_eq!(outcome(&report, Place::DomainTable), Outcome::Nothing);
    assert_eq!(outcome(&report, Place::AutoconfigHttp), Outcome::NotAsked);
    // Servers that several sources name stand there once.
    assert_eq!(report.candidates.len(), 1, "{:?}", report.candidates);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_well_known_place_is_asked_too() {
    let house = House::new("@ IN A HERE\nimap IN A HERE\nsmtp IN A HERE");
    let config = House::configuration(&format!("imap.{}", house.domain), &format!("smtp.{}", house.domain));
    house.web(true, move |path| (path == "/.well-known/autoconfig/mail/config-v1.1.xml").then(|| config.clone())).await;
    house.mail().await;
    let report = house.discover().await;
    assert_eq!(outcome(&report, Place::Autoconfig), Outcome::NoSuchName);
    assert_eq!(outcome(&report, Place::WellKnown), Outcome::Found);
    assert!(matches!(&report.candidates[0].source, Source::Autoconfig { url, .. } if url.contains("/.well-known/")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_passed_over_and_the_last_one_is_still_shown() {
    let house = House::new(HOSTS);
    let config = House::configuration(&format!("imap.{}", house.domain), &format!("smtp.{}", house.domain));
    // Nothing listens on 143.
    let dead = "<incomingServer type=\"imap\"><hostname>old.%EMAILDOMAIN%</hostname><port>143</port>\
                <socketType>STARTTLS</socketType></incomingServer>";
    let config = config.replacen("<incomingServer", &format!("{dead}<incomingServer"), 1);
    house.web(true, move |path| path.starts_with("/mail/").then(|| config.clone())).await;
    house.greet(993, "* OK [CAPABILITY IMAP4rev1] ready\r\n").await;
    let report = house.discover().await;
    let first = &report.candidates[0];
    let (imap, smtp) = (first.imap.as_ref().unwrap(), first.smtp.as_ref().unwrap());
    assert_eq!((imap.port, imap.answered), (993, Some(true)));
    assert_eq!((smtp.port, smtp.answered), (465, Some(false)));
    let words = &at(&report, Place::Autoconfig).words;
    assert!(words.contains(&format!("old.{}:143: ", house.domain)) && words.contains("refused"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_that_takes_the_mail_may_publish_the_configuration() {
    let hoster = House::new(HOSTS);
    let house = House::new(&format!("@ IN MX 5 mx1.{}.", hoster.domain));
    let config = House::configuration(&format!("imap.{}", hoster.domain), &format!("smtp.{}", hoster.domain));
    let wanted = format!("/mail/config-v1.1.xml?emailaddress=ana%40{}", house.domain);
    hoster.web(true, move |path| (path == wanted).then(|| config.clone())).await;
    hoster.mail().await;
    let options = Options { limits: PATIENT, ..Options::default() };
    let typed = address(&format!("ana@{}", house.domain));
    let report = discover(&hoster.dialer(&[]), &typed, &options, None).await;
    assert_eq!(outcome(&report, Place::AutoconfigOfMx), Outcome::Found);
    let first = &report.candidates[0];
    assert_eq!(first.imap.as_ref().unwrap().host, format!("imap.{}", hoster.domain));
    // It came over https, and still hangs on an MX record that anybody could have written.
    assert!(matches!(first.source, Source::Autoconfig { secure: false, .. }));
    let doubt = Doubt::OtherDomain { learned: Learned::Mx, domain: hoster.domain.clone() };
    assert_eq!(first.doubt, Some(doubt));
    let words = first.doubt.as_ref().unwrap().to_string();
    assert!(words.contains("MX record") && words.contains(&hoster.domain), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_records_lead_to_real_servers() {
    let world = MailWorld::shared();
    let house = House::new(&format!(
        "_imaps._tcp IN SRV 10 1 {} localhost.\n_imap._tcp IN SRV 0 1 {} localhost.\n\
         _submissions._tcp IN SRV 0 0 0 .\n_submission._tcp IN SRV 0 1 {} localhost.",
        world.imaps_port(),
        world.imap_port(),
        world.submission_port()
    ));
    let dialer = house.dialer(&[world.imaps_port(), world.imap_port(), world.submission_port()]);
    let options = Options { limits: PATIENT, ..Options::default() };
    let report = discover(&dialer, &address(&format!("ana@{}", house.domain)), &options, None).await;
    let first = report.candidates.first().unwrap_or_else(|| panic!("{:?}", report.looked));
    let domain = &house.domain;
    let names = format!("ana@{domain}|ana");
    // TLS from the first byte before the upgrade, whatever the priorities say (RFC 8314).
    let imap = format!("localhost:{}/{names}", world.imaps_port());
    assert_eq!(both(first), (imap, format!("localhost:{}+/{names}", world.submission_port())));
    assert_eq!(first.source, Source::Srv);
    assert_eq!(
        (first.imap.as_ref().unwrap().answered, first.smtp.as_ref().unwrap().answered),
        (Some(true), Some(true))
    );
    let doubt = Doubt::OtherDomain { learned: Learned::Srv, domain: "localhost".to_owned() };
    assert_eq!(first.doubt, Some(doubt));
    assert!(at(&report, Place::Srv).words.contains("_submissions._tcp is not offered"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starttls_is_checked_to_the_certificate_on_real_servers() {
    let world = MailWorld::shared();
    let (imap, smtp) = (world.imap_port(), world.submission_port());
    let house = House::new(&format!(
        "_imap._tcp IN SRV 0 1 {imap} localhost.\n_submission._tcp IN SRV 0 1 {smtp} wrong-name\nwrong-name IN A 127.0.0.1"
    ));
    let options = Options { limits: PATIENT, ..Options::default() };
    let typed = address(&format!("ana@{}", house.domain));
    let report = discover(&house.dialer(&[imap, smtp]), &typed, &options, None).await;
    let first = report.candidates.first().unwrap_or_else(|| panic!("{:?}", report.looked));
    assert_eq!(first.imap.as_ref().unwrap().answered, Some(true), "{:?}", report.looked);
    // Postfix answers; its certificate is for localhost.
    assert_eq!(first.smtp.as_ref().unwrap().answered, Some(false));
    assert!(at(&report, Place::Srv).words.contains("the certificate is for"), "{:?}", at(&report, Place::Srv));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_records_are_taken_by_priority_and_weight() {
    let house = House::new(&format!(
        "{HOSTS}\n_imaps._tcp IN SRV 20 9 993 c\n_imaps._tcp IN SRV 10 1 993 b\n_imaps._tcp IN SRV 10 5 993 a"
    ));
    house.greet(993, "* OK [CAPABILITY IMAP4rev1] ready\r\n").await;
    let report = house.discover().await;
    let first = report.candidates.iter().find(|c| c.source == Source::Srv).unwrap();
    assert_eq!(first.imap.as_ref().unwrap().host, format!("a.{}", house.domain));
    assert_eq!((&first.smtp, &first.doubt), (&None, &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_records_than_fit_a_packet_come_over_tcp_and_are_cut() {
    let records = |record: &str| (0..60).map(|n| format!("{record}{n:020}\n")).collect::<String>();
    let house = House::new(&format!("{}{}", records("@ IN MX 7 "), records("_imaps._tcp IN SRV 1 1 993 ")));
    let dialer = house.dialer(&[]);
    let Records::Found(exchangers) = dialer.resolver().mail_exchangers(&house.domain).await.unwrap() else { panic!() };
    assert_eq!(exchangers.len(), 32);
    let name = format!("_imaps._tcp.{}", house.domain);
    let Records::Found(services) = dialer.resolver().services(&name).await.unwrap() else { panic!() };
    assert_eq!(services.len(), 32);
    let report = house.discover().await;
    assert_eq!(outcome(&report, Place::Srv), Outcome::Unusable, "names without addresses");
    let words = &at(&report, Place::Srv).words;
    assert_eq!(words.matches(":993").count(), 4, "few of them are tried: {words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_of_a_provider_bring_its_row_whoever_names_them() {
    let house = House::new("_imaps._tcp IN SRV 0 1 993 imap.purelymail.com.");
    name_server().add_zone("purelymail.com", &format!("imap IN A {}", house.address)).unwrap();
    house.mail().await;
    let report = house.discover().await;
    let first = &report.candidates[0];
    assert_eq!((&first.source, first.provider.unwrap().key.as_str()), (&Source::Srv, "purelymail"));
    // It shows the certificate of somebody else.
    assert_eq!(first.imap.as_ref().unwrap().answered, Some(false));
    let doubt = Doubt::OtherDomain { learned: Learned::Srv, domain: "purelymail.com".to_owned() };
    assert_eq!(first.doubt, Some(doubt));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_offered_when_they_greet_over_tls_and_nobody_signs_in() {
    let house = House::new(HOSTS);
    house.mail().await;
    let report = house.discover().await;
    assert_eq!(report.candidates.len(), 1, "{:?}", report.candidates);
    let (first, domain) = (&report.candidates[0], &house.domain);
    assert_eq!((&first.source, &first.doubt), (&Source::Guess, &None));
    let names = format!("ana@{domain}|ana");
    assert_eq!(both(first), (format!("imap.{domain}:993/{names}"), format!("smtp.{domain}:465/{names}")));
    assert_eq!(house.heard(), Vec::<String>::new(), "nothing is said to a server that greets with all we need");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guess_without_a_fitting_greeting_or_certificate_is_not_offered() {
    // Under 127.0.0.1 the certificate of the house is another house's.
    let house = House::new("imap IN A HERE\nmail IN A HERE");
    house.greet(993, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
    house.greet(465, "554 no service here\r\n").await;
    let report = house.discover().await;
    assert_eq!(report.candidates, []);
    assert_eq!(outcome(&report, Place::Guess), Outcome::Nothing);

    let stranger = House::new(&format!("imap IN A {0}\nsmtp IN A {0}", house.address));
    let typed = address(&format!("ana@{}", stranger.domain));
    let options = Options { limits: PATIENT, ..Options::default() };
    let before = house.visits.load(std::sync::atomic::Ordering::SeqCst);
    let report = discover(&house.dialer(&[]), &typed, &options, None).await;
    assert_eq!(report.candidates, [], "a server with the certificate of another name");
    assert!(house.visits.load(std::sync::atomic::Ordering::SeqCst) > before, "it was not even asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_takes_no_mail_one_without_exchanger_and_one_that_does_not_exist() {
    let null = House::new("@ IN MX 0 .").discover().await;
    assert_eq!(outcome(&null, Place::Mx), Outcome::TakesNoMail);
    let without = House::new("www IN A HERE").discover().await;
    assert_eq!(outcome(&without, Place::Mx), Outcome::Nothing);
    assert_eq!(outcome(&without, Place::Srv), Outcome::Nothing);
    let house = House::new("");
    let options = Options { limits: PATIENT, ..Options::default() };
    let typed = address(&format!("ana@absent.{}", house.domain));
    let absent = discover(&house.dialer(&[]), &typed, &options, None).await;
    assert_eq!(outcome(&absent, Place::Mx), Outcome::NoSuchName);
    assert_eq!(outcome(&absent, Place::Autoconfig), Outcome::NoSuchName);
    assert_eq!(outcome(&absent, Place::Guess), Outcome::Nothing);
    let refused = discover(&house.dialer(&[]), &address("ana@no-zone.test"), &options, None).await;
    assert_eq!(outcome(&refused, Place::Mx), Outcome::Failed, "{:?}", at(&refused, Place::Mx));
    for report in [null, without, absent, refused] {
        assert_eq!(report.candidates, []);
        assert!(report.looked.iter().all(|looked| !looked.words.is_empty()), "{:?}", report.looked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_name_servers_and_silent_hosts_end_in_time() {
    let limits = Limits {
        dns: Duration::from_millis(300),
        http: Duration::from_millis(600),
        server: Duration::from_millis(600),
        whole: Duration::from_secs(2),
    };
    let options = Options { limits, ..Options::default() };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let name_servers = vec![socket.local_addr().unwrap()];
    let deaf = Dialer::new(DialerSettings { name_servers, ..DialerSettings::default() }).unwrap();
    let began = Instant::now();
    let report = discover(&deaf, &address("ana@example.com"), &options, None).await;
    for place in [Place::Mx, Place::Autoconfig, Place::WellKnown, Place::Srv] {
        assert_eq!(outcome(&report, place), Outcome::TimedOut, "{place:?}");
    }

    let house = House::new(HOSTS);
    for port in [443, 993, 465, 143, 587] {
        house.silence(port).await;
    }
    let report = house.discover_with(&options).await;
    assert_eq!(outcome(&report, Place::Autoconfig), Outcome::TimedOut);
    assert_eq!(report.candidates, []);
    // Twice the limit for the whole, and much for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_question_is_told_as_it_begins_and_ends() {
    let house = House::new(&format!("{HOSTS}\n@ IN MX 10 mx.elsewhere.test."));
    let (tell, mut told) = mpsc::channel(MAX_STEPS);
    let options = Options { limits: PATIENT, ..Options::default() };
    let typed = address(&format!("Ana@{}", house.domain.to_uppercase()));
    let report = discover(&house.dialer(&[]), &typed, &options, Some(tell)).await;
    let mut steps = Vec::new();
    while let Some(step) = told.recv().await {
        steps.push(step);
    }
    let mut places: Vec<Place> = report.looked.iter().map(|looked| looked.place).collect();
    assert!(places.is_sorted() && places.contains(&Place::AutoconfigOfMx), "{places:?}");
    places.dedup();
    assert_eq!(places.len(), report.looked.len(), "each source once");
    for looked in &report.looked {
        let of_it: Vec<_> = steps.iter().filter(|step| step.place == looked.place).collect();
        assert_eq!(of_it.last(), Some(&looked));
        let begun = of_it.first().unwrap().outcome == Outcome::Running;
        let asked = !matches!(looked.place, Place::DomainTable | Place::AutoconfigHttp);
        assert_eq!((begun, of_it.len()), (asked, 1 + usize::from(asked)), "{:?}", looked.place);
    }
    assert!(steps.iter().all(|step| !step.asked.is_empty() && step.asked.contains("test")), "{steps:?}");
}
