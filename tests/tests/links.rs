//! The link events of a live session: its peer is suspect, and healthy again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use lastword_server::{
    Cause, Context, Diagnosis, Handler, Link, Phase, Player, ServerHandle, SessionEvent,
};
use lastword_tests::{EndCollector, Raw, config, data, kind, quick, within};
use tokio::sync::mpsc;

const SUSPECT: Link = Link::Suspect(Diagnosis::Undecided);

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame(Vec<u8>),
    Link(Link),
    Left(Cause),
}

/// Reports each event to the test, and tells its peer that it is suspect.
struct Watcher(mpsc::UnboundedSender<Seen>);

impl Handler for Watcher {
    fn frame(&mut self, _context: &mut Context<'_, '_>, payload: &[u8]) {
        self.0.send(Seen::Frame(payload.to_vec())).unwrap();
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        if link == SUSPECT {
            context.send(b"are you there?").unwrap();
        }
        self.0.send(Seen::Link(link)).unwrap();
    }

    fn left(self, departure: &lastword_server::Departure) {
        let cause = departure.ending.verdict.cause;
        self.0.send(Seen::Left(cause)).unwrap();
    }
}

async fn watched(collector: &mut EndCollector) -> (ServerHandle, mpsc::UnboundedReceiver<Seen>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let builder = collector.builder(quick(config()));
    let server = builder.serve(move |_: &Player| Watcher(sender.clone()));
    (server.await.unwrap(), seen)
}

#[tokio::test]
async fn a_handler_is_told_of_a_silence_and_of_its_end_before_the_frame_that_ends_it() {
    let mut collector = EndCollector::default();
    let (server, mut seen) = watched(&mut collector).await;
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    for _ in 0..2 {
        let next = within("a suspicion", seen.recv()).await;
        assert_eq!(next, Some(Seen::Link(SUSPECT)));
        let mut asked = raw.frame().await.unwrap();
        while asked.0 == kind::PING {
            asked = raw.frame().await.unwrap();
        }
        assert_eq!(asked, (kind::DATA, b"are you there?".to_vec()));
        raw.write(&data(b"yes")).await;
        let next = within("a sign of life", seen.recv()).await;
        assert_eq!(next, Some(Seen::Link(Link::Healthy)));
        let next = within("the frame", seen.recv()).await;
        assert_eq!(next, Some(Seen::Frame(b"yes".to_vec())));
    }
    drop(raw);
    collector.end().await;
    let left = within("the end", seen.recv()).await;
    assert!(matches!(left, Some(Seen::Left(_))), "{left:?}");
}

#[tokio::test]
async fn a_peer_that_stays_silent_is_suspect_before_it_is_given_up() {
    let mut collector = EndCollector::default();
    let (server, mut seen) = watched(&mut collector).await;
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let suspect = within("a suspicion", seen.recv()).await;
    assert_eq!(suspect, Some(Seen::Link(SUSPECT)));
    let suspected = server.stats().suspected;
    assert!(matches!(suspected[..], [(_, 1)]), "{suspected:?}");
    assert_eq!(raw.goodbye_code().await, Some(Cause::PeerFrozen.code()));
    drop(raw);
    collector.end().await;
    assert_eq!(server.stats().suspected, [], "who is gone is no suspect");
    let frozen = Seen::Link(Link::Suspect(Diagnosis::PeerFrozen));
    for expected in [frozen, Seen::Left(Cause::PeerFrozen)] {
        assert_eq!(within("each", seen.recv()).await, Some(expected));
    }
}

struct Brittle;

impl Handler for Brittle {
    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}

    fn link(&mut self, _context: &mut Context<'_, '_>, _link: Link) {
        panic!("the test's planted panic");
    }
}

#[tokio::test]
async fn a_handler_that_panics_at_a_suspicion_costs_its_own_session_only() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(quick(config()));
    let server = builder.serve(|_: &Player| Brittle).await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    assert_eq!(raw.goodbye_code().await, Some(90));
    drop(raw);
    let end = collector.end().await;
    let phase = end.ending.verdict.phase;
    assert_eq!((end.cause(), phase), (Cause::HandlerPanicked, Phase::Live));
    assert!(server.stats().laws_hold());
}

#[tokio::test]
async fn a_session_receives_what_becomes_of_its_link_in_order_with_its_frames() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(quick(config())).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    raw.write(&data(b"before")).await;
    for expected in [frame(b"before"), SessionEvent::Link(SUSPECT)] {
        let event = within("an event", session.next_event()).await;
        assert_eq!(event, Some(expected));
    }
    raw.write(&data(b"after")).await;
    for expected in [SessionEvent::Link(Link::Healthy), frame(b"after")] {
        let event = within("an event", session.next_event()).await;
        assert_eq!(event, Some(expected));
    }
    drop(raw);
    let mut last = within("the end", session.next_event()).await;
    while let Some(SessionEvent::Link(_)) = last {
        last = within("the end", session.next_event()).await;
    }
    assert_eq!(last, None);
}

#[tokio::test]
async fn a_session_that_asks_for_frames_is_told_nothing_of_its_link() {
    let mut collector = EndCollector::default();
    let mut server = collector.builder(quick(config())).bind().await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    let mut session = within("a session", server.accept()).await.unwrap();
    let game = tokio::spawn(async move { (session.recv().await, session.recv().await) });
    assert_eq!(raw.goodbye_code().await, Some(Cause::PeerFrozen.code()));
    drop(raw);
    assert_eq!(collector.end().await.cause(), Cause::PeerFrozen);
    let received = within("the end", game).await.unwrap();
    assert_eq!(received, (None, None), "the suspicion is no frame");
}

fn frame(payload: &'static [u8]) -> SessionEvent {
    SessionEvent::Frame(payload.into())
}
