//! libFuzzer's entry to [`lastword_fuzz::hosts`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::hosts::run(data));
