//! libFuzzer's entry to [`lastword_fuzz::tls`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::tls::run(data));
