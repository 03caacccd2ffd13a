//! The client against a real Dovecot.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use imap::{
    Code, Content, Error, FetchEvent, FetchItem, IdleEnd, Limits, MailboxName, SearchKey, Session, SpecialUse,
    StoreMode, UidSet, Value,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use testkit::{Direction, Fault, FaultProxy, LineMatch, MailWorld, Mailbox, Plan};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[path = "dovecot/tokens.rs"]
mod tokens;

type Tls = TlsStream<TcpStream>;

fn limits() -> Limits {
    Limits { reply_timeout: Duration::from_secs(20), ..Limits::default() }
}

#[expect(clippy::disallowed_methods, reason = "loopback, in tests")]
async fn dial(port: u16) -> Result<TcpStream> {
    Ok(TcpStream::connect(("127.0.0.1", port)).await?)
}

async fn handshake(world: &MailWorld, stream: TcpStream) -> Result<Tls> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(world.ca_pem())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

async fn connect(world: &MailWorld) -> Result<Session<Tls>> {
    let stream = handshake(world, dial(world.imaps_port()).await?).await?;
    Ok(Session::connect(stream, limits()).await?)
}

async fn signed_in(world: &MailWorld, user: &Mailbox) -> Result<Session<Tls>> {
    let mut session = connect(world).await?;
    session.login(&user.address, &user.password).await?;
    Ok(session)
}

#[tokio::test]
async fn sign_in_by_both_ways() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-login")?;
    for password in ["plain", "wörter \"und\" \\ %{ }", &"long".repeat(60)] {
        world.set_password(&user.address, password)?;
        let mut session = connect(world).await?;
        assert!(!session.capabilities().has("CONDSTORE"));
        session.login(&user.address, password).await?;
        assert!(session.capabilities().has("CONDSTORE"), "read again after signing in");
        session.logout().await?;
        // A slash makes it LOGIN; Dovecot has no such user.
        let mut session = connect(world).await?;
        let error = session.login("a/b", password).await.unwrap_err();
        assert!(matches!(error, Error::AuthRefused(_)), "{error:?}");
        assert!(!format!("{error:?}").contains(password));
        // The session is as good as before.
        session.login(&user.address, password).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_told_apart() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-wrong")?;
    let mut session = connect(world).await?;
    let error = session.login(&user.address, "wrong").await.unwrap_err();
    let Error::AuthRefused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.code, Some(Code::AuthenticationFailed));
    assert!(refusal.words.contains("failed"), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn starttls_then_sign_in() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-starttls")?;
    let plain = Session::connect(dial(world.imap_port()).await?, limits()).await?;
    let stream = handshake(world, plain.starttls().await?).await?;
    let mut session = Session::after_starttls(stream, limits()).await?;
    assert!(!session.capabilities().has("STARTTLS"));
    session.login(&user.address, &user.password).await?;
    let server = session.id(&[("name", "Posthouse")]).await?;
    assert!(server.iter().any(|(field, value)| field == "name" && value == "Dovecot"), "{server:?}");
    Ok(())
}

#[tokio::test]
async fn an_injected_answer_before_tls_is_refused() -> Result<()> {
    let world = MailWorld::shared();
    let injected = "A1 OK Begin TLS\r\n* OK [CAPABILITY IMAP4rev1] forged\r\n".to_owned();
    let fault = Fault::ReplaceLine(Direction::FromServer, LineMatch::Starts("A1 OK".to_owned()), injected);
    let proxy = FaultProxy::start(world.imap_port(), Plan::of(fault)).await?;
    let session = Session::connect(dial(proxy.port()).await?, limits()).await?;
    assert!(matches!(session.starttls().await, Err(Error::Protocol(_))));
    Ok(())
}

#[tokio::test]
async fn folders_with_their_uses() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-list")?;
    let mut session = signed_in(world, &user).await?;
    session.create(&MailboxName::encode("Kunden & Größen/2024 \"x\"")).await?;
    let listed = session.list("*").await?;
    let by_name = |name: &str| listed.iter().find(|listed| listed.name == name);
    assert_eq!(by_name("Sent").and_then(|listed| listed.special_use), Some(SpecialUse::Sent));
    assert_eq!(by_name("Junk").and_then(|listed| listed.special_use), Some(SpecialUse::Junk));
    let own = by_name("Kunden & Größen/2024 \"x\"").unwrap();
    assert_eq!((own.delimiter, own.special_use, own.selectable()), (Some('/'), None, true));
    assert!(!by_name("Kunden & Größen").unwrap().selectable());
    assert_eq!(session.select(&own.raw_name).await?.exists, 0);
    assert_eq!(session.list("Tr%").await?.len(), 1);
    let error = session.select(&MailboxName::encode("Nothing")).await.unwrap_err();
    assert!(matches!(&error, Error::No(refusal) if refusal.words.contains("Nothing")), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn append_search_store_and_fetch() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-append")?;
    let mut session = signed_in(world, &user).await?;
    let sent = MailboxName::encode("Sent");
    let message =
        |id: u32| Bytes::from(format!("Message-ID: <m{id}@lab.test>\r\nSubject: \"q\" Nr {id}\r\n\r\nGrüße\r\n"));
    let date = 1_709_208_000; // 29 February 2024
    let first = session.append(&sent, &["\\Seen", "$Mark"], Some(date), message(1)).await?.unwrap();
    let second = session.append(&sent, &[], None, message(2)).await?.unwrap();
    assert_eq!((first.uid_validity, second.uid), (second.uid_validity, first.uid + 1));
    let error = session.append(&MailboxName::encode("Nowhere"), &[], None, message(3)).await.unwrap_err();
    assert!(matches!(&error, Error::No(refusal) if refusal.code == Some(Code::TryCreate)), "{error:?}");
    assert_eq!(world.messages(&user.address, "Sent")?, [message(1), message(2)]);

    let status = session.status(&sent).await?;
    assert_eq!((status.messages, status.unseen, status.uid_next), (Some(2), Some(1), Some(second.uid + 1)));
    let selected = session.select(&sent).await?;
    assert_eq!((selected.exists, selected.uid_validity), (2, Some(first.uid_validity)));
    assert!(!selected.read_only && selected.highest_modseq.is_some());
    assert!(selected.permanent_flags.iter().any(|flag| flag == "\\*"));
    assert!(session.examine(&sent).await?.read_only);
    session.select(&sent).await?;

    let found = session.uid_search(&[SearchKey::message_id("<m2@lab.test>")]).await?;
    assert_eq!(found, [second.uid]);
    let day = imap::Day::of_unix_secs(date);
    assert_eq!(session.uid_search(&[SearchKey::Since(day)]).await?.len(), 2);
    assert_eq!(session.uid_search(&[SearchKey::Since(day), SearchKey::Unseen]).await?, [second.uid]);
    let or = SearchKey::Or(Box::new(SearchKey::Seen), Box::new(SearchKey::Keyword("$None".to_owned())));
    assert_eq!(session.uid_search(&[or, SearchKey::Uid(UidSet::starting_at(1))]).await?, [first.uid]);
    assert!(session.uid_search(&[SearchKey::Header("Subject".to_owned(), "Größe".to_owned())]).await?.is_empty());

    session.uid_store(&second.uid.into(), StoreMode::Add, &["\\Flagged"]).await?;
    session.uid_store(&first.uid.into(), StoreMode::Remove, &["\\Seen"]).await?;
    let items = [
        FetchItem::Uid,
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Size,
        FetchItem::ModSeq,
        FetchItem::Envelope,
        FetchItem::BodyStructure,
        FetchItem::Body("HEADER.FIELDS (MESSAGE-ID)".to_owned()),
        FetchItem::Body(String::new()),
    ];
    let mut stream = session.uid_fetch(&UidSet::range(1, 1000), &items).await?;
    let got = stream.next_message(1 << 20).await?.unwrap();
    assert_eq!((got.uid, got.internal_date, got.size), (Some(first.uid), Some(date), Some(message(1).len() as u64)));
    assert!(got.has_flag("$mark") && !got.has_flag("\\Seen") && got.modseq.is_some());
    assert_eq!(got.body(""), Some(&Content::Whole(message(1))));
    let header = Content::Whole(Bytes::from_static(b"Message-ID: <m1@lab.test>\r\n\r\n"));
    assert_eq!(got.body("HEADER.FIELDS (MESSAGE-ID)"), Some(&header));
    let envelope = got.other("ENVELOPE").and_then(Value::list).unwrap();
    assert_eq!(envelope[1].text().as_deref(), Some("\"q\" Nr 1"));
    assert!(got.other("BODYSTRUCTURE").is_some());
    let got = stream.next_message(1 << 20).await?.unwrap();
    assert!(got.has_flag("\\Flagged") && !got.has_flag("\\Seen"), "BODY.PEEK leaves it unseen");
    assert!(stream.next_message(1 << 20).await?.is_none());
    session.logout().await?;
    Ok(())
}

#[tokio::test]
async fn a_large_message_streams_whole_and_unchanged() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-large")?;
    let mut raw = b"Message-ID: <large@lab.test>\r\n\r\n".to_vec();
    for line in 0_u32.. {
        if raw.len() >= 5 << 20 {
            break;
        }
        raw.extend_from_slice(format!("line {line} ) \" {{5}}\r\n* BYE not for you\r\n").as_bytes());
    }
    let mut session = signed_in(world, &user).await?;
    let inbox = MailboxName::inbox();
    session.append(&inbox, &[], None, Bytes::from(raw.clone())).await?;
    session.append(&inbox, &[], None, Bytes::from_static(b"Subject: small\r\n\r\n")).await?;
    session.select(&inbox).await?;
    let items = [FetchItem::Uid, FetchItem::Body(String::new())];
    let mut stream = session.uid_fetch(&UidSet::starting_at(1), &items).await?;
    let (mut body, mut largest, mut messages) = (Vec::new(), 0, Vec::new());
    while let Some(event) = stream.next().await? {
        match event {
            FetchEvent::BodyStart { size, before, .. } => {
                assert_eq!((size, before.uid), (raw.len() as u64, Some(1)));
            }
            FetchEvent::BodyChunk(chunk) => {
                largest = largest.max(chunk.len());
                body.extend_from_slice(&chunk);
            }
            FetchEvent::BodyEnd => assert!(body == raw, "the body is not what was stored"),
            FetchEvent::Message(message) => messages.push(*message),
        }
    }
    assert!(largest <= 128 << 10, "a chunk of {largest} bytes");
    assert_eq!(messages.iter().map(|message| message.uid).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(messages[0].body(""), Some(&Content::Passed(raw.len() as u64)));
    let mut stream = session.uid_fetch(&1.into(), &items).await?;
    let whole = stream.next_message(6 << 20).await?.unwrap();
    assert!(matches!(whole.body(""), Some(Content::Whole(body)) if **body == raw));
    assert!(stream.next_message(0).await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_wakes_idle() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-idle")?;
    let mut session = signed_in(world, &user).await?;
    session.select(&MailboxName::inbox()).await?;
    let address = user.address.clone();
    let delivery = tokio::task::spawn_blocking(move || world.deliver(&address, b"Subject: wake\r\n\r\n"));
    let end = session.idle(std::future::pending::<()>(), Duration::from_secs(20)).await?;
    delivery.await??;
    assert_eq!(end, IdleEnd::Changed);
    assert_eq!(session.take_changes().exists, Some(1));
    // The session goes on.
    assert_eq!(session.uid_search(&[]).await?, [1]);
    let woken = session.idle(std::future::ready(()), Duration::from_secs(20)).await?;
    assert_eq!(woken, IdleEnd::Woken);
    assert_eq!(session.idle(std::future::pending::<()>(), Duration::ZERO).await?, IdleEnd::TimedOut);
    session.noop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_idle_with_its_words() -> Result<()> {
    let world = MailWorld::start()?;
    let user = world.add_user("imap-stop")?;
    let mut session = signed_in(&world, &user).await?;
    session.select(&MailboxName::inbox()).await?;
    let stop = std::thread::spawn(move || world.stop_imap().map(|()| world));
    let error = session.idle(std::future::pending::<()>(), Duration::from_secs(20)).await.unwrap_err();
    assert!(matches!(&error, Error::Bye(refusal) if !refusal.words.is_empty()), "{error:?}");
    assert!(matches!(session.noop().await, Err(Error::Closed)));
    let world = stop.join().unwrap()?;
    world.start_imap()?;
    signed_in(&world, &user).await?.noop().await?;
    Ok(())
}

#[tokio::test]
async fn a_connection_cut_in_a_body_is_an_error_and_never_a_message() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-cut")?;
    world.put(&user.address, "INBOX", &b"0123456789abcdef\r\n".repeat(20_000))?;
    let proxy =
        FaultProxy::start(world.imaps_port(), Plan::of(Fault::CutAfter(Direction::FromServer, 100_000))).await?;
    let stream = handshake(world, dial(proxy.port()).await?).await?;
    let mut session = Session::connect(stream, limits()).await?;
    session.login(&user.address, &user.password).await?;
    session.select(&MailboxName::inbox()).await?;
    let mut stream = session.uid_fetch(&1.into(), &[FetchItem::Body(String::new())]).await?;
    let error = stream.next_message(1 << 20).await.unwrap_err();
    assert!(matches!(error, Error::Closed | Error::Io(_)), "{error:?}");
    assert!(!session.is_open());
    Ok(())
}

#[tokio::test]
async fn changes_are_told_since_a_look_before_and_messages_move() -> Result<()> {
    let world = MailWorld::shared();
    let user = world.add_user("imap-resync")?;
    for n in 0..6 {
        world.put(&user.address, "INBOX", format!("Subject: {n}\r\n\r\n{n}\r\n").as_bytes())?;
    }
    let mut session = signed_in(world, &user).await?;
    session.enable(&["QRESYNC"]).await?;
    let inbox = MailboxName::inbox();
    let before = session.examine(&inbox).await?;
    let (validity, modseq) = (before.uid_validity.unwrap(), before.highest_modseq.unwrap());
    let (same, nothing) = session.examine_since(&inbox, validity, modseq).await?;
    assert_eq!((same.highest_modseq, nothing.vanished.is_empty(), nothing.changed.len()), (Some(modseq), true, 0));

    let mut other = signed_in(world, &user).await?;
    other.select(&inbox).await?;
    let all = other.uid_search(&[]).await?;
    other.uid_store(&all[0].into(), StoreMode::Add, &["\\Flagged"]).await?;
    let trash = MailboxName::encode("Trash");
    let moved = other.uid_move(&UidSet::range(all[1], all[2]), &trash).await?.unwrap();
    assert_eq!(moved.uids.iter().map(|(from, _)| *from).collect::<Vec<_>>(), [all[1], all[2]]);
    other.uid_delete(&all[3].into()).await?;
    world.put(&user.address, "INBOX", b"Subject: new\r\n\r\nnew\r\n")?;

    let (now, since) = session.examine_since(&inbox, validity, modseq).await?;
    assert_eq!((now.exists, now.highest_modseq > Some(modseq)), (4, true));
    assert!((1..=3).all(|n| since.vanished.holds(all[n])) && !since.vanished.holds(all[0]));
    let changed: Vec<_> = since.changed.iter().map(|m| (m.uid.unwrap(), m.has_flag("\\Flagged"))).collect();
    assert_eq!(changed, [(all[0], true), (all[5] + 1, false)]);
    let status = session.list_status("*").await?;
    let of = |name: &str| status.iter().find(|(l, _)| l.name == name).and_then(|(_, s)| s.clone()).unwrap();
    assert_eq!((of("INBOX").messages, of("Trash").messages), (Some(4), Some(2)));
    assert_eq!(of("INBOX").highest_modseq, now.highest_modseq);
    let mut fetched = vec![];
    let mut stream =
        session.uid_fetch_since(&UidSet::range(1, all[5]), &[FetchItem::Uid, FetchItem::Flags], modseq).await?;
    while let Some(message) = stream.next_message(0).await? {
        fetched.extend(message.uid);
    }
    assert_eq!(fetched, [all[0]]);
    Ok(())
}
