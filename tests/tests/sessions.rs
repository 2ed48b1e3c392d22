//! The list of live sessions: its members, when they enter and leave it, and the details of each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lastword_server::{
    Cause, Context, Departure, Diagnosis, Handler, Kick, Phase, Player, ServerHandle, SessionId,
    SessionInfo,
};
use lastword_tests::{EndCollector, Fixture, Raw, config, goodbye, quick, within};
use tokio::sync::mpsc;

/// Returns the names in the list, in alphabetical order.
fn names(sessions: &[SessionInfo]) -> Vec<&str> {
    let mut names: Vec<_> = sessions.iter().flat_map(|info| &info.player).collect();
    names.sort();
    names.into_iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_player_is_found_and_kicked_by_name_in_all_of_its_sessions() {
    let mut fixture = Fixture::start().await;
    let server = fixture.server.clone();
    let mut ann = [
        Raw::join(fixture.addr(), "ann").await,
        Raw::join(fixture.addr(), "ann").await,
    ];
    let _bob = Raw::join(fixture.addr(), "bob\u{7}").await;
    assert_eq!(names(&server.sessions()), ["ann", "ann", "bob\u{7}"]);

    let found = server.find("bob\u{7}");
    let [info] = &found[..] else {
        panic!("one session of bob's")
    };
    assert_eq!(info.player_shown().as_deref(), Some("bob<U+0007>"));
    assert!(info.remote.ip().is_loopback());
    assert_eq!(info.profile.unwrap().as_str(), "standard");
    assert_eq!((&info.cohort, info.suspected), (&None, None));
    assert!(info.live_for < Duration::from_secs(20));
    let rtt = server.round_trip(info.session).expect("it is live").rtt();
    assert_eq!(info.rtt, rtt);
    let session = |found: Vec<SessionInfo>| found.into_iter().map(|info| info.session);
    assert!(session(server.find("bob<U+0007>")).eq([info.session]));

    assert_eq!(server.find("an"), []);
    assert_eq!(server.kick_player("an", Kick::default()), 0);
    assert_eq!(server.kick_player("ann", Kick::because("enough")), 2);
    for raw in &mut ann {
        assert_eq!(raw.goodbye_code().await, Some(80));
    }
    drop(ann);
    for _ in 0..2 {
        fixture.ends_as_ever(Cause::Kicked, Phase::Live).await;
    }
    assert_eq!(server.find("ann"), []);
    assert_eq!(names(&server.sessions()), ["bob\u{7}"]);
}

/// Reports to the test whether its session is in the list when it joins, and when it has left.
struct Listed {
    server: Arc<OnceLock<ServerHandle>>,
    session: Option<SessionId>,
    told: mpsc::UnboundedSender<(&'static str, bool)>,
}

impl Listed {
    fn tell(&self, when: &'static str) {
        let listed = self.server.get().unwrap().sessions();
        let is_listed = listed.iter().any(|info| Some(info.session) == self.session);
        self.told.send((when, is_listed)).unwrap();
    }
}

impl Handler for Listed {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        self.session = Some(context.session());
        self.tell("joined");
    }

    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}

    fn left(self, _departure: &Departure) {
        self.tell("left");
    }
}

#[tokio::test]
async fn a_session_is_listed_from_its_joining_until_its_game_hears_that_it_left() {
    let mut collector = EndCollector::default();
    let (told, mut heard) = mpsc::unbounded_channel();
    let handle = Arc::new(OnceLock::new());
    let server = Arc::clone(&handle);
    let builder = collector.builder(config());
    let serving = builder.serve(move |_: &Player| Listed {
        server: Arc::clone(&handle),
        session: None,
        told: told.clone(),
    });
    let running = serving.await.unwrap();
    let server = server.get_or_init(|| running);
    let mut raw = Raw::join(server.local_addr(), "ann").await;
    raw.write(&goodbye()).await;
    raw.fin().await;
    let mut next = async || within("the handler", heard.recv()).await;
    assert_eq!(next().await, Some(("joined", true)));
    assert_eq!(next().await, Some(("left", false)));
    assert_eq!(server.sessions(), []);
}

#[tokio::test]
async fn a_silent_peer_is_listed_as_suspect_until_it_is_heard() {
    let fixture = Fixture::with(quick(config()), lastword_server::Anonymous).await;
    let mut raw = Raw::join(fixture.addr(), "ann").await;
    let suspected = || fixture.server.find("ann")[0].suspected;
    let is = async |is: fn(Option<Diagnosis>) -> bool| {
        while !is(suspected()) {
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(suspected(), None);
    within("a suspicion", is(|suspected| suspected.is_some())).await;
    raw.write(&lastword_tests::data(b"here")).await;
    within("health", is(|suspected| suspected.is_none())).await;
}

#[tokio::test]
async fn a_list_read_in_parts_misses_no_session_that_stays() {
    let mut fixture = Fixture::start().await;
    let server = fixture.server.clone();
    let mut here = Vec::new();
    for n in 0..7 {
        here.push((Raw::join(fixture.addr(), &n.to_string()).await, n));
    }
    let first = server.sessions_after(None, 3);
    assert_eq!(names(&first).len(), 3);
    // The last session of this page leaves, and another one takes its place.
    let gone = first.last().unwrap();
    server.kick(gone.session, Kick::default()).unwrap();
    let index = gone.player.as_ref().unwrap().parse::<usize>().unwrap();
    let (mut raw, _) = here.remove(index);
    assert_eq!(raw.goodbye_code().await, Some(80));
    drop(raw);
    fixture.ends_as_ever(Cause::Kicked, Phase::Live).await;
    let _new = Raw::join(fixture.addr(), "new").await;

    let rest = server.sessions_after(Some(gone.session), usize::MAX);
    let all = [&first[..2], &rest[..]].concat();
    let stayed: Vec<_> = here.iter().map(|(_, n)| n.to_string()).collect();
    let seen = names(&all);
    assert!(stayed.iter().all(|name| seen.contains(&name.as_str())));
    let twice = |name: &&str| seen.iter().filter(|seen| *seen == name).count() > 1;
    assert!(!seen.iter().any(twice), "{seen:?}");
    let end = rest.last().map(|info| info.session);
    assert_eq!(server.sessions_after(end, 1), []);
}
