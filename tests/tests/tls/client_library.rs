//! The client library over TLS: whom it trusts, and for how long it waits.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lastword_client::{Connector, DialError, ReconnectEvent, Reconnecting, Trust};
use lastword_server::{Address, Cause, Framing, Kick, LengthPrefixed, Phase, Player};
use lastword_tests::{Echo, EndCollector, Fixture, config, within};
use tokio::net::TcpListener;

use crate::{Made, certificates, start};

fn trusting(made: &Made) -> Connector {
    let trust = Trust::pinned(made.certificate.as_bytes()).unwrap();
    Connector::start().tls(trust)
}

#[tokio::test]
async fn the_client_library_speaks_tls_with_a_server_that_it_trusts() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    let client = trusting(&made)
        .connect(fixture.addr(), "ann")
        .await
        .unwrap();
    client.send(b"hi").unwrap();
    within("goodbye", client.goodbye()).await;
    let end = fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
    assert_eq!(end.ending.evidence.frames_in, 1);
}

#[tokio::test]
async fn the_client_library_refuses_a_server_that_it_does_not_trust() {
    let (made, other) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let mut fixture = start(&made, config()).await;
    let refused = trusting(&other).connect(fixture.addr(), "ann").await;
    let Err(DialError::Unsecured(ended)) = refused else {
        panic!("it ends");
    };
    assert_eq!(ended.cause, Cause::TlsFailed);
    fixture.ends_as(Cause::TlsFailed, Phase::Tls).await;
    // A client without TLS gets no further.
    let plain = Connector::start().connect(fixture.addr(), "ann").await;
    assert!(matches!(plain, Err(DialError::Ended(_))), "{plain:?}");
}

fn lines() -> Framing {
    Framing::Dialect(Arc::new(LengthPrefixed))
}

#[tokio::test]
async fn a_client_of_a_dialect_is_there_behind_the_handshake() {
    let (made, other) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let mut collector = EndCollector::default();
    let builder = collector.builder(config()).framing(lines());
    let builder = builder.tls(certificates(&[&made]));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut fixture = Fixture { server, collector };
    let refused = trusting(&other).framing(lines());
    let refused = refused.connect(fixture.addr(), "ann").await;
    let Err(DialError::Unsecured(ended)) = refused else {
        panic!("it ends");
    };
    assert_eq!((ended.cause, ended.phase), (Cause::TlsFailed, Phase::Tls));
    fixture.ends_as(Cause::TlsFailed, Phase::Tls).await;

    let connector = trusting(&made).framing(lines());
    let mut client = connector.connect(fixture.addr(), "ann").await.unwrap();
    client.send(b"hi").unwrap();
    for payload in [&b"ann"[..], b"hi"] {
        let back = within("an echo", client.recv()).await;
        assert_eq!(back.as_deref(), Some(payload));
    }
    within("goodbye", client.goodbye()).await;
    // This wire has no goodbye, but TLS has its close.
    fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_handshake_is_given_up() {
    let made = Made::for_name("localhost");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap();
    let connector = trusting(&made).framing(lines());
    let late = connector.connect(addr, "ann").await;
    let Err(DialError::Unsecured(ended)) = late else {
        panic!("it ends");
    };
    assert_eq!((ended.cause, ended.phase), (Cause::TlsTimeout, Phase::Tls));
    drop(silent);
}

/// Connects to one server, which sends the client to the other, and logs in again. Returns whether the client followed.
async fn follows(from: &Fixture, to: &Fixture, client: Reconnecting) -> bool {
    let mut client = within("a session", client.connect()).await.unwrap();
    let elsewhere = Address::new(format!("localhost:{}", to.addr().port())).unwrap();
    let kick = Kick::because("this world moves").with_address(elsewhere);
    let kick = kick.with_delay(Duration::ZERO);
    from.server.kick(client.session().unwrap(), kick).unwrap();
    loop {
        match within("an event", client.next_event()).await.unwrap() {
            ReconnectEvent::Ended(_) => client.login_again(),
            ReconnectEvent::Connected { remote_addr, .. } => {
                within("goodbye", client.goodbye()).await;
                return remote_addr == to.addr();
            }
            ReconnectEvent::Lost(_)
            | ReconnectEvent::Retrying { .. }
            | ReconnectEvent::Frame(_)
            | ReconnectEvent::Notice(_)
            | ReconnectEvent::Link(_)
            | _ => {}
        }
    }
}

#[tokio::test]
async fn an_address_in_a_goodbye_is_followed_with_tls_to_an_allowed_host_only() {
    let made = Made::for_name("localhost");
    let (one, other) = (start(&made, config()).await, start(&made, config()).await);
    let client = || trusting(&made).reconnecting(one.addr()).unwrap();
    let allowed = client().redirect_hosts(["localhost"]);
    let (closed, elsewhere) = (client(), client().redirect_hosts(["example.net"]));
    assert!(follows(&one, &other, allowed).await);
    assert!(!follows(&one, &other, closed).await);
    assert!(!follows(&one, &other, elsewhere).await);
    let (one, other) = (Fixture::start().await, Fixture::start().await);
    let plain = Connector::start().reconnecting(one.addr()).unwrap();
    let plain = plain.redirect_hosts(["localhost"]);
    assert!(!follows(&one, &other, plain).await);
}

/// The process that [`the_roots_of_the_system_are_trusted_and_nothing_else`] starts.
#[tokio::test]
#[ignore = "a part of another test, which gives it its roots"]
async fn with_the_roots_of_the_system() {
    let addr: SocketAddr = env::var(SERVER).unwrap().parse().unwrap();
    let connector = Connector::start().tls(Trust::system().unwrap());
    let name = env::var(NAME).unwrap();
    let client = connector.connect((name, addr.port()), "ann");
    match client.await {
        Ok(client) => drop(client.goodbye().await),
        Err(error) => panic!("{error}"),
    }
}

/// Runs this test program's client, for which these certificates are the system's roots. Returns whether it got in.
async fn gets_in(addr: SocketAddr, name: &str, roots: &Made) -> bool {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("roots.pem");
    std::fs::write(&file, &roots.certificate).unwrap();
    let mut client = Command::new(env::current_exe().unwrap());
    client.args([
        "--exact",
        "--ignored",
        "client_library::with_the_roots_of_the_system",
    ]);
    // rustls-native-certs and OpenSSL read this file instead of the system's.
    client
        .env("SSL_CERT_FILE", &file)
        .env_remove("SSL_CERT_DIR");
    client.env(SERVER, addr.to_string()).env(NAME, name);
    let ran = tokio::task::spawn_blocking(move || client.output());
    let output = within("the client", ran).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("running 1 test"), "{told}");
    output.status.success()
}

#[tokio::test]
async fn the_roots_of_the_system_are_trusted_and_nothing_else() {
    let (made, other) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let fixture = start(&made, config()).await;
    let addr = fixture.addr();
    assert!(gets_in(addr, "localhost", &made).await);
    assert!(!gets_in(addr, "localhost", &other).await, "another root");
    assert!(!gets_in(addr, "127.0.0.1", &made).await, "another name");
}

const SERVER: &str = "LASTWORD_TEST_SERVER";
const NAME: &str = "LASTWORD_TEST_NAME";
