//! The delivery at the end: the game takes the frames from before the end, and then hears the verdict: the session
//! departs. The connection may live on for its linger, without the game.
//!
//! ```text
//!   an end shows ──► waiting ── all taken, and the game asks for more ──► the end of reading counts
//!                     │   ▲ each frame taken: the whole time again           │ verdict: waits once more
//!                     │   │                                                  ▼
//!                     └── timeout, drain's deadline, kick ──► given up ──► departed ── Closed ──► the record is complete
//!                                      (the rest is read and counted)
//! ```
//! A game that has taken no frame at all does not read yet: it is given up after a moment. Frames that wait then can
//! still be taken.

use std::time::Duration;

use super::state::State;
use super::{Connection, Output, Readings, Timer};
use crate::ending::{Ending, Verdict};
use crate::send_queue::Dropped;
use crate::{Cause, Limits, Terminal, Time};

/// How long a game may take for the frames that came before the end.
#[derive(Debug)]
pub(super) struct Delivery {
    /// The frames that it had taken when it was looked at last.
    taken: u64,
    /// Since when it has taken nothing; `None` as long as no end shows.
    since: Option<Time>,
    /// It has no longer than this in all.
    until: Time,
    /// It has taken all, and came back for more.
    pub(super) done: bool,
    /// It took too long: the rest is read, counted and not waited for.
    given_up: bool,
    /// It was told.
    pub(super) departed: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            taken: 0,
            since: None,
            until: Time::NEVER,
            done: false,
            given_up: false,
            departed: false,
        }
    }
}

impl Delivery {
    fn by(&self, limits: &Limits) -> Time {
        let since = self.since.unwrap_or(Time::NEVER);
        let timeout = match self.taken {
            0 => UNREAD,
            _ => limits.delivery_timeout.min(limits.linger_timeout),
        };
        (since + timeout).min(self.until)
    }
}

impl Connection {
    /// Whether the end waits for the game: [`Input::Delivered`](super::Input::Delivered) is due once it has taken all
    /// that was handed to it and came back for more. Until then [`Connection::taken`] tells its progress.
    pub(super) fn awaits_delivery(&self) -> bool {
        let Some(rare) = &self.rare else { return false };
        let delivery = &rare.delivery;
        let waits = !delivery.done && !delivery.given_up && !delivery.departed;
        let verdict = waits && self.standing().is_some();
        let end = rare.terminal.is_some() && self.hands_over();
        verdict || end || matches!(*self.state, State::Answering { .. })
    }

    /// Notes how many frames the game has taken so far: each one gives it the whole time again. Needed once an end
    /// shows.
    pub(super) fn taken(&mut self, now: Time, frames: u64) {
        self.begins_delivery(now);
        let delivery = &mut self.rare_mut().delivery;
        if delivery.taken != frames {
            delivery.taken = frames;
            delivery.since = Some(now);
        }
    }

    /// Whether the peer's end shows, or an end was decided: the game has only so long to take a frame.
    pub(super) fn is_ending(&self) -> bool {
        self.end_noticed || !self.is_undecided()
    }

    /// Returns what is known of the end: after [`Output::Departed`], for the game. Only
    /// [`Connection::take_ending`] has the result of the linger. `None` where no cause stands.
    pub(super) fn departure(&self, now: Time, readings: &Readings) -> Option<Ending> {
        if let Some(ending) = self.rare.as_ref()?.ending.as_ref() {
            return Some(Ending::clone(ending));
        }
        Some(self.ending(now, self.standing()?, readings))
    }

    /// Whether the driver must ask the game for room before it reads more: while frames go to a game that is not given
    /// up.
    pub(super) fn asks_for_room(&self) -> bool {
        self.hands_over() && !self.gave_up()
    }

    /// Takes the verdict out, where the driver is dropped before [`Next::Closed`](super::Next::Closed) came. `late` are the
    /// frames that were queued after the verdict: they count as unsent. `None` where there is no verdict.
    pub fn take_ending(&mut self, late: Dropped) -> Option<Box<Ending>> {
        self.rare.as_ref()?;
        self.count_unsent(late);
        self.rare.as_mut()?.ending.take()
    }

    /// Whether nothing is read, since the game takes no frames.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.liveness.is_paused() && !self.waits_for_rate()
    }

    pub(super) fn gave_up(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.delivery.given_up)
    }

    /// Starts the time that the game has for its next frame.
    pub(super) fn begins_delivery(&mut self, now: Time) {
        self.rare_mut().delivery.since.get_or_insert(now);
    }

    /// Stops waiting for a game that ends the session itself.
    pub(super) fn stops_delivery(&mut self, now: Time, cause: Cause) {
        if matches!(cause, Cause::Kicked | Cause::ClosedByGame) {
            self.rare_mut().delivery.given_up = true;
            self.on_answered(now);
        }
    }

    /// Sets the latest time at which the delivery is given up.
    pub(super) fn delivers_until(&mut self, until: Time) {
        let delivery = &mut self.rare_mut().delivery;
        delivery.until = delivery.until.min(until);
    }

    /// The latest time at which the delivery is given up, if one was set.
    pub(super) fn departs_by(&self) -> Time {
        let rare = self.rare.as_ref();
        rare.map_or(Time::NEVER, |rare| rare.delivery.until)
    }

    /// The verdict, once nothing can change it. A drained client may still leave in time, or not.
    fn standing(&self) -> Option<Verdict> {
        match *self.state {
            State::Closing { verdict, .. } | State::Lingering { verdict, .. } => {
                let drains = verdict.cause == Cause::Drained;
                (!drains || self.has_left()).then_some(verdict)
            }
            State::Closed => Some(self.rare.as_ref()?.ending.as_ref()?.verdict),
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Answering { .. }
            | State::Delivering { .. }
            | State::Flushing { .. }
            | State::Settling { .. } => None,
        }
    }

    /// A verdict stands. The game hears it once it has taken the frames from before the end, or after its time.
    pub(super) fn may_depart(&mut self, now: Time, verdict: Verdict) {
        self.begins_delivery(now);
        let lives_on = self.lives_on();
        let delivery = &mut self.rare_mut().delivery;
        // That the connection is lost queues behind its frames: the game need not have taken them.
        delivery.done = lives_on;
        if matches!(verdict.cause, Cause::Drained | Cause::DrainExpired) {
            // It stood in doubt for long: the game was not waited for.
            delivery.since = Some(now);
        }
    }

    /// The last outputs: the departure, and then the end of the connection.
    pub(super) fn poll_end(&mut self) -> Option<Output> {
        let stands = self.standing().is_some();
        let rare = self.rare.as_mut().filter(|_| stands)?;
        if rare.wants_readings {
            return None;
        }
        let delivery = &mut rare.delivery;
        if !delivery.departed && (delivery.done || delivery.given_up) {
            delivery.departed = true;
            return Some(Output::Departed);
        }
        (delivery.departed && rare.ending.is_some()).then_some(Output::Closed)
    }

    /// Returns when the delivery is given up, or `Time::ORIGIN` where readings are needed at once.
    pub(super) fn delivery_timeout(&self) -> (Time, Timer) {
        let Some(rare) = &self.rare else {
            return (Time::NEVER, Timer::Delivery);
        };
        let read = rare.terminal.is_some();
        let verdict = self.standing().is_some();
        if (read && !self.asks_for_room()) || rare.wants_readings {
            return (Time::ORIGIN, Timer::Readings);
        }
        let paused = self.hands_over() && self.liveness.is_paused();
        let waits = matches!(
            *self.state,
            State::Answering { .. } | State::Delivering { .. }
        );
        let waits = waits || read || verdict || paused;
        let told = rare.delivery.done || rare.delivery.given_up || rare.delivery.departed;
        let by = match waits && !told {
            true => rare.delivery.by(&self.config.limits),
            false => Time::NEVER,
        };
        (by, Timer::Delivery)
    }

    /// Reading ended. The end counts at once where no frames go to the game.
    pub(super) fn on_read_ended(&mut self, now: Time, terminal: Terminal, readings: Readings) {
        self.on_end_noticed(now, readings);
        self.read_ended = true;
        if self.asks_for_room() && !self.stream.outlives() {
            self.rare_mut().terminal = Some(terminal);
        } else {
            self.on_ended(now, terminal, readings);
        }
    }

    pub(super) fn on_delivered(&mut self, now: Time, readings: Readings) {
        if let State::Answering { .. } = *self.state {
            return self.on_answered(now);
        }
        if let Some(terminal) = self.rare_mut().terminal.take() {
            self.on_ended(now, terminal, readings);
        } else if self.standing().is_some() {
            self.rare_mut().delivery.done = true;
        }
    }

    pub(super) fn on_delivery_over(&mut self, now: Time, readings: Readings) {
        self.rare_mut().delivery.given_up = true;
        self.on_answered(now);
        if let Some(terminal) = self.rare_mut().terminal.take() {
            self.on_ended(now, terminal, readings);
        }
    }

    /// Whether a cause was fixed, or the connection closed, without the kernel's readings: [`Timer::Readings`] is due at
    /// once, before the next write.
    pub(super) fn wants_readings(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.wants_readings)
    }

    /// Fresh readings are here: for a verdict that was fixed without them, for a connection that closed without them, and
    /// for an end with no frames left to deliver.
    pub(super) fn on_readings_due(&mut self, now: Time, readings: Readings) {
        if std::mem::take(&mut self.rare_mut().wants_readings) {
            self.complete_fixed(now, &readings);
        }
        if let Some(closed) = self.rare_mut().ending.take() {
            let ending = Ending {
                abort: closed.abort,
                ..self.ending(now, closed.verdict, &readings)
            };
            self.rare_mut().ending = Some(Box::new(ending));
        }
        if !self.asks_for_room() {
            if let Some(terminal) = self.rare_mut().terminal.take() {
                self.on_ended(now, terminal, readings);
            }
        }
    }
}

/// Long enough for a game that is about to take its first frame, and to answer it.
const UNREAD: Duration = Duration::from_millis(150);
