//! Writing: one write for all that is queued.

use std::task::{Context, Poll};

use lastword_session::Time;

use super::Driver;
use crate::app::App;

impl<A: App> Driver<A> {
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        let mut busy = false;
        while self.connection.wants_write() {
            match self.tap.poll_write(cx, &self.connection.slices()) {
                Poll::Pending => break,
                Poll::Ready(Ok(n)) => self.connection.transmitted(now, n),
                Poll::Ready(Err(_)) => self.write_failed(now),
            }
            busy = true;
        }
        // Now and not when the task rests, which it may not for a while: what is written makes room.
        self.mailbox.set_owned_bytes(self.connection.queued_bytes());
        if self.awaited && self.mailbox.wake_ready() {
            self.awaited = false;
        }
        busy
    }
}
