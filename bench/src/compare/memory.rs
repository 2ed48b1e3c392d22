//! User memory per idle session: the growth of the server's private memory when more sessions connect.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::Compare;
use super::table::{Table, number};
use crate::process::{self, Process};
use crate::subject::{Server, Subject};

/// The memory that idle sessions cost one subject.
#[derive(Debug, Serialize)]
pub(super) struct Size {
    subject: Subject,
    sessions: u32,
    private_bytes_before: u64,
    private_bytes_after: u64,
    bytes_per_session: f64,
}

/// Measures each subject once: a process's memory does not vary as its CPU time does.
pub(super) fn measure(compare: &Compare, open_files_max: u64) -> Result<Vec<Size>> {
    let needed = u64::from(compare.sessions + WARM_SESSIONS) + OTHER_FILES;
    ensure!(compare.sessions > 0, "no session has no size");
    ensure!(
        needed <= open_files_max,
        "{needed} open files are needed, {open_files_max} allowed"
    );
    let size =
        |subject: &Subject| size_of_session(compare, *subject).with_context(|| subject.to_string());
    compare.subjects.iter().map(size).collect()
}

/// Shows all sizes as one table.
pub(super) fn table(sizes: &[Size]) -> Table {
    let mut table = Table::new(["subject"], ["idle sessions", "user bytes per session"]);
    for size in sizes {
        table.row(
            [size.subject.to_string()],
            [
                size.sessions.to_string(),
                number(Some(size.bytes_per_session), 0),
            ],
        );
    }
    table
}

fn size_of_session(compare: &Compare, subject: Subject) -> Result<Size> {
    let settle = Duration::try_from_secs_f64(compare.settle_seconds)?;
    let server = subject.start(compare.server_core)?;
    // Memory that the first sessions touch (code, shared buffers, the allocator's arenas) belongs to no single session.
    let warm = idle_sessions(compare, &server, subject, WARM_SESSIONS)?;
    thread::sleep(settle);
    let before = private_bytes(&server)?;
    let measured = idle_sessions(compare, &server, subject, compare.sessions)?;
    thread::sleep(settle);
    let after = private_bytes(&server)?;
    drop((warm, measured));
    let grown = after.saturating_sub(before) as f64;
    Ok(Size {
        subject,
        sessions: compare.sessions,
        private_bytes_before: before,
        private_bytes_after: after,
        bytes_per_session: grown / f64::from(compare.sessions),
    })
}

fn idle_sessions(
    compare: &Compare,
    server: &Server,
    subject: Subject,
    sessions: u32,
) -> Result<Process> {
    let arguments = [
        server.addr.clone(),
        String::from("--idle"),
        String::from("--controlled"),
        format!("--connections={sessions}"),
        String::from("--depth=1"),
        format!("--seconds={IDLE_SECONDS_MAX}"),
    ];
    let arguments = [&arguments[..], &subject.wire()].concat();
    let load = Process::spawn(&process::path_of("load")?, &arguments, compare.load_core)?;
    load.wait_until_ready(OPEN_TIMEOUT)?;
    Ok(load)
}

/// Memory that belongs to this process alone: the part that grows with more sessions.
pub(super) fn private_bytes(server: &Server) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", server.process.pid()?))?;
    private_kib(&rollup)
        .map(|kib| kib * 1024)
        .context("smaps_rollup has no private memory")
}

fn private_kib(rollup: &str) -> Option<u64> {
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':')
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    };
    Some(field("Private_Clean")? + field("Private_Dirty")?)
}

const WARM_SESSIONS: u32 = 500;
const OTHER_FILES: u64 = 100;
const IDLE_SECONDS_MAX: u32 = 600;
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_is_clean_and_dirty_together() {
        let rollup =
            "Rss:  900 kB\nShared_Clean: 7 kB\nPrivate_Clean:   12 kB\nPrivate_Dirty:  300 kB\n";
        assert_eq!(private_kib(rollup), Some(312));
        assert_eq!(private_kib("Rss: 900 kB\n"), None);
    }
}
