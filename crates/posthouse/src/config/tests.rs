//! What an operator reads when a setting does not fit.

use super::keys::{self, KEYS};
use super::read::read;
use super::{Config, ConfigError, Retry, is_origin};
use std::path::Path;

fn of_file(text: &str) -> Result<Config, ConfigError> {
    read(Some((Path::new("/etc/posthouse.toml"), text)), [])
}

fn of_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    read(None, variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
}

#[test]
fn every_setting_is_in_the_table_and_nothing_else() {
    for key in KEYS {
        let full = key.name.replace('*', "google");
        let (section, name) = full.rsplit_once('.').unwrap_or(("", &full));
        let text = if section.is_empty() { format!("{name} = []") } else { format!("[{section}]\n{name} = []") };
        let refused = toml::from_str::<Config>(&text).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(!refused.contains("unknown field"), "{} is no field: {refused}", key.name);
    }
    // What serde expects where an unknown name stands is the list of all fields.
    for (section, text) in [
        ("", "zz = 1"),
        ("egress.", "[egress]\nzz = 1"),
        ("log.", "[log]\nzz = 1"),
        ("retry.", "[retry]\nzz = 1"),
        ("timeouts.", "[timeouts]\nzz = 1"),
        ("metrics.", "[metrics]\nzz = 1"),
        ("retention.", "[retention]\nzz = 1"),
        ("oauth.google.", "[oauth.google]\nzz = 1"),
        ("notices.", "[notices]\nzz = 1"),
        ("system_mail.", "[system_mail]\nzz = 1"),
    ] {
        let e = toml::from_str::<Config>(text).unwrap_err().message().to_owned();
        let fields: Vec<&str> = e.split('`').skip(3).step_by(2).collect();
        assert!(!fields.is_empty(), "{e}");
        for field in fields {
            let name = format!("{section}{field}");
            assert!(keys::find(&name).is_some() || keys::is_section(&name), "{name} is not in the table");
        }
    }
}

#[test]
fn each_setting_that_does_not_fit_is_named_with_its_line() {
    let e = of_file(
        r#"data_dir = 3
listen = "8080"
lisen = "127.0.0.1:1"
public_url = "mail.example.com"
trusted_proxies = ["10.0.0.1:80"]
database_url = "mysql://root:geheim@db/x"
plain_text_logins = "yes"
extra_ca = ["/nowhere/ca.pem"]
name_servers = ["192.0.2.53"]
log = "debug"

[egress]
allow_all = true
extra_ports = [70000]

[retry]
first_ms = 0
longest_ms = -1

[metrics]
listen = "localhost:9464"

[retention]
events_days = 0

[webhooks]
url = "x"
"#,
    );
    let text = e.unwrap_err().to_string();
    assert!(!text.contains("geheim"), "a password is shown");
    insta::assert_snapshot!(text);
}

#[test]
fn a_variable_is_named_as_it_is_written() {
    let e = of_variables(&[
        ("POSTHOUSE_LISEN", "127.0.0.1:1"),
        ("POSTHOUSE_EGRESS__ALLOW_PRIVAT", "true"),
        ("POSTHOUSE_SOMETHING_OF_MY_OWN", "1"),
        ("POSTHOUSE_EGRESS__ALLOW_PRIVATE", "maybe"),
        ("POSTHOUSE_EGRESS__EXTRA_PORTS", "1025,smtp"),
        ("POSTHOUSE_LOG__FORMAT", "xml"),
        ("POSTHOUSE_LOG__LEVEL", "posthouse=loud"),
        ("POSTHOUSE_RETRY__FIRST_MS", "2000000"),
        ("DATABASE_URL", "sqlite://x"),
        ("PATH", "/bin"),
    ]);
    insta::assert_snapshot!(e.unwrap_err());
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_named() {
    let e = of_file("listen = \"127.0.0.1:1\"\ndatabase_url = \"postgres://u:geheim@h/d\n").unwrap_err().to_string();
    assert!(!e.contains("geheim"), "{e}");
    insta::assert_snapshot!(e);
    let missing = Config::load(Some(Path::new("/nowhere/posthouse.toml"))).unwrap_err();
    insta::assert_snapshot!(missing);
}

#[test]
fn an_empty_path_names_no_place() {
    for name in ["data_dir", "key_file"] {
        for empty in ["", "  "] {
            let refused = of_file(&format!("{name} = \"{empty}\"")).unwrap_err().to_string();
            let wanted =
                format!("`{name}` = \"{empty}\" (/etc/posthouse.toml, line 1): it is empty. Allowed: the path of");
            assert!(refused.contains(&wanted), "{refused}");
        }
    }
    let unset = of_variables(&[("POSTHOUSE_DATA_DIR", ""), ("POSTHOUSE_KEY_FILE", "")]).unwrap();
    assert_eq!((unset.data_dir.to_str(), unset.key_file), (Some("data"), None));
}

#[test]
fn a_file_of_authorities_must_hold_some() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let named = |path: &Path| of_variables(&[("POSTHOUSE_EXTRA_CA", &path.display().to_string())]);
    let e = named(&empty).unwrap_err().to_string();
    assert!(e.contains("empty.pem holds no PEM certificate") && e.contains("POSTHOUSE_EXTRA_CA"), "{e}");
    std::fs::write(&empty, "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert_eq!(named(&empty).unwrap().extra_ca, [empty]);
}

#[test]
fn the_environment_is_stronger_than_the_file_and_an_empty_variable_names_nothing() {
    let file = Some((Path::new("p.toml"), "listen = \"127.0.0.1:1\"\n[egress]\nextra_ports = [1, 2]"));
    let over = |value: &str| read(file, [("POSTHOUSE_LISTEN".to_owned(), value.to_owned())]).unwrap();
    assert_eq!((over("127.0.0.1:2").listen.port(), over("").listen.port()), (2, 1));
    assert_eq!(over("").egress.extra_ports, [1, 2]);
}

#[test]
fn the_environment_names_lists_with_commas() {
    let ports = |value| of_variables(&[("POSTHOUSE_EGRESS__EXTRA_PORTS", value)]).unwrap().egress.extra_ports;
    assert_eq!((ports("1025,1026"), ports("1025")), (vec![1025, 1026], vec![1025]));
    let proxies = |value| of_variables(&[("POSTHOUSE_TRUSTED_PROXIES", value)]).unwrap().trusted_proxies.len();
    assert_eq!((proxies("10.0.0.1"), proxies("10.0.0.1, ::1")), (1, 2));
    assert!(of_variables(&[("POSTHOUSE_EGRESS__ALLOW_PRIVATE", "true")]).unwrap().egress.allow_private);
    assert_eq!(of_variables(&[("POSTHOUSE_RETRY__FIRST_MS", "250")]).unwrap().retry.first_ms, 250);
    assert_eq!(of_file("[egress]\nextra_ports = 2993").unwrap().egress.extra_ports, [2993]);
}

#[test]
fn a_public_url_is_an_origin() {
    for good in ["https://mail.example.com", "http://10.0.0.1:8080/", "https://[2001:db8::1]"] {
        assert!(is_origin(good), "{good}");
    }
    for bad in [
        "https://",
        "mail.example.com",
        "https://a.b/path",
        "https://a.b/?x=1",
        "https://u:p@a.b",
        "ftp://a.b",
        "https://a.b/#x",
    ] {
        assert!(!is_origin(bad), "{bad}");
    }
}

#[test]
fn a_password_in_an_address_is_not_shown() {
    let text =
        of_variables(&[("POSTHOUSE_PUBLIC_URL", "https://user:geheim@mail.example.com")]).unwrap_err().to_string();
    assert!(text.contains("POSTHOUSE_PUBLIC_URL") && !text.contains("geheim"), "{text}");
}

#[test]
fn an_address_of_all_is_shown_as_one_to_type() {
    let config = Config { listen: ([0, 0, 0, 0], 8080).into(), ..Config::default() };
    assert_eq!(config.base_url(), "http://127.0.0.1:8080");
    let behind = Config { public_url: Some("https://mail.example.com/".into()), ..Config::default() };
    assert_eq!((behind.base_url().as_str(), behind.behind_tls()), ("https://mail.example.com", true));
    assert_eq!(behind.public_name().as_deref(), Some("mail.example.com"));
    assert_eq!(behind.public_origin().as_deref(), Some("https://mail.example.com"));
}

#[test]
fn pauses_grow_and_end() {
    let pauses: Vec<i64> = (0..8).map(|n| Retry::default().pause_ms(n) / 1_000).collect();
    assert_eq!(pauses, [15, 15, 60, 300, 900, 3_600, 3_600, 3_600]);
    assert_eq!(Retry { first_ms: u64::MAX, longest_ms: u64::MAX, healthy_ms: 0 }.pause_ms(9), i64::MAX);
}

#[test]
fn waits_are_bounded() {
    assert_eq!(of_file("[timeouts]\nverdict_ms = 5000").unwrap().timeouts.verdict_ms, 5_000);
    for bad in ["connect_ms = 0", "body_ms = 600001"] {
        let refused = of_file(&format!("[timeouts]\n{bad}")).unwrap_err();
        assert!(refused.to_string().contains("timeouts."), "{refused}");
    }
}

#[test]
fn oauth_providers_are_named_by_the_operator_and_looked_at_like_any_setting() {
    let config =
        of_file("[oauth.google]\nclient_id = \"abc\"\nclient_secret = \"geheim\"\n[oauth.yahoo]\nlabel = \"Ours\"\n");
    let config = config.unwrap();
    assert_eq!(config.oauth["google"].client_id.as_deref(), Some("abc"));
    assert_eq!(config.oauth["yahoo"].label.as_deref(), Some("Ours"));
    assert!(!format!("{config:?}").contains("geheim"));
    let config =
        of_variables(&[("POSTHOUSE_OAUTH__MICROSOFT__CLIENT_ID", "x"), ("POSTHOUSE_OAUTH__MICROSOFT__SCOPES", "a, b")]);
    assert_eq!(config.unwrap().oauth["microsoft"].scopes, ["a", "b"]);
    let e = of_file(
        r#"[oauth]
google = "x"
[oauth.google]
"#,
    );
    assert!(e.unwrap_err().to_string().contains("no TOML"));
    let e = of_file(
        r#"[oauth.google]
client_secret = 7
client_idd = "geheim"
token_url = "http://elsewhere.example/token"
imap = "imap.example.com:993"
tenant = "a/b"
[oauth.our_own]
label = "Ours"
token_url = "https://id.example.com/token"
[oauth."Not a name"]
client_id = "x"
"#,
    );
    let text = e.unwrap_err().to_string();
    assert!(!text.contains("geheim"), "{text}");
    let half = of_file("[oauth.goggle]\nclient_secret = \"geheim\"\n").unwrap_err().to_string();
    assert!(
        half.contains("`oauth.goggle` (/etc/posthouse.toml, line 2)") && half.contains("did you mean `oauth.google`?"),
        "{half}"
    );
    assert!(half.contains("needs its `client_id`") && !half.contains("geheim"), "{half}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_server_for_system_mail_is_whole_and_its_password_is_never_shown() {
    let whole = "[system_mail]\nhost = \"smtp.example.com\"\nusername = \"u\"\npassword = \"geheim\"\nfrom = \"Posthouse <p@example.com>\"\n";
    let config = of_file(whole).unwrap();
    assert_eq!(config.system_mail.sender().unwrap().address.as_str(), "p@example.com");
    assert!(!format!("{config:?}").contains("geheim"));
    let variables =
        [("POSTHOUSE_SYSTEM_MAIL__HOST", "smtp.example.com"), ("POSTHOUSE_SYSTEM_MAIL__PASSWORD", "geheim")];
    let half = of_variables(&variables).unwrap_err().to_string();
    assert!(
        half.contains("`system_mail.host` (the variable POSTHOUSE_SYSTEM_MAIL__HOST) needs `system_mail.from`"),
        "{half}"
    );
    assert!(half.contains("`system_mail.password` (the variable POSTHOUSE_SYSTEM_MAIL__PASSWORD) needs"), "{half}");
    assert!(!half.contains("geheim"), "{half}");
    for (name, value) in
        [("from", "\"nobody\""), ("host", "\"a b\""), ("port", "0"), ("encryption", "\"ssl\""), ("password", "7")]
    {
        let wrong = of_file(&format!("[system_mail]\n{name} = {value}\n")).unwrap_err().to_string();
        assert!(wrong.contains(&format!("`system_mail.{name}`")), "{wrong}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_told_once_and_not_as_missing_too() {
    let told = |text: &str| of_file(text).unwrap_err().0;
    let mail = told("[system_mail]\nhost = \"smtp.example.com\"\nfrom = \"nobody\"\n");
    assert!(mail.len() == 1 && mail[0].starts_with("`system_mail.from` = \"nobody\""), "{mail:#?}");
    let password =
        told("[system_mail]\nhost = \"h.example.com\"\nfrom = \"a@b.example\"\nusername = \"u\"\npassword = 7\n");
    assert!(password.len() == 1 && password[0].starts_with("`system_mail.password`"), "{password:#?}");
    let provider = "authorize_url = \"https://a.example/auth\"\nscopes = [\"mail\"]\nimap = \"tls://i.example:993\"\nsmtp = \"tls://s.example:465\"";
    let url = told(&format!("[oauth.ours]\n{provider}\ntoken_url = \"ftp://a.example\"\n"));
    assert!(url.len() == 1 && url[0].starts_with("`oauth.ours.token_url`"), "{url:#?}");
    let client = told("[oauth.google]\nclient_secret = \"geheim\"\nclient_id = 7\n");
    assert!(client.len() == 1 && client[0].starts_with("`oauth.google.client_id`"), "{client:#?}");
}
