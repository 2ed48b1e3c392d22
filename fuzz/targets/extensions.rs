//! libFuzzer's entry to [`lastword_fuzz::extensions`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::extensions::run(data));
