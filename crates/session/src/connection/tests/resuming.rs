//! Sessions that outlive their connections.

mod lives;
mod others;
mod seen_ends;
mod two_ends;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Ack, Goodbye, HEADER_LEN, Hello, Kind, Previous, Welcome};
use crate::{
    Advice, Cause, Close, Config, Connection, DepartureCause, Knock, Message, Outbound, Refusal,
    Request, SessionId,
};

use super::harness::{
    ADMISSION, Answer, DEAD, HELLO, Host, Pipe, Seen, Solo, encoded, frame, frames, millis,
    payloads, secs,
};
use lives::{Lives, WILLING, WINDOW, config, patient};

#[track_caller]
fn goodbye(pipe: &Pipe) -> Goodbye<'static> {
    let frames = frames(&pipe.log);
    let (kind, payload) = frames.last().expect("something was written");
    assert_eq!(*kind, Kind::Goodbye);
    let goodbye = Goodbye::decode(payload).expect("it decodes");
    Goodbye {
        address: goodbye.address.into_owned().into(),
        reason: goodbye.reason.into_owned().into(),
        ..goodbye
    }
}

#[test]
fn a_player_that_was_cut_comes_back_and_nothing_is_lost_or_comes_twice() {
    let mut lives = Lives::live();
    lives.pair.client_sends(b"c0");
    lives.pair.server_sends(b"s0");
    lives.pair.cut();
    lives.pair.client_sends(b"c1");
    lives.pair.server_sends(b"s1");
    lives.is_cut();
    let lost = lives.pair.server.lost.as_ref().expect("the game was told");
    assert_eq!(lost.verdict.cause, Cause::PathDead);
    assert!(lives.pair.server.departed.is_none());
    // Both games go on.
    lives.pair.server_sends(b"s2");
    lives.pair.client_sends(b"c2");
    let seen = payloads(&lives.pair.server.seen).concat();
    assert_eq!(seen, b"c0");
    lives.comes_back();
    let seen = std::mem::take(&mut lives.pair.server.seen);
    assert_eq!(seen[0], Seen::Back, "before its first frame");
    assert_eq!(payloads(&seen).concat(), b"c1c2");
    assert_eq!(payloads(&lives.pair.client.seen).concat(), b"s1s2");
    let connection = lives.pair.server.connection();
    assert_eq!(connection.frames(), (3, 3));
    assert_eq!(
        (lives.epoch, lives.pair.client.connection().frames()),
        (2, (3, 3))
    );
}

#[test]
fn a_session_comes_back_any_number_of_times() {
    let mut lives = Lives::live();
    for n in 0..20_u8 {
        lives.pair.server_sends(&[n]);
        lives.is_cut();
        lives.pair.server_sends(&[n + 100]);
        lives.comes_back();
        assert_eq!(payloads(&lives.pair.client.seen), [[n + 100]]);
        lives.pair.client_sends(&[n]);
        assert_eq!(payloads(&lives.pair.server.seen), [[n]]);
        lives.pair.client.seen.clear();
        lives.pair.server.seen.clear();
    }
    assert_eq!(lives.epoch, 21);
}

/// The client gives up a connection that the server takes for alive.
#[test]
fn a_live_connection_is_superseded_and_is_told_so() {
    let mut lives = Lives::live();
    lives.pair.server_sends(b"s0");
    let (next, knock) = lives.dials();
    let mut old = lives.adopts(next, &knock.expect("it is valid"));
    lives.pair.run();
    assert_eq!(lives.pair.server.seen, [Seen::Back]);
    old.client.seen.clear();
    old.run();
    let goodbye = goodbye(&old.down);
    assert_eq!(goodbye.code, Cause::SupersededByResume.code());
    assert_eq!((goodbye.over, goodbye.advice), (true, Advice::DoNot.code()));
    let lost = old.server.lost.as_ref().expect("the connection is lost");
    assert_eq!(lost.verdict.cause, Cause::SupersededByResume);
    assert!(old.server.departed.is_none());
}

#[test]
fn a_frame_that_was_half_written_comes_whole_on_the_next_connection() {
    let mut lives = Lives::with(patient());
    lives.pair.down.capacity = HEADER_LEN + 3;
    lives.pair.down.is_cut = true;
    let now = lives.pair.now;
    let connection = lives.pair.server.connection_mut();
    for payload in [b"first", b"other"] {
        connection.send(now, payload).expect("it is taken");
    }
    lives.is_cut();
    lives.comes_back();
    assert_eq!(payloads(&lives.pair.client.seen), [b"first", b"other"]);
}

#[test]
fn an_older_attempt_is_refused_and_its_session_lives_on() {
    let mut lives = Lives::live();
    lives.is_cut();
    let (late, _) = lives.dials();
    lives.pair.client = late.client;
    lives.comes_back();
    let raced = lives.judge(&[Seen::Claim {
        session: SessionId::from_bytes(ADMISSION.session),
        token: lives.token.clone(),
        previous: Some(Previous {
            attempt: 1,
            ..Previous::default()
        }),
        received: 0,
        frame_limit: 65_536,
    }]);
    assert_eq!(raced, Err(Refusal::Raced));
    let mut newcomer = Solo::server_with(config(), Answer::Wait);
    let hello = Hello {
        resume: true,
        ..WILLING
    };
    newcomer.says(&encoded(|out| hello.encode(out)));
    newcomer.closes(&Refusal::Raced.close());
    let goodbye = goodbye(&newcomer.outbound);
    assert_eq!((goodbye.code, goodbye.over), (63, false));
}

#[test]
fn a_client_that_declines_and_a_server_without_resume_have_no_window() {
    for (config, hello) in [(config(), HELLO), (Config::default(), WILLING)] {
        let mut solo = Solo::server_with(config, Answer::Admit(ADMISSION));
        solo.says(&encoded(|out| hello.encode(out)));
        let written = solo.written();
        let welcome = Welcome::decode(&written[0].1).expect("it decodes");
        assert_eq!((welcome.resume_window_ms, welcome.token), (0, &[][..]));
        solo.sends(0, b"no ack is needed");
        solo.reset();
        assert_eq!(solo.ending().verdict.cause, Cause::PeerReset);
        assert!(solo.host.departed.is_some() && solo.host.lost.is_none());
    }
}

#[test]
fn the_first_frame_behind_a_welcome_with_a_token_is_an_ack_or_a_goodbye() {
    let ping = [0; 16];
    for (kind, payload) in [(0, &b"data"[..]), (3, &ping), (128, b"")] {
        let mut solo = willing();
        solo.sends(kind, payload);
        assert_eq!(solo.cause(), Cause::ProtocolViolation);
        assert!(
            solo.host.departed.is_some(),
            "the session was not confirmed"
        );
    }
    let mut solo = willing();
    solo.sends(6, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(solo.cause(), Cause::PeerGoodbye);
    let mut solo = confirmed();
    solo.sends(0, b"data");
    assert!(solo.connection().is_live());
}

/// A server's session that offers a token.
fn willing() -> Solo {
    let mut solo = Solo::server_with(config(), Answer::Admit(ADMISSION));
    solo.says(&encoded(|out| WILLING.encode(out)));
    assert!(solo.connection().is_live());
    solo.outbound.log.clear();
    solo
}

/// The same, confirmed.
fn confirmed() -> Solo {
    let mut solo = willing();
    solo.says(&encoded(|out| Ack { received: 0 }.encode(out)));
    solo
}

fn acks(solo: &Solo) -> Vec<u64> {
    let written = solo.written();
    let acks = written.iter().filter(|(kind, _)| *kind == Kind::Ack);
    acks.map(|(_, ack)| Ack::decode(ack).expect("it decodes").received)
        .collect()
}

#[test]
fn a_server_acks_after_so_many_frames_bytes_or_a_second() {
    let mut solo = confirmed();
    solo.says(&frame(0, b"one").repeat(63));
    assert_eq!(acks(&solo), []);
    solo.sends(0, b"one more");
    assert_eq!(acks(&solo), [64]);
    solo.sends(0, &[0; 32 * 1024]);
    assert_eq!(acks(&solo), [64, 65]);
    solo.sends(0, b"alone");
    solo.advance(millis(999));
    assert_eq!(acks(&solo), [64, 65]);
    solo.advance(millis(1));
    assert_eq!(acks(&solo), [64, 65, 66]);
    solo.advance(secs(3));
    assert_eq!(acks(&solo), [64, 65, 66], "there is nothing to acknowledge");
}

#[test]
fn an_ack_is_owed_most_of_the_time_and_the_deadline_is_kept_and_no_ack_is_late() {
    let mut solo = confirmed();
    solo.host.keeps_deadline = true;
    solo.advance(millis(1));
    // When each frame came that is not acknowledged, and how often the deadline was set.
    let (mut owed, mut set) = (Vec::new(), 0);
    for n in 1..=2_000_u64 {
        let before = solo.host.wake_set;
        // Frames come in bursts, with pauses in which the last ack goes out.
        let pause = if n % 100 == 0 {
            millis(2_500)
        } else {
            millis(20)
        };
        owed.push(solo.now);
        solo.sends(0, b"frame");
        set += u32::from(solo.host.wake_set != before);
        solo.advance(pause);
        let told = acks(&solo).last().copied().unwrap_or(0);
        let unacked = owed.len() - usize::try_from(told).expect("it is small");
        let oldest = owed.len() - unacked;
        if let Some(came) = owed.get(oldest) {
            assert!(solo.now.since(*came) < secs(1), "frame {n}");
        }
    }
    assert!(
        set <= 100,
        "{set} times for 2,000 frames in 20 bursts of 2 s"
    );
}

#[test]
fn an_ack_joins_a_write_from_half_of_that_on() {
    let mut solo = confirmed();
    solo.sends(0, b"one");
    solo.advance(millis(499));
    for (after, expected) in [(0, 0), (1, 1)] {
        solo.advance(millis(after));
        let now = solo.now;
        solo.connection().send(now, b"state").expect("it is taken");
        solo.run();
        assert_eq!(acks(&solo).len(), expected);
    }
}

#[test]
fn without_resume_no_ack_is_sent() {
    let mut solo = Solo::live();
    solo.says(&frame(0, b"one").repeat(1_000));
    solo.advance(secs(2));
    assert_eq!(acks(&solo), []);
}

/// The game queues more than the peer reads, and the path breaks: the frames wait, each in its order.
#[test]
fn frames_that_wait_when_the_connection_ends_wait_for_the_next() {
    let mut lives = Lives::with(patient());
    lives.pair.down.capacity = 0;
    let now = lives.pair.now;
    for n in 0..10_u8 {
        let connection = lives.pair.server.connection_mut();
        connection.send(now, &[n]).expect("it is taken");
    }
    lives.is_cut();
    assert_eq!(
        lives.pair.server.connection().frames().1,
        0,
        "none has a number"
    );
    lives.comes_back();
    let expected: Vec<Vec<u8>> = (0..10).map(|n| vec![n]).collect();
    assert_eq!(payloads(&lives.pair.client.seen), expected);
}

/// The end is not read yet, or what was written is not acknowledged: the cause does not stand, and the game goes on.
#[test]
fn frames_that_come_between_the_sight_of_an_end_and_its_cause_wait_for_the_next_connection() {
    for write_fails in [true, false] {
        let mut lives = Lives::with(patient());
        let now = lives.pair.now;
        lives.pair.down.latency = secs(1);
        lives.pair.server_sends(b"s0");
        lives.pair.down.breaks(now);
        match write_fails {
            true => lives.pair.server.faults.write = Some(ErrorKind::BrokenPipe),
            false => lives.pair.up.fin(now),
        }
        lives.pair.server_sends(b"s1");
        let config = Arc::clone(&lives.config);
        for (n, payload) in [b"s2", b"s3"].into_iter().enumerate() {
            let left = &mut lives.pair.server.mailbox;
            let left = left.send(&config, now, Outbound::Kept, payload);
            assert_eq!(left, Ok(()), "{n}");
            lives.pair.run();
        }
        assert!(lives.pair.server.lost.is_none(), "the cause does not stand");
        lives.pair.up.reset(now);
        lives.pair.down.fails(now, ErrorKind::ConnectionReset);
        lives.pair.advance(secs(20));
        lives
            .pair
            .server
            .mailbox
            .send(&config, now, Outbound::Kept, b"s4")
            .expect("it waits");
        lives.pair.run();
        lives.comes_back();
        assert_eq!(payloads(&lives.pair.client.seen).concat(), b"s0s1s2s3s4");
    }
}

/// The window is longer than the greatest age of a frame.
#[test]
fn a_frame_that_waited_for_its_player_is_not_stale() {
    let mut lives = Lives::live();
    lives.is_cut();
    lives.pair.server_sends(b"old");
    lives.pair.advance(secs(30));
    let (next, knock) = lives.dials();
    drop(lives.adopts(next, &knock.expect("it is valid")));
    // The frame has to wait until the client has read the welcome.
    lives.pair.down.latency = secs(3);
    let (token, server_saw) = (32, 4 + 10);
    lives.pair.down.capacity = HEADER_LEN + 50 + token + server_saw;
    lives.pair.advance(secs(7));
    assert_eq!(payloads(&lives.pair.client.seen), [b"old"]);
    assert!(lives.pair.server.connection().is_live());
}

#[test]
fn a_kick_ends_the_session_and_drops_what_waits() {
    let mut lives = Lives::live();
    lives.pair.server_closes(&Close::new(Cause::Kicked));
    lives.pair.advance(secs(5));
    assert!(lives.pair.server.departed.is_some() && lives.pair.server.lost.is_none());
    assert!(goodbye(&lives.pair.down).over);
    assert!(!lives.pair.client.connection().lives_on());
}

#[test]
fn a_connection_that_is_given_up_says_that_its_session_is_kept() {
    let mut solo = confirmed();
    solo.advance(DEAD + secs(1));
    let goodbye = goodbye(&solo.outbound);
    assert!(!goodbye.over, "{goodbye:?}");
    solo.advance(secs(5));
    assert!(solo.host.lost.is_some() && solo.host.departed.is_none());
}

/// The player comes back when more frames than the cap are not acknowledged.
#[test]
fn more_than_the_cap_is_a_gap_and_the_session_waits_on() {
    let mut config = config();
    config.limits.outbound_bytes_max = 2_000;
    let mut lives = Lives::with(config);
    lives.pair.down.is_cut = true;
    for _ in 0..30 {
        lives.pair.server_sends(&[7; 100]);
    }
    lives.is_cut();
    let (_, knock) = lives.dials();
    assert_eq!(knock, Err(Refusal::Gap));
    let now = lives.pair.now;
    let resume = lives.pair.server.connection().resume().expect("it waits");
    assert!(resume.is_away() && !resume.is_expired(now));
}

#[test]
fn an_away_session_is_over_at_the_end_of_its_window() {
    let mut lives = Lives::away();
    let left = lives.pair.server.wake_at.since(lives.pair.now);
    assert!(left > secs(30) && left <= WINDOW);
    lives.pair.advance(left - Duration::from_micros(1));
    assert!(lives.pair.server.is_away());
    lives.pair.advance(Duration::from_micros(1));
    assert_eq!(lives.pair.server.left, Some(DepartureCause::ResumeExpired));
}

#[test]
fn a_game_may_hold_an_away_session_for_another_time() {
    let mut lives = Lives::away();
    lives.pair.server.session.hold(lives.pair.now, secs(3));
    lives.pair.run();
    let left = lives.pair.server.wake_at.since(lives.pair.now);
    assert_eq!(left, secs(3));
}

#[test]
fn a_decision_ends_an_away_session_at_once() {
    for (request, cause) in [
        (Request::close(Close::new(Cause::Kicked)), Cause::Kicked),
        (Request::Abort, Cause::ClosedByGame),
        (
            Request::DrainExpired(Arc::new(Message::default())),
            Cause::DrainExpired,
        ),
    ] {
        let mut lives = Lives::away();
        lives.pair.server.mailbox.requests.add(request);
        lives.pair.run();
        assert_eq!(lives.pair.server.left, Some(DepartureCause::Ended(cause)));
    }
}

#[test]
fn an_away_session_takes_frames_up_to_its_cap() {
    let mut config = config();
    config.limits.outbound_bytes_max = 1_000;
    let mut lives = Lives::with(config);
    lives.is_cut();
    let now = lives.pair.now;
    let connection = lives.pair.server.connection_mut();
    let sent = (0..100).map(|_| connection.send(now, &[7; 96]));
    let taken = sent.filter(Result::is_ok).count();
    assert_eq!(
        taken, 20,
        "twice the cap, since nothing was refused by a kernel"
    );
}

/// The decision comes while the lost connection lingers.
#[test]
fn a_kick_behind_a_loss_ends_the_session_for_good() {
    let mut solo = confirmed();
    solo.advance(DEAD + secs(1));
    assert!(solo.host.lost.is_some() && solo.connection().lives_on());
    let now = solo.now;
    assert_eq!(solo.connection().check_knock(now, &KNOCK), Ok(()));
    solo.closes(&Close::new(Cause::Kicked));
    assert!(!solo.connection().lives_on());
    let late = solo.connection().check_knock(now, &KNOCK);
    assert_eq!(late, Err(Refusal::Stale));
}

const KNOCK: Knock = Knock {
    generation: 1,
    attempt: None,
    received: 0,
    frame_limit: 65_536,
    is_secured: false,
};

/// The first connection was never confirmed, so its session ends with it. The end was seen, and not yet told.
#[test]
fn a_knock_that_meets_the_end_of_a_session_does_not_keep_the_game_from_hearing_of_it() {
    let mut solo = willing();
    solo.outbound.latency = secs(3);
    let now = solo.now;
    solo.connection().send(now, b"s0").expect("it is taken");
    solo.fin();
    assert!(!solo.is_over(), "its frame is not acknowledged");
    let next = Connection::server(Arc::new(config()), now);
    let mut newcomer = Host::new(next, Answer::Wait);
    let (session, readings) = (SessionId::from_bytes(ADMISSION.session), solo.readings());
    let knock = (session, &KNOCK);
    let refused = solo.host.goes_on(now, &mut newcomer, knock, readings);
    assert_eq!(refused, Err(Refusal::Stale));
    solo.run();
    assert_eq!(solo.ending().verdict.cause, Cause::PeerClosedWhileSending);
    assert!(solo.host.departed.is_some() && solo.host.lost.is_none());
}

/// The client sends its ack and a goodbye that says so, and its frames wait for it as the server's do.
#[test]
fn a_client_that_pauses_comes_back_to_its_session() {
    let mut lives = Lives::live();
    lives.pair.server_sends(b"s0");
    let now = lives.pair.now;
    let client = lives.pair.client.connection_mut();
    client.send(now, b"c0").expect("it is taken");
    let pause = Close {
        paused: true,
        ..Close::new(Cause::ClosedByGame)
    };
    lives.pair.client_closes(&pause);
    lives.pair.advance(secs(5));
    let said = goodbye(&lives.pair.up);
    assert_eq!((said.code, said.over), (0, false));
    let lost = lives.pair.server.lost.as_ref().expect("the session waits");
    assert_eq!(lost.verdict.cause, Cause::PeerGoodbye);
    assert_eq!(lost.evidence.frames_unacked, 0, "an ack came first");
    lives
        .pair
        .client
        .connection_mut()
        .send(lives.pair.now, b"c1")
        .expect("it waits");
    lives.pair.server_sends(b"s1");
    lives.comes_back();
    assert_eq!(payloads(&lives.pair.server.seen).concat(), b"c0c1");
    assert_eq!(payloads(&lives.pair.client.seen).concat(), b"s1");
}

/// A phone in the background, while the game tells of each of two objects 20 times a second.
#[test]
fn a_player_that_pauses_for_a_minute_reads_one_update_of_each_key() {
    let mut config = config();
    if let Some(resume) = &mut config.resume {
        resume.window = secs(180);
    }
    let mut lives = Lives::with(config);
    let pause = Close {
        paused: true,
        ..Close::new(Cause::ClosedByGame)
    };
    lives.pair.client_closes(&pause);
    lives.pair.advance(secs(1));
    let config = Arc::clone(&lives.config);
    for n in 0..1_200_u32 {
        let now = lives.pair.now;
        let update = n.to_be_bytes();
        let server = &mut lives.pair.server;
        let in_place = server.connection_mut();
        assert_eq!(in_place.send_as(now, Outbound::Latest(1), &update), Ok(()));
        let elsewhere = &mut server.mailbox;
        let sent = elsewhere.send(&config, now, Outbound::Latest(2), &update);
        assert_eq!(sent, Ok(()));
        lives.pair.advance(millis(50));
    }
    assert!(lives.pair.server.connection().held_bytes() < 100);
    lives.comes_back();
    let newest = 1_199_u32.to_be_bytes();
    assert_eq!(payloads(&lives.pair.client.seen), [newest; 2]);
}

#[test]
fn a_frame_that_was_dropped_before_its_first_byte_has_no_number() {
    let mut config = patient();
    config.limits.outbound_bytes_max = 1_000;
    let mut lives = Lives::with(config);
    lives.pair.client.reads = false;
    lives.pair.down.capacity = 100;
    let now = lives.pair.now;
    for n in 0..100 {
        let server = lives.pair.server.connection_mut();
        let sent = server.send_as(now, Outbound::Droppable, &[n; 50]);
        assert_eq!(sent, Ok(()), "a drop is no error");
        lives.pair.run();
    }
    lives.pair.client.reads = true;
    lives.pair.down.capacity = usize::MAX;
    lives.pair.run();
    let came = payloads(&lives.pair.client.seen).len();
    assert!((1..100).contains(&came), "some were dropped: {came}");
    lives.is_cut();
    lives.comes_back();
    lives.pair.server_sends(b"next");
    let counts = [&lives.pair.server, &lives.pair.client].map(|end| end.connection().frames());
    let came = u64::try_from(came).expect("it fits") + 1;
    assert_eq!([counts[0].1, counts[1].0], [came; 2]);
    assert_eq!(payloads(&lives.pair.client.seen), [b"next"]);
}
