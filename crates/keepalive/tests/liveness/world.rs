//! A simulated peer and the path to it, as a kernel shows them. `docs/kernel.md`, sections 4 and 5, has the
//! measurements of Linux.

use std::collections::VecDeque;
use std::time::Duration;

use lastword_keepalive::{
    Diagnosis, KernelSample, Liveness, LivenessAction, SilenceVerdict, Time, Timing,
};

pub(crate) const START: Time = Time::from_micros(1_000_000_000);
pub(crate) const STANDARD: Timing = Timing {
    heartbeat_ms: 5_000,
    suspect_ms: 7_500,
    dead_ms: 15_000,
};
pub(crate) const COMPETITIVE: Timing = Timing {
    heartbeat_ms: 1_000,
    suspect_ms: 2_500,
    dead_ms: 8_000,
};

/// The faults of the simulated path and peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Our segments do not arrive at the peer.
    pub(crate) outbound: bool,
    /// The peer's segments do not arrive here.
    pub(crate) inbound: bool,
    /// Our segments do not leave this host.
    pub(crate) own: bool,
    /// The peer's process sends nothing.
    pub(crate) frozen: bool,
    /// The peer's window is closed.
    pub(crate) window_shut: bool,
}

pub(crate) const NONE: Faults = Faults {
    outbound: false,
    inbound: false,
    own: false,
    frozen: false,
    window_shut: false,
};
/// Nothing passes either way.
pub(crate) const CUT: Faults = Faults {
    outbound: true,
    inbound: true,
    ..NONE
};

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// One server, its peer, and the kernel between them.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) liveness: Liveness,
    pub(crate) faults: Faults,
    /// The longest time between two retries of the kernel.
    pub(crate) rto_max: Duration,
    /// Whether the system has a kernel to sample.
    pub(crate) has_kernel: bool,
    /// The same for the peer's kernel.
    pub(crate) peer_rto_max: Duration,
    /// The first gap between two retries of the peer's kernel.
    pub(crate) peer_rto: Duration,
    /// How long an acknowledgement takes.
    pub(crate) round_trip: Duration,
    /// Each new segment sets the retry timer back, so that no retry of a steady stream ever comes.
    pub(crate) never_retries: bool,
    /// How many inquiries the server makes at once, this one included.
    pub(crate) inquiries: u32,
    /// How often the game writes; `None`: never.
    pub(crate) writes_every: Option<Duration>,
    pub(crate) samples: u32,
    pub(crate) wakes: u32,
    pub(crate) pings: u32,
    pub(crate) told: Vec<(Duration, Option<Diagnosis>)>,
    /// A verdict that came with a byte of the peer.
    verdict_with_byte: Option<SilenceVerdict>,
    /// The losses of the path, as our kernel counts them.
    pub(crate) lost: Lost,
    acked: u64,
    /// When data that waits was written, and how much.
    waiting: VecDeque<(Time, u64)>,
    segs_in: u32,
    data_segs_in: u32,
    last_ack: Time,
    next_heartbeat: Time,
    next_write: Time,
    /// When the peer's kernel next retransmits data that we did not get or do not acknowledge, and the gap before it.
    peer_tries: Option<(Time, Duration)>,
}

/// The counters that show a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Segments that our kernel sent again and that were acknowledged since.
    pub(crate) sent_again: u32,
    /// Those that the peer had already.
    pub(crate) received_twice: u32,
    /// Segments of the peer that came before an earlier one.
    pub(crate) out_of_order: u32,
}

impl World {
    pub(crate) fn new(timing: Timing) -> Self {
        let mut liveness = Liveness::new(START, false, false);
        liveness.go_live(START, timing, Some(Duration::from_secs(10)));
        Self {
            now: START,
            liveness,
            faults: NONE,
            rto_max: Duration::from_millis(1_200),
            has_kernel: true,
            peer_rto_max: Duration::from_millis(1_200),
            peer_rto: RTO_MIN,
            round_trip: Duration::ZERO,
            never_retries: false,
            inquiries: 1,
            writes_every: None,
            samples: 0,
            wakes: 0,
            pings: 0,
            told: Vec::new(),
            verdict_with_byte: None,
            lost: Lost::default(),
            acked: 0,
            waiting: VecDeque::new(),
            segs_in: 0,
            data_segs_in: 0,
            last_ack: START,
            next_heartbeat: START + Duration::from_millis(timing.heartbeat_ms.into()),
            next_write: START,
            peer_tries: None,
        }
    }

    /// Lets time pass, until the verdict or for `time`.
    pub(crate) fn run(&mut self, time: Duration) -> Option<SilenceVerdict> {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + STEP;
            self.peer_acts();
            if self.verdict_with_byte.is_some() {
                return self.verdict_with_byte;
            }
            if let Some(verdict) = self.server_acts() {
                return Some(verdict);
            }
        }
        None
    }

    /// The verdict, which must come within `time`.
    pub(crate) fn verdict(&mut self, time: Duration) -> SilenceVerdict {
        self.run(time).expect("a verdict")
    }

    /// The reported links, without their times.
    pub(crate) fn links(&self) -> Vec<Option<Diagnosis>> {
        self.told.iter().map(|(_, link)| *link).collect()
    }

    fn server_acts(&mut self) -> Option<SilenceVerdict> {
        if self.writes_every.is_some() && self.now >= self.next_write {
            self.next_write = self.now + self.writes_every.unwrap_or_default();
            self.write();
        }
        for n in 0.. {
            let (at, due) = self.liveness.poll_timeout(false);
            if at > self.now {
                break;
            }
            assert!(n < 8, "{due:?} stays due");
            self.wakes += 1;
            let sample = self.sample();
            let asks_system = self.liveness.may_blame_path(self.now);
            let act = self.liveness.on_timeout(self.now, false, sample);
            self.liveness.set_inquiries(self.inquiries);
            match act {
                Some(LivenessAction::GiveUp(verdict)) => {
                    assert!(asks_system || !self.has_kernel, "{verdict:?}");
                    return Some(verdict);
                }
                Some(LivenessAction::Ping) => {
                    self.pings += 1;
                    self.liveness.pinged(self.now);
                    self.write();
                }
                None => {}
            }
        }
        self.tell();
        None
    }

    fn tell(&mut self) {
        if let Some(link) = self.liveness.poll_suspicion() {
            self.told.push((self.now.since(START), link));
        }
    }

    /// Lets this time pass, and then the peer sends a heartbeat.
    pub(crate) fn beats_again(&mut self, after: Duration) {
        assert_eq!(self.run(after), None);
        self.hear();
    }

    /// Lets a segment of the peer arrive behind a gap: its data cannot be read.
    pub(crate) fn arrives_out_of_order(&mut self) {
        self.lost.out_of_order += 1;
        self.arrives();
    }

    /// Lets a segment arrive that came before.
    pub(crate) fn arrives_again(&mut self) {
        self.arrives();
    }

    fn arrives(&mut self) {
        self.segs_in += 1;
        self.data_segs_in += 1;
        self.last_ack = self.now;
    }

    fn peer_acts(&mut self) {
        self.deliver();
        let beats = self.now >= self.next_heartbeat && !self.faults.frozen;
        if beats {
            self.next_heartbeat = self.now + Duration::from_secs(1);
        }
        match self.peer_tries {
            Some((at, gap)) if self.now >= at => self.peer_retries(gap),
            Some(_) => {}
            None if beats && self.faults.inbound => self.peer_waits(self.peer_rto),
            None if beats => self.hear(),
            None => {}
        }
    }

    /// The peer's kernel retries what we did not get, or what we got and do not acknowledge.
    fn peer_retries(&mut self, gap: Duration) {
        let Faults {
            outbound, inbound, ..
        } = self.faults;
        match (inbound, outbound) {
            (true, _) => {}
            (false, true) => self.arrives_again(),
            (false, false) => {
                self.peer_tries = None;
                return self.hear();
            }
        }
        self.peer_waits((gap * 2).min(self.peer_rto_max));
    }

    fn peer_waits(&mut self, gap: Duration) {
        self.peer_tries = Some((self.now + gap, gap));
    }

    fn hear(&mut self) {
        self.arrives();
        if self.faults.outbound {
            self.peer_waits(self.peer_rto);
        }
        self.liveness.heard(self.now);
        if self.liveness.wants_sample(self.now) {
            let sample = self.sample();
            self.verdict_with_byte = self.liveness.sampled(self.now, sample);
        }
        self.tell();
        // The answer to the peer's ping.
        self.write();
    }

    fn write(&mut self) {
        self.waiting.push_back((self.now, 20));
        self.liveness.wrote(self.now);
        self.deliver();
    }

    /// Data that arrives is acknowledged a round trip later. Lost data arrives with the next retry.
    fn deliver(&mut self) {
        let Faults {
            outbound,
            inbound,
            own,
            window_shut,
            ..
        } = self.faults;
        if outbound || own || self.waiting.is_empty() {
            return;
        }
        let (tries, before) = (self.tries(), self.tries_before());
        if window_shut {
            // A probe is answered when it arrives.
            if tries != before && !inbound {
                self.last_ack = self.now;
                self.segs_in += 1;
            }
            return;
        }
        if inbound || (tries > 0 && tries == before) {
            return;
        }
        self.lost.sent_again += tries;
        let waits_since = self.now.before(self.round_trip);
        let arrived = |(at, _): &(Time, u64)| *at <= waits_since;
        if !self.waiting.front().is_some_and(arrived) {
            return;
        }
        while let Some((_, bytes)) = self.waiting.front().copied().filter(arrived) {
            self.waiting.pop_front();
            self.acked += bytes;
        }
        self.last_ack = self.now;
        self.segs_in += 1;
    }

    fn tries_before(&self) -> u32 {
        let before = Time::from_micros(self.now.as_micros() - 10_000);
        self.tries_at(before)
    }

    fn tries(&self) -> u32 {
        self.tries_at(self.now)
    }

    /// How often the kernel has retried by `now`: after 200 ms, then after twice as long each time.
    fn tries_at(&self, now: Time) -> u32 {
        let Some((since, _)) = self.waiting.front().filter(|_| !self.never_retries) else {
            return 0;
        };
        let (mut at, mut gap, mut tries) = (*since + self.round_trip, RTO_MIN, 0);
        while at + gap <= now {
            at = at + gap;
            gap = (gap * 2).min(self.rto_max);
            tries += 1;
        }
        tries
    }

    fn sample(&mut self) -> Option<KernelSample> {
        self.samples += 1;
        let tries = self.tries();
        let Faults {
            outbound,
            inbound,
            own,
            window_shut,
            ..
        } = self.faults;
        let is_cut = outbound || inbound;
        let waits = !self.waiting.is_empty();
        let waiting = self.waiting.iter().map(|(_, bytes)| *bytes).sum::<u64>();
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let sent = waits && !window_shut && !own;
        let tries = if sent { tries } else { 0 };
        let sent_again = self.lost.sent_again + tries;
        let sample = KernelSample {
            retransmits: u8::try_from(tries).unwrap_or(u8::MAX),
            probes: if (own || (window_shut && is_cut)) && waits {
                self.unanswered_probes()
            } else {
                0
            },
            unacked: u32::from(sent),
            notsent: if sent { 0 } else { waiting },
            snd_wnd: Some(if window_shut { 0 } else { 65_535 }),
            bytes_acked: self.acked,
            total_retrans: sent_again,
            bytes_retrans: Some(u64::from(sent_again) * 20),
            dsack_dups: Some(self.lost.received_twice),
            rcv_ooopack: Some(self.lost.out_of_order),
            rtt_us: u32::try_from(self.round_trip.as_micros()).expect("it is short"),
            segs_in: self.segs_in,
            data_segs_in: self.data_segs_in,
            last_ack_recv_ms: age_ms(self.now.since(self.last_ack)),
            ..KernelSample::default()
        };
        self.has_kernel.then_some(sample)
    }

    /// Probes since the last answer.
    fn unanswered_probes(&self) -> u8 {
        let answered = self.tries_at(self.last_ack);
        let sent = self.tries();
        u8::try_from(sent - answered.min(sent)).unwrap_or(u8::MAX)
    }
}

/// An age as `TCP_INFO` has it.
pub(crate) fn age_ms(age: Duration) -> u32 {
    u32::try_from(age.as_millis()).expect("it is short")
}

const STEP: Duration = Duration::from_millis(10);
/// The first gap between two retries on a short path.
const RTO_MIN: Duration = Duration::from_millis(200);
