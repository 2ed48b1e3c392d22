//! Tests the causes on kernels that tell less than this one. A preloaded library plays them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::{Host, Skip};
use lastword_sys::TcpInfoFields;
use rustix::net::{AddressFamily, SocketType, ipproto, sockopt};
use serde_json::Value;

use crate::command::{DEADLINE, Serving, config_file, lastword};
use crate::player::Player;

/// Each kernel, and the fields of `TCP_INFO` that it really fills in for a connection.
const KERNELS: [(&str, TcpInfoFields); 11] = [
    ("whole", TcpInfoFields::Window),
    ("no_loopback", TcpInfoFields::Window),
    ("no_window", TcpInfoFields::Losses),
    ("224", TcpInfoFields::Losses),   // Linux 4.19 to 5.3
    ("192", TcpInfoFields::Counters), // Linux 4.10 to 4.17
    ("136", TcpInfoFields::State),    // Linux 4.1
    ("104", TcpInfoFields::State),    // Linux 3.10
    ("few", TcpInfoFields::State),
    ("lying", TcpInfoFields::State),
    ("zero", TcpInfoFields::Nothing),
    ("deny", TcpInfoFields::Nothing),
];

#[test]
fn each_end_has_the_cause_that_the_kernel_can_show() {
    let Some(shim) = shim("each_end_has_the_cause_that_the_kernel_can_show") else {
        return;
    };
    thread::scope(|scope| {
        for (kernel, fields) in KERNELS {
            let shim = &shim;
            scope.spawn(move || {
                let server = Watched::start(shim, kernel, "127.0.0.1:0", 2_800);
                let connect = || TcpStream::connect(server.serving.game).unwrap();
                play(kernel, &server, connect, fields);
            });
        }
    });
}

#[test]
fn a_cut_is_a_dead_path_only_where_the_kernel_counts() {
    lastword_netlab::run(|lab| {
        let Some(shim) = shim("a_cut_is_a_dead_path_only_where_the_kernel_counts") else {
            return Ok(());
        };
        let listen = format!("{}:0", lab.addr(Host::Server));
        let servers = lab.on(Host::Server, || {
            let start = |(kernel, _)| Watched::start(&shim, kernel, &listen, 6_000);
            Ok(KERNELS.map(start))
        })?;
        // The players join last: a silence before the cut is a frozen player.
        let games: Vec<_> = servers.iter().map(|server| server.serving.game).collect();
        let players = lab.on(Host::Client, || {
            Ok(games.into_iter().map(Player::join).collect::<Vec<_>>())
        })?;
        lab.cut(Host::Client)?;
        for ((kernel, fields), (server, player)) in
            KERNELS.into_iter().zip(servers.iter().zip(players))
        {
            let expected = match fields {
                TcpInfoFields::Nothing | TcpInfoFields::State => "peer_silent",
                TcpInfoFields::Counters | TcpInfoFields::Losses | TcpInfoFields::Window => {
                    "path_dead"
                }
            };
            let record = server.record_of(player.addr());
            assert_eq!(record["cause"], expected, "{kernel}: {record:#}");
        }
        Ok(())
    });
}

#[test]
fn check_config_says_what_the_kernel_really_shows() {
    let Some(shim) = shim("check_config_says_what_the_kernel_really_shows") else {
        return;
    };
    for (kernel, shown, cannot) in [
        (
            "zero",
            "shows nothing of a connection: a read of 0 is a close",
            "path_dead_outbound",
        ),
        (
            "deny",
            "shows nothing of a connection: a read of 0 is a close",
            "path_dead_outbound",
        ),
        (
            "few",
            "shows the state of a connection, and no counters",
            "path_dead_outbound",
        ),
        (
            "192",
            "without losses and window: a frozen peer is peer_silent",
            "peer_frozen",
        ),
        (
            "224",
            "without window and reordering: a frozen peer is peer_silent",
            "peer_frozen",
        ),
        (
            "no_loopback",
            "window of a connection; this was not tested",
            "idle",
        ),
        (
            "multipath",
            "window of a connection; this was not tested",
            "idle",
        ),
        ("whole", "window of a connection gives up", "idle"),
    ] {
        let mut command = lastword(&["check-config", REFERENCE]);
        let output = played(&mut command, &shim, kernel).output().unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        let words = report.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(shown), "{kernel}: {report}");
        let (_, never) = report.split_once("These causes cannot occur").unwrap();
        assert!(
            never.contains(&format!("  {cannot} ")),
            "{kernel}: {report}"
        );
    }
}

#[test]
fn a_multipath_listener_serves_both_kinds_of_clients_with_the_causes_that_hold_for_each() {
    let test =
        "a_multipath_listener_serves_both_kinds_of_clients_with_the_causes_that_hold_for_each";
    let enabled = fs::read_to_string("/proc/sys/net/mptcp/enabled").unwrap_or_default();
    if enabled.trim() != "1" {
        return Skip::new("this kernel has no Multipath TCP (net.mptcp.enabled)")
            .report(test)
            .unwrap();
    }
    let Some(shim) = shim(test) else { return };
    let server = Watched::start(&shim, "multipath", "127.0.0.1:0", 2_800);
    let game = server.serving.game;
    let multipath = || {
        let socket = rustix::net::socket(
            AddressFamily::INET,
            SocketType::STREAM,
            Some(ipproto::MPTCP),
        );
        let socket = socket.unwrap();
        rustix::net::connect(&socket, &game).unwrap();
        TcpStream::from(socket)
    };
    let plain = || TcpStream::connect(game).unwrap();
    play("Multipath TCP", &server, multipath, TcpInfoFields::Nothing);
    play("a plain client", &server, plain, TcpInfoFields::Window);
}

#[test]
fn a_socket_option_that_is_refused_is_named_and_the_status_is_1() {
    let Some(shim) = shim("a_socket_option_that_is_refused_is_named_and_the_status_is_1") else {
        return;
    };
    for (option, number) in [
        ("SO_REUSEADDR", "1:2"),
        ("TCP_NODELAY", "6:1"),
        ("SO_OOBINLINE", "1:10"),
        ("SO_KEEPALIVE", "1:9"),
        ("TCP_KEEPIDLE", "6:4"),
        ("TCP_KEEPINTVL", "6:5"),
        ("TCP_KEEPCNT", "6:6"),
        ("TCP_RTO_MAX_MS", "6:44"),
        ("TCP_NOTSENT_LOWAT", "6:25"),
    ] {
        if option == "TCP_RTO_MAX_MS" && !lastword_sys::supports_rto_max() {
            continue;
        }
        let mut command = lastword(&["serve", "--listen", "127.0.0.1:0", "--admin", "off"]);
        command.env("LASTWORD_REFUSES", number);
        let output = played(&mut command, &shim, "whole").output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{option}: {told}");
        let expected = format!("{option} was not set: Operation not permitted (EPERM)");
        let last = told.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("lastword: cannot listen on 127.0.0.1:0"),
            "{told}"
        );
        assert!(last.contains(&expected), "{told}");
    }
}

/// Plays every end on connections of this kind, and compares the records.
fn play(kernel: &str, server: &Watched, connect: impl Fn() -> TcpStream, fields: TcpInfoFields) {
    let join = || Player::on(connect());
    for (cause, end) in ENDS {
        let player = join();
        let addr = player.addr();
        end(player);
        let record = server.record_of(addr);
        assert_eq!(record["cause"], cause, "{kernel}: {record:#}");
        let window = record["send_window_bytes"].is_number();
        assert_eq!(
            window,
            fields == TcpInfoFields::Window,
            "{kernel}: {record:#}"
        );
        let counted = record["retransmits"].is_number();
        assert_eq!(
            counted,
            fields >= TcpInfoFields::Counters,
            "{kernel}: {record:#}"
        );
    }
    let expected = match fields {
        TcpInfoFields::Window => "peer_frozen",
        TcpInfoFields::Nothing
        | TcpInfoFields::State
        | TcpInfoFields::Counters
        | TcpInfoFields::Losses => "peer_silent",
    };
    let (frozen, mut alive) = (join(), join());
    // A client that speaks outlives the silent one.
    let record = server.record_while(frozen.addr(), || alive.echo());
    assert_eq!(record["cause"], expected, "{kernel}: {record:#}");
    alive.echo();
    let addr = alive.addr();
    alive.say_goodbye();
    assert_eq!(server.record_of(addr)["cause"], "peer_goodbye", "{kernel}");
}

type End = (&'static str, fn(Player));

/// The ends that a client makes, each with its cause on every kernel.
const ENDS: [End; 6] = [
    ("peer_fin", |mut player| player.echo()),
    ("peer_fin", |player| player.close_one_side()),
    ("peer_goodbye", |mut player| player.say_goodbye()),
    ("peer_fin_mid_frame", |mut player| {
        player.write_half_a_frame()
    }),
    ("peer_reset", |mut player| {
        player.echo();
        reset(player);
    }),
    ("peer_reset_mid_frame", |mut player| {
        player.write_half_a_frame();
        reset(player);
    }),
];

fn reset(player: Player) {
    let stream = player.into_stream();
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
}

/// A server on a played kernel, and the records in its log.
struct Watched {
    serving: Serving,
    records: Receiver<Value>,
}

impl Watched {
    fn start(shim: &Path, kernel: &str, listen: &str, dead_ms: u32) -> Self {
        let file = config_file(
            &format!("kernel_{kernel}_{dead_ms}"),
            format!("{QUICK}dead_ms = {dead_ms}\n"),
        );
        let file = file.to_str().unwrap();
        let listen = ["serve", "--listen", listen, "--admin", "127.0.0.1:0"];
        let log = ["--log-format", "json", "--config", file];
        let mut command = lastword(&[&listen[..], &log].concat());
        let (stderr, log) = UnixStream::pair().unwrap();
        played(&mut command, shim, kernel).stderr(Stdio::from(OwnedFd::from(stderr)));
        let (tell, records) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(log).lines().map_while(Result::ok);
            let lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
            // The test may have all the records that it needs.
            lines
                .filter(|line| line["cause"].is_string())
                .try_for_each(|record| tell.send(record))
        });
        Self {
            serving: Serving::start(command),
            records,
        }
    }

    fn record_of(&self, player: SocketAddr) -> Value {
        self.record_while(player, || {})
    }

    /// Waits for the record, and does this ten times a second meanwhile.
    fn record_while(&self, player: SocketAddr, mut work: impl FnMut()) -> Value {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            match self.records.recv_timeout(Duration::from_millis(100)) {
                Ok(record) if record["remote"] == player.to_string() => return record,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => work(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("no record of {player}");
    }
}

/// The command, on a played kernel.
fn played<'a>(command: &'a mut Command, shim: &Path, kernel: &str) -> &'a mut Command {
    command
        .env("LD_PRELOAD", shim)
        .env("LASTWORD_KERNEL", kernel)
}

/// Compiles the library that plays the kernels, or reports the test as skipped.
fn shim(test: &str) -> Option<PathBuf> {
    let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/kernel_shim.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    match compiler.args([source, "-ldl"]).status() {
        Ok(status) => {
            assert!(status.success(), "cc: {status}");
            Some(library)
        }
        Err(error) => {
            let why = format!("there is no C compiler: cc: {error}");
            Skip::new(&why).report(test).unwrap();
            None
        }
    }
}

const QUICK: &str = "[liveness]\nprofile = \"quick\"\n\
    [liveness.profiles.quick]\nheartbeat_ms = 200\nsuspect_ms = 300\n";
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/lastword.toml");
