//! Code of the game panics, in every place where it is called: the books balance, and all waiting callers are told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::Arc;
use std::time::Duration;

use lastword_server::{
    Cause, Context, Departure, Dialect, Disconnect, Event, Extension, Framing, Handler,
    LengthPrefixed, Meaning, Measure, Observer, Phase, Player, ServerHandle, Started, Starting,
};
use lastword_tests::{Echo, EndCollector, Raw, config, until, within};
use tokio::io::AsyncReadExt;

/// Frames as [`LengthPrefixed`], but panics when it reads a frame that asks for it, and in the middle of writing such a
/// frame.
struct Brittle;

impl Dialect for Brittle {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        LengthPrefixed.measure(bytes, seen)
    }

    fn read<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        assert!(payload != b"panic", "the test's planted panic");
        LengthPrefixed.read(header, payload)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        LengthPrefixed.write_data(payload, out);
        assert!(payload != b"panic", "the test's planted panic");
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    LengthPrefixed.write_data(payload, &mut out);
    out
}

#[tokio::test]
async fn a_dialect_that_panics_on_the_first_frame_is_handler_panicked_where_that_is_counted() {
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .framing(Framing::Dialect(Arc::new(Brittle)));
    let server = builder.bind().await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(&framed(b"panic")).await;
    assert!(raw.frame().await.is_none());
    drop(raw);
    let end = collector.end().await;
    let phase = end.ending.verdict.phase;
    assert_eq!((end.cause(), phase), (Cause::HandlerPanicked, Phase::Hello));
    assert!(
        end.cause().phases().contains(&phase),
        "a count that no scrape shows"
    );
}

#[tokio::test]
async fn a_dialect_that_panics_while_it_writes_fails_the_send_and_leaves_no_partial_frame() {
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .framing(Framing::Dialect(Arc::new(Brittle)));
    let mut server = builder.bind().await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(&framed(b"ann")).await;
    let mut session = within("a session", server.accept()).await.unwrap();
    assert_eq!(session.recv().await.unwrap(), b"ann".as_slice());
    for payload in [&b"before"[..], b"panic", b"after"] {
        let send = std::panic::AssertUnwindSafe(|| session.send(payload));
        let sent = std::panic::catch_unwind(send);
        assert_eq!(sent.is_err(), payload == b"panic");
    }
    let mut heard = vec![0; framed(b"before").len() + framed(b"after").len()];
    within("both frames", raw.stream.read_exact(&mut heard))
        .await
        .unwrap();
    assert_eq!(heard, [framed(b"before"), framed(b"after")].concat());
    drop(raw);
    assert_eq!(within("the end", session.recv()).await, None);
    assert_eq!(collector.departure().await.cause, Cause::PeerFin.into());
}

#[tokio::test]
async fn a_dialect_that_panics_leaves_no_game_waiting() {
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .framing(Framing::Dialect(Arc::new(Brittle)));
    let mut server = builder.bind().await.unwrap();
    let mut raw = Raw::connect(server.local_addr()).await;
    raw.write(&framed(b"ann")).await;
    let mut session = within("a session", server.accept()).await.unwrap();
    assert_eq!(session.recv().await.unwrap(), b"ann".as_slice());
    raw.write(&framed(b"panic")).await;
    assert!(raw.frame().await.is_none());
    drop(raw);
    assert_eq!(within("the end", session.recv()).await, None);
    let departure = within("the departure", session.close()).await;
    assert_eq!(departure.cause, Cause::HandlerPanicked.into());
    assert_eq!(
        collector.departure().await.cause,
        Cause::HandlerPanicked.into()
    );
    assert!(server.handle().stats().laws_hold());
}

/// Panics as soon as it has joined, and once more when it is dropped.
struct Doomed;

impl Handler for Doomed {
    fn joined(&mut self, _context: &mut Context<'_, '_>) {
        panic!("the test's planted panic");
    }

    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}
}

impl Drop for Doomed {
    fn drop(&mut self) {
        panic!("the test's second panic");
    }
}

/// A second panic while the first one unwinds would end the process.
#[tokio::test]
async fn a_handler_that_panics_twice_costs_its_own_session_only() {
    let mut collector = EndCollector::default();
    let server = collector
        .builder(config())
        .serve(|_: &Player| Doomed)
        .await
        .unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    assert_eq!(raw.goodbye_code().await, Some(90));
    drop(raw);
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase),
        (Cause::HandlerPanicked, Phase::Live)
    );
    assert!(server.stats().laws_hold());
}

/// An observer that panics at every call.
struct PanickingObserver;

impl Observer for PanickingObserver {
    fn disconnected(&self, _disconnect: &Arc<Disconnect>) {
        panic!("the test's planted panic");
    }

    fn left(&self, _departure: &Departure) {
        panic!("the test's planted panic");
    }
}

/// An extension of the server with an observer of its own.
struct SecondObserver;

impl Extension for SecondObserver {
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Some(Arc::new(PanickingObserver))
    }

    fn start(self: Box<Self>, _server: ServerHandle) -> Starting {
        Box::pin(async { Ok(Started::default()) })
    }
}

#[tokio::test]
async fn an_observer_that_panics_does_not_keep_others_from_being_told() {
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .extension(Box::new(SecondObserver))
        .extension(Box::new(SecondObserver));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    drop(Raw::join(server.local_addr(), "ann").await);
    assert_eq!(collector.end().await.cause(), Cause::PeerFin);
    assert_eq!(collector.departure().await.cause, Cause::PeerFin.into());
    assert!(server.stats().laws_hold());
}

/// A subscriber of the log that panics at every line.
struct Silencer;

impl tracing::Subscriber for Silencer {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        // The runtime has lines of its own.
        if event.metadata().target().starts_with("lastword") {
            panic!("the test's planted panic");
        }
    }

    fn enter(&self, _span: &tracing::span::Id) {}

    fn exit(&self, _span: &tracing::span::Id) {}
}

/// The runtime has one thread, and so has the subscriber.
#[tokio::test]
async fn a_subscriber_of_the_log_that_panics_loses_no_departure_and_no_record() {
    let _silencer = tracing::subscriber::set_default(Silencer);
    let mut sessions = EndCollector::default();
    let mut server = sessions.builder(config()).bind().await.unwrap();
    let mut ticks = EndCollector::default();
    let (mut events, ticking) = ticks.builder(config()).bind_events().await.unwrap();
    let mut handlers = EndCollector::default();
    let handler = handlers
        .builder(config())
        .serve(|_: &Player| Doomed)
        .await
        .unwrap();

    drop(Raw::join(server.local_addr(), "ann").await);
    let mut session = within("a session", server.accept()).await.unwrap();
    assert_eq!(within("the end", session.recv()).await, None);
    drop(Raw::join(ticking.local_addr(), "ann").await);
    let is_left = |event: Event<'_>| matches!(event, Event::Left(_));
    until("the end", || events.drain().any(is_left)).await;
    drop(Raw::join(handler.local_addr(), "ann").await);
    for (collector, cause, handle) in [
        (&mut sessions, Cause::PeerFin, server.handle()),
        (&mut ticks, Cause::PeerFin, &ticking),
        (&mut handlers, Cause::HandlerPanicked, &handler),
    ] {
        assert_eq!(collector.departure().await.cause, cause.into());
        assert_eq!(collector.end().await.cause(), cause);
        within("a drain", handle.drain(Duration::from_secs(10))).await;
        assert!(handle.stats().laws_hold());
    }
}
