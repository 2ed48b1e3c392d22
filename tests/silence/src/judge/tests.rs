//! Tests the judge with planted records: it finds every wrong record, and accepts the right ones.

use std::collections::BTreeMap;

use lastword::evidence::Phase;

use super::*;
use crate::words::ProfileTimes;

#[test]
fn everybody_ended_as_expected_and_in_time() {
    let judgement = judged(
        &Expected::live(&[Cause::PathDead]),
        &[
            ended(0, Cause::PathDead, 8_050),
            ended(1, Cause::PathDead, 7_990),
        ],
    );
    assert_eq!(judgement.wrong, Vec::new());
    assert_eq!(judgement.causes, BTreeMap::from([("path_dead", 2)]));
    assert_eq!(judgement.bound_ms, Some(8_100));
    assert_eq!(
        judgement.measured_ms.map(|figures| figures.max),
        Some(8_050)
    );
}

#[test]
fn another_cause_is_wrong() {
    let planted = [
        ended(0, Cause::PeerFrozen, 8_000),
        ended(1, Cause::PathDead, 8_000),
    ];
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "truth is path_dead",
    );
}

#[test]
fn one_of_several_allowed_causes_is_right() {
    let allowed = Expected::live(&[Cause::PathDeadOutbound, Cause::ResetAfterOutage]);
    let planted = [
        ended(0, Cause::ResetAfterOutage, 8_000),
        ended(1, Cause::PathDeadOutbound, 8_000),
    ];
    assert_eq!(judged(&allowed, &planted).wrong, Vec::new());
}

#[test]
fn whoever_did_not_end_is_missed() {
    let planted = [ended(0, Cause::PathDead, 8_000)];
    found(&Expected::live(&[Cause::PathDead]), &planted, "never ended");
}

#[test]
fn whoever_had_to_live_must_not_end() {
    let planted = [ended(0, Cause::PeerFrozen, 8_000)];
    found(&Expected::Lives, &planted, "and was alive");
    assert_eq!(judged(&Expected::Lives, &[]).wrong, Vec::new());
}

#[test]
fn an_end_that_is_told_twice_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.push(ended(1, Cause::PathDead, 8_000));
    found(&Expected::live(&[Cause::PathDead]), &planted, "ended again");
}

#[test]
fn a_record_of_a_stranger_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.push(ended(2, Cause::PathDead, 8_000));
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "nobody of this name",
    );
}

#[test]
fn an_end_before_the_fact_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.first_mut().unwrap().at = Stamp(STRUCK.0 - 1);
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "before anything",
    );
}

#[test]
fn a_verdict_over_its_bound_is_wrong_unless_the_server_itself_stood_still() {
    let mut planted = both(Cause::PathDead, 8_000);
    let late = &mut planted.first_mut().unwrap().record;
    late.silent_ms = Some(8_101);
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "the bound is 8100 ms",
    );
    for (own_stall_ms, stalled) in [(1, 0), (20, 1)] {
        planted.first_mut().unwrap().record.own_stall_ms = own_stall_ms;
        let judgement = judged(&Expected::live(&[Cause::PathDead]), &planted);
        assert_eq!((judgement.wrong, judgement.stalled), (Vec::new(), stalled));
    }
}

#[test]
fn a_record_that_tells_a_shorter_silence_than_our_clock_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.first_mut().unwrap().at = Stamp(STRUCK.0 + 8_551_000);
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "after the fact",
    );
}

#[test]
fn a_cut_of_our_direction_counts_from_our_next_byte() {
    let mut planted = both(Cause::PathDeadOutbound, 8_000);
    planted.first_mut().unwrap().at = Stamp(STRUCK.0 + 9_500_000);
    let expected = Expected::live(&[Cause::PathDeadOutbound]);
    assert_eq!(judged(&expected, &planted).wrong, Vec::new());
    planted.first_mut().unwrap().at = Stamp(STRUCK.0 + 9_551_000);
    found(&expected, &planted, "after the fact");
}

#[test]
fn a_silent_cause_without_its_silence_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.first_mut().unwrap().record.silent_ms = None;
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "does not say",
    );
}

/// Checks that exactly this one thing is wrong with the planted records.
#[track_caller]
fn found(expected: &Expected, planted: &[Ended], what: &str) {
    let judgement = judged(expected, planted);
    let wrong: Vec<_> = judgement.wrong.iter().map(|wrong| &wrong.what).collect();
    assert!(wrong.len() == 1 && wrong[0].contains(what), "{wrong:?}");
}

fn judged(expected: &Expected, ends: &[Ended]) -> Judgement {
    let bounds = [Cause::PathDead, Cause::PathDeadOutbound, Cause::PeerFrozen];
    let facts = ServerFacts {
        addr: "10.77.1.2:1".parse().unwrap(),
        bounds_ms: bounds.map(|cause| (cause.label().to_owned(), 8_100)).into(),
        profile: ProfileTimes {
            heartbeat_ms: 1_000,
            dead_ms: 8_000,
            rto_max_ms: None,
        },
    };
    let truth = Truth {
        expected,
        names: &[name(0), name(1)],
        struck_at: STRUCK,
        facts: &facts,
    };
    Judgement::of(truth, ends)
}

fn both(cause: Cause, silent_ms: u64) -> Vec<Ended> {
    vec![ended(0, cause, silent_ms), ended(1, cause, silent_ms)]
}

fn ended(number: usize, cause: Cause, silent_ms: u64) -> Ended {
    Ended {
        at: Stamp(STRUCK.0 + silent_ms * 1_000),
        record: Record {
            seq: 1,
            cause,
            phase: Phase::Live,
            remote: "10.77.2.2:1".parse().unwrap(),
            session: None,
            player: Some(name(number)),
            frames_in: 0,
            frames_undelivered: 0,
            silent_ms: Some(silent_ms),
            own_stall_ms: 0,
        },
        json: Value::Null,
    }
}

fn name(number: usize) -> String {
    format!("quiet/{number}")
}

const STRUCK: Stamp = Stamp(1_000_000_000);
