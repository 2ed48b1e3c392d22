use super::*;

#[test]
fn a_sweep_on_time_is_no_stall_and_a_late_one_is_from_its_due_time() {
    let stalls = Stalls::new(at(100));
    stalls.swept(at(119), at(200));
    assert_eq!(stalls.between(at(0), at(200)), ms(0));
    stalls.swept(at(1_250), at(1_300));
    assert_eq!(stalls.between(at(0), at(1_300)), ms(1_050));
    assert_eq!(stalls.total(), ms(1_050));
}

#[test]
fn a_stall_counts_before_its_sweep_has_come() {
    let stalls = Stalls::new(at(100));
    assert_eq!(stalls.between(at(0), at(119)), ms(0));
    assert_eq!(stalls.between(at(0), at(5_100)), ms(5_000));
    assert_eq!(stalls.between(at(4_000), at(5_100)), ms(1_100));
    assert_eq!(stalls.total(), ms(0), "it is not over");
    stalls.swept(at(5_101), at(5_200));
    assert_eq!(stalls.between(at(0), at(5_200)), ms(5_001));
}

#[test]
fn only_what_lies_in_the_time_that_is_asked_for_counts() {
    let stalls = Stalls::new(at(1_000));
    stalls.swept(at(2_000), at(3_000));
    stalls.swept(at(4_000), at(5_000));
    for (since, now, late) in [
        (0, 5_000, 2_000),
        (1_500, 5_000, 1_500),
        (2_000, 5_000, 1_000),
        (3_999, 5_000, 1),
        (4_000, 5_000, 0),
        (0, 1_200, 200),
        (0, 900, 0),
        (5_000, 0, 0),
    ] {
        assert_eq!(
            stalls.between(at(since), at(now)),
            ms(late),
            "{since}..{now}"
        );
    }
}

#[test]
fn stalls_that_overlap_count_once() {
    let stalls = Stalls::new(at(1_000));
    stalls.swept(at(2_000), at(9_000));
    stalls.came(at(3_000), at(4_000));
    stalls.came(at(900), at(2_050));
    stalls.came(at(1_500), at(1_600));
    assert_eq!(stalls.between(at(0), at(5_000)), ms(2_150));
    assert_eq!(stalls.between(at(1_800), at(5_000)), ms(1_250));
    stalls.came(at(800), at(5_000));
    assert_eq!(stalls.between(at(0), at(5_000)), ms(4_200));
    assert_eq!(stalls.total(), ms(4_200));
}

#[test]
fn a_deadline_that_never_comes_is_never_late() {
    let stalls = Stalls::new(Time::NEVER);
    stalls.came(Time::NEVER, at(10_000));
    assert_eq!(stalls.between(at(0), at(10_000)), ms(0));
}

#[test]
fn however_many_there_are_none_is_forgotten_and_none_counts_much_longer_than_it_was() {
    // One hour with a stall of 30 ms in every 300 ms, and some long ones.
    let stalls = Stalls::new(Time::NEVER);
    let mut all = Vec::new();
    for step in 1..12_000 {
        let start = step * 300;
        let late = if step % 1_000 == 0 { 250 } else { 30 };
        stalls.came(at(start), at(start + late));
        all.push((start, start + late));
    }
    let now = 12_000 * 300;
    let exact = |since: u64| -> u64 {
        let late = all
            .iter()
            .map(|(start, end)| end.saturating_sub(since.max(*start)));
        late.sum()
    };
    assert!(stalls.lock().past.len() <= KEPT);
    assert_eq!(stalls.total(), ms(exact(0)));
    for age in (0..now).step_by(1_777) {
        let counted = stalls.between(at(now - age), at(now));
        let exact = ms(exact(now - age));
        assert!(counted >= exact, "{age}: {counted:?} for {exact:?}");
        let too_much = counted - exact;
        assert!(
            too_much <= ms(age / 20 + 30),
            "{age}: {counted:?} for {exact:?}"
        );
    }
}

#[test]
fn the_lag_is_the_worst_of_the_last_half_minute_or_two() {
    let stalls = Stalls::new(at(100));
    stalls.swept(at(350), at(400));
    stalls.swept(at(401), at(31_000));
    assert_eq!(stalls.lag(), ms(250));
    stalls.swept(at(31_002), at(59_000));
    stalls.swept(at(59_001), at(61_000));
    assert_eq!(stalls.lag(), ms(250), "within a minute");
    stalls.swept(at(61_003), at(200_000));
    assert_eq!(stalls.lag(), ms(3), "and not for ever");
    stalls.swept(at(200_001), at(200_100));
    assert_eq!(stalls.lag(), ms(1));
}

fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
