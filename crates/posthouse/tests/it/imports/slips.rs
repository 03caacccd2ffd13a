//! A slip in quotes or separators moves a password to where it does not belong: it is neither kept nor shown.

use super::{rows, upload};
use crate::on_both;
use crate::support::TestApp;
use posthouse::backup::{self, Damaged};
use posthouse::base::clock::Clock;
use serde_json::json;
use std::path::{Path, PathBuf};

const FIVE: &str = "address,display_name,password,imap_host,smtp_host";
/// What every password of this file has in it.
const MARK: &[u8] = b"SECRET";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The files below a folder that hold this.
fn holding(folder: &Path, what: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(what.len()).any(|bytes| bytes == what);
    files(folder).into_iter().filter(holds).collect()
}

on_both! {
    async fn a_password_that_slipped_out_of_its_column_is_neither_kept_nor_shown(engine) {
        let t = TestApp::start(engine).await;
        let mut api = t.owner().await;
        let two = "address,password";
        // The file, what its first row keeps as address, and words of what is told.
        let slipped = [
            (format!("{FIVE}\nx@lab.test,Smith, Ann,SECRET77,imap.b.test,smtp.b.test\n"), "", "more cells"),
            (format!("{FIVE}\nx@lab.test,SECRET77,imap.b.test,smtp.b.test\n"), "", "fewer cells"),
            (format!("{two}\na@b.test;SECRETseven\n"), "", "fewer cells"),
            (format!("{two}\n\"a@b.test;SECRETseven\",\n"), "a@b.test", "not an email address"),
            (format!("{two}\nb@c.test SECRETeight,\n"), "b@c.test", "space"),
            (format!("{two}\n\"a1@b.test,SECRETone\n\",SECRETtwo\n"), "a1@b.test", "not an email address"),
            (format!("{two}\n\"a1@b.test,SECRETone\na2@b.test\",SECRETtwo\n"), "", "several lines"),
            (format!("{FIVE}\nx@lab.test,Smith, Ann,SECRETFour1,none\n"), "x@lab.test", "name of the server"),
            (format!("{FIVE}\nx@lab.test,Smith, Ann,SECRET.Four1,none\n"), "x@lab.test", "name of the server"),
            ("address,display_name,password,imap_port\nx@lab.test,Smith, Ann,SECRET5".into(), "x@lab.test", "A port is a number"),
        ];
        for (file, address, told) in &slipped {
            let sent = upload(&mut api, file.as_bytes()).await;
            let run = sent.expect(201);
            let id = run["id"].as_str().unwrap();
            let found = rows(&mut api, id).await;
            assert_eq!((found.len(), &found[0]["state"], &found[0]["line"]), (1, &json!("invalid"), &json!(2)), "{file}: {found:?}");
            assert_eq!((&found[0]["address"], &found[0]["display_name"]), (&json!(address), &json!("")), "{file}");
            assert!(found[0]["problems"].to_string().contains(told), "{file}: {found:?}");
            let start = json!({ "mode": "test", "rows": "all" });
            api.post(&format!("/accounts/imports/{id}/start"), &start).await.problem(409, "import_nothing_left");
            let failed = api.get(&format!("/accounts/imports/{id}/failed.csv")).await.text;
            assert!(!address.is_empty() || failed.contains("Line 2: "), "{failed}");
            let list = api.get("/accounts/imports").await.expect(200);
            for shown in [run.to_string(), json!(found).to_string(), failed, list.to_string()] {
                assert!(!shown.contains("SECRET"), "{file}: {shown}");
            }
            assert_eq!(api.delete(&format!("/accounts/imports/{id}"), &json!({})).await.status, 204);
        }
        let refused = [
            (format!("{two}\n\"a1@b.test,SECRETone\na2@b.test,SECRETtwo\n"), "line 2 begins with a quote"),
            (format!("{two}\na0@b.test,p\na1@b.test,\"SECRETone\na2@b.test,SECRETtwo\n"), "line 3 begins with a quote"),
            ("a@b.test,SECRET12\nb@b.test,SECRET13\n".into(), "It has 2 columns"),
            ("[{\"address\":\"a@b.test\",\"password\":\"SECRET12\"}]".into(), "It has 2 columns"),
            ("[\n{\"address\": \"a@b.test\",\n\"password\": \"SECRET12\"}]".into(), "\"address\""),
        ];
        for (file, told) in &refused {
            let answer = upload(&mut api, file.as_bytes()).await;
            let text = answer.text.clone();
            let detail = answer.problem(422, "validation_failed").to_string().replace("\\\"", "\"");
            assert!(detail.contains(told), "{file}: {detail}");
            assert!(!text.contains("SECRET"), "{file}: {text}");
        }
        // What is kept is found in the same places.
        let kept = format!("{two},display_name\na@b.test,SECRETkept,Found everywhere\n");
        upload(&mut api, kept.as_bytes()).await.expect(201);
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("backup");
        backup::make(&t.app().config, &Clock::system(), &copy, Damaged::Refused).await.unwrap();
        assert!(!holding(&copy, b"Found everywhere").is_empty());
        assert_eq!(holding(&copy, MARK), Vec::<PathBuf>::new());
        let data = &t.app().config.data_dir;
        if t.app().config.database_url.is_none() {
            assert!(!holding(data, b"Found everywhere").is_empty());
        }
        assert_eq!(holding(data, MARK), Vec::<PathBuf>::new());
        t.stop().await;
    }
}
