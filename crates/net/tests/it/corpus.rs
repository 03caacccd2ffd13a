//! The kept inputs of `make fuzz`, replayed through the same checks (`fuzz/src`).

#[path = "../../../../fuzz/src/submission.rs"]
mod checks;
#[path = "../../../../fuzz/src/published.rs"]
mod published;
#[path = "../../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_of_smtp_reply_holds() {
    replay("smtp_reply", checks::smtp_reply);
}

#[test]
fn the_corpus_of_published_holds() {
    replay("published", published::published);
}
