//! Ways of a joined player that need no help of the game.

use lastword_session::Cause;
use lastword_session::wire::Kind;

use super::Leaves::{Close, HalfClose, Read, Reset, Unread, WithLastFrame};
use super::{ClientEnd, Way};

pub(super) static WAYS: &[Way] = &[
    Way::live(
        "goodbye",
        "says goodbye behind its last frames and reads to the end",
        |last| {
            last.data();
            last.goodbye();
        },
        Read,
        Cause::PeerGoodbye,
    ),
    Way::live(
        "goodbye_close",
        "says goodbye and closes at once",
        |last| last.goodbye(),
        Close,
        Cause::PeerGoodbye,
    ),
    Way::live(
        "goodbye_reset",
        "says goodbye behind its last frames and resets at once",
        |last| {
            last.data();
            last.goodbye();
        },
        Reset,
        Cause::PeerGoodbye,
    ),
    Way::live("fin", "closes", |_| {}, Close, Cause::PeerFin),
    Way::live(
        "fin_last_words",
        "shuts its write side behind its last frames; every one comes back before the end",
        |last| last.data(),
        HalfClose,
        Cause::PeerFin,
    ),
    Way::live(
        "fin_mid_frame",
        "closes inside a frame",
        |last| last.half_a_frame(),
        Close,
        Cause::PeerFinMidFrame,
    ),
    Way::live(
        "fin_unanswered",
        "closes with its last frame, so that the answer is refused",
        |last| last.one_frame(),
        WithLastFrame,
        Cause::PeerClosedWhileSending,
    ),
    Way::live("reset", "resets", |_| {}, Reset, Cause::PeerReset),
    Way::live(
        "reset_mid_frame",
        "resets inside a frame",
        |last| last.half_a_frame(),
        Reset,
        Cause::PeerResetMidFrame,
    ),
    Way::live(
        "exit_unread",
        "closes while an answer lies unread, as a process that crashes",
        |last| last.data(),
        Unread,
        Cause::PeerReset,
    ),
    Way::live(
        "malformed",
        "says a ping that is too short",
        |last| last.frame(Kind::Ping, b"?"),
        Read,
        Cause::FrameMalformed,
    )
    .told(),
    Way::live(
        "violation",
        "says a welcome, which is the server's to say",
        |last| last.frame(Kind::Welcome, b""),
        Read,
        Cause::ProtocolViolation,
    )
    .told(),
    Way::live(
        "too_large",
        "announces a frame of 16 MB",
        |last| last.bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0]),
        Read,
        Cause::FrameTooLarge,
    )
    .told(),
    Way::live(
        "ping_flood",
        "says a thousand pings at once",
        |last| (0..1_000).for_each(|_| last.frame(Kind::Ping, &[0; 16])),
        Read,
        Cause::PingFlood,
    )
    .told(),
    Way::live(
        "frame_timeout",
        "says half a frame and waits for the frame timeout",
        |last| last.half_a_frame(),
        Read,
        Cause::FrameTimeout,
    )
    .told(),
    Way::client(
        "client_goodbye",
        "is a player with the client library, which leaves by a goodbye",
        ClientEnd::Goodbye,
        Cause::PeerGoodbye,
    ),
    Way::client(
        "client_drop",
        "is a player with the client library, who drops it",
        ClientEnd::Drop,
        Cause::PeerGoodbye,
    ),
    Way::client(
        "client_abort",
        "is a player with the client library, which leaves by a reset",
        ClientEnd::Abort,
        Cause::PeerReset,
    ),
];
