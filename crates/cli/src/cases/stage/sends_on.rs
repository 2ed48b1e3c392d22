//! S5: the client reads everything, sends and closes, and the server continues to send.

use lastword_load::peer::{FRAME, Order, Peer};

use super::bare::Socket;
use super::layer::{NEWS, Seat};
use crate::cases::observed::{Bare, Layer};

pub(super) fn bare() -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::accepted()?;
    let sent = write_and_close(&mut peer)?;
    let recv = socket.recv_to_the_end();
    let first = socket.send();
    socket.until_dead()?;
    Ok(Bare {
        sent,
        recv,
        send: vec![first, socket.send()],
        ..Bare::default()
    })
}

pub(super) async fn layer() -> anyhow::Result<Layer> {
    let mut seat = Seat::taken().await?;
    // Our only thread waits here, so the server learns of the close after it has sent.
    let sent = write_and_close(&mut seat.peer)?;
    for _ in 0..2 {
        seat.session.send(NEWS)?;
    }
    seat.play(sent).await
}

/// Sends 8 frames, which fit into any receive buffer, and closes. On return the other kernel has
/// the FIN.
pub(super) fn write_and_close(peer: &mut Peer) -> anyhow::Result<u64> {
    let sent = peer.ask(Order::Write(8 * FRAME))?.sent;
    shut_and_close(peer)?;
    Ok(sent)
}

/// Closes, and returns once the other kernel has the FIN.
pub(super) fn shut_and_close(peer: &mut Peer) -> anyhow::Result<()> {
    peer.ask(Order::Shut)?;
    peer.ask(Order::Close)?;
    Ok(())
}
