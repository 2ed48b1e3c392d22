//! What the other process of a row is told to do, one JSON line each, and what it answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One step of the other process. It takes each when the one before is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Connect, as a client does.
    Connect(SocketAddr),
    /// Say hello and read the welcome.
    Join,
    /// Listen on a port of loopback, as a server does; the answer has it.
    Listen,
    /// Accept the connection that waits.
    Accept,
    /// Read the hello and say welcome.
    Welcome,
    /// Send so many bytes of the stream of frames.
    Write(u64),
    /// Send more of it until both kernels are full; the answer has the bytes of the stream so far.
    Fill,
    /// Send more of it still: a call that does not return.
    Press,
    /// Wait for a byte to read, and leave it there.
    Peek,
    /// Wait until the other kernel has all that was sent.
    Settle,
    /// Shut the write side, and wait until the other kernel has the FIN.
    Shut,
    /// Shut the write side, and read and discard up to the other end's FIN.
    Linger,
    /// Close the socket.
    Close,
    /// Exit without closing.
    Exit,
}

/// What an order came to; the error is in words.
pub(super) type Reply = Result<Done, String>;

/// An order that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Done {
    /// Nothing to add.
    Plain,
    /// Bytes of the stream that were sent so far.
    Sent(u64),
    /// Where it listens.
    Listening(SocketAddr),
}
