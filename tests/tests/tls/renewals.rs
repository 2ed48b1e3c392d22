//! Certificates are replaced again and again while players come, play and leave: none of them notices.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword_server::{Cause, CertificateFiles, Player, ReloadError, ServerHandle};
use lastword_tests::{Echo, EndCollector, Fixture, config};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Made;
use crate::peer::{self, BOTH, Peer};

/// The players of a run.
#[derive(Clone, Copy)]
struct Crowd {
    /// They stay from before the first reload to the end.
    live: usize,
    /// They come one after another, and leave after an echo.
    passing: usize,
    /// From one that comes to the next.
    gap: Duration,
}

/// The counts of a run.
#[derive(Debug, Default)]
struct Counts {
    reloads: usize,
    refused_reloads: usize,
    /// By certificate, the players that got it.
    certificates: HashMap<Vec<u8>, usize>,
}

/// Two pairs that the same authority signed, and its own certificate, which the clients trust.
fn pairs() -> (Made, [Made; 2]) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let leaf = || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let signed = params.signed_by(&key, &authority).unwrap();
        Made {
            certificate: signed.pem(),
            key: key.serialize_pem(),
        }
    };
    let root = Made {
        certificate: authority.pem(),
        key: String::new(),
    };
    (root, [leaf(), leaf()])
}

fn write(files: &CertificateFiles, certificate: &Made, key: &Made) {
    replace(&files.certificate, &certificate.certificate);
    replace(&files.key, &key.key);
}

/// As programs that renew certificates do it: a reader gets the old file or the new one.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

/// Replaces the pair and reloads, again and again, with a pair that does not match in between. Runs on a thread of its own,
/// as a reload does in the admin port.
fn reload_on_and_on(
    server: &ServerHandle,
    files: &CertificateFiles,
    pairs: &[Made; 2],
    over: &AtomicBool,
) -> Counts {
    let mut counts = Counts::default();
    let [one, other] = pairs;
    for [now, next] in [[one, other], [other, one]].into_iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        write(files, now, next);
        assert!(matches!(server.reload(), Err(ReloadError::Refused(_))));
        counts.refused_reloads += 1;
        write(files, now, now);
        server.reload().unwrap();
        counts.reloads += 1;
    }
    counts
}

async fn play(crowd: Crowd, name: &str) -> Counts {
    let (root, pairs) = pairs();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let files = CertificateFiles {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    write(&files, &pairs[0], &pairs[0]);
    let mut config = config();
    config.listen[0].tls = vec![files.clone()];
    let source = config.clone();
    let mut collector = EndCollector::default();
    let builder = collector.builder(config);
    let builder = builder.reload_from(move || Ok(source.clone()));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut fixture = Fixture { server, collector };
    let (addr, root) = (fixture.addr(), Arc::new(root));
    let mut live = Vec::new();
    for _ in 0..crowd.live {
        live.push(Peer::join(addr, &root).await);
    }
    let over = Arc::new(AtomicBool::new(false));
    let reloading = {
        let (server, over) = (fixture.server.clone(), Arc::clone(&over));
        tokio::task::spawn_blocking(move || reload_on_and_on(&server, &files, &pairs, &over))
    };
    let seen = Arc::new(Mutex::new(HashMap::new()));
    let mut passing = JoinSet::new();
    let mut ticks = interval(crowd.gap);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..crowd.passing {
        ticks.tick().await;
        let (root, seen) = (Arc::clone(&root), Arc::clone(&seen));
        passing.spawn(async move {
            let mut peer = Peer::begin(addr, peer::config(&root, BOTH), "localhost").await;
            peer.enter().await;
            let certificate = peer.tls.peer_certificates().unwrap()[0].to_vec();
            *seen.lock().unwrap().entry(certificate).or_insert(0) += 1;
            peer.echo(b"hi").await;
            peer.close_tls().await;
        });
        if let Some(peer) = live.get_mut(n % crowd.live) {
            peer.echo(b"still here").await;
        }
    }
    while let Some(passed) = passing.join_next().await {
        passed.expect("a player that passes");
    }
    over.store(true, Ordering::Relaxed);
    let mut counts = reloading.await.unwrap();
    for mut peer in live {
        peer.echo(b"still here").await;
        peer.close_tls().await;
    }
    for _ in 0..crowd.live + crowd.passing {
        let end = fixture.collector.end().await;
        assert_eq!(end.cause(), Cause::PeerFin, "{end}");
    }
    assert_eq!(fixture.collector.more(), 0);
    assert!(fixture.server.stats().laws_hold());
    counts.certificates = std::mem::take(&mut seen.lock().unwrap());
    let players: usize = counts.certificates.values().sum();
    assert_eq!(players, crowd.passing);
    assert_eq!(counts.certificates.len(), 2, "both were given out");
    assert!(counts.reloads > 1 && counts.refused_reloads >= counts.reloads);
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_of_certificates_fail_no_player() {
    let crowd = Crowd {
        live: 20,
        passing: 200,
        gap: Duration::from_millis(5),
    };
    play(crowd, "renewals").await;
}

/// `cargo test --release -p lastword-tests --test tls -- --ignored --nocapture a_thousand`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute of a hundred handshakes a second"]
async fn a_thousand_players_and_a_hundred_handshakes_a_second_notice_no_reload() {
    let crowd = Crowd {
        live: 1_000,
        passing: 3_000,
        gap: Duration::from_millis(10),
    };
    let counts = play(crowd, "renewals_thousand").await;
    let (reloads, refused) = (counts.reloads, counts.refused_reloads);
    eprintln!("1,000 live, 3,000 came: 0 failures, {reloads} reloads, {refused} refused");
}
