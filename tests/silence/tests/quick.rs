//! A short form of the matrix for every `cargo test`: a few sessions per row, one profile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::process::Command;

use lastword_netlab::Lab;

#[test]
fn silences_are_told_apart() {
    if let Err(skip) = Lab::available() {
        return skip.report("silences_are_told_apart").unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_lastword-silence"))
        .args(["matrix", "--profile", "competitive", "--rto-max", "auto"])
        .args(["--trials", "5", "--rows", ROWS])
        .output()
        .expect("the command starts");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(
        output.status.success(),
        "{}\n{stdout}\n{stderr}",
        output.status
    );
    assert!(stdout.contains("50 trials, 0 wrong"), "{stdout}");
}

const ROWS: &str = "cut,ours-lost,theirs-lost,own-link-idle,own-link-busy,frozen-idle,v6-cut-busy,stopped-then-killed,\
    own-carrier-busy,v6-own-addresses-busy";
