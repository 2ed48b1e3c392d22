//! libFuzzer's entry to [`lastword_fuzz::queries`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::queries::run(data));
