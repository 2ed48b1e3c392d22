//! Inside the lab: one client after the other falls silent. The demo's server gives each up after 2.8 s of silence.
//! It listens here through a socket that this process makes and passes on.

use std::io::{self, BufRead as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lastword::Cause;
use lastword::client::Client;
use lastword_load::Ending;
use lastword_netlab::{Host, Lab};
use tokio::runtime::{Builder, Runtime};

use super::lab::ClientLine;
use super::passing;

/// Plays the outages inside the sandbox, until standard input ends.
pub(crate) fn play() -> anyhow::Result<()> {
    let lab = OutageLab::start()?;
    loop {
        lab.round()?;
    }
}

/// Tells whether a player of this name is a client of the lab.
pub(crate) fn is_in_lab(player: &str) -> bool {
    Outage::ALL.iter().any(|outage| outage.name() == player)
}

/// The outage of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// The client's cable is unplugged.
    Pulled,
    /// The client's cable is unplugged, and its process is gone when the cable is plugged in again.
    Gone,
    /// The client's process is stopped, and its kernel continues.
    Frozen,
    /// The server's own cable is unplugged.
    OwnNetwork,
}

/// A listener on one side of the router, and clients on the other.
struct OutageLab {
    lab: Arc<Lab>,
    server: SocketAddr,
    /// The names of the clients whose end was recorded.
    ends: Receiver<String>,
    /// Its threads run in the clients' host.
    there: Runtime,
}

impl Outage {
    const ALL: [Self; 4] = [Self::Pulled, Self::Gone, Self::Frozen, Self::OwnNetwork];

    /// The name of the outage's player.
    const fn name(self) -> &'static str {
        match self {
            Self::Pulled => "cable pulled",
            Self::Gone => "gone meanwhile",
            Self::Frozen => "frozen",
            Self::OwnNetwork => "our own network",
        }
    }

    const fn expected_cause(self) -> Cause {
        match self {
            Self::Pulled => Cause::PathDead,
            Self::Gone => Cause::ResetAfterOutage,
            Self::Frozen => Cause::PeerFrozen,
            Self::OwnNetwork => Cause::LocalNetworkDown,
        }
    }
}

impl OutageLab {
    fn start() -> anyhow::Result<Self> {
        let lab = Arc::new(Lab::new()?);
        let addr = (lab.addr(Host::Server), 0);
        let listener = lab.on(Host::Server, || TcpListener::bind(addr))?;
        let server = listener.local_addr()?;
        passing::send(io::stdin(), &listener)?;
        let there = lab.on(Host::Client, threads)?;
        let (tell, ends) = channel();
        let whole = Arc::clone(&lab);
        thread::spawn(move || {
            hear(&tell);
            leave(&whole);
        });
        Ok(Self {
            lab,
            server,
            ends,
            there,
        })
    }

    /// Plays each outage once.
    fn round(&self) -> anyhow::Result<()> {
        let frozen = self.join_and_freeze()?;
        let unaware = self.join(Outage::Pulled)?;
        self.lab.cut(Host::Client)?;
        self.noticed(&[Outage::Frozen, Outage::Pulled])?;
        drop((frozen, unaware));
        self.lab.mend(Host::Client)?;

        let client = self.join(Outage::Gone)?;
        self.lab.cut(Host::Client)?;
        // The client's reset does not pass the cut. The server's ping is sent again and again, until a kernel without
        // the socket answers it.
        client.abort();
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

    /// Joins once the network allows it: for a moment after an outage, the router may still be looking for the host.
    fn join(&self, outage: Outage) -> anyhow::Result<Client> {
        let deadline = Instant::now() + PATIENCE;
        let client = loop {
            let joining = self
                .there
                .spawn(Client::connect(self.server, outage.name()));
            match self.there.block_on(joining)? {
                Ok(client) => break client,
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => thread::sleep(PAUSE),
            }
        };
        say(outage, &client)?;
        thread::sleep(PAUSE);
        Ok(client)
    }

    /// Joins in the server's own host, which no cut affects. The client then freezes: a runtime with one thread does
    /// nothing outside `block_on`.
    fn join_and_freeze(&self) -> anyhow::Result<(Runtime, Client)> {
        let server = self.server;
        let joined = self.lab.on(Host::Server, || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let client = runtime.block_on(Client::connect(server, Outage::Frozen.name()));
            Ok(client.map(|client| (runtime, client)))
        })??;
        say(Outage::Frozen, &joined.1)?;
        Ok(joined)
    }

    /// Waits until the ends of these clients are recorded.
    fn noticed(&self, due: &[Outage]) -> anyhow::Result<()> {
        let mut due = due.to_vec();
        while !due.is_empty() {
            let end = self.ends.recv_timeout(PATIENCE);
            let end = end.with_context(|| format!("not noticed: {due:?}"))?;
            due.retain(|outage| outage.name() != end);
        }
        Ok(())
    }
}

/// Passes on the names from standard input, up to its end.
fn hear(tell: &Sender<String>) {
    let lines = io::stdin().lock().lines().map_while(Result::ok);
    for name in lines {
        if tell.send(name).is_err() {
            return;
        }
    }
}

/// Ends this process and its clients over a repaired network, so that the server learns of it at once.
fn leave(lab: &Lab) {
    // If this fails, the server finds out by itself.
    lab.mend(Host::Client).ok();
    lab.own_link_up(Host::Server).ok();
    process::exit(0);
}

/// Reports a client before its outage begins.
fn say(outage: Outage, client: &Client) -> anyhow::Result<()> {
    let line = ClientLine {
        name: outage.name().to_owned(),
        expected: Ending::live(outage.expected_cause()),
        local: client.local_addr(),
    };
    let line = serde_json::to_string(&line)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

fn threads() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
}

/// Long enough for a first retransmission during the cut, and short enough that the server still waits.
const OUTAGE: Duration = Duration::from_millis(1_000);
const PAUSE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);
