//! The end: delivery of what was read, our last words, the peer's kernel's answer, the verdict.

use std::task::{Context, Poll};
use std::time::Duration;

use lastword_session::{Ending, Initiator, Input, Output, Time};

use super::{Delivery, Driver};
use crate::app::App;
use crate::tap::TCP_CLOSE;

impl<A: App> Driver<A> {
    /// Hands the end on once the game has taken everything, and watches for an end while nothing is read.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        if self.poll_notice(cx, now) {
            return true;
        }
        if self.session.awaits_answers() && self.is_delivered(cx, now) {
            self.take_mail(now);
            self.session.handle(now, Input::Answered);
            return true;
        }
        if !self.ended || (self.session.hands_over() && !self.is_delivered(cx, now)) {
            return false;
        }
        self.ended = false;
        // Looked at again, and only now: what the game answered before it came back for more goes out first.
        self.take_mail(now);
        let Some(terminal) = self.side().terminal.take() else {
            return false;
        };
        // Fresh, and only now: the FIN bit holds after the drain and at no time before it.
        let readings = self.tap.readings();
        self.session.handle(now, Input::Ended(terminal, readings));
        true
    }

    /// Does what the session asks. Returns the verdict when it is out.
    pub(super) fn poll_outputs(&mut self, cx: &mut Context<'_>, now: Time) -> Option<Box<Ending>> {
        loop {
            match self.session.poll_output() {
                Some(Output::Closed(ending)) => return Some(ending),
                // Refused, no FIN of ours is out: none is to be taken off what was never acknowledged.
                Some(Output::Shut) => match self.tap.shutdown() {
                    Ok(()) => self.session.handle(now, Input::Shut),
                    Err(_) => {
                        let readings = self.tap.readings();
                        self.session.handle(now, Input::WriteFailed(readings));
                    }
                },
                Some(Output::Settle) => self.settling = true,
                Some(Output::Link(link)) => self.tell_link(now, link),
                None if self.settling && self.is_settled(cx) => {
                    self.settling = false;
                    let readings = self.tap.readings();
                    self.session.handle(now, Input::Settled(readings));
                }
                None => return None,
            }
        }
    }

    /// The verdict is out. The game is told once it has taken what came before, or has had its time for that.
    pub(super) fn conclude(&mut self, now: Time, mut ending: Box<Ending>) {
        self.end_shows(now);
        (self.ended, self.settling) = (false, false);
        // Nothing that comes from now on is in the session's evidence.
        self.open = false;
        if let Some(mut late) = self.mailbox.discard() {
            ending.evidence.add_unsent(late.drop_unstarted());
        }
        self.complete(now, &mut ending);
        let left = ending.decided.is_none() && ending.verdict.cause.initiator() == Initiator::Peer;
        let limits = self.session.limits();
        let timeout = match left {
            true => limits.delivery_timeout,
            false => limits.linger_timeout,
        };
        let side = self.side();
        side.delivery.timeout = timeout;
        side.ending = Some(ending);
    }

    /// Adds to the evidence of a verdict what the session does not know.
    fn complete(&self, now: Time, ending: &mut Ending) {
        let at = ending.verdict.at;
        let evidence = &mut ending.evidence;
        if evidence.kernel.is_none() {
            let readings = self.tap.readings();
            ending.first_error = ending.first_error.or(readings.first_error);
            evidence.add_kernel(&readings, self.session.is_shut());
            let lingered = now.since(at);
            evidence.last_ack_in = evidence.last_ack_in.map(|age| age.saturating_sub(lingered));
        }
        if let Some(silent_for) = evidence.silent_for {
            let stalled = self.slot.stalled(at.before(silent_for), at);
            evidence.own_stall = evidence.own_stall.max(stalled);
        }
    }

    /// Takes the verdict out when it is time to tell the game.
    pub(super) fn poll_departure(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
    ) -> Option<Box<Ending>> {
        self.side.as_ref()?.ending.as_ref()?;
        if self.app.poll_departure(cx).is_pending() && !self.is_given_up(now) {
            return None;
        }
        self.side.as_mut()?.ending.take()
    }

    /// From then on the frames that the game has not taken are given up.
    pub(super) fn delivers_no_longer(&mut self, from: Time) {
        let until = &mut self.side().delivery.until;
        *until = from.min(*until);
    }

    /// Tells the game.
    pub(super) fn finish(&mut self, mut ending: Box<Ending>) {
        ending.evidence.add_unsent(self.mailbox.close());
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
        self.end_shows(now);
        let readings = self.tap.readings();
        self.session.handle(now, Input::EndNoticed(readings));
        true
    }

    /// From now on the game has only so long to take a frame.
    pub(super) fn end_shows(&mut self, now: Time) {
        if self.noticed {
            return;
        }
        self.noticed = true;
        let taken = self.app.taken();
        let timeout = self.session.limits().delivery_timeout;
        let delivery = &mut self.side().delivery;
        *delivery = Delivery {
            taken,
            taken_at: now,
            timeout,
            ..*delivery
        };
    }

    fn is_delivered(&mut self, cx: &mut Context<'_>, now: Time) -> bool {
        self.app.poll_delivered(cx).is_ready() || self.is_given_up(now)
    }

    /// Whether the end shows and the game has taken nothing for so long that the rest is given up.
    pub(super) fn is_given_up(&mut self, now: Time) -> bool {
        if !self.noticed {
            return false;
        }
        let taken = self.app.taken();
        let delivery = &mut self.side().delivery;
        if delivery.taken != taken {
            delivery.taken = taken;
            delivery.taken_at = now;
        }
        delivery.given_up |= delivery.by() <= now;
        delivery.given_up
    }

    /// Whether the peer's kernel acknowledged everything, or never will: asked again at growing distances,
    /// since no readiness tells it.
    fn is_settled(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let waits = self
                .tap
                .sample()
                .is_some_and(|now| now.outq > 0 && now.state != TCP_CLOSE);
            if !waits {
                return true;
            }
            let side = self.side();
            let step = side.settle_step_ms;
            let sleep = side
                .settle
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(step))));
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return false,
                Poll::Ready(()) => {
                    side.settle = None;
                    side.settle_step_ms = (step * 2).clamp(1, SETTLE_STEP_MS_MAX);
                }
            }
        }
    }
}

const SETTLE_STEP_MS_MAX: u64 = 50;
