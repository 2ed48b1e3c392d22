//! The one task of a connection: it hands ready input to the machine, and does what the machine asks. It decides
//! nothing.
//!
//! Each turn checks everything in one fixed order: mail, admission, reading, the end, deadlines, writing, outputs. So
//! chance never decides between two inputs that are ready at the same moment. A live connection takes one turn a
//! wake-up.

mod budget;
mod end;
mod layers;
mod read;
mod write;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lastword_keepalive::SWEEP;
use lastword_session::{Cause, Close, Connection, Input, ProxyHeader, Readings, Time, Traffic};
use tokio::io::Ready;
use tokio::time::Sleep;

use crate::app::{App, Outbox};
use crate::inquiries::Inquiry;
use crate::mailbox::{Mailbox, Requests};
use crate::tls::Tls;
use crate::{Slot, Tap, scratch};

use budget::Budget;

/// Drives one connection to its end; a future that is ready when the verdict was handed over.
///
/// Dropped before there is a verdict, the connection ends without one: the drop of its [`App`] tells that to those who
/// count it.
#[derive(Debug)]
pub struct Driver<A: App> {
    tap: Tap,
    connection: Connection,
    app: A,
    mailbox: Arc<Mailbox>,
    slot: Slot,
    /// The mailbox takes frames.
    open: bool,
    /// Somebody waits for room in the outbound queue.
    awaited: bool,
    /// The deadline in the slot can only have moved later since.
    calm: bool,
    side: Option<Box<Side>>,
}

/// The time of one turn, once it was needed.
type Turn = Option<Time>;

/// State that most connections need only at their end, when the game is slow, or for their layers.
#[derive(Default)]
struct Side {
    /// Tells of an end while nothing is read.
    notice: Option<Pin<Box<dyn Future<Output = std::io::Result<Ready>> + Send>>>,
    /// For a deadline at the end that is nearer than a sweep of the table.
    sleep: Option<Pin<Box<Sleep>>>,
    /// While the peer is silent or acknowledges nothing.
    inquiry: Option<Inquiry>,
    /// Until it is complete.
    proxy_header: Option<Box<ProxyHeader>>,
    tls: Option<Box<Tls>>,
}

impl Side {
    fn is_empty(&self) -> bool {
        let waits = self.notice.is_some() || self.sleep.is_some() || self.inquiry.is_some();
        !waits && self.proxy_header.is_none() && self.tls.is_none()
    }
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").finish_non_exhaustive()
    }
}

impl<A: App> Driver<A> {
    /// Puts a connection together, over a stream or over a tap that was used before. `slot` is the place of
    /// `mailbox` in the table that wakes it.
    #[must_use]
    pub fn new(
        stream: impl Into<Tap>,
        connection: Connection,
        app: A,
        mailbox: Arc<Mailbox>,
        mut slot: Slot,
    ) -> Self {
        let (_, behind) = slot.woken();
        let mut driver = Self {
            tap: stream.into(),
            connection: connection.behind(behind),
            app,
            mailbox,
            slot,
            open: false,
            awaited: false,
            calm: false,
            side: None,
        };
        driver.open_without_welcome();
        driver
    }

    /// A dialect's client is live before anybody said a word, and has no session id. Returns whether it is live now.
    fn open_without_welcome(&mut self) -> bool {
        let opens = !self.open && self.connection.is_live();
        if opens {
            self.open = true;
            self.mailbox
                .open([0; 16], self.connection.peer_frame_limit());
        }
        opens
    }

    /// Does everything that is ready once. Returns whether more may be.
    fn turn(&mut self, cx: &mut Context<'_>, now: &mut Turn, budget: &mut Budget) -> bool {
        let mut again = self.take_mail(now) && !self.only_echoes();
        again |= self.poll_admission(cx, now);
        again |= self.poll_read(cx, now, budget);
        let now = self.now(now);
        again |= self.poll_end(cx, now);
        again |= self.check_deadline(now);
        again | (self.poll_write(cx, now) && !self.only_echoes())
    }

    /// Returns the time of this turn. The clock is read when it is needed first: for an echo, after the read.
    fn now(&mut self, turn: &mut Turn) -> Time {
        *turn.get_or_insert_with(|| {
            let (now, behind) = self.slot.woken();
            self.connection.stood_still(behind);
            now
        })
    }

    /// Whether frames come and go and nothing else happens: then one turn does all that is ready.
    fn only_echoes(&self) -> bool {
        self.connection.is_live() && !self.connection.is_ending()
    }

    fn take_mail(&mut self, now: &mut Turn) -> bool {
        let Some(mail) = self.mailbox.take() else {
            return false;
        };
        let now = self.now(now);
        if let Some(mut queue) = mail.queue {
            self.connection.adopt(now, &mut queue);
            scratch::give_queue(queue);
        }
        self.handle_requests(now, &mail.requests);
        self.awaited |= mail.awaited;
        true
    }

    fn handle_requests(&mut self, now: Time, requests: &Requests) {
        if requests.queue_full {
            self.connection.handle(now, Input::QueueFull);
        }
        if requests.report {
            let readings = self.readings(now);
            self.app.reported(self.connection.so_far(now, &readings));
        }
        if let Some(notice) = &requests.notice {
            self.connection.handle(now, Input::Notice(notice));
        }
        if let Some(close) = &requests.close {
            self.connection.handle(now, Input::Close(close));
        }
        if requests.abort {
            let readings = self.readings(now);
            self.connection.handle(now, Input::Abort(readings));
        }
        if let Some(message) = &requests.drain_expired {
            self.connection.handle(now, Input::DrainExpired(message));
        }
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>, now: &mut Turn) -> bool {
        if !self.connection.is_authenticating() {
            if !self.open {
                self.app.authentication_cancelled();
            }
            return false;
        }
        // A peer that left is not let in: what it sent is read to the end.
        if self.connection.is_ending() {
            return false;
        }
        match self.app.poll_admission(cx) {
            Poll::Pending => false,
            Poll::Ready(Err(refusal)) => {
                let now = self.now(now);
                self.connection.handle(now, Input::Close(&refusal));
                true
            }
            Poll::Ready(Ok(admission)) => {
                let now = self.now(now);
                if let Some(knobs) = self.app.knobs() {
                    self.tap.tune(&knobs);
                }
                self.connection.handle(now, Input::Admit(admission));
                self.open = true;
                self.mailbox
                    .open(admission.session, self.connection.peer_frame_limit());
                self.call(now, |app, outbox| app.joined(outbox, &admission));
                true
            }
        }
    }

    /// Whether a deadline has passed. The slot knows it to one sweep, so the machine is seldom asked.
    fn is_due(&self, now: Time) -> bool {
        let may_be = self.slot.may_be_due(now) || self.connection.wants_readings();
        may_be && self.connection.poll_timeout().0 <= now
    }

    /// Returns the time to the next deadline, which the slot has from now on. A session through which frames come and go
    /// keeps the one that it has, for a second.
    fn time_left(&mut self, now: Time) -> Duration {
        let was_calm = std::mem::replace(&mut self.calm, self.connection.is_calm());
        if was_calm && self.calm && self.slot.is_fresh(now) {
            return Duration::MAX;
        }
        let due = self.connection.poll_timeout().0;
        self.slot.set(now, due);
        due.since(now)
    }

    fn check_deadline(&mut self, now: Time) -> bool {
        if !self.is_due(now) {
            return false;
        }
        let readings = self.readings(now);
        self.connection.handle(now, Input::Timeout(readings));
        true
    }

    /// Asks the kernel. Before a verdict that may blame the path, it asks the system about our own network, too.
    fn readings(&self, now: Time) -> Readings {
        let mut readings = self.tap.readings();
        let inquiry = self.side.as_ref().and_then(|side| side.inquiry.as_ref());
        if let Some(inquiry) = inquiry {
            readings.inquiries = inquiry.count();
            if self.connection.may_blame_path(now, &readings) {
                readings.own_fault = inquiry.own_fault();
            }
        }
        readings
    }

    /// Counts this connection among those under inquiry, as long as it is one.
    fn count_inquiry(&mut self) {
        let side = self.side.as_ref();
        let is_counted = side.is_some_and(|side| side.inquiry.is_some());
        match (self.connection.has_inquiry(), is_counted) {
            (true, false) => {
                let ends = self.tap.ends();
                self.side().inquiry = Some(self.slot.inquire(ends));
            }
            (false, true) => {
                self.side().inquiry = None;
                // A session that is healthy again is as small as before.
                self.drop_empty_side();
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Asks the kernel how the peer does, where that is due and the connection is awake anyway.
    fn look(&mut self, now: Time) {
        if self.connection.wants_sample(now) {
            let sample = self.tap.sample();
            self.connection.handle(now, Input::Sampled(sample));
        }
    }

    /// Runs the game's code. If it panics, that ends this session and nothing else.
    fn call(&mut self, now: Time, call: impl FnOnce(&mut A, &mut Outbox<'_>)) {
        let mut outbox = Outbox {
            connection: &mut self.connection,
            mailbox: &self.mailbox,
            now,
        };
        let app = &mut self.app;
        let call = std::panic::AssertUnwindSafe(|| call(app, &mut outbox));
        if std::panic::catch_unwind(call).is_err() {
            self.app.panicked();
            let close = Close::new(Cause::HandlerPanicked);
            self.connection.handle(now, Input::Close(&close));
        }
    }

    fn count_traffic(&mut self, before: Traffic) {
        let traffic = self.connection.traffic().since(before);
        if traffic != Traffic::default() {
            self.app.traffic(traffic);
        }
    }

    fn side(&mut self) -> &mut Side {
        self.side.get_or_insert_default()
    }

    fn drop_empty_side(&mut self) {
        self.side.take_if(|side| side.is_empty());
    }

    /// Leaves the connection as it is until something wakes it; `before` is the traffic until this poll.
    fn rest(&mut self, cx: &mut Context<'_>, left: Duration, before: Traffic) {
        if self.open && !self.connection.takes_data() {
            self.open = false;
            if let Some(mut late) = self.mailbox.discard() {
                self.connection.adopt(self.slot.now(), &mut late);
            }
        }
        self.app.paused(self.connection.is_paused());
        self.count_inquiry();
        self.count_traffic(before);
        if let Some(queue) = self.connection.reclaim() {
            scratch::give_queue(queue);
        }
        self.arm(cx, left);
    }

    /// The table sweeps too seldom for the short deadlines of an end.
    fn arm(&mut self, cx: &mut Context<'_>, left: Duration) {
        let arms = left < SWEEP && !self.connection.is_live();
        if !arms && self.side.is_none() {
            return;
        }
        let sleep = arms.then(|| Box::pin(tokio::time::sleep(left)));
        let side = self.side();
        side.sleep = sleep;
        let sleep = side.sleep.as_mut();
        if sleep.is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
            cx.waker().wake_by_ref();
        }
    }
}

impl<A: App> Drop for Driver<A> {
    /// A verdict that is out is told, even if the runtime ends while the game still takes what came before it. The
    /// mailbox is closed for those that still hold it. Without a verdict, the kernel still keeps the last bytes only for
    /// a limited time.
    fn drop(&mut self) {
        match self.connection.take_ending(self.mailbox.close()) {
            Some(ending) => self.finish(ending),
            None if self.connection.is_closed() => {}
            None => self.tap.bound_orphan(),
        }
    }
}

impl<A: App> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.mailbox.register(cx.waker());
        let before = this.connection.traffic();
        let mut budget = Budget::default();
        while budget.allows_turn() {
            let mut turn = None;
            this.connection.lend(scratch::take_queue);
            let mut again = this.turn(cx, &mut turn, &mut budget);
            let now = this.now(&mut turn);
            if let Some(ending) = this.poll_outputs(now, &mut again) {
                this.count_traffic(before);
                this.finish(ending);
                return Poll::Ready(());
            }
            let left = this.time_left(now);
            if !again && left > Duration::ZERO {
                this.rest(cx, left, before);
                return Poll::Pending;
            }
        }
        this.rest(cx, Duration::MAX, before);
        // Woken only after the runtime has looked at its sockets and timers: plain waking would hold them up.
        let yields = pin!(tokio::task::yield_now());
        yields.poll(cx)
    }
}
