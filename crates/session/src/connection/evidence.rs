//! The evidence of an end: the session's own counts and clocks, and the kernel's readings.

use std::time::Duration;

use super::{Connection, DrainNotice, Readings};
use crate::ending::{Detector, Ending, Evidence, Verdict};
use crate::send_queue::Dropped;
use crate::{Cause, FirstError, KernelSample, Observation, Phase, System, Terminal, Time};

impl Connection {
    /// Returns the input of the classifier.
    pub(super) fn observe(&self, terminal: Terminal, readings: Readings) -> Observation {
        let fin = match terminal {
            Terminal::Open => readings.after_fin.then_some(true),
            Terminal::Eof | Terminal::Error(_) => fin_bit(&readings),
        };
        let unacked = readings
            .kernel
            .map_or(0, |kernel| unacked(kernel.outq, self.shut));
        Observation {
            system: System::current(),
            phase: self.phase,
            has_spoken: self.has_spoken,
            drain_notice_written: self.drain_notice == DrainNotice::Written,
            mid_frame: self.decoder.mid_frame(),
            terminal,
            first_error: readings.first_error,
            fin,
            shut: self.shut,
            close_notify_missing: self.config.tls && !self.is_tls_closed(),
            refused_bytes: self.refused_data(unacked),
            kernel: readings.kernel,
            own_fault: readings.own_fault,
        }
    }

    /// The bytes of data frames that wait, or that the peer's kernel has not acknowledged. A pong or a ping on its way is
    /// no loss. Our bytes are acknowledged in order, so the last ones tell.
    fn refused_data(&self, unacked: u64) -> u64 {
        let waits = self.stream.queue.as_ref();
        let waits = waits.map_or(0, |queue| queue.data_bytes());
        let again = u64::try_from(self.stream.replay_bytes()).unwrap_or(u64::MAX);
        let held = u64::from(self.layer_holds && self.behind_data == 0);
        waits + again + held + unacked.saturating_sub(self.behind_data.into())
    }

    /// Keeps the evidence of this moment, at which the cause is fixed. Without effect for a verdict that has its evidence
    /// already.
    pub(super) fn fix(&mut self, now: Time, verdict: Verdict, readings: &Readings) {
        self.settle_fate(now, verdict.cause);
        let fixed = self.rare.as_ref().and_then(|rare| rare.fixed.as_ref());
        if fixed.is_some_and(|fixed| fixed.at == verdict.at) {
            return;
        }
        let fixed = Fixed {
            at: verdict.at,
            evidence: self.so_far(now, readings),
            first_error: readings.first_error,
            fin_seen: self.fin_seen,
        };
        self.stops_waiting_for_rate(now);
        let rare = self.rare_mut();
        rare.wants_readings = readings.kernel.is_none();
        rare.fixed = Some(Box::new(fixed));
    }

    /// Adds the kernel's readings to the evidence of a cause that was fixed without them.
    pub(super) fn complete_fixed(&mut self, now: Time, readings: &Readings) {
        let shut = self.shut;
        if let Some(fixed) = self.rare.as_mut().and_then(|rare| rare.fixed.as_mut()) {
            if fixed.evidence.kernel.is_none() {
                fixed.complete(now, readings, shut);
            }
        }
    }

    /// The record of an end that has its verdict, as far as it is known.
    pub(super) fn ending(&self, now: Time, verdict: Verdict, readings: &Readings) -> Ending {
        let rare = self.rare.as_ref();
        let fixed = rare.and_then(|rare| rare.fixed.as_deref());
        let last = self.so_far(now, readings);
        Ending {
            verdict,
            connection: self.number(),
            first_error: fixed.map_or(readings.first_error, |fixed| fixed.first_error),
            evidence: match fixed {
                Some(fixed) => self.evidence(now, verdict, fixed, (last, readings.first_error)),
                None => last,
            },
            peer_goodbye: rare.and_then(|rare| rare.peer_goodbye.clone()),
            decided: rare.and_then(|rare| rare.decided.clone()),
            trail: rare.map_or_else(Vec::new, |rare| rare.trail.clone()),
            abort: false,
        }
    }

    /// The evidence of the moment at which the cause was fixed, with the counts and the events up to `last`, which is now.
    fn evidence(
        &self,
        now: Time,
        verdict: Verdict,
        fixed: &Fixed,
        (last, last_error): (Evidence, Option<FirstError>),
    ) -> Evidence {
        let decided = self.rare.as_ref().and_then(|rare| rare.silent_for);
        let had_fin = fixed.fin_seen || fixed.evidence.fin == Some(true);
        Evidence {
            silent_for: decided.or_else(|| self.silence(verdict.at, verdict.cause)),
            own_stall: last.own_stall,
            detector: detector(verdict.cause, decided.is_some(), fixed),
            bytes_in: last.bytes_in,
            bytes_out: last.bytes_out,
            frames_in: last.frames_in,
            frames_out: last.frames_out,
            bytes_unsent: last.bytes_unsent,
            frames_unsent: last.frames_unsent,
            frames_dropped: last.frames_dropped,
            frames_replaced: last.frames_replaced,
            bytes_unacked: last.bytes_unacked.or(fixed.evidence.bytes_unacked),
            frames_unacked: last.frames_unacked,
            bytes_drained: last.bytes_drained,
            farewell: last.farewell,
            spoke_after: last.spoke_after,
            lingered: now.since(verdict.at),
            late_bytes_in: last.bytes_in.saturating_sub(fixed.evidence.bytes_in),
            late_fin: !had_fin && (self.fin_seen || last.fin == Some(true)),
            late_error: last_error.filter(|_| fixed.first_error.is_none()),
            ..fixed.evidence.clone()
        }
    }

    /// Returns the evidence as it would be if the connection ended now. It has no silence: only a verdict sets one.
    pub(crate) fn so_far(&self, now: Time, readings: &Readings) -> Evidence {
        let dropped = self
            .rare
            .as_ref()
            .map_or_else(Default::default, |rare| rare.dropped);
        let noticed = self.rare.as_ref().and_then(|rare| rare.read_when_noticed);
        let queued = self.stream.queue.as_ref();
        let queued = queued.map_or(0, |queue| queue.data_frames());
        let queued_bytes = u64::try_from(self.queued_bytes()).unwrap_or(u64::MAX);
        let (frames_in, frames_out) = self.frames_here();
        let live = self.phase == Phase::Live;
        let real = self.liveness.real(now);
        let mut evidence = Evidence {
            age: real.since(self.opened),
            silent_for: None,
            own_stall: self
                .rare
                .as_ref()
                .map_or(Duration::ZERO, |rare| rare.own_stall),
            spoke_after: self.rare.as_ref().and_then(|rare| rare.spoke_after),
            over_rate_for: self.over_rate_since().map(|since| now.since(since)),
            live_for: if live {
                real.since(self.phase_since)
            } else {
                Duration::ZERO
            },
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            frames_in,
            frames_out,
            last_byte_in: (self.bytes_in > 0).then(|| self.heard_for(now)),
            last_ack_in: None,
            last_pong: (self.last_pong > Time::ORIGIN).then(|| real.since(self.last_pong)),
            rtt: self.round_trip.rtt(),
            rtt_variance: self.round_trip.variance(),
            clock_offset: self.round_trip.clock_offset(),
            bytes_unsent: queued_bytes + dropped.bytes,
            frames_unsent: queued + dropped.frames,
            frames_dropped: dropped.oldest,
            frames_replaced: dropped.replaced,
            bytes_unacked: None,
            frames_unacked: self.stream.unacked(),
            bytes_drained: noticed.map_or(0, |at| self.bytes_in.saturating_sub(at)),
            partial_frame: self.partial_frame(),
            fin: None,
            kernel: None,
            detector: None,
            farewell: self.farewell,
            lingered: Duration::ZERO,
            late_bytes_in: 0,
            late_fin: false,
            late_error: None,
            behind_proxy: self.config.is_behind_proxy(),
        };
        evidence.add_kernel(readings, self.shut);
        evidence
    }

    fn partial_frame(&self) -> Option<(u64, Option<u64>)> {
        let (_, have) = self.decoder.unfinished()?;
        let need = self.decoder.needed(&self.config.framing);
        Some((
            u64::try_from(have).ok()?,
            need.and_then(|need| u64::try_from(need).ok()),
        ))
    }

    /// How long the peer has been silent, for a cause that rests on that.
    pub(super) fn silence(&self, now: Time, cause: Cause) -> Option<Duration> {
        let since = if cause == Cause::Idle {
            self.last_data
        } else {
            self.liveness.silent_since()
        };
        let stall = self.liveness.stood_still_since_heard();
        cause.is_silent().then(|| now.since(since) + stall)
    }

    /// The real age of the last byte.
    fn heard_for(&self, now: Time) -> Duration {
        now.since(self.liveness.last_in()) + self.liveness.stood_still_since_heard()
    }

    /// Keeps a silence as it was when we judged it: a byte that comes in linger does not shorten it.
    pub(super) fn note_silence(&mut self, now: Time, cause: Cause) {
        if let Some(silence) = self.silence(now, cause) {
            let own_stall = self.liveness.stood_still_since_heard();
            let rare = self.rare_mut();
            if rare.silent_for.is_none() {
                rare.silent_for = Some(silence);
                rare.own_stall = own_stall;
            }
        }
    }
}

/// The evidence of the moment at which the cause was fixed.
#[derive(Debug)]
pub(super) struct Fixed {
    at: Time,
    evidence: Evidence,
    first_error: Option<FirstError>,
    fin_seen: bool,
}

impl Fixed {
    fn complete(&mut self, now: Time, readings: &Readings, shut: bool) {
        let late = now.since(self.at);
        self.first_error = self.first_error.or(readings.first_error);
        self.evidence.add_kernel(readings, shut);
        let last_ack_in = self.evidence.last_ack_in;
        self.evidence.last_ack_in = last_ack_in.map(|age| age.saturating_sub(late));
    }
}

impl Evidence {
    /// Adds frames that will not be written.
    pub(crate) fn add_unsent(&mut self, dropped: Dropped) {
        self.bytes_unsent += dropped.bytes;
        self.frames_unsent += dropped.frames;
        self.frames_dropped += dropped.oldest;
        self.frames_replaced += dropped.replaced;
    }

    /// Fills in what the kernel shows.
    pub(crate) fn add_kernel(&mut self, readings: &Readings, shut: bool) {
        self.fin = fin_bit(readings);
        let Some(kernel) = readings.kernel else {
            return;
        };
        // Both of one origin: the kernel's variance says nothing of the heartbeat's round trip.
        if self.rtt.is_none() && kernel.rtt_us > 0 {
            self.rtt = Some(Duration::from_micros(kernel.rtt_us.into()));
            self.rtt_variance = Some(Duration::from_micros(kernel.rttvar_us.into()));
        }
        self.last_ack_in = Some(kernel.last_ack());
        self.bytes_unacked = Some(unacked(kernel.outq, shut));
        self.kernel = Some(kernel);
    }
}

/// `bytes_received − bytes read − SIOCINQ`: 1 when the peer's FIN arrived in order, which the kernel counts as one
/// byte. A state that a socket has only after that FIN proves the same.
pub(super) fn fin_bit(readings: &Readings) -> Option<bool> {
    if readings.after_fin {
        return Some(true);
    }
    let kernel = readings.kernel?;
    let taken = readings.bytes_read + u64::from(kernel.inq);
    Some(kernel.bytes_received > taken)
}

/// `SIOCOUTQ` less our own FIN, which counts as one byte until it is acknowledged.
fn unacked(outq: u32, shut: bool) -> u64 {
    u64::from(outq.saturating_sub(u32::from(shut)))
}

fn detector(cause: Cause, decided: bool, fixed: &Fixed) -> Option<Detector> {
    // Keepalive sends no probes while our data waits, and a closed window leaves data waiting here.
    let waits = |kernel: KernelSample| kernel.retransmits > 0 || kernel.outq > 0;
    let detector = if decided || fixed.first_error.is_none() {
        Detector::Heartbeat
    } else if fixed.evidence.kernel.is_some_and(waits) {
        Detector::Retransmission
    } else {
        Detector::Keepalive
    };
    cause.is_silent().then_some(detector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fin_bit_is_the_counted_byte_that_cannot_be_read() {
        let kernel = KernelSample {
            bytes_received: 101,
            ..KernelSample::default()
        };
        let with = |bytes_read, inq| Readings {
            kernel: Some(KernelSample { inq, ..kernel }),
            bytes_read,
            ..Readings::default()
        };
        assert_eq!(fin_bit(&with(100, 0)), Some(true));
        assert_eq!(fin_bit(&with(101, 0)), Some(false));
        assert_eq!(fin_bit(&with(60, 41)), Some(false));
        assert_eq!(fin_bit(&Readings::default()), None);
        let after_fin = Readings {
            after_fin: true,
            ..Readings::default()
        };
        assert_eq!(fin_bit(&after_fin), Some(true));
    }

    #[test]
    fn round_trip_and_variance_are_both_the_heartbeats_or_both_the_kernels() {
        let kernel = KernelSample {
            rtt_us: 300,
            rttvar_us: 40,
            ..KernelSample::default()
        };
        let readings = Readings {
            kernel: Some(kernel),
            ..Readings::default()
        };
        let micros = |n| Some(Duration::from_micros(n));
        for (heartbeat, shown) in [((None, None), (micros(300), micros(40))), {
            let heartbeat = (micros(7_000), micros(900));
            (heartbeat, heartbeat)
        }] {
            let mut evidence = Evidence {
                rtt: heartbeat.0,
                rtt_variance: heartbeat.1,
                ..Evidence::default()
            };
            evidence.add_kernel(&readings, false);
            assert_eq!((evidence.rtt, evidence.rtt_variance), shown);
        }
    }

    #[test]
    fn our_own_fin_is_no_lost_byte() {
        assert_eq!(
            (unacked(1, true), unacked(1, false), unacked(0, true)),
            (0, 1, 0)
        );
    }
}
