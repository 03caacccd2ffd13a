//! Every row of the provider table, as `ana+tag@` its domains and as a customer with a domain of their own.

use std::collections::BTreeSet;

use net::EgressPolicy;
use net::discovery::{Doubt, Learned, Options, Outcome, Place, Providers, Source, discover};
use net::{Dialer, DialerSettings};

use super::world::{PATIENT, address, at, both, name_server, outcome};
use crate::support::{Names, dialer};

/// Key, IMAP, submission. A `+` after a port is STARTTLS. `A` is the address without its tag, `T` with it, `l` and
/// `t` their local parts.
const ROWS: [(&str, &str, &str); 38] = [
    ("google", "imap.gmail.com:993/A|T", "smtp.gmail.com:465/A|T"),
    ("microsoft_365", "outlook.office365.com:993/A|T", "smtp.office365.com:587+/A|T"),
    ("microsoft_us", "outlook.office365.us:993/A|T", "smtp.office365.us:587+/A|T"),
    ("microsoft_us_dod", "outlook-dod.office365.us:993/A|T", "outlook-dod.office365.us:587+/A|T"),
    ("microsoft_china", "partner.outlook.cn:993/A|T", "smtp.partner.outlook.cn:587+/A|T"),
    ("outlook_com", "outlook.office365.com:993/A|T", "smtp-mail.outlook.com:587+/A|T"),
    ("yahoo", "imap.mail.yahoo.com:993/T|A", "smtp.mail.yahoo.com:465/T|A"),
    ("aol", "imap.aol.com:993/T|A", "smtp.aol.com:465/T|A"),
    ("icloud", "imap.mail.me.com:993/l|A|t|T", "smtp.mail.me.com:587+/A|T"),
    ("zoho_com", "imap.zoho.com:993/T|A", "smtp.zoho.com:465/T|A"),
    ("zoho_com_pro", "imappro.zoho.com:993/T|A", "smtppro.zoho.com:465/T|A"),
    ("zoho_eu", "imap.zoho.eu:993/T|A", "smtp.zoho.eu:465/T|A"),
    ("zoho_eu_pro", "imappro.zoho.eu:993/T|A", "smtppro.zoho.eu:465/T|A"),
    ("zoho_in", "imap.zoho.in:993/T|A", "smtp.zoho.in:465/T|A"),
    ("zoho_in_pro", "imappro.zoho.in:993/T|A", "smtppro.zoho.in:465/T|A"),
    ("zoho_au", "imap.zoho.com.au:993/T|A", "smtp.zoho.com.au:465/T|A"),
    ("zoho_au_pro", "imappro.zoho.com.au:993/T|A", "smtppro.zoho.com.au:465/T|A"),
    ("zoho_jp", "imap.zoho.jp:993/T|A", "smtp.zoho.jp:465/T|A"),
    ("zoho_jp_pro", "imappro.zoho.jp:993/T|A", "smtppro.zoho.jp:465/T|A"),
    ("fastmail", "imap.fastmail.com:993/A|T", "smtp.fastmail.com:465/A|T"),
    ("gmx_net", "imap.gmx.net:993/T|A", "mail.gmx.net:465/T|A"),
    ("gmx_com", "imap.gmx.com:993/T|A", "mail.gmx.com:465/T|A"),
    ("web_de", "imap.web.de:993/t|l", "smtp.web.de:465/t|l"),
    ("yandex", "imap.yandex.com:993/A|T", "smtp.yandex.com:465/A|T"),
    ("mail_ru", "imap.mail.ru:993/T|A", "smtp.mail.ru:465/T|A"),
    ("proton_bridge", "127.0.0.1:1143+/T|A", "127.0.0.1:1025+/T|A"),
    ("proton_smtp", "-", "smtp.protonmail.ch:587+/T|A"),
    ("migadu", "imap.migadu.com:993/T|A", "smtp.migadu.com:465/T|A"),
    ("purelymail", "imap.purelymail.com:993/T|A", "smtp.purelymail.com:465/T|A"),
    ("ionos_de", "imap.1und1.de:993/T|A", "smtp.1und1.de:465/T|A"),
    ("ionos_com", "imap.ionos.com:993/T|A", "smtp.ionos.com:465/T|A"),
    ("ionos_uk", "imap.ionos.co.uk:993/T|A", "smtp.ionos.co.uk:465/T|A"),
    ("ionos_fr", "imap.ionos.fr:993/T|A", "smtp.ionos.fr:465/T|A"),
    ("ionos_es", "imap.ionos.es:993/T|A", "smtp.ionos.es:465/T|A"),
    ("ovh", "ssl0.ovh.net:993/T|A", "ssl0.ovh.net:465/T|A"),
    ("strato", "imap.strato.de:993/T|A", "smtp.strato.de:465/T|A"),
    ("gandi", "mail.gandi.net:993/T|A", "mail.gandi.net:465/T|A"),
    ("t_online", "secureimap.t-online.de:993/T|A", "securesmtp.t-online.de:465/T|A"),
];

/// What a row must give for `ana+tag@domain`.
fn expected(key: &str, domain: &str) -> (String, String) {
    let row = ROWS.iter().find(|row| row.0 == key).unwrap_or_else(|| panic!("{key} has no row in this test"));
    let fill = |text: &str| match text.split_once('/') {
        None => text.to_owned(),
        Some((place, names)) => {
            let name = |letter| match letter {
                "A" => format!("ana@{domain}"),
                "T" => format!("ana+tag@{domain}"),
                "l" => "ana".to_owned(),
                "t" => "ana+tag".to_owned(),
                other => panic!("{other}"),
            };
            format!("{place}/{}", names.split('|').map(name).collect::<Vec<_>>().join("|"))
        }
    };
    (fill(row.1), fill(row.2))
}

#[test]
fn this_test_and_the_table_have_the_same_rows() {
    let here: BTreeSet<&str> = ROWS.iter().map(|row| row.0).collect();
    let there: BTreeSet<&str> = Providers::built_in().rows().iter().map(|row| row.key.as_str()).collect();
    assert_eq!(here, there);
}

#[tokio::test]
async fn every_domain_of_every_row_is_known_without_asking_anybody() {
    let names = Names::default();
    let dialer = dialer(names.clone(), EgressPolicy::default());
    let mut walked = 0;
    for row in Providers::built_in().rows() {
        for domain in &row.domains {
            let typed = address(&format!("ana+tag@{}", domain.to_uppercase()));
            let report = discover(&dialer, &typed, &Options::default(), None).await;
            let keys: Vec<_> = report.candidates.iter().map(|c| c.provider.unwrap().key.as_str()).collect();
            let wanted: Vec<_> = std::iter::once(row.key.as_str()).chain(row.also.iter().map(String::as_str)).collect();
            assert_eq!(keys, wanted, "{domain}");
            for candidate in &report.candidates {
                assert_eq!(candidate.source, Source::DomainTable);
                assert_eq!(both(candidate), expected(&candidate.provider.unwrap().key, domain), "{domain}");
                let doubt = (candidate.provider.unwrap().key == "proton_bridge").then_some(Doubt::LocalProgram);
                assert_eq!(candidate.doubt, doubt, "{domain}");
            }
            assert_eq!(at(&report, Place::DomainTable).words, row.label);
            for place in
                [Place::Mx, Place::Autoconfig, Place::WellKnown, Place::AutoconfigHttp, Place::Srv, Place::Guess]
            {
                assert_eq!(outcome(&report, place), Outcome::NotAsked, "{domain}");
            }
            walked += 1;
        }
    }
    assert!(walked > 200, "{walked} domains");
    assert_eq!(names.asked(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_found_by_every_host_that_takes_mail_for_its_customers() {
    let mut records = String::new();
    let mut customers = Vec::new();
    for row in Providers::built_in().rows() {
        for suffix in &row.mx {
            let name = format!("customer{}", customers.len());
            // The worse exchanger is of somebody else and decides nothing.
            records.push_str(&format!("{name} IN MX 10 In1.{suffix}.\n{name} IN MX 20 mx.google.com.\n"));
            customers.push((row, format!("{name}.customers.test"), format!("in1.{suffix}")));
        }
    }
    name_server().add_zone("customers.test", &records).unwrap();
    let settings = DialerSettings { name_servers: vec![name_server().address()], ..DialerSettings::default() };
    let dialer = Dialer::new(settings).unwrap();
    let options = Options { limits: PATIENT, ..Options::default() };
    for (row, domain, host) in customers {
        let report = discover(&dialer, &address(&format!("ana+tag@{domain}")), &options, None).await;
        let keys: Vec<_> = report.candidates.iter().map(|c| c.provider.unwrap().key.as_str()).collect();
        let wanted: Vec<_> = std::iter::once(row.key.as_str()).chain(row.also.iter().map(String::as_str)).collect();
        assert_eq!(keys, wanted, "{domain}: {:?}", report.looked);
        for candidate in &report.candidates {
            assert_eq!(candidate.source, Source::Mx { host: host.clone() });
            assert_eq!(both(candidate), expected(&candidate.provider.unwrap().key, &domain));
            match &candidate.doubt {
                Some(Doubt::LocalProgram) => assert_eq!(candidate.provider.unwrap().key, "proton_bridge"),
                Some(Doubt::OtherDomain { learned: Learned::Mx, domain }) => {
                    let server = candidate.imap.as_ref().or(candidate.smtp.as_ref()).unwrap();
                    assert!(server.host.ends_with(domain), "{domain}");
                }
                other => panic!("{}: {other:?}", row.key),
            }
        }
    }
}
