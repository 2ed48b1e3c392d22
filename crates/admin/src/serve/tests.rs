use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::routing::get;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

/// An answer that never ends.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 8_192])))))
    }
}

struct Port {
    addr: SocketAddr,
    close: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn staying(Extension(slot): Extension<ConnectionSlot>) -> Body {
    slot.stay();
    Body::new(Endless)
}

async fn ticking(Extension(slot): Extension<ConnectionSlot>) -> Body {
    slot.stay();
    let ticks = tokio::time::interval(Duration::from_secs(1));
    Body::new(Ticking(ticks, slot))
}

async fn port() -> Port {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/", get(async || "ok\n"))
        .route("/endless", get(async || Body::new(Endless)))
        .route("/never", get(std::future::pending::<()>))
        .route("/staying", get(staying))
        .route("/ticking", get(ticking));
    let (close, closed) = oneshot::channel();
    let closed = async { closed.await.unwrap_or_default() };
    let serving = tokio::spawn(serve(listener, router, closed));
    Port {
        addr,
        close,
        serving,
    }
}

impl Port {
    async fn says(&self, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    async fn answers(&self) {
        let answer = rest(&mut self.says(REQUEST).await).await;
        assert!(answer.ends_with(b"\r\n\r\nok\n"), "{answer:?}");
    }
}

/// Reads until the peer is gone.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok();
    rest
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_finished_is_given_up_after_its_timeout() {
    let port = port().await;
    for words in ["", "GET / HT"] {
        let start = Instant::now();
        assert_eq!(rest(&mut port.says(words).await).await, b"");
        let took = start.elapsed();
        assert!(
            took >= HEADER_TIMEOUT && took < 2 * HEADER_TIMEOUT,
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_is_given_up_after_its_timeout() {
    let port = port().await;
    let start = Instant::now();
    let reader = port.says("GET /endless HTTP/1.1\r\n\r\n").await;
    // The paused clock advances when every task is idle, so once the socket takes no further bytes.
    let gone = async {
        while reader.try_write(b"?").is_ok() {
            tokio::time::sleep(LAST_MOMENT).await
        }
    };
    timeout(10 * CONNECTION_TIMEOUT, gone).await.unwrap();
    let took = start.elapsed();
    assert!(
        took >= CONNECTION_TIMEOUT && took < 2 * CONNECTION_TIMEOUT,
        "{took:?}"
    );
}

#[tokio::test]
async fn a_connection_is_good_for_one_answer() {
    let port = port().await;
    let twice = REQUEST.repeat(2);
    let answer = rest(&mut port.says(&twice).await).await;
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_holds_every_slot_does_not_keep_a_scraper_out() {
    let port = port().await;
    let start = Instant::now();
    let mut holders = Vec::new();
    for _ in 0..2 * CONNECTIONS_MAX {
        holders.push(port.says("GET /endless HTTP/1.1\r\n\r\n").await);
    }
    for _ in 0..3 {
        port.answers().await;
    }
    assert!(start.elapsed() < HEADER_TIMEOUT, "{:?}", start.elapsed());
    rest(&mut holders[0]).await;
    assert!(
        start.elapsed() < CONNECTION_TIMEOUT,
        "the oldest is still held"
    );
}

#[tokio::test(start_paused = true)]
async fn the_port_closes_within_a_second_of_the_server_with_clients_connected() {
    let port = port().await;
    let clients = [
        port.says("").await,
        port.says("GET / HT").await,
        port.says("GET /endless HTTP/1.1\r\n\r\n").await,
    ];
    port.answers().await;
    let start = Instant::now();
    port.close.send(()).unwrap();
    port.serving.await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(1));
    drop(clients);
}

/// An endless answer, with one part a second.
struct Ticking(tokio::time::Interval, ConnectionSlot);

impl hyper::body::Body for Ticking {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.0.poll_tick(cx));
        self.1.took();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_stays_while_it_reads_and_keeps_no_other_client_out() {
    let port = port().await;
    let mut viewer = port.says("GET /ticking HTTP/1.1\r\n\r\n").await;
    let start = Instant::now();
    let mut holders = Vec::new();
    while start.elapsed() < 3 * CONNECTION_TIMEOUT {
        let mut some = [0; 64];
        let read = viewer.read(&mut some).await.unwrap();
        assert!(read > 0, "it is dropped after {:?}", start.elapsed());
        // Takes all the places, several times over.
        for _ in 0..2 {
            holders.push(port.says("GET /never HTTP/1.1\r\n\r\n").await);
        }
    }
    port.answers().await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_takes_nothing_is_dropped() {
    let port = port().await;
    let start = Instant::now();
    let viewer = port.says("GET /staying HTTP/1.1\r\n\r\n").await;
    let gone = async {
        while viewer.try_write(b"?").is_ok() {
            tokio::time::sleep(LAST_MOMENT).await
        }
    };
    timeout(10 * VIEWER_TIMEOUT, gone).await.unwrap();
    let took = start.elapsed();
    assert!(
        took >= VIEWER_TIMEOUT && took < CONNECTION_TIMEOUT,
        "{took:?}"
    );
}

const REQUEST: &str = "GET / HTTP/1.1\r\n\r\n";
