//! A peer that reads slowly: the owner is told first, then frames are dropped or replaced as their policies say, and each
//! is in the record.

use super::super::Output;
use crate::wire::Kind;
use crate::{Cause, Close, Config, Connection, Evidence, Limits, Link, Outbound, SendError};

use super::harness::{SUSPECT, Seen, Solo, millis, secs};

/// Room for ten frames of 96 bytes, and for ten more that wait for their first write.
fn small() -> Config {
    let limits = Limits {
        outbound_bytes_max: 1_000,
        ..Limits::default()
    };
    Config {
        limits,
        ..Config::default()
    }
}

/// A session whose peer reads nothing from now on.
fn stuck() -> Solo {
    let mut solo = Solo::live_with(small());
    solo.stops_reading(0);
    solo
}

/// Queues a frame that starts with `n`, and tries to write.
fn send(solo: &mut Solo, how: Outbound, n: u8) -> Result<(), SendError> {
    let now = solo.now;
    let sent = solo.connection().send_as(now, how, &[n; 96]);
    solo.run();
    sent
}

fn links(solo: &Solo) -> Vec<Link> {
    let link = |seen: &Seen| match seen {
        Seen::Link(link) => Some(link.clone()),
        Seen::Data(_)
        | Seen::Credentials(_)
        | Seen::Secured
        | Seen::Welcome(_)
        | Seen::Notice { .. }
        | Seen::RoundTrip(_)
        | Seen::Claim { .. }
        | Seen::Back => None,
    };
    solo.host.seen.iter().filter_map(link).collect()
}

/// The first bytes of the data frames that were written.
fn written(solo: &Solo) -> Vec<u8> {
    let written = solo.written().into_iter();
    let data = written.filter(|(kind, _)| *kind == Kind::Data);
    data.map(|(_, payload)| payload[0]).collect()
}

fn reads_again(solo: &mut Solo) {
    solo.outbound.capacity = usize::MAX;
    solo.peer_reads = true;
    solo.run();
}

fn fates(evidence: &Evidence) -> [u64; 4] {
    [
        evidence.frames_out,
        evidence.frames_unsent,
        evidence.frames_dropped,
        evidence.frames_replaced,
    ]
}

#[test]
fn a_session_is_congested_over_half_of_the_cap_and_flows_again_at_a_quarter() {
    let mut solo = stuck();
    for n in 0..5 {
        assert_eq!(send(&mut solo, Outbound::Kept, n), Ok(()));
    }
    assert_eq!(
        (solo.connection().queued_bytes(), links(&solo)),
        (500, vec![])
    );
    assert_eq!(send(&mut solo, Outbound::Kept, 5), Ok(()));
    assert_eq!(links(&solo), [Link::Congested]);
    solo.outbound.capacity = 349;
    solo.run();
    assert_eq!(solo.connection().queued_bytes(), 251);
    assert_eq!(links(&solo), [Link::Congested]);
    solo.outbound.capacity += 1;
    solo.run();
    assert_eq!(links(&solo), [Link::Congested, Link::Flowing]);
}

#[test]
fn a_burst_that_the_kernel_takes_congests_nothing() {
    let mut solo = Solo::live_with(small());
    let now = solo.now;
    for n in 0..20 {
        let sent = solo
            .connection()
            .send_as(now, Outbound::Droppable, &[n; 96]);
        assert_eq!(sent, Ok(()));
    }
    solo.run();
    assert_eq!((written(&solo).len(), links(&solo)), (20, vec![]));
}

#[test]
fn the_owner_is_told_before_the_session_ends() {
    let mut solo = stuck();
    let now = solo.now;
    while solo.connection().send(now, &[0; 96]) == Ok(()) {}
    solo.run();
    assert_eq!(links(&solo), [Link::Congested]);
    assert_eq!(solo.cause(), Cause::SendQueueFull);
}

#[test]
fn the_owner_is_told_before_a_frame_is_dropped() {
    let mut solo = stuck();
    let now = solo.now;
    let connection = solo.connection();
    for n in 0..15 {
        let sent = connection.send_as(now, Outbound::Droppable, &[n; 96]);
        assert_eq!(sent, Ok(()));
    }
    assert!(!connection.write_refused());
    let seen = |connection: &Connection| {
        let dropped = connection.traffic().frames_dropped;
        (connection.queued_bytes(), dropped)
    };
    assert_eq!(seen(connection), (1_500, 0));
    let told = connection.poll_output();
    assert!(
        matches!(told, Some(Output::Link(Link::Congested))),
        "{told:?}"
    );
    assert_eq!(seen(connection), (1_500, 0));
    assert!(connection.poll_output().is_none());
    assert_eq!(seen(connection), (1_000, 5));
}

#[test]
fn the_owner_is_told_of_a_frame_that_waits_for_half_of_its_time() {
    let mut solo = stuck();
    assert_eq!(send(&mut solo, Outbound::Kept, 0), Ok(()));
    solo.advance(millis(2_499));
    assert_eq!(links(&solo), []);
    solo.advance(millis(1));
    assert_eq!(links(&solo), [Link::Congested]);
    solo.sends(0, b"alive");
    reads_again(&mut solo);
    assert_eq!(links(&solo), [Link::Congested, Link::Flowing]);
}

#[test]
fn a_slow_peer_gets_the_newest_droppable_frames_and_all_others_in_order() {
    let mut solo = stuck();
    solo.outbound.capacity = 50;
    for n in 0..40 {
        let how = match n % 10 {
            3 => Outbound::Kept,
            _ => Outbound::Droppable,
        };
        assert_eq!(send(&mut solo, how, n), Ok(()));
        assert!(solo.connection().queued_bytes() <= 1_000, "{n}");
    }
    assert_eq!(links(&solo), [Link::Congested]);
    reads_again(&mut solo);
    // The first has begun.
    assert_eq!(written(&solo), [0, 3, 13, 23, 33, 35, 36, 37, 38, 39]);
    let traffic = solo.connection().traffic();
    assert_eq!((traffic.frames_dropped, traffic.frames_out), (30, 10));
    assert!(solo.connection().is_live());
    assert_eq!(links(&solo), [Link::Congested, Link::Flowing]);
}

#[test]
fn frames_that_may_not_be_dropped_end_the_session_also_among_others() {
    let mut solo = stuck();
    for _ in 0..20 {
        assert_eq!(send(&mut solo, Outbound::Droppable, 0), Ok(()));
        assert_eq!(
            send(&mut solo, Outbound::Kept, 1),
            Ok(()),
            "twice the cap of them"
        );
    }
    assert_eq!(send(&mut solo, Outbound::Droppable, 0), Ok(()));
    assert!(solo.connection().is_live());
    assert_eq!(
        send(&mut solo, Outbound::Kept, 1),
        Err(SendError::QueueFull)
    );
    assert_eq!(solo.cause(), Cause::SendQueueFull);
    assert_eq!(fates(&solo.ending().evidence), [0, 20, 21, 0]);
}

#[test]
fn a_droppable_frame_is_dropped_for_its_age_and_ends_nothing() {
    let mut solo = stuck();
    for n in 0..4 {
        assert_eq!(send(&mut solo, Outbound::Droppable, n), Ok(()));
        solo.advance(secs(1));
        solo.sends(0, b"alive");
    }
    assert_eq!(links(&solo), [Link::Congested]);
    solo.advance(secs(1));
    solo.sends(0, b"alive");
    assert_eq!(
        solo.connection().queued_bytes(),
        300,
        "the first is 5 s old"
    );
    solo.advance(secs(2));
    assert_eq!(links(&solo), [Link::Congested]);
    solo.sends(0, b"alive");
    solo.advance(secs(1));
    assert_eq!(solo.connection().queued_bytes(), 0);
    assert_eq!(
        links(&solo),
        [Link::Congested, Link::Flowing],
        "nothing waits now"
    );
    reads_again(&mut solo);
    assert_eq!(written(&solo), []);
    assert_eq!(solo.connection().traffic().frames_dropped, 4);
}

#[test]
fn a_frame_that_is_kept_is_stale_also_behind_younger_policies() {
    let mut solo = stuck();
    assert_eq!(send(&mut solo, Outbound::Latest(1), 0), Ok(()));
    assert_eq!(send(&mut solo, Outbound::Kept, 1), Ok(()));
    for _ in 0..5 {
        solo.advance(secs(1));
        solo.sends(0, b"alive");
        if solo.connection().is_live() {
            assert_eq!(send(&mut solo, Outbound::Droppable, 2), Ok(()));
            assert_eq!(send(&mut solo, Outbound::Latest(1), 3), Ok(()));
        }
    }
    assert_eq!(solo.cause(), Cause::SendQueueStale);
    let [out, unsent, dropped, replaced] = fates(&solo.ending().evidence);
    assert_eq!((out, replaced), (0, 4));
    assert_eq!(out + unsent + dropped + replaced, 10);
}

#[test]
fn a_newer_frame_takes_the_place_of_the_older_one_with_its_key() {
    let mut solo = stuck();
    for (n, how) in [
        Outbound::Latest(1),
        Outbound::Kept,
        Outbound::Latest(2),
        Outbound::Latest(1),
        Outbound::Kept,
        Outbound::Latest(2),
        Outbound::Latest(1),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            send(&mut solo, how, u8::try_from(n).expect("small")),
            Ok(())
        );
    }
    assert_eq!(solo.connection().queued_bytes(), 400);
    reads_again(&mut solo);
    assert_eq!(written(&solo), [6, 1, 5, 4]);
    assert_eq!(solo.connection().traffic().frames_replaced, 3);
    assert_eq!(send(&mut solo, Outbound::Latest(1), 9), Ok(()));
    assert_eq!(written(&solo), [6, 1, 5, 4, 9]);
}

#[test]
fn a_frame_that_has_begun_is_not_replaced() {
    let mut solo = stuck();
    solo.outbound.capacity = 1;
    for n in 0..3 {
        assert_eq!(send(&mut solo, Outbound::Latest(7), n), Ok(()));
    }
    reads_again(&mut solo);
    assert_eq!(written(&solo), [0, 2]);
}

/// The peer takes one frame for each round of a hundred keys, which all change in each round.
#[test]
fn every_key_reaches_a_slow_peer() {
    let mut solo = Solo::live();
    solo.stops_reading(0);
    for round in 0..200_u8 {
        for key in 0..100_u8 {
            let now = solo.now;
            let payload = [&[key][..], &vec![round; usize::from(round % 7)]].concat();
            let sent = solo
                .connection()
                .send_as(now, Outbound::Latest(key.into()), &payload);
            assert_eq!(sent, Ok(()));
        }
        let front = solo.connection().slices()[2].get(2).copied().unwrap_or(0);
        solo.outbound.capacity += 4 + usize::from(front);
        solo.run();
    }
    let expected: Vec<u8> = (0..100).chain(0..100).collect();
    assert_eq!(written(&solo), expected);
    assert!(solo.connection().is_live());
    assert_eq!(links(&solo), []);
}

#[test]
fn an_age_ends_no_session_that_only_has_latest_frames() {
    let mut solo = stuck();
    assert_eq!(send(&mut solo, Outbound::Latest(1), 0), Ok(()));
    for _ in 0..9 {
        solo.advance(secs(1));
        solo.sends(0, b"alive");
    }
    assert_eq!(links(&solo), []);
    reads_again(&mut solo);
    assert_eq!(written(&solo), [0]);
}

#[test]
fn a_latest_frame_without_room_is_refused_as_any_other() {
    let mut solo = stuck();
    for key in 0..20 {
        assert_eq!(send(&mut solo, Outbound::Latest(key), 0), Ok(()));
    }
    let now = solo.now;
    let refused = solo
        .connection()
        .send_as(now, Outbound::Latest(20), &[0; 96]);
    assert_eq!(refused, Err(SendError::QueueFull));
    solo.run();
    assert_eq!(solo.cause(), Cause::SendQueueFull);
}

#[test]
fn a_kick_reaches_a_peer_for_which_frames_were_dropped_and_replaced() {
    let mut solo = stuck();
    solo.outbound.capacity = 150;
    for n in 0..40 {
        assert_eq!(send(&mut solo, Outbound::Droppable, n), Ok(()));
        assert_eq!(send(&mut solo, Outbound::Latest(1), n), Ok(()));
    }
    solo.closes(&Close::new(Cause::Kicked));
    reads_again(&mut solo);
    let kinds = [Kind::Data, Kind::Data, Kind::Goodbye];
    assert_eq!(solo.kinds_written(), kinds);
    assert_eq!(solo.goodbye_code(), Cause::Kicked.code());
    assert_eq!(solo.cause(), Cause::Kicked);
    let [out, unsent, dropped, replaced] = fates(&solo.ending().evidence);
    assert_eq!(out, 2);
    assert!(dropped > 0 && replaced > 0, "{dropped} {replaced}");
    assert_eq!(out + unsent + dropped + replaced, 80);
}

#[test]
fn an_orderly_close_writes_what_was_not_dropped() {
    let mut solo = stuck();
    for n in 0..30 {
        assert_eq!(send(&mut solo, Outbound::Droppable, n), Ok(()));
    }
    solo.closes(&Close::new(Cause::ClosedByGame));
    reads_again(&mut solo);
    assert_eq!(written(&solo), (20..30).collect::<Vec<_>>());
    assert_eq!(solo.goodbye_code(), Cause::ClosedByGame.code());
    solo.fin();
    assert_eq!(fates(&solo.ending().evidence), [10, 0, 20, 0]);
}

#[test]
fn a_silence_and_a_full_queue_are_reported_each_for_itself() {
    let mut solo = stuck();
    for key in 0..6 {
        assert_eq!(send(&mut solo, Outbound::Latest(key), 0), Ok(()));
    }
    solo.advance(SUSPECT);
    solo.sends(0, b"back");
    reads_again(&mut solo);
    let told = links(&solo);
    assert_eq!(told[0], Link::Congested);
    assert!(matches!(told[1], Link::Suspect(_)), "{told:?}");
    assert_eq!(told[told.len() - 2..], [Link::Healthy, Link::Flowing]);
}
