//! The events of a connection's life in their order, and the whole of such a life.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::{Goodbye, Notice};
use lastword_session::{
    Admission, Cause, Close, Config, Connection, Framing, Limits, Linger, Message, Outbound, Phase,
    Rate, Role, Time, Timing,
};

use super::beating::Beating;
use super::life::Life;
use super::output;
use crate::support::{
    ADMISSION, Answer, Echo, HELLO, Host, Record, START, Solo, Tls, View, WELCOME, Words, encoded,
    millis,
};

/// One step of a life.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The peer sends these bytes; in one record, where there is TLS.
    Bytes(Vec<u8>),
    /// All that follows happens at one moment, until time passes: the connection is woken once.
    Hold,
    /// Time passes to the next deadline, and what follows happens at that moment.
    UntilDue,
    /// The peer sends an empty record.
    Record(Record),
    Decide(u8),
    /// The game decides while it has the next event.
    DecideInEvent(u8),
    Admit,
    Refuse(u8),
    Notice,
    DrainExpired,
    Abort,
    Report,
    Panic,
    Pause,
    Resume,
    Pass(u32),
    StandStill(u32),
    PeerReads(usize),
    /// The game sends while it has its turn, or from elsewhere.
    Send(Outbound, usize),
    Post(Outbound, usize),
    GameTakes(bool),
    Kernel(Words),
    EndShows,
    WriteFails,
    ShutFails,
    Linger(bool),
    Probe,
    Ended(u8),
}

/// A whole life: the ends of the connection, and what happens to them.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) role: Role,
    pub(crate) is_dialect: bool,
    /// Whether the peer has greeted before the first step: the session is live then, if it is let in.
    pub(crate) is_greeted: bool,
    /// Server: not let in at all.
    pub(crate) is_refused: bool,
    /// Server: a PROXY header comes first. And whether the peer that it names is let in.
    pub(crate) is_proxied: bool,
    pub(crate) is_denied: bool,
    pub(crate) has_tls: bool,
    /// Whether the peer takes the written bytes. If not, so many fit between the two.
    pub(crate) peer_reads: bool,
    pub(crate) room: usize,
    pub(crate) behind_proxy: bool,
    pub(crate) has_idle_limit: bool,
    /// Whether the peer has a rate, so that its bytes may have to wait.
    pub(crate) is_rated: bool,
    /// Whether the game answers each frame, and leaves its answers in the mailbox.
    pub(crate) echoes: bool,
    pub(crate) by_mail: bool,
    /// Whether the host keeps a deadline that only moved later.
    pub(crate) keeps_deadline: bool,
    pub(crate) timing: Timing,
    /// The kernel's readings, where they are not those of the pipes.
    pub(crate) words: Option<Words>,
    /// The lengths of the reads, over and over; without any, a read takes everything.
    pub(crate) reads: Vec<usize>,
    pub(crate) steps: Vec<Step>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            role: Role::Server,
            is_dialect: false,
            is_greeted: false,
            is_refused: false,
            is_proxied: false,
            is_denied: false,
            has_tls: false,
            peer_reads: true,
            room: usize::MAX,
            behind_proxy: false,
            has_idle_limit: false,
            is_rated: false,
            echoes: false,
            by_mail: false,
            keeps_deadline: false,
            timing: STANDARD,
            words: None,
            reads: Vec::new(),
            steps: Vec::new(),
        }
    }
}

impl Script {
    /// Plays a connection from its first step to its end, or to the limit on its life, and checks all laws.
    pub(crate) fn play(&self) -> Life {
        let mut life = self.begin();
        for step in &self.steps {
            self.take(&mut life, step);
        }
        life.is_left_alone(BOUND);
        // Without a dead limit, a silent peer is never given up: only its game ends it. A welcome may allow any silence.
        if life.is_live() && (!life.has_dead_limit() || self.role == Role::Client) {
            life.solo.host.mailbox.requests.abort = true;
            life.is_left_alone(BOUND);
        }
        let host = &life.solo.host;
        let Some(ending) = &host.ending else {
            panic!("it is still there: {:?}", host.connection());
        };
        let verdict = ending.verdict;
        let is_of_phase = self.role == Role::Client || verdict.cause.occurs_in(verdict.phase);
        assert!(is_of_phase, "{verdict:?}");
        output::check(ending, self.is_dialect, &host.plain, &host.game.sent);
        assert!(
            !self.is_denied() || !host.game.was_asked,
            "it is not let in"
        );
        self.check_evidence(&life);
        life.stays_closed();
        life
    }

    /// Plays the steps, and lets time pass up to this moment, at which a byte of the peer comes. Returns whether the session
    /// is live then; `None` where the steps take longer.
    pub(crate) fn speaks_at(&self, at: Time) -> Option<bool> {
        let mut life = self.begin();
        for step in &self.steps {
            self.take(&mut life, step);
        }
        if at <= life.solo.now {
            return None;
        }
        // The byte may change the link, and the game would end the connection in that event.
        let game = &mut life.solo.host.game;
        (game.closes, game.panics) = (None, false);
        life.pass_to(at);
        self.says(&mut life, &[0]);
        life.pass(Duration::ZERO);
        Some(life.is_live())
    }

    /// Whether each step has a moment of its own. Where several happen at once, the bytes of the peer may be read in several
    /// turns, and frames are written in between: how many, depends on the cut of the bytes.
    pub(crate) fn is_one_by_one(&self) -> bool {
        let mut steps = self.steps.iter();
        !steps.any(|step| matches!(step, Step::Hold | Step::UntilDue))
    }

    /// The record has the kernel's word where there is one. Bytes that came by the time of a verdict on a silence end that
    /// silence, if nothing holds them up.
    fn check_evidence(&self, life: &Life) {
        let Some(ending) = &life.solo.host.ending else {
            return;
        };
        let (mut is_honest, mut is_held_up) = (self.words.is_none(), self.is_rated);
        for step in &self.steps {
            is_honest &= !matches!(step, Step::Kernel(_));
            is_held_up |= matches!(step, Step::Pause);
        }
        assert!(!is_honest || ending.evidence.kernel.is_some(), "no word");
        let verdict = ending.verdict;
        if matches!(verdict.cause, Cause::PeerSilent | Cause::PeerFrozen) && !is_held_up {
            let came = life.came.filter(|came| *came == verdict.at);
            assert_eq!(came, None, "it was not silent");
        }
    }

    /// Whether the peer that the PROXY header names is not let in.
    fn is_denied(&self) -> bool {
        self.is_denied && self.is_proxied && self.role == Role::Server
    }

    fn begin(&self) -> Life {
        let config = Arc::new(self.config());
        let (shared, is_server) = (Arc::clone(&config), self.role == Role::Server);
        let mut connection = match (self.role, self.is_dialect) {
            (Role::Server, _) if self.is_refused => {
                Connection::refused(shared, START, &Close::new(Cause::ServerFull))
            }
            (Role::Server, _) => Connection::server(shared, START),
            (Role::Client, false) => Connection::client(shared, &HELLO, START),
            (Role::Client, true) => Connection::client_of_dialect(shared, self.timing, START),
        };
        let tls = match is_server {
            true => Tls::default(),
            false => Tls::client(),
        };
        connection.set_layer_holds(self.has_tls && tls.holds());
        let mut solo = Solo::of(Host::new(connection, Answer::Wait));
        let host = &mut solo.host;
        host.tls = self.has_tls.then_some(tls);
        host.refusal = self.is_denied.then(|| Close::new(Cause::AddressDenied));
        host.view = self.words.map_or(View::Honest, View::Said);
        host.keeps_deadline = self.keeps_deadline;
        host.read_lens.clone_from(&self.reads);
        host.game.echo = match (self.echoes, self.by_mail) {
            (false, _) => Echo::No,
            (true, false) => Echo::InPlace,
            (true, true) => Echo::ByMail(Arc::clone(&config)),
        };
        host.game.counts_taken = true;
        host.measures = true;
        solo.peer_reads = self.peer_reads;
        if !self.peer_reads {
            solo.outbound.capacity = self.room;
        }
        let mut life = Life::new(solo, config, self.timing);
        if self.is_greeted {
            self.greet(&mut life);
        }
        life
    }

    fn config(&self) -> Config {
        let is_server = self.role == Role::Server;
        let limits = Limits {
            outbound_bytes_max: 4_096,
            idle_timeout: self.has_idle_limit.then_some(Duration::from_secs(10)),
            frame_rate: (is_server && self.is_rated).then_some(FRAME_RATE),
            byte_rate: (is_server && self.is_rated).then_some(BYTE_RATE),
            ..Limits::default()
        };
        Config {
            framing: match self.is_dialect {
                true => Framing::Dialect(Arc::new(Beating)),
                false => Framing::Native,
            },
            limits,
            behind_proxy: self.behind_proxy,
            proxy_header: self.is_proxied && is_server,
            tls: self.has_tls,
            resume: None,
        }
    }

    fn greet(&self, life: &mut Life) {
        if self.is_proxied && self.role == Role::Server {
            life.arrives(PROXIED);
        }
        if self.has_tls {
            life.arrives(&Record::Finished.around(&[]));
        }
        let hello = match (self.role, self.is_dialect) {
            (Role::Client, true) => Vec::new(),
            (Role::Client, false) => encoded(|out| WELCOME.encode(out)),
            (Role::Server, true) => b"\0\0\0\x03ada".to_vec(),
            (Role::Server, false) => encoded(|out| HELLO.encode(out)),
        };
        life.solo.host.answer = Answer::Admit(self.admission());
        self.says(life, &hello);
        life.solo.host.answer = Answer::Wait;
        let is_refused = self.is_refused && self.role == Role::Server;
        let is_let_in = !is_refused && !self.is_denied();
        assert_eq!(life.is_live(), is_let_in, "the setting itself is sound");
    }

    fn admission(&self) -> Admission {
        Admission {
            timing: self.timing,
            ..ADMISSION
        }
    }

    /// The peer sends these bytes.
    fn says(&self, life: &mut Life, bytes: &[u8]) {
        match self.has_tls && !life.awaits_proxy_header(self.is_proxied) {
            true => life.arrives(&Record::Data.around(bytes)),
            false => life.arrives(bytes),
        }
    }

    fn take(&self, life: &mut Life, step: &Step) {
        let host = &mut life.solo.host;
        let (phase, is_live) = (host.game.phase(), host.connection().is_live());
        let phase = match self.has_tls && phase == Phase::Hello {
            true => Phase::Tls,
            false => phase,
        };
        let requests = &mut host.mailbox.requests;
        match step {
            Step::Bytes(bytes) => return self.says(life, bytes),
            Step::Hold => return life.hold(),
            Step::UntilDue => return life.until_due(),
            Step::Record(record) => return life.arrives(&record.around(&[])),
            Step::Pass(ms) => return life.pass(millis((*ms).into())),
            Step::StandStill(ms) => return life.stands_still(millis((*ms).into())),
            Step::PeerReads(n) => life.peer_reads(*n),
            Step::Send(how, len) => life.sends(*how, *len),
            Step::Post(how, len) => life.posts(*how, *len),
            Step::Ended(n) => life.ends(end(*n)),
            Step::Decide(n) => {
                requests.close.get_or_insert(Arc::new(decision(phase, *n)));
            }
            // The driver has a game for these two only.
            Step::DecideInEvent(n) if is_live => host.game.closes = Some(decision(phase, *n)),
            Step::Panic if matches!(phase, Phase::Auth | Phase::Live) => host.game.panics = true,
            // Only a session gives out a handle to abort with.
            Step::Abort if is_live => requests.abort = true,
            Step::DecideInEvent(_) | Step::Panic | Step::Abort => {}
            Step::Admit => host.answer = Answer::Admit(self.admission()),
            Step::Refuse(n) => host.answer = Answer::Refuse(decision(Phase::Auth, *n)),
            Step::Notice => requests.notice = Some(Arc::new(NOTICE)),
            Step::DrainExpired => {
                let message = Message::of(Cause::DrainExpired);
                requests.drain_expired = Some(Arc::new(message));
            }
            Step::Report => requests.report = true,
            Step::Probe => requests.probe = true,
            Step::Pause => host.reads = false,
            Step::Resume => host.reads = true,
            Step::GameTakes(takes) => life.game_takes(*takes),
            Step::Kernel(words) => host.view = View::Said(*words),
            Step::EndShows => host.faults.end_shows = true,
            Step::WriteFails => host.faults.write = Some(ErrorKind::BrokenPipe),
            Step::ShutFails => host.faults.shut = Some(ErrorKind::NotConnected),
            Step::Linger(true) => host.linger = Linger::Allowed,
            Step::Linger(false) => host.linger = Linger::Refused,
        }
        life.turn();
    }
}

/// One of the decisions that this phase allows.
fn decision(phase: Phase, n: u8) -> Close {
    let of_phase: &[Cause] = match phase {
        Phase::Hello => &[Cause::Overloaded, Cause::RefusedDraining],
        // The handshake may be complete, or not.
        Phase::Admission | Phase::Proxy | Phase::Tls => &[Cause::RefusedDraining],
        Phase::Auth => &[
            Cause::AuthRejected,
            Cause::AuthUnavailable,
            Cause::AlreadyLoggedIn,
        ],
        Phase::Live => &[
            Cause::Kicked,
            Cause::ClosedByGame,
            Cause::Drained,
            Cause::ReplacedByLogin,
            Cause::HandlerPanicked,
            Cause::SendQueueFull,
        ],
    };
    let cause = of_phase[usize::from(n) % of_phase.len()];
    let linger = (cause == Cause::Drained).then_some(Duration::from_secs(20));
    Close {
        linger,
        ..Close::new(cause)
    }
}

/// How reading ends: with a FIN, or with an error.
fn end(n: u8) -> Option<ErrorKind> {
    match n % 3 {
        0 => None,
        1 => Some(ErrorKind::ConnectionReset),
        _ => Some(ErrorKind::TimedOut),
    }
}

/// The header of a proxy for a peer.
pub(crate) const PROXIED: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000\r\n";

/// The sum of the limits: PROXY header, TLS, hello, authentication, time over the rate, dead limit or frame time, our last
/// frames, the game's time for its frames, linger, and the longest drain.
const BOUND: Duration = Duration::from_secs(2 + 5 + 5 + 5 + 10 + 15 + 14 + 3 + 3 + 20);

/// A few frames are over it.
const FRAME_RATE: Rate = Rate {
    per_second: 1,
    burst: 2,
};
const BYTE_RATE: Rate = Rate {
    per_second: 20,
    burst: 200,
};

pub(crate) const STANDARD: Timing = ADMISSION.timing;

pub(crate) const NOTICE: Notice<'static> = Notice {
    code: 85,
    advice: 2,
    deadline_ms: 30_000,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};

pub(crate) const GOODBYE: Goodbye<'static> = Goodbye {
    over: true,
    code: 0,
    game_cause: None,
    advice: 0,
    delay_ms: 0,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};
