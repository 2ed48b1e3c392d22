//! The rows of links as players have them: round trips, jitter, loss, flapping, NAT, proxies, IPv6, outages and crowds.

use std::time::Duration;

use lastword::Cause;
use lastword_load::Expected;
use lastword_netlab::{Delay, ProxyProgram, Proxying, Refusal, Share};

use crate::behaviour::{ClientBehaviour, Game};
use crate::fault::{Fault, Stalls};
use crate::messages::Tuning;
use crate::path::Path;
use crate::row::Row;

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    [
        round_trips(),
        jitter(),
        stalls(),
        disorder(),
        losses(),
        unsteady(),
        nat(),
        proxies(),
        own_network(),
        ipv6(),
        outages(),
        processes(),
    ]
    .concat()
}

fn round_trips() -> Vec<Row> {
    let rows = [25, 100, 200].map(|ms| {
        let path = Path::round_trip(ms, ms);
        [
            lives(&format!("rtt-{ms}"), path),
            cut(&format!("rtt-{ms}-cut"), path),
            ours_lost(&format!("rtt-{ms}-ours-lost"), path),
            ends(
                &format!("rtt-{ms}-theirs-lost"),
                path,
                Fault::TheirsLost,
                Cause::PathDead,
            ),
            ends(
                &format!("rtt-{ms}-frozen"),
                path,
                Fault::Frozen,
                Cause::PeerFrozen,
            ),
        ]
    });
    rows.concat()
}

/// Round trips that vary in order. After half a minute a kernel may count its give-up from an old time stamp. So would the
/// kernels of these clients if they bounded their retries too.
fn jitter() -> Vec<Row> {
    let path = Path::round_trip(100, 500);
    let later = |row: Row| Row {
        plays: Some(Duration::from_secs(25)),
        has_default_clients: true,
        ..row
    };
    vec![
        lives("jitter", path),
        later(outage("jitter-outage-1s", 1, path)),
        later(outage("jitter-outage-2s", 2, path)),
        later(outage("jitter-outage-3s", 3, path)),
        later(cut("jitter-cut", path)),
        later(ours_lost("jitter-ours-lost", path)),
        later(frozen_or_silent("jitter-frozen", path)),
    ]
}

/// A cable that stands still again and again, each time for less than every profile promises, and carries packets for a
/// round trip between. The kernels retry in each stall.
fn stalls() -> Vec<Row> {
    let stalls = Stalls {
        length: Duration::from_millis(3_000),
        apart: Duration::from_millis(700),
        count: 8,
    };
    let row = |name, fault, expected| Row {
        path: Path::round_trip(100, 500),
        game: Game::Echo,
        behaviour: ClientBehaviour::HONEST.sending(16),
        has_default_clients: true,
        fault,
        expected,
        ..Row::lives(name)
    };
    vec![
        row("jitter-stalls", Fault::Stalls(stalls), Expected::Lives),
        row(
            "jitter-stalls-cut",
            Fault::StallsThenCut(stalls),
            Expected::live(&[Cause::PathDead]),
        ),
    ]
}

fn disorder() -> Vec<Row> {
    let between = |least, most| {
        Delay::between(Duration::from_millis(least), Duration::from_millis(most)).overtaking()
    };
    let jitter = Path::delayed(between(50, 250));
    let reordered = Path::delayed(between(10, 100));
    let doubled =
        Path::delayed(Delay::constant(Duration::from_millis(20)).doubling(Share::percent(20)));
    vec![
        lives("jitter-out-of-order", jitter),
        cut("jitter-out-of-order-cut", jitter),
        lives("reordered", reordered),
        cut("reordered-cut", reordered),
        ours_lost("reordered-ours-lost", reordered),
        frozen_or_silent("reordered-frozen", reordered),
        lives("doubled", doubled),
        cut("doubled-cut", doubled),
        frozen_or_silent("doubled-frozen", doubled),
    ]
}

fn losses() -> Vec<Row> {
    let losing = |percent| Path::PLAIN.losing(Share::percent(percent));
    let losing_theirs = |percent| Path::PLAIN.losing_theirs(Share::percent(percent));
    vec![
        lives("loss-5", losing(5)),
        lives("loss-20", losing(20)),
        lives("loss-30", losing(30)),
        lives("loss-40", losing(40)),
        lives("their-loss-30", losing_theirs(30)),
        lives("their-loss-50", losing_theirs(50)),
        outage("loss-5-outage-2s", 2, losing(5)),
        outage("loss-20-outage-2s", 2, losing(20)),
        outage("loss-20-outage-5s", 5, losing(20)),
        cut("loss-5-cut", losing(5)),
        // By chance the clients' packets may be lost for most of the silence, too.
        Row {
            expected: Expected::live(&[Cause::PathDeadOutbound, Cause::PathDead]),
            ..ours_lost("loss-5-ours-lost", losing(5))
        },
        frozen_or_silent("loss-5-frozen", losing(5)),
        Row {
            expected: Expected::live(&[Cause::PeerFrozen, Cause::PeerSilent, Cause::PathDead]),
            ..frozen_or_silent("loss-20-frozen", losing(20))
        },
    ]
}

fn unsteady() -> Vec<Row> {
    let flapping = Fault::Flapping {
        down: Duration::from_millis(2_500),
        up: Duration::from_secs(1),
    };
    let row = |name, path| Row {
        fault: flapping,
        ..lives(name, path)
    };
    vec![
        row("flapping", Path::PLAIN),
        row("flapping-rtt-80", Path::round_trip(80, 80)),
        Row {
            fault: flapping,
            ..Row::lives("flapping-beats")
        },
        Row {
            game: Game::Echo,
            behaviour: ClientBehaviour::HONEST.sending(16 * 1_024),
            ..Row::ends(
                "their-large-lost",
                Fault::TheirLargeLost(1_000),
                Cause::PeerSilent,
            )
        },
    ]
}

/// A NAT that has forgotten the connections. One that says nothing is a cut to both ends.
fn nat() -> Vec<Row> {
    let ways = [
        (
            "nat-reset",
            Fault::Refused(Refusal::Reset),
            Cause::PeerReset,
        ),
        (
            "nat-unreachable",
            Fault::Refused(Refusal::Unreachable),
            Cause::PathDead,
        ),
        ("far-link", Fault::FarLinkDown, Cause::PathDead),
    ];
    let rows = ways.map(|(name, fault, cause)| idle_and_busy(name, Path::PLAIN, fault, cause));
    let silent = cut("nat-silent-busy", Path::PLAIN);
    [rows.concat(), vec![silent]].concat()
}

/// The kernel of a proxy answers for a player that is gone, so only the silence is claimed. A reload ends the
/// connections of the old processes where the proxy is told so.
fn proxies() -> Vec<Row> {
    use ProxyProgram::{Haproxy, Nginx};
    let programs = [
        ("haproxy", Haproxy, ""),
        ("haproxy-v2", Haproxy, "send-proxy-v2"),
        ("nginx", Nginx, ""),
        ("nginx-v1", Nginx, "proxy_protocol on;"),
    ];
    let rows = programs.map(|(name, program, options)| {
        let row = |way: &str, ends_old, fault, expected| Row {
            path: Path::through(Proxying {
                program,
                options,
                ends_old,
            }),
            tuning: Tuning {
                behind_proxy: options.is_empty(),
                proxy_header: !options.is_empty(),
                ..Tuning::default()
            },
            fault,
            expected,
            ..Row::lives(&format!("{name}-{way}"))
        };
        let silent = || Expected::live(&[Cause::PeerSilent]);
        let ended = Expected::live(&[Cause::PeerFin, Cause::PeerReset]);
        [
            row("cut", false, Fault::Cut, silent()),
            row("frozen", false, Fault::Frozen, silent()),
            row("reload", false, Fault::ProxyReloaded, Expected::Lives),
            row("reload-ends", true, Fault::ProxyReloaded, ended),
        ]
    });
    rows.concat()
}

fn own_network() -> Vec<Row> {
    let own = |name, fault| idle_and_busy(name, Path::PLAIN, fault, Cause::LocalNetworkDown);
    let mut rows = [
        own("own-carrier", Fault::OwnCarrierLost),
        own("own-addresses", Fault::OwnAddressesGone),
        own("own-queue", Fault::OwnQueueChoked),
    ]
    .concat();
    rows.extend(
        own("own-queue-60-retries", Fault::OwnQueueChoked)
            .into_iter()
            .map(|row| Row {
                tcp_retries2: Some(60),
                ..row
            }),
    );
    rows
}

fn ipv6() -> Vec<Row> {
    let own = |name, fault| idle_and_busy(name, Path::IPV6, fault, Cause::LocalNetworkDown);
    let mut rows = [
        own("v6-own-link", Fault::OwnLinkDown),
        own("v6-own-carrier", Fault::OwnCarrierLost),
        own("v6-own-addresses", Fault::OwnAddressesGone),
        own("v6-own-route", Fault::OwnBlackhole),
        own("v6-own-filter", Fault::OwnFilter),
        idle_and_busy("v6-cut", Path::IPV6, Fault::Cut, Cause::PathDead),
        idle_and_busy("v6-frozen", Path::IPV6, Fault::Frozen, Cause::PeerFrozen),
        idle_and_busy(
            "v6-theirs-lost",
            Path::IPV6,
            Fault::TheirsLost,
            Cause::PathDead,
        ),
        idle_and_busy(
            "v6-nat-unreachable",
            Path::IPV6,
            Fault::Refused(Refusal::Unreachable),
            Cause::PathDead,
        ),
    ]
    .concat();
    rows.extend([
        lives("v6-healthy", Path::IPV6),
        ours_lost("v6-ours-lost", Path::IPV6),
        outage("v6-outage-5s", 5, Path::IPV6),
        Row {
            path: Path::IPV6,
            game: Game::Flood,
            behaviour: ClientBehaviour::NEVER_READS,
            tuning: Tuning {
                write_progress_ms: 10_000,
                ..Tuning::default()
            },
            ..Row::ends("v6-zero-window", Fault::Nothing, Cause::PeerNotReading)
        },
    ]);
    rows
}

/// Outages that players with bounded retries and players with default kernels live through, as far as that is promised.
fn outages() -> Vec<Row> {
    let rows = [3, 6, 7, 9, 10, 11, 12].map(|seconds| {
        let row = |name: String, has_default_clients| Row {
            has_default_clients,
            fault: Fault::Outage(Duration::from_secs(seconds)),
            ..Row::lives(&name)
        };
        [
            row(format!("outage-{seconds}s"), false),
            row(format!("outage-{seconds}s-default"), true),
        ]
    });
    let theirs = Row {
        fault: Fault::TheirsOutage(Duration::from_secs(6)),
        ..lives("theirs-outage-6s", Path::PLAIN)
    };
    let default = Row {
        name: format!("{}-default", theirs.name),
        has_default_clients: true,
        ..theirs.clone()
    };
    let far = [
        outage("rtt-100-outage-6s", 6, Path::round_trip(100, 100)),
        outage("rtt-200-outage-5s", 5, Path::round_trip(200, 200)),
    ];
    [rows.concat(), far.to_vec(), vec![theirs, default]].concat()
}

fn processes() -> Vec<Row> {
    let crowd = |name, fault, cause| Row {
        players: Some(4_000),
        ..Row::ends(name, fault, cause)
    };
    vec![
        crowd("crowd-cut", Fault::Cut, Cause::PathDead),
        crowd("crowd-frozen", Fault::Frozen, Cause::PeerFrozen),
        // The unread frames make the end a reset.
        Row {
            game: Game::Pour(20),
            ..Row::ends(
                "stopped-then-killed",
                Fault::StoppedAndKilled(Duration::from_millis(3_500)),
                Cause::PeerReset,
            )
        },
    ]
}

/// Players that move on this path, and live.
fn lives(name: &str, path: Path) -> Row {
    Row {
        path,
        ..Row::lives(name).moving()
    }
}

fn outage(name: &str, seconds: u64, path: Path) -> Row {
    Row {
        fault: Fault::Outage(Duration::from_secs(seconds)),
        ..lives(name, path)
    }
}

/// Players that move on this path until the fault ends them.
fn ends(name: &str, path: Path, fault: Fault, cause: Cause) -> Row {
    Row {
        path,
        ..Row::ends(name, fault, cause).moving()
    }
}

fn cut(name: &str, path: Path) -> Row {
    ends(name, path, Fault::Cut, Cause::PathDead)
}

fn ours_lost(name: &str, path: Path) -> Row {
    Row {
        is_untold_by_default_retries: true,
        ..ends(name, path, Fault::OursLost, Cause::PathDeadOutbound)
    }
}

/// A frozen player on a path where segments may be sent again or arrive twice. Then its kernel proves less.
fn frozen_or_silent(name: &str, path: Path) -> Row {
    Row {
        expected: Expected::live(&[Cause::PeerFrozen, Cause::PeerSilent]),
        ..ends(name, path, Fault::Frozen, Cause::PeerFrozen)
    }
}

/// Two rows: players that only send heartbeats, and players that move.
fn idle_and_busy(name: &str, path: Path, fault: Fault, cause: Cause) -> Vec<Row> {
    let idle = Row {
        path,
        ..Row::ends(&format!("{name}-idle"), fault, cause)
    };
    vec![idle, ends(&format!("{name}-busy"), path, fault, cause)]
}
