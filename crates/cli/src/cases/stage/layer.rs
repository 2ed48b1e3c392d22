//! The layer's side of a row: the real server, the real client, and a game that counts the frames it takes.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, ensure};
use lastword::client::{Client, Ended};
use lastword::evidence::Ending;
use lastword::evidence::Evidence;
use lastword::evidence::FirstError;
use lastword::{Cause, Config, Server, Session};

use super::order::Order;
use super::patience::meanwhile;
use super::peer::Peer;
use super::wire;
use crate::cases::observed::Layer;

/// A player at our server: the session and the player's process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: Session,
    pub(super) peer: Peer,
    /// The server ends with its last handle.
    _server: Server,
}

impl Seat {
    /// Starts a process that joins a server on loopback.
    pub(super) async fn taken() -> anyhow::Result<Self> {
        // No ping comes due during a row: the kernel of a process that is gone would answer it with
        // a reset.
        let config = with_profile("background");
        Self::taken_by(Peer::start()?, Ipv4Addr::LOCALHOST.into(), config).await
    }

    /// Lets this process join a server at this address.
    pub(super) async fn taken_by(
        mut peer: Peer,
        at: IpAddr,
        config: Config,
    ) -> anyhow::Result<Self> {
        let builder = Server::builder().config(config).listen(format!("{at}:0"));
        let mut server = builder.bind().await?;
        peer.ask(Order::Connect(server.handle().local_addr()))?;
        peer.tell(Order::Join)?;
        let session = server.accept().await.context("the server is gone")?;
        let peer = answered(peer).await?;
        Ok(Self {
            session,
            peer,
            _server: server,
        })
    }

    /// Sends a message that stays unread in the player's process.
    pub(super) async fn with_unread(mut self) -> anyhow::Result<Self> {
        self.session.send(NEWS)?;
        self.peer.tell(Order::Peek)?;
        self.peer = answered(self.peer).await?;
        Ok(self)
    }

    /// Takes frames up to the end, and returns the record of that end.
    pub(super) async fn play(mut self, sent: u64) -> anyhow::Result<Layer> {
        let mut tally = Tally::default();
        while let Some(frame) = self.session.recv().await {
            tally.take(&frame)?;
        }
        let left = self.session.close().await;
        Layer::of_server(&left.ending, sent, &tally)
    }
}

/// Connects our client to another process, which listens and carries out orders.
pub(super) async fn client_at_a_puppet() -> anyhow::Result<(Client, Peer)> {
    let (mut peer, addr) = Peer::serve()?;
    peer.tell(Order::Accept)?;
    peer.tell(Order::Welcome)?;
    let client = Client::connect(addr, "ann").await?;
    let peer = answered(answered(peer).await?).await?;
    Ok((client, peer))
}

/// Waits for an answer while our connections continue.
pub(super) async fn answered(mut peer: Peer) -> anyhow::Result<Peer> {
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
            frame == wire::payload(self.frames),
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
    fn of_server(ending: &Ending, sent: u64, tally: &Tally) -> anyhow::Result<Self> {
        let seen = (ending.verdict.cause, ending.first_error, &ending.evidence);
        Self::of(seen, wire::hello().len(), sent, tally)
    }

    /// Builds the result from our client's record of a server process that sent `sent` bytes of the
    /// stream.
    pub(super) fn of_client(ended: &Ended, sent: u64, tally: &Tally) -> anyhow::Result<Self> {
        let seen = (ended.cause, ended.first_error, &ended.evidence);
        Self::of(seen, wire::welcome().len(), sent, tally)
    }

    fn of(
        (cause, first_error, evidence): (Cause, Option<FirstError>, &Evidence),
        greeting: usize,
        sent: u64,
        tally: &Tally,
    ) -> anyhow::Result<Self> {
        let kernel = evidence.kernel.context("no TCP_INFO")?;
        // The kernel counts the peer's FIN as a byte.
        let besides = u64::from(evidence.fin == Some(true)) + u64::try_from(greeting)?;
        let received = kernel.bytes_received.checked_sub(besides);
        let (held, mid_frame) =
            wire::whole_frames(received.context("our kernel received less than a greeting")?);
        Ok(Self {
            cause: cause.label().to_owned(),
            sent: wire::whole_frames(sent).0,
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
