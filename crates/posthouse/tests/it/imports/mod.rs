//! Many accounts from one file, on the real Dovecot and Postfix: mixed faults, bounds, passwords that are erased.

mod crowd;
#[cfg(feature = "failpoints")]
mod kills;
mod keys;
#[cfg(feature = "failpoints")]
mod size;
mod slips;

use crate::on_both;
use crate::support::{Answer, Api, TestApp, connect_request};
use posthouse::base::clock::Clock;
use posthouse::team::{Role, Scope, WorkspaceId};
use posthouse::{imports, retention};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Direction, Fault, FaultProxy, MailWorld, Mailbox, Plan, PowerDns, contains};
use tokio::time::Instant;

const HEADER: &str = "address,display_name,password,imap_host,imap_port,smtp_host,smtp_port";

/// A row for a mailbox of this world, behind these ports.
fn row(mailbox: &Mailbox, password: &str, (imap, smtp): (u16, u16)) -> String {
    format!("{},\"Kim, Ben\",{password},localhost,{imap},localhost,{smtp}", mailbox.address)
}

fn good(world: &MailWorld, mailbox: &Mailbox) -> String {
    row(mailbox, &mailbox.password, (world.imaps_port(), world.submission_port()))
}

async fn upload(api: &mut Api, file: &[u8]) -> Answer {
    api.raw(Method::POST, "/accounts/imports?name=people.csv", Some(("text/csv", file.to_vec())), &[]).await
}

async fn uploaded(api: &mut Api, rows: &[String]) -> String {
    let file = format!("{HEADER}\r\n{}\r\n", rows.join("\r\n"));
    upload(api, file.as_bytes()).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn start(api: &mut Api, id: &str, mode: &str, rows: &str) -> Value {
    let body = json!({ "mode": mode, "rows": rows });
    api.post(&format!("/accounts/imports/{id}/start"), &body).await.expect(202)
}

/// Waits until nobody works on the run any more.
async fn worked(api: &mut Api, id: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let run = api.get(&format!("/accounts/imports/{id}")).await.expect(200);
        if !["testing", "connecting"].contains(&run["state"].as_str().unwrap()) {
            return run;
        }
        assert!(Instant::now() < deadline, "still at work: {run}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn rows(api: &mut Api, id: &str) -> Vec<Value> {
    api.get(&format!("/accounts/imports/{id}/rows?limit=200")).await.expect(200)["items"].as_array().unwrap().clone()
}

/// Passwords that are still in the table.
async fn kept(t: &TestApp) -> i64 {
    t.number("SELECT COUNT(secret_imap) + COUNT(secret_smtp) FROM import_row").await
}

async fn person(t: &TestApp, scope: Scope, email: &str) -> Api {
    let user = t.add_member(scope, email, Role::Member).await;
    let link = posthouse::team::link_for(t.app(), user).await.unwrap();
    let mut api = t.caller();
    api.post("/session/link", &json!({ "token": link.split("link=").nth(1).unwrap() })).await.expect(200);
    api
}

async fn workspace(api: &mut Api) -> Scope {
    let session = api.get("/session").await.expect(200);
    Scope::of(session["workspace"]["id"].as_str().unwrap().parse::<WorkspaceId>().unwrap())
}

on_both! {
    async fn what_is_right_is_connected_and_what_is_wrong_is_told_by_row(engine) {
        let world = MailWorld::shared();
        let add = |name: &str| world.add_user(&format!("imports-{name}-{engine:?}").to_lowercase()).unwrap();
        let [ana, ben, cleo, dan, eve] = ["ana", "ben", "cleo", "dan", "eve"].map(add);
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.egress.extra_ports.push(1);
        }).await;
        let mut api = t.owner().await;
        api.post("/accounts", &connect_request(world, &eve)).await.expect(201);
        let ports = (world.imaps_port(), world.submission_port());
        let elsewhere = good(world, &dan).replace("localhost", "no-such-host.invalid");
        let lines = [
            good(world, &ana),
            row(&ben, "not-his-password", ports),
            elsewhere,
            row(&cleo, &cleo.password, (4_711, 587)).replace("4711", "70000"),
            good(world, &ana),
            good(world, &eve),
            row(&cleo, &cleo.password, (ports.0, 1)),
            "=cmd@lab.test,=1+1,secret-of-a-formula,localhost,993,localhost,587".to_owned(),
        ];
        let id = uploaded(&mut api, &lines).await;
        assert_eq!(kept(&t).await, 10, "only rows that are tried keep their passwords, one a side");
        let checked = rows(&mut api, &id).await;
        let told = |n: usize| checked[n]["problems"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(checked[0]["line"], 2);
        assert!(told(3).contains("1 to 65535") && told(4).contains("row 2") && told(5).contains("connected in the workspace"));
        let states: Vec<&str> = checked.iter().map(|r| r["state"].as_str().unwrap()).collect();
        assert_eq!(states[..7], ["waiting", "waiting", "waiting", "invalid", "invalid", "invalid", "waiting"]);

        // A dry run saves nothing.
        let begun = start(&mut api, &id, "test", "all").await;
        assert_eq!((&begun["state"], &begun["progress"]["total"]), (&json!("testing"), &json!(5)));
        let run = worked(&mut api, &id).await;
        assert_eq!(run["counts"], json!({ "invalid": 3, "waiting": 0, "passed": 1, "failed": 4, "doubt": 0, "connected": 0 }));
        assert_eq!(t.number("SELECT COUNT(*) FROM account").await, 1);
        let tested = rows(&mut api, &id).await;
        let reason = |n: usize| tested[n]["problems"][0]["reason"].as_str().unwrap_or_default().to_owned();
        assert_eq!([reason(1), reason(2), reason(6)], ["login_refused", "name_not_found", "connection_refused"]);
        assert!(tested[1]["problems"][0]["server_words"].as_str().unwrap().contains("Authentication failed"));

        start(&mut api, &id, "connect", "passed").await;
        let run = worked(&mut api, &id).await;
        assert_eq!((&run["state"], &run["ended"], &run["counts"]["connected"]), (&json!("ended"), &json!("finished"), &json!(1)));
        assert_eq!(run["passwords_until"], Value::Null);
        assert_eq!(kept(&t).await, 0, "passwords are erased");
        let list = api.get("/accounts?search=imports-ana").await.expect(200);
        assert_eq!((&list["items"][0]["address"], &list["items"][0]["display_name"]), (&json!(ana.address), &json!("Kim, Ben")));
        assert_eq!(rows(&mut api, &id).await[0]["account_id"], list["items"][0]["id"]);

        let failed = api.get(&format!("/accounts/imports/{id}/failed.csv")).await;
        assert_eq!(failed.headers["content-type"], "text/csv; charset=utf-8");
        assert_eq!(failed.text.lines().count(), 8, "{}", failed.text);
        assert!(failed.text.contains("'=cmd@lab.test,'=1+1,,"), "{}", failed.text);
        let all = format!("{} {} {}", failed.text, json!(rows(&mut api, &id).await), run);
        for secret in [&ana.password, &ben.password, "not-his-password", "secret-of-a-formula"] {
            assert!(!all.contains(secret), "{secret} was shown");
        }
        // It can be mended and uploaded again.
        let again = upload(&mut api, failed.text.as_bytes()).await.expect(201);
        assert_eq!((&again["total"], &again["notes"]), (&json!(7), &json!([])));
        t.stop().await;
    }

    async fn a_person_has_one_run_that_only_they_see_and_may_discard(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("imports-own-{engine:?}").to_lowercase()).unwrap();
        let t = TestApp::beside(engine, world).await;
        let mut owner = t.owner().await;
        let scope = workspace(&mut owner).await;
        let mut member = person(&t, scope, "ben@acme.test").await;
        let file = format!("{HEADER},team\n{},yes\n", good(world, &mailbox));
        let run = upload(&mut member, file.as_bytes()).await.expect(201);
        assert_eq!(run["counts"]["invalid"], 1, "only an admin adds for the team");
        let id = run["id"].as_str().unwrap();
        owner.get(&format!("/accounts/imports/{id}")).await.problem(404, "not_found");
        assert_eq!(owner.get("/accounts/imports").await.expect(200)["items"], json!([]));
        upload(&mut member, b"address\na@x.test").await.problem(409, "import_open");
        let start = json!({ "mode": "connect", "rows": "all" });
        let path = format!("/accounts/imports/{id}/start");
        member.post(&path, &start).await.problem(409, "import_nothing_left");
        member.post(&format!("/accounts/imports/{id}/stop"), &json!({})).await.problem(409, "import_not_ready");
        assert_eq!(member.delete(&format!("/accounts/imports/{id}"), &json!({})).await.status, 204);
        member.get(&format!("/accounts/imports/{id}")).await.problem(404, "not_found");
        assert_eq!(t.number("SELECT COUNT(*) FROM import_row").await, 0);

        upload(&mut owner, b"PK\x03\x04").await.problem(422, "validation_failed");
        owner.raw(Method::POST, "/accounts/imports", Some(("application/json", b"{}".to_vec())), &[]).await.problem(415, "invalid_request");
        let large = vec![b'a'; 2 * 1024 * 1024 + 1];
        upload(&mut owner, &large).await.problem(413, "too_large");
        let sample = owner.get("/accounts/imports/sample.csv").await;
        assert!(sample.text.starts_with("\u{feff}address,display_name,password"), "{}", sample.text);
        assert_eq!(upload(&mut owner, sample.text.as_bytes()).await.expect(201)["counts"]["waiting"], 3);
        t.stop().await;
    }

    async fn every_encoding_gives_the_same_account(engine) {
        let world = MailWorld::shared();
        let t = TestApp::beside(engine, world).await;
        let mut api = t.owner().await;
        let header = HEADER.replace(',', ";");
        let text = |n: usize| {
            let mailbox = world.add_user(&format!("imports-coded-{n}-{engine:?}").to_lowercase()).unwrap();
            format!("{header}\r\n{}\r\n", row(&mailbox, &mailbox.password, (world.imaps_port(), world.submission_port()))
                .replace(",", ";").replace("\"Kim; Ben\"", "\"Díaz; \"\"Ana\"\"\""))
        };
        let files = [
            text(0).into_bytes(),
            format!("\u{feff}{}", text(1)).into_bytes(),
            format!("\u{feff}{}", text(2)).encode_utf16().flat_map(u16::to_le_bytes).collect(),
            format!("\u{feff}{}", text(3)).encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ];
        for (n, file) in files.iter().enumerate() {
            let run = upload(&mut api, file).await.expect(201);
            let id = run["id"].as_str().unwrap().to_owned();
            start(&mut api, &id, "connect", "all").await;
            let run = worked(&mut api, &id).await;
            assert_eq!(run["counts"]["connected"], 1, "{n}: {:?}", rows(&mut api, &id).await);
        }
        let list = api.get("/accounts").await.expect(200);
        assert!(list["items"].as_array().unwrap().iter().all(|a| a["display_name"] == "Díaz; \"Ana\""), "{list}");
        assert_eq!(list["total"], 4);
        t.stop().await;
    }

    async fn hosts_that_others_can_forge_wait_for_a_persons_word(engine) {
        let world = MailWorld::shared();
        let [ana, ben] = ["x", "y"].map(|n| world.add_user(&format!("imports-doubt-{n}-{engine:?}").to_lowercase()).unwrap());
        let dns = PowerDns::start().unwrap();
        let records = format!(
            "_imaps._tcp IN SRV 0 1 {} localhost.\n_submission._tcp IN SRV 0 1 {} localhost.",
            world.imaps_port(), world.submission_port()
        );
        dns.add_zone("lab.test", &records).unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.name_servers = vec![dns.address()];
        }).await;
        let mut api = t.owner().await;
        let file = format!("address,password\n{},{}\n{},{}\n", ana.address, ana.password, ben.address, ben.password);
        let id = upload(&mut api, file.as_bytes()).await.expect(201)["id"].as_str().unwrap().to_owned();
        start(&mut api, &id, "connect", "all").await;
        let run = worked(&mut api, &id).await;
        assert_eq!((&run["state"], &run["counts"]["doubt"]), (&json!("ready"), &json!(2)), "{:?}", rows(&mut api, &id).await);
        assert_eq!((&run["doubts"][0]["hosts"], &run["doubts"][0]["rows"]), (&json!(["localhost"]), &json!(2)));
        assert!(run["doubts"][0]["why"].as_str().unwrap().contains("SRV record"));
        assert_eq!(t.number("SELECT COUNT(*) FROM account").await, 0, "no password went there");
        // Another host is no word about this one.
        let path = format!("/accounts/imports/{id}/start");
        let confirm = |host: &str| json!({ "mode": "connect", "rows": "doubt", "confirm_hosts": [host] });
        api.post(&path, &confirm("elsewhere.test")).await.expect(202);
        assert_eq!(worked(&mut api, &id).await["counts"]["doubt"], 2);
        api.post(&path, &confirm("localhost")).await.expect(202);
        let run = worked(&mut api, &id).await;
        assert_eq!((&run["ended"], &run["counts"]["connected"]), (&json!("finished"), &json!(2)), "{:?}", rows(&mut api, &id).await);
        t.stop().await;
    }

    async fn a_host_that_is_asked_too_often_is_waited_for(engine) {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("imports-often-{engine:?}").to_lowercase()).unwrap();
        let busy = "421 4.7.0 Too many connections\r\n".to_owned();
        let fault = Fault::ReplaceLine(Direction::FromServer, contains("ESMTP"), busy);
        let gate = FaultProxy::start(world.submission_port(), Plan::of(fault)).await.unwrap();
        let t = TestApp::with(engine, |c| {
            crate::support::allow(c, world);
            c.egress.extra_ports.push(gate.port());
        }).await;
        let mut api = t.owner().await;
        let line = row(&mailbox, &mailbox.password, (world.imaps_port(), gate.port()));
        let id = uploaded(&mut api, &[line]).await;
        start(&mut api, &id, "test", "all").await;
        crate::support::eventually("it was turned away twice", async || gate.struck() >= 2).await;
        gate.set_plan(Plan::default());
        let run = worked(&mut api, &id).await;
        assert_eq!(run["counts"]["passed"], 1, "{:?}", rows(&mut api, &id).await);
        t.stop().await;
    }

    async fn a_run_that_nobody_goes_on_with_loses_its_passwords_after_a_day(engine) {
        let clock = Clock::set_to(Clock::system().now());
        let t = TestApp::at(engine, clock.clone(), |_| {}).await;
        let mut api = t.owner().await;
        let id = uploaded(&mut api, &["ana@x.test,Ana,pw,imap.x.test,993,smtp.x.test,587".to_owned()]).await;
        clock.advance_secs(24 * 3_600 - 1);
        assert_eq!((imports::expire(t.app()).await.unwrap(), kept(&t).await), (0, 2));
        clock.advance_secs(2);
        assert_eq!((imports::expire(t.app()).await.unwrap(), kept(&t).await), (1, 0));
        let run = api.get(&format!("/accounts/imports/{id}")).await.expect(200);
        assert_eq!((&run["state"], &run["ended"]), (&json!("ended"), &json!("expired")));
        let body = json!({ "mode": "test", "rows": "all" });
        api.post(&format!("/accounts/imports/{id}/start"), &body).await.problem(409, "import_not_ready");
        let failed = api.get(&format!("/accounts/imports/{id}/failed.csv")).await.text;
        assert!(failed.contains("ana@x.test") && failed.contains("It was not tried."), "{failed}");
        // A month later the rows are gone, too.
        for (days, left) in [(29, 1), (2, 0)] {
            clock.advance_secs(days * 24 * 3_600);
            assert!(retention::once(t.app()).await.unwrap());
            let rows = t.number("SELECT COUNT(*) FROM import_row").await;
            assert_eq!((rows, t.number("SELECT COUNT(*) FROM import_run").await), (left, left), "{days}");
        }
        t.stop().await;
    }
}
