//! The game of a connection: what it hears, and what it does then.

use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::Previous;
use lastword_session::{
    Admission, Close, Config, Connection, Event, Link, Outbound, Phase, SendError, SessionId,
    Timing,
};

/// The reports of a connection to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Data(Vec<u8>),
    Credentials(Vec<u8>),
    Secured,
    Welcome(Admission),
    Notice {
        code: u16,
        deadline_ms: u32,
        reason: String,
    },
    Link(Link),
    RoundTrip(Duration),
    Claim {
        session: SessionId,
        token: Vec<u8>,
        previous: Option<Previous>,
        received: u64,
        frame_limit: u32,
    },
    Back,
}

/// The answer of a server's authenticator.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Admit(Admission),
    Refuse(Close),
    Wait,
}

/// A frame of the game that was taken.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) how: Outbound,
    pub(crate) payload: Vec<u8>,
}

/// Where the game leaves its answer to a frame, which has the same length.
#[derive(Debug, Default)]
pub(crate) enum Echo {
    /// It does not answer.
    #[default]
    No,
    /// With the connection, as a handler does.
    InPlace,
    /// In the mailbox, as a task of its own does.
    ByMail(Arc<Config>),
}

/// What the game does with an event.
#[derive(Debug, Default)]
pub(crate) struct Game {
    pub(crate) echo: Echo,
    /// What it has taken counts by itself, where it takes frames at all.
    pub(crate) counts_taken: bool,
    /// Whether it has no room behind its next events, over and over: it has room again at the next wake-up.
    pub(crate) stops: Vec<bool>,
    /// It panics at its next event.
    pub(crate) panics: bool,
    /// It ends the connection at its next event.
    pub(crate) closes: Option<Close>,
    /// The frames that it sent.
    pub(crate) sent: Vec<Sent>,
    /// A peer asked to be let in.
    pub(crate) was_asked: bool,
    /// The session was live once, with this timing where it was told.
    pub(crate) was_live: bool,
    pub(crate) timing: Option<Timing>,
    /// A frame came when the session was no longer live.
    pub(crate) heard_late: bool,
}

/// The acts of the game while it has an event.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    pub(crate) answer: Option<Sent>,
    pub(crate) mail: Option<(Arc<Config>, Sent)>,
    pub(crate) close: Option<Close>,
    pub(crate) panics: bool,
}

impl Game {
    /// Takes an event.
    pub(crate) fn hears(&mut self, connection: &Connection, event: &Event<'_>) -> Acts {
        let mut acts = Acts::default();
        match event {
            Event::Data(payload) => {
                assert!(self.was_live, "a frame before the session is live");
                self.heard_late |= !connection.is_live();
                let answer = || self.next(Outbound::Kept, payload.len());
                match &self.echo {
                    Echo::No => {}
                    Echo::InPlace => acts.answer = Some(answer()),
                    Echo::ByMail(config) => acts.mail = Some((Arc::clone(config), answer())),
                }
            }
            Event::Joined(admission) => self.joins(Some(admission.timing)),
            Event::Secured => self.joins(None),
            Event::Link(_) => assert!(connection.is_live(), "its link does not change"),
            Event::Credentials(_) | Event::Claim(_) => {
                assert!(!self.was_asked && !self.was_live, "a peer asks once");
                self.was_asked = true;
            }
            Event::Back => {
                assert!(connection.is_live());
                self.was_live = true;
            }
            Event::Notice(_) | Event::RoundTrip(_) => assert!(connection.is_live()),
        }
        acts.close = self.closes.take();
        acts.panics = std::mem::take(&mut self.panics);
        acts
    }

    fn joins(&mut self, timing: Option<Timing>) {
        assert!(!self.was_live, "a session begins once");
        self.was_live = true;
        self.timing = timing;
    }

    /// How far the connection has come, as far as the game knows.
    pub(crate) fn phase(&self) -> Phase {
        match (self.was_live, self.was_asked) {
            (true, _) => Phase::Live,
            (false, true) => Phase::Auth,
            (false, false) => Phase::Hello,
        }
    }

    /// The next frame of this kind and about this length. It shows which one it is, except where it is empty: that one is
    /// kept.
    pub(crate) fn next(&self, how: Outbound, len: usize) -> Sent {
        let len = match how {
            Outbound::Kept => len,
            Outbound::Droppable | Outbound::Latest(_) => len.max(1),
        };
        let n = u8::try_from(self.sent.len() % 100).expect("it fits");
        Sent {
            how,
            payload: vec![n; len],
        }
    }

    /// Notes whether a frame was taken.
    pub(crate) fn sent(
        &mut self,
        connection: &Connection,
        frame: Sent,
        taken: Result<(), SendError>,
    ) {
        let has_ended = connection.is_closed() && !connection.lives_on();
        let lives = self.was_live && !has_ended;
        assert_eq!(taken == Err(SendError::Closed), !lives);
        if frame.how == Outbound::Droppable {
            assert_ne!(taken, Err(SendError::QueueFull), "it is dropped instead");
        }
        if taken.is_ok() {
            self.sent.push(frame);
        }
    }
}

impl Seen {
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Data(payload) => Some(payload),
            Self::Credentials(_)
            | Self::Secured
            | Self::Welcome(_)
            | Self::Notice { .. }
            | Self::Link(_)
            | Self::RoundTrip(_)
            | Self::Claim { .. }
            | Self::Back => None,
        }
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(payload) => Self::Data(payload.to_vec()),
            Event::Credentials(credentials) => Self::Credentials(credentials.to_vec()),
            Event::Joined(admission) => Self::Welcome(admission),
            Event::Secured => Self::Secured,
            Event::Link(link) => Self::Link(link),
            Event::Claim(claim) => Self::Claim {
                session: claim.session,
                token: claim.token.to_vec(),
                previous: claim.previous,
                received: claim.received,
                frame_limit: claim.frame_limit,
            },
            Event::Back => Self::Back,
            Event::RoundTrip(rtt) => Self::RoundTrip(rtt),
            Event::Notice(notice) => Self::Notice {
                code: notice.code,
                deadline_ms: notice.deadline_ms,
                reason: notice.reason.into_owned(),
            },
        }
    }
}

/// The payloads among the reports.
pub(crate) fn payloads(seen: &[Seen]) -> Vec<&[u8]> {
    seen.iter().filter_map(Seen::payload).collect()
}
