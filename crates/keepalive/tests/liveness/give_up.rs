//! When the kernel's own give-up is put off: while an old retransmission is unsettled, and no longer.

use std::time::Duration;

use lastword_keepalive::{KernelSample, Liveness, Time, TimeoutReason, Timing};

use crate::world::{STANDARD, START};

/// Nothing is unsettled.
const HEALTHY: Counters = (0, 0, 3);
/// The third retransmission is unsettled, and no retransmission timeout runs.
const SICK: Counters = (1, 0, 3);
/// The same connection behind a cut: the timeouts run.
const CUT: Counters = (1, 2, 5);

/// The cut is over, and the last retry arrived.
const MENDED: Counters = (0, 0, 6);

/// `tcpi_retrans`, `tcpi_retransmits` and `tcpi_total_retrans`.
type Counters = (u32, u8, u32);

fn sample((retrans, retransmits, total_retrans): Counters) -> KernelSample {
    KernelSample {
        retrans,
        retransmits,
        total_retrans,
        ..KernelSample::default()
    }
}

struct Watched {
    now: Time,
    liveness: Liveness,
}

impl Watched {
    fn new(timing: Timing) -> Self {
        let mut liveness = Liveness::new(START, false, false);
        liveness.go_live(START, timing, Some(Duration::from_secs(10)));
        Self {
            now: START,
            liveness,
        }
    }

    /// Lets the peer speak after this time, and takes the sample of that moment. Returns the change that the driver is
    /// told.
    fn hears(&mut self, after_ms: u64, counters: Counters) -> Option<bool> {
        self.liveness
            .heard(self.now + Duration::from_millis(after_ms));
        self.looks(after_ms, counters)
    }

    /// The same without a byte from the peer.
    fn looks(&mut self, after_ms: u64, counters: Counters) -> Option<bool> {
        self.now = self.now + Duration::from_millis(after_ms);
        let sample = Some(sample(counters));
        assert_eq!(self.liveness.sampled(self.now, sample), None);
        let told = self.liveness.poll_give_up();
        assert_eq!(self.liveness.poll_give_up(), None, "a change is told once");
        told
    }

    /// Returns how long after the last sample the next one is due on its own account.
    fn looks_after(&self) -> Option<Duration> {
        let (at, due) = self.liveness.poll_timeout(false);
        (due == TimeoutReason::Sample).then(|| at.since(self.now))
    }
}

#[test]
fn an_old_retransmission_that_stays_unsettled_for_a_second_puts_the_give_up_off_until_it_is_settled()
 {
    let mut watched = Watched::new(STANDARD);
    assert_eq!(watched.hears(1_000, SICK), None);
    assert_eq!(watched.hears(400, SICK), None);
    assert_eq!(watched.hears(599, SICK), None);
    assert_eq!(watched.hears(1, SICK), Some(true));
    for _ in 0..100 {
        assert_eq!(watched.hears(750, SICK), None);
    }
    assert_eq!(watched.hears(750, HEALTHY), Some(false));
}

#[test]
fn the_second_look_comes_by_itself_a_second_after_the_first() {
    let mut watched = Watched::new(STANDARD);
    assert_eq!(watched.hears(1_000, HEALTHY), None);
    assert!(watched.liveness.is_calm());
    assert_eq!(watched.looks_after(), None);
    assert_eq!(watched.hears(1_000, SICK), None);
    assert!(!watched.liveness.is_calm(), "a deadline has moved earlier");
    assert_eq!(watched.looks_after(), Some(Duration::from_secs(1)));
    assert_eq!(watched.hears(250, SICK), None);
    assert_eq!(watched.looks_after(), Some(Duration::from_millis(750)));
    watched.now = watched.now + Duration::from_millis(750);
    let act = watched
        .liveness
        .on_timeout(watched.now, false, Some(sample(SICK)));
    assert_eq!(act, None);
    assert_eq!(watched.liveness.poll_give_up(), Some(true));
    assert_eq!(watched.looks_after(), None, "it is known");
    assert!(watched.liveness.is_calm());
}

/// The kernel keeps the time of the first retransmission until none is unsettled, however many follow.
#[test]
fn retransmissions_that_follow_each_other_put_the_give_up_off_as_one_does() {
    let mut watched = Watched::new(STANDARD);
    assert_eq!(watched.hears(750, (2, 0, 10)), None);
    assert_eq!(watched.hears(750, (1, 0, 14)), None);
    assert_eq!(watched.hears(750, (3, 0, 19)), Some(true));
    for total_retrans in 20..40 {
        assert_eq!(watched.hears(750, (1, 0, total_retrans)), None);
    }
    assert_eq!(watched.hears(750, (0, 0, 39)), Some(false));
}

/// On a link that stands still again and again, every look finds a timeout running. The bytes of the peer between the
/// stalls show that this is no cut.
#[test]
fn timeouts_that_run_hide_nothing_while_the_peer_speaks() {
    let mut watched = Watched::new(STANDARD);
    assert_eq!(watched.looks(1_000, CUT), None);
    assert_eq!(watched.hears(1_000, (1, 2, 9)), None);
    assert_eq!(watched.looks_after(), Some(Duration::from_secs(1)));
    assert_eq!(watched.looks(1_000, (1, 3, 10)), Some(true));
    assert_eq!(watched.hears(1_000, (2, 5, 14)), None);
    assert_eq!(watched.looks(1_000, (1, 0, 14)), None);
    assert_eq!(watched.hears(1_000, (0, 0, 14)), Some(false));
}

/// A look may fall between two retransmissions of one episode, and the kernel keeps its time stamp.
#[test]
fn a_look_between_two_retransmissions_ends_nothing() {
    let mut watched = Watched::new(STANDARD);
    assert_eq!(watched.hears(750, (1, 0, 10)), None);
    assert_eq!(watched.hears(750, (0, 0, 12)), None);
    assert_eq!(watched.hears(750, (1, 1, 13)), Some(true));
    assert_eq!(watched.hears(750, (0, 0, 15)), None);
    assert_eq!(watched.hears(750, (2, 0, 18)), None);
    assert_eq!(watched.hears(750, (0, 0, 18)), Some(false));
}

#[test]
fn an_outage_leaves_the_give_up_as_it_was_when_it_began() {
    let mut sick = Watched::new(STANDARD);
    assert_eq!(sick.hears(1_000, SICK), None);
    assert_eq!(sick.hears(1_000, SICK), Some(true));
    assert_eq!(sick.looks(1_000, CUT), None, "now it matters");
    assert_eq!(sick.hears(1_000, MENDED), None, "one look proves little");
    assert_eq!(sick.hears(1_000, MENDED), Some(false));

    let mut healthy = Watched::new(STANDARD);
    assert_eq!(healthy.hears(1_000, HEALTHY), None);
    for _ in 0..10 {
        assert_eq!(healthy.looks(1_000, CUT), None);
    }
    assert_eq!(healthy.hears(1_000, MENDED), None);
}

#[test]
fn retransmissions_that_are_settled_between_two_looks_put_nothing_off() {
    let mut watched = Watched::new(STANDARD);
    for _ in 0..10 {
        assert_eq!(watched.hears(900, SICK), None);
        assert_eq!(watched.hears(900, HEALTHY), None);
    }
    assert_eq!(watched.looks_after(), None);
}

#[test]
fn without_a_dead_limit_the_kernel_alone_finds_a_dead_path_and_is_never_put_off() {
    let mut watched = Watched::new(Timing {
        dead_ms: 0,
        ..STANDARD
    });
    for _ in 0..10 {
        assert_eq!(watched.hears(1_000, SICK), None);
    }
    assert_eq!(watched.looks_after(), None);
}
