//! A process without a free descriptor: all clients that wait are turned away, the admin port answers, and the accept
//! loop backs off, counts the failures, and continues.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::net::SocketAddr;
use std::time::Instant;

use lastword_admin::AdminExt;
use lastword_server::{Player, ServerHandle};
use lastword_tests::{Echo, EndCollector, Raw, config, until, within};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// This test is alone in its process, because the limit applies to the whole process. The runtime has one thread, so
/// clients that connect without it wait in the backlog.
#[tokio::test]
async fn out_of_descriptors_all_that_wait_are_turned_away_and_the_admin_port_answers() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config()).admin("127.0.0.1:0");
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut first = Raw::join(server.local_addr(), "first").await;
    let waiting = TcpSocket::new_v4().unwrap();
    let open = lastword_sys::open_fds().expect("Linux says");
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Room for the clients, but not for the server's ends of their connections.
    setrlimit(Resource::RLIMIT_NOFILE, open + 50, hard).unwrap();

    let begun = Instant::now();
    let mut clients = Vec::new();
    while let Ok(client) = std::net::TcpStream::connect(server.local_addr()) {
        client.set_nonblocking(true).unwrap();
        clients.push(TcpStream::from_std(client).unwrap());
    }
    assert!(clients.len() >= 40, "{}", clients.len());
    // One for each back-off would take more than half a minute.
    within("all are turned away", async {
        for client in &mut clients {
            let _ends = client.read(&mut [0]).await;
        }
    })
    .await;
    assert!(emfile(&server) > 0, "failures are counted");
    first.echo(b"who is in stays in").await;

    // This leaves a descriptor for the probe, and none for the server's end of it.
    drop(clients.pop());
    let admin = server.admin_addr().unwrap();
    for _ in 0..10 {
        for path in ["/healthz", "/metrics"] {
            let answer = get(admin, path).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
    }
    // After each failure the loop backs off, for 5 ms or longer. A loop without back-off would fail millions of times.
    let (errors, elapsed) = (emfile(&server), begun.elapsed());
    assert!(
        errors <= 10 + elapsed.as_millis() / 5,
        "{errors} failures in {elapsed:?}"
    );

    // No number is allowed now, so the reserve does not help: the client waits, and accept fails again and again.
    setrlimit(Resource::RLIMIT_NOFILE, 0, hard).unwrap();
    let (before, begun) = (emfile(&server), Instant::now());
    let waiting = waiting.connect(server.local_addr()).await.unwrap();
    until("accept fails", || emfile(&server) >= before + 5).await;
    let (errors, elapsed) = (emfile(&server) - before, begun.elapsed());
    assert!(
        errors <= 2 + elapsed.as_millis() / 5,
        "{errors} failures in {elapsed:?} without a back-off"
    );

    drop((clients, waiting));
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let mut late = Raw::join(server.local_addr(), "late").await;
    late.echo(b"accepted again").await;
    assert!(server.stats().laws_hold());
}

async fn get(admin: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = String::new();
    within("an answer of the admin port", async {
        let mut stream = TcpStream::connect(admin).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_string(&mut answer).await.unwrap();
    })
    .await;
    answer
}

fn emfile(server: &ServerHandle) -> u128 {
    let errors = server.stats().accept_errors;
    errors
        .iter()
        .filter(|(kind, _)| *kind == "emfile")
        .map(|(_, count)| u128::from(*count))
        .sum()
}
