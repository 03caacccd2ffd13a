//! Mailboxes against a script: what changed since a look before, lists with figures, moves.

use super::*;

/// A greeting of a server that has all this.
fn offers(names: &str) -> Step {
    say(format!("* CAPABILITY IMAP4rev1 {names}\r\nA1 OK\r\n"))
}

#[tokio::test]
async fn what_changed_since_a_look_before() {
    let replies = "* OK [UIDVALIDITY 7] \r\n* OK [UIDNEXT 12] \r\n* OK [HIGHESTMODSEQ 90] \r\n* 3 EXISTS\r\n\
        * VANISHED (EARLIER) 1:3,9\r\n* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (88))\r\n* 3 FETCH (FLAGS ())\r\nA4 OK [READ-ONLY] \r\n";
    play!(
        [
            hear("A1 NOOP"),
            offers("ENABLE QRESYNC CONDSTORE"),
            hear("A2 ENABLE QRESYNC"),
            say("* ENABLED qresync\r\nA2 OK\r\n"),
            hear("A3 NOOP"),
            say("A3 OK\r\n"),
            hear("A4 EXAMINE INBOX (QRESYNC (7 55))"),
            say(replies),
        ],
        |mut session| {
            session.noop().await.unwrap();
            let early = session.examine_since(&MailboxName::inbox(), 7, 55).await;
            assert!(matches!(early, Err(Error::Unsupported("QRESYNC"))), "not before it is switched on");
            session.enable(&["QRESYNC"]).await.unwrap();
            session.noop().await.unwrap();
            let (selected, since) = session.examine_since(&MailboxName::inbox(), 7, 55).await.unwrap();
            assert_eq!((selected.uid_next, selected.exists, selected.highest_modseq), (Some(12), 3, Some(90)));
            assert!(since.vanished.holds(9) && since.vanished.holds(2) && !since.vanished.holds(4));
            assert_eq!(since.changed.iter().map(|m| m.uid).collect::<Vec<_>>(), [Some(5)]);
            assert!(session.take_changes().is_empty());
        }
    );
}

#[tokio::test]
async fn what_is_selected_is_unchanged_until_the_server_tells_of_it() {
    let inbox = MailboxName::inbox();
    play!(
        [
            hear("A1 EXAMINE INBOX"),
            say("* 3 EXISTS\r\nA1 OK\r\n"),
            hear("A2 NOOP"),
            say("* 3 EXISTS\r\nA2 OK\r\n"),
            hear("A3 NOOP"),
            say("* 2 FETCH (FLAGS (\\Seen))\r\nA3 OK\r\n"),
            hear("A4 EXAMINE Gone"),
            say("A4 NO\r\n"),
        ],
        |mut session| {
            assert!(!session.is_unchanged(&inbox), "nothing is selected");
            session.examine(&inbox).await.unwrap();
            session.noop().await.unwrap();
            assert!(session.is_unchanged(&inbox));
            assert!(!session.is_unchanged(&MailboxName::encode("Sent")));
            session.noop().await.unwrap();
            assert!(!session.is_unchanged(&inbox));
            session.take_changes();
            assert!(session.is_unchanged(&inbox));
            assert!(session.examine(&MailboxName::encode("Gone")).await.is_err());
            assert!(!session.is_unchanged(&inbox), "a mailbox that does not open closes the one before");
        }
    );
}

#[tokio::test]
async fn a_list_with_what_each_mailbox_holds() {
    let replies = "* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 4 UIDNEXT 9 UIDVALIDITY 2 UNSEEN 1 HIGHESTMODSEQ 33)\r\n\
        * LIST (\\Noselect) \"/\" Closed\r\nA2 OK\r\n";
    play!(
        [
            hear("A1 NOOP"),
            offers("LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE"),
            hear("A2 LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))"),
            say(replies),
        ],
        |mut session| {
            session.noop().await.unwrap();
            let found = session.list_status("*").await.unwrap();
            let inbox = found[0].1.as_ref().unwrap();
            assert_eq!((inbox.messages, inbox.uid_next, inbox.highest_modseq), (Some(4), Some(9), Some(33)));
            assert_eq!((found[1].0.name.as_str(), found[1].1.is_none()), ("Closed", true));
        }
    );
    // A server that does not know it after all, and one that never said so.
    play!(
        [
            hear("A1 NOOP"),
            offers("LIST-EXTENDED LIST-STATUS"),
            hear("A2 LIST \"\" \"*\" RETURN"),
            say("A2 BAD what\r\n"),
            hear("A3 LIST \"\" \"*\"\r\n"),
            say("* LIST () NIL INBOX\r\nA3 OK\r\n"),
        ],
        |mut session| {
            session.noop().await.unwrap();
            let found = session.list_status("*").await.unwrap();
            assert!(found.len() == 1 && found[0].1.is_none());
        }
    );
}

#[tokio::test]
async fn a_search_asks_for_a_set_where_it_can() {
    play!(
        [
            hear("A1 NOOP"),
            offers("ESEARCH"),
            hear("A2 UID SEARCH RETURN (ALL) ALL"),
            say("* ESEARCH (TAG \"A2\") UID ALL 1:4,8\r\nA2 OK\r\n"),
            hear("A3 UID SEARCH RETURN (ALL) SEEN"),
            say("A3 BAD what\r\n"),
            hear("A4 UID SEARCH SEEN"),
            say("* SEARCH 2\r\nA4 OK\r\n"),
        ],
        |mut session| {
            session.noop().await.unwrap();
            assert_eq!(session.uid_search(&[]).await.unwrap(), [1, 2, 3, 4, 8]);
            assert_eq!(session.uid_search(&[SearchKey::Seen]).await.unwrap(), [2]);
        }
    );
}

#[tokio::test]
async fn moved_messages_are_told_from_both_places() {
    let trash = MailboxName::encode("Trash");
    play!(
        [
            hear("A1 NOOP"),
            offers("MOVE UIDPLUS"),
            hear("A2 UID MOVE 3:4 Trash"),
            say("* OK [COPYUID 9 3:4 21:22] \r\n* 1 EXPUNGE\r\nA2 OK\r\n"),
            hear("A3 UID COPY 5 Trash"),
            say("A3 OK [COPYUID 9 5 23]\r\n"),
            hear("A4 UID MOVE 6 Trash"),
            say("A4 OK [COPYUID 9 6:7 23]\r\n"),
        ],
        |mut session| {
            session.noop().await.unwrap();
            let moved = session.uid_move(&UidSet::range(3, 4), &trash).await.unwrap().unwrap();
            assert_eq!((moved.uid_validity, moved.uids), (9, vec![(3, 21), (4, 22)]));
            assert_eq!(session.uid_copy(&5.into(), &trash).await.unwrap().unwrap().uids, [(5, 23)]);
            assert_eq!(session.uid_move(&6.into(), &trash).await.unwrap(), None, "sets of two lengths mean nothing");
        }
    );
    // Without MOVE: copy, mark, remove only these; without UIDPLUS too, only while no others are marked.
    play!(
        [
            hear("A1 NOOP"),
            offers("UIDPLUS"),
            hear("A2 UID COPY 3 Trash"),
            say("A2 OK\r\n"),
            hear("A3 UID STORE 3 +FLAGS.SILENT (\\Deleted)"),
            say("A3 OK\r\n"),
            hear("A4 UID EXPUNGE 3"),
            say("A4 OK\r\n"),
            hear("A5 NOOP"),
            say("* CAPABILITY IMAP4rev1\r\nA5 OK\r\n"),
            hear("A6 UID SEARCH DELETED"),
            say("* SEARCH 2\r\nA6 OK\r\n"),
            hear("A7 UID SEARCH DELETED"),
            say("* SEARCH 4\r\nA7 OK\r\n"),
            hear("A8 UID STORE 4 +FLAGS.SILENT (\\Deleted)"),
            say("A8 OK\r\n"),
            hear("A9 EXPUNGE"),
            say("* 1 EXPUNGE\r\nA9 OK\r\n"),
        ],
        |mut session| {
            session.noop().await.unwrap();
            assert_eq!(session.uid_move(&3.into(), &trash).await.unwrap(), None);
            session.noop().await.unwrap();
            assert!(matches!(session.uid_move(&3.into(), &trash).await, Err(Error::Unsupported("UIDPLUS"))));
            session.uid_delete(&4.into()).await.unwrap();
        }
    );
}
