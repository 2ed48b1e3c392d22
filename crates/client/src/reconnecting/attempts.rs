//! The attempts of a client that reconnects: waits, fetches the credentials and dials, as the machine of the retries
//! says.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use lastword_session::Time;
use lastword_transport::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::credentials::Fetch;
use crate::retries::{Next, Retries, Step};
use crate::wake::WakeWatch;
use crate::way::Way;
use crate::{Client, Connector, DialError, Ended, ServerAddr};

/// The memory of the attempts, between one connection and the next.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) connector: Connector,
    pub(super) server: ServerAddr,
    pub(super) fetch: Fetch,
    pub(super) pace: Pace,
    /// Sessions may resume, where the server lets them.
    pub(super) resumes: bool,
    /// The session: made anew by each login.
    pub(super) way: Arc<Way>,
    /// Our address on the last connection.
    pub(super) local_ip: Option<IpAddr>,
}

/// The aim of a series of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// A new session.
    LogIn,
    /// The session goes on.
    GoOn,
}

/// The times of the attempts.
#[derive(Debug)]
pub(super) struct Pace {
    retries: Retries,
    pub(super) wakes: Arc<Mutex<WakeWatch>>,
    began: Instant,
}

/// The news of a series of attempts for its client.
#[derive(Debug)]
pub(super) enum Progress {
    Retrying {
        attempt: u32,
        after: Duration,
        why: DialError,
    },
    /// The last word of a series.
    Over(Box<Over>),
}

/// The result of a series, and the memory for the next one.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) attempts: Attempts,
    pub(super) aim: Aim,
    /// How long the session had no connection.
    pub(super) away: Duration,
    pub(super) result: Result<Client, Stopped>,
}

/// Why a series ended without a connection.
#[derive(Debug)]
pub(super) enum Stopped {
    Refused(DialError),
    GaveUp(DialError),
    /// The game wants no attempt for now.
    Paused,
}

impl Attempts {
    /// Makes attempts until one succeeds, no other one follows, or `stop` comes.
    pub(super) async fn run(
        mut self,
        aim: Aim,
        progress: mpsc::Sender<Progress>,
        stop: oneshot::Receiver<()>,
    ) {
        if aim == Aim::LogIn {
            let config = Arc::clone(self.connector.config());
            self.way = Arc::new(Way::new(config, self.resumes));
        }
        let Self {
            connector,
            server,
            fetch,
            pace,
            way,
            local_ip,
            ..
        } = &mut self;
        let attempt = |elsewhere: Option<ServerAddr>| {
            let (connector, server, fetch, way) = (&*connector, &*server, &*fetch, &*way);
            let local_ip = *local_ip;
            async move {
                let server = elsewhere.as_ref().unwrap_or(server);
                match aim {
                    Aim::LogIn => {
                        let credentials = fetch.fetch().await?;
                        connector.log_in(server, &credentials, Some(way)).await
                    }
                    Aim::GoOn => {
                        // The attempt before may still hold the session for a moment.
                        way.away().await;
                        connector.go_on(server, way, local_ip).await
                    }
                }
            }
        };
        let tell = |retrying| {
            // One place is kept for the last word.
            if progress.capacity() > 1 {
                progress.try_send(retrying).ok();
            }
        };
        // The server decides whether the window is over. From then on no attempt can succeed.
        let (window, since) = way.window().unzip();
        let series = pace.series(aim, window, attempt, tell);
        let result = unless(stop, series).await.unwrap_or(Err(Stopped::Paused));
        if let Err(Stopped::Paused) = &result {
            pace.stopped();
            way.away().await;
        }
        if let Ok(client) = &result {
            *local_ip = Some(client.local_addr().ip());
        }
        let away = since.map(|since| Clock::default().now().since(since));
        let over = Over {
            attempts: self,
            aim,
            away: away.unwrap_or_default(),
            result,
        };
        // Fails only if the client was dropped. A connection that has just been made then says goodbye.
        progress.try_send(Progress::Over(Box::new(over))).ok();
    }
}

impl Pace {
    pub(super) fn new(retries: Retries, wakes: WakeWatch) -> Self {
        Self {
            retries,
            wakes: Arc::new(Mutex::new(wakes)),
            began: Instant::now(),
        }
    }

    /// Notes the end of a connection, for the waits of the next series.
    pub(super) fn lost(&mut self, ended: &Ended) {
        let told = ended.peer_goodbye.as_ref();
        let (now, random) = (self.now(), random());
        self.retries.lost(now, confirmed(ended), told, random);
    }

    /// The game wants no attempt for now.
    fn stopped(&mut self) {
        self.retries.stopped();
    }

    /// The game wants an attempt at once.
    pub(super) fn hurry(&mut self) {
        self.retries.woke(Duration::ZERO);
    }

    /// Makes attempts until one succeeds or no other one follows. `tell` hears of each that failed before another one.
    async fn series<T, F>(
        &mut self,
        aim: Aim,
        give_up_after: Option<Duration>,
        attempt: impl Fn(Option<ServerAddr>) -> F,
        tell: impl Fn(Progress),
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, DialError>>,
    {
        self.retries.begin(self.now(), give_up_after);
        loop {
            let elsewhere = self.wait().await;
            let why = match attempt(elsewhere).await {
                Ok(made) => {
                    self.retries.welcomed();
                    return Ok(made);
                }
                Err(why) => why,
            };
            tracing::debug!(%why, "an attempt to connect failed");
            self.look_for_a_wake();
            let is_over = aim == Aim::GoOn && why.ends_session();
            let (is_final, told) = (is_over || !why.may_try_again(), why.told());
            let next = self.retries.failed(self.now(), is_final, told, random());
            match next {
                Next::Retry { attempt, after } => tell(Progress::Retrying {
                    attempt,
                    after,
                    why,
                }),
                Next::GiveUp => return Err(Stopped::GaveUp(why)),
                Next::Refused => return Err(Stopped::Refused(why)),
            }
        }
    }

    /// Waits until the next attempt begins. Returns the server of the attempt, if it is not the game's own.
    async fn wait(&mut self) -> Option<ServerAddr> {
        loop {
            self.look_for_a_wake();
            let now = self.now();
            match self.retries.poll(now) {
                Step::Dial(elsewhere) => return elsewhere,
                Step::Wait(until) => sleep(until.since(now).min(LOOK)).await,
                // A series has begun, so an attempt or a wait follows.
                Step::Rest => sleep(LOOK).await,
            }
        }
    }

    fn look_for_a_wake(&mut self) {
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slept) = wakes.slept() {
            tracing::debug!(?slept, "this machine was asleep");
            self.retries.woke(slept);
        }
    }

    fn now(&self) -> Time {
        Time::ORIGIN + self.began.elapsed()
    }
}

/// Returns the result of the work, or `None` once `stop` is ready.
async fn unless<T>(stop: oneshot::Receiver<()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut work) = (pin!(stop), pin!(work));
    poll_fn(|cx| match stop.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(cx).map(Some),
    })
    .await
}

/// From the welcome to the last byte that came from the server.
fn confirmed(ended: &Ended) -> Duration {
    let evidence = &ended.evidence;
    let unheard = evidence.last_byte_in.unwrap_or(evidence.live_for);
    evidence.live_for.saturating_sub(unheard)
}

/// A random number, as good as the keys of the standard library's hash maps.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// How often a client that waits looks for a wake. The timer itself stands still in a sleep.
pub(super) const LOOK: Duration = Duration::from_secs(1);
