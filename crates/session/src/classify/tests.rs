//! The classifier on plain data from every system: the kernel's procedure, the codes, the precedence and the laws.

mod codes;
mod give_up;
mod laws;
mod precedence;
mod procedure;

use std::io::ErrorKind;

use super::classify;
use crate::{Call, Cause, FirstError, KernelSample, Observation, OsError, Phase, System, Terminal};

const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;

/// One observation and its expected cause.
struct Row {
    name: &'static str,
    seen: Observation,
    expected: Cause,
}

fn row(name: &'static str, seen: Observation, expected: Cause) -> Row {
    Row {
        name,
        seen,
        expected,
    }
}

#[track_caller]
fn check(rows: &[Row]) {
    for row in rows {
        assert_eq!(classify(&row.seen), row.expected, "{}", row.name);
    }
}

/// A live connection that has read something, ended by a read of 0. Nothing else is known of it.
fn seen(system: System) -> Observation {
    Observation {
        system,
        phase: Phase::Live,
        has_spoken: true,
        drain_notice_written: false,
        mid_frame: false,
        close_notify_missing: false,
        terminal: Terminal::Eof,
        first_error: None,
        fin: None,
        shut: false,
        refused_bytes: 0,
        kernel: None,
        own_fault: None,
    }
}

/// A peer that closed in order, on Linux.
fn fin() -> Observation {
    seen(System::Linux).fin(true).kernel(sample(CLOSE_WAIT))
}

/// A reset that a read met, on Linux.
fn reset() -> Observation {
    seen(System::Linux)
        .fin(false)
        .failed(Call::Read, 104)
        .kernel(sample(CLOSE))
}

/// A socket that died on Linux. A call that did not record the error consumed it.
fn dead(kernel: KernelSample) -> Observation {
    seen(System::Linux).fin(false).kernel(kernel)
}

/// Each method returns the observation with the change that its name says.
impl Observation {
    fn fin(self, bit: bool) -> Self {
        Self {
            fin: Some(bit),
            ..self
        }
    }

    fn kernel(self, kernel: KernelSample) -> Self {
        Self {
            kernel: Some(kernel),
            ..self
        }
    }

    fn phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    fn open(self) -> Self {
        Self {
            terminal: Terminal::Open,
            ..self
        }
    }

    fn mid_frame(self) -> Self {
        Self {
            mid_frame: true,
            ..self
        }
    }

    fn drain_notice(self) -> Self {
        Self {
            drain_notice_written: true,
            ..self
        }
    }

    fn refused(self, refused_bytes: u64) -> Self {
        Self {
            refused_bytes,
            ..self
        }
    }

    fn nothing_read(self) -> Self {
        Self {
            has_spoken: false,
            ..self
        }
    }

    /// The first error; where a read met it, it also ended reading.
    fn failed(self, call: Call, code: i32) -> Self {
        self.failed_with(call, os_error(code))
    }

    fn failed_with(self, call: Call, error: OsError) -> Self {
        Self {
            first_error: Some(FirstError { call, error }),
            terminal: match call {
                Call::Read => Terminal::Error(error),
                Call::Write | Call::Shutdown => self.terminal,
            },
            ..self
        }
    }
}

/// An error of any system. Only `EPIPE` and a Windows trap have their kind here; all other codes have `Other`.
fn os_error(code: i32) -> OsError {
    let kind = match code {
        32 => ErrorKind::BrokenPipe,
        // On Windows std maps our own cancellation to this kind, which is a trap.
        995 => ErrorKind::TimedOut,
        _ => ErrorKind::Other,
    };
    OsError {
        code: Some(code),
        kind,
    }
}

fn kind_only(kind: ErrorKind) -> OsError {
    OsError { code: None, kind }
}

/// The kernel's view of a connection with an open window and nothing outstanding.
fn sample(state: u8) -> KernelSample {
    KernelSample {
        state,
        snd_wnd: Some(65_536),
        ..KernelSample::default()
    }
}

/// 100 bytes were sent and never acknowledged; the kernel sent them again three times.
fn unacknowledged() -> KernelSample {
    KernelSample {
        retransmits: 3,
        outq: 100,
        bytes_retrans: Some(300),
        ..sample(CLOSE)
    }
}

/// The same sample with probes that went unanswered.
fn probed(sample: KernelSample) -> KernelSample {
    KernelSample {
        probes: 3,
        ..sample
    }
}
