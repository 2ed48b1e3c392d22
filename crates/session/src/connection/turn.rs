//! A wake-up of a connection: all its steps, in their one order. So chance never decides between two inputs that are
//! ready at the same moment.
//!
//! ```text
//!   woken ──► mail ──► admission ──► reading ──► the end ──► deadline ──► writing ──► outputs ──► rest
//!         ▲   frames,   yes or no    a paused     it shows,   due, and     all that    FIN, link,   │
//!         │   decisions              game; bytes, or the game one more     is queued   departure,   │
//!         │                          link, frames has taken   read found               the end      │
//!         │                                       all of it   nothing                               │
//!         └─── a step did something, unless frames only come and go; or a deadline has come ◄───────┤
//!                                                                                                   ▼
//!                                                       Next: Wait, Yield (the budget is spent), Closed
//! ```
//! A live connection takes one turn a wake-up, and reads the clock once. Its deadline is computed once a second, as long
//! as it can only have moved later.

mod reading;

use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use super::budget::Budget;
use super::{Ask, Calm, Connection, Host, Input, Linger, Output, Readings};
use crate::close::Close;
use crate::ending::Ending;
use crate::send_queue::Dropped;
use crate::{Cause, Event, Phase, Requests, Time};

/// How a connection goes on after [`Connection::drive`].
#[derive(Debug)]
pub enum Next {
    /// Nothing is ready: until this time has passed, or the host has something.
    Wait(Duration),
    /// More is ready, and others have their turn first.
    Yield,
    /// The end, with its record. Nothing more is called.
    Closed(Box<Ending>),
}

/// One turn: the host, the rest of the wake-up's budget, and the time once it was needed.
struct Turn<'h, H> {
    host: &'h mut H,
    budget: &'h mut Budget,
    now: Option<Time>,
}

impl Connection {
    /// Does everything that is ready, within the budget of one wake-up: 256 frames, 64 KiB, 200 µs.
    pub fn drive(&mut self, host: &mut impl Host) -> Next {
        let mut budget = Budget::default();
        let mut next = Next::Yield;
        while budget.allows_turn() {
            let turn = Turn {
                host,
                budget: &mut budget,
                now: None,
            };
            if let Break(done) = self.turn(turn) {
                next = done;
                break;
            }
        }
        if self.phase == Phase::Live && !self.keeps_data() {
            let left = host.close_mail(false);
            self.count_unsent(left);
        }
        next
    }

    /// Does everything that is ready once.
    fn turn<H: Host>(&mut self, mut turn: Turn<'_, H>) -> ControlFlow<Next> {
        let mut again = self.take_mail(&mut turn) && !self.only_echoes();
        again |= self.ask_admission(&mut turn);
        again |= self.read_all(&mut turn);
        let now = self.time(&mut turn);
        again |= self.check_end(&mut turn, now);
        again |= self.check_deadline(&mut turn, now);
        again |= self.write_all(turn.host, now) && !self.only_echoes();
        again |= self.do_outputs(turn.host, now)?;
        let left = self.time_left(turn.host, now);
        match again || left == Duration::ZERO {
            true => Continue(()),
            false => Break(Next::Wait(left)),
        }
    }

    /// Returns the time of this turn. The clock is read when it is needed first: for an echo, after the read.
    fn time<H: Host>(&mut self, turn: &mut Turn<'_, H>) -> Time {
        *turn.now.get_or_insert_with(|| {
            let (now, behind) = turn.host.now();
            self.stood_still(behind);
            now
        })
    }

    /// Whether frames come and go and nothing else happens: then one turn does all that is ready.
    fn only_echoes(&self) -> bool {
        self.is_live() && !self.is_ending()
    }

    fn take_mail<H: Host>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        let Some(mail) = turn.host.mail() else {
            return false;
        };
        let now = self.time(turn);
        if let Some(mut queue) = mail.queue {
            self.adopt(now, &mut queue);
            turn.host.recycle(queue);
        }
        self.do_requests(turn.host, now, &mail.requests);
        true
    }

    fn do_requests(&mut self, host: &mut impl Host, now: Time, requests: &Requests) {
        if requests.queue_full {
            self.handle(now, Input::QueueFull);
        }
        if requests.report {
            let readings = self.readings(host, now);
            host.reported(self.so_far(now, &readings));
        }
        if requests.probe {
            self.handle(now, Input::Probe);
        }
        if let Some(notice) = &requests.notice {
            self.handle(now, Input::Notice(notice));
        }
        if let (Some(time), Some(resume)) = (requests.hold, self.resume_mut()) {
            resume.hold(now, time);
        }
        if let Some(close) = &requests.close {
            self.handle(now, Input::Close(close));
        }
        if requests.abort {
            let readings = self.readings(host, now);
            self.handle(now, Input::Abort(readings));
        }
        if let Some(message) = &requests.drain_expired {
            self.handle(now, Input::DrainExpired(message));
        }
    }

    fn ask_admission<H: Host>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        // A peer that left is not let in: what it sent is read to the end.
        let awaited = self.is_authenticating();
        if self.phase == Phase::Live || awaited && self.is_ending() {
            return false;
        }
        let Poll::Ready(answer) = turn.host.poll_admission(awaited) else {
            return false;
        };
        let now = self.time(turn);
        match answer {
            Err(refusal) => self.handle(now, Input::Close(&refusal)),
            Ok(admission) => {
                self.handle(now, Input::Admit(admission));
                self.tell(turn.host, now, Event::Joined(admission));
            }
        }
        true
    }

    /// An end that shows while nothing is read, and the game's progress with the frames before it.
    fn check_end<H: Host>(&mut self, turn: &mut Turn<'_, H>, now: Time) -> bool {
        let reads_nothing = self.is_paused() || self.reads_no_further();
        if reads_nothing && !self.is_ending() && turn.host.poll_end().is_ready() {
            let readings = self.readings(turn.host, now);
            self.handle(now, Input::EndNoticed(readings));
            return true;
        }
        if self.is_ending() {
            self.taken(now, turn.host.taken());
        }
        if !self.awaits_delivery() || turn.host.poll_delivered().is_pending() {
            return false;
        }
        // Looked at again, and only now: what the game answered before it came back for more goes out first.
        self.take_mail(turn);
        let readings = self.readings(turn.host, now);
        self.handle(now, Input::Delivered(readings));
        true
    }

    fn check_deadline<H: Host>(&mut self, turn: &mut Turn<'_, H>, now: Time) -> bool {
        let due = self.is_due(turn.host, now);
        if due {
            let readings = self.readings(turn.host, now);
            self.handle(now, Input::Timeout(readings));
        }
        due
    }

    /// One write for all that is queued. Returns whether anything happened.
    fn write_all(&mut self, host: &mut impl Host, now: Time) -> bool {
        let mut busy = false;
        self.may_ack(now);
        while self.wants_write() {
            let mut written = host.poll_write(&self.slices(), Ask::Runtime);
            if written.is_pending() {
                if !self.write_refused() {
                    break;
                }
                written = host.poll_write(&self.slices(), Ask::Kernel);
            }
            match written {
                Poll::Ready(Ok(taken)) => {
                    self.transmitted(now, taken.plain);
                    self.on_sealed(taken.plain, taken.sealed);
                }
                Poll::Ready(Err(_)) => self.write_failed(host, now),
                Poll::Pending => {
                    self.handle(now, Input::Overflowed(host.readings().kernel));
                    busy |= self.is_ending();
                    break;
                }
            }
            busy = true;
        }
        // Now and not when the connection rests, which it may not for a while: what is written makes room.
        host.queued(self.backlog());
        busy
    }

    /// Returns whether there was an output.
    fn do_outputs(&mut self, host: &mut impl Host, now: Time) -> ControlFlow<Next, bool> {
        let mut busy = false;
        while let Some(output) = self.poll_output() {
            busy = true;
            match output {
                // If the kernel refuses, our FIN is not out, and must not be subtracted from the unacknowledged bytes.
                Output::Shut => match host.shut() {
                    Ok(true) => self.handle(now, Input::Shut),
                    Ok(false) => self.set_layer_holds(true),
                    Err(_) => self.write_failed(host, now),
                },
                Output::Link(link) => self.tell(host, now, Event::Link(link)),
                Output::HoldGiveUp(hold) => host.hold_give_up(hold),
                Output::Departed => self.depart(host, now),
                Output::Closed => {
                    let late = match self.lives_on() {
                        true => Dropped::default(),
                        false => host.close_mail(true),
                    };
                    let ending = self.take_ending(late);
                    return ending.map_or(Continue(true), |ending| Break(Next::Closed(ending)));
                }
            }
        }
        Continue(busy)
    }

    fn write_failed(&mut self, host: &mut impl Host, now: Time) {
        let readings = self.readings(host, now);
        self.handle(now, Input::WriteFailed(readings));
    }

    /// Tells the game. The connection lives on for its linger, if there is a place for it.
    fn depart(&mut self, host: &mut impl Host, now: Time) {
        let lives_on = self.lives_on();
        match lives_on {
            true => self.rare_mut().told_lost = true,
            false => self.count_unsent(host.close_mail(true)),
        }
        let readings = self.readings(host, now);
        let told = self.departure(now, &readings).map(|ending| match lives_on {
            true => self.lose(host, now, ending),
            false => host.departed(ending),
        });
        if told == Some(Linger::Refused) {
            self.handle(now, Input::LingerRefused(readings));
        }
    }

    /// Tells the game that a connection of its session is lost, and that the session lives on.
    pub(crate) fn lose(&mut self, host: &mut impl Host, now: Time, ending: Ending) -> Linger {
        let mut lingers = Linger::Allowed;
        self.guarded(host, now, |connection, host| {
            lingers = host.lost(connection, now, ending);
        });
        lingers
    }

    pub(super) fn tell(&mut self, host: &mut impl Host, now: Time, event: Event<'_>) {
        self.guarded(host, now, |connection, host| {
            host.event(connection, now, event);
        });
    }

    /// Runs code of the game. If it panics, that ends this connection and nothing else.
    fn guarded<H: Host>(&mut self, host: &mut H, now: Time, run: impl FnOnce(&mut Self, &mut H)) {
        if catch_unwind(AssertUnwindSafe(|| run(self, host))).is_err() {
            host.panicked();
            self.handle(now, Input::Close(&Close::new(Cause::HandlerPanicked)));
        }
    }

    /// Asks the kernel. Before a verdict that may blame the path, it asks the system about our own network, too.
    fn readings(&self, host: &mut impl Host, now: Time) -> Readings {
        let mut readings = host.readings();
        if self.may_blame_path(now, &readings) {
            readings.own_fault = host.own_fault();
        }
        readings
    }

    /// Whether a deadline has passed. The host has the last one, so most turns need not compute it.
    fn is_due(&self, host: &impl Host, now: Time) -> bool {
        let may_be = host.may_be_due(now) || self.wants_readings();
        may_be && self.poll_timeout().0 <= now
    }

    /// Returns the time to the next deadline, which the host has from now on. A connection through which frames come and
    /// go keeps the deadline that it has, for a second.
    fn time_left(&mut self, host: &mut impl Host, now: Time) -> Duration {
        let calm = self.calm();
        let holds = match calm {
            Calm::No => false,
            Calm::WithoutAck => self.calm != Calm::No,
            Calm::WithAck => self.calm == Calm::WithAck,
        };
        if holds && host.is_fresh(now) {
            return Duration::MAX;
        }
        self.calm = calm;
        self.stream.tidy();
        let due = self.poll_timeout().0;
        host.wake_by(now, due);
        due.since(now)
    }
}
