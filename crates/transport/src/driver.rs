//! The one task of a connection. It drives the machine, which knows all steps and their order ([`Connection::drive`]), and
//! does for it what lies outside: it reads, writes, asks the kernel, and calls the game. It decides nothing.

mod handover;

use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lastword_keepalive::SWEEP;
use lastword_session::{
    Admission, Ask, Backlog, Close, Connection, DepartureCause, Dropped, Ending, Event, Evidence,
    Host, Io, Linger, Mail, Opened, OwnFault, Progress, Proxied, Readings, Room, SendQueue,
    Session, Taken, Time, Traffic,
};

use crate::app::{App, Continues, Outbox};
use crate::inquiries::Inquiry;
use crate::mailbox::Mailbox;
use crate::read_buffer::ReadBuffer;
use crate::tap::Watch;
use crate::tls::Tls;
use crate::{Slot, Tap, scratch};

/// Drives one session to its end, over its connections; a future that is ready when the last verdict was handed over.
///
/// ```text
///   a connection ── its hello asks to go on with a session ──► handed over to that session's task ──┐
///        │                                                                                          │
///        │ the session begins                                back: refused, or the older connection │
///        ▼                                                   that it replaced                       ▼
///   connected ◄── another connection is handed over ── away               driven to its end ── or nothing: ready
///        │                                              ▲ │
///        ├── lost: may resume ──────────────────────────┘ │ the window is over, the game ends it
///        └── any other end ────────────────► ready ◄──────┘
/// ```
/// Dropped before, the connection may have no verdict: the drop of its [`App`] tells that to those who count it.
#[derive(Debug)]
pub struct Driver<A: App> {
    /// `None` while the connection is handed over.
    session: Option<Session>,
    /// `None` while the session has no connection.
    tap: Option<Tap>,
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
    /// This connection asks to go on with another task's session, which is to get it.
    claims: bool,
    /// Other connections may ask to go on with this session.
    knocked: bool,
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
        // A session that asks to go on takes frames at any time.
        if let Some(session) = connection.asks_for() {
            mailbox.open(session, connection.peer_frame_limit());
            mailbox.set_owned(connection.backlog());
        }
        Self {
            session: Some(Session::new(connection)),
            tap: Some(stream.into()),
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
        if let Some(session) = &mut self.session {
            session.connection_mut().set_layer_holds(tls.holds());
        }
        self.side.get_or_insert_default().tls = Some(Box::new(tls));
        self
    }

    /// Leaves the connection as it is until something wakes it, at the latest after this time.
    fn rest(&mut self, cx: &mut Context<'_>, left: Duration) {
        let Some(session) = &mut self.session else {
            return;
        };
        let connection = session.connection_mut();
        if let Some(queue) = connection.reclaim() {
            scratch::give_queue(queue);
        }
        let Some(tap) = &self.tap else { return };
        self.app.paused(connection.is_paused());
        // The table sweeps too seldom for the short deadlines of an end.
        let is_short = left < SWEEP && !connection.is_live();
        let has_inquiry = connection.has_inquiry();
        if is_short || has_inquiry || self.side.is_some() {
            let side = self.side.get_or_insert_default();
            if has_inquiry != side.inquiry.is_some() {
                side.inquiry = has_inquiry.then(|| self.slot.inquire(tap.ends()));
            }
            side.sleep = is_short.then(|| Box::pin(tokio::time::sleep(left)));
            let sleep = side.sleep.as_mut();
            if sleep.is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
                cx.waker().wake_by_ref();
            }
            // A session that is healthy again is as small as before.
            let waits = side.watch.is_some() || side.sleep.is_some();
            let waits = waits || side.claims || side.knocked;
            self.side
                .take_if(|side| !waits && side.inquiry.is_none() && side.tls.is_none());
        }
    }

    /// Does everything that is ready.
    fn drive(&mut self, cx: &mut Context<'_>) -> Option<Progress> {
        let session = self.session.as_mut()?;
        session.connection_mut().lend(scratch::take_queue);
        let before = session.connection().traffic();
        let progress = session.drive(&mut Outside {
            cx,
            tap: &mut self.tap,
            app: &mut self.app,
            mailbox: &self.mailbox,
            slot: &mut self.slot,
            side: &mut self.side,
        });
        let traffic = session.connection().traffic().since(before);
        if traffic != Traffic::default() {
            self.app.traffic(traffic);
        }
        if session.connection().may_suspend() {
            let (now, _) = self.slot.woken();
            self.app.outlived(&mut Outbox {
                connection: session.connection_mut(),
                mailbox: &self.mailbox,
                now,
            });
        }
        if self.tap.is_none() {
            let connection = session.connection_mut();
            if !self.mailbox.set_held(Some(connection.held_bytes())) {
                connection.evict();
                self.mailbox.set_held(Some(connection.held_bytes()));
            }
        }
        Some(progress)
    }

    /// Closes the socket of a connection that has ended.
    fn leave(&mut self, abort: bool) {
        if let Some(tap) = self.tap.take() {
            tap.leave(abort);
        }
        // Its parts belong to that socket.
        let knocked = self.side.take().is_some_and(|side| side.knocked);
        if knocked {
            self.side.get_or_insert_default().knocked = true;
        }
    }

    /// Completes the record.
    fn finish(&mut self, ending: Box<Ending>) {
        self.leave(ending.abort);
        self.app.closed(ending);
    }
}

impl<A: App> Drop for Driver<A> {
    /// A verdict that is out is told, even if the runtime ends while the game still takes what came before it. Without a
    /// verdict, the kernel still keeps the last bytes only for a limited time.
    fn drop(&mut self) {
        let late = self.mailbox.close();
        let ending = self
            .session
            .as_mut()
            .and_then(|session| session.connection_mut().take_ending(late));
        match ending {
            Some(ending) => self.finish(ending),
            None => self.leave(false),
        }
    }
}

impl<A: App> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.mailbox.register(cx.waker());
        if ready!(this.poll_returned()).is_none() {
            return Poll::Ready(());
        }
        while let Some(progress) = this.drive(cx) {
            match progress {
                Progress::Wait(left) => this.rest(cx, left),
                Progress::Yield => {
                    this.rest(cx, Duration::MAX);
                    this.slot.stand_in_line();
                }
                Progress::Away(ending) => {
                    this.leave(ending.abort);
                    match this.app.away(ending) {
                        Continues::Yes => continue,
                        Continues::No => return Poll::Ready(()),
                    }
                }
                Progress::Over(_, ending) => {
                    if let Some(ending) = ending {
                        this.finish(ending);
                    }
                    return Poll::Ready(());
                }
            }
            this.hand_over();
            if !this.take_newcomer(cx) {
                break;
            }
        }
        Poll::Pending
    }
}

/// The outside of the connection during one poll.
struct Outside<'a, 'c, A> {
    cx: &'a mut Context<'c>,
    tap: &'a mut Option<Tap>,
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
        let mail = self.mailbox.take();
        if mail.as_ref().is_some_and(|mail| mail.requests.knock) {
            self.side.get_or_insert_default().knocked = true;
        }
        mail
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
        if let (Poll::Ready(Ok(_)), Some(knobs), Some(tap)) = (&answer, self.app.knobs(), &self.tap)
        {
            tap.tune(&knobs);
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
            Event::Claim(claim) => match app.claim(&claim) {
                Ok(()) => self.side.get_or_insert_default().claims = true,
                Err(refusal) => outbox.connection.end(now, &refusal),
            },
            Event::Back => {
                let connection = &outbox.connection;
                if let Some(ticket) = connection.ticket() {
                    mailbox.open(*ticket.session.as_bytes(), connection.peer_frame_limit());
                }
                if let Some(resume) = connection.resume() {
                    app.resume(resume);
                }
                app.back(&mut outbox);
            }
            Event::Secured => {
                mailbox.open([0; 16], outbox.connection.peer_frame_limit());
                app.secured();
            }
            Event::Joined(admission) => {
                mailbox.open(admission.session, outbox.connection.peer_frame_limit());
                if let Some(resume) = outbox.connection.resume() {
                    app.resume(resume);
                }
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

    fn lost(&mut self, connection: &mut Connection, now: Time, ending: Ending) -> Linger {
        // The goodbye of a client may have confirmed a token.
        if let Some(resume) = connection.resume() {
            self.app.resume(resume);
        }
        let mut outbox = Outbox {
            connection,
            mailbox: self.mailbox,
            now,
        };
        self.app.lost(&mut outbox, ending)
    }

    fn left(&mut self, cause: DepartureCause, by: Option<Close>, unsent: Dropped) {
        self.app.left(cause, by, unsent);
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
        let tap = ready!(here(self.tap));
        match ask {
            Ask::Runtime => tap.poll_read(self.cx, buffer.room(most)),
            Ask::Kernel => tap.read_now(buffer.room(most)),
        }
    }

    fn open<'b>(&mut self, buffer: &'b mut ReadBuffer, bytes: Range<usize>) -> Opened<'b> {
        buffer.open(bytes, tls(self.side))
    }

    fn poll_end(&mut self) -> Poll<()> {
        let watch = &mut self.side.get_or_insert_default().watch;
        *watch = watch.take().or_else(|| self.tap.as_ref()?.watch());
        watch
            .as_mut()
            .map_or(Poll::Pending, |watch| watch.poll(self.cx))
    }

    fn poll_write(&mut self, slices: &[IoSlice<'_>], ask: Ask) -> Io<Taken> {
        let tap = ready!(here(self.tap));
        let mut write = |slices: &[IoSlice<'_>]| match ask {
            Ask::Runtime => tap.poll_write(self.cx, slices),
            Ask::Kernel => tap.write_now(slices),
        };
        match tls(self.side) {
            Some(tls) => tls.write_by(slices, |bytes| write(&[IoSlice::new(bytes)])),
            None => write(slices).map_ok(Taken::as_it_is),
        }
    }

    fn shut(&mut self) -> io::Result<bool> {
        let Poll::Ready(tap) = here(self.tap) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        match tls(self.side) {
            Some(tls) => tls.shutdown(tap),
            None => tap.shutdown().map(|()| true),
        }
    }

    fn hold_give_up(&mut self, hold: bool) {
        if let Some(tap) = &self.tap {
            tap.hold_give_up(hold);
        }
    }

    fn readings(&mut self) -> Readings {
        let inquiry = self.side.as_ref().and_then(|side| side.inquiry.as_ref());
        Readings {
            inquiries: inquiry.map_or(0, Inquiry::count),
            ..self
                .tap
                .as_ref()
                .map_or_else(Readings::default, Tap::readings)
        }
    }

    fn own_fault(&mut self) -> Option<OwnFault> {
        self.side.as_ref()?.inquiry.as_ref()?.own_fault()
    }
}

/// The socket. No session without a connection reads or writes.
fn here(tap: &mut Option<Tap>) -> Poll<&mut Tap> {
    tap.as_mut().map_or(Poll::Pending, Poll::Ready)
}

fn tls(side: &mut Option<Box<Side>>) -> Option<&mut Tls> {
    side.as_mut()?.tls.as_deref_mut()
}
