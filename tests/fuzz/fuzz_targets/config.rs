//! Coverage-guided runs of the target `config` of `tests/fuzz/targets.rs`.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::named("config")(bytes);
});
