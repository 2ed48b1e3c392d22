//! A connection whose peer, kernel and game may do anything. After each step, the laws that hold for any connection are
//! checked.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::HEADER_LEN;
use lastword_session::{Cause, Config, Outbound, Time, Timing, Verdict};

use crate::support::{Solo, Tls, payloads};

pub(crate) struct Life {
    pub(crate) solo: Solo,
    config: Arc<Config>,
    /// The timing until another one was told.
    timing: Timing,
    /// When bytes came last while the session was live.
    pub(crate) came: Option<Time>,
    /// The peer has ended its side: it sends nothing more.
    has_ended: bool,
    /// The connection is not woken until time passes.
    is_held: bool,
}

impl Life {
    pub(crate) fn new(solo: Solo, config: Arc<Config>, timing: Timing) -> Self {
        let mut life = Self {
            solo,
            config,
            timing,
            came: None,
            has_ended: false,
            is_held: false,
        };
        life.turn();
        life
    }

    pub(crate) fn is_live(&self) -> bool {
        self.solo.host.connection().is_live()
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.solo.host.ending.as_ref().map(|ending| ending.verdict)
    }

    /// The payloads that the game got.
    pub(crate) fn taken(&self) -> Vec<&[u8]> {
        payloads(&self.solo.host.seen)
    }

    /// Whether a silent peer is given up one day.
    pub(crate) fn has_dead_limit(&self) -> bool {
        self.solo.host.game.timing.unwrap_or(self.timing).dead_ms > 0
    }

    /// Whether nothing was read of a connection that begins with a PROXY header. Where there is TLS, the second part of a
    /// header would come as a record, and be malformed.
    pub(crate) fn awaits_proxy_header(&self, is_proxied: bool) -> bool {
        is_proxied && self.config.proxy_header && self.solo.inbound.taken == 0
    }

    /// Bytes come, and are read as far as the connection reads.
    pub(crate) fn arrives(&mut self, bytes: &[u8]) {
        if !self.has_ended {
            self.solo.inbound.write(self.solo.now, bytes);
            if self.is_live() && !bytes.is_empty() {
                self.came = Some(self.solo.now);
            }
        }
        self.turn();
    }

    /// Reading comes to its end behind what has arrived: a FIN, or this error.
    pub(crate) fn ends(&mut self, error: Option<ErrorKind>) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let now = self.solo.now;
        match error {
            None => self.solo.inbound.fin(now),
            Some(kind) => self.solo.inbound.fails(now, kind),
        }
        self.solo.host.faults.end_shows = true;
    }

    pub(crate) fn peer_reads(&mut self, most: usize) {
        self.solo.outbound.read(self.solo.now, most);
    }

    /// The game sends while it has its turn, which it does not have while the connection is not woken.
    pub(crate) fn sends(&mut self, how: Outbound, len: usize) {
        match self.is_held {
            true => self.posts(how, len),
            false => self.solo.host.send(self.solo.now, how, len),
        }
    }

    /// The game leaves a frame in the mailbox.
    pub(crate) fn posts(&mut self, how: Outbound, len: usize) {
        let now = self.solo.now;
        let host = &mut self.solo.host;
        let frame = host.game.next(how, len);
        let left = host.mailbox.send(&self.config, now, how, &frame.payload);
        if left.is_ok() {
            host.game.sent.push(frame);
        }
    }

    /// The game takes each frame at once from now on, and those that wait; or none.
    pub(crate) fn game_takes(&mut self, takes: bool) {
        let heard = u64_of(self.taken().len());
        let host = &mut self.solo.host;
        host.answers = takes;
        if takes {
            host.taken = heard;
        }
    }

    pub(crate) fn hold(&mut self) {
        self.is_held = true;
    }

    /// Lets time pass to the next deadline, if it is soon, and does not wake the connection.
    pub(crate) fn until_due(&mut self) {
        self.wake();
        let at = self.solo.host.wake_at;
        if at.since(self.solo.now) < SOON {
            self.solo.now = self.solo.now.max(at);
            self.is_held = true;
        }
    }

    /// Lets time pass up to this moment, with the deadlines before it, and does not wake the connection then.
    pub(crate) fn pass_to(&mut self, at: Time) {
        self.solo.host.reads = true;
        self.wake();
        while self.solo.host.wake_at < at {
            self.solo.now = self.solo.now.max(self.solo.host.wake_at);
            self.turn();
        }
        self.solo.now = at;
        self.is_held = true;
    }

    fn wake(&mut self) {
        self.is_held = false;
        self.turn();
    }

    /// This process stands still.
    pub(crate) fn stands_still(&mut self, time: Duration) {
        self.solo.stood_still += time;
        self.turn();
    }

    /// Lets time pass, and wakes the connection at each of its deadlines.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.wake();
        let end = self.solo.now + time;
        for _ in 0..WAKES_MAX {
            let at = self.solo.host.wake_at;
            if at > end {
                self.solo.now = end;
                return;
            }
            self.solo.now = self.solo.now.max(at);
            self.turn();
        }
        panic!("no time passes: {:?}", self.solo.host.connection());
    }

    /// Lets time pass without events from outside. An end that shows is followed by a FIN. Where this process stood still,
    /// the deadlines are later by that.
    pub(crate) fn is_left_alone(&mut self, limit: Duration) {
        self.solo.host.reads = true;
        self.wake();
        let end = self.solo.now + limit + self.solo.stood_still;
        while self.solo.host.ending.is_none() && self.solo.now < end {
            if self.solo.host.is_noticed {
                self.ends(None);
                self.turn();
            }
            let next = self.solo.host.wake_at.min(end);
            self.pass(next.since(self.solo.now).max(Duration::from_millis(1)));
        }
    }

    /// Checks that nothing comes after the end.
    pub(crate) fn stays_closed(&mut self) {
        let before = self.solo.host.connection().traffic();
        self.solo.host.game.closes = None;
        self.arrives(b"\0\0\x01\0x");
        self.pass(Duration::from_secs(60));
        assert_eq!(self.solo.host.connection().traffic(), before);
        assert_eq!(self.solo.host.wake_at, Time::NEVER);
    }

    /// Does everything that is ready, and checks the laws.
    pub(crate) fn turn(&mut self) {
        if self.is_held {
            return;
        }
        self.solo.run();
        self.check_deadline();
        self.check_counts();
        self.check_memory();
        self.check_failures();
        self.check_end();
    }

    /// A connection has a deadline, with three exceptions: the end of reading is awaited, it is live without a dead limit, or
    /// the game has no room.
    fn check_deadline(&self) {
        let host = &self.solo.host;
        let connection = host.connection();
        let is_excused = connection.is_live() && (!self.has_dead_limit() || connection.is_paused());
        let reads_to_the_end = host.is_noticed && !host.read_ended;
        assert!(
            host.wake_at < Time::NEVER || host.ending.is_some() || is_excused || reads_to_the_end,
            "without a deadline: {connection:?}"
        );
    }

    /// A game that panicked and a TLS that failed end the connection.
    fn check_failures(&self) {
        let host = &self.solo.host;
        let is_broken = host.has_panicked || host.tls.as_ref().is_some_and(Tls::has_failed);
        assert!(!is_broken || !host.connection().is_live());
    }

    fn check_counts(&self) {
        let host = &self.solo.host;
        let traffic = host.connection().traffic();
        assert_eq!(traffic.frames_in, u64_of(self.taken().len()));
        assert_eq!(traffic.bytes_in, self.solo.inbound.taken);
        assert_eq!(traffic.bytes_out, host.bytes_out);
    }

    /// The connection takes no memory on the peer's word.
    fn check_memory(&self) {
        let host = &self.solo.host;
        // A dropped frame lies in the queue until many bytes are freed together.
        let ours = host.game.sent.iter();
        let ours = ours.map(|sent| u64_of(HEADER_LEN + sent.payload.len()));
        let theirs = self.solo.inbound.taken;
        let bound = MEMORY_BASE + MEMORY_PER_BYTE * (theirs + ours.sum::<u64>());
        assert!(
            host.memory_most <= bound,
            "{} bytes of memory for {theirs} bytes of the peer",
            host.memory_most
        );
    }

    /// The game heard what the record says. Only where the path is dead did it get frames behind the verdict.
    fn check_end(&self) {
        let host = &self.solo.host;
        let Some(ending) = &host.ending else { return };
        let heard = host.departed.as_ref().map(|departed| departed.verdict);
        assert_eq!(heard, self.verdict(), "the game heard what the record says");
        let is_path = matches!(
            ending.verdict.cause,
            Cause::PathDead | Cause::PathDeadOutbound | Cause::LocalNetworkDown
        );
        assert!(is_path || !host.game.heard_late, "{:?}", ending.verdict);
    }
}

fn u64_of(n: usize) -> u64 {
    u64::try_from(n).expect("it fits")
}

/// Later than the deadlines of a life in which something happens.
const SOON: Duration = Duration::from_secs(60);
/// Far more than the number of deadlines in the longest of these lives.
const WAKES_MAX: usize = 100_000;
/// A vector that doubles, with both copies while it moves.
const MEMORY_PER_BYTE: u64 = 4;
/// The rare parts of a connection, the record of its end, and its own frames up to the outbound cap of the model.
const MEMORY_BASE: u64 = 16 * 1024;
