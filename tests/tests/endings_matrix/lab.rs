//! The endings that need a network failure. Each runs all first calls in parallel, since the kernel takes its time.

use std::io;
use std::process::Command;
use std::time::Duration;

use lastword_netlab::{End, Host, Lab, run};
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
        in_server_host(lab, || async {
            for unread in [0, FRAMES] {
                let cells = cells(lab, unread).await?;
                for (_, far) in &cells {
                    let peer = End::Peer(far.stream.local_addr()?);
                    assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
                }
                judge_all("ss -K", cells, Cause::SocketDestroyed, unread).await;
            }
            Ok(())
        })
    });
}

#[test]
fn data_that_nobody_acknowledges() {
    run(|lab| {
        in_server_host(lab, || async {
            for unread in [0, FRAMES] {
                let mut cells = cells(lab, unread).await?;
                lab.cut(Host::Client)?;
                for (rig, _) in &mut cells {
                    give_up_soon(rig)?;
                    write(rig).await;
                }
                judge_all(
                    "kernel time-out, retransmitting",
                    cells,
                    Cause::PathDead,
                    unread,
                )
                .await;
                lab.mend(Host::Client)?;
            }
            Ok(())
        })
    });
}

/// The router has lost the way to the client and reports it: the errno differs, the cause does not.
#[test]
fn data_for_a_network_that_the_router_cannot_reach() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut cells = cells(lab, 0).await?;
            lab.link_down(Host::Client)?;
            for (rig, _) in &mut cells {
                give_up_soon(rig)?;
                write(rig).await;
            }
            judge_all("kernel time-out, unreachable", cells, Cause::PathDead, 0).await;
            Ok(())
        })
    });
}

#[test]
fn probes_that_nobody_answers() {
    run(|lab| {
        in_server_host(lab, || async {
            let cells = cells(lab, FRAMES).await?;
            lab.cut(Host::Client)?;
            let second = Duration::from_secs(1);
            for (rig, _) in &cells {
                let keepalive = TcpKeepalive::new()
                    .with_time(second)
                    .with_interval(second)
                    .with_retries(1);
                SockRef::from(&rig.watch).set_tcp_keepalive(&keepalive)?;
            }
            judge_all("kernel time-out, keepalive", cells, Cause::PathDead, FRAMES).await;
            Ok(())
        })
    });
}

#[test]
fn data_that_does_not_leave_this_host() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut cells = cells(lab, 0).await?;
            let down = lab.on(Host::Server, || {
                Command::new("ip")
                    .args(["link", "set", "eth0", "down"])
                    .status()
            })?;
            assert!(down.success());
            for (rig, _) in &mut cells {
                give_up_soon(rig)?;
                write(rig).await;
            }
            judge_all(
                "kernel time-out, own link down",
                cells,
                Cause::LocalNetworkDown,
                0,
            )
            .await;
            Ok(())
        })
    });
}

/// Another host has the client's address when our retransmission finally arrives.
#[test]
fn a_reset_after_an_outage() {
    run(|lab| {
        in_server_host(lab, || async {
            for unread in [0, FRAMES] {
                let mut cells = cells(lab, unread).await?;
                lab.cut(Host::Client)?;
                for (rig, _) in &mut cells {
                    write(rig).await;
                }
                for (rig, _) in &cells {
                    until("a retransmission", || tcp_info(&rig.watch).retransmits > 0).await;
                }
                lab.replace(Host::Client)?;
                lab.mend(Host::Client)?;
                judge_all(
                    "RST after an outage",
                    cells,
                    Cause::ResetAfterOutage,
                    unread,
                )
                .await;
            }
            Ok(())
        })
    });
}

/// Without an outage, a replaced host looks like a peer that aborts: no evidence here distinguishes them.
#[test]
fn a_host_that_forgot_the_connection() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut cells = cells(lab, FRAMES).await?;
            lab.replace(Host::Client)?;
            for (rig, _) in &mut cells {
                write(rig).await;
            }
            judge_all(
                "RST by a successor of the host",
                cells,
                Cause::PeerReset,
                FRAMES,
            )
            .await;
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

/// A connection for each first call, with this many unread frames of the peer.
async fn cells(lab: &Lab, unread: u64) -> io::Result<Vec<(Rig, Raw)>> {
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

async fn judge_all(row: &str, cells: Vec<(Rig, Raw)>, cause: Cause, unread: u64) {
    let row = if unread > 0 {
        format!("{row}, data unread")
    } else {
        row.to_owned()
    };
    for ((rig, _far), first) in cells.into_iter().zip(First::ALL) {
        rig.until_dead().await;
        judge(&row, rig, first, cause, unread).await;
    }
}

async fn write(rig: &mut Rig) {
    rig.send(b"are you there?");
    rig.write().await.expect("room to write");
}

/// `TCP_USER_TIMEOUT`: makes the kernel give up soon.
fn give_up_soon(rig: &Rig) -> io::Result<()> {
    SockRef::from(&rig.watch).set_tcp_user_timeout(Some(Duration::from_millis(500)))
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
