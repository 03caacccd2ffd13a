//! The kept inputs of `make fuzz`, replayed through the same checks (`fuzz/src`).

#![cfg(test)]

#[path = "../../../fuzz/src/mail.rs"]
mod checks;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_of_mail_headers_holds() {
    replay("mail_headers", checks::mail_headers);
}

#[test]
fn the_corpus_of_mail_mime_holds() {
    replay("mail_mime", checks::mail_mime);
}

#[test]
fn the_corpus_of_html_in_holds() {
    replay("html_in", checks::html_in);
}

#[test]
fn the_corpus_of_addresses_holds() {
    replay("addresses", checks::addresses);
}

#[test]
fn the_corpus_of_compose_holds() {
    replay("compose", checks::compose);
}

#[test]
fn the_corpus_of_terms_holds() {
    replay("terms", checks::terms);
}
