//! A storm from its first connection to its verdict.

mod preflight;

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use lastword_client::ServerAddr;
use tokio::sync::mpsc::Receiver;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::audit::{self, Audit};
use crate::client_addrs::ClientAddrs;
use crate::clients::Played;
use crate::judge::{Judge, Kind};
use crate::pace::Pace;
use crate::{AdminError, AdminToken, Clients, Report, Scenario, StormError};

/// Clients that play a scenario against a server, and the admin port with its records.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The server that players join. If its name has several addresses, the storm uses the first
    /// that accepts a connection.
    pub server: ServerAddr,
    /// The admin port of the same server.
    pub admin: ServerAddr,
    /// The token for the admin port, if it asks for one.
    pub token: Option<AdminToken>,
    /// The scenario.
    pub scenario: Scenario,
}

/// The progress of a storm.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Connections begun.
    pub begun: u32,
    /// Connections in all.
    pub connections: u32,
    /// Connections whose client has not left yet.
    pub open: usize,
    /// Records read.
    pub records: u64,
    /// Mismatches found so far.
    pub findings: usize,
}

impl Storm {
    /// Plays the scenario to its end, or until `stop`. After `stop` no connection begins, and open ones may finish.
    /// Calls `progress` about ten times a second.
    ///
    /// # Errors
    /// [`StormError`]: the storm could not begin. Later errors are in the report.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run(
        self,
        stop: impl Future<Output = ()>,
        progress: impl FnMut(&Progress),
    ) -> Result<Report, StormError> {
        let start = preflight::check(&self).await?;
        let client_addrs = ClientAddrs::towards(start.server, self.scenario.connections);
        let judge = Judge::new(client_addrs, start.cursor.after, start.base);
        let (server, admin) = (start.server, start.http.addr());
        let run = Run {
            audits: audit::start(start.http, start.cursor),
            clients: Clients::of(server, client_addrs, self.scenario),
            playing: JoinSet::new(),
            admin,
            judge,
            taken: start.taken,
            begun: 0,
            is_stopped: false,
            progress,
        };
        Ok(run.finish(stop).await)
    }
}

/// A running storm.
struct Run<P> {
    clients: Clients,
    playing: JoinSet<Played>,
    admin: SocketAddr,
    audits: Receiver<Result<Audit, AdminError>>,
    judge: Judge,
    /// How many frames the game had been handed before; `None` if it need not obey.
    taken: Option<u64>,
    begun: u32,
    is_stopped: bool,
    progress: P,
}

impl<P: FnMut(&Progress)> Run<P> {
    async fn finish(mut self, stop: impl Future<Output = ()>) -> Report {
        let started = Instant::now();
        let mut stop = pin!(stop);
        let mut pace = Pace::new(self.clients.scenario.rate_per_second);
        let mut has_stopped = false;
        while self.may_begin() || !self.playing.is_empty() {
            tokio::select! {
                biased;
                () = &mut stop, if !has_stopped => (has_stopped, self.is_stopped) = (true, true),
                Some(audit) = self.audits.recv() => self.audited(audit),
                Some(left) = self.playing.join_next(), if !self.playing.is_empty() => self.left(left),
                () = pace.turn(), if self.may_begin() && self.has_room() => self.begin(),
            }
        }
        let played = started.elapsed();
        self.settle().await;
        self.ask_the_game().await;
        self.judge.close();
        let is_stopped = self.clients.scenario.connections > self.begun;
        let place = (self.clients.server, self.admin);
        Report::new(
            place,
            &self.clients.scenario,
            self.judge,
            played,
            is_stopped,
        )
    }

    /// Waits for the missing records, until none has arrived for a while.
    async fn settle(&mut self) {
        let mut settled = 0;
        let mut deadline = Instant::now() + SETTLE_TIMEOUT;
        while settled < SETTLED_AUDITS {
            let waiting = self.judge.waiting();
            tokio::select! {
                biased;
                audit = self.audits.recv() => match audit {
                    Some(audit) => self.audited(audit),
                    None => return,
                },
                () = sleep_until(deadline) => return,
            }
            settled = if self.judge.is_settled() {
                settled + 1
            } else {
                0
            };
            if self.judge.waiting() < waiting {
                deadline = Instant::now() + SETTLE_TIMEOUT;
            }
        }
    }

    /// Asks the game how many frames it was handed. The records only count the frames that the
    /// server received.
    async fn ask_the_game(&mut self) {
        let Some(before) = self.taken else {
            return;
        };
        match preflight::taken(self.clients.server, &self.clients.scenario).await {
            Ok(after) => self.judge.taken(after.saturating_sub(before)),
            Err(fault) => {
                let words = format!("asking the game: {fault}");
                self.judge.findings.add(Kind::ClientFault, words);
            }
        }
    }

    fn may_begin(&self) -> bool {
        !self.is_stopped && self.begun < self.clients.scenario.connections
    }

    /// Whether another client may begin. Clients whose record was not read yet count, too. Otherwise a slow auditor
    /// could let records leave the server's ring unread.
    fn has_room(&self) -> bool {
        let is_below = u32::try_from(self.playing.len())
            .is_ok_and(|open| open < self.clients.scenario.at_once);
        is_below && self.judge.waiting() < UNREAD_MAX
    }

    fn begin(&mut self) {
        let n = self.begun;
        self.begun += 1;
        let Some((way, rng)) = self.clients.scenario.way_of(n) else {
            let words = format!("client {n}: no way of the scenario has a weight");
            return self.judge.findings.add(Kind::ClientFault, words);
        };
        let clients = self.clients.clone();
        self.playing.spawn(async move {
            let name = format!("storm {n}");
            clients.play_as(n, name, way, rng).await
        });
    }

    fn left(&mut self, left: Result<Played, JoinError>) {
        match left {
            Ok(played) => self.judge.played(played),
            Err(error) => self
                .judge
                .findings
                .add(Kind::ClientFault, error.to_string()),
        }
    }

    fn audited(&mut self, audit: Result<Audit, AdminError>) {
        match audit {
            Ok(Audit { page, scrape }) => {
                self.judge.scrape(scrape);
                self.judge.page(page);
            }
            Err(error) => {
                self.judge
                    .findings
                    .add(Kind::AdminFailed, error.to_string());
                self.is_stopped = true;
            }
        }
        let findings = self.judge.findings.iter().map(|(_, finding)| finding.count);
        (self.progress)(&Progress {
            begun: self.begun,
            connections: self.clients.scenario.connections,
            open: self.playing.len(),
            records: self.judge.figures.records,
            findings: usize::try_from(findings.sum::<u64>()).unwrap_or(usize::MAX),
        });
    }
}

/// Half of the 10,000 records that a server keeps of each kind.
const UNREAD_MAX: usize = 5_000;
/// Longer than a server lingers.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// More than one, because a surplus record may arrive after the last expected one.
const SETTLED_AUDITS: u32 = 3;
