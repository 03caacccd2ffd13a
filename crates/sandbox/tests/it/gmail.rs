//! A mailbox of Gmail's kind, as a client sees it. What it has to do is from Google's description of X-GM-EXT-1 and from
//! transcripts that people published.

use sandbox::{Folder, Kind, NewMessage, NotLabelled, SandboxError};

use crate::imap::{ask, greeted, logged_in};
use crate::{ANNA, Client, GITA, NOW, Running, mail, start_with};

const ALL_MAIL: &str = "SELECT \"[Gmail]/All Mail\"";

async fn running() -> Running {
    start_with(&[(ANNA, "secret a", Kind::Plain), (GITA, "secret g", Kind::Gmail)]).await
}

fn gita(running: &Running) -> Client {
    logged_in(&running.sandbox, GITA, "secret g")
}

fn file(running: &Running, folder: Folder, subject: &str) -> u32 {
    let new = NewMessage { folder, raw: mail(subject), seen: false, received_at: NOW };
    running.sandbox.file(GITA, new).expect("files")
}

fn label(running: &Running, at: (Folder, u32), label: &str) {
    running.sandbox.set_label(GITA, at, (label, true)).expect("gives the label");
}

/// The UIDs of a folder.
fn uids(client: &mut Client, folder: &str) -> String {
    ask(client, &format!("EXAMINE \"{folder}\""));
    let found = ask(client, "UID SEARCH ALL");
    found.strip_prefix("* SEARCH").and_then(|rest| rest.split_once("\r\n")).expect("found").0.trim().to_owned()
}

/// The labels of a message, as they are told in a folder.
fn labels(client: &mut Client, folder: &str, uid: u32) -> String {
    ask(client, &format!("EXAMINE \"{folder}\""));
    let told = ask(client, &format!("UID FETCH {uid} (X-GM-LABELS)"));
    let list = told.split_once("X-GM-LABELS (").and_then(|(_, rest)| rest.split_once(") UID "));
    list.unwrap_or_else(|| panic!("{told}")).0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn announces_its_extension_before_the_login_and_after_it_to_its_own() {
    let running = running().await;
    let mut client = greeted(&running.sandbox);
    assert!(ask(&mut client, "CAPABILITY").contains(" X-GM-EXT-1"));
    assert!(ask(&mut client, "LOGIN gita@labels.test \"secret g\"").contains(" X-GM-EXT-1 CONDSTORE"));
    let mut anna = logged_in(&running.sandbox, ANNA, "secret a");
    assert!(!ask(&mut anna, "CAPABILITY").contains("X-GM-EXT-1"));
    ask(&mut anna, "SELECT INBOX");
    assert!(ask(&mut anna, "UID FETCH 1 (X-GM-MSGID)").starts_with("t BAD"));
    assert!(ask(&mut anna, "UID FETCH 1 FLAGS (CHANGEDSINCE 1)").starts_with("t NO"));
    let plain = crate::start().await;
    assert!(!ask(&mut greeted(&plain.sandbox), "CAPABILITY").contains("X-GM-EXT-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_labels_as_folders() {
    let running = running().await;
    let uid = file(&running, Folder::Inbox, "one");
    label(&running, (Folder::Inbox, uid), "Kunden/Acme");
    let mut client = gita(&running);
    let all = ask(&mut client, "LIST \"\" \"*\"");
    for line in [
        "(\\HasNoChildren) \"/\" INBOX",
        "(\\HasChildren \\Noselect) \"/\" [Gmail]",
        "(\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\"",
        "(\\Drafts \\HasNoChildren) \"/\" [Gmail]/Drafts",
        "(\\HasNoChildren \\Important) \"/\" [Gmail]/Important",
        "(\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Sent Mail\"",
        "(\\HasNoChildren \\Junk) \"/\" [Gmail]/Spam",
        "(\\Flagged \\HasNoChildren) \"/\" [Gmail]/Starred",
        "(\\HasNoChildren \\Trash) \"/\" [Gmail]/Trash",
        "(\\HasChildren \\Noselect) \"/\" Kunden",
        "(\\HasNoChildren) \"/\" Kunden/Acme",
    ] {
        assert!(all.contains(&format!("* LIST {line}\r\n")), "{line} in {all}");
    }
    assert_eq!(all.matches("* LIST").count(), 11);
    assert_eq!(ask(&mut client, "LIST \"\" %").matches("* LIST").count(), 3);
    for closed in ["[Gmail]", "Kunden", "Sent", "Archive"] {
        assert!(ask(&mut client, &format!("SELECT {closed}")).starts_with("t NO"), "{closed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_has_one_id_and_all_its_labels_wherever_it_is_met() {
    let running = running().await;
    let uid = file(&running, Folder::Inbox, "one");
    for name in ["\\Important", "\\Starred", "work/project x", "Kunden/Acme"] {
        label(&running, (Folder::Inbox, uid), name);
    }
    let answer = b"From: x@y.test\r\nSubject: Re: one\r\nMessage-ID: <two@y.test>\r\nReferences: <zero@y.test>\r\n <one@y.test>\r\n\r\nHi.\r\n";
    let new = NewMessage { folder: Folder::Sent, raw: answer.to_vec(), seen: true, received_at: NOW };
    running.sandbox.file(GITA, new).expect("files");
    let mut client = gita(&running);

    // The date in milliseconds, and a number below it.
    let id = (1_784_030_400_000_u64 << 20) + 1;
    let own = "\"work/project x\"";
    for (folder, labels) in [
        ("[Gmail]/All Mail", format!("\"\\\\Important\" \"\\\\Inbox\" \"\\\\Starred\" {own} Kunden/Acme")),
        ("INBOX", format!("\"\\\\Important\" \"\\\\Starred\" {own} Kunden/Acme")),
        ("[Gmail]/Starred", format!("\"\\\\Important\" \"\\\\Inbox\" {own} Kunden/Acme")),
        ("Kunden/Acme", format!("\"\\\\Important\" \"\\\\Inbox\" \"\\\\Starred\" {own}")),
    ] {
        ask(&mut client, &format!("SELECT \"{folder}\""));
        let told = ask(&mut client, "UID FETCH 1 (FLAGS X-GM-MSGID X-GM-THRID X-GM-LABELS)");
        let items = format!("X-GM-THRID {id} X-GM-MSGID {id} X-GM-LABELS ({labels}) UID 1 FLAGS (\\Flagged)");
        assert_eq!(told, format!("* 1 FETCH ({items})\r\nt OK done\r\n"), "{folder}");
    }
    ask(&mut client, ALL_MAIL);
    let told = ask(&mut client, "UID FETCH 2 (X-GM-THRID X-GM-MSGID)");
    assert!(told.contains(&format!("(X-GM-THRID {id} X-GM-MSGID {} UID 2)", id + 1)), "an answer: {told}");
    assert!(ask(&mut client, "UID FETCH 1 (X-GM-LABELS BODY.PEEK[])").contains("Text of one."));
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_the_messages_own_and_the_star_is_a_label() {
    let running = running().await;
    file(&running, Folder::Inbox, "one");
    let mut idle = gita(&running);
    ask(&mut idle, ALL_MAIL);
    idle.send("t IDLE\r\n");
    idle.line();
    let mut client = gita(&running);
    ask(&mut client, "SELECT INBOX");
    ask(&mut client, "UID STORE 1 +FLAGS (\\Seen)");
    assert_eq!(idle.line(), "* 1 FETCH (UID 1 FLAGS (\\Seen))");
    ask(&mut client, "UID STORE 1 +FLAGS.SILENT (\\Flagged)");
    assert_eq!(idle.line(), "* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged))");
    assert_eq!(uids(&mut client, "[Gmail]/Starred"), "1");
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "\"\\\\Inbox\" \"\\\\Starred\"");
    ask(&mut client, "SELECT INBOX");
    ask(&mut client, "UID STORE 1 -FLAGS (\\Flagged)");
    assert_eq!(uids(&mut client, "[Gmail]/Starred"), "");
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "\"\\\\Inbox\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_gives_a_label_and_a_move_takes_the_other_off() {
    let running = running().await;
    file(&running, Folder::Inbox, "one");
    let two = file(&running, Folder::Inbox, "two");
    label(&running, (Folder::Inbox, two), "Kunden/Acme");
    let mut client = gita(&running);
    ask(&mut client, "SELECT INBOX");
    // A label counts as a change of the message.
    let copied = "* 1 FETCH (UID 1 FLAGS ())\r\nt OK [COPYUID 1784030400 1 2] copied\r\n";
    assert_eq!(ask(&mut client, "UID COPY 1 Kunden/Acme"), copied);
    assert_eq!(ask(&mut client, "UID COPY 1 Kunden/Acme"), copied, "it has it");
    // Put away: All Mail has it already.
    assert_eq!(
        ask(&mut client, "UID MOVE 1 \"[Gmail]/All Mail\""),
        "* OK [COPYUID 1784030400 1 1] moved\r\n* 1 EXPUNGE\r\nt OK done\r\n"
    );
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "Kunden/Acme");
    // And fetched back: it stays in All Mail.
    ask(&mut client, ALL_MAIL);
    assert_eq!(
        ask(&mut client, "UID MOVE 1 INBOX"),
        "* OK [COPYUID 1784030400 1 3] moved\r\n* 1 FETCH (UID 1 FLAGS ())\r\nt OK done\r\n"
    );
    assert_eq!(uids(&mut client, "[Gmail]/All Mail"), "1 2");
    // Marked as deleted it leaves the folder, at once.
    ask(&mut client, "SELECT Kunden/Acme");
    assert_eq!(ask(&mut client, "UID STORE 2 +FLAGS.SILENT (\\Deleted)"), "* 2 EXPUNGE\r\nt OK done\r\n");
    assert_eq!(ask(&mut client, "UID EXPUNGE 2"), "t OK done\r\n");
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "\"\\\\Inbox\"");
    // All Mail keeps what it is told to delete.
    ask(&mut client, ALL_MAIL);
    ask(&mut client, "UID STORE 1:2 +FLAGS.SILENT (\\Deleted)");
    ask(&mut client, "EXPUNGE");
    assert_eq!(uids(&mut client, "[Gmail]/All Mail"), "1 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn trash_and_spam_take_a_message_out_of_all_mail() {
    let running = running().await;
    for subject in ["one", "two"] {
        let uid = file(&running, Folder::Inbox, subject);
        label(&running, (Folder::Inbox, uid), "Kunden/Acme");
    }
    file(&running, Folder::Junk, "three");
    let mut client = gita(&running);
    assert_eq!(uids(&mut client, "[Gmail]/All Mail"), "1 2", "spam never was there");
    ask(&mut client, "SELECT INBOX");
    assert!(ask(&mut client, "UID MOVE 1 [Gmail]/Trash").contains("[COPYUID 1784030400 1 1]"));
    assert!(ask(&mut client, "UID COPY 2 [Gmail]/Spam").contains("* 1 EXPUNGE"), "a copy is enough");
    for folder in ["INBOX", "Kunden/Acme", "[Gmail]/All Mail"] {
        assert_eq!(uids(&mut client, folder), "", "{folder}");
    }
    assert_eq!(uids(&mut client, "[Gmail]/Spam"), "1 2");
    assert_eq!(labels(&mut client, "[Gmail]/Trash", 1), "Kunden/Acme");
    // Fetched back it has its label again.
    ask(&mut client, "SELECT [Gmail]/Trash");
    assert!(ask(&mut client, "UID MOVE 1 INBOX").contains("* 1 EXPUNGE"));
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 3), "\"\\\\Inbox\" Kunden/Acme");
    assert_eq!(uids(&mut client, "Kunden/Acme"), "3", "under a new UID");
    // From there it goes for good.
    ask(&mut client, "SELECT [Gmail]/Spam");
    assert!(ask(&mut client, "UID STORE 1:2 +FLAGS.SILENT (\\Deleted)").contains("* 1 EXPUNGE"));
    assert_eq!(uids(&mut client, "[Gmail]/Spam"), "");
    assert_eq!(uids(&mut client, "[Gmail]/All Mail"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_mod_sequences() {
    let running = running().await;
    for subject in ["one", "two"] {
        file(&running, Folder::Inbox, subject);
    }
    let mut client = gita(&running);
    assert!(ask(&mut client, ALL_MAIL).contains("[HIGHESTMODSEQ 3]"));
    label(&running, (Folder::Inbox, 2), "Kunden/Acme");
    assert!(ask(&mut client, "STATUS [Gmail]/Spam (HIGHESTMODSEQ)").contains("(HIGHESTMODSEQ 1)"));
    let changed = ask(&mut client, "UID FETCH 1:* (FLAGS X-GM-LABELS) (CHANGEDSINCE 3)");
    let told = "* 2 FETCH (X-GM-LABELS (\"\\\\Inbox\" Kunden/Acme) UID 2 FLAGS () MODSEQ (4))\r\n";
    assert!(changed.contains(told) && !changed.contains("UID 1 "), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_draft_has_its_label() {
    let running = running().await;
    let mut client = gita(&running);
    let raw = mail("draft");
    client.send(format!("t APPEND [Gmail]/Drafts (\\Draft) {{{}}}\r\n", raw.len()));
    client.line();
    client.send(&raw);
    client.send("\r\n");
    assert!(client.until("t ").contains("[APPENDUID 1784030400 1]"));
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "\"\\\\Draft\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_lies_among_the_sent_mail_once() {
    let running = running().await;
    let mut smtp = Client::connect(running.sandbox.smtp_addr());
    smtp.line();
    // "\0gita@labels.test\0secret g"
    for command in [
        "AUTH PLAIN AGdpdGFAbGFiZWxzLnRlc3QAc2VjcmV0IGc=",
        "MAIL FROM:<gita@labels.test>",
        "RCPT TO:<gita@labels.test>",
        "RCPT TO:<anna@acme.test>",
        "DATA",
        "Subject: hi\r\n\r\nHi.\r\n.",
    ] {
        smtp.send(format!("{command}\r\n"));
        let answer = smtp.line();
        assert!(answer.starts_with('2') || answer.starts_with('3'), "{command}: {answer}");
    }
    let mut client = gita(&running);
    assert_eq!(uids(&mut client, "[Gmail]/All Mail"), "1");
    assert_eq!(labels(&mut client, "[Gmail]/All Mail", 1), "\"\\\\Inbox\" \"\\\\Sent\"");
    assert_eq!(uids(&mut logged_in(&running.sandbox, ANNA, "secret a"), "Sent"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_have_bounds() {
    let running = running().await;
    let uid = file(&running, Folder::Inbox, "one");
    let set = |address, at, label: &str| running.sandbox.set_label(address, at, (label, true)).err();
    let refused = |error: Option<SandboxError>| match error {
        Some(SandboxError::NotLabelled(why)) => Some(why),
        _ => None,
    };
    assert_eq!(refused(set(ANNA, (Folder::Inbox, 1), "Own")), Some(NotLabelled::NoLabels));
    for (folder, uid) in [(Folder::Inbox, 9), (Folder::Trash, 1), (Folder::Inbox, 0)] {
        assert_eq!(refused(set(GITA, (folder, uid), "Own")), Some(NotLabelled::NoMessage));
    }
    let long = "a".repeat(226);
    for bad in ["", "inbox", "[Gmail]/Own", "\\Own", "a//b", "a\"b", "a%", "Entwürfe", "a\r\nb", &long] {
        assert_eq!(refused(set(GITA, (Folder::Inbox, uid), bad)), Some(NotLabelled::BadLabel), "{bad:?}");
    }
    for n in 0..500 {
        label(&running, (Folder::Inbox, uid), &format!("Own {n}"));
    }
    assert_eq!(refused(set(GITA, (Folder::Inbox, uid), "One more")), Some(NotLabelled::BadLabel));
    running.sandbox.set_label(GITA, (Folder::Inbox, uid), ("Own 7", false)).expect("takes it off");
}
