//! libFuzzer's entry to [`lastword_fuzz::machine`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::machine::run(data));
