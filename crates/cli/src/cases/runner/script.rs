//! Runs a script: on a bare connection, and then on a connection of the layer.

use std::net::Ipv4Addr;

use anyhow::Result;
use lastword_load::peer::{Order, Peer};

use super::bare::Socket;
use super::broken_pipe::BrokenPipe;
use super::layer::{End, with_profile};
use super::peer::start;
use crate::cases::observed::{Bare, Layer, Returned};
use crate::cases::row::{Call, EPIPE, Ours, Script, Step};

/// Runs the script between this process and another one, without the layer.
pub(super) fn bare(script: &Script) -> Result<Bare> {
    let (mut socket, mut peer) = match script.ours {
        Ours::Server => Socket::accepted()?,
        Ours::Client => Socket::connected()?,
    };
    let mut answers = Answers::default();
    for step in script.steps {
        if let Step::Unread = step {
            socket.send();
            peer.ask(Order::Peek)?;
        } else {
            answers.take(*step, &mut peer)?;
        }
    }
    let mut bare = Bare::default();
    for call in script.calls {
        make(*call, &mut socket, &mut bare)?;
    }
    bare.sent = answers.sent(&mut peer)?;
    Ok(bare)
}

/// Runs the script with the layer at our end.
pub(super) async fn layer(script: &Script) -> Result<Layer> {
    let mut end = match script.ours {
        // No ping may become due during a row, because the kernel of an ended process would answer it with a reset.
        Ours::Server => {
            let config = with_profile("background");
            End::server(start()?, Ipv4Addr::LOCALHOST.into(), config).await?
        }
        Ours::Client => End::client().await?,
    };
    let pipe = BrokenPipe::watched()?;
    let mut answers = Answers::default();
    for step in script.steps {
        if let Step::Unread = step {
            end = end.with_unread().await?;
        } else {
            // Our only thread waits here, so our end does nothing before the peer has done it.
            answers.take(*step, &mut end.peer)?;
        }
    }
    for _ in 0..script.sends {
        end.send()?;
    }
    let layer = end.run(|peer| answers.sent(peer)).await?;
    Ok(layer.require(!pipe.was_raised(), "a write of the layer raised SIGPIPE"))
}

fn make(call: Call, socket: &mut Socket, bare: &mut Bare) -> Result<()> {
    match call {
        Call::Recv => bare.recv = socket.recv_to_the_end(),
        Call::Send => {
            let pipe = BrokenPipe::watched()?;
            let returned = socket.send();
            if returned == Returned::Errno(EPIPE) && !pipe.was_raised() {
                let flaw = "a write(2) failed with EPIPE and without SIGPIPE: so the check for SIGPIPE proves nothing";
                bare.flaws.push(flaw.to_owned());
            }
            bare.send.push(returned);
        }
        Call::UntilFin => socket.until_fin()?,
        Call::UntilReset => socket.until_dead()?,
        Call::Count => bare.held = socket.held(),
    }
    Ok(())
}

/// The answers of a peer: those that are due, and how many bytes of its stream it has sent.
#[derive(Debug, Default)]
struct Answers {
    due: usize,
    sent: u64,
}

impl Answers {
    /// Lets the peer take a step.
    fn take(&mut self, step: Step, peer: &mut Peer) -> Result<()> {
        match step {
            Step::Unread => {}
            Step::Begin(order) => {
                peer.tell(order)?;
                // A process that exits does not answer.
                self.due += usize::from(order != Order::Exit);
            }
            Step::Do(Order::Exit) => peer.exit()?,
            Step::Do(order) => self.sent = peer.ask(order)?.sent,
            Step::KillInSend => {
                peer.ask(Order::Press)?;
                peer.until_blocked()?;
                peer.kill()?;
            }
        }
        Ok(())
    }

    /// Waits for the answers that are due, and returns how many bytes were sent.
    fn sent(mut self, peer: &mut Peer) -> Result<u64> {
        for _ in 0..self.due {
            self.sent = peer.hear()?.sent;
        }
        Ok(self.sent)
    }
}
