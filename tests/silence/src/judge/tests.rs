//! Tests the judge with planted records: it finds every wrong record, and accepts the right ones.

use std::collections::BTreeMap;

use lastword::evidence::Phase;

use super::*;
use crate::messages::ProfileTimes;

#[test]
fn ends_as_expected_and_in_time_are_right() {
    let judgement = judged(
        &Expected::live(&[Cause::PathDead]),
        &[
            end(0, Cause::PathDead, 8_050),
            end(1, Cause::PathDead, 8_000),
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
        end(0, Cause::PeerFrozen, 8_000),
        end(1, Cause::PathDead, 8_000),
    ];
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "truth is path_dead",
    );
}

/// The kernel may give up early, by an old time stamp.
#[test]
fn a_silence_that_something_else_ended_before_the_dead_limit_is_wrong() {
    let planted = [
        end(0, Cause::PathDead, 7_999),
        end(1, Cause::PathDead, 8_000),
    ];
    let may_end = [Cause::PathDead];
    for expected in [Expected::live(&may_end), Expected::may_end(&may_end)] {
        found(&expected, &planted, "silent for 7999 ms only");
    }
}

/// Its limit counts from our first unacknowledged byte, and the peer may have been heard since.
#[test]
fn a_dead_direction_of_ours_may_be_found_before_the_silence_reaches_the_limit() {
    let planted = [
        end(0, Cause::PathDeadOutbound, 7_999),
        end(1, Cause::PathDeadOutbound, 8_000),
    ];
    let expected = Expected::live(&[Cause::PathDeadOutbound]);
    assert_eq!(judged(&expected, &planted).wrong, Vec::new());
}

#[test]
fn one_of_several_allowed_causes_is_right() {
    let allowed = Expected::live(&[Cause::PathDeadOutbound, Cause::ResetAfterOutage]);
    let planted = [
        end(0, Cause::ResetAfterOutage, 8_000),
        end(1, Cause::PathDeadOutbound, 8_000),
    ];
    assert_eq!(judged(&allowed, &planted).wrong, Vec::new());
}

#[test]
fn a_session_that_did_not_end_is_wrong() {
    let planted = [end(0, Cause::PathDead, 8_000)];
    found(&Expected::live(&[Cause::PathDead]), &planted, "never ended");
}

#[test]
fn a_session_that_had_to_live_must_not_end() {
    let planted = [end(0, Cause::PeerFrozen, 8_000)];
    found(&Expected::Lives, &planted, "and was alive");
    assert_eq!(judged(&Expected::Lives, &[]).wrong, Vec::new());
}

#[test]
fn a_cause_that_is_false_here_is_wrong_wherever_an_end_is_right() {
    let planted = [
        end(0, Cause::LocalNetworkDown, 8_000),
        end(1, Cause::PathDead, 8_000),
    ];
    let causes = [Cause::PathDead, Cause::LocalNetworkDown];
    for expected in [Expected::live(&causes), Expected::may_end(&causes)] {
        found(&expected, &planted, "which is false here");
    }
    found(&Expected::Lives, &planted[..1], "which is false here");
}

#[test]
fn a_session_that_may_end_lives_or_ends_by_an_allowed_cause() {
    let may_end = Expected::may_end(&[Cause::PathDead]);
    assert_eq!(judged(&may_end, &[]).wrong, Vec::new());
    let late = Stamp(FAULT_AT.0 + 30_000_000);
    let mut planted = vec![end(1, Cause::PathDead, 8_000)];
    planted.first_mut().unwrap().at = late;
    assert_eq!(judged(&may_end, &planted).wrong, Vec::new());
    planted.push(end(0, Cause::PeerFrozen, 8_000));
    found(&may_end, &planted, "truth is path_dead");
    let silent = [end(0, Cause::PathDead, 8_101)];
    found(&may_end, &silent, "the bound is 8100 ms");
}

#[test]
fn an_end_that_is_told_twice_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.push(end(1, Cause::PathDead, 8_000));
    found(&Expected::live(&[Cause::PathDead]), &planted, "ended again");
}

#[test]
fn a_record_of_another_player_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.push(end(2, Cause::PathDead, 8_000));
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "is not a player of this scene",
    );
}

#[test]
fn an_end_before_the_fault_is_wrong() {
    let mut planted = both(Cause::PathDead, 8_000);
    planted.first_mut().unwrap().at = Stamp(FAULT_AT.0 - 1);
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "before the fault",
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
    planted.first_mut().unwrap().at = Stamp(FAULT_AT.0 + 8_601_000);
    found(
        &Expected::live(&[Cause::PathDead]),
        &planted,
        "after the fault",
    );
}

#[test]
fn a_cut_of_our_direction_counts_from_our_next_byte() {
    let mut planted = both(Cause::PathDeadOutbound, 8_000);
    planted.first_mut().unwrap().at = Stamp(FAULT_AT.0 + 9_550_000);
    let expected = Expected::live(&[Cause::PathDeadOutbound]);
    assert_eq!(judged(&expected, &planted).wrong, Vec::new());
    planted.first_mut().unwrap().at = Stamp(FAULT_AT.0 + 9_601_000);
    found(&expected, &planted, "after the fault");
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

#[test]
fn frames_that_are_lost_or_out_of_turn_are_wrong_at_the_end_that_misses_them() {
    let account = |sent, taken, out_of_turn| Account {
        sent,
        taken,
        out_of_turn,
        back_at: None,
    };
    for (game, client, wrong) in [
        (account(3, 2, 0), account(2, 3, 0), None),
        (account(0, 1, 0), account(1, 0, 0), None),
        (
            account(3, 0, 0),
            account(0, 3, 1),
            Some("the client took 1 frames out of turn"),
        ),
        (
            account(3, 0, 0),
            account(0, 0, 0),
            Some("the client took none of 3 frames"),
        ),
        (
            account(0, 0, 0),
            account(4, 0, 0),
            Some("the game took none of 4 frames"),
        ),
    ] {
        let player = name(0);
        let mut judgement = Judgement::default();
        judgement.compare_flow(&[Flow {
            player,
            game,
            client,
        }]);
        let found = judgement.wrong.iter().map(|wrong| wrong.what.as_str());
        assert!(found.eq(wrong), "{:?}", judgement.wrong);
    }
}

/// Checks that exactly this one thing is wrong with the planted records.
#[track_caller]
fn found(expected: &Expected, planted: &[End], what: &str) {
    let judgement = judged(expected, planted);
    let wrong: Vec<_> = judgement.wrong.iter().map(|wrong| &wrong.what).collect();
    assert!(wrong.len() == 1 && wrong[0].contains(what), "{wrong:?}");
}

fn judged(expected: &Expected, ends: &[End]) -> Judgement {
    let bounds = [Cause::PathDead, Cause::PathDeadOutbound, Cause::PeerFrozen];
    let server = ServerInfo {
        addr: "10.77.1.2:1".parse().unwrap(),
        bounds_ms: bounds.map(|cause| (cause.label().to_owned(), 8_100)).into(),
        profile: ProfileTimes {
            heartbeat_ms: 1_000,
            suspect_ms: 2_500,
            dead_ms: 8_000,
            rto_max_ms: None,
        },
    };
    let facts = SceneFacts {
        expected,
        never: &[Cause::LocalNetworkDown],
        round_trip: ROUND_TRIP,
        is_ours_to_find: true,
        names: &[name(0), name(1)],
        fault_at: FAULT_AT,
        server: &server,
    };
    Judgement::of(facts, ends)
}

fn both(cause: Cause, silent_ms: u64) -> Vec<End> {
    vec![end(0, cause, silent_ms), end(1, cause, silent_ms)]
}

fn end(number: usize, cause: Cause, silent_ms: u64) -> End {
    End {
        at: Stamp(FAULT_AT.0 + silent_ms * 1_000),
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

const ROUND_TRIP: Duration = Duration::from_millis(50);
const FAULT_AT: Stamp = Stamp(1_000_000_000);
