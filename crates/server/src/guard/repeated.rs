//! Limits how often each kind of error is logged that a player may cause again and again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;

/// Returns `Some` if one more error of this kind may be logged now, with the number of errors that were withheld since
/// the last logged one. The limit of each kind is 10 lines a second, for all servers of this process.
pub(crate) fn withheld_before(kind: &'static str) -> Option<u64> {
    static KINDS: Repeated = Repeated::new();
    KINDS.withheld_before(kind, Instant::now())
}

/// The kinds of errors that were logged.
struct Repeated(Mutex<BTreeMap<&'static str, Kind>>);

struct Kind {
    /// When the current second began.
    second: Instant,
    logged: u32,
    withheld: u64,
}

impl Repeated {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn withheld_before(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut kinds = lock(&self.0);
        let kind = kinds.entry(kind).or_insert(Kind {
            second: now,
            logged: 0,
            withheld: 0,
        });
        if now.saturating_duration_since(kind.second) >= SECOND {
            (kind.second, kind.logged) = (now, 0);
        }
        if kind.logged == LINES_PER_SECOND {
            kind.withheld += 1;
            return None;
        }
        kind.logged += 1;
        Some(std::mem::take(&mut kind.withheld))
    }
}

const LINES_PER_SECOND: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_logged_ten_times_a_second_and_then_with_the_number_of_the_others() {
        let kinds = Repeated::new();
        let start = Instant::now();
        let logged = |kind, now| {
            let asked = (0..1_000).filter_map(|_| kinds.withheld_before(kind, now));
            asked.collect::<Vec<_>>()
        };
        assert_eq!(logged("the game panicked", start), [0; 10]);
        assert_eq!(logged("an observer panicked", start), [0; 10]);
        assert!(logged("the game panicked", start).is_empty());
        let later = logged("the game panicked", start + SECOND);
        assert_eq!((later.len(), later[0], later[1]), (10, 1_990, 0));
    }
}
