//! C1 to C3: the server leaves without a goodbye, and the rows observe our client.

use lastword::client::Client;
use lastword_load::peer::Order;

use super::bare::Socket;
use super::broken_pipe::BrokenPipe;
use super::layer::{NEWS, Tally, answered, client_at_a_puppet};
use super::sends_on::{shut_and_close, write_and_close};
use crate::cases::observed::{Bare, Layer};

/// C1: the server has closed, and the client sends twice.
pub(super) fn silent_bare() -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::connected()?;
    shut_and_close(&mut peer)?;
    let recv = socket.recv_to_the_end();
    let first = socket.send();
    socket.until_dead()?;
    let pipe = BrokenPipe::watched()?;
    let second = socket.send();
    let flaw = "the second write(2) raised no SIGPIPE: the watch for it shows nothing";
    Ok(Bare {
        recv,
        send: vec![first, second],
        flaws: Vec::from_iter((!pipe.was_raised()).then(|| flaw.to_owned())),
        ..Bare::default()
    })
}

pub(super) async fn silent_layer() -> anyhow::Result<Layer> {
    let (client, mut peer) = client_at_a_puppet().await?;
    let pipe = BrokenPipe::watched()?;
    // Our only thread waits here, so the client learns of the close after it has sent.
    shut_and_close(&mut peer)?;
    for _ in 0..2 {
        client.send(NEWS)?;
    }
    let layer = play(client, 0).await?;
    Ok(layer.require(!pipe.was_raised(), "a write of the layer raised SIGPIPE"))
}

/// C2: the server sends and closes. The client sends once, and receives only after that.
pub(super) fn owing_bare() -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::connected()?;
    let sent = write_and_close(&mut peer)?;
    socket.until_fin()?;
    let send = vec![socket.send()];
    socket.until_dead()?;
    Ok(Bare {
        sent,
        recv: socket.recv_to_the_end(),
        send,
        ..Bare::default()
    })
}

pub(super) async fn owing_layer() -> anyhow::Result<Layer> {
    let (client, mut peer) = client_at_a_puppet().await?;
    // Our only thread waits here, so the client learns of the close after it has sent.
    let sent = write_and_close(&mut peer)?;
    client.send(NEWS)?;
    play(client, sent).await
}

/// C3: the server closes with the client's input unread, while both kernels are full of the
/// server's bytes.
pub(super) fn unread_bare() -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::connected()?;
    socket.send();
    peer.ask(Order::Peek)?;
    let sent = peer.ask(Order::Fill)?.sent;
    peer.ask(Order::Close)?;
    Ok(socket.after_the_death(sent)?)
}

pub(super) async fn unread_layer() -> anyhow::Result<Layer> {
    let (client, mut peer) = client_at_a_puppet().await?;
    client.send(NEWS)?;
    peer.tell(Order::Peek)?;
    let mut peer = answered(peer).await?;
    // Our only thread waits here, so nothing is read before the server is gone.
    let sent = peer.ask(Order::Fill)?.sent;
    peer.ask(Order::Close)?;
    play(client, sent).await
}

/// Takes frames up to the end, and returns the client's record of that end.
async fn play(mut client: Client, sent: u64) -> anyhow::Result<Layer> {
    let mut tally = Tally::default();
    while let Some(frame) = client.recv().await {
        tally.take(&frame)?;
    }
    let ended = client.ended().await;
    Layer::of_client(&ended, sent, &tally)
}
