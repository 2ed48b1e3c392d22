//! S3ii, S4i and S4ii: the client sends until both kernels are full, and leaves. The server reads only after that, so
//! the bytes that our kernel held are known.

use lastword_load::peer::{Order, Peer};

use super::bare::Socket;
use super::layer::Seat;
use crate::cases::observed::{Bare, Layer};
use crate::cases::row::Leave;

pub(super) fn bare(unread: bool, how: Leave) -> anyhow::Result<Bare> {
    let (mut socket, mut peer) = Socket::accepted()?;
    if unread {
        socket.send();
        peer.ask(Order::Peek)?;
    }
    let sent = fill_and_leave(&mut peer, how)?;
    if !unread {
        let recv = socket.recv_to_the_end();
        return Ok(Bare {
            sent,
            recv,
            ..Bare::default()
        });
    }
    Ok(socket.after_the_death(sent)?)
}

pub(super) async fn layer(unread: bool, how: Leave) -> anyhow::Result<Layer> {
    let mut seat = Seat::taken().await?;
    if unread {
        seat = seat.with_unread().await?;
    }
    // Our only thread waits here, so nothing is read before the client is gone.
    let sent = fill_and_leave(&mut seat.peer, how)?;
    seat.play(sent).await
}

/// Fills both kernels, leaves, and returns how many bytes of the stream the calls accepted.
fn fill_and_leave(peer: &mut Peer, how: Leave) -> anyhow::Result<u64> {
    let sent = peer.ask(Order::Fill)?.sent;
    match how {
        Leave::Close => {
            peer.ask(Order::Close)?;
        }
        Leave::Exit => {
            peer.exit()?;
        }
        Leave::Kill => {
            peer.ask(Order::Press)?;
            peer.until_blocked()?;
            peer.kill()?;
        }
    }
    Ok(sent)
}
