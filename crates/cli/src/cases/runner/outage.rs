//! S1: the network between both ends breaks. Each row has its own lab, which holds both its connections.

use std::net::IpAddr;

use anyhow::anyhow;
use lastword::Config;
use lastword_load::peer::{FRAME, Order, Peer};
use lastword_netlab::{Host, Lab};

use super::bare::Socket;
use super::layer::{End, with_profile};
use super::patience::{meanwhile, on_one_thread};
use super::peer::start_by;
use crate::cases::observed::{Bare, Observed};
use crate::cases::row::Outage;
use crate::quick::quick;

/// Runs one of the rows. Only for calls inside the sandbox.
pub(super) fn observe(outage: Outage) -> anyhow::Result<Observed> {
    let lab = Lab::new()?;
    let observed = lab.on(Host::Server, || Ok(on_one_thread(row(&lab, outage))))?;
    observed.map_err(|error| anyhow!("{error:#}"))
}

async fn row(lab: &Lab, outage: Outage) -> anyhow::Result<Observed> {
    let here = lab.addr(Host::Server);
    let (mut bare, mut bare_peer) = pair(lab, here)?;
    let mut end = End::server(client(lab)?, here, config(outage)).await?;
    let sent = write(&mut end.peer)?;

    strike(lab, outage, [&mut bare_peer, &mut end.peer])?;
    let first = bare.send();
    for _ in 0..2 {
        end.send()?;
    }
    if outage == Outage::HostRebooted {
        bare = retransmits(bare).await?;
        lab.replace(Host::Client)?;
        lab.mend(Host::Client)?;
    }
    let layer = end.run(|_| Ok(sent)).await?;
    if outage == Outage::HostRebooted {
        bare.until_dead()?;
    }
    let recv = bare.recv_what_there_is()?;
    let send = vec![first, bare.send()];
    Ok(Observed {
        bare: Bare {
            sent,
            recv,
            send,
            ..Bare::default()
        },
        layer,
    })
}

/// Opens a bare connection over which the client has sent some bytes, which lie in our kernel.
fn pair(lab: &Lab, here: IpAddr) -> anyhow::Result<(Socket, Peer)> {
    let mut peer = client(lab)?;
    let socket = Socket::accept_from(&mut peer, here)?;
    write(&mut peer)?;
    Ok((socket, peer))
}

/// Starts a process in the client's host.
fn client(lab: &Lab) -> anyhow::Result<Peer> {
    start_by(|command| lab.spawn(Host::Client, command))
}

fn write(peer: &mut Peer) -> anyhow::Result<u64> {
    let sent = peer.ask(Order::Write(8 * FRAME))?.sent;
    peer.ask(Order::Settle)?;
    Ok(sent)
}

fn strike(lab: &Lab, outage: Outage, peers: [&mut Peer; 2]) -> anyhow::Result<()> {
    match outage {
        Outage::HostGone => lab.link_down(Host::Client)?,
        Outage::Cable | Outage::CableThenKill | Outage::HostRebooted => lab.cut(Host::Client)?,
    }
    if outage != Outage::Cable {
        for peer in peers {
            peer.kill()?;
        }
    }
    Ok(())
}

/// Waits until both connections have retransmitted their bytes.
async fn retransmits(bare: Socket) -> anyhow::Result<Socket> {
    meanwhile(move || {
        // The layer's frames left at the same time, so a second retry here is later than their first.
        bare.until_retransmitted(2)?;
        Ok(bare)
    })
    .await
}

/// Uses a short dead limit, so that the row ends soon. Where a reset must come first, the limit is long enough for
/// it.
fn config(outage: Outage) -> Config {
    match outage {
        Outage::HostRebooted => with_profile("competitive"),
        Outage::Cable | Outage::CableThenKill | Outage::HostGone => quick(),
    }
}
