use proptest::prelude::*;

use super::*;

const fn at(micros: u64) -> Time {
    Time::from_micros(micros)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn pong(clock_us: u64, held_us: u32) -> Pong {
    Pong {
        ping_clock_us: 0,
        clock_us,
        held_us,
        received: 0,
    }
}

/// Takes one exchange: asked at `asked`, so many microseconds there and back, with a peer whose clock is `ahead`.
fn locate(round_trip: &mut RoundTrip, asked: u64, (there, back): (u64, u64), ahead: i64) {
    let pong = pong((asked + there).saturating_add_signed(ahead), 0);
    let answered = at(asked + there + back);
    round_trip.locate(&Exchange {
        asked: at(asked),
        answered,
        pong: &pong,
        before: at(asked),
    });
}

fn known(round_trip: &RoundTrip) -> (i64, u64) {
    let ClockOffset { micros, error } = round_trip.clock_offset().expect("it was located");
    (micros, u64::try_from(error.as_micros()).expect("it fits"))
}

#[test]
fn the_round_trip_is_smoothed_as_rfc_6298_has_it() {
    let mut round_trip = RoundTrip::default();
    assert_eq!((round_trip.rtt(), round_trip.variance()), (None, None));
    round_trip.smooth(us(80_000));
    let first = (round_trip.rtt(), round_trip.variance());
    assert_eq!(first, (Some(us(80_000)), Some(us(40_000))));
    // RTTVAR = 3/4 · 40 + 1/4 · |80 − 160|, SRTT = 7/8 · 80 + 1/8 · 160.
    round_trip.smooth(us(160_000));
    let second = (round_trip.rtt(), round_trip.variance());
    assert_eq!(second, (Some(us(90_000)), Some(us(50_000))));
}

#[test]
fn the_shortest_and_the_longest_round_trip_are_round_trips() {
    let mut round_trip = RoundTrip::default();
    round_trip.smooth(Duration::ZERO);
    assert_eq!(round_trip.rtt(), Some(us(1)));
    for _ in 0..1_000 {
        round_trip.smooth(Duration::MAX);
    }
    assert!(round_trip.rtt() > Some(Duration::from_secs(4_200)));
}

#[test]
fn an_even_way_tells_the_offset_with_half_a_round_trip_of_doubt() {
    for ahead in [0, 9_000_000_000_000, -4_000_000] {
        let mut round_trip = RoundTrip::default();
        locate(&mut round_trip, 5_000_000, (20_000, 20_000), ahead);
        assert_eq!(known(&round_trip), (ahead, 20_005), "{ahead}");
    }
}

#[test]
fn time_for_which_the_peer_held_our_ping_is_no_doubt() {
    let mut round_trip = RoundTrip::default();
    let pong = pong(1_010, 90_000);
    round_trip.locate(&Exchange {
        asked: at(1_000),
        answered: at(91_020),
        pong: &pong,
        before: Time::ORIGIN,
    });
    assert_eq!(known(&round_trip), (0, 20));
}

#[test]
fn a_pong_that_claims_to_have_held_a_ping_longer_than_we_waited_is_ignored() {
    let exchange = |held_us| {
        let pong = pong(0, held_us);
        let exchange = Exchange {
            asked: at(1_000),
            answered: at(2_000),
            pong: &pong,
            before: Time::ORIGIN,
        };
        exchange.round_trip()
    };
    assert_eq!(exchange(1_000), Some(Duration::ZERO));
    assert_eq!(exchange(1_001), None);
    assert_eq!(exchange(u32::MAX), None);
}

#[test]
fn a_slow_exchange_does_not_spoil_a_quick_one() {
    let mut round_trip = RoundTrip::default();
    locate(&mut round_trip, 0, (10_000, 10_000), 7);
    locate(&mut round_trip, 1_000_000, (500_000, 10_000), 7);
    locate(&mut round_trip, 2_000_000, (10_000, 500_000), 7);
    let (micros, error) = known(&round_trip);
    assert!((micros - 7).abs() <= 60, "{micros}");
    assert!((10_000..10_150).contains(&error), "{error}");
}

#[test]
fn delays_in_one_direction_at_a_time_do_not_shift_the_offset() {
    let mut round_trip = RoundTrip::default();
    // No exchange is quick in both directions, but each direction is quick once.
    locate(&mut round_trip, 0, (10_000, 80_000), 0);
    assert_eq!(known(&round_trip), (-35_000, 45_010));
    locate(&mut round_trip, 90_000, (80_000, 10_000), 0);
    let (micros, error) = known(&round_trip);
    assert!(micros.abs() <= 10, "{micros}");
    assert!(error <= 10_020, "{error}");
}

#[test]
fn a_clock_that_stood_still_is_found_by_the_next_exchange() {
    let mut round_trip = RoundTrip::default();
    locate(&mut round_trip, 0, (100, 100), 50_000_000);
    // The peer's machine was suspended for 10 s, and the path is slower now.
    locate(&mut round_trip, 5_000_000, (200_000, 200_000), 40_000_000);
    assert_eq!(known(&round_trip), (40_000_000, 200_041));
}

#[test]
fn a_clock_at_the_end_of_time_is_none() {
    for clock in [1 << 63, u64::MAX] {
        let mut round_trip = RoundTrip::default();
        let pong = pong(clock, 0);
        let exchange = |asked, answered| Exchange {
            asked,
            answered,
            pong: &pong,
            before: Time::ORIGIN,
        };
        round_trip.locate(&exchange(at(1), at(2)));
        assert_eq!(round_trip.clock_offset(), None, "{clock}");
    }
}

proptest! {
    /// The bound holds for all delays, and for all drift that two clocks may have.
    #[test]
    fn an_honest_peers_offset_is_never_further_off_than_told(
        ahead in -1_000_000_000_i64..1_000_000_000,
        ppm in -100_i64..=100,
        exchanges in prop::collection::vec((0_u64..60_000_000, 0_u64..400_000, 0_u64..400_000, 0_u32..50_000), 1..60),
    ) {
        let mut round_trip = RoundTrip::default();
        let start = 2_000_000_000_u64;
        let offset = |now: u64| {
            let passed = i64::try_from(now - start).expect("it fits");
            ahead + passed * ppm / 1_000_000
        };
        let (mut now, mut before) = (start, Time::ORIGIN);
        for (pause, there, back, held_us) in exchanges {
            let asked = now + pause;
            let read = asked + there;
            now = read + u64::from(held_us) + back;
            let pong = pong(read.saturating_add_signed(offset(read)), held_us);
            let exchange = Exchange { asked: at(asked), answered: at(now), pong: &pong, before };
            round_trip.locate(&exchange);
            before = at(now);
            let (micros, error) = known(&round_trip);
            let wrong = micros.abs_diff(offset(now));
            // This test also cuts the offset to microseconds.
            prop_assert!(wrong <= error + 1, "{wrong} {error}");
        }
    }

    /// For any claims of the peer, the offset lies within the bounds of its last claim, and nothing overflows.
    #[test]
    fn a_lying_peer_moves_the_offset_of_its_own_clock_and_nothing_else(
        words in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>()), 1..30),
    ) {
        let mut round_trip = RoundTrip::default();
        for (one, other, clock_us, held_us) in words {
            let (asked, answered) = (at(one.min(other)), at(one.max(other)));
            let pong = pong(clock_us, held_us);
            let exchange = Exchange { asked, answered, pong: &pong, before: Time::ORIGIN };
            let Some(rtt) = exchange.round_trip() else { continue };
            prop_assert!(rtt <= answered - asked);
            round_trip.smooth(rtt);
            prop_assert!(round_trip.rtt().is_some_and(|rtt| rtt > Duration::ZERO));
            round_trip.locate(&exchange);
            if let (Some(bounds), Some(told)) = (exchange.bounds(), round_trip.clock_offset()) {
                prop_assert!((bounds.least..=bounds.most).contains(&told.micros), "{bounds:?} {told:?}");
            }
        }
    }
}
