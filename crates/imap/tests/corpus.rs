//! The kept inputs of `make fuzz`, replayed through the same checks (`fuzz/src`).

#![cfg(test)]

#[path = "../../../fuzz/src/imap.rs"]
mod checks;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

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
