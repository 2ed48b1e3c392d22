//! Every end of a session over TLS, and the order of our own last words.

use lastword_netlab::{Host, run};
use lastword_server::{Cause, GoodbyeProgress, Kick, Phase, Player};
use lastword_tests::{
    Echo, EndCollector, Fixture, Raw, config, data, goodbye, in_server_host, kind, quick,
};

use crate::peer::{self, End, Peer};
use crate::{Made, certificates, start};

/// How a player leaves.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) says: fn() -> Vec<u8>,
    closes_tls: bool,
    pub(crate) leave: fn(Raw),
    pub(crate) cause: Cause,
}

impl Way {
    /// Sends all words before the end.
    pub(crate) async fn say(&self, peer: &mut Peer) {
        let words = (self.says)();
        if !words.is_empty() {
            peer.write(&words).await;
        }
        if self.closes_tls {
            peer.close_tls().await;
        }
    }

    /// The cause where a proxy passes a reset on as a FIN.
    pub(crate) fn cause_by_fin(&self) -> Cause {
        if self.cause == Cause::PeerReset {
            match self.closes_tls {
                true => Cause::PeerFin,
                false => Cause::TlsTruncated,
            }
        } else if self.cause == Cause::PeerResetMidFrame {
            Cause::PeerFinMidFrame
        } else {
            self.cause
        }
    }
}

const FIN: fn(Raw) = Raw::drop_now;
const RST: fn(Raw) = Raw::reset;

#[rustfmt::skip]
pub(crate) const WAYS: [Way; 10] = [
    Way { name: "fin", says: Vec::new, closes_tls: true, leave: FIN, cause: Cause::PeerFin },
    Way { name: "cut", says: Vec::new, closes_tls: false, leave: FIN, cause: Cause::TlsTruncated },
    Way { name: "reset", says: Vec::new, closes_tls: false, leave: RST, cause: Cause::PeerReset },
    Way { name: "close and reset", says: Vec::new, closes_tls: true, leave: RST, cause: Cause::PeerReset },
    Way { name: "fin in a frame", says: half_a_frame, closes_tls: true, leave: FIN, cause: Cause::PeerFinMidFrame },
    Way { name: "cut in a frame", says: half_a_frame, closes_tls: false, leave: FIN, cause: Cause::PeerFinMidFrame },
    Way { name: "reset in a frame", says: half_a_frame, closes_tls: false, leave: RST, cause: Cause::PeerResetMidFrame },
    Way { name: "goodbye", says: goodbye, closes_tls: true, leave: FIN, cause: Cause::PeerGoodbye },
    Way { name: "goodbye and cut", says: goodbye, closes_tls: false, leave: FIN, cause: Cause::PeerGoodbye },
    Way { name: "goodbye and reset", says: goodbye, closes_tls: false, leave: RST, cause: Cause::PeerGoodbye },
];

fn half_a_frame() -> Vec<u8> {
    data(&[7; 100])[..50].to_vec()
}

#[tokio::test]
async fn each_end_over_tls_is_recorded_as_what_it_was() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    for way in (0..ROUNDS).flat_map(|_| WAYS) {
        let mut peer = Peer::join(fixture.addr(), &made).await;
        peer.echo(b"hi").await;
        way.say(&mut peer).await;
        (way.leave)(peer.raw);
        let end = fixture.collector.end().await;
        assert_eq!(
            (end.cause(), end.ending.verdict.phase),
            (way.cause, Phase::Live),
            "{}: {end}",
            way.name
        );
    }
    assert!(fixture.server.stats().laws_hold());
}

#[tokio::test]
async fn a_bad_record_of_a_player_is_tls_failed() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    let mut peer = Peer::join(fixture.addr(), &made).await;
    peer.raw.write(&[23, 3, 3, 0, 20]).await;
    peer.raw.write(&[7; 20]).await;
    assert_eq!(peer.end().await, End::Failed);
    drop(peer);
    let end = fixture.ends_as(Cause::TlsFailed, Phase::Live).await;
    assert!(
        end.ending
            .trail
            .iter()
            .any(|step| step.what == "bad_record_mac")
    );
}

#[tokio::test]
async fn our_last_words_are_goodbye_then_a_close_of_tls_then_our_fin() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, config()).await;
    let mut peer = Peer::join(fixture.addr(), &made).await;
    let session = fixture.server.sessions()[0].session;
    fixture
        .server
        .kick(session, Kick::because("enough"))
        .unwrap();
    let (kind, payload) = peer.frame().await.expect("a goodbye");
    assert_eq!((kind, payload[2]), (kind::GOODBYE, 80));
    assert_eq!(peer.end().await, End::Closed);
    drop(peer);
    let end = fixture.ends_as(Cause::Kicked, Phase::Live).await;
    assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::FinSeen);
}

#[tokio::test]
async fn a_silence_over_tls_is_peer_frozen() {
    let made = Made::for_name("localhost");
    let mut fixture = start(&made, quick(config())).await;
    let mut peer = Peer::join(fixture.addr(), &made).await;
    assert_eq!(peer.end().await, End::Closed);
    drop(peer);
    fixture.ends_as(Cause::PeerFrozen, Phase::Live).await;
}

/// The kernel's counters are of sealed bytes, and tell the same.
#[test]
fn a_cut_cable_under_tls_is_path_dead() {
    run(|lab| {
        in_server_host(lab, || async {
            let made = Made::for_name("localhost");
            let mut collector = EndCollector::default();
            let builder = collector.builder_in(lab, quick(config()));
            let builder = builder.tls(certificates(&[&made]));
            let server = builder.serve(|_: &Player| Echo).await.unwrap();
            let mut fixture = Fixture { server, collector };
            let raw = Raw::connect_in(lab, fixture.addr())?;
            let mut peer = Peer::over(raw, peer::config(&made, peer::BOTH), "localhost");
            peer.enter().await;
            lab.cut(Host::Client)?;
            assert_eq!(fixture.server.broadcast_all(b"news"), 1);
            let end = fixture.ends_as(Cause::PathDead, Phase::Live).await;
            assert!(end.ending.evidence.bytes_unacked > Some(8));
            drop(peer);
            Ok(())
        })
    });
}

/// More than the kernels between the two hold, to a peer that reads late.
#[tokio::test]
async fn much_data_arrives_whole_behind_a_full_window() {
    let made = Made::for_name("localhost");
    let mut config = config();
    config.limits.outbound_bytes_max = 64 << 20;
    config.timeouts.outbound_age_ms = 0;
    let mut fixture = start(&made, config).await;
    let mut peer = Peer::join(fixture.addr(), &made).await;
    let payload = |n: u8| vec![n; 60_000];
    for n in 0..100 {
        fixture.server.broadcast_all(&payload(n));
    }
    for n in 0..100 {
        loop {
            let Some((kind, got)) = peer.frame().await else {
                panic!("frame {n}: {:#?}", fixture.collector.end().await);
            };
            if kind == kind::DATA {
                assert!(got == payload(n), "frame {n}");
                break;
            }
        }
    }
    peer.write(&goodbye()).await;
    assert_eq!(peer.end().await, End::Closed);
    drop(peer);
    let end = fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
    assert_eq!(end.ending.evidence.frames_out, 100);
}

#[tokio::test]
async fn a_full_server_says_so_behind_the_handshake() {
    let made = Made::for_name("localhost");
    let mut config = config();
    config.admission.connections_max = 1;
    let mut fixture = start(&made, config).await;
    let _player = Peer::join(fixture.addr(), &made).await;
    let mut peer = Peer::begin(fixture.addr(), peer::config(&made, peer::BOTH), "localhost").await;
    peer.flush().await;
    let (kind, payload) = peer.frame().await.expect("a goodbye");
    assert_eq!((kind, payload[2]), (kind::GOODBYE, 65));
    assert_eq!(peer.end().await, End::Closed);
    drop(peer);
    fixture
        .ends_as_ever(Cause::ServerFull, Phase::Admission)
        .await;
}

/// Of each way.
pub(crate) const ROUNDS: usize = 10;
