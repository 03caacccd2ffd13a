//! Changes of messages that a mail server refuses for good are told whoever looks: one notice an account.

use super::letters::{address_owner, arrived, operator};
use super::{House, unique};
use crate::on_both;
use crate::support::{Engine, connect_request, eventually, mail};
use posthouse::accounts::Encryption;
use serde_json::{Value, json};
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan, contains};

/// A server that does not know the commands of changes.
fn refusing() -> Plan {
    let unknown = |command: &str| {
        let texts = [command.to_owned(), command.replace("UID ", "UID X")];
        Fault::ReplaceText(Direction::FromClient, contains(command), texts)
    };
    Plan { faults: vec![unknown("UID STORE"), unknown("UID MOVE")] }
}

/// A house with one mailbox of three messages behind a server that refuses, and the mailbox of its owner.
struct Refused {
    house: House,
    proxy: FaultProxy,
    mailbox: Mailbox,
    owner: Mailbox,
    id: String,
}

impl Refused {
    async fn start(engine: Engine) -> Self {
        let world = MailWorld::shared();
        let proxy = FaultProxy::start(world.imap_port(), Plan::default()).await.unwrap();
        let [from, owner, mailbox] =
            ["post-changes", "ana-changes", "changes"].map(|n| world.add_user(&unique(n, engine)).unwrap());
        let port = proxy.port();
        let house = House::build(engine, |c| {
            c.plain_text_logins = true;
            c.egress.extra_ports.push(port);
            c.retry.first_ms = 50;
            c.retry.longest_ms = 200;
            c.public_url = Some("https://mail.acme.test".into());
            c.system_mail = operator(world.submission_port(), Encryption::StartTls, &from);
        })
        .await;
        address_owner(house.t.app(), &owner).await;
        for n in 1..=3 {
            world.deliver(&mailbox.address, &mail(&format!("Mail {n}"), &format!("r{n}@else.test"))).unwrap();
        }
        let mut request = connect_request(world, &mailbox);
        request["imap"]["port"] = json!(port);
        request["imap"]["encryption"] = json!("none");
        let account = house.api.lock().await.post("/accounts", &request).await.expect(201);
        let refused = Self { house, proxy, mailbox, owner, id: account["id"].as_str().unwrap().to_owned() };
        eventually("the mail is here", async || refused.messages().await.len() == 3).await;
        refused.house.is_live(&refused.id).await;
        refused.proxy.set_plan(refusing());
        refused.proxy.hang_up();
        refused
    }

    async fn messages(&self) -> Vec<Value> {
        self.house.get(&format!("/accounts/{}/messages", self.id)).await["items"].as_array().unwrap().clone()
    }

    async fn change(&self, messages: &[&Value], action: Value) {
        let ids: Vec<&Value> = messages.iter().map(|m| &m["id"]).collect();
        let body = json!({ "messages": ids, "action": action });
        let path = format!("/accounts/{}/messages/change", self.id);
        self.house.api.lock().await.post(&path, &body).await.expect(200);
    }

    async fn clear(&self) {
        let path = format!("/accounts/{}/operations", self.id);
        self.house.api.lock().await.delete(&path, &json!({})).await.expect(204);
        eventually("it is over", async || self.house.notices().await[0]["resolved_at"].is_string()).await;
    }
}

on_both! {
    async fn refused_changes_are_one_notice_an_account_until_their_list_is_cleared(engine) {
        let s = Refused::start(engine).await;
        let all = s.messages().await;
        s.change(&[&all[0], &all[1]], json!({ "kind": "flags", "seen": true, "flagged": null })).await;
        s.house.told(1).await;
        let told = s.house.notices().await.remove(0);
        assert_eq!(told["kind"], "refused_change");
        assert_eq!(told["title"], format!("The mail server refused a change in {}", s.mailbox.address));
        assert_eq!(told["text"], "2 messages are as they were before.");
        assert!(told["server_words"].as_str().unwrap().contains("XSTORE") && told["fix"] != "", "{told}");
        assert_eq!((&told["accounts"][0]["id"], &told["read"]), (&json!(s.id), &json!(false)));
        eventually("they are unread again", async || s.messages().await.iter().all(|m| m["seen"] == false)).await;

        s.house.api.lock().await.post("/notices/read", &json!({ "up_to": told["id"] })).await.expect(200);
        s.change(&[&all[2]], json!({ "kind": "trash" })).await;
        let more = async || s.house.notices().await[0]["text"] == "3 messages are as they were before.";
        eventually("the second one is told in its place", more).await;
        let notices = s.house.notices().await;
        assert_eq!((notices.len(), &notices[0]["id"], &notices[0]["read"]), (1, &told["id"], &json!(true)));
        assert_eq!(notices[0]["title"], format!("The mail server refused 2 changes in {}", s.mailbox.address));
        assert!(notices[0]["server_words"].as_str().unwrap().contains("XMOVE"), "{notices:?}");
        s.house.clock.advance_secs(61);
        eventually("one letter tells of it", async || arrived(&s.owner).len() == 1).await;
        let letter = arrived(&s.owner).remove(0).replace("=\r\n", "").replace("=3D", "=");
        assert!(letter.contains(&format!("https://mail.acme.test/accounts/{}/sync", s.id)), "{letter}");

        s.clear().await;
        s.change(&[&all[2]], json!({ "kind": "flags", "seen": null, "flagged": true })).await;
        s.house.told(2).await;
        let again = s.house.notices().await.remove(0);
        assert_eq!((&again["text"], &again["read"]), (&json!("The message is as it was before."), &json!(false)));
        let id = &s.id;
        s.house.api.lock().await.delete(&format!("/accounts/{id}"), &json!({ "address": s.mailbox.address })).await.expect(202);
        eventually("they go with the account", async || s.house.count("SELECT COUNT(*) FROM notice").await == 0).await;
        s.house.t.stop().await;
    }
}
