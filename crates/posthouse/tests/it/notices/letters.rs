//! Notices by mail, into real mailboxes: by the operator's server, and from an account that was chosen.

use super::{House, LONG, member, number, run, unique};
use crate::on_both;
use crate::support::{Engine, eventually};
use db::IntoValue;
use posthouse::accounts::Encryption;
use posthouse::app::App;
use posthouse::base::clock::Clock;
use posthouse::base::secret::Secret;
use posthouse::config::{Config, SystemMail};
use posthouse::doctor::{self, Outcome};
use posthouse::team::Scope;
use serde_json::{Value, json};
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan, starts};

/// The operator's server: the real one, signed in as this mailbox.
pub fn operator(port: u16, encryption: Encryption, sender: &Mailbox) -> SystemMail {
    SystemMail {
        host: Some("localhost".into()),
        port,
        encryption,
        username: Some(sender.address.clone()),
        password: Some(Secret::new(sender.password.clone())),
        from: Some(format!("Posthouse <{}>", sender.address)),
    }
}

/// The owner's mail goes to this mailbox.
pub async fn address_owner(app: &App, mailbox: &Mailbox) {
    run(
        app,
        "UPDATE \"user\" SET email = $1 WHERE email_key = 'ana@acme.test'",
        vec![mailbox.address.as_str().into_value()],
    )
    .await;
}

/// What came, by subject.
pub fn arrived(mailbox: &Mailbox) -> Vec<String> {
    let all = MailWorld::shared().messages(&mailbox.address, "INBOX").unwrap();
    let mut texts: Vec<String> = all.into_iter().map(|raw| String::from_utf8(raw).unwrap()).collect();
    texts.sort_by_key(|t| t.contains("works again"));
    texts
}

/// The text of a letter, without the folds of quoted-printable.
fn unfolded(raw: &str) -> String {
    raw.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}

/// An account whose password is refused from now on.
async fn refused(house: &House, name: &str, engine: Engine) -> (String, Mailbox) {
    let world = MailWorld::shared();
    let mailbox = world.add_user(&unique(name, engine)).unwrap();
    let id = house.connect(&mailbox).await;
    house.is_live(&id).await;
    world.set_password(&mailbox.address, "another one").unwrap();
    world.kick_sessions(&mailbox.address).unwrap();
    house.is(&id, "reconnect_required").await;
    (id, mailbox)
}

async fn mended(house: &House, id: &str, mailbox: &Mailbox) {
    MailWorld::shared().set_password(&mailbox.address, &mailbox.password).unwrap();
    house.api.lock().await.post(&format!("/accounts/{id}/retry"), &json!({})).await.expect(202);
    house.outages(0, 1).await;
}

on_both! {
    async fn an_outage_and_its_end_are_one_mail_each(engine) {
        let world = MailWorld::shared();
        let (from, ana) = (world.add_user(&unique("post", engine)).unwrap(), world.add_user(&unique("ana", engine)).unwrap());
        let house = House::build(engine, |c| {
            c.public_url = Some("https://mail.acme.test".into());
            c.system_mail = operator(world.submission_port(), Encryption::StartTls, &from);
        }).await;
        let app = house.t.app();
        address_owner(app, &ana).await;
        // One who may not read the account gets nothing.
        let workspace = posthouse_session(&house).await;
        member(&house.t, workspace, "ben@acme.test").await;
        let (id, mailbox) = refused(&house, "told", engine).await;
        house.told(1).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM system_mail").await, 0, "it is gathered for a minute");
        house.clock.advance_secs(61);
        eventually("the letter is sent", async || house.count("SELECT COUNT(*) FROM system_mail WHERE state = 'sent'").await == 1).await;
        eventually("it arrives", async || arrived(&ana).len() == 1).await;
        let raw = arrived(&ana).remove(0);
        let text = unfolded(&raw);
        assert!(text.contains(&format!("Subject: {} needs to be reconnected", mailbox.address)), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated") && text.contains("The server said: "), "{text}");
        assert!(text.contains(&format!("https://mail.acme.test/accounts/{id}/settings")), "{text}");
        assert!(!text.contains(&mailbox.password) && !text.contains(&from.password), "{text}");

        mended(&house, &id, &mailbox).await;
        house.clock.advance_secs(LONG);
        house.told(2).await;
        house.clock.advance_secs(61);
        eventually("the second one arrives", async || arrived(&ana).len() == 2).await;
        assert!(arrived(&ana)[1].contains("works again"));
        house.clock.advance_secs(LONG);
        assert_eq!(house.count("SELECT COUNT(*) FROM system_mail").await, 2, "and no more");
        let sent = "posthouse_system_mail_total{outcome=\"sent\"} 2\n";
        eventually("both are counted", async || app.meters.render().contains(sent)).await;
        house.t.stop().await;
    }

    async fn what_comes_in_a_minute_is_one_letter_and_who_wants_none_gets_none(engine) {
        let world = MailWorld::shared();
        let (from, ana) = (world.add_user(&unique("post2", engine)).unwrap(), world.add_user(&unique("ana2", engine)).unwrap());
        let house = House::build(engine, |c| c.system_mail = operator(world.submission_port(), Encryption::StartTls, &from)).await;
        address_owner(house.t.app(), &ana).await;
        // Two hosts, or they would be one notice.
        let (first, _) = refused(&house, "one", engine).await;
        house.told(1).await;
        run(house.t.app(), "UPDATE notice SET gather = NULL", vec![]).await;
        refused(&house, "two", engine).await;
        house.told(2).await;
        house.clock.advance_secs(61);
        eventually("one letter arrives", async || arrived(&ana).len() == 1).await;
        assert!(unfolded(&arrived(&ana)[0]).contains("Subject: 2 notices: "), "{}", arrived(&ana)[0]);
        assert_eq!(house.count("SELECT COUNT(*) FROM notice_mail WHERE state = 'written'").await, 2);

        let off = house.api.lock().await.patch("/notices/mail", &json!({ "mails": false })).await.expect(200);
        assert_eq!((&off["mails"], &off["way"]), (&json!(false), &json!("operator")), "{off}");
        run(house.t.app(), "UPDATE notice SET gather = NULL", vec![]).await;
        refused(&house, "three", engine).await;
        house.told(3).await;
        house.clock.advance_secs(61);
        eventually("it is left out", async || house.count("SELECT COUNT(*) FROM notice_mail WHERE state = 'left_out'").await == 1).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM system_mail").await, 1);
        assert_eq!(house.get(&format!("/accounts/{first}")).await["status"], "reconnect_required");

        house.api.lock().await.patch("/notices/mail", &json!({ "mails": true })).await.expect(200);
        let copy = "INSERT INTO system_mail (id, workspace_id, user_id, to_address, subject, body, html, message_id, state, attempts,
              next_attempt_at, created_at, settled_at)
            SELECT $1, workspace_id, user_id, to_address, subject, body, html, message_id, state, attempts, next_attempt_at,
              created_at, settled_at FROM system_mail LIMIT 1";
        for _ in 0..19 {
            run(house.t.app(), copy, vec![house.t.app().ids.next().into_value()]).await;
        }
        run(house.t.app(), "UPDATE notice SET gather = NULL", vec![]).await;
        refused(&house, "four", engine).await;
        house.told(4).await;
        house.clock.advance_secs(61);
        eventually("nobody gets more than twenty", async || house.count("SELECT COUNT(*) FROM notice_mail WHERE state = 'left_out'").await == 2).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM system_mail").await, 20);
        house.t.stop().await;
    }

    async fn mail_of_a_chosen_account_leaves_through_its_outbox_and_never_about_itself(engine) {
        let world = MailWorld::shared();
        let ana = world.add_user(&unique("ana3", engine)).unwrap();
        let house = House::build(engine, |_| {}).await;
        address_owner(house.t.app(), &ana).await;
        let sales = world.add_user(&unique("sales", engine)).unwrap();
        let sender = house.connect(&sales).await;
        house.is_live(&sender).await;
        // Nothing is sent from an account that nobody chose.
        refused(&house, "before", engine).await;
        house.told(1).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM notice_mail").await, 0);

        let session = posthouse_session(&house).await;
        let (mut ben, _) = member(&house.t, session, "ben@acme.test").await;
        let choice = json!({ "account_id": sender });
        ben.call(reqwest::Method::PUT, "/notices/mail/sender", Some(&choice), &[]).await.problem(403, "forbidden");
        let unknown = json!({ "account_id": "00000000-0000-0000-0000-000000000000" });
        house.api.lock().await.call(reqwest::Method::PUT, "/notices/mail/sender", Some(&unknown), &[]).await.problem(422, "validation_failed");
        let chosen = house.api.lock().await.call(reqwest::Method::PUT, "/notices/mail/sender", Some(&choice), &[]).await.expect(200);
        assert_eq!((&chosen["way"], &chosen["account"]["address"]), (&json!("account"), &json!(sales.address)), "{chosen}");
        assert_eq!(house.count("SELECT COUNT(*) FROM audit WHERE action = 'system_mail.sender_chosen'").await, 1);

        run(house.t.app(), "UPDATE notice SET gather = NULL", vec![]).await;
        refused(&house, "after", engine).await;
        house.told(2).await;
        house.clock.advance_secs(61);
        eventually("it arrives", async || arrived(&ana).len() == 1).await;
        let raw = arrived(&ana).remove(0);
        assert!(raw.contains(&sales.address) && raw.contains("Auto-Submitted: auto-generated"), "{raw}");
        eventually("that is noted", async || house.count("SELECT COUNT(*) FROM outgoing WHERE state = 'sent'").await == 1).await;

        run(house.t.app(), "UPDATE notice SET gather = NULL", vec![]).await;
        world.set_password(&sales.address, "another one").unwrap();
        world.kick_sessions(&sales.address).unwrap();
        house.is(&sender, "reconnect_required").await;
        house.told(3).await;
        house.clock.advance_secs(61);
        eventually("it is left out", async || house.count("SELECT COUNT(*) FROM notice_mail WHERE state = 'left_out'").await == 1).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM outgoing").await, 1, "nothing more left from it");
        house.t.stop().await;
    }

    async fn a_server_that_refuses_us_is_told_to_admins_in_the_page_and_mail_follows_once_it_takes_us(engine) {
        let world = MailWorld::shared();
        let (from, ana) = (world.add_user(&unique("post4", engine)).unwrap(), world.add_user(&unique("ana4", engine)).unwrap());
        let refusal = Fault::ReplaceLine(Direction::FromServer, starts("235"), "535 5.7.8 Not today\r\n".into());
        let proxy = FaultProxy::start(world.plain_submission_port(), Plan::of(refusal)).await.unwrap();
        let house = House::build(engine, |c| c.system_mail = operator(proxy.port(), Encryption::None, &from)).await;
        address_owner(house.t.app(), &ana).await;
        let session = posthouse_session(&house).await;
        let (mut ben, _) = member(&house.t, session, "ben@acme.test").await;
        refused(&house, "unheard", engine).await;
        house.told(1).await;
        house.clock.advance_secs(61);
        house.told(2).await;
        let notice = house.notices().await.remove(0);
        assert_eq!((&notice["kind"], &notice["reason"]), (&json!("system_mail"), &json!("login_refused")), "{notice}");
        assert!(notice["server_words"].as_str().unwrap().contains("Not today"), "{notice}");
        assert_eq!(ben.get("/notices").await.expect(200)["unread"], 0);
        // It is tried again and again, and told once.
        let tried = proxy.struck();
        eventually("it is tried again", async || { house.clock.advance_secs(60); proxy.struck() > tried + 2 }).await;
        assert_eq!(house.count("SELECT COUNT(*) FROM notice").await, 2);
        assert_eq!(house.count("SELECT COUNT(*) FROM system_mail").await, 1, "no mail about mail");
        let report = doctor::examine(&house.t.app().config, &Clock::system(), (None, vec![])).await;
        let check = report.checks.iter().find(|c| c.name == "system mail").unwrap();
        assert!(check.outcome == Outcome::Failed && check.seen.contains("Not today"), "{check}");

        proxy.set_plan(Plan::default());
        eventually("it arrives", async || { house.clock.advance_secs(60); arrived(&ana).len() == 1 }).await;
        eventually("it is over", async || house.notices().await[0]["resolved_at"].is_string()).await;
        let report = doctor::examine(&house.t.app().config, &Clock::system(), (None, vec![])).await;
        let check = report.checks.iter().find(|c| c.name == "system mail").unwrap();
        assert!(check.outcome == Outcome::Ok && check.seen.contains(&from.address), "{check}");
        house.t.stop().await;
    }
}

async fn posthouse_session(house: &House) -> Scope {
    let session: Value = house.get("/session").await;
    Scope::of(session["workspace"]["id"].as_str().unwrap().parse().unwrap())
}

/// For programs that are killed.
pub async fn count(app: &App, sql: &'static str) -> i64 {
    number(app, sql).await
}

/// The settings of one that tells within a second.
pub fn impatient(config: &mut Config, sender: &Mailbox) {
    config.notices.after_ms = 1_000;
    config.system_mail = operator(MailWorld::shared().submission_port(), Encryption::StartTls, sender);
}
