//! Silence on real sockets, in cases that look like something else: a flood, a slow reader, a slow link, a kill.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::time::Duration;

use lastword_netlab::{Host, Share, run};
use lastword_server::{
    Cause, Config, Disconnect, Framing, LengthPrefixed, Phase, Player, ServerHandle,
};
use lastword_session::Detector;
use lastword_tests::{
    Echo, EndCollector, Fixture, Raw, config, data, frame, in_server_host, kind, outage, quick,
    server_end, until, within,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// More than the queue takes during the cut: the cause is the silence, and not the data that piled up in it.
#[test]
fn a_flood_into_a_pulled_cable_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut fixture = Fixture::start_in(lab, profile("competitive")).await;
            let raw = Raw::join_in(lab, fixture.addr(), "ann").await?;
            let client = tokio::spawn(plays(raw, Duration::from_secs(1)));
            let flood = tokio::spawn(floods(fixture.server.clone(), [7; 4096].into(), 50));
            outage(Duration::from_millis(1_700)).await;
            lab.cut(Host::Client)?;
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert!(end.ending.evidence.bytes_unsent > 200_000, "{end:#?}");
            client.abort();
            flood.abort();
            Ok(())
        })
    });
}

/// A slow reader makes progress, as the kernel counts it, only in bursts; its heartbeats continue.
#[tokio::test]
async fn a_reader_of_128_kilobytes_in_9_seconds_lives() {
    let mut config = config();
    config.timeouts.outbound_age_ms = 0;
    assert_eq!(config.timeouts.write_progress_ms, 10_000, "the default");
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config).bind().await.unwrap();
    let mut raw = Raw::connect_small(server.local_addr(), 64 * 1024).await;
    raw.enter("ann").await;
    let session = within("a session", server.accept()).await.unwrap();
    let game = tokio::spawn(async move {
        while session.ready().await.is_ok() && session.send([7; 1024]).is_ok() {}
        session.close().await.ending.verdict.cause
    });
    let (mut reads, mut writes) = raw.stream.into_split();
    let heart = tokio::spawn(async move {
        let mut beats = interval(Duration::from_secs(5));
        loop {
            beats.tick().await;
            if writes
                .write_all(&frame(kind::PING, &[0; 16]))
                .await
                .is_err()
            {
                return;
            }
        }
    });
    for _ in 0..2 {
        outage(Duration::from_secs(9)).await;
        let mut burst = vec![0; 128 * 1024];
        within("a burst", reads.read_exact(&mut burst))
            .await
            .unwrap();
        assert!(!game.is_finished());
    }
    assert_eq!(server.handle().stats().connections_open, 1);
    heart.abort();
}

/// The client's kernel had acknowledged our ping, so the host was there and this is not an outage.
#[tokio::test]
async fn a_frozen_client_that_is_killed_is_peer_reset() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(quick(config()));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let raw = Raw::join(server.local_addr(), "ann").await;
    // Our ping lies unread, so any close of this socket sends a reset.
    raw.until_readable().await;
    drop(raw);
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::PeerReset, "{end:#?}");
}

/// Our ping is unacknowledged when the reset comes, as in an outage. But no timer of the kernel has found it late.
#[test]
fn frozen_clients_that_are_killed_in_the_round_trip_of_a_ping_are_peer_reset() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut config = quick(config());
            for profile in config.liveness.profiles.values_mut() {
                profile.dead_ms = Some(15_000);
            }
            let mut fixture = Fixture::start_in(lab, config).await;
            let mut frozen = Vec::new();
            for n in 0..50 {
                let raw = Raw::join_in(lab, fixture.addr(), &format!("player {n}")).await?;
                let server = server_end(raw.stream.local_addr()?);
                frozen.push((raw, server));
            }
            // A process that ends with unread bytes resets its connection.
            fixture.server.broadcast_all(b"news");
            for (raw, _) in &frozen {
                raw.until_readable().await;
            }
            lab.delay(Host::Client, Duration::from_millis(40))?;
            until("a ping on its way to each client", || {
                frozen.retain(|(_, server)| {
                    let kernel = lastword_sys::sample(lastword_sys::borrow(server));
                    kernel.is_some_and(|kernel| kernel.outq == 0)
                });
                frozen.is_empty()
            })
            .await;
            let mut in_flight = 0;
            for _ in 0..50 {
                let end = fixture.collector.end().await;
                let kernel = end.ending.evidence.kernel.expect("TCP_INFO");
                // On a busy machine the ping may take so long that the kernel sends it again.
                if kernel.retransmits == 0 {
                    assert_eq!(end.cause(), Cause::PeerReset, "{end:#?}");
                    in_flight += u32::from(kernel.outq > 0);
                }
            }
            assert!(in_flight > 0, "no ping was on its way");
            Ok(())
        })
    });
}

#[test]
#[ignore = "takes 45 s: a link of 2 s and 5 % of loss both ways, under the shortest profile"]
fn a_slow_link_that_loses_packets_ends_nothing() {
    run(|lab| {
        in_server_host(lab, || async {
            let fixture = Fixture::start_in(lab, profile("competitive")).await;
            let raw = Raw::join_in(lab, fixture.addr(), "ann").await?;
            let client = tokio::spawn(plays(raw, Duration::from_secs(1)));
            lab.delay(Host::Client, Duration::from_secs(1))?;
            lab.lose(Host::Client, Share::percent(5))?;
            let flood = tokio::spawn(floods(fixture.server.clone(), [7; 50].into(), 20));
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(40) {
                outage(Duration::from_millis(200)).await;
                let closed = fixture.server.stats();
                assert_eq!(closed.connections_open, 1, "after {:?}", since.elapsed());
            }
            client.abort();
            flood.abort();
            Ok(())
        })
    });
}

/// A wire without pings owes us no data, so only the kernel can find the pulled cable.
#[test]
fn without_pings_keepalive_finds_a_pulled_cable() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut collector = EndCollector::default();
            let builder = collector
                .builder_in(lab, quick(config()))
                .framing(Framing::Dialect(Arc::new(LengthPrefixed)));
            let server = builder.serve(|_: &Player| Echo).await.unwrap();
            let mut raw = Raw::connect_in(lab, server.local_addr())?;
            raw.write(b"\0\0\0\x03ann").await;
            let mut echoed = [0; 7];
            within("the echo", raw.stream.read_exact(&mut echoed)).await?;
            lab.cut(Host::Client)?;
            let end = collector.end().await;
            assert_found(&end, Detector::Keepalive);
            assert!(end.ending.first_error.is_some());
            Ok(())
        })
    });
}

#[test]
fn without_keepalive_pings_find_a_pulled_cable() {
    run(|lab| {
        in_server_host(lab, || async {
            let mut config = quick(config());
            config.kernel.keepalive = false;
            let mut fixture = Fixture::start_in(lab, config).await;
            let raw = Raw::join_in(lab, fixture.addr(), "ann").await?;
            lab.cut(Host::Client)?;
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert_found(&end, Detector::Heartbeat);
            drop(raw);
            Ok(())
        })
    });
}

/// The game gets everything that the client sent before it was given up, including the byte that proved that it still
/// talks.
#[tokio::test]
async fn a_peer_that_sends_but_does_not_read_is_peer_not_reading_and_heard_to_the_end() {
    let mut config = config();
    config.timeouts.outbound_age_ms = 0;
    config.timeouts.write_progress_ms = 1_000;
    let mut collector = EndCollector::default();
    let mut server = collector.builder(config).bind().await.unwrap();
    let mut raw = Raw::connect_small(server.local_addr(), 4 * 1024).await;
    raw.enter("ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    // More than the two kernels hold for it, so that some data waits in our queue.
    for _ in 0..40 {
        session.send([7; 4096]).unwrap();
    }
    outage(Duration::from_secs(4)).await;
    raw.write(&data(b"still here")).await;
    let heard = within("the frame", session.recv()).await;
    assert_eq!(heard.as_deref(), Some(b"still here".as_slice()));
    assert_eq!(within("the end", session.recv()).await, None);
    drop(raw);
    let end = collector.end().await;
    assert_eq!(end.cause(), Cause::PeerNotReading, "{end:#?}");
    let silent_for = end.ending.evidence.silent_for.unwrap();
    assert!(silent_for >= Duration::from_secs(1), "{silent_for:?}");
}

fn profile(name: &str) -> Config {
    let mut config = config();
    name.clone_into(&mut config.liveness.profile);
    config
}

/// Reads all data, and sends heartbeats.
async fn plays(raw: Raw, heartbeat: Duration) {
    let (mut reads, mut writes) = raw.stream.into_split();
    let mut beats = interval(heartbeat);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        tokio::select! {
            read = reads.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            _ = beats.tick() => {
                if writes.write_all(&frame(kind::PING, &[0; 16])).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Sends to every session, this many times a second.
async fn floods(server: ServerHandle, payload: Vec<u8>, hz: u32) {
    let mut ticks = interval(Duration::from_secs(1) / hz);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        server.broadcast_all(&payload);
    }
}

fn assert_found(end: &Disconnect, detector: Detector) {
    assert_eq!(end.cause(), Cause::PathDead, "{end:#?}");
    assert_eq!(end.ending.evidence.detector, Some(detector), "{end:#?}");
}
