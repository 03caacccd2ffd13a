//! The invariants of ARCHITECTURE.md, as far as a look at the sources can keep them.

use std::path::{Path, PathBuf};

/// A file without its tests, at most.
const FILE_LINES: usize = 600;
/// The database's name may stand only there.
const SQLX: &str = "sqlx";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust file below a folder: its path from the root, and its text without the tests at its foot.
fn sources(dir: &str) -> Vec<(String, String)> {
    let mut out = vec![];
    let mut todo = vec![root().join(dir)];
    while let Some(at) = todo.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
                out.push((path.strip_prefix(root()).unwrap().display().to_string(), code));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn every_file_says_what_it_promises_and_stays_small() {
    for (path, code) in sources("crates") {
        let begins = code.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
        assert!(begins.starts_with("//!") || path.ends_with("build.rs"), "{path} does not begin with //!");
        assert!(code.lines().count() <= FILE_LINES, "{path} has {} lines", code.lines().count());
    }
}

#[test]
fn sql_stands_in_store_files_and_sqlx_in_one_crate() {
    for (path, code) in sources("crates/posthouse/src") {
        let may = path.ends_with("/store.rs") || path.ends_with("/list.rs");
        assert!(may || !code.contains("sql!("), "{path} has SQL");
        let named = code.lines().filter(|l| l.contains(SQLX) && !l.contains("extern crate db as sqlx")).count();
        assert_eq!(named, 0, "{path} names {SQLX}");
    }
}

#[test]
fn only_http_and_api_files_know_axum() {
    for (path, code) in sources("crates/posthouse/src") {
        let may = path.contains("/http/") || path.ends_with("/api.rs") || path.ends_with("/server.rs");
        assert!(may || !code.contains("axum::"), "{path} names axum");
    }
}

#[test]
fn store_functions_are_scoped() {
    for (path, code) in sources("crates/posthouse/src") {
        if !path.ends_with("/store.rs") || path.contains("/base/") {
            continue;
        }
        for function in code.split("pub async fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            assert!(head.contains("&Scope") || head.contains("&Instance"), "{path}: {head}");
        }
    }
}

#[test]
fn a_domain_uses_only_domains_above_it() {
    let library = std::fs::read_to_string(root().join("crates/posthouse/src/lib.rs")).unwrap();
    let order: Vec<&str> = library.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let frame = ["config", "base", "app", "http", "workers", "server"];
    let place = |name: &str| order.iter().position(|m| *m == name);
    for (path, code) in sources("crates/posthouse/src") {
        let mut parts = path.trim_start_matches("crates/posthouse/src/").split('/');
        let domain = parts.next().unwrap();
        if frame.contains(&domain) || domain.ends_with(".rs") {
            continue;
        }
        for used in code.split("crate::").skip(1) {
            let name = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            if let (Some(own), Some(other)) = (place(domain), place(name)) {
                assert!(other <= own || frame.contains(&name), "{path} uses {name}, which stands below it");
            }
        }
    }
}

#[test]
fn library_crates_know_nothing_of_the_product() {
    for name in ["mail", "imap", "net", "sasl", "db", "sandbox"] {
        let manifest = std::fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).unwrap();
        assert!(!manifest.contains("posthouse"), "{name} depends on the product");
        let sqlx = manifest.lines().any(|l| l.starts_with(SQLX));
        assert_eq!(sqlx, name == "db", "{name} and {SQLX}");
    }
    let manifest = std::fs::read_to_string(root().join("crates/mail/Cargo.toml")).unwrap();
    assert!(!manifest.contains("tokio"), "mail does no I/O");
}

#[test]
fn the_openapi_document_is_the_checked_in_one() {
    let fresh = posthouse::http::router::document().to_pretty_json().unwrap();
    let kept = std::fs::read_to_string(root().join("openapi.json")).unwrap();
    assert!(fresh.trim() == kept.trim(), "openapi.json is stale: run `make generate`");
}

/// Every `$ref` of a JSON value.
fn refs(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            out.extend(map.get("$ref").and_then(|r| r.as_str()).map(str::to_owned));
            map.values().for_each(|v| refs(v, out));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|v| refs(v, out)),
        _ => {}
    }
}

#[test]
fn the_openapi_document_is_sound() {
    let document: serde_json::Value =
        serde_json::from_str(&posthouse::http::router::document().to_json().unwrap()).unwrap();
    let mut named = vec![];
    refs(&document, &mut named);
    for name in named {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} is referred to, but not there");
    }
    let mut operations = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "{method} {path}: the operation id {id} is used twice");
            assert!(operation["description"].is_string() || operation["summary"].is_string(), "{method} {path}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for value in schema["enum"].as_array().into_iter().flatten() {
            let text = value.as_str().unwrap();
            let plain = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            assert!(plain, "{name}: {text} is not the text that is sent");
        }
    }
}
