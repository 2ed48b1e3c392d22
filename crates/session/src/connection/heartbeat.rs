//! Pings and pongs: the peer's are answered, ours tell the round trip and the offset of its clock.

use super::receive::Outcome;
use super::{Connection, Event, Role};
use crate::Time;
use crate::dialect::Framing;
use crate::round_trip::{Exchange, RoundTrip};
use crate::wire::{Ping, Pong};

impl Connection {
    /// Returns the round trip and clock offset learnt from pongs; nothing on a dialect, whose pongs carry no clocks.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.round_trip
    }

    /// Answers in the turn in which the ping is read, so that nothing is held. We do not know how long
    /// the ping lay in the kernel while we did not read or were stalled: the peer measures that as round trip.
    pub(super) fn answer(&mut self, now: Time, ping: Ping) {
        if !self.has_room_to_answer() {
            return;
        }
        let pong = Pong {
            ping_clock_us: ping.clock_us,
            clock_us: self.liveness.real(now).as_micros(),
            held_us: 0,
            received: self.stream.tell_received(),
        };
        let asks = self.asks_back(now);
        self.stream.queue_mut().push_control(|out| pong.encode(out));
        if asks {
            self.ping(now);
        }
    }

    pub(super) fn answer_in_dialect(&mut self, ping: &[u8]) {
        let has_room = self.has_room_to_answer();
        if let (true, Framing::Dialect(dialect)) = (has_room, &self.config.framing) {
            let queue = self.stream.queue_mut();
            queue.push_control(|out| {
                dialect.write_pong(ping, out);
            });
        }
    }

    /// A peer that sends pings and never reads the pongs must not fill our memory with them. Over the outbound cap it gets
    /// none, and its connection ends unless it is silent.
    fn has_room_to_answer(&mut self) -> bool {
        let full = self.refused_bytes() > self.config.limits.outbound_bytes_max;
        if full {
            self.on_queue_full();
        }
        !full && self.can_write()
    }

    /// A server learns the round trip by a ping that leaves in one write with a pong. Where something waits to be
    /// written, the ping would measure that too.
    fn asks_back(&self, now: Time) -> bool {
        self.role == Role::Server && self.queue_is_empty() && self.liveness.rtt_ping_at() <= now
    }

    /// A pong that matches no ping, or claims to have been held for longer than we waited, is ignored.
    pub(super) fn on_pong(&mut self, now: Time, pong: &Pong) -> Outcome<'static> {
        let asked = self.liveness.last_ping_real();
        let answered = self.liveness.real(now);
        if pong.ping_clock_us != asked.as_micros() || asked <= self.last_pong {
            return Outcome::Done;
        }
        let exchange = Exchange {
            asked,
            answered,
            pong,
            before: self.last_pong,
        };
        let Some(rtt) = exchange.round_trip() else {
            return Outcome::Done;
        };
        self.last_pong = answered;
        self.is_answered();
        if self.role == Role::Server {
            self.pings.give_back(1);
            self.charge_nothing();
        }
        self.round_trip.locate(&exchange);
        // An answer that lay unread while we did not read tells how long that was.
        let resumed = self.rare.as_ref().map(|rare| rare.resumed);
        if resumed > Some(exchange.asked) {
            return Outcome::Done;
        }
        self.round_trip.smooth(rtt);
        Outcome::Event(Event::RoundTrip(rtt))
    }
}
