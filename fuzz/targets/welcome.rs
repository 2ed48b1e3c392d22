//! libFuzzer's entry to [`lastword_fuzz::welcome`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::welcome::run(data));
