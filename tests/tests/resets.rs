//! Two thousand resets while the server writes as fast as it can. The kernel gives each error out once, and here a
//! write gets it as often as a read. For comparison, a server whose reader decides gets the same clients.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use lastword_server::{Anonymous, Cause, Phase};
use lastword_tests::{Fixture, Raw, config, data, hello, run_clients};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_resets_under_a_broadcast_are_two_thousand_resets() {
    let mut config = config();
    // The clients read as fast as this machine allows: a full queue must not end them first.
    config.limits.outbound_bytes_max = 64 << 20;
    let mut fixture = Fixture::with(config, Anonymous).await;
    let server = fixture.server.clone();
    let news = tokio::spawn(async move {
        loop {
            server.broadcast_all(&NEWS);
            tokio::task::yield_now().await;
        }
    });
    let addr = fixture.addr();
    run_clients(RESETS, AT_ONCE, |n| reset(addr, n)).await;
    let mut met_by_a_write = 0;
    for _ in 0..RESETS {
        let end = fixture.collector.end().await;
        let first = end.ending.first_error.map(|first| first.call.label());
        met_by_a_write += u32::from(first == Some("write"));
    }
    news.abort();
    let stats = fixture.server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(
        stats.disconnects,
        [(Cause::PeerReset, Phase::Live, u64::from(RESETS))],
        "{stats:?}"
    );
    assert!(met_by_a_write > 0, "the trap was there");
    eprintln!(
        "lastword: 0 of {RESETS} resets taken for a FIN; a write met {met_by_a_write} of them first"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_reader_decides_takes_many_of_them_for_a_fin() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (verdicts_in, mut verdicts) = mpsc::unbounded_channel();
    let (news, _) = broadcast::channel(1024);
    let server = tokio::spawn(naive(listener, news.clone(), verdicts_in));
    let news = tokio::spawn(async move {
        loop {
            // Sometimes there is no receiver.
            let _none = news.send(());
            tokio::task::yield_now().await;
        }
    });
    run_clients(RESETS, AT_ONCE, |n| reset(addr, n)).await;
    let mut fins = 0;
    for _ in 0..RESETS {
        fins += u32::from(
            lastword_tests::within("a verdict", verdicts.recv()).await == Some(Naive::Fin),
        );
    }
    news.abort();
    server.abort();
    assert!(fins > 0, "these clients tell the two servers apart");
    let percent = f64::from(fins) * 100.0 / f64::from(RESETS);
    eprintln!("a reader that decides: {fins} of {RESETS} resets taken for a FIN ({percent:.1} %)");
}

/// A client that joins, reads a little, and leaves with unread data.
async fn reset(addr: SocketAddr, n: u32) {
    let mut raw = Raw::connect(addr).await;
    raw.write(&hello(b"ann")).await;
    for _ in 0..1 + n % 8 {
        raw.frame().await.expect("news");
    }
    raw.until_readable().await;
    match n % 2 {
        0 => raw.reset(),
        _ => drop(raw),
    }
}

/// The verdict of such a server on an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naive {
    Fin,
    Reset,
    Other(ErrorKind),
}

async fn naive(
    listener: TcpListener,
    news: broadcast::Sender<()>,
    verdicts: mpsc::UnboundedSender<Naive>,
) {
    loop {
        let (stream, _): (TcpStream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("nodelay");
        let (reader, writer) = stream.into_split();
        let writer = tokio::spawn(write(writer, news.subscribe()));
        let verdicts = verdicts.clone();
        tokio::spawn(async move {
            let verdict = read(reader).await;
            writer.abort();
            verdicts.send(verdict).expect("the test waits");
        });
    }
}

async fn read(mut reader: OwnedReadHalf) -> Naive {
    let mut buffer = [0; 4096];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => return Naive::Fin,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Naive::Reset,
            Err(error) => return Naive::Other(error.kind()),
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut news: broadcast::Receiver<()>) {
    let frame = data(&NEWS);
    loop {
        match news.recv().await {
            Ok(()) => {}
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        }
        if writer.write_all(&frame).await.is_err() {
            return;
        }
    }
}

const RESETS: u32 = 2_000;
const AT_ONCE: usize = 32;
const NEWS: [u8; 1024] = [7; 1024];
