use super::*;

#[test]
fn the_clock_stands_still_from_the_tolerance_to_the_late_sweep() {
    let stalls = due_at(100);
    for (real, clock) in [(0, 0), (99, 99), (120, 120), (121, 120), (5_000, 120)] {
        assert_eq!(stalls.at(at(real)), at(clock), "{real}");
    }
    assert_eq!(stalls.total(), ms(0), "it is not over");
    assert_eq!(stalls.swept(at(5_120)), at(120));
    assert_eq!(
        stalls.at(at(5_500)),
        at(120),
        "the next sweep is not known yet"
    );
    stalls.expect(at(200));
    assert_eq!(stalls.at(at(5_130)), at(130));
    assert_eq!(stalls.total(), ms(5_000));
}

#[test]
fn a_sweep_on_time_is_no_stall() {
    let stalls = due_at(100);
    assert_eq!(stalls.swept(at(119)), at(119));
    stalls.expect(at(200));
    assert_eq!(stalls.at(at(200)), at(200));
    assert_eq!((stalls.total(), stalls.lag()), (ms(0), ms(19)));
}

/// Read at any moment of any run of sweeps, it never goes back, and it is never further behind than it stood still.
#[test]
fn the_clock_never_goes_back() {
    let stalls = due_at(100);
    let (mut real, mut last, mut stood) = (0, Time::ORIGIN, 0);
    for late in [0, 3, 19, 20, 21, 300, 0, 45, 2_000, 20] {
        let due = last + ms(100);
        stalls.expect(due);
        let behind = real - last.as_micros() / 1_000;
        let comes = due.as_micros() / 1_000 + behind + late;
        while real < comes {
            real += 1;
            let now = stalls.at(at(real));
            assert!(now >= last, "{now:?} after {last:?}");
            last = now;
        }
        stood += late.saturating_sub(20);
        let now = stalls.swept(at(real));
        assert!(now >= last);
        assert_eq!(at(real).since(now), ms(stood));
        last = now;
    }
    assert_eq!(stalls.total(), ms(stood));
}

#[test]
fn a_stall_of_the_process_and_of_its_workers_counts_once() {
    let stalls = due_at(1_000);
    stalls.swept(at(2_020));
    assert_eq!(stalls.total(), ms(1_000));
    for (late, now, total) in [
        (900, 1_030, 1_900),
        // Longer than the one before, at both ends: only the time outside of it is new.
        (950, 1_040, 1_950),
        (20, 3_000, 1_970),
        (30, 3_500, 2_000),
        // Over both of the last two.
        (1_000, 3_900, 2_950),
        (700, 3_900, 2_950),
    ] {
        stalls.task_was_late(ms(late), at(now));
        assert_eq!(stalls.total(), ms(total), "{late} until {now}");
    }
}

#[test]
fn the_lateness_that_is_remembered_is_bounded() {
    let stalls = Stalls::default();
    let count = 10 * u64::try_from(LATE_MAX).expect("it fits");
    for n in 1..=count {
        stalls.task_was_late(ms(30), at(n * 100));
    }
    assert_eq!(stalls.total(), ms(30 * count));
    assert_eq!(stalls.lock().late.len(), LATE_MAX);
}

#[test]
fn the_lag_is_the_worst_of_the_last_half_minute_or_two() {
    let stalls = due_at(100);
    let sweep = |real, next| {
        let behind = at(real).since(stalls.swept(at(real)));
        stalls.expect(at(next).before(behind));
    };
    sweep(350, 400);
    sweep(401, 31_000);
    assert_eq!(stalls.lag(), ms(250));
    sweep(31_002, 59_000);
    sweep(59_001, 61_000);
    assert_eq!(stalls.lag(), ms(250), "within a minute");
    sweep(61_003, 200_000);
    assert_eq!(stalls.lag(), ms(3), "and not for ever");
    sweep(200_001, 200_100);
    assert_eq!(stalls.lag(), ms(1));
}

#[test]
fn a_clock_without_a_sweep_never_stands_still() {
    let stalls = Stalls::default();
    assert_eq!(stalls.at(at(10_000)), at(10_000));
}

fn due_at(millis: u64) -> Stalls {
    let stalls = Stalls::default();
    stalls.expect(at(millis));
    stalls
}

fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
