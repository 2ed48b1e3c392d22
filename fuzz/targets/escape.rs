//! libFuzzer's entry to [`lastword_fuzz::escape`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::escape::run(data));
