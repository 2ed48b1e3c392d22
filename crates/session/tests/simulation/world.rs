//! One session from its first dial to its end at both ends.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Config, Outbound, Time, TokenKey};

use super::client::Client;
use super::dice::{Dice, mix};
use super::faults::Fault;
use super::history::History;
use super::ledger::Ledger;
use super::server::config;
use super::support::{Pair, START, Seen};

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) dice: Dice,
    pub(crate) config: Arc<Config>,
    /// The number of server processes that began.
    pub(crate) processes: u8,
    pub(crate) kept_max: usize,
    pub(crate) lines: Vec<Line>,
    pub(crate) client: Client,
    pub(crate) dial_at: Option<Time>,
    /// So many next connections are cut before their welcome.
    pub(crate) unwelcome: u64,
    /// Whether the game of an end takes no frames.
    pub(crate) is_stuck: [bool; 2],
    pub(crate) history: History,
    pub(crate) up: Ledger,
    pub(crate) down: Ledger,
    /// The frames that the client's game holds back while there is no session to send on.
    waiting: u64,
    pub(crate) outcome: Outcome,
}

/// A connection and its two ends.
pub(crate) struct Line {
    pub(crate) pair: Pair,
    /// Whether each end is still there.
    pub(crate) has_client: bool,
    pub(crate) has_server: bool,
    /// The server of this line has the session.
    pub(crate) has_session: bool,
    pub(crate) told_lost: bool,
    /// The server's end has its record.
    pub(crate) has_ended: bool,
    pub(crate) is_forged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// The numbers of a session, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) resumes: u64,
    pub(crate) superseded: u64,
    pub(crate) refusals: u64,
    pub(crate) forgeries: u64,
    pub(crate) opened: u64,
    pub(crate) ended: u64,
    pub(crate) frames: u64,
    /// Sessions of which both ends know that they ended before their time.
    pub(crate) cut_short: u64,
    trace: u64,
}

enum Act {
    Send(End),
    Fault(Fault),
    Unstick(End),
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(mix(seed));
        let kept_max = dice.one_of(&[2_000, 256 * 1024, 256 * 1024]);
        Self {
            now: START,
            config: config(TokenKey::new([0; 32]), kept_max),
            processes: 0,
            kept_max,
            lines: Vec::new(),
            client: Client::default(),
            dial_at: Some(START),
            unwelcome: 0,
            is_stuck: [false; 2],
            history: History::default(),
            up: Ledger::new(dice.roll()),
            down: Ledger::new(dice.roll()),
            waiting: 0,
            outcome: Outcome::default(),
            dice,
        }
    }

    /// Plays the session, and checks every promise.
    pub(crate) fn play(mut self) -> Outcome {
        let mut acts = self.plan();
        acts.sort_by_key(|(at, _)| *at);
        for (at, act) in acts {
            self.passes_to(at);
            self.does(act);
        }
        self.heals();
        self.converges();
        if !self.client.is_over {
            self.client_closes(false);
        }
        self.until(END, |world| world.is_finished());
        assert_eq!(
            self.outcome.opened, self.outcome.ended,
            "each connection has one end"
        );
        self.outcome.frames = self.up.heard + self.down.heard;
        self.outcome
    }

    /// Draws what happens, and when.
    fn plan(&mut self) -> Vec<(Time, Act)> {
        let begin = START + Duration::from_secs(1);
        let life = 1_000 + self.dice.below(60_000);
        let mut acts = Vec::new();
        let times = [
            self.dice.below(60),
            self.dice.below(60),
            1 + self.dice.below(7),
        ];
        for (n, times) in times.into_iter().enumerate() {
            for _ in 0..times {
                let at = begin + self.dice.within_ms(life);
                match n {
                    0 => acts.push((at, Act::Send(End::Client))),
                    1 => acts.push((at, Act::Send(End::Server))),
                    _ => {
                        let fault = Fault::roll(&mut self.dice);
                        if let Fault::Stuck(end) = fault {
                            acts.push((at + self.dice.within_ms(6_000), Act::Unstick(end)));
                        }
                        acts.push((at, Act::Fault(fault)));
                    }
                }
            }
        }
        acts
    }

    fn does(&mut self, act: Act) {
        match act {
            Act::Send(End::Client) => self.waiting += 1,
            Act::Send(End::Server) => self.server_sends(),
            Act::Fault(fault) => self.suffers(fault),
            Act::Unstick(end) => self.sets_stuck(end, false),
        }
        self.run();
    }

    /// Behind the last fault, all frames arrive, or both ends know that the session is over.
    fn converges(&mut self) {
        self.until(CALM, |world| {
            let is_complete = world.up.is_complete() && world.down.is_complete();
            let is_over = world.client.is_over && world.server_is_over();
            is_over || is_complete && world.waiting == 0 && world.is_attached()
        });
        self.outcome.cut_short += u64::from(self.client.is_over);
    }

    /// Lets time pass until the client has its session, and the server knows that.
    pub(crate) fn comes_to_rest(&mut self) {
        let calm = self.now + CALM;
        self.until(CALM, Self::is_attached);
        // The first ack is on its way.
        self.passes_to((self.now + Duration::from_secs(10)).min(calm));
    }

    fn is_attached(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| {
            line.has_client && line.has_session && line.pair.client.connection().is_live()
        })
    }

    fn server_is_over(&self) -> bool {
        self.history.has_left() || self.owner().is_none()
    }

    fn is_finished(&self) -> bool {
        self.client.is_over && self.server_is_over() && self.lines.is_empty()
    }

    /// Lets time pass until this holds: within this time.
    fn until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        self.run();
        while !holds(self) {
            let next = self.next();
            assert!(
                next <= end,
                "it hangs: {:?} {:?}",
                self.history,
                self.client
            );
            self.now = self.now.max(next);
            self.run();
        }
    }

    fn passes_to(&mut self, at: Time) {
        while self.next() < at {
            self.now = self.now.max(self.next());
            self.run();
        }
        self.now = self.now.max(at);
        self.run();
    }

    /// When something happens next.
    fn next(&self) -> Time {
        let mut next = self.dial_at.unwrap_or(Time::NEVER);
        for line in &self.lines {
            let pair = &line.pair;
            if line.has_client {
                next = next
                    .min(pair.client.wake_at)
                    .min(pair.down.next_arrival(self.now));
            }
            if line.has_server {
                next = next
                    .min(pair.server.wake_at)
                    .min(pair.up.next_arrival(self.now));
            }
        }
        next
    }

    /// Does everything that is ready.
    pub(crate) fn run(&mut self) {
        self.dials();
        for _ in 0..TURNS_MAX {
            self.client_sends();
            let mut is_busy = false;
            for at in 0..self.lines.len() {
                is_busy |= self.turns(at);
            }
            self.lines.retain(|line| line.has_client || line.has_server);
            if !is_busy {
                let owners = self.lines.iter().filter(|line| line.has_session).count();
                assert!(owners <= 1, "a session has one owner");
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn turns(&mut self, at: usize) -> bool {
        let mut is_busy = false;
        let Line {
            pair,
            has_client,
            has_server,
            ..
        } = &mut self.lines[at];
        if *has_client {
            pair.client.reads = !self.is_stuck[0];
            is_busy |= pair.client.turn(self.now, &mut pair.down, &mut pair.up);
        }
        if *has_server {
            pair.server.reads = !self.is_stuck[1];
            is_busy |= pair.server.turn(self.now, &mut pair.up, &mut pair.down);
        }
        let (has_client, has_server) = (*has_client, *has_server);
        if has_client {
            self.client_hears(at);
        }
        if has_server {
            is_busy |= !self.lines[at].pair.server.seen.is_empty();
            self.server_hears(at);
            let line = &mut self.lines[at];
            // A session without a connection needs its host.
            line.has_server = !line.has_ended || line.has_session && line.pair.server.is_away();
        }
        is_busy
    }

    fn client_hears(&mut self, at: usize) {
        let line = &mut self.lines[at];
        let client = &mut line.pair.client;
        for seen in std::mem::take(&mut client.seen) {
            match seen {
                Seen::Data(payload) => self.down.hears(&payload),
                Seen::Welcome(_) | Seen::Back => self.client.is_welcome(client.connection()),
                Seen::Link(_) | Seen::RoundTrip(_) => {}
                Seen::Credentials(_) | Seen::Secured | Seen::Notice { .. } | Seen::Claim { .. } => {
                    panic!("{seen:?}")
                }
            }
        }
        if let Some(ending) = client.ending.take() {
            self.client.hears_end(client.connection(), &ending);
            self.client.leaves(client.connection_mut());
            line.has_client = false;
            if !self.client.is_over {
                let most = (250 << self.client.tries.min(5)).min(10_000);
                self.dial_at = Some(self.now + self.dice.within_ms(most));
            }
        }
    }

    fn dials(&mut self) {
        if self.dial_at.is_none_or(|at| at > self.now) || self.client.is_over {
            return;
        }
        self.dial_at = None;
        let client = self.client.dial(Arc::clone(&self.config), self.now);
        let mut line = self.line(client);
        if self.unwelcome > 0 && self.outcome.opened > 1 {
            self.unwelcome -= 1;
            line.pair.down.is_cut = true;
            line.pair.up.is_cut = self.dice.one_in(3);
        }
        self.lines.push(line);
    }

    fn client_sends(&mut self) {
        let Some(line) = self.lines.iter_mut().find(|line| line.has_client) else {
            return;
        };
        let client = line.pair.client.connection_mut();
        while self.waiting > 0 && client.is_live() {
            let sent = client.send_as(self.now, Outbound::Kept, &self.up.next());
            if sent.is_err() {
                return;
            }
            self.up.was_taken();
            self.waiting -= 1;
        }
    }

    /// The game sends in its turn, or from elsewhere.
    fn server_sends(&mut self) {
        let Some(owner) = self.owner() else { return };
        let server = &mut self.lines[owner].pair.server;
        let frame = self.down.next();
        let sent = match self.dice.one_in(2) {
            true => server
                .connection_mut()
                .send_as(self.now, Outbound::Kept, &frame),
            false => server
                .mailbox
                .send(&self.config, self.now, Outbound::Kept, &frame),
        };
        if sent.is_ok() {
            self.down.was_taken();
        }
    }
}

impl Line {
    pub(crate) fn new(pair: Pair) -> Self {
        Self {
            pair,
            has_client: true,
            has_server: true,
            has_session: false,
            told_lost: false,
            has_ended: false,
            is_forged: false,
        }
    }
}

impl Outcome {
    /// Notes an event, so that two plays can be compared.
    pub(crate) fn trace(&mut self, event: u64) {
        self.trace = mix(self.trace ^ event);
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.resumes += other.resumes;
        self.superseded += other.superseded;
        self.refusals += other.refusals;
        self.forgeries += other.forgeries;
        self.opened += other.opened;
        self.ended += other.ended;
        self.frames += other.frames;
        self.cut_short += other.cut_short;
        self.trace(other.trace);
    }
}

pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Two dead limits, two lingers, the longest wait before a dial, and a window.
const CALM: Duration = Duration::from_secs(200);
/// A window, and the end of each connection.
const END: Duration = Duration::from_secs(120);
const TURNS_MAX: usize = 100_000;
