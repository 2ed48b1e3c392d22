//! The attempts of a client that reconnects: waits, fetches the credentials and dials, as the machine of the retries
//! says.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use lastword_session::Time;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::credentials::Fetch;
use crate::retries::{Next, Retries, Step};
use crate::wake::WakeWatch;
use crate::{Client, Connector, DialError, Ended, ServerAddr};

/// The memory of the attempts, between one connection and the next.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) connector: Connector,
    pub(super) server: ServerAddr,
    pub(super) fetch: Fetch,
    pub(super) pace: Pace,
}

/// The times of the attempts.
#[derive(Debug)]
pub(super) struct Pace {
    retries: Retries,
    wakes: WakeWatch,
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
    pub(super) result: Result<Client, Stopped>,
}

/// Why a series ended without a connection.
#[derive(Debug)]
pub(super) enum Stopped {
    Refused(DialError),
    GaveUp(DialError),
}

impl Attempts {
    /// Makes attempts until one succeeds or no other one follows.
    pub(super) async fn run(mut self, progress: mpsc::Sender<Progress>) {
        let Self {
            connector,
            server,
            fetch,
            pace,
        } = &mut self;
        let attempt = |elsewhere: Option<ServerAddr>| {
            let (connector, server, fetch) = (&*connector, &*server, &*fetch);
            async move {
                let credentials = fetch.fetch().await?;
                let server = elsewhere.as_ref().unwrap_or(server);
                connector.attempt(server, &credentials).await
            }
        };
        let tell = |retrying| {
            // One place is kept for the last word.
            if progress.capacity() > 1 {
                progress.try_send(retrying).ok();
            }
        };
        let result = pace.series(attempt, tell).await;
        let over = Over {
            attempts: self,
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
            wakes,
            began: Instant::now(),
        }
    }

    /// Notes the end of a connection, for the waits of the next series.
    pub(super) fn lost(&mut self, ended: &Ended) {
        let told = ended.peer_goodbye.as_ref();
        let (now, random) = (self.now(), random());
        self.retries.lost(now, confirmed(ended), told, random);
    }

    /// Makes attempts until one succeeds or no other one follows. `tell` hears of each that failed before another one.
    async fn series<T, F>(
        &mut self,
        attempt: impl Fn(Option<ServerAddr>) -> F,
        tell: impl Fn(Progress),
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, DialError>>,
    {
        self.retries.begin(self.now());
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
            let (is_final, told) = (!why.may_try_again(), why.told());
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
        if let Some(slept) = self.wakes.slept() {
            tracing::debug!(?slept, "this machine was asleep");
            self.retries.woke(slept);
        }
    }

    fn now(&self) -> Time {
        Time::ORIGIN + self.began.elapsed()
    }
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
const LOOK: Duration = Duration::from_secs(1);
