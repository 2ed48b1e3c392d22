//! How a connection ends: our decisions, the peer's end, and the one verdict that comes out.

use std::time::Duration;

use super::{Close, DrainNotice, Readings, Session, State};
use crate::ending::{Detector, Ending, Evidence, Farewell, Layer, Verdict};
use crate::{Cause, Observation, Phase, System, Terminal, Time, classify};

impl Session {
    /// Somebody here wants the connection to end.
    pub(super) fn on_close(&mut self, now: Time, close: &Close) {
        if close.cause == Cause::SendQueueFull && self.is_suspect(now) {
            return;
        }
        // A panic is a defect that somebody must see, also where the peer's end shows already.
        if self.end_noticed && close.cause != Cause::HandlerPanicked {
            self.note(now, Layer::Game, "close_after_end");
            return;
        }
        self.note(now, Layer::Game, close.cause.label());
        self.decide(now, close);
    }

    /// Fixes the cause and queues our last word. Without effect once a cause is fixed.
    pub(super) fn decide(&mut self, now: Time, close: &Close) {
        if !self.is_undecided() {
            return;
        }
        if !flushes_data(close.cause) {
            self.drop_queued();
        }
        if self.can_write() {
            self.queue_goodbye(now, close);
        }
        self.start_closing(now, close.cause, close.linger);
    }

    /// Fixes the cause without a word of ours: the peer said goodbye, our FIN is the answer.
    pub(super) fn close_quietly(&mut self, now: Time, cause: Cause) {
        self.drop_queued();
        self.start_closing(now, cause, None);
    }

    /// Ends at once, without a byte: whoever this is does not speak our protocol.
    pub(super) fn close_silently(&mut self, now: Time, cause: Cause) {
        let verdict = self.verdict(now, cause);
        self.close(now, verdict, Readings::default(), true);
    }

    /// Ends at once: nobody hears us.
    pub(super) fn close_abruptly(&mut self, now: Time, cause: Cause, readings: Readings) {
        self.note_silence(now, cause);
        let verdict = self.verdict(now, cause);
        self.close(now, verdict, readings, true);
    }

    /// Somebody here wants the connection gone, and nobody told.
    pub(super) fn on_abort(&mut self, now: Time, readings: Readings) {
        match self.state {
            State::Closing { verdict, .. } | State::Lingering { verdict, .. } => {
                self.close(now, verdict, readings, true);
            }
            State::Hello | State::Auth | State::Live if !self.end_noticed => {
                self.note(now, Layer::Game, "abort");
                self.close_abruptly(now, Cause::ClosedByGame, readings);
            }
            State::Hello | State::Auth | State::Live | State::Flushing { .. } | State::Settling { .. } => {
                // Without a word of the kernel, an end that shows and is no error is a FIN.
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Closed => {}
        }
    }

    pub(super) fn on_drain_expired(&mut self, now: Time) {
        match self.state {
            State::Closing { verdict, .. } | State::Lingering { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                self.close(now, verdict, Readings::default(), true);
            }
            State::Hello | State::Auth | State::Live if self.end_noticed => {
                self.note(now, Layer::Game, "drain_expired_after_end");
            }
            State::Hello | State::Auth => self.decide(now, &at_once(Cause::RefusedDraining)),
            State::Live => self.decide(now, &at_once(Cause::DrainExpired)),
            State::Flushing { .. } | State::Settling { .. } | State::Closed => {}
        }
    }

    pub(super) fn on_end_noticed(&mut self, now: Time, readings: Readings) {
        if self.end_noticed {
            return;
        }
        self.end_noticed = true;
        if self.is_undecided() {
            self.note(now, Layer::Socket, "end_noticed");
            self.rare_mut().read_when_noticed = Some(readings.bytes_read);
        }
    }

    pub(super) fn on_write_failed(&mut self, now: Time, readings: Readings) {
        self.note(now, Layer::Socket, "write_failed");
        self.on_end_noticed(now, readings);
        self.write_failed = true;
        match self.state {
            State::Closing { verdict, .. } => self.linger(now, verdict),
            State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Hello | State::Auth | State::Live | State::Lingering { .. } | State::Closed => {}
        }
    }

    /// Everything that could be read was read and handed over.
    pub(super) fn on_ended(&mut self, now: Time, terminal: Terminal, readings: Readings) {
        let fin = terminal == Terminal::Eof && fin_bit(&readings) != Some(false);
        self.fin_seen |= fin;
        match self.state {
            State::Live if fin && self.can_write() => {
                self.end_noticed = true;
                self.note(now, Layer::Socket, "fin");
                let until = now + self.config.limits.linger_timeout;
                self.state = State::Flushing { until };
            }
            State::Hello | State::Auth | State::Live | State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, terminal, readings);
            }
            State::Closing { .. } if fin && self.can_write() => {
                self.note(now, Layer::Socket, "fin");
            }
            State::Closing { verdict, .. } | State::Lingering { verdict, .. } => {
                if fin {
                    self.farewell_came_to(Farewell::FinSeen);
                }
                self.close(now, verdict, readings, false);
            }
            State::Closed => {}
        }
    }

    /// Our write side is shut: everything we had to say is with the kernel.
    pub(super) fn on_shut(&mut self, now: Time) {
        self.shut = true;
        if let State::Closing { verdict, .. } = self.state {
            if self.goodbye_queued && !self.write_failed {
                self.farewell = Farewell::Written;
            }
            self.linger(now, verdict);
        }
    }

    pub(super) fn on_settled(&mut self, now: Time, readings: Readings) {
        if let State::Settling { .. } = self.state {
            self.conclude(now, Terminal::Eof, readings);
        }
    }

    pub(super) fn on_linger_over(&mut self, now: Time, readings: Readings) {
        match self.state {
            State::Closing { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                self.close(now, verdict, readings, true);
            }
            State::Lingering { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                if readings.kernel.is_some_and(|kernel| kernel.outq == 0) {
                    self.farewell_came_to(Farewell::Acked);
                }
                self.close(now, verdict, readings, false);
            }
            State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Hello | State::Auth | State::Live | State::Closed => {}
        }
    }

    /// Who was told to leave for our drain and is still there when its time is over, is cut off; who said
    /// goodbye has left, whatever became of its socket.
    fn expired(&self, now: Time, verdict: Verdict) -> Verdict {
        let said_goodbye = self.rare.as_ref().is_some_and(|rare| rare.parting.is_some());
        if verdict.cause == Cause::Drained && !said_goodbye {
            self.verdict(now, Cause::DrainExpired)
        } else {
            verdict
        }
    }

    fn start_closing(&mut self, now: Time, cause: Cause, linger: Option<Duration>) {
        self.note_silence(now, cause);
        let verdict = self.verdict(now, cause);
        let until = now + linger.unwrap_or(self.config.limits.linger_timeout);
        self.state = State::Closing { verdict, until };
        if !self.can_write() {
            self.linger(now, verdict);
        }
    }

    fn linger(&mut self, now: Time, verdict: Verdict) {
        let until = match self.state {
            State::Closing { until, .. } if keeps_deadline(verdict.cause) => until,
            State::Hello
            | State::Auth
            | State::Live
            | State::Closing { .. }
            | State::Lingering { .. }
            | State::Flushing { .. }
            | State::Settling { .. }
            | State::Closed => now + self.config.limits.linger_timeout,
        };
        self.state = State::Lingering { verdict, until };
        if self.fin_seen {
            self.close(now, verdict, Readings::default(), false);
        }
    }

    /// The peer's end decides: nothing of ours came first.
    fn conclude(&mut self, now: Time, terminal: Terminal, readings: Readings) {
        let observation = self.observe(terminal, readings);
        let verdict = self.verdict(now, classify(&observation));
        self.close(now, verdict, readings, false);
    }

    fn observe(&self, terminal: Terminal, readings: Readings) -> Observation {
        let fin = match terminal {
            Terminal::Open => None,
            Terminal::Eof | Terminal::Error(_) => fin_bit(&readings),
        };
        let unacked = readings.kernel.map_or(0, |kernel| unacked(kernel.outq, self.shut));
        Observation {
            system: System::current(),
            phase: self.phase,
            bytes_read: self.bytes_in,
            goodbye: false,
            drain_notice_written: self.drain_notice == DrainNotice::Written,
            mid_frame: self.decoder.mid_frame(),
            terminal,
            first_error: readings.first_error,
            fin,
            shut: self.shut,
            close_notify_missing: false,
            refused_bytes: u64::try_from(self.queued_bytes()).unwrap_or(u64::MAX) + unacked,
            kernel: readings.kernel,
            last_live: self.rare.as_ref().and_then(|rare| rare.last_live),
        }
    }

    fn close(&mut self, now: Time, verdict: Verdict, readings: Readings, abort: bool) {
        if self.state == State::Closed {
            return;
        }
        let evidence = self.evidence(now, verdict, &readings);
        let rare = self.rare.take().unwrap_or_default();
        self.state = State::Closed;
        self.ending = Some(Box::new(Ending {
            verdict,
            first_error: readings.first_error,
            evidence,
            parting: rare.parting,
            trail: rare.trail,
            abort,
        }));
    }

    fn evidence(&self, now: Time, verdict: Verdict, readings: &Readings) -> Evidence {
        let dropped = self.rare.as_ref().map_or_else(Default::default, |rare| rare.dropped);
        let noticed = self.rare.as_ref().and_then(|rare| rare.read_when_noticed);
        let queued = self.queue.as_ref().map_or(0, |queue| queue.data_frames());
        let queued_bytes = u64::try_from(self.queued_bytes()).unwrap_or(u64::MAX);
        let live = self.phase == Phase::Live;
        let decided = self.rare.as_ref().and_then(|rare| rare.silent_for);
        let silent_for = decided.or_else(|| self.silence(verdict.at, verdict.cause));
        let mut evidence = Evidence {
            age: now.since(self.opened),
            silent_for,
            live_for: if live { now.since(self.phase_since) } else { Duration::ZERO },
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            frames_in: self.received,
            frames_out: self.sent,
            last_byte_in: (self.bytes_in > 0).then(|| now.since(self.last_in)),
            last_ack_in: None,
            last_pong: (self.last_pong > Time::ORIGIN).then(|| now.since(self.last_pong)),
            rtt: self.rtt(),
            rtt_variance: None,
            bytes_unsent: queued_bytes + dropped.bytes,
            frames_unsent: queued + dropped.frames,
            bytes_unacked: None,
            frames_unacked: self.sent - self.peer_received,
            bytes_drained: noticed.map_or(0, |at| readings.bytes_read.saturating_sub(at)),
            partial_frame: self.partial_frame(),
            fin: None,
            kernel: None,
            detector: None,
            farewell: self.farewell,
        };
        evidence.add_kernel(readings, self.shut);
        evidence.detector = detector(verdict.cause, decided.is_some(), readings);
        evidence
    }

    fn partial_frame(&self) -> Option<(u64, Option<u64>)> {
        let (_, have) = self.decoder.unfinished()?;
        let need = self.decoder.needed(&self.config.framing);
        Some((u64::try_from(have).ok()?, need.and_then(|need| u64::try_from(need).ok())))
    }

    fn verdict(&self, at: Time, cause: Cause) -> Verdict {
        Verdict { cause, phase: self.phase, at }
    }

    /// How long the peer has been silent, for a cause that rests on that.
    fn silence(&self, now: Time, cause: Cause) -> Option<Duration> {
        let since = if cause == Cause::Idle { self.last_data } else { self.silent_since() };
        cause.is_silent().then(|| now.since(since))
    }

    /// Keeps a silence as it was when we judged it: a byte that comes in linger does not shorten it.
    fn note_silence(&mut self, now: Time, cause: Cause) {
        if let Some(silence) = self.silence(now, cause) {
            self.rare_mut().silent_for = Some(silence);
        }
    }

    /// How far our last words came, once they were written.
    fn farewell_came_to(&mut self, farewell: Farewell) {
        if self.farewell != Farewell::None {
            self.farewell = self.farewell.max(farewell);
        }
    }

    fn is_undecided(&self) -> bool {
        matches!(self.state, State::Hello | State::Auth | State::Live)
    }

    fn drop_queued(&mut self) {
        let Some(queue) = &mut self.queue else { return };
        let dropped = queue.drop_unstarted();
        if dropped.bytes > 0 {
            let total = &mut self.rare_mut().dropped;
            total.frames += dropped.frames;
            total.bytes += dropped.bytes;
        }
    }
}

impl Evidence {
    /// Fills in what the kernel shows.
    pub fn add_kernel(&mut self, readings: &Readings, shut: bool) {
        self.fin = fin_bit(readings);
        let Some(kernel) = readings.kernel else { return };
        let kernel_rtt = (kernel.rtt_us > 0).then(|| Duration::from_micros(kernel.rtt_us.into()));
        self.rtt = self.rtt.or(kernel_rtt);
        self.rtt_variance = Some(Duration::from_micros(kernel.rttvar_us.into()));
        self.last_ack_in = Some(super::millis(kernel.last_ack_recv_ms));
        self.bytes_unacked = Some(unacked(kernel.outq, shut));
        self.kernel = Some(kernel);
    }
}

/// A drain's deadline is one for the whole farewell.
fn keeps_deadline(cause: Cause) -> bool {
    matches!(cause, Cause::Drained | Cause::DrainExpired | Cause::RefusedDraining)
}

/// A goodbye for whoever still hears it, and no waiting.
fn at_once(cause: Cause) -> Close {
    let mut close = Close::new(cause);
    close.linger = Some(LAST_MOMENT);
    close
}

const LAST_MOMENT: Duration = Duration::from_millis(100);

/// Whether data that waits is still written before the goodbye: an orderly end of ours.
fn flushes_data(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ClosedByGame | Cause::Drained | Cause::MovedToNode | Cause::HandlerPanicked | Cause::Idle
    )
}

/// `bytes_received − bytes read − SIOCINQ`: 1 when the peer's FIN arrived in order (kernel.md, section 3).
fn fin_bit(readings: &Readings) -> Option<bool> {
    let kernel = readings.kernel?;
    let taken = readings.bytes_read + u64::from(kernel.inq);
    Some(kernel.bytes_received > taken)
}

/// `SIOCOUTQ` less our own FIN, which counts as one byte until it is acknowledged.
fn unacked(outq: u32, shut: bool) -> u64 {
    u64::from(outq.saturating_sub(u32::from(shut)))
}

fn detector(cause: Cause, decided: bool, readings: &Readings) -> Option<Detector> {
    let detector = if decided || readings.first_error.is_none() {
        Detector::Heartbeat
    } else if readings.kernel.is_some_and(|kernel| kernel.retransmits > 0) {
        Detector::Retransmission
    } else {
        Detector::Keepalive
    };
    cause.is_silent().then_some(detector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelSample;

    #[test]
    fn the_fin_is_what_the_kernel_counted_and_nobody_can_read() {
        let kernel = KernelSample { bytes_received: 101, ..KernelSample::default() };
        let with = |bytes_read, inq| Readings {
            kernel: Some(KernelSample { inq, ..kernel }),
            first_error: None,
            bytes_read,
        };
        assert_eq!(fin_bit(&with(100, 0)), Some(true));
        assert_eq!(fin_bit(&with(101, 0)), Some(false));
        assert_eq!(fin_bit(&with(60, 41)), Some(false));
        assert_eq!(fin_bit(&Readings::default()), None);
    }

    #[test]
    fn our_own_fin_is_no_lost_byte() {
        assert_eq!((unacked(1, true), unacked(1, false), unacked(0, true)), (0, 1, 0));
    }
}
