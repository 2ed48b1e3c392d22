//! The one task of a connection. It drives the machine, which knows all steps and their order ([`Connection::drive`]), and
//! does for it what lies outside: it reads, writes, asks the kernel, and calls the game. It decides nothing.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lastword_keepalive::SWEEP;
use lastword_session::{
    Admission, Ask, Backlog, Close, Connection, Dropped, Ending, Event, Evidence, Host, Input, Io,
    Linger, Mail, Next, Opened, OwnFault, Proxied, Readings, Refusal, Room, SendQueue, Taken, Time,
    Traffic,
};

use crate::app::{App, Outbox};
use crate::inquiries::Inquiry;
use crate::mailbox::Mailbox;
use crate::read_buffer::ReadBuffer;
use crate::tap::Watch;
use crate::tls::Tls;
use crate::{Slot, Tap, scratch};

/// Drives one connection to its end; a future that is ready when the verdict was handed over.
///
/// Dropped before, the connection may have no verdict: the drop of its [`App`] tells that to those who count it.
#[derive(Debug)]
pub struct Driver<A: App> {
    connection: Connection,
    tap: Tap,
    app: A,
    mailbox: Arc<Mailbox>,
    slot: Slot,
    side: Option<Box<Side>>,
}

/// State that most connections need only at their end, when the game is slow, or for TLS.
#[derive(Debug, Default)]
struct Side {
    /// While nothing is read.
    watch: Option<Watch>,
    /// For a deadline at the end that is nearer than a sweep of the table.
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    /// While the peer is silent or acknowledges nothing.
    inquiry: Option<Inquiry>,
    tls: Option<Box<Tls>>,
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
        let connection = connection.behind(slot.woken().1);
        // A dialect's client is live before anybody said a word, and has no session id.
        if connection.is_live() {
            mailbox.open([0; 16], connection.peer_frame_limit());
        }
        Self {
            connection,
            tap: stream.into(),
            app,
            mailbox,
            slot,
            side: None,
        }
    }

    /// Puts TLS between the tap and the frames. The connection must have been made for it
    /// ([`Config::tls`](lastword_session::Config::tls)).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.connection.set_layer_holds(tls.holds());
        self.side.get_or_insert_default().tls = Some(Box::new(tls));
        self
    }

    /// Leaves the connection as it is until something wakes it, at the latest after this time.
    fn rest(&mut self, cx: &mut Context<'_>, left: Duration) {
        self.app.paused(self.connection.is_paused());
        if let Some(queue) = self.connection.reclaim() {
            scratch::give_queue(queue);
        }
        // The table sweeps too seldom for the short deadlines of an end.
        let is_short = left < SWEEP && !self.connection.is_live();
        let has_inquiry = self.connection.has_inquiry();
        if is_short || has_inquiry || self.side.is_some() {
            let side = self.side.get_or_insert_default();
            if has_inquiry != side.inquiry.is_some() {
                side.inquiry = has_inquiry.then(|| self.slot.inquire(self.tap.ends()));
            }
            side.sleep = is_short.then(|| Box::pin(tokio::time::sleep(left)));
            let sleep = side.sleep.as_mut();
            if sleep.is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
                cx.waker().wake_by_ref();
            }
            // A session that is healthy again is as small as before.
            let waits = side.watch.is_some() || side.sleep.is_some();
            self.side
                .take_if(|side| !waits && side.inquiry.is_none() && side.tls.is_none());
        }
    }

    /// Completes the record.
    fn finish(&mut self, ending: Box<Ending>) {
        self.tap.leave(ending.abort);
        self.app.closed(ending);
    }
}

impl<A: App> Drop for Driver<A> {
    /// A verdict that is out is told, even if the runtime ends while the game still takes what came before it. Without a
    /// verdict, the kernel still keeps the last bytes only for a limited time.
    fn drop(&mut self) {
        match self.connection.take_ending(self.mailbox.close()) {
            Some(ending) => self.finish(ending),
            None if self.connection.is_closed() => {}
            None => self.tap.leave(false),
        }
    }
}

impl<A: App> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.mailbox.register(cx.waker());
        this.connection.lend(scratch::take_queue);
        let before = this.connection.traffic();
        let next = this.connection.drive(&mut Outside {
            cx,
            tap: &mut this.tap,
            app: &mut this.app,
            mailbox: &this.mailbox,
            slot: &mut this.slot,
            side: &mut this.side,
        });
        let traffic = this.connection.traffic().since(before);
        if traffic != Traffic::default() {
            this.app.traffic(traffic);
        }
        match next {
            Next::Closed(ending) => {
                this.finish(ending);
                return Poll::Ready(());
            }
            Next::Wait(left) => this.rest(cx, left),
            Next::Yield => {
                this.rest(cx, Duration::MAX);
                this.slot.stand_in_line();
            }
        }
        Poll::Pending
    }
}

/// The outside of the connection during one poll.
struct Outside<'a, 'c, A> {
    cx: &'a mut Context<'c>,
    tap: &'a mut Tap,
    app: &'a mut A,
    mailbox: &'a Arc<Mailbox>,
    slot: &'a mut Slot,
    side: &'a mut Option<Box<Side>>,
}

impl<A: App> Host for Outside<'_, '_, A> {
    type Buffer = ReadBuffer;

    fn now(&mut self) -> (Time, Duration) {
        self.slot.woken()
    }

    fn wake_by(&mut self, now: Time, at: Time) {
        self.slot.set(now, at);
    }

    fn may_be_due(&self, now: Time) -> bool {
        self.slot.may_be_due(now)
    }

    fn is_fresh(&self, now: Time) -> bool {
        self.slot.is_fresh(now)
    }

    fn mail(&mut self) -> Option<Mail> {
        self.mailbox.take()
    }

    fn recycle(&mut self, queue: Box<SendQueue>) {
        scratch::give_queue(queue);
    }

    fn queued(&mut self, backlog: Backlog) {
        self.mailbox.set_owned(backlog);
    }

    fn close_mail(&mut self, departed: bool) -> Dropped {
        match departed {
            true => self.mailbox.close(),
            false => self.mailbox.discard(),
        }
    }

    fn poll_admission(&mut self, awaited: bool) -> Poll<Result<Admission, Close>> {
        if !awaited {
            self.app.authentication_cancelled();
            return Poll::Pending;
        }
        let answer = self.app.poll_admission(self.cx);
        if let (Poll::Ready(Ok(_)), Some(knobs)) = (&answer, self.app.knobs()) {
            self.tap.tune(&knobs);
        }
        answer
    }

    fn proxied(&mut self, proxied: Proxied) -> Option<Close> {
        self.app.proxied(proxied)
    }

    fn event(&mut self, connection: &mut Connection, now: Time, event: Event<'_>) -> Room {
        let (app, mailbox) = (&mut *self.app, self.mailbox);
        let mut outbox = Outbox {
            connection,
            mailbox,
            now,
        };
        match event {
            Event::Data(payload) => return app.frame(&mut outbox, payload),
            Event::Credentials(credentials) => app.authenticate(credentials),
            Event::Notice(notice) => app.notice(&notice),
            Event::Link(link) => app.link(&mut outbox, link),
            Event::RoundTrip(rtt) => {
                mailbox.set_round_trip(outbox.round_trip());
                app.round_trip(rtt);
            }
            // This driver finds no sessions for newcomers, and gives none to them.
            Event::Claim(_) => {
                let refusal = Refusal::Stale.close();
                outbox.connection.handle(now, Input::Close(&refusal));
            }
            Event::Back => {}
            Event::Secured => {
                mailbox.open([0; 16], outbox.connection.peer_frame_limit());
                app.secured();
            }
            Event::Joined(admission) => {
                mailbox.open(admission.session, outbox.connection.peer_frame_limit());
                app.joined(&mut outbox, &admission);
            }
        }
        Room::MustPoll
    }

    fn panicked(&mut self) {
        self.app.panicked();
    }

    fn poll_room(&mut self) -> Poll<()> {
        self.app.poll_ready(self.cx)
    }

    fn poll_delivered(&mut self) -> Poll<()> {
        self.app.poll_delivered(self.cx)
    }

    fn taken(&self) -> u64 {
        self.app.taken()
    }

    fn reported(&mut self, so_far: Evidence) {
        self.app.reported(so_far);
    }

    fn departed(&mut self, ending: Ending) -> Linger {
        self.app.departed(ending)
    }

    fn buffer(&mut self) -> ReadBuffer {
        // The next read finds the end itself.
        if let Some(side) = self.side {
            side.watch = None;
        }
        ReadBuffer::take()
    }

    fn poll_read(&mut self, buffer: &mut ReadBuffer, most: usize, ask: Ask) -> Io<usize> {
        if let Some(tls) = tls(self.side) {
            buffer.rest = tls.put_rest(buffer.as_mut());
        }
        match ask {
            Ask::Runtime => self.tap.poll_read(self.cx, buffer.room(most)),
            Ask::Kernel => self.tap.read_now(buffer.room(most)),
        }
    }

    fn open<'b>(&mut self, buffer: &'b mut ReadBuffer, bytes: Range<usize>) -> Opened<'b> {
        buffer.open(bytes, tls(self.side))
    }

    fn poll_end(&mut self) -> Poll<()> {
        let watch = &mut self.side.get_or_insert_default().watch;
        *watch = watch.take().or_else(|| self.tap.watch());
        watch
            .as_mut()
            .map_or(Poll::Pending, |watch| watch.poll(self.cx))
    }

    fn poll_write(&mut self, slices: &[IoSlice<'_>], ask: Ask) -> Io<Taken> {
        let mut write = |slices: &[IoSlice<'_>]| match ask {
            Ask::Runtime => self.tap.poll_write(self.cx, slices),
            Ask::Kernel => self.tap.write_now(slices),
        };
        match tls(self.side) {
            Some(tls) => tls.write_by(slices, |bytes| write(&[IoSlice::new(bytes)])),
            None => write(slices).map_ok(Taken::as_it_is),
        }
    }

    fn shut(&mut self) -> io::Result<bool> {
        match tls(self.side) {
            Some(tls) => tls.shutdown(self.tap),
            None => self.tap.shutdown().map(|()| true),
        }
    }

    fn hold_give_up(&mut self, hold: bool) {
        self.tap.hold_give_up(hold);
    }

    fn readings(&mut self) -> Readings {
        let inquiry = self.side.as_ref().and_then(|side| side.inquiry.as_ref());
        Readings {
            inquiries: inquiry.map_or(0, Inquiry::count),
            ..self.tap.readings()
        }
    }

    fn own_fault(&mut self) -> Option<OwnFault> {
        self.side.as_ref()?.inquiry.as_ref()?.own_fault()
    }
}

fn tls(side: &mut Option<Box<Side>>) -> Option<&mut Tls> {
    side.as_mut()?.tls.as_deref_mut()
}
