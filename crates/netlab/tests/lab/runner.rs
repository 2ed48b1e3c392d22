//! Running bodies: how a test fails, how it is skipped, and what remains of it.

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic;
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::{Host, Lab, run};

use crate::pair::TIMEOUT;

#[test]
fn a_child_process_dies_with_the_test() {
    let start = Instant::now();
    run(|lab| {
        // The child holds the standard error that `run` reads to its end.
        lab.spawn(Host::Client, Command::new("sleep").arg("20"))?;
        Ok(())
    });
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "the child outlived its test"
    );
}

#[test]
fn nothing_outlives_a_test_that_is_killed() {
    if let Err(skip) = Lab::available() {
        skip.report("runner::nothing_outlives_a_test_that_is_killed")
            .unwrap();
        return;
    }
    let path = env::temp_dir().join(format!("netlab-killed-{}", process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let mut harness = Command::new(env::current_exe().unwrap())
        .args(["--exact", "runner::holds_a_line_until_it_is_killed"])
        .args(["--include-ignored", "--nocapture"])
        .env(LINE, &path)
        .spawn()
        .unwrap();
    let (mut line, _) = listener.accept().unwrap();
    fs::remove_file(&path).unwrap();
    line.set_read_timeout(Some(TIMEOUT)).unwrap();
    line.read_exact(&mut [0]).unwrap();
    harness.kill().unwrap();
    harness.wait().unwrap();
    // The end comes when the last process that holds the line has ended.
    assert_eq!(line.read(&mut [0]).unwrap(), 0);
}

#[test]
#[ignore = "a part of the test that kills it"]
fn holds_a_line_until_it_is_killed() {
    run(|lab| {
        let Some(path) = env::var_os(LINE) else {
            return Ok(());
        };
        let mut line = UnixStream::connect(path)?;
        let mut sleep = Command::new("sleep");
        sleep.arg("1000").stdin(OwnedFd::from(line.try_clone()?));
        let mut child = lab.spawn(Host::Client, &mut sleep)?;
        line.write_all(b".")?;
        child.wait()?;
        Ok(())
    });
}

#[test]
fn a_body_that_returns_an_error_fails_its_test() {
    let verdict = panic::catch_unwind(|| run(|_| Err("returned on purpose".into())));
    assert_failed(verdict, "returned on purpose");
}

#[test]
fn a_body_that_panics_fails_its_test() {
    let verdict = panic::catch_unwind(|| {
        run(|lab| Ok(lab.on(Host::Client, || panic!("panicked on purpose"))?))
    });
    assert_failed(verdict, "panicked on purpose");
}

#[test]
fn a_second_run_in_one_test_is_refused() {
    run(|_| Ok(()));
    let verdict = panic::catch_unwind(|| run(|_| Err("never executed".into())));
    assert_failed(verdict, "calls `run` twice");
}

#[test]
fn a_test_that_cannot_run_says_so_and_why() {
    let test = "hosts::bytes_cross_the_router_and_come_back";
    let file = env::temp_dir().join(format!("netlab-skips-{}", process::id()));
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .env("PATH", "/nonexistent")
        .env("LASTWORD_SKIPS", &file)
        .output()
        .unwrap();
    let recorded = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let line = format!(
        "skipped: {test}: no network lab here: setpriv: No such file or directory (os error 2)\n"
    );
    assert!(output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains(&line),
        "{output:?}"
    );
    assert_eq!(recorded, line);
}

fn assert_failed(verdict: thread::Result<()>, message: &str) {
    let Err(payload) = verdict else {
        assert!(Lab::available().is_err(), "the test passed");
        return;
    };
    let printed = payload.downcast_ref().map_or("", String::as_str);
    assert!(printed.contains(message), "{printed}");
}

/// Names the socket of the line that a killed test holds open.
const LINE: &str = "NETLAB_TEST_LINE";
