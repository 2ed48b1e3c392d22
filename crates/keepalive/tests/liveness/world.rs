//! A simulated peer and the path to it, as a kernel shows them. `docs/kernel.md`, sections 4 and 5, has the
//! measurements of Linux.

use std::time::Duration;

use lastword_keepalive::{Act, Diagnosis, KernelSample, Liveness, Time, Timing, Verdict};

pub(crate) const START: Time = Time::from_micros(1_000_000_000);
pub(crate) const STANDARD: Timing = Timing {
    heartbeat_ms: 5_000,
    suspect_ms: 7_500,
    dead_ms: 15_000,
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

/// One server, its peer, and the kernel between them.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) liveness: Liveness,
    pub(crate) faults: Faults,
    /// The longest time between two retries of the kernel.
    pub(crate) rto_max: Duration,
    /// Whether the system has a kernel to sample.
    pub(crate) has_kernel: bool,
    /// How often the game writes; `None`: never.
    pub(crate) writes_every: Option<Duration>,
    pub(crate) samples: u32,
    pub(crate) wakes: u32,
    pub(crate) pings: u32,
    pub(crate) told: Vec<(Duration, Option<Diagnosis>)>,
    acked: u64,
    waiting: u64,
    /// Since when the oldest waiting byte has been on its way, or must be probed for.
    tries_since: Option<Time>,
    /// The counters at that time.
    bytes_retrans: u64,
    segs_in: u32,
    last_ack: Time,
    next_heartbeat: Time,
    next_write: Time,
    /// When the peer's kernel next retransmits data that we do not acknowledge, and the gap before it.
    peer_tries: Option<(Time, Duration)>,
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
            writes_every: None,
            samples: 0,
            wakes: 0,
            pings: 0,
            told: Vec::new(),
            acked: 0,
            waiting: 0,
            tries_since: None,
            bytes_retrans: 0,
            segs_in: 0,
            last_ack: START,
            next_heartbeat: START + Duration::from_millis(timing.heartbeat_ms.into()),
            next_write: START,
            peer_tries: None,
        }
    }

    /// Lets time pass, until the verdict or for `time`.
    pub(crate) fn run(&mut self, time: Duration) -> Option<Verdict> {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + STEP;
            self.peer_acts();
            if let Some(verdict) = self.server_acts() {
                return Some(verdict);
            }
        }
        None
    }

    /// The verdict, which must come within `time`.
    pub(crate) fn verdict(&mut self, time: Duration) -> Verdict {
        self.run(time).expect("a verdict")
    }

    /// The reported links, without their times.
    pub(crate) fn links(&self) -> Vec<Option<Diagnosis>> {
        self.told.iter().map(|(_, link)| *link).collect()
    }

    fn server_acts(&mut self) -> Option<Verdict> {
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
            match self.liveness.on_timeout(self.now, false, sample) {
                Some(Act::GiveUp(verdict)) => return Some(verdict),
                Some(Act::Ping) => {
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

    fn peer_acts(&mut self) {
        self.deliver();
        let beats = self.now >= self.next_heartbeat && !self.faults.frozen;
        if beats {
            self.next_heartbeat = self.now + Duration::from_secs(1);
        }
        if self.faults.inbound {
            return;
        }
        // Without our acknowledgements, the peer's kernel only retransmits its first data, at ever longer gaps.
        match self.peer_tries {
            Some((at, gap)) if self.now >= at => {
                self.segs_in += 1;
                self.peer_tries = Some((self.now + gap * 2, gap * 2));
            }
            None if beats => self.hear(),
            Some(_) | None => {}
        }
    }

    fn hear(&mut self) {
        self.segs_in += 1;
        if self.faults.outbound {
            let gap = Duration::from_millis(200);
            self.peer_tries = Some((self.now + gap, gap));
        }
        self.liveness.heard(self.now);
        if self.liveness.wants_sample(self.now) {
            let sample = self.sample();
            assert_eq!(self.liveness.sampled(self.now, sample), None);
        }
        self.tell();
        // The answer to the peer's ping.
        self.write();
    }

    fn write(&mut self) {
        self.waiting += 20;
        self.tries_since.get_or_insert(self.now);
        self.liveness.wrote(self.now);
        self.deliver();
    }

    /// Data that arrives is acknowledged at once.
    fn deliver(&mut self) {
        let Faults {
            outbound,
            inbound,
            own,
            window_shut,
            ..
        } = self.faults;
        if outbound || own || self.waiting == 0 {
            return;
        }
        if window_shut {
            // A probe is answered when it arrives.
            let probed = self.tries_since.map_or(0, |since| self.tries(since));
            if probed != self.tries_before() && !inbound {
                self.last_ack = self.now;
                self.segs_in += 1;
            }
        } else if !inbound {
            self.acked += std::mem::take(&mut self.waiting);
            self.tries_since = None;
            self.last_ack = self.now;
            self.segs_in += 1;
        }
    }

    fn tries_before(&self) -> u32 {
        let before = Time::from_micros(self.now.as_micros() - 10_000);
        self.tries_since
            .map_or(0, |since| self.tries_at(since, before))
    }

    fn tries(&self, since: Time) -> u32 {
        self.tries_at(since, self.now)
    }

    /// How often the kernel has retried by `now`: after 200 ms, then after twice as long each time.
    fn tries_at(&self, since: Time, now: Time) -> u32 {
        let (mut at, mut gap, mut tries) = (since, Duration::from_millis(200), 0);
        while at + gap <= now {
            at = at + gap;
            gap = (gap * 2).min(self.rto_max);
            tries += 1;
        }
        tries
    }

    fn sample(&mut self) -> Option<KernelSample> {
        self.samples += 1;
        let tries = self.tries_since.map_or(0, |since| self.tries(since));
        let tries = u8::try_from(tries).unwrap_or(u8::MAX);
        let Faults {
            outbound,
            inbound,
            own,
            window_shut,
            ..
        } = self.faults;
        let is_cut = outbound || inbound;
        let waiting = u32::try_from(self.waiting).unwrap_or(u32::MAX);
        let sent = self.waiting > 0 && !window_shut && !own;
        let sample = KernelSample {
            retransmits: if sent { tries } else { 0 },
            probes: if (own || (window_shut && is_cut)) && self.waiting > 0 {
                self.unanswered_probes()
            } else {
                0
            },
            unacked: u32::from(sent),
            notsent: if sent { 0 } else { waiting },
            snd_wnd: Some(if window_shut { 0 } else { 65_535 }),
            bytes_acked: self.acked,
            bytes_retrans: Some(self.bytes_retrans + u64::from(tries) * 20),
            segs_in: self.segs_in,
            last_ack_recv_ms: age_ms(self.now.since(self.last_ack)),
            ..KernelSample::default()
        };
        self.has_kernel.then_some(sample)
    }

    /// Probes since the last answer.
    fn unanswered_probes(&self) -> u8 {
        let Some(since) = self.tries_since else {
            return 0;
        };
        let answered = self.tries_at(since, self.last_ack);
        let sent = self.tries(since);
        u8::try_from(sent - answered.min(sent)).unwrap_or(u8::MAX)
    }
}

/// An age as `TCP_INFO` has it.
pub(crate) fn age_ms(age: Duration) -> u32 {
    u32::try_from(age.as_millis()).expect("it is short")
}

const STEP: Duration = Duration::from_millis(10);
