//! The attacks so far, how the server ended them, and how long the players wait for an echo meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lastword::Cause;
use lastword_load::Attack;

/// Counts the attacks, and keeps the players' last round trips.
#[derive(Debug, Default)]
pub(crate) struct Attacks {
    begun: BTreeMap<Attack, u64>,
    /// The attacks that the server ended, by the code of the cause.
    ended: BTreeMap<u16, (Cause, u64)>,
    /// The players' last round trips, oldest first.
    round_trips: VecDeque<Duration>,
}

impl Attacks {
    /// Counts an attack that begins.
    pub(crate) fn begun(&mut self, attack: Attack) {
        *self.begun.entry(attack).or_default() += 1;
    }

    /// Counts an attack that the server ended.
    pub(crate) fn ended(&mut self, cause: Cause) {
        self.ended.entry(cause.code()).or_insert((cause, 0)).1 += 1;
    }

    /// Notes how long a player waited for its echo.
    pub(crate) fn answered(&mut self, after: Duration) {
        if self.round_trips.len() == ROUND_TRIPS_MAX {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(after);
    }

    /// The attacks by kind, and the round trip of the players; nothing before the first attack.
    pub(crate) fn words(&self) -> Vec<String> {
        if self.begun.is_empty() {
            return Vec::new();
        }
        let begun = self.begun.iter();
        let begun = begun.map(|(attack, count)| format!("{count} {}", attack.name()));
        let begun = begun.collect::<Vec<_>>().join(", ");
        let round_trip = self.p99().map(|p99| {
            let ms = p99.as_secs_f64() * 1e3;
            format!("players' p99 round trip {ms:.1} ms")
        });
        let begun = format!("attackers: {begun}");
        std::iter::once(begun).chain(round_trip).collect()
    }

    /// The parts of the line with the attacks that have ended, by cause; nothing before the first end.
    pub(crate) fn ended_words(&self) -> Vec<String> {
        let ended = self.ended.values();
        let ended = ended.map(|(cause, count)| format!("{count} {cause}"));
        let mut ended: Vec<_> = ended.collect();
        if let Some(first) = ended.first_mut() {
            first.insert_str(0, "attacks ended: ");
        }
        ended
    }

    fn p99(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = self.round_trips.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 99 / 100).copied()
    }
}

/// Tells whether an attacker connects from this address. It is false where clients have no addresses of their own.
pub(crate) fn is_attacker(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_loopback() && ip >= Ipv4Addr::new(127, 128, 0, 0))
}

/// The number of the first attacker, whose address is 127.128.0.0. The clients of the endings begin at 127.1.0.0.
pub(crate) const FIRST: u32 = 127 << 16;
/// Some seconds of fifty players.
const ROUND_TRIPS_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_attack_there_is_nothing_to_say() {
        let mut attacks = Attacks::default();
        attacks.answered(Duration::from_millis(1));
        assert!(attacks.words().is_empty());
    }

    #[test]
    fn attacks_are_counted_by_kind_and_their_ends_by_cause() {
        let mut attacks = Attacks::default();
        for attack in [Attack::Flood, Attack::Slow, Attack::Slow] {
            attacks.begun(attack);
        }
        assert_eq!(attacks.words(), ["attackers: 2 slow, 1 flood"]);
        assert!(attacks.ended_words().is_empty());
        for cause in [Cause::RateLimited, Cause::HelloTimeout, Cause::HelloTimeout] {
            attacks.ended(cause);
        }
        assert_eq!(
            attacks.ended_words(),
            ["attacks ended: 2 hello_timeout", "1 rate_limited"]
        );
    }

    #[test]
    fn the_round_trip_is_the_99th_of_the_last_thousand() {
        let mut attacks = Attacks::default();
        attacks.begun(Attack::Garbage);
        attacks.answered(Duration::from_secs(60));
        (1..=1_000).for_each(|ms| attacks.answered(Duration::from_millis(ms)));
        assert_eq!(
            attacks.words(),
            ["attackers: 1 garbage", "players' p99 round trip 991.0 ms"]
        );
    }
}
