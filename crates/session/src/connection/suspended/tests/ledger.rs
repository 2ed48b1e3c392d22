//! Any series of sends, cuts and attempts: each frame arrives once and in order, in both directions.

use super::line::{Line, config, secs};
use super::*;

/// A line whose bytes are on their way for any time, and may be lost.
struct Rough {
    line: Line,
    /// The session of a client without a connection.
    away: Option<Suspended>,
    up: Vec<u8>,
    down: Vec<u8>,
    sent: [u32; 2],
    seed: u64,
    resumes: u32,
}

impl Rough {
    fn new(seed: u64) -> Self {
        let mut config = config();
        if let Some(resume) = &mut config.resume {
            resume.window = secs(24 * 60 * 60);
        }
        Self {
            line: Line::with(config),
            away: None,
            up: Vec::new(),
            down: Vec::new(),
            sent: [0; 2],
            seed,
            resumes: 0,
        }
    }

    /// A number below `end`: xorshift64 (Marsaglia, 2003).
    fn below(&mut self, end: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        usize::try_from(self.seed % 1_000_003).expect("it is small") % end
    }

    /// All of it, or any part.
    fn some_of(&mut self, n: usize) -> usize {
        match self.below(3) {
            0 => self.below(n + 1),
            _ => n,
        }
    }

    fn step(&mut self) {
        match self.below(16) {
            0 | 1 => self.client_sends(),
            2 | 3 => self.server_sends(),
            4..=8 => self.goes_up(),
            9..=13 => self.goes_down(),
            14 => self.is_cut(),
            _ => self.dials(),
        }
    }

    fn client_sends(&mut self) {
        let payload = self.sent[0].to_be_bytes();
        let sent = match &mut self.away {
            Some(away) => away.send(self.line.now, &Limits::default(), Outbound::Kept, &payload),
            None if self.line.client.connection.is_live() => {
                self.line
                    .client
                    .connection
                    .send_as(self.line.now, Outbound::Kept, &payload)
            }
            // During an attempt, frames come by the mailbox.
            None => {
                let mut queue = Box::new(crate::SendQueue::default());
                queue.push_data(self.line.now, |out| {
                    out.extend_from_slice(&data(&payload));
                });
                self.line.client.connection.adopt(self.line.now, &mut queue);
                Ok(())
            }
        };
        sent.expect("there is room");
        self.sent[0] += 1;
    }

    fn server_sends(&mut self) {
        let payload = self.sent[1].to_be_bytes();
        self.line.server.send(&payload);
        self.sent[1] += 1;
    }

    /// Some bytes of the client arrive: at a newcomer, or at the session.
    fn goes_up(&mut self) {
        if self.away.is_some() {
            return;
        }
        self.up.append(&mut self.line.client.writes());
        let n = self.some_of(self.up.len());
        let mut bytes: Vec<u8> = self.up.drain(..n).collect();
        if bytes.is_empty() {
            return;
        }
        if !self.line.newcomer_reads(&mut bytes) {
            self.line.server.reads(self.line.now, &mut bytes);
        }
        if self.line.is_claimed() {
            match self.below(4) {
                0 => self.down = self.line.newcomer_says(&Close::new(Cause::Overloaded)),
                _ => self.line.server_adopts(),
            }
        }
    }

    fn goes_down(&mut self) {
        if self.away.is_some() {
            return;
        }
        if !self.line.has_newcomer() {
            self.down.append(&mut self.line.server.writes());
        }
        let n = self.some_of(self.down.len());
        let mut bytes: Vec<u8> = self.down.drain(..n).collect();
        if !bytes.is_empty() {
            self.line.client.reads(self.line.now, &mut bytes);
        }
        self.resumes += u32::from(std::mem::take(&mut self.line.client.is_back));
        let connection = &self.line.client.connection;
        if !(connection.is_undecided() || connection.hands_over_the_rest()) {
            self.leaves();
        }
    }

    /// The client loses its connection, and the server perhaps hears of it.
    fn is_cut(&mut self) {
        if self.away.is_some() {
            return;
        }
        self.line.client.is_reset(self.line.now);
        let is_heard = self.below(2) == 0;
        if is_heard && !self.line.has_newcomer() {
            self.line.server.is_reset(self.line.now);
        }
        self.leaves();
    }

    fn leaves(&mut self) {
        let suspended = self.line.client.suspends();
        self.away = Some(suspended.expect("its session lives on"));
        self.up.clear();
        self.down.clear();
    }

    fn dials(&mut self) {
        if let Some(suspended) = self.away.take() {
            // A resume costs two seconds of its session's pace.
            self.line.advances(secs(3));
            self.line.begins_to_dial(suspended);
        }
    }

    /// All faults are over.
    fn comes_to_rest(&mut self, seed: u64) {
        self.is_cut();
        let suspended = self.away.take().expect("it is away");
        self.line.advances(secs(60));
        self.line.resumes(suspended);
        let expected = |n: u32| (0..n).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(
            self.line.server.received,
            expected(self.sent[0]),
            "up, {seed}"
        );
        assert_eq!(
            self.line.client.received,
            expected(self.sent[1]),
            "down, {seed}"
        );
    }
}

#[test]
fn any_series_of_cuts_and_attempts_loses_nothing_and_repeats_nothing() {
    let mut resumes = 0;
    for seed in 1..=1_000_u64 {
        let mut rough = Rough::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..200 {
            rough.step();
        }
        rough.comes_to_rest(seed);
        resumes += rough.resumes;
    }
    assert!(resumes > 2_000, "{resumes}");
}
