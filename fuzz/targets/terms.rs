//! Fuzz target; what must hold is in `checks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::mail::terms(input));
