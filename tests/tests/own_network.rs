//! Faults of the server's own network are `local_network_down`, and a fault beyond it is not.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use lastword_netlab::{Host, Lab, Outcome, Route, run};
use lastword_server::{Cause, Config, Disconnect, Phase, Player};
use lastword_session::OwnFault;
use lastword_tests::{Echo, EndCollector, Fixture, Raw, config, in_server_host, quick};
use tokio::time::MissedTickBehavior;

/// One fault, and its record.
struct Row {
    name: &'static str,
    addr: &'static str,
    happens: fn(&Lab) -> io::Result<()>,
    cause: Cause,
    /// The system's own answer, where it knows the fault.
    fault: Option<OwnFault>,
}

const fn ours(
    name: &'static str,
    addr: &'static str,
    happens: fn(&Lab) -> io::Result<()>,
    fault: Option<OwnFault>,
) -> Row {
    Row {
        name,
        addr,
        happens,
        cause: Cause::LocalNetworkDown,
        fault,
    }
}

const NO_ROUTE: Option<OwnFault> = Some(OwnFault::NoRoute);
const NO_CARRIER: Option<OwnFault> = Some(OwnFault::NoCarrier);
const ADDRESS_GONE: Option<OwnFault> = Some(OwnFault::AddressGone);

/// With data in flight the system's answer is needed; without it, the kernel's counters may tell before it is asked.
#[test]
fn what_the_system_knows_of_its_own_network_is_local_network_down() {
    run(|_| {
        play(
            &quick(config()),
            &[
                ours("carrier", V4, |lab| lab.link_down(Host::Server), NO_CARRIER),
                ours(
                    "carrier, IPv6",
                    V6,
                    |lab| lab.link_down(Host::Server),
                    NO_CARRIER,
                ),
                ours(
                    "link down",
                    V4,
                    |lab| lab.own_link_down(Host::Server),
                    NO_ROUTE,
                ),
                ours(
                    "address",
                    V4,
                    |lab| server_ip(lab, "addr flush dev eth0 scope global"),
                    ADDRESS_GONE,
                ),
                ours(
                    "address, IPv6",
                    V6,
                    |lab| server_ip(lab, "-6 addr flush dev eth0 scope global"),
                    ADDRESS_GONE,
                ),
                ours(
                    "no route",
                    V4,
                    |lab| lab.set_route(Host::Server, Route::Gone),
                    NO_ROUTE,
                ),
                ours(
                    "blackhole",
                    V4,
                    |lab| lab.set_route(Host::Server, Route::Blackhole),
                    NO_ROUTE,
                ),
                ours(
                    "unreachable",
                    V4,
                    |lab| server_ip(lab, "route replace unreachable default"),
                    NO_ROUTE,
                ),
                ours(
                    "blackhole, IPv6",
                    V6,
                    |lab| server_ip(lab, "-6 route replace blackhole ::/0"),
                    NO_ROUTE,
                ),
                Row {
                    cause: Cause::PathDead,
                    ..ours("cut further on", V4, |lab| lab.cut(Host::Client), None)
                },
                Row {
                    cause: Cause::PathDead,
                    ..ours(
                        "cut further on, IPv6",
                        V6,
                        |lab| lab.cut(Host::Client),
                        None,
                    )
                },
            ],
        )
    });
}

/// The system says that all is well. The kernel's counters need some seconds to say otherwise.
#[test]
fn what_only_the_counters_know_is_local_network_down() {
    run(|_| {
        let mut config = config();
        config.liveness.profile = "competitive".to_owned();
        let gateway_gone = |lab: &Lab| {
            router_ip(lab, "link set server arp off")?;
            server_ip(lab, "neigh flush dev eth0")
        };
        play(
            &config,
            &[
                ours("gateway", V4, gateway_gone, None),
                ours("carrier", V4, |lab| lab.link_down(Host::Server), NO_CARRIER),
                ours(
                    "carrier, IPv6",
                    V6,
                    |lab| lab.link_down(Host::Server),
                    NO_CARRIER,
                ),
                ours("filter", V4, |lab| lab.block_output(Host::Server), None),
                ours("full queue", V4, choke, None),
                Row {
                    cause: Cause::PathDead,
                    ..ours("cut further on", V4, |lab| lab.cut(Host::Client), None)
                },
            ],
        )
    });
}

/// The kernel gives up before our dead limit, and its error is that of a dead path.
#[test]
fn a_give_up_of_the_kernel_without_our_address_is_local_network_down() {
    run(|lab| {
        in_server_host(lab, || async {
            std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "3")?;
            let mut config = quick(config());
            let quick = config.liveness.profiles.get_mut("quick");
            let quick = quick.expect("it was added");
            (quick.dead_ms, quick.rto_max_ms) = (Some(60_000), Some(0));
            let (fixture, raw) = join(lab, &config, V6).await?;
            server_ip(lab, "-6 addr flush dev eth0 scope global")?;
            let end = ended(fixture, Some(BUSY)).await;
            assert_eq!(end.cause(), Cause::LocalNetworkDown, "{end:#?}");
            assert!(
                end.ending.first_error.is_some(),
                "the kernel gave up: {end:#?}"
            );
            assert!(says(&end, OwnFault::AddressGone), "{end:#?}");
            drop(raw);
            Ok(())
        })
    });
}

/// Plays each fault with an idle game and with a busy one, all at once, each in a lab of its own.
fn play(config: &Config, rows: &[Row]) -> Outcome {
    let ends = thread::scope(|scope| {
        let mut played = Vec::new();
        for row in rows {
            for writes in [None, Some(BUSY)] {
                played.push((
                    row,
                    writes,
                    scope.spawn(move || play_one(config, row, writes)),
                ));
            }
        }
        let joined = played
            .into_iter()
            .map(|(row, writes, end)| (row, writes, end.join().expect("a verdict")));
        joined.collect::<Vec<_>>()
    });
    for (row, writes, end) in ends {
        let end = end?;
        let what = format!("{}, writes every {writes:?}: {end:#?}", row.name);
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (row.cause, Phase::Live),
            "{what}"
        );
        for fault in [
            OwnFault::AddressGone,
            OwnFault::NoRoute,
            OwnFault::NoCarrier,
        ] {
            // The counters may have told already, and then the system is not asked.
            assert!(!says(&end, fault) || row.fault == Some(fault), "{what}");
        }
    }
    Ok(())
}

fn play_one(config: &Config, row: &Row, writes: Option<Duration>) -> io::Result<Disconnect> {
    let lab = Lab::new()?;
    let mut end = None;
    in_server_host(&lab, || async {
        let (fixture, raw) = join(&lab, config, row.addr).await?;
        (row.happens)(&lab)?;
        end = Some(ended(fixture, writes).await);
        drop(raw);
        Ok(())
    })
    .map_err(io::Error::other)?;
    Ok(end.expect("it ended"))
}

/// Starts a server at this address of the server's host. Its client has joined it, and says nothing more.
async fn join(lab: &Lab, config: &Config, addr: &str) -> io::Result<(Fixture, Raw)> {
    let addr: IpAddr = addr.parse().expect("an address");
    if addr.is_ipv6() {
        use_ipv6(lab)?;
    }
    let mut collector = EndCollector::default();
    let builder = collector.builder(config.clone());
    let builder = builder.listen(std::net::SocketAddr::new(addr, 0).to_string());
    let server = builder.serve(|_: &Player| Echo).await.expect("a server");
    let raw = Raw::join_in(lab, server.local_addr(), "ann").await?;
    Ok((Fixture { server, collector }, raw))
}

/// Waits for the end, while the game writes at this interval.
async fn ended(mut fixture: Fixture, writes: Option<Duration>) -> Disconnect {
    let Some(every) = writes else {
        return fixture.collector.end().await;
    };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let writes = async {
        loop {
            ticks.tick().await;
            fixture.server.broadcast_all(b"news");
        }
    };
    tokio::select! {
        end = fixture.collector.end() => end,
        () = writes => unreachable!("it writes for ever"),
    }
}

fn says(end: &Disconnect, fault: OwnFault) -> bool {
    let mut trail = end.ending.trail.iter();
    trail.any(|event| event.what == fault.label())
}

/// Gives both hosts and the router IPv6 addresses.
fn use_ipv6(lab: &Lab) -> io::Result<()> {
    lab.on_router(|| std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1"))?;
    for (link, net) in [("server", "fd99:1:"), ("client", "fd99:2:")] {
        router_ip(lab, &format!("-6 addr add {net}:1/64 dev {link} nodad"))?;
    }
    for (host, net) in [(Host::Server, "fd99:1:"), (Host::Client, "fd99:2:")] {
        ip(lab, host, &format!("-6 addr add {net}:2/64 dev eth0 nodad"))?;
        ip(lab, host, &format!("-6 route replace ::/0 via {net}:1"))?;
    }
    Ok(())
}

/// The host's own queue discards everything.
fn choke(lab: &Lab) -> io::Result<()> {
    let queue = "qdisc replace dev eth0 root tbf rate 8bit burst 1 limit 1";
    done(lab.on(Host::Server, || {
        Command::new("tc").args(queue.split(' ')).status()
    })?)
}

fn server_ip(lab: &Lab, args: &str) -> io::Result<()> {
    ip(lab, Host::Server, args)
}

fn ip(lab: &Lab, host: Host, args: &str) -> io::Result<()> {
    done(lab.on(host, || Command::new("ip").args(args.split(' ')).status())?)
}

fn router_ip(lab: &Lab, args: &str) -> io::Result<()> {
    done(lab.on_router(|| Command::new("ip").args(args.split(' ')).status())?)
}

fn done(status: std::process::ExitStatus) -> io::Result<()> {
    assert!(status.success(), "{status}");
    Ok(())
}

const V4: &str = "10.77.1.2";
const V6: &str = "fd99:1::2";
const BUSY: Duration = Duration::from_millis(50);
