//! The shared test host. To it come the single steps of a connection, for tests of an input in a state in which a driver
//! would not hand it in.

use super::super::{Calm, Connection, Input, SendError};
use crate::policy::Outbound;
use crate::{KernelSample, Phase, Readings, Terminal, Time};

pub(super) use super::support::{
    ADMISSION, Answer, DEAD, HEARTBEAT, HELLO, Host, Pair, Pipe, QUIET, START, SUSPECT, Seen, Solo,
    View, WELCOME, encoded, frame, frames, millis, payloads, pong_to, secs,
};

impl Solo {
    pub(super) fn hears(&mut self, input: Input<'_>) {
        self.host.connection_mut().handle(self.now, input);
        self.run();
    }

    /// Reading comes to its end, and the game has taken all that was read.
    pub(super) fn read_ends(&mut self, terminal: Terminal, readings: Readings) {
        let now = self.now;
        let connection = self.connection();
        connection.handle(now, Input::ReadEnded(terminal, readings));
        if connection.awaits_delivery() {
            connection.handle(now, Input::Delivered(readings));
        }
        self.run();
    }

    pub(super) fn readings(&self) -> Readings {
        let mut readings = self.host.readings(self.now, &self.inbound, &self.outbound);
        let is_asked = self.host.connection().may_blame_path(self.now, &readings);
        readings.own_fault = self.host.own_fault.filter(|_| is_asked);
        readings
    }

    pub(super) fn kernel(&self) -> KernelSample {
        self.readings().kernel.expect("the view is honest")
    }
}

impl Connection {
    pub(super) fn send(&mut self, now: Time, payload: &[u8]) -> Result<(), SendError> {
        self.send_as(now, Outbound::Kept, payload)
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm() != Calm::No
    }

    pub(super) fn is_shut(&self) -> bool {
        self.shut
    }

    /// Whether what is read goes to the game; else it is discarded.
    pub(super) fn delivers(&self) -> bool {
        self.is_undecided() || self.hands_over_the_rest()
    }
}
