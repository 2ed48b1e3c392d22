//! libFuzzer's entry to [`lastword_fuzz::notice`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::notice::run(data));
