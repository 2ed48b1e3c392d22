//! A row: the action on a connection, and the documented result.

use lastword::Cause;
use lastword_load::peer::Order;

/// One of the article's cases.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// The action, in words.
    pub(crate) done: &'static str,
    /// The same action, for the process that performs it.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "no row runs there")
    )]
    pub(crate) action: Action,
    /// The documented results of `recv` on a bare socket on Linux, from the row's beginning to its end.
    pub(crate) recv: &'static [Documented],
    /// The documented results of `send`; empty where the row sends nothing.
    pub(crate) send: &'static [Documented],
    /// The cause that the layer must record.
    pub(crate) ends: Ends,
    /// The bytes that the layer must deliver.
    pub(crate) delivers: Delivers,
    /// The documented answer of Windows, which is not measured.
    pub(crate) windows: &'static str,
    /// Why Linux answers like this, and where the article differs.
    pub(crate) why: &'static str,
}

/// The action, which is the same on the row's bare connection and on the layer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The network between both ends breaks.
    Outage(Outage),
    /// The peer leaves.
    Script(Script),
    /// Our server closes with unread input: it says goodbye and lingers.
    Lingering,
}

/// How a peer in a process of its own leaves, and how our end reacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) ours: Ours,
    /// The steps up to the peer's end.
    pub(crate) steps: &'static [Step],
    /// The calls on our bare socket after these steps.
    pub(crate) calls: &'static [Call],
    /// How many messages the layer sends after these steps. Then it takes what arrived.
    pub(crate) sends: usize,
}

/// Which end is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    Server,
    Client,
}

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Our end sends a message, which stays unread in the peer.
    Unread,
    /// The peer does this.
    Do(Order),
    /// The peer begins to do this, and needs our end to read meanwhile.
    Begin(Order),
    /// The peer is killed inside a `send` that does not return.
    KillInSend,
}

/// One call on our bare socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Receives up to the end.
    Recv,
    /// Sends a message.
    Send,
    /// Waits for the peer's FIN, without a call that consumes it.
    UntilFin,
    /// Waits for a reset, without a call that consumes its error.
    UntilReset,
    /// Counts the bytes in our kernel.
    Count,
}

/// How the network breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The cable is unplugged.
    Cable,
    /// The cable is unplugged, and then the client is killed.
    CableThenKill,
    /// The client's host is gone, and the router knows that.
    HostGone,
    /// The client's host goes away, and comes back without its connections.
    HostRebooted,
}

/// The documented result of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documented {
    /// The call returns all the bytes that were sent.
    Everything,
    /// The call returns the bytes that our kernel held when the peer was gone, which are not all
    /// that were sent.
    WhatWasHeld,
    /// The call returns 0: the end of the stream.
    End,
    /// The kernel accepts the bytes.
    Sent,
    /// There are no bytes yet, and no error.
    Nothing,
    /// The call fails with this errno.
    Errno(i32),
}

/// The cause that the layer must record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// This cause in every run.
    As(Cause),
    /// The first cause where the stream stops between two frames, the second where it stops inside
    /// a frame.
    ByFrame(Cause, Cause),
}

/// How many of the bytes that the peer's `send` accepted must reach the game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivers {
    /// Every frame.
    Everything,
    /// Every frame that our kernel had received, which are not all that were sent.
    WhatWasHeld,
}

impl Ends {
    /// Returns the cause for a stream that stops inside a frame, or between two frames.
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
/// Linux: there is no longer a connection to send on.
pub(crate) const EPIPE: i32 = 32;
