//! Gmail, as far as it can be played: the real Dovecot, and a proxy that gives it X-GM-EXT-1. UIDs are made to be Gmail's ids, so a message
//! has the same one in each folder here.

use super::host::Host;
use super::{Scene, asked};
use crate::on_both;
use crate::support::{eventually, mail};
use serde_json::{Value, json};
use testkit::Direction::{FromClient, FromServer};
use testkit::{Fault, Plan, contains};

/// The labels of the messages with the UIDs from 1 on, in All Mail.
fn plan<'l>(labels: impl IntoIterator<Item = &'l str>) -> Plan {
    let swap = |from, at: &str, old: &str, new: &str| Fault::ReplaceText(from, contains(at), [old.into(), new.into()]);
    let mut faults = vec![
        swap(FromServer, "CAPABILITY", " NOTIFY", " X-GM-EXT-1"),
        swap(FromServer, "CAPABILITY", " QRESYNC", ""),
        swap(FromServer, "\\Archive", "\\Archive", "\\All"),
        swap(FromClient, "X-GM-MSGID", " X-GM-MSGID X-GM-THRID X-GM-LABELS", ""),
    ];
    for (uid, labels) in (1..).zip(labels) {
        let told =
            format!("FETCH (X-GM-MSGID 900{uid} X-GM-THRID 18446744073709551615 X-GM-LABELS ({labels}) UID {uid} ");
        let asked = format!("FETCH (UID {uid} ");
        faults.push(swap(FromServer, &asked, &asked, &told));
    }
    Plan { faults }
}

/// The names of the folders that a message is shown in.
async fn shown(s: &mut Scene, subject: &str) -> Vec<String> {
    let list = s.api.get(&format!("/accounts/{}/messages", s.id)).await.expect(200);
    let found = list["items"].as_array().unwrap().iter().find(|m| m["subject"] == subject).cloned().unwrap_or_default();
    let names = |folders: &Vec<Value>| folders.iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect();
    found["folders"].as_array().map(names).unwrap_or_default()
}

/// The labels that a row of this list shows.
async fn labelled(s: &mut Scene, list: &str, subject: &str) -> Value {
    let list = s.api.get(&format!("/accounts/{}/{list}", s.id)).await.expect(200);
    list["items"].as_array().unwrap().iter().find(|m| m["subject"] == subject).unwrap()["labels"].clone()
}

/// The subjects of what is found.
async fn found(s: &mut Scene, query: &[(&str, &str)]) -> Vec<String> {
    let encoded = |text: &str| text.replace(' ', "%20").replace('"', "%22");
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let page = s.api.get(&format!("/messages/search?{}", query.join("&"))).await.expect(200);
    let mut all: Vec<String> =
        page["items"].as_array().unwrap().iter().map(|m| m["subject"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

on_both! {
    async fn a_message_of_gmail_is_one_row_and_lies_where_its_labels_say(engine) {
        let labels = ["\\Inbox \"Kunden/Acme\" \\Starred", "\\Inbox", "\\Sent Unknown"];
        let mut s = Scene::behind(engine, "gmail", plan(labels), |host: &Host| {
            host.create("Kunden/Acme");
            for n in 1..=3 {
                host.put("Archive", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
            }
            // Other octets: that it is the same message Gmail's id says alone.
            for n in 1..=2 {
                host.put("INBOX", &mail(&format!("Other {n}"), &format!("o{n}@else.test")));
            }
        })
        .await;
        let all = "SELECT COUNT(*) FROM placement p JOIN folder f ON f.id = p.folder_id WHERE f.role IN ('all', 'inbox')";
        eventually("all are placed", async || s.t.number(all).await == 5).await;
        assert_eq!(s.t.number("SELECT COUNT(*) FROM message").await, 3, "one row each");
        assert_eq!(s.bodies_asked(), 3, "and fetched once");
        assert_eq!(s.t.number("SELECT COUNT(*) FROM message WHERE gmail_id IN (9001, 9002, 9003) AND gmail_thread = -1").await, 3);
        let chosen = "SELECT COUNT(*) FROM folder WHERE selected AND role IN ('inbox', 'sent', 'all', 'junk', 'trash')";
        assert_eq!(s.t.number(chosen).await, 5);
        assert_eq!(s.t.number("SELECT COUNT(*) FROM folder WHERE selected").await, 5, "labels lead to what is here");

        assert_eq!(shown(&mut s, "Mail 1").await, ["Archive", "INBOX", "Kunden/Acme"]);
        assert_eq!(shown(&mut s, "Mail 2").await, ["Archive", "INBOX"]);
        assert_eq!(shown(&mut s, "Mail 3").await, ["Archive", "Sent"]);

        for list in ["messages", "threads"] {
            assert_eq!(labelled(&mut s, list, "Mail 1").await, json!(["Kunden/Acme"]), "Gmail's own are not shown: {list}");
            assert_eq!(labelled(&mut s, list, "Mail 2").await, json!([]), "{list}");
            assert_eq!(labelled(&mut s, list, "Mail 3").await, json!(["Unknown"]), "no folder of ours: {list}");
        }
        for (typed, subjects) in [
            ("label:acme", &["Mail 1"][..]),
            ("label:\"kunden/ACME\"", &["Mail 1"]),
            ("label:Unknown mail", &["Mail 3"]),
            ("label:starred", &["Mail 1"]),
            ("label:inbox", &["Mail 1", "Mail 2"]),
            ("label:sent", &["Mail 3"]),
            ("label:nothing", &[]),
            ("-label:inbox", &["Mail 3"]),
            ("label:inbox label:acme", &["Mail 1"]),
            ("label:inbox label:unknown", &[]),
            ("-label:acme label:inbox", &["Mail 2"]),
            ("label:acme -mail", &[]),
        ] {
            assert_eq!(found(&mut s, &[("q", typed)]).await, subjects, "{typed}");
        }
        assert_eq!(found(&mut s, &[("q", "mail"), ("label", "Acme")]).await, ["Mail 1"]);

        // A label goes and another comes; Gmail counts that as a change of the message.
        s.proxy.set_plan(plan(["\\Inbox", "\\Inbox \"Kunden/Acme\"", "\\Sent"]));
        s.proxy.hang_up();
        for n in 1..=2 {
            let id = format!("m{n}@else.test");
            s.host.flag("Archive", &id, (true, "\\Answered"));
        }
        s.sync_now(false).await;
        let moved = "SELECT COUNT(*) FROM message WHERE subject = 'Mail 2' AND labels LIKE '%Acme%'";
        eventually("the label is taken over", async || s.t.number(moved).await == 1).await;
        assert_eq!(shown(&mut s, "Mail 1").await, ["Archive", "INBOX"]);
        assert_eq!(shown(&mut s, "Mail 2").await, ["Archive", "INBOX", "Kunden/Acme"]);
        // One that says nothing of a change is compared.
        s.proxy.set_plan(plan(["\\Inbox", "\\Inbox", "\\Sent \"Kunden/Acme\""]));
        s.proxy.hang_up();
        s.sync_now(true).await;
        let compared = "SELECT COUNT(*) FROM message WHERE subject = 'Mail 3' AND labels LIKE '%Acme%'";
        eventually("it is compared", async || s.t.number(compared).await == 1).await;
        assert_eq!(s.bodies_asked(), 0);

        let path = format!("/accounts/{}/sync", s.id);
        let figures = s.api.get(&path).await.expect(200);
        assert_eq!(figures["received_today"], json!(3), "what lies in All Mail alone came from somewhere");
        s.t.stop().await;
    }

    async fn all_mail_comes_first_and_what_is_older_there_is_known_by_its_id(engine) {
        let s = Scene::behind(engine, "gmail-older", plan(std::iter::repeat_n("\\Inbox Old", 60)), |host: &Host| {
            for n in 1..=60 {
                host.put("Archive", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
            }
            // The oldest, which are not among the newest of All Mail.
            for n in 1..=5 {
                host.put("INBOX", &mail(&format!("Mail {n}"), &format!("m{n}@else.test")));
            }
        })
        .await;
        let all = "SELECT COUNT(*) FROM placement p JOIN folder f ON f.id = p.folder_id WHERE f.role IN ('all', 'inbox')";
        eventually("all are placed", async || s.t.number(all).await == 65).await;
        let labelled = "SELECT COUNT(*) FROM message WHERE gmail_id IS NOT NULL AND labels LIKE '%Old%'";
        assert_eq!(s.t.number(labelled).await, 60);
        assert_eq!(s.t.number("SELECT COUNT(*) FROM message").await, 60, "one row each");
        let heard = s.proxy.take_heard();
        let opened: Vec<&str> = heard.iter().filter_map(|line| line.split(" EXAMINE ").nth(1)?.split_whitespace().next()).collect();
        assert_eq!(opened[..2], ["Archive", "INBOX"]);
        assert_eq!(heard.iter().filter(|l| l.contains("BODY.PEEK[])")).map(|l| asked(l)).sum::<usize>(), 60);
        s.t.stop().await;
    }
}
