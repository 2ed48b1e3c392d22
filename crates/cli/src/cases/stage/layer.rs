//! The layer's side of a row: the real server and the real client, and a game that counts what it takes.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, ensure};
use lastword::client::{Client, Ended, Evidence, FirstError};
use lastword::{Cause, Config, Disconnect, Server, Session};

use super::order::Order;
use super::patience::meanwhile;
use super::peer::Peer;
use super::wire;
use crate::cases::observed::Layer;

/// A player at our server: its session, and its process.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) session: Session,
    pub(super) peer: Peer,
    /// It ends with its last handle.
    _server: Server,
}

impl Seat {
    /// Has a process beside us join a server on loopback.
    pub(super) async fn taken() -> anyhow::Result<Self> {
        // No ping comes due in a row: a process that is gone would answer it with a reset.
        let config = with_profile("background");
        Self::taken_by(Peer::start()?, Ipv4Addr::LOCALHOST.into(), config).await
    }

    /// Has this process join a server at this address.
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

    /// Has a message of ours lie unread in the player's process.
    pub(super) async fn with_unread(mut self) -> anyhow::Result<Self> {
        self.session.send(NEWS)?;
        self.peer.tell(Order::Peek)?;
        self.peer = answered(self.peer).await?;
        Ok(self)
    }

    /// Takes frames up to the end, and reads the record of it.
    pub(super) async fn play(mut self, sent: u64) -> anyhow::Result<Layer> {
        let mut tally = Tally::default();
        while let Some(frame) = self.session.recv().await {
            tally.take(&frame)?;
        }
        let left = self.session.close().await;
        Layer::of_server(&left.disconnect, sent, &tally)
    }
}

/// A client of ours at a process that listens and does as it is told.
pub(super) async fn client_at_a_puppet() -> anyhow::Result<(Client, Peer)> {
    let (mut peer, addr) = Peer::serve()?;
    peer.tell(Order::Accept)?;
    peer.tell(Order::Welcome)?;
    let client = Client::connect(addr, "ann").await?;
    let peer = answered(answered(peer).await?).await?;
    Ok((client, peer))
}

/// Waits for an answer while our connections go on.
pub(super) async fn answered(mut peer: Peer) -> anyhow::Result<Peer> {
    meanwhile(move || {
        peer.hear()?;
        Ok(peer)
    })
    .await
}

/// The defaults with one of the built-in profiles.
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
    /// Counts a frame, which must be the next one of the stream, right in every byte.
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
    /// What our server made of a client that sent `sent` bytes of the stream.
    fn of_server(end: &Disconnect, sent: u64, tally: &Tally) -> anyhow::Result<Self> {
        let ending = &end.ending;
        let seen = (ending.verdict.cause, ending.first_error, &ending.evidence);
        Self::of(seen, wire::hello().len(), sent, tally)
    }

    /// What our client made of a puppet that sent `sent` bytes of the stream.
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

    /// Notes a flaw, unless it `holds`.
    pub(super) fn require(mut self, holds: bool, flaw: &str) -> Self {
        if !holds {
            self.flaws.push(flaw.to_owned());
        }
        self
    }
}

/// The part of the evidence that tells one row from another.
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

/// What our end sends where it does not matter what.
pub(super) const NEWS: &[u8] = b"news";
