//! IMAP as a client sees it.

use sandbox::{Folder, NewMessage, Sandbox};

use crate::{ANNA, BEN, Client, NOW, Running, mail, start};

pub fn greeted(sandbox: &Sandbox) -> Client {
    let mut client = Client::connect(sandbox.imap_addr());
    let greeting = client.line();
    assert!(greeting.starts_with("* OK [CAPABILITY IMAP4REV1 AUTH=PLAIN SASL-IR"), "{greeting}");
    client
}

pub fn logged_in(sandbox: &Sandbox, address: &str, password: &str) -> Client {
    let mut client = greeted(sandbox);
    let answer = ask(&mut client, &format!("LOGIN {address} \"{password}\""));
    assert!(answer.starts_with("t OK [CAPABILITY "), "{answer}");
    client
}

fn anna(running: &Running) -> Client {
    logged_in(&running.sandbox, ANNA, "secret a")
}

/// Sends one command and gives everything up to its tagged answer.
pub fn ask(client: &mut Client, command: &str) -> String {
    client.send(format!("t {command}\r\n"));
    client.until("t ")
}

fn file(running: &Running, folder: Folder, subject: &str, seen: bool, received_at: i64) {
    running.sandbox.file(ANNA, NewMessage { folder, raw: mail(subject), seen, received_at }).expect("files");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_log_in() {
    let running = start().await;
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "SELECT INBOX").starts_with("t BAD"));
    assert!(ask(&mut client, "LOGIN anna@acme.test wrong").starts_with("t NO [AUTHENTICATIONFAILED]"));
    assert!(ask(&mut client, "LOGIN nobody@acme.test wrong").starts_with("t NO [AUTHENTICATIONFAILED]"));
    // "\0anna@acme.test\0secret a"
    assert!(ask(&mut client, "AUTHENTICATE PLAIN AGFubmFAYWNtZS50ZXN0AHNlY3JldCBh").starts_with("t OK"));
    assert!(ask(&mut client, "LOGIN a b").starts_with("t BAD"));
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "AUTHENTICATE CRAM-MD5").starts_with("t NO"));

    let mut client = greeted(&running.sandbox);
    client.send("t AUTHENTICATE PLAIN\r\n");
    assert_eq!(client.line(), "+");
    client.send("AGFubmFAYWNtZS50ZXN0AHNlY3JldCBh\r\n");
    assert!(client.line().starts_with("t OK"));

    let mut client = greeted(&running.sandbox);
    client.send("t LOGIN {14}\r\n");
    assert!(client.line().starts_with("+ "));
    client.send("ANNA@acme.test {8}\r\n");
    assert!(client.line().starts_with("+ "));
    client.send("secret a\r\n");
    assert!(client.line().starts_with("t OK"));
    assert_eq!(ask(&mut client, "ID NIL"), "* ID NIL\r\nt OK done\r\n");
    assert!(ask(&mut client, "LOGOUT").starts_with("* BYE"));
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_folders_with_their_use() {
    let running = start().await;
    let mut client = anna(&running);
    let all = ask(&mut client, "LIST \"\" \"*\"");
    assert!(all.contains("* LIST (\\HasNoChildren) \"/\" INBOX\r\n"), "{all}");
    for name in ["Sent", "Drafts", "Junk", "Trash", "Archive"] {
        assert!(all.contains(&format!("* LIST (\\HasNoChildren \\{name}) \"/\" {name}\r\n")), "{all}");
    }
    assert_eq!(ask(&mut client, "LIST \"\" %"), all);
    assert_eq!(ask(&mut client, "LIST \"\" inbox"), "* LIST (\\HasNoChildren) \"/\" INBOX\r\nt OK done\r\n");
    assert_eq!(ask(&mut client, "LIST \"\" Nowhere"), "t OK done\r\n");
    assert_eq!(ask(&mut client, "LIST Sent *"), "t OK done\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn selects_searches_and_fetches() {
    let running = start().await;
    let day = 86_400_000_000;
    file(&running, Folder::Inbox, "old", true, NOW - 10 * day);
    file(&running, Folder::Inbox, "new", false, NOW - day);
    let mut client = anna(&running);

    let status = ask(&mut client, "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
    assert!(status.contains("* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 1784030400 UNSEEN 1)"), "{status}");
    let selected = ask(&mut client, "SELECT INBOX");
    for part in ["* 2 EXISTS", "[UIDVALIDITY 1784030400]", "[UIDNEXT 3]", "\\*)]", "t OK [READ-WRITE]"] {
        assert!(selected.contains(part), "{part} in {selected}");
    }
    for (key, found) in [
        ("ALL", " 1 2"),
        ("UNSEEN", " 2"),
        ("SINCE 10-Jul-2026", " 2"),
        ("UID 2:*", " 2"),
        ("UID 9:*", " 2"),
        ("UID *", " 2"),
        ("HEADER Message-ID <old@y.test>", " 1"),
        ("UNSEEN HEADER Subject NEW", " 2"),
        ("UNSEEN HEADER Subject old", ""),
        ("HEADER Message-ID <gone@y.test>", ""),
    ] {
        assert_eq!(
            ask(&mut client, &format!("UID SEARCH {key}")),
            format!("* SEARCH{found}\r\nt OK done\r\n"),
            "{key}"
        );
    }
    assert!(ask(&mut client, "UID SEARCH SENTSINCE 10-Jul-2026").starts_with("t NO"));

    let raw = String::from_utf8(mail("new")).expect("ascii");
    let fetched = ask(&mut client, "UID FETCH 2 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])");
    let expected = format!(
        "* 2 FETCH (UID 2 FLAGS () INTERNALDATE \"13-Jul-2026 12:00:00 +0000\" RFC822.SIZE {0} BODY[] {{{0}}}\r\n{raw})\r\nt OK done\r\n",
        raw.len()
    );
    assert_eq!(fetched, expected);
    let header = ask(&mut client, "UID FETCH 1 BODY.PEEK[HEADER]");
    let expected = "From: x@y.test\r\nSubject: old\r\nMessage-ID: <old@y.test>\r\n\r\n";
    assert_eq!(header, format!("* 1 FETCH (UID 1 BODY[HEADER] {{{}}}\r\n{expected})\r\nt OK done\r\n", expected.len()));
    assert_eq!(ask(&mut client, "UID FETCH 9 FLAGS"), "t OK done\r\n");
    for other in ["UID FETCH 1 BODYSTRUCTURE", "UID FETCH 1 BODY[]", "UID FETCH 1 BODY.PEEK[]<0.9>", "FETCH 1 FLAGS"] {
        assert!(ask(&mut client, other).starts_with("t NO"), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_headers_across_their_folds() {
    let running = start().await;
    let raw = b"Message-ID:\r\n <folded@y.test>\r\n\r\nMessage-ID: <body@y.test>\r\n".to_vec();
    let new = NewMessage { folder: Folder::Inbox, raw, seen: true, received_at: NOW };
    running.sandbox.file(ANNA, new).expect("files");
    let mut client = anna(&running);
    ask(&mut client, "SELECT INBOX");
    for (key, found) in
        [("Message-ID <folded@y.test>", " 1"), ("Message-ID <body@y.test>", ""), ("Message-ID \"\"", " 1")]
    {
        assert_eq!(
            ask(&mut client, &format!("UID SEARCH HEADER {key}")),
            format!("* SEARCH{found}\r\nt OK done\r\n"),
            "{key}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_stores_and_expunges() {
    let running = start().await;
    let mut client = anna(&running);
    ask(&mut client, "SELECT Drafts");
    let raw = mail("draft");
    client.send(format!("t APPEND Drafts (\\Draft \\Seen) \"01-Jul-2026 08:00:00 +0200\" {{{}}}\r\n", raw.len()));
    assert!(client.line().starts_with("+ "));
    client.send(&raw);
    client.send("\r\n");
    assert_eq!(client.until("t "), "* 1 EXISTS\r\nt OK [APPENDUID 1784030400 1] appended\r\n");
    assert!(
        ask(&mut client, "UID FETCH 1 (FLAGS INTERNALDATE)")
            .contains("(UID 1 FLAGS (\\Draft \\Seen) INTERNALDATE \"01-Jul-2026 06:00:00 +0000\")")
    );

    assert_eq!(
        ask(&mut client, "UID STORE 1 +FLAGS (Label)"),
        "* 1 FETCH (UID 1 FLAGS (\\Draft \\Seen Label))\r\nt OK done\r\n"
    );
    assert_eq!(ask(&mut client, "UID STORE 1 -FLAGS.SILENT (\\Seen)"), "t OK done\r\n");
    assert_eq!(ask(&mut client, "UID FETCH 1 FLAGS"), "* 1 FETCH (UID 1 FLAGS (\\Draft Label))\r\nt OK done\r\n");
    assert_eq!(ask(&mut client, "EXPUNGE"), "t OK done\r\n");
    ask(&mut client, "UID STORE 1 FLAGS (\\Deleted)");
    assert_eq!(ask(&mut client, "UID EXPUNGE 7"), "t OK done\r\n");
    ask(&mut client, "EXAMINE Drafts");
    assert!(ask(&mut client, "UID STORE 1 -FLAGS (\\Deleted)").starts_with("t NO [READ-ONLY]"));
    assert!(ask(&mut client, "EXPUNGE").starts_with("t NO [READ-ONLY]"));
    ask(&mut client, "SELECT Drafts");
    assert_eq!(ask(&mut client, "UID EXPUNGE 1"), "* 1 EXPUNGE\r\nt OK done\r\n");
    assert!(ask(&mut client, "STATUS Drafts (MESSAGES UIDNEXT)").contains("(MESSAGES 0 UIDNEXT 2)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_moves_are_messages_of_their_own() {
    let running = start().await;
    for subject in ["one", "two"] {
        file(&running, Folder::Inbox, subject, true, NOW);
    }
    let mut client = anna(&running);
    ask(&mut client, "SELECT INBOX");
    assert_eq!(ask(&mut client, "UID COPY 1 Archive"), "t OK [COPYUID 1784030400 1 1] copied\r\n");
    assert_eq!(
        ask(&mut client, "UID MOVE 1:2 Archive"),
        "* OK [COPYUID 1784030400 1,2 2,3] moved\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\nt OK done\r\n"
    );
    assert_eq!(ask(&mut client, "UID MOVE 1:2 Archive"), "t OK done\r\n", "they are gone");
    assert!(ask(&mut client, "UID COPY 1 Nowhere").starts_with("t NO [TRYCREATE]"));
    assert!(ask(&mut client, "UID COPY 1 INBOX").starts_with("t NO"));
    ask(&mut client, "EXAMINE Archive");
    assert!(ask(&mut client, "UID MOVE 1 INBOX").starts_with("t NO [READ-ONLY]"));
    let flags = ask(&mut client, "UID FETCH 1:* FLAGS");
    assert_eq!(flags.matches("FLAGS (\\Seen)").count(), 3, "with their flags: {flags}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_tells_new_mail_and_changes_of_others_at_once() {
    let running = start().await;
    let mut idle = anna(&running);
    ask(&mut idle, "SELECT INBOX");
    idle.send("t IDLE\r\n");
    assert!(idle.line().starts_with("+ "));
    file(&running, Folder::Inbox, "one", false, NOW);
    assert_eq!(idle.line(), "* 1 EXISTS");

    let mut other = anna(&running);
    ask(&mut other, "SELECT INBOX");
    ask(&mut other, "UID STORE 1 +FLAGS (\\Deleted)");
    assert_eq!(idle.line(), "* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    // A silent change is told to others only.
    assert_eq!(ask(&mut other, "UID STORE 1 +FLAGS.SILENT (Label)"), "t OK done\r\n");
    assert_eq!(idle.line(), "* 1 FETCH (UID 1 FLAGS (\\Deleted Label))");
    // Out of IDLE nothing is told before a command asks.
    ask(&mut idle, "DONE");
    ask(&mut other, "EXPUNGE");
    file(&running, Folder::Inbox, "two", false, NOW);
    assert_eq!(ask(&mut idle, "UID FETCH 1:* FLAGS"), "* 1 EXPUNGE\r\n* 1 EXISTS\r\nt OK done\r\n");
    assert_eq!(ask(&mut idle, "UID FETCH 1:* FLAGS"), "* 1 FETCH (UID 2 FLAGS ())\r\nt OK done\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_and_withdrawn_passwords_end_sessions_and_refuse_logins() {
    let running = start().await;
    let (mut idle, mut ben) = (anna(&running), logged_in(&running.sandbox, BEN, "secret b"));
    ask(&mut idle, "SELECT INBOX");
    idle.send("t IDLE\r\n");
    idle.line();
    running.sandbox.set_offline(ANNA, true).expect("known");
    assert!(idle.line().starts_with("* BYE [UNAVAILABLE]"));
    assert!(idle.is_closed());
    let mut again = greeted(&running.sandbox);
    assert!(ask(&mut again, "LOGIN anna@acme.test \"secret a\"").starts_with("t NO [UNAVAILABLE]"));
    running.sandbox.set_offline(ANNA, false).expect("known");

    let mut live = anna(&running);
    running.sandbox.set_password(ANNA, None).expect("known");
    assert!(live.line().starts_with("* BYE"));
    assert!(ask(&mut again, "LOGIN anna@acme.test \"secret a\"").starts_with("t NO [AUTHENTICATIONFAILED]"));
    running.sandbox.set_password(ANNA, Some("fresh".to_owned())).expect("known");
    assert!(ask(&mut again, "LOGIN anna@acme.test fresh").starts_with("t OK"));
    assert_eq!(ask(&mut ben, "NOOP"), "t OK done\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold() {
    let running = start().await;
    let mut client = greeted(&running.sandbox);
    client.send("t LOGIN {5000}\r\n");
    assert!(client.line().starts_with("t NO [TOOBIG]"));
    client.send(vec![b'x'; 70_000]);
    assert!(client.line().starts_with("* BYE line too long"));

    let mut client = greeted(&running.sandbox);
    client.send("t LOGIN {5+}\r\nhello\r\n");
    assert!(client.line().starts_with("* BYE"));

    let mut client = anna(&running);
    client.send("t APPEND INBOX {26214401}\r\n");
    assert!(client.line().starts_with("t NO [TOOBIG]"));
    assert!(ask(&mut client, "SELECT Nowhere").starts_with("t NO"));
    for _ in 0..9 {
        assert!(ask(&mut client, "NONSENSE").starts_with("t BAD"));
    }
    ask(&mut client, "NONSENSE");
    assert!(client.line().starts_with("* BYE"));
}
