//! libFuzzer's entry to [`lastword_fuzz::heartbeat`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::heartbeat::run(data));
