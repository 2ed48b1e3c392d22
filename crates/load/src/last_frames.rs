//! The last frames of a client before its end, and how many data frames the server must count.

use lastword_session::wire::{Goodbye, Hello, Kind};

use crate::client_rng::ClientRng;
use crate::command::Command;
use crate::frames::{FRAME_LIMIT, frame};

/// The last bytes of one client.
#[derive(Debug)]
pub(crate) struct LastFrames {
    pub(crate) bytes: Vec<u8>,
    /// The payloads that the game sends back.
    pub(crate) echoes: Vec<Vec<u8>>,
    /// Complete data frames among the bytes.
    pub(crate) frames: u64,
    rng: ClientRng,
    /// Bytes of a payload, the least and the most.
    payload_bytes: (u32, u32),
    frames_max: u32,
}

impl LastFrames {
    pub(crate) fn new(rng: ClientRng, payload_bytes: (u32, u32), frames_max: u32) -> Self {
        Self {
            bytes: Vec::new(),
            echoes: Vec::new(),
            frames: 0,
            rng,
            payload_bytes,
            frames_max,
        }
    }

    /// Returns a payload of the scenario's size, which is never a command.
    pub(crate) fn payload(&mut self) -> Vec<u8> {
        let (first, last) = self.payload_bytes;
        let len = self.rng.from(first, last);
        self.rng.letters(len)
    }

    /// Adds a few data frames without waiting for their echo, or none if the scenario has no
    /// frames.
    pub(crate) fn data(&mut self) {
        let count = self.rng.from(1, LAST_FRAMES_MAX).min(self.frames_max);
        (0..count).for_each(|_| self.one_frame());
    }

    /// Adds a data frame without waiting for its echo.
    pub(crate) fn one_frame(&mut self) {
        let payload = self.payload();
        self.frame(Kind::Data, &payload);
        self.echoes.push(payload);
        self.frames += 1;
    }

    /// Adds a command to the game.
    pub(crate) fn command(&mut self, command: Command<'_>) {
        self.frame(Kind::Data, &command.payload());
        self.frames += 1;
    }

    /// Adds half of a data frame.
    pub(crate) fn half_a_frame(&mut self) {
        let start = self.bytes.len();
        let payload = self.rng.letters(HALVED_BYTES);
        self.frame(Kind::Data, &payload);
        let half = (self.bytes.len() - start) / 2;
        self.bytes.truncate(start + half);
    }

    pub(crate) fn frame(&mut self, kind: Kind, payload: &[u8]) {
        frame(kind, payload, &mut self.bytes);
    }

    /// Adds an ordinary goodbye.
    pub(crate) fn goodbye(&mut self) {
        let goodbye = Goodbye {
            over: true,
            code: 0,
            game_cause: None,
            advice: 0,
            delay_ms: 0,
            address: "".into(),
            reason: "".into(),
        };
        goodbye.encode(&mut self.bytes);
    }

    /// Adds a hello with these credentials.
    pub(crate) fn hello(&mut self, credentials: &str) {
        hello(credentials).encode(&mut self.bytes);
    }

    /// Adds the first bytes of a hello.
    pub(crate) fn partial_hello(&mut self, len: usize) {
        self.hello("ann");
        self.bytes.truncate(len);
    }

    /// Adds a hello that asks to resume a session which the server never had.
    pub(crate) fn resume(&mut self) {
        let resume = Hello {
            resume: true,
            no_resume: false,
            session: [9; 16],
            received: 3,
            token: &[1, 2, 3, 4],
            ..hello("")
        };
        resume.encode(&mut self.bytes);
    }
}

/// Makes a hello of this version, without resume.
pub(crate) fn hello(credentials: &str) -> Hello<'_> {
    Hello::new(credentials.as_bytes(), FRAME_LIMIT)
}

const LAST_FRAMES_MAX: u32 = 4;
const HALVED_BYTES: u32 = 1_000;
