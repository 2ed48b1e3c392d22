//! A scene: a lab of its own, a server in one host, a crowd of clients in the other.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lastword_load::{Expected, Record};
use lastword_netlab::{Frozen, Host, Lab};
use serde::Deserialize as _;
use serde_json::Value;

use crate::actor::Role;
use crate::behaviour::Crowd;
use crate::fault::Fault;
use crate::judge::{Judgement, Truth};
use crate::matrix::Row;
use crate::process::Process;
use crate::setting::{RtoMax, Setting};
use crate::words::{Order, Report, ServerFacts, Settings, Stamp, Word};

/// A server and clients that have joined.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The clients, while they are frozen.
    frozen: Option<Frozen>,
    // Stands before the lab, so that processes end before the hosts that they are in.
    pub(crate) crowd: Process,
    pub(crate) server: Process,
    pub(crate) lab: Lab,
    /// The server's first report.
    pub(crate) facts: ServerFacts,
    /// The names of the players.
    pub(crate) names: Vec<String>,
    /// The ends so far.
    pub(crate) ends: Vec<Ended>,
}

/// The end of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) at: Stamp,
    pub(crate) record: Record,
    /// The record as the library wrote it.
    pub(crate) json: Value,
}

impl Scene {
    /// Builds the lab and lets every client join. The clients' sockets get the profile's `TCP_RTO_MAX_MS` too, if the
    /// server's sockets have it.
    pub(crate) fn set(setting: &Setting, row: &Row, players: usize) -> anyhow::Result<Self> {
        Self::set_behind(setting, row, players, |_, _, addr| Ok(addr))
    }

    /// The same, but clients connect to the address that `front` returns. `front` gets the lab, the server and the
    /// server's address. No client has connected to the server before that call.
    pub(crate) fn set_behind(
        setting: &Setting,
        row: &Row,
        players: usize,
        front: impl FnOnce(&Lab, &Process, SocketAddr) -> anyhow::Result<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        let settings = Settings {
            host: lab.addr(Host::Server),
            setting: setting.clone(),
            tuning: row.tuning,
        };
        let mut server = Process::start(&lab, Host::Server, Role::Server, &settings)?;
        let facts = match server.hear(Instant::now() + PATIENCE)? {
            Some(Word::Listening(facts)) => facts,
            other => bail!("the server does not listen: {other:?}"),
        };
        let names: Vec<_> = (0..players).map(|number| row.game.player(number)).collect();
        let is_bounded = setting.rto_max == RtoMax::Auto && lastword_sys::supports_rto_max();
        let crowd = Crowd {
            server: front(&lab, &server, facts.addr)?,
            names: names.clone(),
            manner: row.manner,
            rto_max_ms: facts.profile.rto_max_ms.filter(|_| is_bounded),
        };
        let mut crowd = Process::start(&lab, Host::Client, Role::Crowd, &crowd)?;
        match crowd.hear(Instant::now() + PATIENCE)? {
            Some(Word::Joined) => {}
            other => bail!("the clients did not join: {other:?}"),
        }
        Ok(Self {
            frozen: None,
            crowd,
            server,
            lab,
            facts,
            names,
            ends: Vec::new(),
        })
    }

    /// Applies the fault to the clients, and returns when it took effect.
    pub(crate) fn strike(&mut self, fault: Fault) -> anyhow::Result<Stamp> {
        fault.strike(&self.lab)?;
        if fault == Fault::Frozen {
            self.frozen = Some(self.crowd.freeze()?);
        }
        Ok(Stamp::now())
    }

    /// Sends both ends an order that has no answer.
    pub(crate) fn tell_both(&mut self, order: Order) -> anyhow::Result<()> {
        self.server.tell(order)?;
        self.crowd.tell(order)
    }

    /// Collects ends for this long. With `until_all` it stops as soon as every session has ended.
    pub(crate) fn watch(&mut self, length: Duration, until_all: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + length;
        while !until_all || self.ends.len() < self.names.len() {
            match self.server.hear(deadline)? {
                None => return Ok(()),
                Some(word) => self.take(word)?,
            }
        }
        // A second end of any session would come soon after.
        thread::sleep(AFTERMATH);
        while let Some(word) = self.server.hear(Instant::now())? {
            self.take(word)?;
        }
        Ok(())
    }

    /// Compares the ends so far with what had to come of the fault.
    pub(crate) fn judge(&self, expected: &Expected, struck_at: Stamp) -> Judgement {
        let truth = Truth {
            expected,
            names: &self.names,
            struck_at,
            facts: &self.facts,
        };
        Judgement::of(truth, &self.ends)
    }

    /// The accounts of the server's sessions.
    pub(crate) fn report_of_server(&mut self) -> anyhow::Result<Report> {
        self.server.tell(Order::Report)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let word = self.server.hear(deadline)?;
            let word = word.context("the server does not report")?;
            if let Word::Reported(report) = word {
                return Ok(report);
            }
            self.take(word)?;
        }
    }

    /// The accounts of the clients' sessions.
    pub(crate) fn report_of_crowd(&mut self) -> anyhow::Result<Report> {
        self.crowd.tell(Order::Report)?;
        match self.crowd.hear(Instant::now() + PATIENCE)? {
            Some(Word::Reported(report)) => Ok(report),
            other => bail!("the clients do not report: {other:?}"),
        }
    }

    fn take(&mut self, word: Word) -> anyhow::Result<()> {
        let Word::Ended { at, record } = word else {
            bail!("the server says {word:?} unasked");
        };
        self.ends.push(Ended {
            at,
            record: Record::deserialize(&record).context("a record cannot be read")?,
            json: record,
        });
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(120);
const AFTERMATH: Duration = Duration::from_millis(500);
