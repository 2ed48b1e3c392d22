//! A peer in a process of its own, which can exit and be killed. It carries out one order at a time. Orders that wait
//! for a state of the kernel ([`Order::Fill`], [`Order::Settle`], [`Order::Shut`]) fail on other systems than Linux.

mod child;
mod order;
mod stream;

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Process, ProcessError};
pub use child::carry_out_orders;
pub use order::{Done, Order};
pub use stream::{FRAME, hello, payload, welcome, whole_frames};

/// The other end of a connection. The process ends when this value is dropped.
#[derive(Debug)]
pub struct Peer(Process);

impl Peer {
    /// Starts the process with `spawn`. The command must call [`carry_out_orders`].
    ///
    /// # Errors
    /// The process does not start.
    pub fn start(
        command: Command,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Self, ProcessError> {
        Ok(Self(Process::start(command, spawn)?))
    }

    /// Gives an order and does not wait for the answer.
    ///
    /// # Errors
    /// The process has ended.
    pub fn tell(&mut self, order: Order) -> Result<(), ProcessError> {
        self.0.tell(&order)
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// There is no answer, or the process could not carry out the order.
    pub fn hear(&mut self) -> Result<Done, ProcessError> {
        let done = self.0.hear(PATIENCE)?;
        done.ok_or(ProcessError::Silent(PATIENCE))
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub fn ask(&mut self, order: Order) -> Result<Done, ProcessError> {
        self.tell(order)?;
        self.hear()
    }

    /// Lets the process exit without closing, and waits until it is gone.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn exit(&mut self) -> Result<(), ProcessError> {
        self.tell(Order::Exit)?;
        Ok(until("the other process is gone", || self.0.is_gone())?)
    }

    /// Waits until the process is inside a call that does not return.
    ///
    /// # Errors
    /// It is not blocked in time.
    pub fn until_blocked(&self) -> Result<(), ProcessError> {
        let stat = format!("/proc/{}/stat", self.0.id());
        Ok(until("the other process is blocked", || {
            // `pid (name) state …`
            let stat = fs::read_to_string(&stat)?;
            Ok(stat
                .rsplit_once(") ")
                .is_some_and(|(_, fields)| fields.starts_with('S')))
        })?)
    }

    /// Kills the process with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        Ok(self.0.kill()?)
    }
}

/// Waits until `ready` returns true, for states without a readiness event. It asks every millisecond.
///
/// # Errors
/// The error of `ready`, or [`io::ErrorKind::TimedOut`] after [`PATIENCE`].
pub fn until(what: &str, mut ready: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !ready()? {
        if Instant::now() >= deadline {
            let words = format!("did not happen within {PATIENCE:?}: {what}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// Longer than any successful step takes.
pub const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(1);
