//! libFuzzer's entry to [`lastword_fuzz::goodbye`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::goodbye::run(data));
