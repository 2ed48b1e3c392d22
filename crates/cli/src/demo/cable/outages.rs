//! Inside the lab: a server that gives up after 2.8 s of silence, and one client after the other that falls silent.

use std::io::{self, Write as _};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use lastword::client::Client;
use lastword::{
    Cause, Context, Diagnosis, Disconnect, Handler, Link, Observer, Player, Record, Server,
    ServerHandle,
};
use lastword_netlab::{Host, Lab};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::game::Echo;
use crate::quick::quick;

/// What is executed in the sandbox, until its standard input ends.
pub(crate) fn play() -> anyhow::Result<()> {
    thread::spawn(|| {
        // Nothing is ever said there.
        io::copy(&mut io::stdin().lock(), &mut io::sink()).ok();
        process::exit(0);
    });
    let scene = Scene::set()?;
    loop {
        scene.round()?;
    }
}

/// What befalls a client.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Its cable is pulled.
    Pulled,
    /// The same, and its process is gone when the cable is whole again.
    Gone,
    /// Its process stands still, and its kernel goes on.
    Frozen,
    /// The server's own cable is pulled.
    OwnNetwork,
}

/// A server on one side of the router, its clients on the other.
struct Scene {
    lab: Lab,
    server: ServerHandle,
    ends: Receiver<Arc<Disconnect>>,
    /// Its threads are the server's host's.
    _here: Runtime,
    /// Its threads are the clients' host's.
    there: Runtime,
}

/// Echoes, and tells what becomes of its player's link.
struct Watched(String);

/// Passes each end on.
struct Ends(Sender<Arc<Disconnect>>);

/// What became of a link, as JSON.
#[derive(Serialize)]
struct LinkLine<'a> {
    name: &'a str,
    /// What the peer is suspected of; nothing once it is heard again.
    suspect: Option<&'static str>,
}

/// One end, as JSON.
#[derive(Serialize)]
struct Line<'a> {
    name: &'static str,
    truth: &'static str,
    laws_hold: bool,
    close: Record<'a>,
}

impl Outage {
    /// The name of its player.
    const fn name(self) -> &'static str {
        match self {
            Self::Pulled => "cable pulled",
            Self::Gone => "gone meanwhile",
            Self::Frozen => "frozen",
            Self::OwnNetwork => "our own network",
        }
    }

    const fn truth(self) -> Cause {
        match self {
            Self::Pulled => Cause::PathDead,
            Self::Gone => Cause::ResetAfterOutage,
            Self::Frozen => Cause::PeerFrozen,
            Self::OwnNetwork => Cause::LocalNetworkDown,
        }
    }
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        let here = lab.on(Host::Server, threads)?;
        let there = lab.on(Host::Client, threads)?;
        let (tell, ends) = channel();
        let builder = Server::builder()
            .config(quick())
            .listen(format!("{}:0", lab.addr(Host::Server)))
            .observer(Ends(tell));
        let game = |player: &Player| Watched(player.id.clone().unwrap_or_default());
        let serving = here.spawn(async move { builder.serve(game).await });
        let server = here.block_on(serving)??;
        Ok(Self {
            lab,
            server,
            ends,
            _here: here,
            there,
        })
    }

    /// Lets everything happen once.
    fn round(&self) -> anyhow::Result<()> {
        let frozen = self.join_and_freeze()?;
        let unaware = self.join(Outage::Pulled)?;
        self.lab.cut(Host::Client)?;
        self.noticed(&[Outage::Frozen, Outage::Pulled])?;
        drop((frozen, unaware));
        self.lab.mend(Host::Client)?;

        let client = self.join(Outage::Gone)?;
        self.lab.cut(Host::Client)?;
        // Its last word does not pass. Ours is sent again and again, until somebody says that nobody is there.
        client.abort();
        self.server.broadcast_all(b"is anybody there?");
        thread::sleep(OUTAGE);
        self.lab.mend(Host::Client)?;
        self.noticed(&[Outage::Gone])?;

        let client = self.join(Outage::OwnNetwork)?;
        self.lab.own_link_down(Host::Server)?;
        self.noticed(&[Outage::OwnNetwork])?;
        drop(client);
        self.lab.own_link_up(Host::Server)?;
        Ok(())
    }

    fn join(&self, outage: Outage) -> anyhow::Result<Client> {
        let server = self.server.local_addr();
        let joining = self.there.spawn(Client::connect(server, outage.name()));
        let client = self.there.block_on(joining)??;
        thread::sleep(PAUSE);
        Ok(client)
    }

    /// Joins in the server's own host, which no cut concerns. A runtime with one thread does nothing while nobody blocks
    /// on it.
    fn join_and_freeze(&self) -> anyhow::Result<(Runtime, Client)> {
        let server = self.server.local_addr();
        let joined = self.lab.on(Host::Server, || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let client = runtime.block_on(Client::connect(server, Outage::Frozen.name()));
            Ok(client.map(|client| (runtime, client)))
        })?;
        Ok(joined?)
    }

    /// Waits for the records of these, and tells of each.
    fn noticed(&self, due: &[Outage]) -> anyhow::Result<()> {
        let mut due = due.to_vec();
        while !due.is_empty() {
            let end = self.ends.recv_timeout(PATIENCE);
            let end = end.with_context(|| format!("not noticed: {due:?}"))?;
            let index = due.iter().position(|outage| end.is_of(outage.name()));
            let index =
                index.with_context(|| format!("it ended before anything happened: {end}"))?;
            self.tell(due.swap_remove(index), &end)?;
        }
        Ok(())
    }

    fn tell(&self, outage: Outage, end: &Disconnect) -> anyhow::Result<()> {
        let line = Line {
            name: outage.name(),
            truth: outage.truth().label(),
            laws_hold: self.server.stats().laws_hold(),
            close: end.record(),
        };
        Ok(say(&line)?)
    }
}

impl Handler for Watched {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        Echo.frame(context, payload);
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        let suspect = link.suspicion().map(Diagnosis::label);
        let name = &self.0;
        // Who reads no more ends this process anyway.
        say(&LinkLine { name, suspect }).ok();
    }
}

fn say(line: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(line)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

impl Observer for Ends {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        // Whoever is told nothing any more has ended.
        self.0.send(Arc::clone(disconnect)).ok();
    }
}

fn threads() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
}

/// Long enough that a first retransmission met the cut, and short enough that the server still waits.
const OUTAGE: Duration = Duration::from_millis(1_000);
const PAUSE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);
