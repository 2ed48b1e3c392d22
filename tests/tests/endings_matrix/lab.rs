//! The endings that need a network failure. Each runs all first calls in parallel, since the kernel takes its time.

use std::io;
use std::process::Command;
use std::time::Duration;

use lastword_netlab::{End, Host, Lab, Outcome, run};
use lastword_session::Cause;
use lastword_tests::{Raw, in_server_host, tcp_info, until};
use socket2::{SockRef, TcpKeepalive};

use crate::calls::First;
use crate::far::{FRAMES, deliver, frames, pair_in};
use crate::judge;
use crate::rig::Rig;

#[test]
fn a_socket_that_an_operator_destroys() {
    run(|lab| {
        each_unread(lab, "ss -K", Cause::SocketDestroyed, async |cells| {
            for (_, far) in cells {
                let peer = End::Peer(far.stream.local_addr()?);
                assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
            }
            Ok(())
        })
    });
}

#[test]
fn unacknowledged_data_ends_by_the_kernels_time_out() {
    run(|lab| {
        let row = "kernel time-out, retransmitting";
        each_unread(lab, row, Cause::PathDead, async |cells| {
            lab.cut(Host::Client)?;
            write_and_give_up_soon(cells).await
        })
    });
}

/// The router has lost the way to the client and reports it: the errno differs, the cause does not.
#[test]
fn data_for_a_network_that_the_router_cannot_reach() {
    run(|lab| {
        let row = "kernel time-out, unreachable";
        play(lab, row, &[0], Cause::PathDead, async |cells| {
            lab.link_down(Host::Client)?;
            write_and_give_up_soon(cells).await
        })
    });
}

#[test]
fn unanswered_probes_end_by_the_kernels_time_out() {
    run(|lab| {
        let row = "kernel time-out, keepalive";
        play(lab, row, &[FRAMES], Cause::PathDead, async |cells| {
            lab.cut(Host::Client)?;
            let second = Duration::from_secs(1);
            let keepalive = TcpKeepalive::new()
                .with_time(second)
                .with_interval(second)
                .with_retries(1);
            for (rig, _) in cells {
                SockRef::from(&rig.watch).set_tcp_keepalive(&keepalive)?;
            }
            Ok(())
        })
    });
}

#[test]
fn data_that_does_not_leave_this_host() {
    run(|lab| {
        let row = "kernel time-out, own link down";
        play(lab, row, &[0], Cause::LocalNetworkDown, async |cells| {
            lab.own_link_down(Host::Server)?;
            write_and_give_up_soon(cells).await
        })
    });
}

/// Another host has the client's address when our retransmission finally arrives.
#[test]
fn a_reset_after_an_outage() {
    run(|lab| {
        let row = "RST after an outage";
        each_unread(lab, row, Cause::ResetAfterOutage, async |cells| {
            lab.cut(Host::Client)?;
            for (rig, _) in &mut *cells {
                write(rig).await;
            }
            for (rig, _) in cells {
                until("a retransmission", || tcp_info(&rig.watch).retransmits > 0).await;
            }
            lab.replace(Host::Client)?;
            lab.mend(Host::Client)
        })
    });
}

/// Without an outage, a replaced host looks like a peer that aborts: no evidence here distinguishes them.
#[test]
fn a_host_that_forgot_the_connection() {
    run(|lab| {
        let row = "RST by a successor of the host";
        play(lab, row, &[FRAMES], Cause::PeerReset, async |cells| {
            lab.replace(Host::Client)?;
            for (rig, _) in cells {
                write(rig).await;
            }
            Ok(())
        })
    });
}

/// `SO_ERROR` returns the error of an ICMP message about a living connection. The later end has its own error.
#[test]
fn an_icmp_error_on_a_living_socket() {
    run(|lab| {
        in_server_host(lab, || async {
            for first in First::ALL {
                let (mut rig, far) = pair_in(lab).await?;
                refuse(
                    lab,
                    "add chain inet lab refuse { type filter hook forward priority 0; }",
                )?;
                refuse(
                    lab,
                    "add rule inet lab refuse ip daddr 10.77.2.2 reject with icmp type port-unreachable",
                )?;
                write(&mut rig).await;
                let taken = until_soft_error(&mut rig).await;
                assert_eq!(taken.kind(), io::ErrorKind::ConnectionRefused);
                refuse(lab, "delete chain inet lab refuse")?;
                until("the retransmission", || tcp_info(&rig.watch).unacked == 0).await;
                let peer = End::Peer(far.stream.local_addr()?);
                assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
                rig.until_dead().await;
                judge(
                    "ICMP error, later ss -K",
                    rig,
                    first,
                    Cause::SocketDestroyed,
                    0,
                )
                .await;
            }
            Ok(())
        })
    });
}

/// A connection for each first call.
type Cells = Vec<(Rig, Raw)>;

/// Plays a row with nothing unread, and again with unread frames of the peer.
fn each_unread(
    lab: &Lab,
    row: &str,
    cause: Cause,
    strike: impl AsyncFn(&mut Cells) -> io::Result<()> + Send,
) -> Outcome {
    play(lab, row, &[0, FRAMES], cause, strike)
}

/// Plays a row with this many unread frames of the peer each time: on living connections the network fails.
fn play(
    lab: &Lab,
    row: &str,
    unread: &[u64],
    cause: Cause,
    strike: impl AsyncFn(&mut Cells) -> io::Result<()> + Send,
) -> Outcome {
    in_server_host(lab, || async move {
        for unread in unread.iter().copied() {
            let mut cells = cells(lab, unread).await?;
            strike(&mut cells).await?;
            let with = if unread > 0 { ", data unread" } else { "" };
            for ((rig, _far), first) in cells.into_iter().zip(First::ALL) {
                rig.until_dead().await;
                judge(&format!("{row}{with}"), rig, first, cause, unread).await;
            }
            lab.mend(Host::Client)?;
        }
        Ok(())
    })
}

async fn cells(lab: &Lab, unread: u64) -> io::Result<Cells> {
    let mut cells = Vec::new();
    for _ in First::ALL {
        let (rig, mut far) = pair_in(lab).await?;
        if unread > 0 {
            deliver(&mut far, &frames()).await;
        }
        cells.push((rig, far));
    }
    Ok(cells)
}

/// Writes on each connection, and sets `TCP_USER_TIMEOUT`, so that the kernel gives up soon.
async fn write_and_give_up_soon(cells: &mut Cells) -> io::Result<()> {
    let timeout = Some(Duration::from_millis(500));
    for (rig, _) in cells {
        SockRef::from(&rig.watch).set_tcp_user_timeout(timeout)?;
        write(rig).await;
    }
    Ok(())
}

async fn write(rig: &mut Rig) {
    rig.send(b"are you there?");
    rig.write().await.expect("room to write");
}

async fn until_soft_error(rig: &mut Rig) -> io::Error {
    let mut taken = None;
    until("an ICMP error", || {
        taken = SockRef::from(&rig.watch).take_error().expect("SO_ERROR");
        taken.is_some()
    })
    .await;
    taken.expect("an error")
}

/// Changes the router's rules.
fn refuse(lab: &Lab, rule: &str) -> io::Result<()> {
    let done = lab.on_router(|| Command::new("nft").arg(rule).status())?;
    assert!(done.success(), "nft takes {rule:?}");
    Ok(())
}
