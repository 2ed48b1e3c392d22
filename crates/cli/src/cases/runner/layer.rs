//! The layer's side of a row: the real server, the real client, and a game that counts the frames it takes.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use lastword::client::{Client, Ended};
use lastword::evidence::{Evidence, FirstError};
use lastword::{Config, Server, Session};
use lastword_load::Ending;
use lastword_load::peer::{self, Order, Peer};

use super::patience::meanwhile;
use super::peer::serve;
use crate::cases::observed::Layer;

/// A connection with our end in the layer, and the process at its other end.
#[derive(Debug)]
pub(super) struct End {
    ours: Ours,
    pub(super) peer: Peer,
}

/// Our end.
#[derive(Debug)]
enum Ours {
    /// The server ends with its last handle.
    Server(Session, Server),
    Client(Client),
}

impl End {
    /// Starts our server at this address, and lets this process join it.
    pub(super) async fn server(mut peer: Peer, at: IpAddr, config: Config) -> anyhow::Result<Self> {
        let builder = Server::builder().config(config).listen(format!("{at}:0"));
        let mut server = builder.bind().await?;
        peer.ask(Order::Connect(server.handle().local_addr()))?;
        peer.tell(Order::Join)?;
        let session = server.accept().await.context("the server is gone")?;
        Ok(Self {
            ours: Ours::Server(session, server),
            peer: answered(peer).await?,
        })
    }

    /// Connects our client to another process.
    pub(super) async fn client() -> anyhow::Result<Self> {
        let (mut peer, addr) = serve()?;
        peer.tell(Order::Accept)?;
        peer.tell(Order::Welcome)?;
        let client = Client::connect(addr, "ann").await?;
        Ok(Self {
            ours: Ours::Client(client),
            peer: answered(answered(peer).await?).await?,
        })
    }

    /// Sends a message.
    pub(super) fn send(&self) -> anyhow::Result<()> {
        match &self.ours {
            Ours::Server(session, _) => session.send(NEWS)?,
            Ours::Client(client) => client.send(NEWS)?,
        }
        Ok(())
    }

    /// Sends a message that stays unread in the other process.
    pub(super) async fn with_unread(mut self) -> anyhow::Result<Self> {
        self.send()?;
        self.peer.tell(Order::Peek)?;
        self.peer = answered(self.peer).await?;
        Ok(self)
    }

    /// Takes frames up to the end, and returns the record of that end. After it, `sent` tells how many bytes of the
    /// stream the other process has sent.
    pub(super) async fn run(
        mut self,
        sent: impl FnOnce(&mut Peer) -> anyhow::Result<u64>,
    ) -> anyhow::Result<Layer> {
        let mut tally = Tally::default();
        match self.ours {
            Ours::Server(mut session, _server) => {
                while let Some(frame) = session.recv().await {
                    tally.take(&frame)?;
                }
                let left = session.close().await;
                Layer::of_server(&left.ending, sent(&mut self.peer)?, &tally)
            }
            Ours::Client(mut client) => {
                while let Some(frame) = client.recv().await {
                    tally.take(&frame)?;
                }
                let ended = client.ended().await;
                Layer::of_client(&ended, sent(&mut self.peer)?, &tally)
            }
        }
    }
}

/// Waits for an answer while our connections continue.
async fn answered(mut peer: Peer) -> anyhow::Result<Peer> {
    meanwhile(move || {
        peer.hear()?;
        Ok(peer)
    })
    .await
}

/// The default configuration with one of the built-in profiles.
pub(super) fn with_profile(name: &str) -> Config {
    let mut config = Config::default();
    config.liveness.profile = name.to_owned();
    config
}

/// The frames that a game took.
#[derive(Debug, Default)]
pub(super) struct Tally {
    frames: u64,
    pub(super) bytes: u64,
}

impl Tally {
    /// Counts a frame. It must be the next one of the stream, with every byte right.
    pub(super) fn take(&mut self, frame: &[u8]) -> anyhow::Result<()> {
        ensure!(
            frame == peer::payload(self.frames),
            "frame {} did not come as it was sent",
            self.frames
        );
        self.frames += 1;
        self.bytes += u64::try_from(frame.len())?;
        Ok(())
    }
}

impl Layer {
    /// Builds the result from our server's record of a client that sent `sent` bytes of the stream.
    fn of_server(
        end: &lastword::evidence::Ending,
        sent: u64,
        tally: &Tally,
    ) -> anyhow::Result<Self> {
        let ending = Ending {
            cause: end.verdict.cause,
            phase: end.verdict.phase,
        };
        let seen = (end.first_error, &end.evidence);
        Self::of(ending, seen, peer::hello().len(), sent, tally)
    }

    /// Builds the result from our client's record of a server process that sent `sent` bytes of the
    /// stream.
    fn of_client(ended: &Ended, sent: u64, tally: &Tally) -> anyhow::Result<Self> {
        let ending = Ending {
            cause: ended.cause,
            phase: ended.phase,
        };
        let seen = (ended.first_error, &ended.evidence);
        Self::of(ending, seen, peer::welcome().len(), sent, tally)
    }

    fn of(
        ending: Ending,
        (first_error, evidence): (Option<FirstError>, &Evidence),
        greeting: usize,
        sent: u64,
        tally: &Tally,
    ) -> anyhow::Result<Self> {
        let kernel = evidence.kernel.context("no TCP_INFO")?;
        // The kernel counts the peer's FIN as a byte.
        let besides = u64::from(evidence.fin == Some(true)) + u64::try_from(greeting)?;
        let received = kernel.bytes_received.checked_sub(besides);
        let (held, mid_frame) =
            peer::whole_frames(received.context("our kernel received less than a greeting")?);
        Ok(Self {
            ending,
            sent: peer::whole_frames(sent).0,
            held,
            delivered: tally.bytes,
            mid_frame,
            evidence: in_words(first_error, evidence),
            flaws: Vec::new(),
        })
    }

    /// Adds the flaw, unless `holds` is true.
    pub(super) fn require(mut self, holds: bool, flaw: &str) -> Self {
        if !holds {
            self.flaws.push(flaw.to_owned());
        }
        self
    }
}

/// Describes the part of the evidence that distinguishes one row from another.
pub(super) fn in_words(first_error: Option<FirstError>, evidence: &Evidence) -> String {
    let fin = evidence
        .fin
        .map(|fin| if fin { "FIN seen" } else { "no FIN" });
    let error = first_error.and_then(|first| {
        first.error.code?;
        Some(format!("{} met {}", first.call.label(), first.error))
    });
    let lost = evidence
        .bytes_unacked
        .filter(|bytes| *bytes > 0)
        .map(|bytes| format!("{bytes} bytes of ours never acknowledged"));
    let retries = evidence.kernel.and_then(|kernel| {
        let (retransmits, probes) = (kernel.retransmits, kernel.probes);
        (retransmits + probes > 0).then(|| format!("retransmits {retransmits}, probes {probes}"))
    });
    let silence = evidence
        .silent_for
        .map(|silent| format!("silent for {:.1} s", silent.as_secs_f64()));
    let parts = [fin.map(str::to_owned), error, lost, retries, silence];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A message whose content does not matter.
pub(super) const NEWS: &[u8] = b"news";
