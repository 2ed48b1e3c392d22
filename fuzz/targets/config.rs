//! libFuzzer's entry to [`lastword_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::config::run(data));
