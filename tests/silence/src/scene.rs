//! A scene: a lab of its own, a server in one host, all clients in the other.

use std::env;
use std::fs;
use std::io;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use lastword_load::process::Process;
use lastword_load::{Expected, Record};
use lastword_netlab::{Frozen, Host, Lab, Proxy, Route, freeze};
use serde::{Deserialize as _, Serialize};

use crate::behaviour::Clients;
use crate::fault::{Fault, Stalls};
use crate::judge::{End, Flow, Judgement, SceneFacts};
use crate::messages::{Message, Order, Report, ServerInfo, Settings, Stamp};
use crate::row::Row;
use crate::setting::{RtoMax, Setting};

/// A server and clients that have joined.
#[derive(Debug)]
pub(crate) struct Scene {
    /// The clients, while they are frozen.
    frozen: Option<Frozen>,
    // Stands before the lab, so that processes end before the hosts that they are in.
    pub(crate) clients: Process,
    pub(crate) server: Process,
    proxy: Option<Proxy>,
    lab: Lab,
    /// The server's first message.
    pub(crate) info: ServerInfo,
    /// The names of the players.
    names: Vec<String>,
    /// The ends so far.
    ends: Vec<End>,
}

/// Plays a row with this many sessions in a lab of its own, and judges the result.
pub(crate) fn play(row: &Row, setting: &Setting, players: usize) -> anyhow::Result<Judgement> {
    Scene::start(setting, row, players)?.play(row, setting)
}

impl Scene {
    /// Builds the lab and lets every client join, through the path's proxy if it has one. The clients' sockets get the
    /// profile's `TCP_RTO_MAX_MS` too, if the server's sockets have it and the row does not leave them to their kernel.
    pub(crate) fn start(setting: &Setting, row: &Row, players: usize) -> anyhow::Result<Self> {
        Self::start_with(setting, row, players, |_| Ok(()))
    }

    /// The same; `look` gets the server before any client has connected to it.
    pub(crate) fn start_with(
        setting: &Setting,
        row: &Row,
        players: usize,
        look: impl FnOnce(&Process) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        if let Some(retries) = row.tcp_retries2 {
            lab.on(Host::Server, || {
                fs::write(TCP_RETRIES2, retries.to_string())
            })?;
        }
        let settings = Settings {
            host: row.path.addr(&lab, Host::Server)?,
            setting: setting.clone(),
            tuning: row.tuning,
        };
        let mut server = start(&lab, Host::Server, "server", &settings)?;
        let info = match server.hear(PATIENCE).context(SERVER)? {
            Some(Message::Listening(info)) => info,
            other => bail!("the server does not listen: {other:?}"),
        };
        look(&server)?;
        let proxy = match row.path.proxy {
            Some(proxying) => Some(proxying.start(&lab, info.addr)?),
            None => None,
        };
        let names: Vec<_> = (0..players).map(|number| row.game.player(number)).collect();
        let is_bounded = setting.rto_max == RtoMax::Auto
            && !row.has_default_clients
            && lastword_sys::supports_rto_max();
        let clients = Clients {
            server: proxy.as_ref().map_or(info.addr, Proxy::addr),
            names: names.clone(),
            behaviour: row.behaviour,
            rto_max_ms: info.profile.rto_max_ms.filter(|_| is_bounded),
        };
        let mut clients = start(&lab, Host::Client, "clients", &clients)?;
        match clients.hear(PATIENCE).context(CLIENTS)? {
            Some(Message::Joined) => {}
            other => bail!("the clients did not join: {other:?}"),
        }
        Ok(Self {
            frozen: None,
            clients,
            server,
            proxy,
            lab,
            info,
            names,
            ends: Vec::new(),
        })
    }

    /// Plays a row with the clients of this scene, and judges the result.
    fn play(&mut self, row: &Row, setting: &Setting) -> anyhow::Result<Judgement> {
        let profile = self.info.profile;
        row.path.lay(&self.lab)?;
        thread::sleep(row.plays(profile));
        let fault_at = self.apply(row.fault)?;
        let expected = row.expected(setting, profile);
        match &expected {
            Expected::Ends(right) => self.watch(row.patience(right, &self.info), true)?,
            Expected::Lives => self.watch(row.watched(profile), false)?,
            Expected::MayEnd(right) => {
                let length = row.watched(profile).max(row.patience(right, &self.info));
                self.watch_fault(row.fault, length)?;
            }
        }
        let mut judgement = self.judge(row, &expected, fault_at);
        if !matches!(expected, Expected::Ends(_)) {
            self.check_flow(&mut judgement)?;
        }
        Ok(judgement)
    }

    /// Applies the fault, and returns when it took effect; for an outage, when it began.
    pub(crate) fn apply(&mut self, fault: Fault) -> anyhow::Result<Stamp> {
        let lab = &self.lab;
        match fault {
            // Each outage of a flapping cable comes while it is watched.
            Fault::Nothing | Fault::Flapping { .. } => {}
            Fault::Cut => lab.cut(Host::Client)?,
            Fault::Outage(length) => return self.outage(length, Lab::cut),
            Fault::TheirsOutage(length) => return self.outage(length, Lab::drop_from),
            Fault::Stalls(stalls) => return self.stalls(stalls),
            Fault::StallsThenCut(stalls) => {
                self.stalls(stalls)?;
                self.lab.cut(Host::Client)?;
            }
            Fault::OursLost => lab.drop_from(Host::Server)?,
            Fault::TheirsLost => lab.drop_from(Host::Client)?,
            Fault::TheirLargeLost(bytes) => lab.drop_large_from(Host::Client, bytes)?,
            Fault::Refused(refusal) => lab.refuse(Host::Client, refusal)?,
            Fault::ProxyReloaded => {
                let proxy = self.proxy.as_mut().context("the path has no proxy")?;
                proxy.reload(lab)?;
            }
            Fault::FarLinkDown => lab.link_down(Host::Client)?,
            Fault::OwnLinkDown => lab.own_link_down(Host::Server)?,
            Fault::OwnCarrierLost => lab.link_down(Host::Server)?,
            Fault::OwnAddressesGone => lab.remove_addresses(Host::Server)?,
            Fault::OwnBlackhole => lab.set_route(Host::Server, Route::Blackhole)?,
            Fault::OwnFilter => lab.block_output(Host::Server)?,
            Fault::OwnQueueChoked => lab.choke_output(Host::Server)?,
            Fault::Frozen => self.frozen = Some(freeze(self.clients.id())?),
            Fault::StoppedAndKilled(length) => {
                let stopped = freeze(self.clients.id())?;
                thread::sleep(length);
                let killed_at = Stamp::now();
                self.clients.kill()?;
                drop(stopped);
                return Ok(killed_at);
            }
            Fault::ServerStopped(length) => {
                let stopped = freeze(self.server.id())?;
                thread::sleep(length);
                stopped.thaw()?;
            }
        }
        Ok(Stamp::now())
    }

    fn outage(
        &mut self,
        length: Duration,
        begin: fn(&Lab, Host) -> io::Result<()>,
    ) -> anyhow::Result<Stamp> {
        let cut_at = Stamp::now();
        begin(&self.lab, Host::Client)?;
        thread::sleep(length / 2);
        // No data arrives now, so the next frame is the first one after the outage.
        self.tell_both(Order::Mark)?;
        thread::sleep(length - length / 2);
        self.lab.mend(Host::Client)?;
        Ok(cut_at)
    }

    /// Plays all stalls, and returns when the last one began.
    fn stalls(&self, stalls: Stalls) -> anyhow::Result<Stamp> {
        let mut began = Stamp::now();
        for _ in 0..stalls.count {
            began = Stamp::now();
            self.lab.pause_packets()?;
            thread::sleep(stalls.length);
            self.lab.resume_packets()?;
            thread::sleep(stalls.apart);
        }
        Ok(began)
    }

    /// Sends both ends an order that has no answer.
    pub(crate) fn tell_both(&mut self, order: Order) -> anyhow::Result<()> {
        self.server.tell(&order).context(SERVER)?;
        self.clients.tell(&order).context(CLIENTS)
    }

    /// Collects ends for this long, while the fault goes on.
    fn watch_fault(&mut self, fault: Fault, length: Duration) -> anyhow::Result<()> {
        let Fault::Flapping { down, up } = fault else {
            return self.watch(length, false);
        };
        let deadline = Instant::now() + length;
        while Instant::now() < deadline {
            self.lab.cut(Host::Client)?;
            self.watch(down, false)?;
            self.lab.mend(Host::Client)?;
            self.watch(up, false)?;
        }
        Ok(())
    }

    /// Collects ends for this long. With `until_all` it stops as soon as every session has ended.
    pub(crate) fn watch(&mut self, length: Duration, until_all: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + length;
        while !until_all || self.ends.len() < self.names.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.server.hear(left).context(SERVER)? {
                None => return Ok(()),
                Some(message) => self.take(message)?,
            }
        }
        // A second end of any session would come soon after.
        thread::sleep(AFTERMATH);
        while let Some(message) = self.server.hear(Duration::ZERO).context(SERVER)? {
            self.take(message)?;
        }
        Ok(())
    }

    /// Compares the ends so far with what had to come of the row's fault, and what may never be said of it.
    pub(crate) fn judge(&self, row: &Row, expected: &Expected, fault_at: Stamp) -> Judgement {
        let facts = SceneFacts {
            expected,
            never: &row.never(),
            names: &self.names,
            fault_at,
            round_trip: row.path.round_trip_max(),
            is_ours_to_find: row.fault.is_ours_to_find(),
            server: &self.info,
        };
        Judgement::of(facts, &self.ends)
    }

    /// Checks that frames still flow between the living sessions, in a scene without a frozen process. Returns the
    /// accounts of each session.
    pub(crate) fn check_flow(&mut self, judgement: &mut Judgement) -> anyhow::Result<Vec<Flow>> {
        let (mut server, mut clients) = (self.report_of_server()?, self.report_of_clients()?);
        let ends = &self.ends;
        let lives = |player: &&String| {
            ends.iter()
                .all(|end| end.record.player.as_ref() != Some(*player))
        };
        let flows = self.names.iter().filter(lives).map(|player| Flow {
            player: player.clone(),
            // A player without an account sent and took nothing.
            game: server.accounts.remove(player).unwrap_or_default(),
            client: clients.accounts.remove(player).unwrap_or_default(),
        });
        let flows: Vec<_> = flows.collect();
        judgement.suspects = server.suspects;
        judgement.compare_flow(&flows);
        Ok(flows)
    }

    fn report_of_server(&mut self) -> anyhow::Result<Report> {
        self.server.tell(&Order::Report).context(SERVER)?;
        loop {
            match self.server.hear(PATIENCE).context(SERVER)? {
                Some(Message::Reported(report)) => return Ok(report),
                message => self.take(message.context("the server does not report")?)?,
            }
        }
    }

    fn report_of_clients(&mut self) -> anyhow::Result<Report> {
        self.clients.tell(&Order::Report).context(CLIENTS)?;
        match self.clients.hear(PATIENCE).context(CLIENTS)? {
            Some(Message::Reported(report)) => Ok(report),
            other => bail!("the clients do not report: {other:?}"),
        }
    }

    fn take(&mut self, message: Message) -> anyhow::Result<()> {
        let Message::Ended { at, record } = message else {
            bail!("the server says {message:?} unasked");
        };
        self.ends.push(End {
            at,
            record: Record::deserialize(&record).context("a record cannot be read")?,
            json: record,
        });
        Ok(())
    }
}

/// Starts a helper process in a host, with its first line.
fn start(lab: &Lab, host: Host, task: &str, first: &impl Serialize) -> anyhow::Result<Process> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(task);
    let mut process = Process::start(command, |command| lab.spawn(host, command))?;
    process.tell(first)?;
    Ok(process)
}

/// The processes, as errors name them.
const SERVER: &str = "the server";
const CLIENTS: &str = "the clients";
/// Of the namespace of the thread that opens it.
const TCP_RETRIES2: &str = "/proc/sys/net/ipv4/tcp_retries2";
const PATIENCE: Duration = Duration::from_secs(120);
const AFTERMATH: Duration = Duration::from_millis(500);
