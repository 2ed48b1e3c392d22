use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::Lab;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::command::{DEADLINE, Running, lastword, run};

#[test]
fn every_case_is_as_documented_and_none_is_skipped_where_labs_can_be_built() {
    let ended = run(&["cases", "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    let cases = report["cases"].as_array().unwrap();
    let ids: Vec<_> = cases
        .iter()
        .map(|case| case["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, IDS);
    for case in cases {
        let outage = case["id"].as_str().unwrap().starts_with("S1");
        match Lab::available() {
            Err(skip) if outage => {
                assert_eq!(case["skipped"], skip.to_string(), "{case:#}");
                assert_eq!(case["ok"], Value::Null, "{case:#}");
                skip.report(&format!("cases {}", case["id"])).unwrap();
            }
            _ => assert_as_documented(case),
        }
    }
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

fn assert_as_documented(case: &Value) {
    assert_eq!(case["ok"], true, "{case:#}");
    assert_eq!(case["skipped"], Value::Null, "{case:#}");
    assert_eq!(case["observed_cause"], case["expected_cause"], "{case:#}");
    assert_eq!(case["windows_measured"], false, "{case:#}");
    assert!(
        case["title"].is_string() && case["recv"].is_string(),
        "{case:#}"
    );
    let [sent, delivered] = ["sent_bytes", "delivered_bytes"].map(|key| case[key].as_u64());
    let (sent, delivered) = (sent.expect("a count"), delivered.expect("a count"));
    let id = case["id"].as_str().unwrap();
    if ["S3ii", "S4ii", "C3"].contains(&id) {
        assert!(0 < delivered && delivered < sent, "{case:#}");
    } else {
        assert_eq!(delivered, sent, "{case:#}");
    }
    let causes = match id {
        "S1a" | "S1b" | "S1c" => ["path_dead"; 2],
        "S1d" => ["reset_after_outage"; 2],
        "S2" | "S3i" => ["peer_fin"; 2],
        "S4i" => ["peer_fin", "peer_fin_mid_frame"],
        "S3ii" | "S4ii" | "C3" => ["peer_reset", "peer_reset_mid_frame"],
        "S5" | "C1" | "C2" => ["peer_closed_while_sending"; 2],
        _ => ["peer_goodbye"; 2],
    };
    assert!(
        causes.contains(&case["observed_cause"].as_str().unwrap()),
        "{case:#}"
    );
}

#[test]
fn the_report_for_people_fits_in_100_columns() {
    let ended = run(&["cases"]);
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (Some(0), ""),
        "{}",
        ended.stdout
    );
    let mut lines = ended.stdout.lines();
    assert!(
        lines.all(|line| line.chars().count() <= 100),
        "{}",
        ended.stdout
    );
    let last = ended.stdout.lines().last().unwrap();
    assert!(last.starts_with("14 rows: "), "{last}");
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let (stdout, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let mut command = lastword(&["cases"]);
    command.stdout(Stdio::from(OwnedFd::from(stdout)));
    let ended = Running::start(command).0.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_signal_ends_it_at_once_and_leaves_no_process_behind() {
    let (process, _stdout) = Running::start(lastword(&["cases"]));
    let mut started = BTreeSet::new();
    let start = Instant::now();
    // At least one process outside the labs, and those inside where labs exist. They come and go.
    let enough = if Lab::available().is_ok() { 5 } else { 1 };
    while started.len() < enough {
        assert!(start.elapsed() < DEADLINE, "{started:?}");
        started = descendants(process.pid());
    }
    process.signal(Signal::SIGINT);
    let told = Instant::now();
    let ended = process.end();
    assert!(
        told.elapsed() < Duration::from_secs(1),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        ended.stderr,
        "lastword: SIGINT: the cases did not run to their end\n"
    );
    while let Some(left) = started.iter().find(|pid| is_running(**pid)) {
        assert!(told.elapsed() < DEADLINE, "{left} is still there");
        thread::yield_now();
    }
}

/// All descendants of this process, in every namespace.
fn descendants(of: i32) -> BTreeSet<i32> {
    let (mut found, mut next) = (BTreeSet::new(), vec![of]);
    while let Some(pid) = next.pop() {
        let children: Vec<_> = threads(pid)
            .iter()
            .flat_map(|thread| {
                let children = fs::read_to_string(format!("{thread}/children"));
                children
                    .unwrap_or_default()
                    .split_whitespace()
                    .map(|pid| pid.parse().unwrap())
                    .collect::<Vec<i32>>()
            })
            .collect();
        found.extend(&children);
        next.extend(children);
    }
    found
}

fn threads(pid: i32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads
        .map(|thread| thread.path().display().to_string())
        .collect()
}

/// A zombie, which its parent has not waited for yet, no longer runs.
fn is_running(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

const IDS: [&str; 14] = [
    "S1a", "S1b", "S1c", "S1d", "S2", "S3i", "S3ii", "S4i", "S4ii", "S5", "C1", "C2", "C3", "C3+",
];
