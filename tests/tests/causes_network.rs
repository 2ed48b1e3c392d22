//! Causes 20 to 24 and 87: the network breaks, a peer falls silent, or an operator destroys a socket.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::time::{Duration, Instant};

use lastword_keepalive::{Silence, detection_bound, own_queue_give_up};
use lastword_netlab::{End, Host, Lab, run};
use lastword_server::{Cause, Config, Disconnect, KernelAbilities, Phase, Player};
use lastword_session::{Detector, GoodbyeProgress};
use lastword_tests::{
    Ask, Echo, EndCollector, Fixture, Raw, config, data, goodbye, hello, in_server_host, kind,
    outage, quick, tcp_info, until, within,
};
use socket2::SockRef;

#[test]
fn an_idle_peer_behind_a_pulled_cable_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, raw) = join(lab, quick(config())).await?;
            lab.cut(Host::Client)?;
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert_noticed_in_time(&end, &quick(config()));
            let kernel = end.ending.evidence.kernel.expect("TCP_INFO");
            // Only our own pings were on the way.
            assert!(kernel.probes == 0 && kernel.retransmits >= 2, "{kernel:?}");
            assert_eq!(end.ending.evidence.frames_out, 0);
            drop(raw);
            Ok(())
        })
    });
}

#[test]
fn a_peer_behind_a_pulled_cable_to_whom_we_send_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, raw) = join(lab, quick(config())).await?;
            lab.cut(Host::Client)?;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert_noticed_in_time(&end, &quick(config()));
            let kernel = end.ending.evidence.kernel.expect("TCP_INFO");
            assert!(
                kernel.retransmits >= 2 && kernel.bytes_retrans >= Some(16),
                "{kernel:?}"
            );
            let unacked = end.ending.evidence.bytes_unacked;
            assert!(unacked.is_some_and(|bytes| bytes >= 8), "{unacked:?}");
            assert_eq!(end.ending.evidence.frames_unacked, 1);
            drop(raw);
            Ok(())
        })
    });
}

/// While the game takes nothing, we do not read. So only our own unacknowledged data shows that the path is dead.
#[test]
fn a_peer_behind_a_pulled_cable_whom_we_do_not_read_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut config = quick(config());
            config.limits.inbox_frames_max = 1;
            let mut collector = EndCollector::default();
            let mut server = collector
                .builder_in(lab, config.clone())
                .bind()
                .await
                .expect("a server");
            let mut raw = Raw::join_in(lab, server.local_addr(), "ann").await?;
            raw.write(&data(b"move").repeat(3)).await;
            assert_eq!(
                raw.frame().await.map(|(kind, _)| kind),
                Some(kind::PING),
                "reading is paused"
            );
            lab.cut(Host::Client)?;
            let mut session = server.accept().await.expect("a session");
            within("the verdict", async {
                while !server.handle().sessions().is_empty() {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            // The game first takes the frames that arrived before, and only then learns of the end.
            for _ in 0..3 {
                assert_eq!(session.recv().await.as_deref(), Some(b"move".as_slice()));
            }
            assert_eq!(session.recv().await, None);
            let end = collector.end().await;
            assert_eq!(end.cause(), Cause::PathDead, "{end:#?}");
            assert_eq!(end.ending.evidence.frames_in, 3);
            assert_noticed_in_time(&end, &config);
            assert!(
                end.ending
                    .evidence
                    .kernel
                    .is_some_and(|kernel| kernel.retransmits > 0),
                "{end:#?}"
            );
            Ok(())
        })
    });
}

/// With `tcp_retries2` this low the kernel gives up before the dead limit.
#[test]
fn data_that_the_kernel_gives_up_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "2")?;
            let (mut fixture, raw) = join(lab, config()).await?;
            lab.cut(Host::Client)?;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert_eq!(end.ending.evidence.detector, Some(Detector::Retransmission));
            assert_eq!(
                end.ending.first_error.and_then(|first| first.error.code),
                Some(110)
            );
            assert_eq!(end.ending.evidence.bytes_unacked, Some(8));
            drop(raw);
            Ok(())
        })
    });
}

/// The kernel probes for what its own queue discards, and gives up after so many probes: no option of a socket changes
/// that.
#[test]
fn data_that_our_own_queue_discards_until_the_kernel_gives_up_is_local_network_down() {
    run(|lab| {
        in_server_host(lab, || async {
            std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "4")?;
            assert_eq!(KernelAbilities::probe().retries, Some(4));
            let (mut fixture, raw) = join(lab, config()).await?;
            lab.choke_output(Host::Server)?;
            let since = Instant::now();
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            let end = fixture.ends_as(Cause::LocalNetworkDown, Phase::Live).await;
            assert!(since.elapsed() >= own_queue_give_up(4), "{end:#?}");
            assert!(end.ending.first_error.is_some(), "the kernel was first");
            let kernel = end.ending.evidence.kernel.expect("TCP_INFO");
            assert_eq!((kernel.probes, kernel.retransmits), (4, 0));
            assert_eq!(end.ending.evidence.bytes_unacked, Some(8));
            drop(raw);
            Ok(())
        })
    });
}

/// The cut is the same, but the proxy's kernel acknowledges.
#[test]
fn a_cut_behind_a_proxy_is_peer_silent() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut config = quick(config());
            config.listen[0].behind_proxy = true;
            let (mut fixture, raw) = join(lab, config.clone()).await?;
            lab.cut(Host::Client)?;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            let end = fixture.ends_as(Cause::PeerSilent, Phase::Live).await;
            assert_noticed_in_time(&end, &config);
            assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::Written);
            drop(raw);
            Ok(())
        })
    });
}

#[test]
fn a_process_that_says_nothing_is_peer_frozen() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, mut raw) = join(lab, quick(config())).await?;
            assert_eq!(raw.goodbye_code().await, Some(Cause::PeerFrozen.code()));
            drop(raw);
            let end = fixture.ends_as(Cause::PeerFrozen, Phase::Live).await;
            assert_noticed_in_time(&end, &quick(config()));
            let kernel = end.ending.evidence.kernel.expect("TCP_INFO");
            assert_eq!((kernel.probes, kernel.retransmits), (0, 0));
            assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::FinSeen);
            Ok(())
        })
    });
}

/// The client's own limit is shorter: the client is gone when the cable is mended, and its host answers with a reset.
#[test]
fn a_peer_that_gave_up_in_the_outage_is_reset_after_outage() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, mut raw) = join(lab, config()).await?;
            SockRef::from(&raw.stream).set_tcp_user_timeout(Some(Duration::from_millis(500)))?;
            lab.cut(Host::Client)?;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            raw.write(&data(b"hi")).await;
            assert_eq!(raw.frame().await, None, "the client's kernel gives up");
            lab.mend(Host::Client)?;
            let end = fixture.ends_as(Cause::ResetAfterOutage, Phase::Live).await;
            assert_eq!(
                end.ending.first_error.and_then(|first| first.error.code),
                Some(104)
            );
            assert!(
                end.ending
                    .evidence
                    .kernel
                    .is_some_and(|kernel| kernel.retransmits > 0),
                "{end:#?}"
            );
            assert_eq!(end.ending.evidence.bytes_unacked, Some(8));
            Ok(())
        })
    });
}

/// The game sends nothing. Our ping meets a host that does not know the connection. A client that is killed in the round
/// trip of a ping leaves the same evidence.
#[test]
fn a_host_that_was_replaced_without_an_outage_is_peer_reset() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, raw) = join(lab, quick(config())).await?;
            lab.replace(Host::Client)?;
            let end = fixture.ends_as(Cause::PeerReset, Phase::Live).await;
            assert_eq!(
                end.ending.first_error.and_then(|first| first.error.code),
                Some(104)
            );
            assert_eq!(end.ending.evidence.frames_out, 0, "our question met it");
            drop(raw);
            Ok(())
        })
    });
}

#[test]
fn a_socket_that_an_operator_destroys_is_socket_destroyed() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, mut raw) = join(lab, config()).await?;
            raw.echo(b"hi").await;
            let peer = End::Peer(raw.stream.local_addr()?);
            assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
            let end = fixture.ends_as(Cause::SocketDestroyed, Phase::Live).await;
            assert_eq!(
                end.ending.first_error.and_then(|first| first.error.code),
                Some(103)
            );
            assert_eq!(end.ending.evidence.frames_in, 1);
            Ok(())
        })
    });
}

#[test]
fn a_socket_that_is_destroyed_under_the_authenticator_is_socket_destroyed_in_auth() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut collector = EndCollector::default();
            let builder = collector.builder_in(lab, config());
            let builder = builder.authenticator(Ask(|_| std::future::pending()));
            let server = builder.serve(|_: &Player| Echo).await.expect("a server");
            let mut raw = Raw::connect_in(lab, server.local_addr())?;
            raw.write(&hello(b"ann")).await;
            until("the hello to be read", || server.stats().bytes.0 > 0).await;
            let peer = End::Peer(raw.stream.local_addr()?);
            assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
            Fixture { server, collector }
                .ends_as(Cause::SocketDestroyed, Phase::Auth)
                .await;
            Ok(())
        })
    });
}

#[test]
fn an_outage_below_the_dead_limit_ends_nothing_and_loses_nothing() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, mut raw) = join(lab, quick(config())).await?;
            lab.cut(Host::Client)?;
            let asked: Vec<_> = (0..100_u32).map(|n| n.to_be_bytes().to_vec()).collect();
            raw.write(
                &asked
                    .iter()
                    .flat_map(|payload| data(payload))
                    .collect::<Vec<_>>(),
            )
            .await;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            outage(Duration::from_secs(1)).await;
            assert!(tcp_info(&raw.stream).retransmits > 0, "the cable was cut");
            lab.mend(Host::Client)?;
            let (mut news, mut echoed) = (0, Vec::new());
            while echoed.len() < asked.len() {
                match raw.frame().await.expect("the session goes on") {
                    (kind::DATA, payload) if payload == b"news" => news += 1,
                    (kind::DATA, payload) => echoed.push(payload),
                    _ => {}
                }
            }
            assert_eq!((news, echoed), (1, asked), "all of it, once and in order");
            raw.write(&goodbye()).await;
            drop(raw);
            fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
            Ok(())
        })
    });
}

/// Starts an echo server in the server's host, and a client in the client's host that has joined it.
async fn join(lab: &Lab, config: Config) -> std::io::Result<(Fixture, Raw)> {
    let fixture = Fixture::start_in(lab, config).await;
    let raw = Raw::join_in(lab, fixture.addr(), "ann").await?;
    Ok((fixture, raw))
}

/// Checks that our own limit noticed the silence, no earlier than that limit and within the bound.
fn assert_noticed_in_time(end: &Disconnect, config: &Config) {
    let profile = config.default_profile();
    let (dead, bound) = (
        profile.dead.expect("a limit"),
        detection_bound(Silence::PathDead, &profile, None).expect("a bound"),
    );
    let silent_for = end.ending.evidence.silent_for.expect("a silent cause");
    eprintln!("silent for {silent_for:?}, bound {bound:?}");
    assert!(
        silent_for >= dead && silent_for <= bound + SLACK,
        "{silent_for:?}, bound {bound:?}"
    );
    assert_eq!(end.ending.evidence.detector, Some(Detector::Heartbeat));
}

/// The delay that a busy machine may add.
const SLACK: Duration = Duration::from_millis(500);
