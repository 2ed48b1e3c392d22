//! What may happen to a session at any moment, besides its frames.

use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Cause, Close};

use super::dice::Dice;
use super::support::Pair;
use super::world::{End, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing arrives any longer: up, down.
    Cut(bool, bool),
    /// Something in between ends the connection for both ends.
    Fin,
    /// For the client, the server.
    Reset(bool, bool),
    /// Bytes take longer for a while.
    Slow,
    /// One end's game takes no frames for a while.
    Stuck(End),
    /// The client dials anew although it has a connection, and the server does not know.
    Abandon,
    /// The next connections are cut before the client has read the welcome.
    NoWelcome,
    Pause,
    Forge,
    /// The memory of the sessions that are away is used up.
    Evict,
    Kick,
    /// The server's process ends, and another one begins.
    Crash,
}

impl Fault {
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        match dice.below(44) {
            0..=4 => Self::Cut(true, true),
            5 | 6 => Self::Cut(true, false),
            7 | 8 => Self::Cut(false, true),
            9..=12 => Self::Fin,
            13..=16 => Self::Reset(true, true),
            17 | 18 => Self::Reset(true, false),
            19 | 20 => Self::Reset(false, true),
            21..=24 => Self::Slow,
            25 | 26 => Self::Stuck(End::Client),
            27 | 28 => Self::Stuck(End::Server),
            29..=32 => Self::Abandon,
            33..=35 => Self::NoWelcome,
            36 | 37 => Self::Pause,
            38 | 39 => Self::Forge,
            40 | 41 => Self::Evict,
            42 => Self::Kick,
            _ => Self::Crash,
        }
    }
}

impl World {
    pub(crate) fn suffers(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Cut(up, down) => self.on_path(|pair, _| {
                // An end does not forget a reset.
                pair.up.is_cut |= up && !pair.up.has_failed();
                pair.down.is_cut |= down && !pair.down.has_failed();
            }),
            Fault::Fin => self.on_path(|pair, _| {
                for pipe in [&mut pair.up, &mut pair.down] {
                    pipe.fin(now);
                    pipe.is_reader_gone = true;
                }
            }),
            Fault::Reset(client, server) => self.on_path(|pair, _| {
                for (is, pipe) in [(client, &mut pair.down), (server, &mut pair.up)] {
                    if is {
                        pipe.breaks(now);
                        pipe.reset(now);
                    }
                }
                pair.up.is_reader_gone |= client;
                pair.down.is_reader_gone |= server;
            }),
            Fault::Slow => self.on_path(|pair, dice| {
                let latency = dice.within_ms(20_000);
                match dice.one_in(2) {
                    true => pair.up.latency = latency,
                    false => pair.down.latency = latency,
                }
            }),
            Fault::Stuck(end) => self.sets_stuck(end, true),
            Fault::Abandon => self.abandons(),
            Fault::NoWelcome => self.unwelcome += 1 + self.dice.below(3),
            Fault::Pause => self.client_closes(true),
            Fault::Forge => self.forges(),
            Fault::Evict => {
                let away = self
                    .lines
                    .iter_mut()
                    .find(|line| line.pair.server.is_away());
                if let Some(line) = away {
                    line.pair.server.connection_mut().evict();
                }
            }
            Fault::Kick => {
                if let Some(owner) = self.owner() {
                    let close = Arc::new(Close::new(Cause::Kicked));
                    let requests = &mut self.lines[owner].pair.server.mailbox.requests;
                    requests.close.get_or_insert(close);
                }
            }
            Fault::Crash => self.crashes(),
        }
        self.run();
    }

    /// Does this to the client's connection, if it has one.
    fn on_path(&mut self, fault: impl FnOnce(&mut Pair, &mut Dice)) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.has_client) {
            fault(&mut line.pair, &mut self.dice);
        }
    }

    pub(crate) fn sets_stuck(&mut self, end: End, is_stuck: bool) {
        self.is_stuck[end as usize] = is_stuck;
    }

    /// The path is as usual again, where it is not broken.
    pub(crate) fn heals(&mut self) {
        self.unwelcome = 0;
        self.is_stuck = [false; 2];
        for line in &mut self.lines {
            line.pair.up.latency = line.pair.up.latency.min(QUICK);
            line.pair.down.latency = line.pair.down.latency.min(QUICK);
        }
    }

    /// The client ends the session, or pauses it.
    pub(crate) fn client_closes(&mut self, paused: bool) {
        let close = Close {
            paused,
            ..Close::new(Cause::ClosedByGame)
        };
        if let Some(line) = self.lines.iter_mut().find(|line| line.has_client) {
            let requests = &mut line.pair.client.mailbox.requests;
            requests.close.get_or_insert(Arc::new(close));
        }
    }

    /// The client forgets its connection, and dials at once. Its system may tell the server.
    fn abandons(&mut self) {
        let Some(at) = self.lines.iter().position(|line| line.has_client) else {
            return;
        };
        let now = self.now;
        let line = &mut self.lines[at];
        let connection = line.pair.client.connection();
        if !connection.is_live() && !connection.lives_on() {
            // It ends, and the session with it.
            return;
        }
        self.client.leaves(line.pair.client.connection_mut());
        line.has_client = false;
        match self.dice.one_in(2) {
            true => {
                line.pair.up.reset(now);
                line.pair.down.is_reader_gone = true;
            }
            false => line.pair.down.is_cut = true,
        }
        self.dial_at = Some(now);
    }
}

const QUICK: Duration = Duration::from_millis(100);
