//! How a connection ends: our decisions, the peer's end, and the one verdict that comes out.

use std::time::Duration;

use super::evidence::fin_bit;
use super::state::State;
use super::{Connection, Readings};
use crate::close::Close;
use crate::ending::{GoodbyeProgress, Layer, Verdict};
use crate::{Cause, KernelSample, Message, Phase, Terminal, Time, classify};

impl Connection {
    /// The game or the server wants the connection to end.
    pub(super) fn on_close(&mut self, now: Time, close: &Close) {
        if close.cause == Cause::SendQueueFull && self.liveness.is_doubtful(now) {
            return;
        }
        // The client was let in after the refusal was decided: it is a session now, and leaves as one.
        if close.cause == Cause::RefusedDraining && self.phase == Phase::Live {
            return;
        }
        self.stops_delivery(now, close.cause);
        if close.cause == Cause::ReplacedByLogin {
            // The newer login waits for the departure, also where another cause ends this session.
            self.delivers_until(now + REPLACED_WITHIN);
            self.settle_by(now + REPLACED_WITHIN);
        }
        if close.cause.ends_session() && !close.paused {
            self.end_session(close);
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
        self.rare_mut().decided = Some(close.clone());
        self.settle_fate(now, close.cause);
        if self.cannot_speak_yet() || self.is_resuming() {
            return self.close_silently(now, close.cause);
        }
        if close.paused || !close.flush && !flushes_data(close.cause) {
            self.drop_queued();
        }
        if self.can_write() {
            self.queue_goodbye(now, close);
        }
        self.start_closing(now, close.cause, close.linger);
    }

    /// Fixes the cause without a goodbye from us: the peer said goodbye, and our FIN answers it.
    pub(super) fn close_quietly(&mut self, now: Time, cause: Cause) {
        self.settle_fate(now, cause);
        self.drop_queued();
        self.start_closing(now, cause, None);
    }

    /// The game has answered, or has had its time.
    pub(super) fn on_answered(&mut self, now: Time) {
        let linger = self.config.limits.linger_timeout;
        self.answered_by(now, now + linger);
    }

    /// Writes the game's answers until then, the answer to the peer's goodbye behind them, and our FIN behind that.
    fn answered_by(&mut self, now: Time, until: Time) {
        if let State::Answering { verdict, .. } = *self.state {
            if self.can_write() {
                self.queue_goodbye_answer(now);
            }
            self.close_by(now, verdict, until);
        }
    }

    /// Ends at once, without a byte: the peer does not speak our protocol.
    pub(super) fn close_silently(&mut self, now: Time, cause: Cause) {
        let verdict = self.verdict(now, cause);
        self.close(now, verdict, Readings::default(), true);
    }

    /// Ends at once: no peer hears us.
    pub(super) fn close_abruptly(&mut self, now: Time, cause: Cause, readings: Readings) {
        self.note_silence(now, cause);
        let verdict = self.verdict(now, cause);
        self.close(now, verdict, readings, true);
    }

    /// The game wants the connection gone without a goodbye.
    pub(super) fn on_abort(&mut self, now: Time, readings: Readings) {
        self.end_session(&Close::new(Cause::ClosedByGame));
        match *self.state {
            State::Answering { verdict, .. }
            | State::Closing { verdict, .. }
            | State::Lingering { verdict, .. }
            | State::Delivering { verdict } => self.close(now, verdict, readings, true),
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
                if !self.end_noticed =>
            {
                self.note(now, Layer::Game, "abort");
                self.close_abruptly(now, Cause::ClosedByGame, readings);
            }
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Flushing { .. }
            | State::Settling { .. } => {
                // Without a word of the kernel, an end that shows and is no error is a FIN.
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Closed => {}
        }
    }

    pub(super) fn on_drain_expired(&mut self, now: Time, message: &Message) {
        self.delivers_until(now + LAST_MOMENT);
        self.end_session(&Close::with(Cause::DrainExpired, message.clone()));
        match *self.state {
            // It may have been told this very moment, and is to hear it.
            State::Closing { verdict, .. } if verdict.cause == Cause::Drained => {
                let verdict = self.expired(now, verdict);
                self.close_by(now, verdict, now + LAST_MOMENT);
            }
            State::Answering { .. } => self.answered_by(now, now + LAST_MOMENT),
            State::Closing { verdict, .. } | State::Lingering { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                self.close(now, verdict, Readings::default(), true);
            }
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
                if self.end_noticed =>
            {
                self.note(now, Layer::Game, "drain_expired_after_end");
            }
            State::Proxy { .. } | State::Tls { .. } | State::Hello { .. } | State::Auth { .. } => {
                self.decide(now, &at_once(Cause::RefusedDraining, message))
            }
            State::Live => self.decide(now, &at_once(Cause::DrainExpired, message)),
            State::Delivering { verdict } => self.close(now, verdict, Readings::default(), true),
            // The peer's end stays the cause; what we owe it has a last moment too.
            State::Flushing { .. } | State::Settling { .. } => self.settle_by(now + LAST_MOMENT),
            State::Closed => {}
        }
    }

    pub(super) fn on_end_noticed(&mut self, now: Time, readings: Readings) {
        if self.end_noticed {
            return;
        }
        self.end_noticed = true;
        self.stops_waiting_for_rate(now);
        self.begins_delivery(now);
        if self.is_undecided() {
            self.note(now, Layer::Socket, "end_noticed");
            self.rare_mut().read_when_noticed = Some(readings.bytes_read);
        }
    }

    pub(super) fn on_write_failed(&mut self, now: Time, readings: Readings) {
        self.note(now, Layer::Socket, "write_failed");
        self.on_end_noticed(now, readings);
        self.write_failed = true;
        match *self.state {
            State::Answering { verdict, .. } | State::Closing { verdict, .. } => {
                self.linger(now, verdict);
            }
            State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Lingering { .. }
            | State::Delivering { .. }
            | State::Closed => {}
        }
    }

    /// Everything that could be read was read and handed over: the end counts.
    pub(super) fn on_ended(&mut self, now: Time, terminal: Terminal, readings: Readings) {
        let fin = terminal == Terminal::Eof && fin_bit(&readings) != Some(false);
        self.fin_seen |= fin;
        match *self.state {
            State::Live if fin && self.can_write() => {
                self.end_noticed = true;
                self.note(now, Layer::Socket, "fin");
                self.flush(now);
                // Behind a delivery that others wait for, what we owe has a moment only.
                self.settle_by(self.departs_by().max(now + LAST_MOMENT));
            }
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Flushing { .. }
            | State::Settling { .. } => {
                self.conclude(now, terminal, readings);
            }
            State::Answering { .. } if fin && self.can_write() => {
                self.note(now, Layer::Socket, "fin");
            }
            State::Closing { verdict, .. } if fin && self.can_write() => {
                self.note(now, Layer::Socket, "fin");
                self.may_depart(now, verdict);
            }
            State::Answering { verdict, .. }
            | State::Closing { verdict, .. }
            | State::Lingering { verdict, .. } => {
                if fin {
                    self.farewell_came_to(GoodbyeProgress::FinSeen);
                }
                self.close(now, verdict, readings, false);
            }
            State::Delivering { verdict } => self.close(now, verdict, readings, true),
            State::Closed => {}
        }
    }

    /// Our write side is shut: everything we had to say is with the kernel.
    pub(super) fn on_shut(&mut self, now: Time) {
        self.shut = true;
        if let State::Closing { verdict, .. } = *self.state {
            let queued = self.rare.as_ref().is_some_and(|rare| rare.goodbye_queued);
            if queued && !self.write_failed {
                self.farewell = GoodbyeProgress::Written;
            }
            self.linger(now, verdict);
        }
    }

    /// The peer's kernel is asked whether it has everything. It acknowledged all, or it never will, or it is asked
    /// again.
    pub(super) fn on_settle_due(&mut self, now: Time, readings: Readings) {
        let waits = |kernel: KernelSample| kernel.outq > 0 && !kernel.is_closed();
        if readings.kernel.is_some_and(waits) {
            self.settle_on(now);
        } else {
            self.conclude(now, Terminal::Eof, readings);
        }
    }

    pub(super) fn on_linger_over(&mut self, now: Time, readings: Readings) {
        match *self.state {
            State::Answering { .. } => self.on_answered(now),
            State::Closing { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                self.close(now, verdict, readings, true);
            }
            State::Lingering { verdict, .. } => {
                let verdict = self.expired(now, verdict);
                if readings.kernel.is_some_and(|kernel| kernel.outq == 0) {
                    self.farewell_came_to(GoodbyeProgress::Acked);
                }
                self.close(now, verdict, readings, false);
            }
            State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Delivering { verdict } => self.close(now, verdict, readings, true),
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Closed => {}
        }
    }

    /// A client that our drain asked to leave, and that is still there at the deadline, is `drain_expired`. A client
    /// that said goodbye or sent its FIN has left, even if it did not take our last words.
    fn expired(&self, now: Time, verdict: Verdict) -> Verdict {
        if verdict.cause == Cause::Drained && !self.has_left() {
            self.verdict(now, Cause::DrainExpired)
        } else {
            verdict
        }
    }

    fn start_closing(&mut self, now: Time, cause: Cause, linger: Option<Duration>) {
        self.note_silence(now, cause);
        let verdict = self.verdict(now, cause);
        let until = now + linger.unwrap_or_else(|| self.linger_timeout());
        self.close_by(now, verdict, until);
    }

    /// The peer's end decides: no decision was taken here before it.
    pub(super) fn conclude(&mut self, now: Time, terminal: Terminal, readings: Readings) {
        let cause = classify(&self.observe(terminal, readings));
        if let Some(fault) = readings
            .own_fault
            .filter(|_| cause == Cause::LocalNetworkDown)
        {
            self.note(now, Layer::Socket, fault.label());
        }
        let verdict = self.verdict(now, cause);
        self.close(now, verdict, readings, false);
    }

    pub(super) fn verdict(&self, at: Time, cause: Cause) -> Verdict {
        Verdict {
            cause,
            phase: self.phase,
            at,
        }
    }

    /// How far our last words came, once they were written.
    fn farewell_came_to(&mut self, farewell: GoodbyeProgress) {
        if self.farewell != GoodbyeProgress::None {
            self.farewell = self.farewell.max(farewell);
        }
    }

    /// Whether the peer said goodbye, or its FIN was read.
    pub(super) fn has_left(&self) -> bool {
        let rare = self.rare.as_ref();
        self.fin_seen || rare.is_some_and(|rare| rare.peer_goodbye.is_some())
    }

    pub(super) fn is_undecided(&self) -> bool {
        matches!(
            *self.state,
            State::Proxy { .. }
                | State::Tls { .. }
                | State::Hello { .. }
                | State::Auth { .. }
                | State::Live
        )
    }

    fn drop_queued(&mut self) {
        if self.lives_on() {
            return self.stream.set_aside();
        }
        let dropped = self.stream.drop_unstarted();
        if dropped.bytes > 0 {
            self.rare_mut().dropped += dropped;
        }
    }
}

/// A goodbye for a peer that still hears it, without a wait for its answer.
fn at_once(cause: Cause, message: &Message) -> Close {
    let mut close = Close::with(cause, message.clone());
    close.linger = Some(LAST_MOMENT);
    close
}

const LAST_MOMENT: Duration = Duration::from_millis(100);
/// How long a session may take to depart once a newer login of its player waits for that.
const REPLACED_WITHIN: Duration = Duration::from_secs(1);

/// Whether queued data is written before the goodbye: so it is for an orderly end by this side.
fn flushes_data(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ClosedByGame
            | Cause::Drained
            | Cause::MovedToNode
            | Cause::HandlerPanicked
            | Cause::Idle
    )
}
