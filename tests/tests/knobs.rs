//! The socket options of a session: those of the listener until its player is known, and then those of its own profile.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, Profile};
use lastword_server::{Config, Credentials, Player};
use lastword_tests::{Ask, Fixture, Raw, config, server_end};
use socket2::{Domain, Protocol, Socket, Type};

/// The options that a profile asks for and a socket has.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    keepalive: bool,
    idle: Duration,
    interval: Duration,
    count: u32,
    rto_max: Option<Duration>,
    user_timeout: Option<Duration>,
}

impl Options {
    fn of(socket: &Socket) -> Self {
        Self {
            keepalive: socket.keepalive().unwrap(),
            idle: socket.tcp_keepalive_time().unwrap(),
            interval: socket.tcp_keepalive_interval().unwrap(),
            count: socket.tcp_keepalive_retries().unwrap(),
            rto_max: lastword_sys::rto_max(lastword_sys::borrow(socket)),
            user_timeout: socket.tcp_user_timeout().unwrap(),
        }
    }

    fn meant_by(knobs: &KernelKnobs) -> Self {
        let default = lastword_sys::default_rto_max();
        Self {
            keepalive: knobs.keepalive,
            idle: knobs.keepalive_idle,
            interval: knobs.keepalive_interval,
            count: knobs.keepalive_count,
            // On a kernel without this option nothing is read.
            rto_max: default.map(|default| knobs.rto_max.unwrap_or(default)),
            user_timeout: None,
        }
    }
}

/// A configuration with this default profile.
fn listener(profile: &str) -> Config {
    let mut config = config();
    config.liveness.profile = profile.to_owned();
    config
}

/// A server that gives each player the profile named in the credentials.
async fn server(config: Config) -> Fixture {
    let by_name = |credentials: Credentials| {
        let name = String::from_utf8(credentials.bytes.to_vec()).unwrap();
        std::future::ready(Ok(Player::new("ann").with_profile(name)))
    };
    Fixture::with(config, Ask(by_name)).await
}

#[tokio::test]
async fn a_player_has_the_socket_options_of_its_own_profile_not_the_listeners() {
    for default in ["standard", "debugger"] {
        let fixture = server(listener(default)).await;
        for name in Profile::NAMES {
            let player = Raw::join(fixture.addr(), name).await;
            let socket = server_end(player.stream.local_addr().unwrap());
            let knobs = Profile::builtin(name).unwrap().knobs();
            assert_eq!(
                Options::of(&socket),
                Options::meant_by(&knobs),
                "{name} at a listener of {default}"
            );
        }
    }
}

#[tokio::test]
async fn a_debugger_is_given_up_by_keepalive_after_65_s_and_by_retransmission_when_linux_does() {
    let fixture = server(listener("standard")).await;
    let player = Raw::join(fixture.addr(), "debugger").await;
    let options = Options::of(&server_end(player.stream.local_addr().unwrap()));
    let end = options.idle + options.interval * options.count;
    assert_eq!(end, Duration::from_secs(65));
    assert_eq!(options.rto_max, lastword_sys::default_rto_max());
}

#[tokio::test]
async fn a_peer_that_is_not_authenticated_has_the_options_of_the_listener() {
    let fixture = server(listener("competitive")).await;
    let mut player = Raw::connect(fixture.addr()).await;
    let client = player.stream.local_addr().unwrap();
    lastword_tests::until("the server has it", || {
        fixture.server.stats().connections_open == 1
    })
    .await;
    let socket = server_end(client);
    let competitive = Options::meant_by(&Profile::competitive().knobs());
    assert_eq!(Options::of(&socket), competitive);
    player.enter("background").await;
    let background = Options::meant_by(&Profile::background().knobs());
    assert_eq!(Options::of(&socket), background);
}

#[tokio::test]
async fn without_keepalive_no_session_has_it() {
    let mut config = listener("standard");
    config.kernel.keepalive = false;
    let fixture = server(config).await;
    for name in Profile::NAMES {
        let player = Raw::join(fixture.addr(), name).await;
        let options = Options::of(&server_end(player.stream.local_addr().unwrap()));
        let rto_max = Profile::builtin(name).unwrap().rto_max;
        let default = lastword_sys::default_rto_max();
        assert!(!options.keepalive, "{name}");
        assert_eq!(
            options.rto_max,
            default.map(|default| rto_max.unwrap_or(default)),
            "{name}"
        );
    }
}

/// Such a listener passes only some of its options on (`docs/kernel.md`, fact 3.10).
#[tokio::test]
async fn a_plain_client_of_a_multipath_listener_has_all_options() {
    let Ok(listener) = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)) else {
        eprintln!("skipped: this kernel has no Multipath TCP");
        return;
    };
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    listener.bind(&any.into()).unwrap();
    listener.listen(4).unwrap();
    let addr = listener.local_addr().unwrap().as_socket().unwrap();
    let fixture = server(self::listener("standard")).await;
    fixture.server.adopt(listener.into()).unwrap();
    let player = Raw::join(addr, "standard").await;
    let socket = server_end(player.stream.local_addr().unwrap());
    let knobs = Profile::standard().knobs();
    assert_eq!(Options::of(&socket), Options::meant_by(&knobs));
    assert!(socket.out_of_band_inline().unwrap());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), knobs.notsent_lowat);
}
