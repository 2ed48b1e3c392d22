//! C3 done right: our server says goodbye and lingers, and our client reads every frame and the reason.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Context as _;
use lastword::client::Client;
use lastword::evidence::GoodbyeProgress;
use lastword::{Cause, Disconnect, Kick, Observer, Server};
use lastword_load::Ending;
use lastword_load::peer::{FRAME, Order, payload, whole_frames};
use tokio::sync::mpsc::{Sender, channel};

use super::bare::Socket;
use super::layer::{NEWS, Tally, in_words, with_profile};
use crate::cases::observed::{Bare, Layer};

pub(super) fn bare() -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::connected()?;
    socket.send();
    peer.ask(Order::Peek)?;
    peer.tell(Order::Write(FRAMES * FRAME))?;
    peer.tell(Order::Linger)?;
    let recv = socket.recv_to_the_end();
    let first = socket.send();
    socket.until_acknowledged()?;
    let send = vec![first, socket.send()];
    drop(socket);
    let sent = peer.hear()?.sent;
    peer.hear()?;
    Ok(Bare {
        sent,
        recv,
        send,
        ..Bare::default()
    })
}

pub(super) async fn layer() -> anyhow::Result<Layer> {
    let mut config = with_profile("background");
    // The game takes no frames: from the second frame on, the client's bytes stay in our kernel.
    config.limits.inbox_frames_max = 1;
    let builder = Server::builder()
        .config(config)
        .listen(format!("{}:0", Ipv4Addr::LOCALHOST));
    // One connection, so one record.
    let (observer, mut closes) = channel(1);
    let mut server = builder.observer(Closes(observer)).bind().await?;
    let mut client = Client::connect(server.handle().local_addr(), "ann").await?;
    let session = server.accept().await.context("the server is gone")?;
    for _ in 0..FRAMES {
        client.send(NEWS)?;
    }
    for n in 0..FRAMES {
        session.send(payload(n))?;
    }
    let closing = tokio::spawn(session.close_with(Kick::because(REASON)));
    let mut tally = Tally::default();
    while let Some(frame) = client.recv().await {
        tally.take(&frame)?;
    }
    let ended = client.ended().await;
    closing.await?;
    let left = closes.recv().await.context("no record")?;
    let (by, farewell) = (left.cause(), left.ending.evidence.farewell);
    let sent = whole_frames(FRAMES * FRAME).0;
    let reason = ended
        .peer_goodbye
        .as_ref()
        .map(|peer_goodbye| peer_goodbye.reason.as_str());
    let layer = Layer {
        ending: Ending {
            cause: ended.cause,
            phase: ended.phase,
        },
        sent,
        // Every byte that was sent must arrive.
        held: sent,
        delivered: tally.bytes,
        mid_frame: false,
        evidence: format!(
            "{}, the client reads the reason {:?}; the server records {by}, farewell {}",
            in_words(ended.first_error, &ended.evidence),
            reason.unwrap_or_default(),
            farewell.label(),
        ),
        flaws: Vec::new(),
    };
    let lingered = by == Cause::ClosedByGame && farewell == GoodbyeProgress::FinSeen;
    Ok(layer
        .require(
            reason == Some(REASON),
            "the goodbye's reason did not arrive",
        )
        .require(
            lingered,
            "the server did not linger until the client's FIN, or recorded another end",
        ))
}

/// Receives the record of the connection, which comes after its linger.
struct Closes(Sender<Arc<Disconnect>>);

impl Observer for Closes {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        // Fails when the case is over.
        self.0.try_send(Arc::clone(disconnect)).ok();
    }
}

/// 128 KiB of payload, which is the capacity of the send queue.
const FRAMES: u64 = 32;
const REASON: &str = "the match is over";
