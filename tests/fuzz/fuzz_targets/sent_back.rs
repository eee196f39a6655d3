//! Coverage-guided runs of the target `sent_back` of `tests/fuzz/targets.rs`.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::named("sent_back")(bytes);
});
