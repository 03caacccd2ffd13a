//! The kept inputs of `make fuzz`, replayed through the same checks (`fuzz/src`).

#![cfg(test)]

#[path = "../../../fuzz/src/sasl.rs"]
mod checks;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn the_corpus_of_sasl_challenge_holds() {
    replay("sasl_challenge", checks::sasl_challenge);
}
