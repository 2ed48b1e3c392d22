//! The end: the machine's requests, and the verdict.

use std::task::Context;

use lastword_session::{Ending, Input, Output, Time};

use super::Driver;
use crate::app::{App, Linger};

impl<A: App> Driver<A> {
    /// Tells the machine of an end that shows while nothing is read, and how many of the frames before it the game has
    /// taken.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        if self.connection.is_paused() || self.connection.reads_no_further() {
            self.watch_for_the_end();
        }
        if self.poll_notice(cx, now) {
            return true;
        }
        if self.connection.is_ending() {
            self.connection.taken(now, self.app.taken());
        }
        if !self.connection.awaits_delivery() {
            return false;
        }
        if self.app.poll_delivered(cx).is_pending() {
            return false;
        }
        // Looked at again, and only now: what the game answered before it came back for more goes out first.
        self.take_mail(&mut Some(now));
        let readings = self.readings(now);
        self.connection.handle(now, Input::Delivered(readings));
        true
    }

    /// Does what the machine asks, and sets `asked` if it asked anything. Returns the verdict when it is out.
    pub(super) fn poll_outputs(&mut self, now: Time, asked: &mut bool) -> Option<Box<Ending>> {
        while let Some(output) = self.connection.poll_output() {
            *asked = true;
            match output {
                // If the kernel refuses, our FIN is not out, and must not be subtracted from the unacknowledged bytes.
                Output::Shut => match self.shutdown() {
                    Ok(true) => self.connection.handle(now, Input::Shut),
                    Ok(false) => self.connection.set_layer_holds(true),
                    Err(_) => self.write_failed(now),
                },
                Output::Link(link) => self.call(now, |app, outbox| app.link(outbox, link)),
                Output::HoldGiveUp(hold) => self.tap.hold_give_up(hold),
                Output::Departed => self.depart(now),
                Output::Closed => return self.connection.take_ending(self.mailbox.close()),
            }
        }
        None
    }

    pub(super) fn write_failed(&mut self, now: Time) {
        let readings = self.readings(now);
        self.connection.handle(now, Input::WriteFailed(readings));
    }

    /// Tells the game. The connection lives on for its linger, if there is a place for it.
    fn depart(&mut self, now: Time) {
        self.connection.count_unsent(self.mailbox.close());
        let readings = self.readings(now);
        let ending = self.connection.departure(now, &readings);
        if ending.is_some_and(|ending| self.app.departed(ending) == Linger::Refused) {
            self.connection.handle(now, Input::LingerRefused(readings));
        }
    }

    /// Completes the record.
    pub(super) fn finish(&mut self, ending: Box<Ending>) {
        if ending.abort {
            self.tap.abort();
        } else {
            self.tap.bound_orphan();
        }
        self.app.closed(ending);
    }

    fn poll_notice(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        let Some(notice) = self.side.as_mut().and_then(|side| side.notice.as_mut()) else {
            return false;
        };
        if notice.as_mut().poll(cx).is_pending() {
            return false;
        }
        // Its flags are sticky: taken once, then disarmed.
        self.side().notice = None;
        let readings = self.readings(now);
        self.connection.handle(now, Input::EndNoticed(readings));
        true
    }
}
