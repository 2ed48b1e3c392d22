//! Reading: bytes of the socket go to the machine, and frames on to the game, as long as the game takes them.

use std::io;
use std::task::{Context, Poll};

use lastword_session::{Connection, Event, Flow, Input, OsError, Terminal, Time};
use tokio::io::Interest;

use super::{Budget, Driver, Turn};
use crate::app::{App, Outbox, Room};
use crate::scratch::{Plain, ReadBuffer};

impl<A: App> Driver<A> {
    /// Returns whether there may be more to read or to do.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        turn: &mut Turn,
        budget: &mut Budget,
    ) -> bool {
        if !self.connection.wants_read() || !self.may_read(cx, turn) {
            return false;
        }
        self.stop_watching();
        let mut busy = self.connection.has_unread();
        if busy {
            let now = self.now(turn);
            budget.read(0, self.connection.real(now));
            self.feed(cx, now, &mut [], budget);
        }
        let mut buffer = ReadBuffer::take();
        let mut plain = Plain::default();
        loop {
            if budget.is_spent() || self.connection.is_paused() || !self.connection.wants_read() {
                return true;
            }
            let rest = self.put_rest(buffer.bytes());
            let room = buffer.bytes().get_mut(rest..).unwrap_or_default();
            let Some(read) = self.read(cx, turn, room) else {
                self.connection.caught_up();
                if self.connection.hands_over_the_rest() {
                    return self.read_ended(turn, Terminal::Open);
                }
                return busy && !self.only_echoes();
            };
            busy = true;
            match read {
                Ok(0) => return self.read_ended(turn, Terminal::Eof),
                Err(error) => return self.read_ended(turn, Terminal::Error(OsError::from(&error))),
                Ok(n) => {
                    // Not when the turn began, which may be long ago in a busy one: clocks are compared by it.
                    *turn = None;
                    let now = self.now(turn);
                    budget.read(n, self.connection.real(now));
                    let bytes = buffer.bytes().get_mut(..rest + n).unwrap_or_default();
                    let (bytes, failed) = self.open(now, bytes, n, &mut plain);
                    // First that the peer is back, then what it says.
                    if let Some(link) = self.connection.poll_link() {
                        self.call(now, |app, outbox| app.link(outbox, link));
                    }
                    self.feed(cx, now, bytes, budget);
                    if let Some(steps) = failed {
                        self.connection.handle(now, Input::TlsFailed(&steps));
                    }
                    // Last: what was read before a verdict goes to the game.
                    self.look(now);
                }
            }
        }
    }

    /// Asks the kernel itself where a decision needs to know that nothing is left to read. After a stall, and when this
    /// task has used up its budget of a poll, the runtime does not know.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        turn: &mut Turn,
        buffer: &mut [u8],
    ) -> Option<io::Result<usize>> {
        let most = buffer.len().min(self.connection.read_bytes_max());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        match self.tap.poll_read(cx, buffer) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => {
                let now = self.now(turn);
                let decides =
                    self.connection.hands_over_the_rest() || self.connection.is_over_rate();
                (self.is_due(now) || decides)
                    .then(|| self.tap.read_now(buffer))
                    .flatten()
            }
        }
    }

    /// Whether to read at all: not while the game takes nothing, so that the peer feels it.
    fn may_read(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        let takes = !self.connection.asks_for_room() || self.app.poll_ready(cx).is_ready();
        if takes == self.connection.is_paused() {
            let input = if takes { Input::Resumed } else { Input::Paused };
            let now = self.now(turn);
            self.connection.handle(now, input);
        }
        takes
    }

    /// Hands frames on, and writes the answers as they pile up.
    fn feed(&mut self, cx: &mut Context<'_>, now: Time, mut bytes: &mut [u8], budget: &mut Budget) {
        loop {
            self.feed_some(cx, now, std::mem::take(&mut bytes), budget);
            let goes_on = self.connection.has_unread() && !self.connection.is_paused();
            if budget.is_spent() || !goes_on || !writes_first(&self.connection) {
                return;
            }
            self.poll_write(cx, now);
        }
    }

    fn feed_some(
        &mut self,
        cx: &mut Context<'_>,
        now: Time,
        bytes: &mut [u8],
        budget: &mut Budget,
    ) {
        let mut open = self.open;
        self.call(now, |app, outbox| {
            let mailbox = outbox.mailbox;
            outbox.connection.feed(now, bytes, |connection, event| {
                let mut outbox = Outbox {
                    connection,
                    mailbox,
                    now,
                };
                let room = hand_over(app, &mut outbox, &mut open, event);
                budget.frame();
                let asks = room == Room::MustPoll && connection.asks_for_room();
                if asks && app.poll_ready(cx).is_pending() {
                    Flow::Full
                } else if budget.is_spent() || writes_first(connection) {
                    Flow::Later
                } else {
                    Flow::More
                }
            });
        });
        self.open = open;
    }

    /// The end of reading.
    fn read_ended(&mut self, turn: &mut Turn, terminal: Terminal) -> bool {
        let now = self.now(turn);
        let readings = self.readings(now);
        self.connection
            .handle(now, Input::ReadEnded(terminal, readings));
        true
    }

    /// Learns of an end while nothing is read, where the system tells it.
    pub(super) fn watch_for_the_end(&mut self) {
        let watches = self.side.as_ref().is_some_and(|side| side.notice.is_some());
        if let Some(the_end) = THE_END.filter(|_| !self.connection.is_ending() && !watches) {
            let stream = self.tap.share();
            self.side().notice = Some(Box::pin(async move { stream.ready(the_end).await }));
        }
    }

    /// The next read finds the end itself.
    fn stop_watching(&mut self) {
        if let Some(side) = &mut self.side {
            side.notice = None;
        }
    }
}

/// Hands on what came. `open` is set where the session is live from now on.
fn hand_over<A: App>(
    app: &mut A,
    outbox: &mut Outbox<'_>,
    open: &mut bool,
    event: Event<'_>,
) -> Room {
    match event {
        Event::Data(payload) => return app.frame(outbox, payload),
        Event::Credentials(credentials) => app.authenticate(credentials),
        Event::Notice(notice) => app.notice(&notice),
        Event::RoundTrip(rtt) => {
            outbox
                .mailbox
                .set_round_trip(outbox.connection.round_trip());
            app.round_trip(rtt);
        }
        Event::Welcome(admission) => {
            *open = true;
            let limit = outbox.connection.peer_frame_limit();
            outbox.mailbox.open(admission.session, limit);
            app.joined(outbox, &admission);
        }
    }
    Room::MustPoll
}

/// Whether the answers that wait for their first write have piled up.
fn writes_first(connection: &Connection) -> bool {
    let cap = connection.limits().outbound_bytes_max;
    connection.untried_bytes() >= PILE_BYTES.min(cap / 2)
}

const PILE_BYTES: usize = 64 * 1024;

/// The interest that a FIN or RST satisfies and data does not. Only Linux has it.
#[cfg(target_os = "linux")]
const THE_END: Option<Interest> = Some(Interest::PRIORITY);
#[cfg(not(target_os = "linux"))]
const THE_END: Option<Interest> = None;
