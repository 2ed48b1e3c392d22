//! The article's table, as data. The answers of Linux come from `docs/kernel.md`, section 1, and the recorded causes
//! from `docs/causes.md`.

use lastword::Cause;
use lastword_load::peer::{FRAME, Order};

use super::row::Call::{Count, Recv, Send, UntilFin, UntilReset};
use super::row::Documented::{End, Errno, Everything, Nothing, Sent, WhatWasHeld};
use super::row::Step::{Begin, Do, KillInSend, Unread};
use super::row::{Action, Delivers, ECONNRESET, EPIPE, Ends, Ours, Outage, Row, Script};

/// All rows, in the article's order.
pub(crate) const ROWS: [Row; 14] = [
    Row {
        id: "S1a",
        title: "the cable is pulled",
        done: "the router drops every packet of the client's side; the server sends twice",
        action: Action::Outage(Outage::Cable),
        recv: &[Everything, Nothing],
        send: &[Sent, Sent],
        ends: Ends::As(Cause::PathDead),
        delivers: Delivers::Everything,
        windows: "nothing until a timeout, then 10060 or 10054",
        why: "nothing can pass the cut. A kernel with unacknowledged data gives up after 929 to 940 s. An idle kernel \
            without keepalive never gives up (documented, not measured here). Our dead limit is 2.8 s in this row",
    },
    Row {
        id: "S1b",
        title: "the cable is pulled, then the client is killed",
        done: "as S1a, and the client's process is killed behind the cut; the server sends twice",
        action: Action::Outage(Outage::CableThenKill),
        recv: &[Everything, Nothing],
        send: &[Sent, Sent],
        ends: Ends::As(Cause::PathDead),
        delivers: Delivers::Everything,
        windows: "nothing until a timeout, then 10060 or 10054",
        why: "the FIN of the killed client never passes the cut: the server sees the same as in S1a",
    },
    Row {
        id: "S1c",
        title: "the client's host is gone",
        done: "the client's link goes down at the router and its process dies with it; the server sends twice",
        action: Action::Outage(Outage::HostGone),
        recv: &[Everything, Nothing],
        send: &[Sent, Sent],
        ends: Ends::As(Cause::PathDead),
        delivers: Delivers::Everything,
        windows: "nothing until a timeout, then 10060 or 10054",
        why: "the router answers that the network is unreachable. That is a soft error: no call returns it, and \
              the kernel goes on trying",
    },
    Row {
        id: "S1d",
        title: "the client's host reboots at the same address",
        done: "the host is away while the server sends; a host without connections takes its place",
        action: Action::Outage(Outage::HostRebooted),
        recv: &[Everything, Errno(ECONNRESET), End],
        send: &[Sent, Errno(EPIPE)],
        ends: Ends::As(Cause::ResetAfterOutage),
        delivers: Delivers::Everything,
        windows: "10054 at the first packet that the new host answers",
        why: "the new host knows of no connection and answers the retransmission with a reset. An idle server without \
              keepalive would never learn of it",
    },
    Row {
        id: "S2",
        title: "the client sends many messages, then closes",
        done: "1,280 frames of 4,096 bytes, then close(); the server reads all the while",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[Begin(Order::Write(STREAM)), Begin(Order::Close)],
            calls: &[Recv],
            sends: 0,
        }),
        recv: &[Everything, End],
        send: &[],
        ends: Ends::As(Cause::PeerFin),
        delivers: Delivers::Everything,
        windows: "all bytes, then 0",
        why: "the FIN comes after the last byte. It is not a goodbye: S3i looks the same",
    },
    Row {
        id: "S3i",
        title: "the client sends many and exits without closing, all read",
        done: "as S2, but exit() instead of close()",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[Begin(Order::Write(STREAM)), Begin(Order::Exit)],
            calls: &[Recv],
            sends: 0,
        }),
        recv: &[Everything, End],
        send: &[],
        ends: Ends::As(Cause::PeerFin),
        delivers: Delivers::Everything,
        windows: "part of the bytes, then 10054",
        why: "the article documents a part of the data and then 104. Linux closes for the dead process: with nothing \
            unread that is a FIN, and the kernel goes on sending what it took",
    },
    Row {
        id: "S3ii",
        title: "the client sends many and exits without closing, with unread input",
        done: "it sends until both kernels are full, leaves a message of the server unread, and exits",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[Unread, Do(Order::Fill), Do(Order::Exit)],
            calls: &[UntilReset, Count, Recv, Send],
            sends: 0,
        }),
        recv: &[WhatWasHeld, Errno(ECONNRESET), End],
        send: &[Errno(EPIPE)],
        ends: Ends::ByFrame(Cause::PeerReset, Cause::PeerResetMidFrame),
        delivers: Delivers::WhatWasHeld,
        windows: "part of the bytes, then 10054; unread data may be discarded",
        why: "unread input turns the close into a reset, which discards the data that the client's kernel had not \
            sent yet. The data in our kernel stays readable, and the layer delivers every whole frame of it",
    },
    Row {
        id: "S4i",
        title: "the client is killed while sending, all read",
        done: "it sends until both kernels are full, and is killed inside its next send(); then the server reads",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[Do(Order::Fill), KillInSend],
            calls: &[Recv],
            sends: 0,
        }),
        recv: &[Everything, End],
        send: &[],
        ends: Ends::ByFrame(Cause::PeerFin, Cause::PeerFinMidFrame),
        delivers: Delivers::Everything,
        windows: "10054",
        why: "the article documents 104. With nothing unread kill -9 looks exactly like a close: everything, then 0. \
            Only the unfinished frame tells",
    },
    Row {
        id: "S4ii",
        title: "the client is killed while sending, with unread input",
        done: "as S4i, with a message of the server unread",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[Unread, Do(Order::Fill), KillInSend],
            calls: &[UntilReset, Count, Recv, Send],
            sends: 0,
        }),
        recv: &[WhatWasHeld, Errno(ECONNRESET), End],
        send: &[Errno(EPIPE)],
        ends: Ends::ByFrame(Cause::PeerReset, Cause::PeerResetMidFrame),
        delivers: Delivers::WhatWasHeld,
        windows: "10054; unread data may be discarded",
        why: "as S3ii",
    },
    Row {
        id: "S5",
        title: "the client closes while the server keeps sending",
        done: "the client sends 8 frames and closes, having read everything; the server sends twice",
        action: Action::Script(Script {
            ours: Ours::Server,
            steps: &[
                Do(Order::Write(8 * FRAME)),
                Do(Order::Shut),
                Do(Order::Close),
            ],
            calls: &[Recv, Send, UntilReset, Send],
            sends: 2,
        }),
        recv: &[Everything, End],
        send: &[Sent, Errno(EPIPE)],
        ends: Ends::As(Cause::PeerClosedWhileSending),
        delivers: Delivers::Everything,
        windows: "send: ok, then 10053",
        why: "the peer answers the first send() with a reset, which the second send() reports; recv returns only 0. \
            Every send within a round trip is \"ok\" and lost: the layer counts them",
    },
    Row {
        id: "C1",
        title: "the server has closed, the client sends twice",
        done: "the client reads 0, sends, and sends again, with write(2)",
        action: Action::Script(Script {
            ours: Ours::Client,
            steps: &[Do(Order::Shut), Do(Order::Close)],
            calls: &[Recv, Send, UntilReset, Send],
            sends: 2,
        }),
        recv: &[End],
        send: &[Sent, Errno(EPIPE)],
        ends: Ends::As(Cause::PeerClosedWhileSending),
        delivers: Delivers::Everything,
        windows: "send: ok, then 10053 or 10054; there is no SIGPIPE",
        why: "the second write(2) also raises SIGPIPE, which by default kills; the layer's writes raise none",
    },
    Row {
        id: "C2",
        title: "the server sends data and closes, the client sends once and then receives",
        done: "8 frames and a close; the client sends once, is answered by a reset, and only then receives",
        action: Action::Script(Script {
            ours: Ours::Client,
            steps: &[
                Do(Order::Write(8 * FRAME)),
                Do(Order::Shut),
                Do(Order::Close),
            ],
            calls: &[UntilFin, Send, UntilReset, Recv],
            sends: 1,
        }),
        recv: &[Everything, End],
        send: &[Sent],
        ends: Ends::As(Cause::PeerClosedWhileSending),
        delivers: Delivers::Everything,
        windows: "recv: 10054 or 10053, the data may be gone",
        why: "the reset comes behind a FIN: Linux keeps all the data that it had received",
    },
    Row {
        id: "C3",
        title: "the server closes with unread input",
        done: "the client sends; the server reads nothing, sends until both kernels are full, and closes",
        action: Action::Script(Script {
            ours: Ours::Client,
            steps: &[Unread, Do(Order::Fill), Do(Order::Close)],
            calls: &[UntilReset, Count, Recv, Send],
            sends: 0,
        }),
        recv: &[WhatWasHeld, Errno(ECONNRESET), End],
        send: &[Errno(EPIPE)],
        ends: Ends::ByFrame(Cause::PeerReset, Cause::PeerResetMidFrame),
        delivers: Delivers::WhatWasHeld,
        windows: "recv: 10054, the data may be gone",
        why: "close() with unread input is a reset, not a FIN, and it overtakes the data that the server had not \
            sent yet",
    },
    Row {
        id: "C3+",
        title: "C3 done right: a goodbye, and then a lingering close",
        done: "the client sends; the server reads nothing, sends 32 frames, says why, shuts its side, and reads and \
               discards until the client's FIN",
        action: Action::Lingering,
        recv: &[Everything, End],
        send: &[Sent, Sent],
        ends: Ends::As(Cause::PeerGoodbye),
        delivers: Delivers::Everything,
        windows: "recv: all bytes, then 0",
        why: "nothing is unread when the server closes, so there is no reset: the client has every frame, and the \
              goodbye's reason behind them",
    },
];

/// 5 MB of payload.
const STREAM: u64 = 1_280 * FRAME;
