//! From the first byte to welcome: peers that are admitted, peers that are refused, and peers of another protocol.

use super::super::{Input, Timer};
use crate::wire::{Goodbye, Hello, Kind};
use crate::{Cause, Close, Config, GameCode, Message, Phase, Terminal};

use super::harness::{
    ADMISSION, Answer, HELLO, Pair, START, Seen, Solo, encoded, frame, millis, secs,
};

#[test]
fn hello_and_welcome_make_both_ends_live() {
    for chunk in [1, 2, 3, 7, usize::MAX] {
        let mut pair = Pair::new();
        (pair.up.chunk, pair.down.chunk) = (chunk, chunk);
        pair.run();
        assert_eq!(pair.server.seen, [Seen::Credentials(b"ada".to_vec())]);
        let [Seen::Welcome(admission)] = pair.client.seen.as_slice() else {
            panic!("{:?}", pair.client.seen)
        };
        assert_eq!(admission.session, ADMISSION.session);
        assert_eq!(admission.timing.heartbeat_ms, 5_000);
        assert_eq!(admission.timing.dead_ms, 15_000);
        assert_eq!(pair.server.connection().phase(), Phase::Live);
        assert_eq!(pair.client.connection().peer_frame_limit(), 65_536);
    }
}

#[test]
fn the_server_sends_no_more_than_the_client_said_it_takes() {
    let mut solo = Solo::server();
    let hello = Hello {
        frame_limit: 2_000,
        ..HELLO
    };
    solo.says(&encoded(|out| hello.encode(out)));
    let now = solo.now;
    assert_eq!(solo.connection().send(now, &[0; 2_000]), Ok(()));
    assert_eq!(
        solo.connection().send(now, &[0; 2_001]),
        Err(crate::SendError::TooLarge)
    );
    assert!(
        solo.connection().is_live(),
        "a frame that is refused costs nothing else"
    );
}

#[test]
fn nothing_is_taken_before_the_session_is_live() {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    let closed = Err(crate::SendError::Closed);
    let now = solo.now;
    assert_eq!(solo.connection().send(now, b"early"), closed);
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert_eq!(solo.connection().send(now, b"early"), closed);
    assert!(solo.outbound.log.is_empty());
}

#[test]
fn a_refusal_reaches_the_client_with_the_games_code_and_words() {
    let code = GameCode::new(4_711).expect("it is a game's");
    let message = Message::default().with_code(code).with_reason("banned");
    let refusal = Close::with(Cause::AuthRejected, message);
    let mut pair = Pair::with(Config::default(), Answer::Refuse(refusal));
    pair.run();
    let server = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(server.verdict.cause, Cause::AuthRejected);
    assert_eq!(server.verdict.phase, Phase::Auth);
    let client = pair.client.ending.as_ref().expect("it is over");
    assert_eq!(client.verdict.cause, Cause::PeerGoodbye);
    let peer_goodbye = client.peer_goodbye.as_ref().expect("it was told");
    assert!(peer_goodbye.over);
    assert_eq!(
        (peer_goodbye.code, peer_goodbye.reason.as_str()),
        (4_711, "banned")
    );
    assert!(pair.client.seen.is_empty(), "no welcome");
}

#[test]
fn a_client_that_leaves_while_it_waits_says_goodbye() {
    let mut pair = Pair::with(Config::default(), Answer::Wait);
    pair.run();
    pair.client_closes(&Close::new(Cause::ClosedByGame));
    let server = pair.server.ending.as_ref().expect("it is over");
    assert_eq!(server.verdict.cause, Cause::PeerGoodbye);
    assert_eq!(server.verdict.phase, Phase::Auth);
}

#[test]
fn a_hello_that_is_not_complete_in_time_is_reported_so() {
    let hello = encoded(|out| HELLO.encode(out));
    for sent in [0, 3, 4, hello.len() - 1] {
        let mut solo = Solo::server();
        solo.says(&hello[..sent]);
        assert_eq!(
            solo.connection().poll_timeout(),
            (START + secs(5), Timer::Hello)
        );
        solo.advance(millis(4_999));
        assert!(solo.outbound.log.is_empty());
        solo.advance(millis(1));
        assert_eq!(solo.goodbye_code(), Cause::HelloTimeout.code());
        assert_eq!(solo.cause(), Cause::HelloTimeout);
        assert_eq!(solo.ending().verdict.phase, Phase::Hello);
    }
}

#[test]
fn an_authenticator_that_is_late_is_no_fault_of_the_client() {
    let mut solo = Solo::server_with(Config::default(), Answer::Wait);
    solo.advance(secs(3));
    solo.says(&encoded(|out| HELLO.encode(out)));
    assert_eq!(
        solo.connection().poll_timeout(),
        (START + secs(8), Timer::Auth)
    );
    solo.advance(secs(5));
    assert_eq!(solo.goodbye_code(), Cause::AuthTimeout.code());
    assert_eq!(solo.cause(), Cause::AuthTimeout);
    solo.hears(Input::Admit(ADMISSION));
    assert!(
        !solo.connection().is_live(),
        "an answer that comes too late changes nothing"
    );
}

#[test]
fn a_peer_that_leaves_before_the_first_byte_is_a_probe() {
    let mut gone = Solo::server();
    gone.fin();
    assert_eq!(gone.ending().verdict.cause, Cause::PeerProbe);
    let mut reset = Solo::server();
    reset.reset();
    assert_eq!(reset.ending().verdict.cause, Cause::PeerProbe);
    assert!(reset.outbound.log.is_empty());
}

#[test]
fn half_a_hello_and_an_end_is_an_end_inside_a_frame() {
    for (reset, cause) in [
        (false, Cause::PeerFinMidFrame),
        (true, Cause::PeerResetMidFrame),
    ] {
        let mut solo = Solo::server();
        solo.says(&encoded(|out| HELLO.encode(out))[..9]);
        if reset {
            solo.reset()
        } else {
            solo.fin()
        }
        assert_eq!(solo.ending().verdict.cause, cause);
        assert_eq!(solo.ending().verdict.phase, Phase::Hello);
        assert_eq!(solo.ending().evidence.partial_frame, Some((9, Some(44))));
    }
}

#[test]
fn a_peer_that_does_not_speak_our_protocol_gets_no_answer() {
    let foreign: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\nhost: game\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        &frame(1, b"XW\x01\x01"),
        &frame(1, b"LX\x01\x01"),
        &frame(0, b"move"),
        &frame(6, &[0; 9]),
    ];
    for bytes in foreign {
        for chunk in [1, 5, usize::MAX] {
            let mut solo = Solo::server();
            solo.inbound.chunk = chunk;
            solo.says(bytes);
            assert!(solo.is_over(), "{bytes:?}: at once, not at a deadline");
            assert_eq!(
                solo.ending().verdict.cause,
                Cause::WrongProtocol,
                "{bytes:?}"
            );
            assert!(solo.outbound.log.is_empty(), "{bytes:?}");
            assert!(solo.ending().abort);
        }
    }
}

#[test]
fn a_client_takes_a_foreign_answer_for_the_wrong_protocol() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
        &frame(0, b"state"),
    ] {
        let mut solo = Solo::client();
        let hello = solo.outbound.log.len();
        solo.says(answer);
        assert_eq!(solo.ending().verdict.cause, Cause::WrongProtocol);
        assert_eq!(solo.outbound.log.len(), hello, "not a byte more");
    }
}

#[test]
fn no_common_version_is_found_after_eight_bytes() {
    let mut solo = Solo::server();
    solo.says(b"\x00\x00\x25\x01LW\x02\x09");
    assert_eq!(solo.goodbye_code(), Cause::VersionUnsupported.code());
    let goodbye = &solo.written()[0].1;
    let goodbye = Goodbye::decode(goodbye).expect("it decodes");
    assert_eq!(goodbye.advice, crate::Advice::DoNot.code());
    assert_eq!(solo.cause(), Cause::VersionUnsupported);
}

#[test]
fn a_resume_is_refused_by_a_goodbye_and_never_by_a_fresh_session() {
    let mut solo = Solo::server();
    let hello = Hello {
        resume: true,
        no_resume: false,
        token: b"secret",
        ..HELLO
    };
    solo.says(&encoded(|out| hello.encode(out)));
    assert_eq!(solo.kinds_written(), [Kind::Goodbye]);
    assert!(solo.host.seen.is_empty(), "the authenticator is not asked");
    assert_eq!(solo.cause(), Cause::ResumeRefused);
    assert_eq!(solo.ending().verdict.phase, Phase::Auth);
}

#[test]
fn our_deadlines_do_not_decide_once_the_end_was_seen() {
    for greeted in [false, true] {
        let mut solo = Solo::server_with(Config::default(), Answer::Wait);
        solo.says(
            if greeted {
                encoded(|out| HELLO.encode(out))
            } else {
                vec![0]
            }
            .as_slice(),
        );
        solo.hears(Input::EndNoticed(solo.readings()));
        solo.advance(secs(60));
        assert!(!solo.is_over() && solo.outbound.log.is_empty());
        let readings = solo.readings();
        solo.read_ends(Terminal::Eof, readings);
        assert_ne!(solo.ending().verdict.cause, Cause::HelloTimeout);
        assert_ne!(solo.ending().verdict.cause, Cause::AuthTimeout);
    }
}

#[test]
fn a_connection_that_is_not_let_in_at_all_hears_why() {
    let close = Close::new(Cause::ServerFull);
    let mut solo = Solo::server();
    *solo.connection() = crate::Connection::refused(Config::default().into(), START, &close);
    solo.run();
    assert_eq!(solo.goodbye_code(), Cause::ServerFull.code());
    assert_eq!(solo.cause(), Cause::ServerFull);
    assert_eq!(solo.ending().verdict.phase, Phase::Admission);
}
