//! The kept inputs of `make fuzz`, replayed through the same checks (`fuzz/src`).

#![cfg(test)]

#[path = "../../../fuzz/src/imap.rs"]
mod checks;

/// Runs a check on each file of its corpus. A panic names the file.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 3, "the corpus of {target} is missing");
    for file in files {
        let input = std::fs::read(&file).unwrap();
        let result = std::panic::catch_unwind(|| check(&input));
        assert!(result.is_ok(), "{} breaks a rule of {target}", file.display());
    }
}

#[test]
fn the_corpus_of_imap_tree_holds() {
    replay("imap_tree", checks::imap_tree);
}

#[test]
fn the_corpus_of_imap_meaning_holds() {
    replay("imap_meaning", checks::imap_meaning);
}

#[test]
fn the_corpus_of_imap_session_holds() {
    replay("imap_session", checks::imap_session);
}
