//! A peer in a process of its own, which can exit and be killed. It carries out one order at a time. Linux only, since
//! it asks the kernel for the state of its socket.

mod child;
mod order;
mod stream;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Process, ProcessError};
pub use child::carry_out_orders;
use order::Reply;
pub use order::{Done, Order};
pub use stream::{FRAME, hello, payload, welcome, whole_frames};

/// The other end of a connection. The process ends when this value is dropped.
#[derive(Debug)]
pub struct Peer(Process);

/// Why a peer did not carry out an order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The process cannot be used.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The process did not answer.
    #[error("the other process does not answer within {PATIENCE:?}")]
    Silent,
    /// The process could not do it.
    #[error("the other process failed: {0}")]
    Failed(String),
    /// The order has another answer.
    #[error("the other process answered with {0:?}, which is no answer to its order")]
    OtherAnswer(Done),
    /// The process could not be watched, or did not end.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Peer {
    /// Starts the process with `spawn`. The command must call [`carry_out_orders`].
    ///
    /// # Errors
    /// The process does not start.
    pub fn start(
        command: Command,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> Result<Self, PeerError> {
        Ok(Self(Process::start(command, spawn)?))
    }

    /// Lets the process listen, and returns its address.
    ///
    /// # Errors
    /// It does not listen.
    pub fn listen(&mut self) -> Result<SocketAddr, PeerError> {
        match self.ask(Order::Listen)? {
            Done::Listening(addr) => Ok(addr),
            other @ (Done::Plain | Done::Sent(_)) => Err(PeerError::OtherAnswer(other)),
        }
    }

    /// Gives an order and does not wait for the answer.
    ///
    /// # Errors
    /// The process has ended.
    pub fn tell(&mut self, order: Order) -> Result<(), PeerError> {
        Ok(self.0.tell(&order)?)
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// There is none, or the process could not do what it was told.
    pub fn hear(&mut self) -> Result<Done, PeerError> {
        let reply: Option<Reply> = self.0.hear(PATIENCE)?;
        reply.ok_or(PeerError::Silent)?.map_err(PeerError::Failed)
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub fn ask(&mut self, order: Order) -> Result<Done, PeerError> {
        self.tell(order)?;
        self.hear()
    }

    /// Gives an order whose answer has the bytes of the stream sent so far.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub fn ask_bytes(&mut self, order: Order) -> Result<u64, PeerError> {
        self.tell(order)?;
        self.hear_bytes()
    }

    /// Waits for an answer that has the bytes of the stream sent so far.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub fn hear_bytes(&mut self) -> Result<u64, PeerError> {
        match self.hear()? {
            Done::Sent(bytes) => Ok(bytes),
            other @ (Done::Plain | Done::Listening(_)) => Err(PeerError::OtherAnswer(other)),
        }
    }

    /// Lets the process exit without closing, and waits until it is gone.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn exit(&mut self) -> Result<(), PeerError> {
        self.tell(Order::Exit)?;
        Ok(until("the other process is gone", || self.0.is_gone())?)
    }

    /// Waits until the process is inside a call that does not return.
    ///
    /// # Errors
    /// It is not blocked in time.
    pub fn until_blocked(&self) -> Result<(), PeerError> {
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
    pub fn kill(&mut self) -> Result<(), PeerError> {
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
