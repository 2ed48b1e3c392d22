//! libFuzzer's entry to [`lastword_fuzz::dialect`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::dialect::run(data));
