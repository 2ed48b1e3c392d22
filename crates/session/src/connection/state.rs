//! Where a connection stands, and every move from one state to the next. No other module can move it.

use lastword_keepalive::Timing;
use std::ops::Deref;
use std::time::Duration;

use super::{Config, Connection, Readings, Role};
use crate::bucket::{Bucket, Rate};
use crate::ending::{Layer, Verdict};
use crate::{Cause, Phase, Time};

/// See the diagram of [`super`]. `for_ms` is counted from the verdict: with another [`Time`], each connection would take 8
/// bytes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The PROXY header is awaited.
    Proxy { until: Time },
    /// The TLS handshake is under way.
    Tls { until: Time },
    /// The first frame is awaited.
    Hello { until: Time },
    /// The authenticator has the credentials. `resumes`: the client does not decline to resume.
    Auth { until: Time, resumes: bool },
    /// Frames come and go.
    Live,
    /// The peer said goodbye on a wire without acks: the game may still answer what came before it.
    Answering { verdict: Verdict, for_ms: u32 },
    /// Our last words are being written.
    Closing { verdict: Verdict, for_ms: u32 },
    /// Our write side is shut; what comes is read and discarded.
    Lingering { verdict: Verdict, for_ms: u32 },
    /// The path is dead, and the game has not taken everything that came before: it is read and handed over.
    Delivering { verdict: Verdict },
    /// The peer's FIN was read; what we owe is being written.
    Flushing { until: Time },
    /// Everything is written; the peer's kernel has the word. No readiness tells it: it is asked at growing distances.
    Settling {
        until: Time,
        next: Time,
        step_ms: u8,
    },
    /// The verdict stands, and nothing more is read or written.
    Closed,
}

/// The state, which only this module changes.
#[derive(Debug)]
pub(super) struct CurrentState(State);

impl CurrentState {
    /// The state in which a connection with this configuration begins, and its phase.
    pub(super) fn first(now: Time, config: &Config, role: Role) -> (Phase, Self) {
        if config.proxy_header && role == Role::Server {
            let until = now + config.limits.proxy_timeout;
            return (Phase::Proxy, Self(State::Proxy { until }));
        }
        Self::behind_proxy(now, config, role)
    }

    /// The same without a PROXY header, or behind it.
    fn behind_proxy(now: Time, config: &Config, role: Role) -> (Phase, Self) {
        if config.tls {
            let until = now + config.limits.tls_timeout;
            return (Phase::Tls, Self(State::Tls { until }));
        }
        Self::framed(now, config, role)
    }

    /// The same without layers, or above them.
    fn framed(now: Time, config: &Config, role: Role) -> (Phase, Self) {
        let phase = match role {
            Role::Server => Phase::Hello,
            // The answer to our credentials is awaited: a server that says nothing is no probe.
            Role::Client => Phase::Auth,
        };
        let until = now + config.limits.hello_timeout;
        (phase, Self(State::Hello { until }))
    }
}

impl Deref for CurrentState {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Connection {
    /// The PROXY header is read.
    pub(super) fn pass_proxy_header(&mut self, now: Time) {
        let (phase, state) = CurrentState::behind_proxy(now, &self.config, self.role);
        self.enter(now, phase, *state);
    }

    /// The TLS handshake is complete: the first frame is next.
    pub(super) fn pass_tls(&mut self, now: Time) {
        let (phase, state) = CurrentState::framed(now, &self.config, self.role);
        self.enter(now, phase, *state);
        self.hurries(now);
    }

    /// The first frame must be complete by then, or earlier.
    pub(super) fn hello_by(&mut self, by: Time) {
        if let State::Hello { until } = *self.state {
            let until = until.min(by);
            self.state = CurrentState(State::Hello { until });
        }
    }

    /// A peer asked to be let in.
    pub(super) fn await_admission(&mut self, now: Time, resumes: bool) {
        let until = now + self.config.limits.auth_timeout;
        self.enter(now, Phase::Auth, State::Auth { until, resumes });
    }

    /// The session begins.
    pub(super) fn go_live(&mut self, now: Time, timing: Timing) {
        let write_progress = self.config.limits.write_progress_timeout;
        self.liveness
            .go_live(now, self.timing_for(timing), write_progress);
        self.pings = Bucket::full(now, Rate::of_pings(self.liveness.timing()));
        self.start_rates(now);
        self.last_data = now;
        self.enter(now, Phase::Live, State::Live);
    }

    /// The cause stands; the game may still answer what came before it.
    pub(super) fn await_answers(&mut self, now: Time, cause: Cause) {
        let verdict = self.verdict(now, cause);
        self.fix(now, verdict, &Readings::default());
        let until = now + self.config.limits.linger_timeout;
        let for_ms = ms_until(verdict, until);
        self.state = CurrentState(State::Answering { verdict, for_ms });
    }

    /// Writes what is queued until then, with this verdict.
    pub(super) fn close_by(&mut self, now: Time, verdict: Verdict, until: Time) {
        self.fix(now, verdict, &Readings::default());
        let for_ms = ms_until(verdict, until);
        self.state = CurrentState(State::Closing { verdict, for_ms });
        self.may_depart(now, verdict);
        if !self.can_write() {
            self.linger(now, verdict);
        }
    }

    /// Nothing more is written: the peer's end is awaited, where it has not come already.
    pub(super) fn linger(&mut self, now: Time, verdict: Verdict) {
        let mut for_ms = ms_until(verdict, now + self.linger_timeout());
        if let State::Closing { for_ms: by, .. } = *self.state {
            if keeps_deadline(verdict.cause) {
                for_ms = by;
            }
        }
        self.state = CurrentState(State::Lingering { verdict, for_ms });
        self.keep_for_the_next();
        if self.fin_seen {
            self.close(now, verdict, Readings::default(), false);
        }
    }

    /// The path is dead, but the game has not taken everything that came before: it gets it first.
    pub(super) fn deliver_the_rest(&mut self, now: Time, cause: Cause, readings: &Readings) {
        let verdict = self.verdict(now, cause);
        self.fix(now, verdict, readings);
        self.note(now, Layer::Session, cause.label());
        self.note_silence(now, cause);
        self.end_noticed = true;
        self.write_failed = true;
        self.begins_delivery(now);
        self.state = CurrentState(State::Delivering { verdict });
    }

    /// The peer's FIN was read: what we owe is written.
    pub(super) fn flush(&mut self, now: Time) {
        let until = now + self.config.limits.linger_timeout;
        self.state = CurrentState(State::Flushing { until });
    }

    /// If we were flushing, what we owed is written now. Whether the peer's kernel has it is asked at once, and then at
    /// growing distances.
    pub(super) fn settle(&mut self) {
        if let State::Flushing { until } = *self.state {
            self.state = CurrentState(State::Settling {
                until,
                next: Time::ORIGIN,
                step_ms: 0,
            });
        }
    }

    /// The peer's kernel has not acknowledged everything: it is asked again.
    pub(super) fn settle_on(&mut self, now: Time) {
        if let State::Settling { until, step_ms, .. } = *self.state {
            let step_ms = step_ms.saturating_mul(2).clamp(1, SETTLE_STEP_MS_MAX);
            self.state = CurrentState(State::Settling {
                until,
                next: now + Duration::from_millis(step_ms.into()),
                step_ms,
            });
        }
    }

    /// Leaves what is owed to the peer no longer than until then.
    pub(super) fn settle_by(&mut self, by: Time) {
        if let State::Flushing { until } | State::Settling { until, .. } = &mut self.state.0 {
            *until = by.min(*until);
        }
    }

    /// The end: nothing more is read or written. The verdict is told once the game has taken what came before it.
    pub(super) fn close(&mut self, now: Time, verdict: Verdict, readings: Readings, abort: bool) {
        if self.is_closed() {
            return;
        }
        self.fix(now, verdict, &readings);
        self.complete_fixed(now, &readings);
        let mut ending = self.ending(now, verdict, &readings);
        ending.abort = abort;
        self.keep_for_the_next();
        self.state = CurrentState(State::Closed);
        self.may_depart(now, verdict);
        let rare = self.rare_mut();
        rare.wants_readings = readings.kernel.is_none();
        rare.ending = Some(Box::new(ending));
    }

    /// How long our last words may take, and again the peer's FIN.
    pub(super) fn linger_timeout(&self) -> Duration {
        let linger = self.config.limits.linger_timeout;
        match self.is_refused() {
            true => linger.min(REFUSED_TIMEOUT),
            false => linger,
        }
    }

    fn enter(&mut self, now: Time, phase: Phase, state: State) {
        self.phase = phase;
        self.phase_since = self.liveness.real(now);
        self.state = CurrentState(state);
    }
}

/// The time from a verdict to a deadline, in whole milliseconds.
fn ms_until(verdict: Verdict, until: Time) -> u32 {
    let time = until.since(verdict.at).as_micros().div_ceil(1_000);
    u32::try_from(time).unwrap_or(u32::MAX)
}

/// A drain's deadline is one for the whole farewell.
fn keeps_deadline(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Drained | Cause::DrainExpired | Cause::RefusedDraining
    )
}

/// How long a refused client may take to say hello, and to leave.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(2);
const SETTLE_STEP_MS_MAX: u8 = 50;
