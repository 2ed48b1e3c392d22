//! The rows. A client's own dead limit and the queue's age limit are off, and the write-progress timeout is 120 s,
//! except in the rows that test them.

use std::time::Duration;

use lastword::Cause;
use lastword_load::Expected;

use super::links;
use crate::behaviour::{ClientBehaviour, Game, Reads};
use crate::fault::Fault;
use crate::messages::Tuning;
use crate::row::Row;

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    [
        cuts(),
        own_network(),
        frozen(),
        slow(),
        clocks(),
        links::rows(),
    ]
    .concat()
}

/// The row of this name.
pub(crate) fn find(name: &str) -> Result<Row, String> {
    let rows = rows();
    let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
    let known = names.join(", ");
    let found = rows.into_iter().find(|row| row.name == name);
    found.ok_or_else(|| format!("there are {known}"))
}

fn cuts() -> Vec<Row> {
    let ours_lost = Row {
        is_untold_by_default_retries: true,
        ..Row::ends("ours-lost", Fault::OursLost, Cause::PathDeadOutbound)
    };
    vec![
        Row::ends("cut", Fault::Cut, Cause::PathDead),
        ours_lost.clone(),
        Row {
            name: "ours-lost-own-limit".to_owned(),
            behaviour: ClientBehaviour::HONEST.giving_up(),
            expected: Expected::live(&[Cause::PathDeadOutbound, Cause::ResetAfterOutage]),
            ..ours_lost
        },
        Row::ends("theirs-lost", Fault::TheirsLost, Cause::PathDead),
        Row {
            game: Game::Flood,
            behaviour: ClientBehaviour::NEVER_READS,
            plays: Some(Duration::from_secs(30)),
            is_untold_by_default_retries: true,
            ..Row::ends("cut-zero-window", Fault::Cut, Cause::PathDead)
        },
    ]
}

fn own_network() -> Vec<Row> {
    let faults = [
        ("own-link-idle", "own-link-busy", Fault::OwnLinkDown),
        ("own-route-idle", "own-route-busy", Fault::OwnBlackhole),
        ("own-filter-idle", "own-filter-busy", Fault::OwnFilter),
    ];
    let rows = faults.map(|(idle, busy, fault)| {
        [(idle, Game::Quiet), (busy, Game::Pour(16 * KIB))].map(|(name, game)| Row {
            game,
            ..Row::ends(name, fault, Cause::LocalNetworkDown)
        })
    });
    rows.concat()
}

fn frozen() -> Vec<Row> {
    let frozen = |name, game| Row {
        game,
        ..Row::ends(name, Fault::Frozen, Cause::PeerFrozen)
    };
    vec![
        frozen("frozen-idle", Game::Quiet),
        frozen("frozen-pinged", Game::Pour(20)),
        Row {
            // The frozen peer acknowledges a burst late, and our kernel sends a copy of its end: that looks like a loss.
            expected: Expected::live(&[Cause::PeerFrozen, Cause::PeerSilent]),
            ..frozen("frozen-16k", Game::Pour(16 * KIB))
        },
        Row {
            behaviour: ClientBehaviour::NEVER_READS,
            plays: Some(Duration::from_secs(5)),
            // Here the kernel waits longer after each probe. Between two probes a cut looks the same.
            is_untold_by_default_retries: true,
            // A copy may be on its way here, too: 2 of 40, on a busy machine.
            expected: Expected::live(&[Cause::PeerFrozen, Cause::PeerSilent]),
            ..frozen("frozen-full-window", Game::Flood)
        },
    ]
}

fn slow() -> Vec<Row> {
    let slow = |name, offered, behaviour| Row {
        game: Game::Pour(offered),
        behaviour,
        ..Row::lives(name)
    };
    let reading = |reads| ClientBehaviour::HONEST.reading(reads);
    vec![
        slow(
            "slow-16k-2k",
            16 * KIB,
            reading(Reads::Rate(2 * KIB)).with_receive_buffer(16 * KIB),
        ),
        slow("slow-64k-8k", 64 * KIB, reading(Reads::Rate(8 * KIB))),
        slow("slow-400k-8k", 400 * KIB, reading(Reads::Rate(8 * KIB))),
        slow("slow-wakes", 16 * KIB, reading(Reads::Every(2_500))),
    ]
}

fn clocks() -> Vec<Row> {
    vec![
        Row {
            game: Game::Flood,
            behaviour: ClientBehaviour::NEVER_READS,
            tuning: Tuning {
                write_progress_ms: 10_000,
                ..Tuning::default()
            },
            plays: Some(Duration::ZERO),
            ..Row::ends("zero-window", Fault::Nothing, Cause::PeerNotReading)
        },
        Row {
            tuning: Tuning {
                idle_ms: 5_000,
                ..Tuning::default()
            },
            plays: Some(Duration::ZERO),
            ..Row::ends("idle", Fault::Nothing, Cause::Idle)
        },
        Row {
            game: Game::Echo,
            behaviour: ClientBehaviour::HONEST.sending(16 * KIB),
            ..Row::lives("healthy")
        },
        Row {
            game: Game::Stall(60),
            behaviour: ClientBehaviour::HONEST.sending(16 * KIB),
            watched: Some(Duration::from_secs(75)),
            ..Row::lives("game-stalled")
        },
    ]
}

const KIB: u32 = 1_024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::messages::ProfileTimes;
    use crate::setting::{RtoMax, Setting};

    #[test]
    fn no_row_expects_a_cause_that_is_false_in_it() {
        let profiles = ["competitive".to_owned(), "standard".to_owned()];
        let settings = Setting::all(&profiles, &[RtoMax::Auto, RtoMax::Off]);
        for (row, setting) in rows()
            .iter()
            .flat_map(|row| settings.iter().map(move |setting| (row, setting)))
        {
            let (Expected::Ends(right) | Expected::MayEnd(right)) = row.expected(setting, PROFILE)
            else {
                continue;
            };
            let never = row.never();
            let both = right.iter().find(|ending| never.contains(&ending.cause));
            assert_eq!(both, None, "{}", row.name);
        }
    }

    #[test]
    fn living_players_are_promised_to_stay_in_a_short_outage_only() {
        let [auto, off] = [RtoMax::Auto, RtoMax::Off].map(|rto_max| Setting {
            profile: String::new(),
            rto_max,
        });
        for (name, setting, is_promised) in [
            ("outage-9s-default", &auto, true),
            ("outage-10s-default", &auto, false),
            ("outage-3s", &off, true),
            ("outage-7s", &off, false),
            ("loss-20-outage-5s", &auto, true),
            ("loss-5-outage-2s", &off, false),
            ("loss-5", &auto, true),
            ("loss-20", &auto, false),
            ("loss-5", &off, false),
            ("flapping", &auto, false),
            ("jitter-outage-1s", &off, true),
            ("healthy", &off, true),
        ] {
            let row = find(name).unwrap();
            let lives = row.expected(setting, PROFILE) == Expected::Lives;
            assert_eq!(lives, is_promised, "{name} {setting:?}");
            assert!(row.never().contains(&Cause::PeerFrozen), "{name}");
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_name() {
        let names: BTreeSet<_> = rows().into_iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows().len());
        for row in rows() {
            assert_eq!(find(&row.name), Ok(row));
        }
        assert!(find("nonsense").is_err());
    }

    const PROFILE: ProfileTimes = ProfileTimes {
        heartbeat_ms: 5_000,
        suspect_ms: 7_500,
        dead_ms: 15_000,
        rto_max_ms: None,
    };
}
