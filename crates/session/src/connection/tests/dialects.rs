//! A game with its own wire: length prefixes, and a wire that also has ping, pong and goodbye.

use std::sync::Arc;

use super::super::Input;
use crate::wire::Goodbye;
use crate::{
    Cause, Close, Config, Dialect, Framing, GoodbyeProgress, LengthPrefixed, Meaning, Measure,
    Message, Phase,
};

use super::harness::{ADMISSION, Answer, DEAD, HEARTBEAT, QUIET, START, Seen, Solo, secs};

/// One line is one frame: `P...` a ping, `Q...` a pong, `G` a goodbye, `!` broken, anything else is the game's.
struct Lines;

impl Dialect for Lines {
    fn has_heartbeats(&self) -> bool {
        true
    }

    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        match bytes.iter().skip(seen).position(|byte| *byte == b'\n') {
            _ if bytes.first() == Some(&0) => Measure::Foreign,
            None => Measure::Short,
            Some(end) => Measure::Frame {
                header: 0,
                payload: seen + end + 1,
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload.strip_suffix(b"\n") {
            Some([b'P', clock @ ..]) => Meaning::Ping(clock),
            Some([b'Q', ..]) => Meaning::Pong,
            Some([b'G']) => Meaning::Goodbye,
            Some([b'!']) | None => Meaning::Malformed,
            Some(line) => Meaning::Data(line),
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
        out.push(b'\n');
    }

    fn write_pong(&self, ping: &[u8], out: &mut Vec<u8>) -> bool {
        out.push(b'Q');
        self.write_data(ping, out);
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"Pclock\n");
        true
    }

    fn write_goodbye(&self, goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        self.write_data(format!("G{}", goodbye.code).as_bytes(), out);
        true
    }
}

/// [`Lines`] on which a goodbye is answered.
struct Polite;

impl Dialect for Polite {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        Lines.measure(bytes, seen)
    }

    fn read<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        Lines.read(header, payload)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        Lines.write_data(payload, out);
    }

    fn write_goodbye_answer(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"goodbye too\n");
        true
    }
}

fn config(dialect: impl Dialect) -> Config {
    Config {
        framing: Framing::Dialect(Arc::new(dialect)),
        ..Config::default()
    }
}

fn server(dialect: impl Dialect) -> Solo {
    Solo::server_with(config(dialect), Answer::Admit(ADMISSION))
}

fn live_lines() -> Solo {
    let mut solo = server(Lines);
    solo.says(b"login ada\n");
    assert!(solo.connection().is_live());
    let credentials = Seen::Credentials(b"login ada".to_vec());
    assert_eq!(
        solo.host.seen,
        [credentials],
        "what the dialect calls data, no byte more"
    );
    solo
}

#[test]
fn lengths_in_front_carry_credentials_frames_and_a_bare_fin() {
    for chunk in [1, 3, usize::MAX] {
        let mut solo = server(LengthPrefixed);
        solo.inbound.chunk = chunk;
        solo.says(b"\x00\x00\x00\x09login ada");
        assert!(
            solo.connection().is_live() && solo.outbound.log.is_empty(),
            "there is no welcome"
        );
        solo.says(b"\x00\x00\x00\x04move\x00\x00\x00\x00");
        let data = [b"move".to_vec(), Vec::new()].map(Seen::Data);
        assert_eq!(solo.host.seen[0], Seen::Credentials(b"login ada".to_vec()));
        assert_eq!(solo.host.seen[1..], data);
        let now = solo.now;
        solo.connection().send(now, b"state").expect("it is taken");
        solo.run();
        assert_eq!(solo.outbound.log, b"\x00\x00\x00\x05state");
        solo.closes(&Close::new(Cause::Kicked));
        assert_eq!(solo.outbound.log.len(), 9, "this wire has no goodbye");
        solo.fin();
        assert_eq!(solo.ending().verdict.cause, Cause::Kicked);
        assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::None);
    }
}

#[test]
fn frames_behind_the_credentials_wait_for_the_authenticator() {
    for chunk in [1, 11, 15, usize::MAX] {
        let mut solo = Solo::server_with(config(Lines), Answer::Wait);
        solo.inbound.chunk = chunk;
        solo.says(b"login ada\nmove\nP1\njump\nG\n");
        assert_eq!(solo.host.seen, [Seen::Credentials(b"login ada".to_vec())]);
        assert!(!solo.connection().wants_read(), "the kernel keeps the rest");
        solo.advance(secs(1));
        solo.hears(Input::Admit(ADMISSION));
        let data = [b"move".to_vec(), b"jump".to_vec()].map(Seen::Data);
        assert_eq!(solo.host.seen[1..], data);
        assert_eq!(solo.cause(), Cause::PeerGoodbye);
    }
}

#[test]
fn a_peer_of_a_dialect_that_leaves_during_authentication_is_gone_in_auth() {
    type Leaves = fn(&mut Solo);
    let rows: [(&[u8], Leaves, Cause); 5] = [
        (b"", Solo::fin, Cause::PeerFin),
        (b"", Solo::reset, Cause::PeerReset),
        (b"move\nP1\nQ\n", Solo::fin, Cause::PeerFin),
        (b"move\nju", Solo::fin, Cause::PeerFinMidFrame),
        (b"move\nG\n", Solo::reset, Cause::PeerGoodbye),
    ];
    for (unread, leaves, cause) in rows {
        let mut solo = Solo::server_with(config(Lines), Answer::Wait);
        solo.says(&[b"login ada\n", unread].concat());
        leaves(&mut solo);
        assert!(!solo.is_over(), "nothing is read meanwhile");
        solo.hears(Input::EndNoticed(solo.readings()));
        solo.hears(Input::Admit(ADMISSION));
        assert_eq!(solo.host.seen, [Seen::Credentials(b"login ada".to_vec())]);
        assert_eq!(solo.cause(), cause, "{unread:?}");
        assert_eq!(solo.ending().verdict.phase, Phase::Auth);
    }
}

#[test]
fn answers_to_frames_before_a_dialects_goodbye_are_written() {
    for in_time in [true, false] {
        let mut solo = live_lines();
        solo.host.answers = false;
        solo.says(b"get\nset\nG\n");
        let now = solo.now;
        for answer in [b"1", b"2"] {
            assert_eq!(solo.connection().send(now, answer), Ok(()));
        }
        assert!(solo.connection().awaits_delivery());
        match in_time {
            true => solo.host.answers = true,
            false => solo.advance(crate::Limits::default().linger_timeout),
        }
        solo.run();
        assert_eq!(solo.outbound.log, b"1\n2\n");
        assert_eq!(
            solo.connection().send(now, b"3"),
            Ok(()),
            "and is not written"
        );
        solo.host.answers = true;
        solo.fin();
        assert_eq!(solo.cause(), Cause::PeerGoodbye);
        assert_eq!(solo.ending().evidence.frames_unsent, 1);
        assert_eq!(solo.outbound.log, b"1\n2\n");
    }
}

#[test]
fn a_goodbye_is_answered_behind_the_answers_to_what_came_before_it() {
    for drain in [false, true] {
        let mut solo = server(Polite);
        solo.says(b"login ada\n");
        solo.host.answers = false;
        solo.says(b"get\nG\n");
        let now = solo.now;
        assert_eq!(solo.connection().send(now, b"1"), Ok(()));
        match drain {
            true => solo.hears(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
            false => solo.host.answers = true,
        }
        solo.run();
        solo.host.answers = true;
        solo.fin();
        assert_eq!(solo.outbound.log, b"1\ngoodbye too\n");
        assert_eq!(solo.cause(), Cause::PeerGoodbye);
        assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::FinSeen);
    }
}

#[test]
fn a_peer_that_resets_behind_its_goodbye_gets_no_answers() {
    let mut solo = live_lines();
    solo.host.answers = false;
    solo.says(b"get\nG\n");
    solo.reset();
    assert!(!solo.is_over(), "the game has frames to take");
    solo.host.answers = true;
    solo.run();
    assert_eq!(solo.outbound.log, b"");
    assert_eq!(solo.cause(), Cause::PeerGoodbye);
}

fn client_of_lines() -> Solo {
    let connection =
        crate::Connection::client_of_dialect(Arc::new(config(Lines)), ADMISSION.timing, START);
    let mut solo = server(Lines);
    *solo.connection() = connection;
    solo
}

/// A server discards everything after its own goodbye, so the client does not wait for answers of its game.
#[test]
fn a_client_of_a_dialect_answers_a_goodbye_at_once_by_its_fin() {
    let mut solo = client_of_lines();
    solo.host.answers = false;
    solo.says(b"state\nG\n");
    let now = solo.now;
    assert_eq!(solo.connection().send(now, b"late"), Ok(()));
    assert!(solo.connection().is_shut());
    solo.host.answers = true;
    solo.fin();
    assert_eq!(solo.cause(), Cause::PeerGoodbye);
    assert_eq!(solo.ending().evidence.frames_unsent, 1);
    assert_eq!(solo.outbound.log, b"");
}

#[test]
fn a_client_of_a_dialect_is_live_at_once_and_pings_in_it() {
    let mut solo = client_of_lines();
    solo.connection()
        .send(START, b"login ada")
        .expect("it is taken");
    solo.advance(HEARTBEAT);
    assert_eq!(solo.outbound.log, b"login ada\nPclock\n");
    solo.says(b"Qclock\nstate\n");
    assert_eq!(solo.host.seen, [Seen::Data(b"state".to_vec())]);
    solo.advance(HEARTBEAT * 3);
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

#[test]
fn a_peer_without_a_goodbye_leaves_by_its_fin() {
    let mut solo = server(LengthPrefixed);
    solo.says(b"\x00\x00\x00\x03ada");
    solo.fin();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
    let mut inside = server(LengthPrefixed);
    inside.says(b"\x00\x00\x00\x03ada\x00\x00\x00\x04mo");
    inside.fin();
    assert_eq!(inside.ending().verdict.cause, Cause::PeerFinMidFrame);
    assert_eq!(inside.ending().evidence.partial_frame, Some((6, Some(8))));
}

#[test]
fn a_length_over_the_limit_is_refused_from_its_header() {
    for (first, length) in [
        (true, 4_097_u32),
        (true, u32::MAX),
        (false, 65_537),
        (false, u32::MAX),
    ] {
        let mut solo = server(LengthPrefixed);
        if !first {
            solo.says(b"\x00\x00\x00\x03ada");
        }
        solo.says(&length.to_be_bytes());
        assert_eq!(solo.cause(), Cause::FrameTooLarge, "{first} {length}");
    }
}

#[test]
fn the_first_frame_must_be_complete_in_time() {
    let mut solo = server(LengthPrefixed);
    solo.says(b"\x00\x00\x00\x09login");
    solo.advance(secs(5));
    assert_eq!(solo.cause(), Cause::HelloTimeout);
}

#[test]
fn a_ping_of_the_dialect_is_answered_in_it_ahead_of_data() {
    for chunk in [1, usize::MAX] {
        let mut solo = live_lines();
        solo.inbound.chunk = chunk;
        solo.says(b"P17\n");
        assert_eq!(solo.outbound.log, b"Q17\n");
        assert_eq!(solo.host.seen.len(), 1, "the game sees no ping");
    }
}

#[test]
fn pings_of_a_dialect_are_bounded_too() {
    for line in [b"P\n", b"Q\n"] {
        let mut solo = live_lines();
        solo.says(&line.repeat(31));
        assert!(solo.connection().is_live());
        solo.says(line);
        assert_eq!(solo.cause(), Cause::PingFlood);
    }
}

#[test]
fn a_goodbye_of_the_dialect_is_a_goodbye() {
    for reset in [false, true] {
        let mut solo = live_lines();
        solo.says(b"G\n");
        if reset {
            solo.reset()
        } else {
            solo.fin()
        }
        assert_eq!(solo.ending().verdict.cause, Cause::PeerGoodbye);
        assert!(solo.ending().peer_goodbye.is_some());
    }
}

#[test]
fn our_goodbye_is_said_in_the_dialect() {
    let mut solo = live_lines();
    solo.closes(&Close::new(Cause::Kicked));
    assert_eq!(solo.outbound.log, b"G80\n");
    solo.fin();
    assert_eq!(solo.ending().evidence.farewell, GoodbyeProgress::FinSeen);
}

#[test]
fn a_server_that_does_not_read_pings_in_the_dialect() {
    let mut solo = live_lines();
    solo.pauses();
    solo.advance(HEARTBEAT);
    assert_eq!(solo.outbound.log, b"Pclock\n");
}

#[test]
fn a_quiet_peer_of_a_wire_without_pings_is_no_silent_one() {
    let mut solo = server(LengthPrefixed);
    solo.says(b"\0\0\0\x03ada");
    assert!(solo.connection().is_live());
    solo.advance(DEAD * 100);
    assert!(solo.connection().is_live(), "keepalive alone finds it dead");
}

#[test]
fn a_peer_that_only_answers_pings_is_never_suspect() {
    let mut solo = live_lines();
    for n in 1..50 {
        solo.outbound.log.clear();
        solo.advance(QUIET);
        assert_eq!(solo.outbound.log, b"Pclock\n", "{n}: it is asked");
        solo.says(b"Qclock\n");
    }
    assert_eq!(solo.host.seen.len(), 1, "no link changed");
}

#[test]
fn a_peer_that_speaks_once_a_heartbeat_is_not_asked() {
    let mut solo = live_lines();
    for _ in 1..50 {
        solo.advance(HEARTBEAT + secs(1));
        solo.says(b"still here\n");
    }
    assert!(solo.outbound.log.is_empty());
}

#[test]
fn a_silent_peer_of_a_dialect_is_given_up() {
    let mut solo = live_lines();
    solo.advance(DEAD);
    assert_eq!(solo.cause(), Cause::PeerFrozen);
}

#[test]
fn a_first_frame_that_asks_for_nothing_is_the_wrong_protocol() {
    for line in [b"P17\n".as_slice(), b"Q17\n", b"G\n", b"\x00"] {
        let mut solo = server(Lines);
        solo.says(line);
        assert_eq!(
            solo.ending().verdict.cause,
            Cause::WrongProtocol,
            "{line:?}"
        );
        assert_eq!(solo.ending().verdict.phase, Phase::Hello);
        assert!(solo.outbound.log.is_empty());
    }
}

#[test]
fn broken_and_foreign_bytes_later_have_different_causes() {
    for (line, cause) in [
        (b"!\n".as_slice(), Cause::FrameMalformed),
        (b"\x00", Cause::ProtocolViolation),
    ] {
        let mut solo = live_lines();
        solo.says(line);
        assert_eq!(solo.cause(), cause);
    }
}

#[test]
fn a_header_without_an_end_is_a_frame_too_large() {
    for chunk in [100, 1_000, usize::MAX] {
        let mut solo = live_lines();
        solo.inbound.chunk = chunk;
        solo.says(&vec![b'x'; 65_536]);
        assert!(solo.connection().is_live());
        solo.says(&vec![b'x'; 65_536]);
        assert_eq!(solo.cause(), Cause::FrameTooLarge);
        assert!(solo.ending().evidence.partial_frame < Some((140_000, None)));
    }
}

#[test]
fn a_header_that_grows_by_a_byte_a_second_is_a_frame_timeout() {
    let mut solo = live_lines();
    for _ in 0..10 {
        assert!(solo.connection().is_live());
        solo.says(b"x");
        solo.advance(secs(1));
    }
    assert_eq!(solo.cause(), Cause::FrameTimeout);
}

#[test]
fn a_notice_has_no_place_on_a_wire_of_its_own() {
    let mut solo = live_lines();
    let notice = crate::wire::Notice {
        code: 85,
        advice: 0,
        deadline_ms: 0,
        address: "".into(),
        reason: "".into(),
    };
    solo.hears(Input::Notice(&notice));
    solo.fin();
    assert!(solo.outbound.log.is_empty());
    assert_eq!(solo.ending().verdict.cause, Cause::PeerFin);
}
