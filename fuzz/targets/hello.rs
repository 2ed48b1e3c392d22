//! libFuzzer's entry to [`lastword_fuzz::hello`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::hello::run(data));
