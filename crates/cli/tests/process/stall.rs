use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::command::{DEADLINE, serve};
use crate::metrics::shown;

#[test]
fn a_server_that_was_stopped_says_for_how_long_and_how_late_it_was() {
    let serving = serve(&[]);
    let admin = serving.admin.unwrap();
    let stalled = || shown(admin, "lastword_local_stall_seconds_total");
    let before = stalled();
    let begun = Instant::now();
    serving.process.signal(Signal::SIGSTOP);
    // This sleep is the stall that the server must measure.
    thread::sleep(Duration::from_millis(2_300));
    serving.process.signal(Signal::SIGCONT);
    let stopped = begun.elapsed().as_secs_f64();
    // A scrape may be answered before the late sweep has run.
    while stalled() < before + 2.0 {
        assert!(begun.elapsed() < DEADLINE, "{}", stalled());
    }
    let lag = shown(admin, "lastword_runtime_lag_seconds");
    assert!((2.199..=stopped).contains(&lag), "{lag} of {stopped}");
}
