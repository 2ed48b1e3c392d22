//! The accept loop when this process is out of descriptors: it sheds load, backs off, counts the failures, and
//! continues.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::time::Instant;

use lastword_tests::{Fixture, Raw, within};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// This test is alone in its process, because the limit applies to the whole process.
#[tokio::test]
async fn out_of_descriptors_the_accept_loop_sheds_and_lives_on() {
    let fixture = Fixture::start().await;
    let mut first = Raw::join(fixture.addr(), "first").await;
    let open = lastword_sys::open_fds().expect("Linux says");
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Room for the clients, but not for the server's ends of their connections.
    setrlimit(Resource::RLIMIT_NOFILE, open + 40, hard).unwrap();

    let begun = Instant::now();
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(fixture.addr()).await {
        clients.push(client);
    }
    // All descriptors are used. A client that waits in the backlog is turned away and not left waiting.
    let mut last = clients.pop().expect("some connected");
    let _ends = within("somebody is turned away", last.read(&mut [0])).await;
    within("errors are counted", async {
        while emfile(&fixture) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    first.echo(b"who is in stays in").await;
    // After each failure the loop backs off, for times that double from 5 ms. A loop without back-off would fail
    // millions of times.
    let (errors, elapsed) = (emfile(&fixture), begun.elapsed());
    assert!(
        errors <= 10 + elapsed.as_millis() / 5,
        "{errors} failures in {elapsed:?}"
    );

    drop(clients);
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let mut late = Raw::join(fixture.addr(), "late").await;
    late.echo(b"accepted again").await;
    assert!(fixture.server.stats().laws_hold());
}

fn emfile(fixture: &Fixture) -> u128 {
    let errors = fixture.server.stats().accept_errors;
    errors
        .iter()
        .filter(|(kind, _)| *kind == "emfile")
        .map(|(_, count)| u128::from(*count))
        .sum()
}
