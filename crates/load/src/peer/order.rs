//! The orders to a peer, one JSON line each, and its answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One step of a peer. It begins a step when the previous one is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Connect, as a client does.
    Connect(SocketAddr),
    /// Say hello and read the welcome.
    Join,
    /// Listen on a port of loopback, as a server does.
    Listen,
    /// Accept the waiting connection.
    Accept,
    /// Read the hello and say welcome.
    Welcome,
    /// Send this many bytes of the stream of frames.
    Write(u64),
    /// Send more of the stream until both kernels are full.
    Fill,
    /// Send still more of the stream, with a call that does not return.
    Press,
    /// Wait for a byte to read, and leave it there.
    Peek,
    /// Wait until the other kernel has acknowledged all that was sent.
    Settle,
    /// Shut the write side, and wait until the other kernel has acknowledged the FIN.
    Shut,
    /// Shut the write side, then read and discard until the other end's FIN.
    Linger,
    /// Close the socket.
    Close,
    /// Exit without closing.
    Exit,
}

/// The state after an order that was carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// How many bytes of the stream were sent so far.
    pub sent: u64,
    /// The address on which the process listens, if it does.
    pub addr: Option<SocketAddr>,
}
