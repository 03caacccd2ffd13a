//! The scenarios of Dovecot on Cyrus and Courier. `make soak` runs them, one after the other: `scripts/peers.sh` unpacks the servers.

use super::host::At;
use super::{Offers, Scene, changes, moving, random, undo};
use crate::support::{Engine, mail};
use serde_json::json;
use std::time::Duration;
use testkit::Peer::{self, Courier, Cyrus};

const FOLDERS: [&str; 2] = ["INBOX", "Sent"];
/// Both tell of news in IDLE within a minute only, and the account is polled once a minute.
const BY_ITSELF: Duration = Duration::from_secs(150);

/// Courier without what few servers lack; that it goes on telling COPYUID is no matter.
const BARE_COURIER: At = At { peer: Some(Courier), offers: Offers::NoUidplus };

/// What arrives in the inbox, which IDLE watches, and elsewhere, which nobody watches, comes here though nobody asks.
async fn comes_by_itself(peer: Peer) {
    let mut s = Scene::start(Engine::Sqlite, ("unasked", peer), |host| {
        host.put("INBOX", &mail("First", "first@else.test"));
    })
    .await;
    s.equal(&FOLDERS).await;
    s.api.patch(&format!("/accounts/{}", s.id), &json!({ "sync_minutes": 1 })).await.expect(200);
    s.host.put("INBOX", &mail("News", "news@else.test"));
    s.host.put("Sent", &mail("Filed", "filed@else.test"));
    s.host.flag("INBOX", "first@else.test", (true, "\\Flagged"));
    let end = tokio::time::Instant::now() + BY_ITSELF;
    while s.here().await != s.there(&FOLDERS) {
        assert!(tokio::time::Instant::now() < end, "never seen: {:?}", s.here().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(s.here().await.len(), 3);
    s.t.stop().await;
}

/// What a mailbox with nothing but its inbox gets archived goes where the server allows a folder.
async fn archives_at_first(peer: Peer) {
    let mut s = Scene::start(Engine::Sqlite, ("first", peer), |host| {
        for folder in ["Sent", "Drafts", "Junk", "Trash", "Archive"] {
            host.strip(folder);
        }
        host.put("INBOX", &mail("Mail 1", "m1@else.test"));
    })
    .await;
    s.equal(&FOLDERS).await;
    s.change(&[1], None, json!({ "kind": "archive" })).await;
    s.nothing_waits().await;
    s.equal(&["INBOX", "Archive"]).await;
    assert_eq!(s.there(&["Archive"]).len(), 1);
    s.t.stop().await;
}

/// UIDs stay what they are though nobody but us opens the mailbox, and new mail is sorted in before older.
async fn keeps_its_uids() {
    let message = |n: usize| mail(&format!("Mail {n}"), &format!("m{n}@else.test"));
    let mut s = Scene::start(Engine::Sqlite, ("laid", Courier), |host| {
        host.lay("1700000002.b.host", &message(1));
        host.lay("1700000004.d.host", &message(2));
    })
    .await;
    s.equal(&FOLDERS).await;
    let validity = "SELECT uid_validity FROM folder WHERE role = 'inbox'";
    let before = s.t.number(validity).await;
    s.host.lay("1700000003.c.host", &message(3));
    s.equal(&FOLDERS).await;
    assert_eq!((s.bodies_asked(), s.t.number(validity).await), (3, before));
    s.change(&[2], None, json!({ "kind": "flags", "flagged": true })).await;
    s.nothing_waits().await;
    s.equal(&FOLDERS).await;
    assert_eq!(s.there(&FOLDERS)["Mail 2"], ["INBOX flagged"]);
    s.t.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "by make soak"]
async fn courier_keeps_the_uids_that_it_gave_us() {
    keeps_its_uids().await;
}

macro_rules! on_peers {
    ($($(#[$meta:meta])* fn $name:ident($peer:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            $(#[$meta])*
            async fn story($peer: Peer) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "by make soak"]
            async fn cyrus() { story(Cyrus).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "by make soak"]
            async fn courier() { story(Courier).await; }
        }
    )*};
}

on_peers! {
    fn mail_comes_by_itself(peer) {
        comes_by_itself(peer).await;
    }

    // Courier gives all messages of a renamed folder new UIDs.
    fn a_renamed_folder_is_known_again(peer) {
        changes::renames(Engine::Sqlite, peer).await;
    }

    fn a_renamed_folder_is_known_again_though_it_has_changed(peer) {
        changes::renames_and_changes(Engine::Sqlite, peer).await;
    }

    fn a_renamed_folder_is_known_again_though_its_name_is_in_use(peer) {
        changes::renames_and_makes_anew(Engine::Sqlite, peer).await;
    }

    fn what_is_undone_lies_where_it_was(peer) {
        undo::undoes(Engine::Sqlite, "undo", peer).await;
    }

    fn what_lies_in_a_folder_that_is_not_copied_is_followed(peer) {
        moving::is_followed_elsewhere(Engine::Sqlite, peer).await;
    }

    fn what_is_sent_is_filed(peer) {
        moving::files_what_is_sent(Engine::Sqlite, peer).await;
    }

    fn an_archive_is_made_below_the_inbox(peer) {
        archives_at_first(peer).await;
    }

    fn is_followed(peer) {
        changes::follows(Engine::Sqlite, peer).await;
        if peer == Cyrus {
            changes::follows(Engine::Sqlite, At { peer: Some(peer), offers: Offers::Condstore }).await;
        }
    }

    fn folders_come_and_go(peer) {
        changes::folders_come_and_go(Engine::Sqlite, peer).await;
    }

    fn new_uids_fetch_only_what_could_be_another(peer) {
        changes::renews(Engine::Sqlite, peer, if peer == Cyrus { "Sent" } else { "INBOX" }).await;
    }

    fn what_is_done_here_reaches_the_server(peer) {
        moving::reaches_the_server(Engine::Sqlite, peer).await;
        if peer == Courier {
            moving::reaches_the_server(Engine::Sqlite, BARE_COURIER).await;
        }
    }

    fn what_the_server_refuses_is_put_back(peer) {
        moving::is_refused(Engine::Sqlite, peer).await;
    }

    fn killed_around_an_operation_nothing_is_lost_or_doubled(peer) {
        for point in ["transfer.before", "transfer.after"] {
            moving::dies(Engine::Sqlite, peer, (point, "move")).await;
            moving::dies(Engine::Sqlite, peer, (point, "delete")).await;
            moving::dies(Engine::Sqlite, peer, (point, "copy")).await;
        }
        moving::dies(Engine::Sqlite, peer, ("transfer.copied", "copy")).await;
        moving::dies(Engine::Sqlite, peer, ("transfer.before", "move beside its twin")).await;
    }

    fn both_sides_end_equal(peer) {
        random::plays(Engine::Sqlite, (peer, 31, false)).await;
        random::plays(Engine::Sqlite, (peer, 32, true)).await;
    }
}
