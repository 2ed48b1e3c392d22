//! A client that goes on with its session over another connection, against the server's half in memory.

mod ledger;
mod line;

use std::time::Duration;

use super::*;
use crate::connection::Input;
use crate::wire::{Goodbye, Kind, Welcome};
use crate::{Cause, Close, Connection, Message, Request};

use line::{Line, START, client, config, data, payloads, secs};

/// A client that lost its connection after 2 frames up and 3 down, of which the last of each direction did not arrive. Its
/// server knows of the loss as well.
fn cut() -> (Line, Suspended) {
    let mut line = Line::live();
    line.client.send(b"up 1");
    line.server.send(b"down 1");
    line.server.send(b"down 2");
    line.exchange();
    line.client.send(b"up 2");
    line.server.send(b"down 3");
    line.client.writes();
    line.server.writes();
    line.is_cut();
    let suspended = line.client.suspends().expect("its session lives on");
    (line, suspended)
}

#[test]
fn a_client_that_was_cut_goes_on_and_no_frame_is_lost_or_comes_twice() {
    let (mut line, mut suspended) = cut();
    assert_eq!(suspended.stream.counts()[..2], [2, 2]);
    let limits = Limits::default();
    let sent = suspended.send(line.now, &limits, Outbound::Kept, b"up 3");
    sent.expect("there is room");
    line.advances(secs(3));
    line.resumes(suspended);
    assert!(line.client.is_back && line.server.is_back);
    let (up, down) = (line.server.taken(), line.client.taken());
    assert_eq!(up, [b"up 1", b"up 2", b"up 3"]);
    assert_eq!(down, [&b"down 1"[..], b"down 2", b"down 3"]);
    assert_eq!(line.client.connection.frames(), (3, 3));
    assert_eq!(line.server.connection.frames(), (3, 3));
}

#[test]
fn the_hello_says_how_the_connection_before_ended() {
    let (mut line, mut suspended) = cut();
    suspended.note_slept();
    let told = |suspended: &Suspended, received, moved, now| {
        let mut connection = Connection::go_on(client(), suspended.clone(), moved, now);
        let bytes: Vec<u8> = connection
            .slices()
            .iter()
            .flat_map(|s| s.to_vec())
            .collect();
        let hello = crate::wire::Hello::decode(&bytes[HEADER_LEN..]).expect("it is a hello");
        assert!(hello.resume && hello.received == received && hello.credentials.is_empty());
        Previous::find(&hello.extensions).expect("it has one")
    };
    line.advances(secs(3));
    let previous = Previous {
        connection: 1,
        attempt: 1,
        cause: Cause::PeerReset.code(),
        goodbye: 0,
        ended_ms: 3_000,
        silence_ms: 0,
        paused: false,
        slept: true,
        moved: false,
    };
    assert_eq!(told(&suspended, 2, false, line.now), previous);
    line.resumes(suspended);
    line.server_closes(&Close::new(Cause::FrameTimeout));
    let suspended = line.client.suspends().expect("its session lives on");
    let previous = Previous {
        connection: 2,
        attempt: 2,
        cause: Cause::PeerGoodbye.code(),
        goodbye: Cause::FrameTimeout.code(),
        ended_ms: 0,
        slept: false,
        moved: true,
        ..previous
    };
    assert_eq!(told(&suspended, 3, true, line.now), previous);
}

#[test]
fn a_refused_resume_leaves_the_session_as_it_was() {
    let (mut line, mut before) = cut();
    for close in [
        Close::new(Cause::ServerFull),
        Close::new(Cause::ResumeRefused),
    ] {
        line.dials(before.clone());
        line.newcomer_hears(&close);
        let goodbye = line.client.peer_goodbye().expect("the server said why");
        assert_eq!(goodbye.cause, Some(close.cause));
        let after = line.client.suspends().expect("the session is not touched");
        let counts = [&after, &before].map(|of| of.stream.counts());
        assert_eq!(counts[0], counts[1]);
        let mut tickets = [&after, &before].map(|of| of.ticket().clone());
        assert_eq!(tickets[0].attempts, tickets[1].attempts + 1);
        tickets[1].attempts += 1;
        assert_eq!(tickets[0], tickets[1]);
        assert_eq!(after.standing.previous, before.standing.previous);
        assert_eq!(after.waiting_bytes(), before.waiting_bytes());
        before = after;
    }
    line.resumes(before);
    assert_eq!(line.client.connection.frames(), (3, 2));
}

/// Its goodbye would confirm a welcome that it has not read, and its own token would be void.
#[test]
fn a_client_that_gives_an_attempt_up_says_nothing_and_may_try_again() {
    let (mut line, suspended) = cut();
    let leave = Close {
        paused: true,
        ..Close::new(Cause::ClosedByGame)
    };
    line.dials(suspended);
    // The server has adopted the connection, and its welcome is lost.
    line.server_adopts();
    line.client
        .connection
        .handle(line.now, Input::Close(&leave));
    assert_eq!(line.client.writes(), b"");
    let suspended = line.client.suspends().expect("its session lives on");
    line.dials(suspended);
    line.advances(secs(5));
    line.client.times_out(line.now);
    assert!(line.client.connection.is_closed());
    assert_eq!(line.client.writes(), b"");
    let suspended = line.client.suspends().expect("its session lives on");
    assert_eq!(suspended.ticket().attempts, 2);
    line.resumes(suspended);
    assert!(line.client.is_back);
    assert_eq!(line.client.taken().len(), 3);
}

/// socketio/socket.io#4880: a recovery worked once only, since the client kept its first right.
#[test]
fn socketio_4880_only_once() {
    let (mut line, suspended) = cut();
    let first = suspended.ticket().token.clone();
    line.resumes(suspended);
    line.is_cut();
    let suspended = line.client.suspends().expect("its session lives on");
    let (second, connection) = (
        suspended.ticket().token.clone(),
        suspended.ticket().connection,
    );
    assert_ne!(first, second);
    assert_eq!(connection, 2);
    line.resumes(suspended);
    assert!(line.client.is_back, "the server takes it");
}

/// socketio/socket.io#5538: a client that had received no event yet could not be recovered.
#[test]
fn socketio_5538_no_event_yet() {
    let mut line = Line::live();
    line.is_cut();
    let suspended = line.client.suspends().expect("its session lives on");
    assert_eq!(suspended.stream.counts(), [0, 0, 0]);
    line.resumes(suspended);
    assert!(line.client.is_back && line.server.is_back);
}

/// legastero/stanza#495: the client began to count anew with each resume, and frames came twice.
#[test]
fn stanza_495_counter_reset() {
    let mut line = Line::live();
    for n in 1..=5_u64 {
        line.server.send(b"down");
        line.client.send(b"up");
        line.exchange();
        line.is_cut();
        let suspended = line.client.suspends().expect("its session lives on");
        assert_eq!(suspended.stream.counts()[..2], [n, n]);
        line.resumes(suspended);
    }
    assert_eq!(
        (line.client.taken().len(), line.server.taken().len()),
        (5, 5)
    );
}

/// strophe/libstrophe#222: an acknowledgement was counted against frames that had not been sent, and dropped them.
#[test]
fn libstrophe_222_unsent() {
    let mut line = Line::live();
    line.client.send(b"up 1");
    line.exchange();
    line.is_cut();
    let mut suspended = line.client.suspends().expect("its session lives on");
    assert_eq!(suspended.stream.counts(), [0, 1, 0], "not acknowledged yet");
    let limits = Limits::default();
    let sent = suspended.send(line.now, &limits, Outbound::Kept, b"up 2");
    sent.expect("there is room");
    // The welcome acknowledges the frame that was sent.
    line.resumes(suspended);
    assert_eq!(line.server.taken(), [b"up 1", b"up 2"]);
}

/// A server that answers a resume with a new session, or with a count that cannot be.
#[test]
fn a_welcome_that_is_no_answer_to_a_resume_is_a_violation() {
    let (mut line, suspended) = cut();
    let welcome = Welcome {
        version: 1,
        resumed: true,
        session: *suspended.ticket().session.as_bytes(),
        connection: 2,
        received: 2,
        heartbeat_ms: 5_000,
        dead_ms: 15_000,
        resume_window_ms: 60_000,
        frame_limit: 65_536,
        token: b"another",
        extensions: crate::wire::Extensions::EMPTY,
    };
    let fresh = Welcome {
        resumed: false,
        ..welcome
    };
    let ahead = Welcome {
        received: 3,
        ..welcome
    };
    for wrong in [fresh, ahead] {
        line.dials(suspended.clone());
        let mut bytes = Vec::new();
        wrong.encode(&mut bytes);
        line.client.reads(line.now, &mut bytes);
        assert_eq!(line.client.cause(), Some(Cause::ProtocolViolation));
        assert!(!line.client.is_back && !line.client.is_joined);
        let after = line.client.suspends().expect("the session is not touched");
        assert_eq!(after.ticket().token, suspended.ticket().token);
    }
}

#[test]
fn a_gap_that_the_client_finds_ends_the_session_and_the_server_is_told() {
    let mut line = Line::live();
    line.client.send(b"up 1");
    line.exchange();
    line.client.send(b"up 2");
    line.client.writes();
    line.is_cut();
    let mut suspended = line.client.suspends().expect("its session lives on");
    suspended.stream.evict();
    line.dials(suspended);
    line.server_adopts();
    line.exchange();
    assert_eq!(line.client.cause(), Some(Cause::ResumeRefused));
    let heard = line.server.peer_goodbye().expect("the client said so");
    assert!(heard.over && heard.code == Cause::ResumeRefused.code());
    let suspended = line.client.suspends().expect("its frames can be counted");
    assert_eq!(suspended.stream.counts()[1], 2);
}

#[test]
fn a_client_that_pauses_leaves_its_frames_and_says_so_at_the_next_hello() {
    let mut line = Line::live();
    line.server.send(b"down 1");
    line.exchange();
    let pause = Close {
        paused: true,
        ..Close::with(Cause::ClosedByGame, Message::default())
    };
    line.client.send(b"up 1");
    line.client
        .connection
        .handle(line.now, Input::Close(&pause));
    let written = line.client.writes();
    let kinds: Vec<Kind> = line::kinds(&written);
    assert_eq!(kinds, [Kind::Ack, Kind::Goodbye], "the frame waits");
    let at = written.len() - (HEADER_LEN + 9);
    let goodbye = Goodbye::decode(&written[at + HEADER_LEN..]).expect("it is a goodbye");
    assert!(!goodbye.over && goodbye.code == 0);
    let mut suspended = line.client.suspends().expect("its session lives on");
    assert!(suspended.standing.previous.paused);
    let keyed = Outbound::Latest(7);
    let limits = Limits::default();
    for n in 0..100_000_u32 {
        let state = n.to_be_bytes();
        let sent = suspended.send(line.now, &limits, keyed, &state);
        sent.expect("a key keeps one frame");
    }
    let frames = payloads(suspended.stream.frame_bytes().1);
    assert_eq!(frames, [&b"up 1"[..], &99_999_u32.to_be_bytes()]);
}

#[test]
fn the_queue_of_a_session_without_a_connection_is_bounded() {
    let (line, mut suspended) = cut();
    let limits = Limits {
        outbound_bytes_max: 1_000,
        ..Limits::default()
    };
    let mut send = |how| suspended.send(line.now, &limits, how, &[7; 96]);
    for _ in 0..20 {
        assert_eq!(send(Outbound::Kept), Ok(()));
    }
    assert_eq!(send(Outbound::Kept), Err(SendError::QueueFull));
    assert_eq!(send(Outbound::Latest(1)), Err(SendError::QueueFull));
    assert_eq!(send(Outbound::Droppable), Ok(()), "and it is dropped");
    assert_eq!(suspended.waiting_bytes().0, 2_000);
    let long = vec![0; 70_000];
    let sent = suspended.send(line.now, &limits, Outbound::Kept, &long);
    assert_eq!(sent, Err(SendError::TooLarge));
}

#[test]
fn frames_for_an_attempt_that_fails_wait_for_the_next() {
    let (mut line, suspended) = cut();
    line.dials(suspended);
    let mut queue = Box::new(crate::SendQueue::default());
    queue.push_data(line.now, |out| out.extend_from_slice(&data(b"up 3")));
    line.client.connection.adopt(line.now, &mut queue);
    assert_eq!(line.client.connection.backlog().bytes, 8);
    line.newcomer_hears(&Close::new(Cause::Overloaded));
    let suspended = line.client.suspends().expect("its session lives on");
    line.resumes(suspended);
    assert_eq!(line.server.taken(), [b"up 1", b"up 2", b"up 3"]);
}

#[test]
fn a_session_without_a_window_ends_with_its_connection() {
    let mut config = config();
    config.resume = None;
    let mut line = Line::with(config);
    line.is_cut();
    assert!(!line.client.connection.lives_on());
    assert!(line.client.suspends().is_none());
}

#[test]
fn a_goodbye_that_says_over_ends_the_session_of_the_client() {
    let mut line = Line::live();
    line.server_closes(&Close::new(Cause::Kicked));
    assert!(line.client.connection.is_closed());
    assert!(line.client.suspends().is_none());
}

#[test]
fn an_exported_session_goes_on_in_another_process() {
    let (mut line, mut suspended) = cut();
    let limits = Limits::default();
    let sent = suspended.send(line.now, &limits, Outbound::Latest(1), b"up 3");
    sent.expect("there is room");
    line.advances(secs(2));
    let bytes = suspended.export(line.now);
    line.advances(secs(1));
    let imported = Suspended::import(&bytes, false, line.now).expect("it is sound");
    assert_eq!(imported.ticket(), suspended.ticket());
    assert_eq!(imported.ended(), line.now.before(secs(2)));
    assert_eq!(imported.window_over_after(), secs(60 + 5 + 15));
    line.client.received.clear();
    line.resumes(imported);
    assert_eq!(line.server.taken(), [b"up 1", b"up 2", b"up 3"]);
    assert_eq!(line.client.taken(), [b"down 3"]);
}

#[test]
fn only_sound_bytes_of_this_version_are_imported() {
    let (line, mut suspended) = cut();
    let bytes = suspended.export(line.now);
    let import = |bytes: &[u8]| Suspended::import(bytes, false, START).map(|_| ());
    assert_eq!(import(&bytes), Ok(()));
    for n in 0..bytes.len() {
        assert!(import(&bytes[..n]).is_err(), "{n} bytes");
        let mut wrong = bytes.clone();
        wrong[n] ^= 1;
        let error = match n {
            0..=3 => ImportError::NoExport,
            4 => ImportError::Version(0),
            _ => ImportError::Damaged,
        };
        assert_eq!(import(&wrong), Err(error), "byte {n}");
    }
    suspended.standing.is_secured = true;
    let bytes = suspended.export(line.now);
    assert_eq!(import(&bytes), Err(ImportError::TlsMissing));
    assert!(Suspended::import(&bytes, true, START).is_ok_and(|imported| imported.is_secured()));
    let shown = format!("{suspended:?}");
    assert!(!shown.contains("token"), "{shown}");
}

/// The check finds accidents. Any bytes may have the right one.
#[test]
fn what_is_imported_is_what_the_bytes_say_and_can_go_on() {
    let (line, mut suspended) = cut();
    let limits = Limits::default();
    let sent = suspended.send(line.now, &limits, Outbound::Kept, b"up 3");
    sent.expect("there is room");
    let bytes = suspended.export(line.now);
    let content = &bytes[..bytes.len() - 8];
    let later = START + secs(1 << 40);
    let (mut taken, mut refused) = (0, 0);
    for n in 5..content.len() {
        for byte in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut changed = content.to_vec();
            changed[n] = byte;
            let check = hmac_sha256::Hash::hash(&changed);
            changed.extend_from_slice(&check[..8]);
            let Ok(mut imported) = Suspended::import(&changed, true, later) else {
                refused += 1;
                continue;
            };
            taken += 1;
            assert_eq!(imported.export(later), changed, "byte {n} is {byte}");
            let mut connection = Connection::go_on(client(), imported, false, later);
            assert!(connection.slices().iter().any(|slice| !slice.is_empty()));
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} {refused}");
}

#[test]
fn a_probe_that_is_answered_changes_nothing() {
    let mut line = Line::live();
    line.client.connection.handle(line.now, Input::Probe);
    line.exchange();
    line.advances(secs(2));
    line.client.times_out(line.now);
    assert!(line.client.connection.is_live());
}

#[test]
fn a_probe_without_an_answer_leaves_the_connection_and_not_the_session() {
    let mut line = Line::live();
    line.client.connection.handle(line.now, Input::Probe);
    line.client.writes();
    // Bytes that were on their way prove little: the answer has the same time again.
    line.advances(secs(1));
    let mut late = data(b"on its way");
    line.client.reads(line.now, &mut late);
    line.advances(Duration::from_millis(1_999));
    line.client.times_out(line.now);
    assert!(line.client.connection.is_live());
    line.advances(Duration::from_millis(1));
    line.client.times_out(line.now);
    assert_eq!(line.client.cause(), Some(Cause::PeerSilent));
    let suspended = line.client.suspends().expect("its session lives on");
    assert_eq!(suspended.standing.previous.silence_ms, 2_000);
}

#[test]
fn a_probe_is_not_judged_while_its_answer_may_lie_unread() {
    let mut line = Line::live();
    line.client.connection.handle(line.now, Input::Probe);
    line.client.connection.handle(line.now, Input::Paused);
    line.advances(secs(3));
    line.client.times_out(line.now);
    assert!(line.client.connection.is_live());
    line.client.connection.handle(line.now, Input::Resumed);
    line.client.times_out(line.now);
    assert_eq!(line.client.cause(), Some(Cause::PeerSilent));
}

#[test]
fn a_probe_ends_no_session_that_cannot_resume() {
    let mut config = config();
    config.resume = None;
    let mut line = Line::with(config);
    let mut requests = crate::Requests::default();
    assert!(requests.is_empty());
    requests.add(Request::Probe);
    assert!(!requests.is_empty() && requests.probe);
    line.client.connection.handle(line.now, Input::Probe);
    assert_eq!(line::kinds(&line.client.writes()), [Kind::Ping]);
    line.advances(secs(4));
    line.client.times_out(line.now);
    assert!(line.client.connection.is_live());
}
