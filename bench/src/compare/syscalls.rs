//! System calls per message, counted by strace. Runs under strace are slow, so CPU time is never taken from them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;
use serde::Serialize;

use super::run::Ready;
use super::table::{Table, number};
use super::{Compare, Shape};
use crate::process::Process;
use crate::subject::Subject;

/// How many system calls one subject made with one shape.
#[derive(Debug, Serialize)]
pub(super) struct Syscalls {
    shape: Shape,
    subject: Subject,
    messages: u64,
    calls: u64,
}

/// Runs each subject with each shape once.
pub(super) fn measure(compare: &Compare) -> Result<Vec<Syscalls>> {
    let mut results = Vec::new();
    for shape in &compare.shapes {
        for subject in &compare.subjects {
            let counted = count(compare, *subject, *shape);
            results.push(counted.with_context(|| format!("{subject} with {shape}"))?);
        }
    }
    Ok(results)
}

/// Shows all counts as one table.
pub(super) fn table(results: &[Syscalls]) -> Table {
    let names = ["connections x depth x bytes", "subject"];
    let mut table = Table::new(names, ["system calls per message", "messages"]);
    for result in results {
        let per_message = result.calls as f64 / result.messages as f64;
        table.row(
            [result.shape.to_string(), result.subject.to_string()],
            [number(Some(per_message), 3), result.messages.to_string()],
        );
    }
    table
}

fn count(compare: &Compare, subject: Subject, shape: Shape) -> Result<Syscalls> {
    let mut ready = Ready::start(compare, subject, shape)?;
    let pid = ready.server.process.pid()?;
    let arguments = [
        "-q",
        "-f",
        "-c",
        "-o",
        "/dev/stdout",
        "-p",
        &pid.to_string(),
    ]
    .map(String::from);
    let strace = Process::spawn(Path::new("strace"), &arguments, compare.load_core)?;
    wait_until_traced(pid)?;
    let run = ready.run()?;
    strace.interrupt()?;
    Ok(Syscalls {
        shape,
        subject,
        messages: run.messages,
        calls: total(&strace)?,
    })
}

/// Waits until every thread has a tracer.
fn wait_until_traced(pid: Pid) -> Result<()> {
    let deadline = Instant::now() + ATTACH_TIMEOUT;
    while !is_traced(pid)? {
        ensure!(Instant::now() < deadline, "strace does not attach");
        thread::sleep(ATTACH_STEP);
    }
    Ok(())
}

fn is_traced(pid: Pid) -> Result<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        if status
            .lines()
            .any(|line| line.trim_end() == "TracerPid:\t0")
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds up the lines that strace prints when it is interrupted, one per system call, up to strace's own total.
fn total(strace: &Process) -> Result<u64> {
    let mut calls = 0;
    loop {
        let line = strace.wait_for_line(SUMMARY_TIMEOUT)?;
        if line.ends_with(" total") {
            return Ok(calls);
        }
        calls += calls_in(&line).unwrap_or(0);
    }
}

/// Reads the calls out of `% time, seconds, usecs/call, calls, errors, syscall`.
fn calls_in(line: &str) -> Option<u64> {
    line.split_whitespace().nth(3)?.parse().ok()
}

const ATTACH_STEP: Duration = Duration::from_millis(5);
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);
const SUMMARY_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_the_lines_that_have_them() {
        assert_eq!(
            calls_in(" 51.55    0.123456          12     10288           sendto"),
            Some(10_288)
        );
        assert_eq!(
            calls_in(" 10.01    0.023456          12      1028       17 recvfrom"),
            Some(1028)
        );
        assert_eq!(
            calls_in("% time     seconds  usecs/call     calls    errors syscall"),
            None
        );
        assert_eq!(
            calls_in("------ ----------- ----------- --------- --------- -------"),
            None
        );
    }
}
