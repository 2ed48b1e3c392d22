//! Ways that end before there is a session.

use lastword_session::wire::{Kind, MAGIC, VERSION};
use lastword_session::{Cause, Phase};

use super::Leaves::{Close, Read, Reset};
use super::Way;

pub(super) static WAYS: &[Way] = &[
    Way::early(
        "probe",
        "connects and closes",
        |_| {},
        Close,
        Cause::PeerProbe,
        Phase::Hello,
    ),
    Way::early(
        "probe_reset",
        "connects and resets",
        |_| {},
        Reset,
        Cause::PeerProbe,
        Phase::Hello,
    ),
    Way::early(
        "hello_cut",
        "closes inside its hello",
        |last| last.partial_hello(20),
        Close,
        Cause::PeerFinMidFrame,
        Phase::Hello,
    ),
    Way::early(
        "hello_cut_reset",
        "resets inside its hello",
        |last| last.partial_hello(20),
        Reset,
        Cause::PeerResetMidFrame,
        Phase::Hello,
    ),
    Way::early(
        "hello_timeout",
        "says three bytes and waits for the hello timeout",
        |last| last.partial_hello(3),
        Read,
        Cause::HelloTimeout,
        Phase::Hello,
    )
    .told(),
    Way::early(
        "http",
        "speaks HTTP",
        |last| last.bytes.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"),
        Read,
        Cause::WrongProtocol,
        Phase::Hello,
    ),
    Way::early(
        "version",
        "speaks a version that does not exist yet",
        |last| last.frame(Kind::Hello, b"LW\x7f\x7f and whatever comes with it"),
        Read,
        Cause::VersionUnsupported,
        Phase::Hello,
    )
    .told(),
    Way::early(
        "hello_too_large",
        "announces a hello of 16 MB",
        |last| {
            last.bytes.extend_from_slice(&[0xff, 0xff, 0xff, 1]);
            last.bytes.extend_from_slice(&MAGIC);
            last.bytes.extend_from_slice(&[VERSION, VERSION]);
        },
        Read,
        Cause::FrameTooLarge,
        Phase::Hello,
    )
    .told(),
    Way::early(
        "hello_malformed",
        "says a hello that is too short",
        |last| last.frame(Kind::Hello, b"LW\x01\x01\x02"),
        Read,
        Cause::FrameMalformed,
        Phase::Hello,
    )
    .told(),
    Way::early(
        "name_too_long",
        "has a name of 65 bytes, which an authenticator without one of its own rejects",
        |last| last.hello(&"a".repeat(65)),
        Read,
        Cause::AuthRejected,
        Phase::Auth,
    )
    .told(),
    Way::early(
        "resume_of_nothing",
        "wants to resume a session that never was",
        |last| last.resume(),
        Read,
        Cause::ResumeRefused,
        Phase::Auth,
    )
    .told(),
];
