//! Writing: one write for all that is queued.

use std::task::{Context, Poll};

use lastword_session::{Input, Time};

use super::Driver;
use crate::app::App;

impl<A: App> Driver<A> {
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        let mut busy = false;
        while self.connection.wants_write() {
            let written = match self.poll_write_some(cx) {
                Poll::Ready(written) => written,
                Poll::Pending if !self.connection.write_refused() => break,
                // After a stall, and without a budget for this poll, the runtime does not know of the kernel's room.
                Poll::Pending => match self.write_some_now() {
                    Some(written) => written,
                    None => {
                        let sample = self.tap.sample();
                        self.connection.handle(now, Input::Overflowed(sample));
                        busy |= self.connection.is_ending();
                        break;
                    }
                },
            };
            match written {
                Ok(taken) => self.taken(now, taken),
                Err(_) => self.write_failed(now),
            }
            busy = true;
        }
        // Now and not when the task rests, which it may not for a while: what is written makes room.
        self.mailbox.set_owned(self.connection.backlog());
        if self.awaited && self.mailbox.wake_ready() {
            self.awaited = false;
        }
        busy
    }
}
