//! libFuzzer's entry to [`lastword_fuzz::proxy_header`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::proxy_header::run(data));
