//! What a row is: what is done to a connection, and what has to come of it.

use lastword::Cause;

/// One of the article's cases.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// What is done, in words.
    pub(crate) done: &'static str,
    /// The same for who does it.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "nothing is played there")
    )]
    pub(crate) scene: Scene,
    /// What `recv` on a bare socket is documented to return on Linux, from the row's beginning to its end.
    pub(crate) recv: &'static [Documented],
    /// What `send` is; nothing where the row sends nothing.
    pub(crate) send: &'static [Documented],
    /// What the layer must record.
    pub(crate) ends: Ends,
    /// What the layer must deliver.
    pub(crate) delivers: Delivers,
    /// What Windows is documented to answer; not measured.
    pub(crate) windows: &'static str,
    /// Why Linux answers so, and where the article says something else.
    pub(crate) why: &'static str,
}

/// What happens, on the row's bare connection and on the layer's alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// The network between them breaks.
    Outage(Outage),
    /// The client streams to a server that reads, and leaves behind its last byte.
    Streams(Leave),
    /// The client sends until both kernels are full, and leaves; only then does the server read.
    Fills {
        /// A message of the server lies unread in the client.
        unread: bool,
        how: Leave,
    },
    /// The client sends and closes, and the server goes on sending.
    SendsOn,
    /// The server closes, and the client goes on.
    Server(ServerLeave),
}

/// How the network breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The cable is pulled.
    Cable,
    /// The cable is pulled, and then the client is killed.
    CableThenKill,
    /// The client's host is gone, and the router knows it.
    HostGone,
    /// The client's host is away, and comes back without its connections.
    HostRebooted,
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It closes its socket.
    Close,
    /// Its process exits.
    Exit,
    /// Its process is killed while it sends.
    Kill,
}

/// How a server leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerLeave {
    /// It closes, and the client sends twice.
    Silent,
    /// It sends and closes; the client sends once and only then receives.
    Owing,
    /// It closes with the client's input unread.
    Unread,
    /// The same, but it says goodbye and lingers.
    Lingering,
}

/// What one call is documented to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documented {
    /// All the bytes that were sent.
    Everything,
    /// The bytes that our own kernel held when the peer was gone, which are not all that were sent.
    WhatWasHeld,
    /// 0: the end of the stream.
    End,
    /// The call takes the bytes.
    Sent,
    /// No bytes yet, and no error.
    Nothing,
    /// This errno.
    Errno(i32),
}

/// The cause that the layer must record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Always this one.
    As(Cause),
    /// The first where the stream stops between two frames, the second where it stops inside one.
    ByFrame(Cause, Cause),
}

/// How much of what the peer's `send` took must reach the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivers {
    /// Every frame.
    Everything,
    /// Every frame that our own kernel had received, which are not all that were sent.
    WhatWasHeld,
}

impl Ends {
    /// The cause for a stream that stops inside a frame, or does not.
    pub(crate) fn cause(self, mid_frame: bool) -> Cause {
        match self {
            Self::As(cause) => cause,
            Self::ByFrame(_, inside) if mid_frame => inside,
            Self::ByFrame(between, _) => between,
        }
    }
}

/// Linux: the connection was reset.
pub(crate) const ECONNRESET: i32 = 104;
/// Linux: nobody is there to send to.
pub(crate) const EPIPE: i32 = 32;
