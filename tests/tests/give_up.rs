//! When Linux gives up a connection whose data stays unacknowledged: never before the time that `kernel_give_up`
//! returns, and never a session whose link is back.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lastword_keepalive::{RETRIES_DEFAULT, USER_TIMEOUT_HELD, kernel_give_up};
use lastword_netlab::{Delay, Host, Lab, Skip};
use lastword_tests::{Fixture, Raw, config, data, in_server_host, outage, server_end};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The round trip decides the times of the retries, so each link is given up at a different time. Here the kernel's
/// least retransmission timeout stands for the round trip.
const RTO_MIN_MS: [u64; 5] = [200, 212, 260, 332, 420];
const RTO_MAX_MS: [u64; 9] = [
    1_000, 1_200, 1_500, 1_550, 1_600, 1_700, 2_000, 5_000, 5_100,
];

#[test]
#[ignore = "a measurement of 70 s: when the kernel gives up, by TCP_RTO_MAX_MS"]
fn the_kernel_gives_up_no_earlier_than_stated_at_any_round_trip() {
    lastword_netlab::run(|_| {
        let labs: Vec<_> = RTO_MIN_MS
            .iter()
            .map(|rto_min_ms| lab(*rto_min_ms))
            .collect::<io::Result<_>>()?;
        let measured = thread::scope(|scope| {
            let labs: Vec<_> = labs
                .iter()
                .map(|lab| scope.spawn(|| give_ups(lab)))
                .collect();
            let joined = labs.into_iter().map(|lab| lab.join().unwrap());
            joined.collect::<io::Result<Vec<_>>>()
        })?;
        for (index, rto_max_ms) in RTO_MAX_MS.into_iter().enumerate() {
            let each: Vec<_> = measured.iter().map(|lab| lab[index]).collect();
            eprintln!("{rto_max_ms}: {each:.2?}");
            let rto_max = Duration::from_millis(rto_max_ms);
            let said = kernel_give_up(Some(rto_max), RETRIES_DEFAULT);
            for give_up in each {
                assert!(give_up >= said, "{rto_max:?}: {give_up:?} for {said:?}");
                let latest = said + rto_max + Duration::from_secs(2);
                assert!(give_up <= latest, "{rto_max:?}: {give_up:?} for {said:?}");
            }
        }
        Ok(())
    });
}

/// When the delay of a link rises, one retransmission of many a busy session is never settled, and the kernel counts its
/// give-up from then on.
#[test]
#[ignore = "a measurement of 40 s: how many sessions a cut of one second ends after round trips that vary"]
fn a_cut_of_one_second_after_round_trips_that_vary_ends_no_session() {
    lastword_netlab::run(|lab| {
        in_server_host(lab, || async {
            let mut config = config();
            config.liveness.profile = "competitive".to_owned();
            let mut fixture = Fixture::start_in(lab, config).await;
            let mut players = Vec::new();
            for n in 0..PLAYERS {
                let raw = Raw::join_in(lab, fixture.addr(), &format!("player {n}")).await?;
                players.push(play(raw)?);
            }
            outage(Duration::from_secs(3)).await;
            let each_way = Delay::between(Duration::from_millis(50), Duration::from_millis(250));
            lab.delay(Host::Client, each_way)?;
            outage(Duration::from_secs(25)).await;
            let is_held = |player: &&SocketAddr| {
                server_end(**player).tcp_user_timeout().unwrap() == Some(USER_TIMEOUT_HELD)
            };
            let held = players.iter().filter(is_held).count();
            lab.cut(Host::Client)?;
            outage(Duration::from_secs(1)).await;
            lab.mend(Host::Client)?;
            outage(Duration::from_secs(5)).await;
            let ended = fixture.collector.more();
            eprintln!("of {PLAYERS} sessions the give-up of {held} was put off, and {ended} ended");
            fixture.server.drain(Duration::ZERO).await;
            assert_eq!(ended, 0);
            match held {
                0 => Err(io::Error::other(Skip::new(
                    "every retransmission was settled",
                ))),
                _ => Ok(()),
            }
        })
    });
}

/// Sends twenty frames a second and reads everything, until the connection ends. Returns the client's address.
fn play(raw: Raw) -> io::Result<SocketAddr> {
    let player = raw.stream.local_addr()?;
    let (mut reader, mut writer) = raw.stream.into_split();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while matches!(reader.read(&mut buffer).await, Ok(1..)) {}
    });
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while writer.write_all(&data(b"move")).await.is_ok() {
            ticks.tick().await;
        }
    });
    Ok(player)
}

/// On an idle machine three to six in a hundred get into that state.
const PLAYERS: usize = 120;

/// A lab whose server waits at least this long before it retransmits.
fn lab(rto_min_ms: u64) -> io::Result<Lab> {
    let lab = Lab::new()?;
    let (gateway, rto_min) = (lab.gateway(Host::Server), format!("{rto_min_ms}ms"));
    let mut ip = Command::new("ip");
    ip.args(["route", "change", "default", "via", &gateway.to_string()]);
    ip.args(["rto_min", &rto_min]);
    assert!(lab.spawn(Host::Server, &mut ip)?.wait()?.success());
    Ok(lab)
}

/// Returns how long a byte of each connection was unacknowledged when the kernel gave up.
fn give_ups(lab: &Lab) -> io::Result<Vec<Duration>> {
    let listener = lab.on(Host::Server, || {
        TcpListener::bind((lab.addr(Host::Server), 0))
    })?;
    let addr = listener.local_addr()?;
    let pairs: Vec<_> = RTO_MAX_MS
        .iter()
        .map(|rto_max_ms| {
            let mut client = lab.on(Host::Client, || TcpStream::connect(addr))?;
            let (mut server, _) = listener.accept()?;
            let rto_max = Duration::from_millis(*rto_max_ms);
            lastword_sys::set_rto_max(lastword_sys::borrow(&server), rto_max)?;
            // One round trip, so that the timeout follows from the link.
            server.write_all(b"?")?;
            client.read_exact(&mut [0])?;
            client.write_all(b"!")?;
            server.read_exact(&mut [0])?;
            Ok((server, client))
        })
        .collect::<io::Result<_>>()?;
    lab.cut(Host::Client)?;
    thread::scope(|scope| {
        let each: Vec<_> = pairs
            .iter()
            .map(|(server, _)| scope.spawn(|| give_up(server)))
            .collect();
        each.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn give_up(mut server: &TcpStream) -> io::Result<Duration> {
    server.write_all(b"?")?;
    let since = Instant::now();
    let ended = server.read(&mut [0]).expect_err("the path is dead");
    assert_eq!(ended.kind(), io::ErrorKind::TimedOut, "{ended}");
    Ok(since.elapsed())
}
