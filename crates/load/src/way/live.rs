//! Ways of a joined player that need no help of the game.

use lastword_session::Cause;
use lastword_session::wire::Kind;

use super::Leaves::{Close, HalfClose, Read, Reset, Unread, WithLastFrame};
use super::{Parting, Way};

pub(super) static WAYS: &[Way] = &[
    Way::live(
        "goodbye",
        "says goodbye behind its last frames and reads to the end",
        |speech| {
            speech.data();
            speech.goodbye();
        },
        Read,
        Cause::PeerGoodbye,
    ),
    Way::live(
        "goodbye_close",
        "says goodbye and closes at once",
        |speech| speech.goodbye(),
        Close,
        Cause::PeerGoodbye,
    ),
    Way::live(
        "goodbye_reset",
        "says goodbye behind its last frames and resets at once",
        |speech| {
            speech.data();
            speech.goodbye();
        },
        Reset,
        Cause::PeerGoodbye,
    ),
    Way::live("fin", "closes", |_| {}, Close, Cause::PeerFin),
    Way::live(
        "fin_last_words",
        "shuts its write side behind its last frames; every one comes back before the end",
        |speech| speech.data(),
        HalfClose,
        Cause::PeerFin,
    ),
    Way::live(
        "fin_mid_frame",
        "closes inside a frame",
        |speech| speech.half_a_frame(),
        Close,
        Cause::PeerFinMidFrame,
    ),
    Way::live(
        "fin_unanswered",
        "closes with its last frame, so that the answer is refused",
        |speech| speech.one_frame(),
        WithLastFrame,
        Cause::PeerClosedWhileSending,
    ),
    Way::live("reset", "resets", |_| {}, Reset, Cause::PeerReset),
    Way::live(
        "reset_mid_frame",
        "resets inside a frame",
        |speech| speech.half_a_frame(),
        Reset,
        Cause::PeerResetMidFrame,
    ),
    Way::live(
        "exit_unread",
        "closes while an answer lies unread, as a process that crashes",
        |speech| speech.data(),
        Unread,
        Cause::PeerReset,
    ),
    Way::live(
        "malformed",
        "says a ping that is too short",
        |speech| speech.frame(Kind::Ping, b"?"),
        Read,
        Cause::FrameMalformed,
    )
    .told(),
    Way::live(
        "violation",
        "says a welcome, which is the server's to say",
        |speech| speech.frame(Kind::Welcome, b""),
        Read,
        Cause::ProtocolViolation,
    )
    .told(),
    Way::live(
        "too_large",
        "announces a frame of 16 MB",
        |speech| speech.bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0]),
        Read,
        Cause::FrameTooLarge,
    )
    .told(),
    Way::live(
        "ping_flood",
        "says a thousand pings at once",
        |speech| (0..1_000).for_each(|_| speech.frame(Kind::Ping, &[0; 16])),
        Read,
        Cause::PingFlood,
    )
    .told(),
    Way::live(
        "frame_timeout",
        "says half a frame and waits for the frame timeout",
        |speech| speech.half_a_frame(),
        Read,
        Cause::FrameTimeout,
    )
    .told(),
    Way::client(
        "client_goodbye",
        "is a player with the client library, which leaves by a goodbye",
        Parting::Goodbye,
        Cause::PeerGoodbye,
    ),
    Way::client(
        "client_drop",
        "is a player with the client library, who drops it",
        Parting::Drop,
        Cause::PeerGoodbye,
    ),
    Way::client(
        "client_abort",
        "is a player with the client library, which leaves by a reset",
        Parting::Abort,
        Cause::PeerReset,
    ),
];
