//! Every error that can happen before the welcome.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::{
    Advice, Attempt, AttemptError, Cause, Client, Connector, DialError, PeerGoodbye, Phase,
    ServerAddr,
};
use lastword_server::{Authenticator, Config, Credentials, GameCode, Message, Player, Refusal};
use lastword_session::wire::{Goodbye, Kind};
use tokio::net::{TcpListener, TcpSocket};

use crate::puppet::Puppet;
use crate::servers::{echo_handlers, serve_echo, watched};
use crate::within;

struct RefuseAll;

impl Authenticator for RefuseAll {
    async fn authenticate(&self, credentials: Credentials) -> Result<Player, Refusal> {
        let name = String::from_utf8_lossy(&credentials.bytes);
        let message = Message::default()
            .with_code(GameCode::new(4_242).expect("it is a game's"))
            .with_advice(Advice::DoNot)
            .with_reason(format!("{name} is banned"));
        Err(Refusal::Rejected(message))
    }
}

#[tokio::test]
async fn a_refusal_says_the_games_code_and_its_words() {
    let (builder, mut ends) = watched(Config::default());
    let server = serve_echo(builder.authenticator(RefuseAll)).await;
    let error = refused(Client::connect(server.local_addr(), "mallory").await);
    let expected = PeerGoodbye {
        over: true,
        code: 4_242,
        cause: Some(Cause::AuthRejected),
        advice: Advice::DoNot,
        delay: Duration::from_secs(2),
        address: String::new(),
        reason: "mallory is banned".to_owned(),
    };
    assert_eq!(
        error.to_string(),
        "cannot join: the server rejected our credentials (auth_rejected, code 4242): \"mallory is banned\""
    );
    assert!(
        matches!(&error, DialError::Refused { peer_goodbye, .. } if *peer_goodbye == expected),
        "{error:?}"
    );
    assert_eq!(error.told(), Some(&expected));
    let ended = error.ended().expect("there was a connection");
    assert_eq!(ended.cause, Cause::PeerGoodbye);
    assert!(ended.evidence.bytes_in > 0, "{ended:?}");
    assert_eq!(ends.next().await.cause(), Cause::AuthRejected);
}

#[tokio::test]
async fn a_full_server_says_so() {
    let mut config = Config::default();
    config.admission.connections_max = 1;
    let (server, _ends) = echo_handlers(config).await;
    let _first = Client::connect(server.local_addr(), "alice")
        .await
        .expect("there is room for one");
    let error = refused(Client::connect(server.local_addr(), "bob").await);
    assert!(
        matches!(&error, DialError::Refused { peer_goodbye, .. }
            if peer_goodbye.cause == Some(Cause::ServerFull) && peer_goodbye.advice == Advice::AfterDelay),
        "{error:?}"
    );
}

#[tokio::test]
async fn connecting_to_a_closed_port_fails() {
    let (listener, addr) = Puppet::port().await;
    drop(listener);
    let error = refused(Client::connect(addr, "alice").await);
    assert!(
        matches!(&error, DialError::Connect { attempts, .. }
            if matches!(&attempts[..], [Attempt { error: AttemptError::Connect(source), .. }]
                if source.kind() == ErrorKind::ConnectionRefused)),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {addr}: no program listens there")
    );
}

#[tokio::test]
async fn a_host_name_is_as_good_as_an_address() {
    let (server, _ends) = echo_handlers(Config::default()).await;
    let addr = server.local_addr();
    // If the name has ::1 too, that address refuses, and 127.0.0.1 is next.
    let text = format!("localhost:{}", addr.port());
    let client = within("a welcome", Client::connect(&text, "alice")).await;
    assert_eq!(client.expect("it listens there").remote_addr(), addr);
    let client = within(
        "a welcome",
        Client::connect(("localhost", addr.port()), "bob"),
    )
    .await;
    assert_eq!(client.expect("it listens there").remote_addr(), addr);
    let client = within("a welcome", Client::connect(addr.to_string(), "carol")).await;
    assert_eq!(client.expect("it listens there").remote_addr(), addr);
}

#[tokio::test]
async fn a_host_name_without_a_server_tells_each_address_and_why() {
    let (listener, addr) = Puppet::port().await;
    drop(listener);
    let text = format!("localhost:{}", addr.port());
    let error = refused(within("an answer", Client::connect(&text, "alice")).await);
    let DialError::Connect { attempts, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(attempts.iter().any(|attempt| attempt.addr == addr));
    let words = error.to_string();
    assert!(
        words.starts_with(&format!("cannot connect to {text}: ")),
        "{words}"
    );
    assert!(
        words.contains(&format!("{addr}: no program listens there")),
        "{words}"
    );
}

#[tokio::test]
async fn an_address_that_does_not_let_us_in_is_tried_after_the_others_of_its_name() {
    let (server, _ends) = echo_handlers(Config::default()).await;
    let port = server.local_addr().port();
    let resolved = ServerAddr::from(("localhost", port)).resolve().await;
    let resolved = resolved.expect("every machine has this name");
    let Ok(imposter) = TcpListener::bind(("::1", port)).await else {
        return eprintln!("skipped: this machine has no ::1");
    };
    if !resolved.first().is_some_and(SocketAddr::is_ipv6) || resolved.len() < 2 {
        return eprintln!("skipped: localhost is {resolved:?}, and not ::1 before 127.0.0.1");
    }
    let connector = Connector::start();
    let (first, ()) = tokio::join!(connector.connect(("localhost", port), "alice"), async {
        let mut puppet = Puppet::accept(&imposter).await;
        assert!(puppet.reads().await.is_some());
        puppet.shuts().await;
    });
    assert_eq!(ended(first), (Cause::PeerFin, Phase::Auth));
    for name in ["alice", "bob"] {
        let client = within("a welcome", connector.connect(("localhost", port), name)).await;
        let client = client.expect("the server has another address");
        assert_eq!(client.remote_addr(), server.local_addr());
    }
}

#[tokio::test]
async fn a_wrong_name_is_named() {
    let dialled = Client::connect("no-such-host.invalid:7000", "alice");
    let error = refused(within("an answer", dialled).await);
    assert!(
        matches!(&error, DialError::Resolve { host, .. } if host == "no-such-host.invalid"),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(
        words.starts_with("cannot resolve \"no-such-host.invalid\": "),
        "{words}"
    );
}

#[tokio::test]
async fn a_missing_port_is_reported() {
    let error = refused(Client::connect("eu.example.net", "alice").await);
    assert_eq!(
        error.to_string(),
        "cannot connect: \"eu.example.net\" has no port: write HOST:PORT, as in eu.example.net:7000"
    );
}

#[tokio::test]
async fn a_local_address_of_the_other_family_is_reported() {
    let connector = Connector::start().local_ip([127, 0, 0, 1].into());
    let error = refused(connector.connect("[::1]:7000", "alice").await);
    assert_eq!(
        error.to_string(),
        "cannot connect to [::1]:7000: the local address to connect from is of the other family (IPv4 or IPv6)"
    );
}

#[tokio::test]
async fn a_server_of_another_protocol_is_distinguished_from_ours() {
    let (listener, addr) = Puppet::port().await;
    let (client, ()) = tokio::join!(Client::connect(addr, "alice"), async {
        let mut puppet = Puppet::accept(&listener).await;
        puppet.writes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    assert_eq!(ended(client), (Cause::WrongProtocol, Phase::Auth));
}

#[tokio::test]
async fn a_server_that_hangs_up_on_our_hello_said_no_word() {
    let (listener, addr) = Puppet::port().await;
    let (client, ()) = tokio::join!(Client::connect(addr, "alice"), async {
        let mut puppet = Puppet::accept(&listener).await;
        assert!(puppet.reads().await.is_some());
        puppet.shuts().await;
    });
    assert_eq!(ended(client), (Cause::PeerFin, Phase::Auth));
}

#[tokio::test]
async fn a_silent_server_is_left_with_a_goodbye() {
    let (listener, addr) = Puppet::port().await;
    let connector = Connector::start().welcome_timeout(Duration::from_millis(200));
    let error = refused(within("an answer", connector.connect(addr, "alice")).await);
    assert!(
        matches!(error, DialError::WelcomeTimedOut { .. }),
        "{error:?}"
    );
    let mut puppet = Puppet::accept(&listener).await;
    assert_eq!(puppet.reads().await.expect("a hello").kind, Kind::Hello);
    let last = puppet.reads().await.expect("a goodbye");
    assert_eq!(last.kind, Kind::Goodbye);
    assert_eq!(Goodbye::decode(&last.payload).expect("sound").code, 0);
    assert_eq!(puppet.reads().await, None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_takes_no_connection_is_given_up() {
    // With its backlog full, Linux drops the handshake's first segment.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("it is bound");
    let addr = listener.local_addr().expect("it is bound");
    let connector = Connector::start()
        .connect_timeout(Duration::from_millis(300))
        .welcome_timeout(Duration::from_millis(100));
    for _ in 0..2 {
        let error = refused(connector.connect(addr, "alice").await);
        assert!(
            matches!(error, DialError::WelcomeTimedOut { .. }),
            "{error:?}"
        );
    }
    let error = refused(within("an answer", connector.connect(addr, "alice")).await);
    assert!(
        matches!(error, DialError::ConnectTimedOut { .. }),
        "{error:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn clients_of_one_connector_come_from_the_addresses_they_are_given() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let connector = Connector::start();
    for host in [7, 9] {
        let ip = [127, 0, 0, host].into();
        let from = connector.clone().local_ip(ip);
        let client = from
            .connect(server.local_addr(), "alice")
            .await
            .expect("all of 127/8 is ours");
        let local = client.local_addr();
        assert_eq!(local.ip(), ip);
        drop(client);
        assert_eq!(ends.next().await.remote, local);
    }
}

#[tokio::test]
async fn an_address_that_is_not_ours_is_named_as_the_fault() {
    let connector = Connector::start().local_ip([192, 0, 2, 1].into());
    let error = refused(connector.connect(([127, 0, 0, 1], 9), "alice").await);
    assert!(matches!(error, DialError::Socket(_)), "{error:?}");
}

fn refused(connected: Result<Client, DialError>) -> DialError {
    connected.expect_err("no server lets us in")
}

fn ended(connected: Result<Client, DialError>) -> (Cause, Phase) {
    let error = refused(connected);
    let DialError::Ended(ended) = error else {
        panic!("{error:?}");
    };
    (ended.cause, ended.phase)
}
