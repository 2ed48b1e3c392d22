//! Reading: bytes of the socket become frames, which go on to the game, as long as the game takes them.

use std::task::Poll;
use std::time::Duration;

use super::Turn;
use crate::connection::{Ask, Connection, Event, Flow, Host, Input, Io, Room};
use crate::{OsError, Terminal, Time};

impl Connection {
    /// Returns whether there may be more to read or to do.
    pub(super) fn read_all<H: Host>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        if !self.wants_read() || !self.may_read(turn) {
            return false;
        }
        let mut busy = self.has_unread();
        if busy {
            let now = self.time(turn);
            turn.budget.read(0, self.real(now));
            self.hand_on(turn, now, &mut []);
        }
        let mut buffer = turn.host.buffer();
        loop {
            if turn.budget.is_spent() || self.is_paused() || !self.wants_read() {
                return true;
            }
            match self.read_some(turn, &mut buffer) {
                Poll::Pending => {
                    self.caught_up();
                    if self.hands_over_the_rest() {
                        return self.reading_ends(turn, Terminal::Open);
                    }
                    return busy && !self.only_echoes();
                }
                Poll::Ready(Ok(0)) => return self.reading_ends(turn, Terminal::Eof),
                Poll::Ready(Ok(n)) => self.on_bytes(turn, &mut buffer, n),
                Poll::Ready(Err(error)) => {
                    return self.reading_ends(turn, Terminal::Error(OsError::from(&error)));
                }
            }
            busy = true;
        }
    }

    /// Whether to read at all: not while the game takes nothing, so that the peer feels it.
    fn may_read<H: Host>(&mut self, turn: &mut Turn<'_, H>) -> bool {
        let takes = !self.asks_for_room() || turn.host.poll_room().is_ready();
        if takes == self.is_paused() {
            let now = self.time(turn);
            self.handle(now, if takes { Input::Resumed } else { Input::Paused });
        }
        takes
    }

    /// Asks the kernel itself where a decision needs to know that nothing is left to read.
    fn read_some<H: Host>(&mut self, turn: &mut Turn<'_, H>, buffer: &mut H::Buffer) -> Io<usize> {
        let most = self.read_bytes_max();
        let read = turn.host.poll_read(buffer, most, Ask::Runtime);
        if read.is_ready() {
            return read;
        }
        let now = self.time(turn);
        let decides =
            self.is_due(turn.host, now) || self.hands_over_the_rest() || self.is_over_rate();
        match decides {
            true => turn.host.poll_read(buffer, most, Ask::Kernel),
            false => Poll::Pending,
        }
    }

    /// Deals with the `n` bytes that were just read. Layers come first, then the link, and then frames: the game hears
    /// that the peer is back before it hears what the peer says.
    fn on_bytes<H: Host>(&mut self, turn: &mut Turn<'_, H>, buffer: &mut H::Buffer, n: usize) {
        // Not when the turn began, which may be long ago in a busy one: clocks are compared by it.
        turn.now = None;
        let now = self.time(turn);
        turn.budget.read(n, self.real(now));
        let header = self.take_proxy_header(turn.host, now, buffer.as_mut().get(..n));
        if header == n {
            return;
        }
        self.bytes_arrived(now, n - header);
        let opened = turn.host.open(buffer, header..n);
        self.on_records(turn.host, now, opened.records.as_ref());
        if let Some(link) = self.poll_link() {
            self.tell(turn.host, now, Event::Link(link));
        }
        self.hand_on(turn, now, opened.bytes);
        if let Some(steps) = opened.records.and_then(|records| records.failed) {
            self.handle(now, Input::TlsFailed(&steps));
        }
        // Last: what was read before a verdict goes to the game.
        if self.wants_sample(now) {
            self.handle(now, Input::Sampled(turn.host.readings().kernel));
        }
    }

    /// Hands frames on, and writes the answers as they pile up.
    fn hand_on<H: Host>(&mut self, turn: &mut Turn<'_, H>, now: Time, mut bytes: &mut [u8]) {
        loop {
            let (host, budget) = (&mut *turn.host, &mut *turn.budget);
            let bytes = std::mem::take(&mut bytes);
            self.guarded(host, now, |connection, host| {
                connection.feed(now, bytes, |connection, event| {
                    let room = host.event(connection, now, event);
                    budget.frame(|| real(host.now()));
                    let asks = room == Room::MustPoll && connection.asks_for_room();
                    if asks && host.poll_room().is_pending() {
                        Flow::Full
                    } else if budget.is_spent() || connection.writes_first() {
                        Flow::Later
                    } else {
                        Flow::More
                    }
                });
            });
            let goes_on = self.has_unread() && !self.is_paused();
            if turn.budget.is_spent() || !goes_on || !self.writes_first() {
                return;
            }
            self.write_all(turn.host, now);
        }
    }

    fn reading_ends<H: Host>(&mut self, turn: &mut Turn<'_, H>, terminal: Terminal) -> bool {
        let now = self.time(turn);
        let readings = self.readings(turn.host, now);
        self.handle(now, Input::ReadEnded(terminal, readings));
        true
    }

    /// Whether the answers that wait for their first write have piled up.
    fn writes_first(&self) -> bool {
        let cap = self.config.limits.outbound_bytes_max;
        self.untried_bytes() >= PILE_BYTES.min(cap / 2)
    }
}

fn real((now, behind): (Time, Duration)) -> Time {
    now + behind
}

const PILE_BYTES: usize = 64 * 1024;
