//! Coverage-guided runs of the target `letter_proof` of `tests/fuzz/targets.rs`.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::named("letter_proof")(bytes);
});
