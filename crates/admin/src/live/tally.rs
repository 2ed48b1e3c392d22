//! Counts ends as they happen, so that a new viewer also sees the last minutes. It counts the ends of each class in
//! each second, and keeps how long the last silences went unnoticed.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lastword_server::{Cause, Class, Departure, DepartureCause, Disconnect, Phase, ProfileName};

/// Ends by second and class, and the last silences.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Indexed by the second modulo the length.
    seconds: Vec<Second>,
    silences: Vec<Silence>,
}

/// The ends of one second, by [`Class::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Second {
    pub(crate) second: u64,
    /// Ends of sessions' connections.
    pub(crate) live: [u32; Class::ALL.len()],
    /// Ends of connections that never became a session.
    pub(crate) early: [u32; Class::ALL.len()],
    /// Sessions that departed against their players' will. A player that came back has not departed.
    pub(crate) lost: u32,
}

/// How long silences of one cause lasted until they were noticed, in the sessions of one profile.
#[derive(Clone, Debug)]
pub(crate) struct Silence {
    pub(crate) cause: Cause,
    pub(crate) profile: ProfileName,
    /// The last silences, the newest last, each with our own stall that delayed its verdict.
    recent: VecDeque<(Duration, Duration)>,
}

impl Tally {
    pub(crate) fn add(&mut self, close: &Disconnect) {
        let since = close.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let early = close.ending.verdict.phase != Phase::Live;
        self.count(since.as_secs(), close.cause().class(), early);
        let evidence = &close.ending.evidence;
        if let (Some(silent), Some(profile)) = (evidence.silent_for, close.profile) {
            let kind = self.silence(close.cause(), profile);
            kind.add(silent, evidence.own_stall);
        }
    }

    pub(crate) fn left(&mut self, departure: &Departure) {
        if is_loss(departure.cause) {
            let since = departure.at.duration_since(UNIX_EPOCH).unwrap_or_default();
            self.lose(since.as_secs());
        }
    }

    fn lose(&mut self, second: u64) {
        if let Some(slot) = self.slot(second) {
            slot.lost = slot.lost.saturating_add(1);
        }
    }

    /// The counts of a second; `None` if it is no longer shown, so that this end comes too late.
    fn slot(&mut self, second: u64) -> Option<&mut Second> {
        let slot = self.seconds.get_mut(index(second))?;
        if slot.second < second {
            *slot = Second {
                second,
                ..Second::default()
            };
        }
        (slot.second == second).then_some(slot)
    }

    fn count(&mut self, second: u64, class: Class, early: bool) {
        let Some(slot) = self.slot(second) else {
            return;
        };
        let counts = if early {
            &mut slot.early
        } else {
            &mut slot.live
        };
        let mut counts = Class::ALL.into_iter().zip(counts);
        if let Some((_, count)) = counts.find(|(of, _)| *of == class) {
            *count = count.saturating_add(1);
        }
    }

    fn silence(&mut self, cause: Cause, profile: ProfileName) -> &mut Silence {
        let is = |silence: &Silence| silence.cause == cause && silence.profile == profile;
        let at = self.silences.iter().position(is).unwrap_or_else(|| {
            self.silences.push(Silence {
                cause,
                profile,
                recent: VecDeque::new(),
            });
            self.silences.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or made above")]
        &mut self.silences[at]
    }

    /// The seconds with ends from this one on, oldest first.
    pub(crate) fn since(&self, first: u64) -> Vec<Second> {
        let mut seconds = self.seconds.clone();
        seconds.retain(|each| each.second >= first.max(1));
        seconds.sort_unstable_by_key(|each| each.second);
        seconds
    }

    pub(crate) fn silences(&self) -> &[Silence] {
        &self.silences
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            seconds: vec![Second::default(); index(u64::MAX) + 1],
            silences: Vec::new(),
        }
    }
}

impl Silence {
    fn add(&mut self, silent: Duration, own_stall: Duration) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((silent, own_stall));
    }

    pub(crate) fn last(&self) -> Duration {
        self.recent
            .back()
            .map_or(Duration::ZERO, |(silent, _)| *silent)
    }

    pub(crate) fn count(&self) -> usize {
        self.recent.len()
    }

    /// How many of the last silences took longer than `bound`, not counting our own stall.
    pub(crate) fn over(&self, bound: Duration) -> usize {
        let over = |(silent, own_stall): &&(Duration, Duration)| {
            silent.saturating_sub(*own_stall) > bound + NO_STALL
        };
        self.recent.iter().filter(over).count()
    }

    /// The median and the longest of the last silences.
    pub(crate) fn median_and_max(&self) -> (Duration, Duration) {
        let mut sorted: Vec<_> = self.recent.iter().map(|(silent, _)| *silent).collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        (median, sorted.last().copied().unwrap_or_default())
    }
}

/// Whether a session that departs for this cause was lost: every class except `normal` and `operator`.
pub(crate) fn is_loss(cause: DepartureCause) -> bool {
    ![Class::Normal, Class::Operator].contains(&cause.class())
}

/// The current time, in whole seconds since 1970.
pub(crate) fn this_second() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The index of a second. There are 1,024 seconds: a little more than a quarter of an hour, and a power of two for
/// the mask.
fn index(second: u64) -> usize {
    usize::try_from(second & SECONDS_MASK).unwrap_or_default()
}

const SECONDS_MASK: u64 = 0x3ff;
/// How late we may be before it counts as a stall.
const NO_STALL: Duration = Duration::from_millis(20);
/// The most silences of a kind that are kept.
const RECENT_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use lastword_server::Profile;

    use super::*;

    #[test]
    fn ends_are_counted_in_their_second_and_class() {
        let mut tally = Tally::default();
        tally.count(5_000, Class::Network, false);
        tally.count(5_000, Class::Network, false);
        tally.count(5_000, Class::Abuse, true);
        tally.count(4_999, Class::Normal, false);
        let seconds = tally.since(4_000);
        assert_eq!(
            seconds.iter().map(|s| s.second).collect::<Vec<_>>(),
            [4_999, 5_000]
        );
        let of = |counts: [u32; 8], class: Class| {
            counts[Class::ALL.into_iter().position(|c| c == class).unwrap()]
        };
        assert_eq!(of(seconds[1].live, Class::Network), 2);
        assert_eq!(of(seconds[1].early, Class::Abuse), 1);
        assert_eq!(tally.since(5_000).len(), 1);
    }

    #[test]
    fn lost_sessions_are_counted_apart_from_ends_of_connections() {
        let mut tally = Tally::default();
        tally.count(5_000, Class::Network, false);
        tally.lose(5_000);
        tally.lose(5_001);
        let lost: Vec<_> = tally.since(0).iter().map(|each| each.lost).collect();
        assert_eq!(lost, [1, 1]);
        assert!(is_loss(DepartureCause::ResumeExpired));
        assert!(!is_loss(Cause::Kicked.into()) && !is_loss(Cause::PeerGoodbye.into()));
    }

    #[test]
    fn a_second_gives_its_place_to_the_one_a_round_later_and_is_not_counted_into_it() {
        let mut tally = Tally::default();
        let round = SECONDS_MASK + 1;
        tally.count(7, Class::Normal, false);
        tally.count(7 + round, Class::Normal, false);
        tally.count(7, Class::Normal, false);
        let seconds = tally.since(0);
        assert_eq!(seconds.len(), 1);
        assert_eq!(
            (seconds[0].second, seconds[0].live.iter().sum::<u32>()),
            (7 + round, 1)
        );
    }

    #[test]
    fn of_silences_the_last_ones_count() {
        let mut silence = Silence {
            cause: Cause::PathDead,
            profile: Profile::standard().name,
            recent: VecDeque::new(),
        };
        for seconds in 1..=100 {
            silence.add(Duration::from_secs(seconds), Duration::ZERO);
        }
        assert_eq!(
            (silence.count(), silence.last()),
            (64, Duration::from_secs(100))
        );
        assert_eq!(
            silence.median_and_max(),
            (Duration::from_secs(69), Duration::from_secs(100))
        );
        assert_eq!(silence.over(Duration::from_secs(98)), 2);
        silence.add(Duration::from_secs(101), Duration::from_secs(3));
        assert_eq!(
            silence.over(Duration::from_secs(98)),
            2,
            "its last three were ours"
        );
    }
}
