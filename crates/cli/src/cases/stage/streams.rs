//! S2 and S3i: many messages to a server that reads all the time, and then the end.

use lastword_load::peer::{FRAME, Order, Peer};

use super::bare::Socket;
use super::layer::Seat;
use crate::cases::observed::{Bare, Layer};
use crate::cases::row::Leave;

pub(super) fn bare(leave: Leave) -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::accepted()?;
    begin(&mut peer, leave)?;
    let recv = socket.recv_to_the_end();
    Ok(Bare {
        sent: peer.hear()?.sent,
        recv,
        ..Bare::default()
    })
}

pub(super) async fn layer(leave: Leave) -> anyhow::Result<Layer> {
    let mut seat = Seat::taken().await?;
    begin(&mut seat.peer, leave)?;
    seat.play(STREAM).await
}

fn begin(peer: &mut Peer, leave: Leave) -> anyhow::Result<()> {
    peer.tell(Order::Write(STREAM))?;
    peer.tell(match leave {
        Leave::Close => Order::Close,
        Leave::Exit => Order::Exit,
        Leave::Kill => anyhow::bail!("one that is killed behind its last byte is one that exits"),
    })?;
    Ok(())
}

/// 5 MB of payload.
const STREAM: u64 = 1_280 * FRAME;
