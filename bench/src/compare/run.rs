//! One run: a new server and a new load generator, each on its own core, and the server's CPU time meanwhile.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use super::{Compare, Shape};
use crate::process::{self, Process};
use crate::report::Report;
use crate::subject::{Server, Subject};

/// The result of one run.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Run {
    pub(super) messages: u64,
    pub(super) seconds: f64,
    pub(super) server_cpu_seconds: f64,
}

impl Run {
    pub(super) fn cpu_seconds_per_million(&self) -> f64 {
        self.server_cpu_seconds / self.messages as f64 * 1e6
    }
}

/// A server and a load generator whose connections are open and warm.
pub(super) struct Ready {
    /// Stands before the server, so it is dropped first: it must not see the server's end and report it as an error.
    load: Process,
    pub(super) server: Server,
    timeout: Duration,
}

impl Ready {
    pub(super) fn start(compare: &Compare, subject: Subject, shape: Shape) -> Result<Self> {
        let server = subject.start(compare.server_core)?;
        let arguments = [
            server.addr.clone(),
            String::from("--controlled"),
            format!("--connections={}", shape.connections),
            format!("--depth={}", shape.depth),
            format!("--payload-bytes={}", shape.payload_bytes),
            format!("--seconds={}", compare.seconds),
        ];
        let arguments = [&arguments[..], &subject.wire()].concat();
        let load = Process::spawn(&process::path_of("load")?, &arguments, compare.load_core)?;
        load.wait_until_ready(OPEN_TIMEOUT)?;
        let timeout = Duration::try_from_secs_f64(compare.seconds)? + IN_FLIGHT_TIMEOUT;
        Ok(Self {
            server,
            load,
            timeout,
        })
    }

    /// Runs the measured part.
    pub(super) fn run(&mut self) -> Result<Run> {
        let before = self.server.process.cpu_time()?;
        self.load.go()?;
        let report = self.load.wait_for_report(self.timeout)?;
        let cpu_time = self.server.process.cpu_time()?.saturating_sub(before);
        let Report::Done { messages, seconds } = report else {
            bail!("the load generator reports {report:?} instead of its result");
        };
        Ok(Run {
            messages,
            seconds,
            server_cpu_seconds: cpu_time.as_secs_f64(),
        })
    }
}

const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_counted_per_million_messages() {
        let run = Run {
            messages: 500_000,
            seconds: 2.0,
            server_cpu_seconds: 1.5,
        };
        assert_eq!(run.cpu_seconds_per_million(), 3.0);
    }
}
