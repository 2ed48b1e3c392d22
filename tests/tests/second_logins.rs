//! A second login of a player: which session is live, what the other client reads, and in which order the game hears.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lastword_server::{
    Advice, Anonymous, Cause, Config, Context, Credentials, Departure, Event, Handler, Initiator,
    Phase, Player, Policy, Refusal, SecondLogin, Server, ServerHandle, Session,
};
use lastword_tests::{
    Ask, Echo, EndCollector, Fixture, Log, Raw, config, data, hello, kind, quick, run_clients,
    until, within,
};
use tokio::time::Instant;

/// The game's own authenticator: it knows each player by the name.
async fn by_name(credentials: Credentials) -> Result<Player, Refusal> {
    Ok(Player::new(String::from_utf8_lossy(&credentials.bytes)))
}

fn with(policy: SecondLogin, mut config: Config) -> Config {
    config.sessions.second_login = policy;
    config
}

async fn fixture(policy: SecondLogin) -> Fixture {
    Fixture::with(with(policy, config()), Ask(by_name)).await
}

/// What a login came to.
#[derive(Debug)]
enum Came {
    In(Raw),
    /// The goodbye's code, advice and words, and whether the client was live before.
    Told(u16, u8, String, bool),
}

impl Came {
    fn code(&self) -> Option<u16> {
        match self {
            Self::In(_) => None,
            Self::Told(code, ..) => Some(*code),
        }
    }
}

/// Reads up to the welcome, or to the goodbye instead.
async fn log_in(mut raw: Raw, name: &str) -> Came {
    raw.write(&hello(name.as_bytes())).await;
    match raw.frame().await.expect("an answer") {
        (kind::WELCOME, _) => Came::In(raw),
        (kind::GOODBYE, goodbye) => told(&goodbye, false),
        other => panic!("{other:?}"),
    }
}

/// Reads up to the echo, or to the goodbye instead. A client that lost its session may find it closed already.
async fn is_still_in(came: Came) -> Came {
    let Came::In(mut raw) = came else {
        return came;
    };
    use tokio::io::AsyncWriteExt;
    let _closed = raw.stream.write_all(&data(b"still in")).await;
    loop {
        match raw.frame().await.expect("an echo or a goodbye") {
            (kind::DATA, payload) if payload == b"still in" => return Came::In(raw),
            (kind::GOODBYE, goodbye) => return told(&goodbye, true),
            _ => {}
        }
    }
}

fn told(goodbye: &[u8], was_in: bool) -> Came {
    let words = String::from_utf8_lossy(&goodbye[9..]).into_owned();
    let code = u16::from_be_bytes([goodbye[1], goodbye[2]]);
    Came::Told(code, goodbye[3], words, was_in)
}

/// The same player logs in from this many clients at one moment. Returns what each came to, once all were answered.
async fn at_once(server: ServerHandle, name: String, clients: usize) -> Vec<Came> {
    let mut raws = Vec::new();
    for _ in 0..clients {
        raws.push(Raw::connect(server.local_addr()).await);
    }
    let logins = raws.into_iter().map(|raw| {
        tokio::spawn({
            let name = name.clone();
            async move { log_in(raw, &name).await }
        })
    });
    let logins: Vec<_> = logins.collect();
    let mut came = Vec::new();
    for login in logins {
        came.push(within("an answer", login).await.unwrap());
    }
    let mut settled = Vec::new();
    for each in came {
        settled.push(is_still_in(each).await);
    }
    settled
}

/// Double logins of this many players. Returns how many clients were told each code.
async fn doubles(policy: SecondLogin, players: u32, clients: usize) -> Vec<(u16, usize)> {
    let fixture = fixture(policy).await;
    let server = fixture.server.clone();
    assert_eq!(server.second_login(), policy);
    let outcomes = run_clients(players, 16, move |n| {
        at_once(server.clone(), format!("player {n}"), clients)
    })
    .await;
    let server = &fixture.server;
    let mut told = std::collections::BTreeMap::new();
    let live = if policy == SecondLogin::Allow {
        clients
    } else {
        1
    };
    for (n, outcome) in outcomes.iter().enumerate() {
        let codes: Vec<_> = outcome.iter().map(Came::code).collect();
        let winners = codes.iter().filter(|code| code.is_none()).count();
        assert_eq!(winners, live, "player {n}: {outcome:?}");
        assert_eq!(server.find(&format!("player {n}")).len(), live);
        for code in codes.into_iter().flatten() {
            *told.entry(code).or_insert(0) += 1;
        }
        for each in outcome {
            if let Came::Told(_, advice, words, _) = each {
                assert_eq!(*advice, Advice::DoNot as u8, "{each:?}");
                assert!(!words.is_empty());
            }
        }
    }
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(stats.sessions_open, u64::from(players) * live as u64);
    told.into_iter().collect()
}

const REPLACED: u16 = Cause::ReplacedByLogin.code();
const REFUSED: u16 = Cause::AlreadyLoggedIn.code();

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_replace_one_each_is_live_and_the_other_reads_why() {
    let told = doubles(SecondLogin::Replace, 500, 2).await;
    assert_eq!(told, [(REPLACED, 500)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_refuse_one_each_is_live_and_the_other_reads_why() {
    let told = doubles(SecondLogin::Refuse, 500, 2).await;
    assert_eq!(told, [(REFUSED, 500)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_allow_both_are_live() {
    let told = doubles(SecondLogin::Allow, 500, 2).await;
    assert_eq!(told, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_logins_at_once_one_is_live_and_seven_are_told() {
    for policy in [SecondLogin::Replace, SecondLogin::Refuse] {
        let told = doubles(policy, 60, 8).await;
        let codes = told.iter().map(|(code, _)| *code);
        assert!(
            codes
                .clone()
                .all(|code| [REPLACED, REFUSED].contains(&code))
        );
        assert_eq!(told.iter().map(|(_, count)| count).sum::<usize>(), 60 * 7);
    }
}

#[tokio::test]
async fn the_earlier_session_ends_as_replaced_by_login_and_its_client_reads_why() {
    let mut fixture = fixture(SecondLogin::Replace).await;
    let earlier = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let session = fixture.server.find("ann")[0].session;
    let mut later = Raw::join(fixture.addr(), "ann").await;
    let Came::Told(code, advice, words, true) = is_still_in(earlier).await else {
        panic!("it was not live, or still is");
    };
    assert_eq!((code, advice), (REPLACED, Advice::DoNot as u8));
    assert_eq!(words, "the same player logged in again");
    let departure = fixture.collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    assert_eq!(departure.session, session);
    let end = fixture.ends_as(Cause::ReplacedByLogin, Phase::Live).await;
    assert_eq!(end.ending.verdict.cause.initiator(), Initiator::Peer);
    later.echo(b"alive").await;
    let found = fixture.server.find("ann");
    assert_eq!(found.len(), 1);
    assert_ne!(found[0].session, session);
}

#[tokio::test]
async fn with_refuse_the_later_client_reads_already_logged_in_and_the_session_goes_on() {
    let mut fixture = fixture(SecondLogin::Refuse).await;
    let mut earlier = Raw::join(fixture.addr(), "ann").await;
    let later = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let Came::Told(code, advice, words, false) = later else {
        panic!("{later:?}");
    };
    assert_eq!((code, advice), (REFUSED, Advice::DoNot as u8));
    assert_eq!(words, "this player is already logged in");
    let end = fixture.ends_as(Cause::AlreadyLoggedIn, Phase::Auth).await;
    assert_eq!(end.ending.verdict.cause.initiator(), Initiator::Peer);
    earlier.echo(b"alive").await;
    drop(earlier);
    let end = fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
    assert_eq!(end.player.as_deref(), Some("ann"));
    Raw::join(fixture.addr(), "ann").await.echo(b"alive").await;
}

/// A client that is gone without a word must lock no player out.
#[tokio::test]
async fn with_refuse_a_session_whose_client_is_silent_is_replaced() {
    let config = with(SecondLogin::Refuse, quick(config()));
    let mut fixture = Fixture::with(config, Ask(by_name)).await;
    let silent = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let server = fixture.server.clone();
    until("it is suspect", || server.sessions()[0].suspected.is_some()).await;
    let mut later = Raw::join(fixture.addr(), "ann").await;
    assert_eq!(is_still_in(silent).await.code(), Some(REPLACED));
    fixture.ends_as(Cause::ReplacedByLogin, Phase::Live).await;
    later.echo(b"alive").await;
}

#[tokio::test]
async fn a_name_on_the_clients_word_ends_no_session_unless_the_operator_says_so() {
    let auto = SecondLogin::Auto;
    let servers = [
        (Fixture::with(config(), Anonymous).await, SecondLogin::Allow),
        (
            Fixture::with(config(), Ask(by_name)).await,
            SecondLogin::Replace,
        ),
        (
            Fixture::with(with(SecondLogin::Refuse, config()), Anonymous).await,
            SecondLogin::Refuse,
        ),
    ];
    for (fixture, policy) in servers {
        assert_eq!(fixture.server.second_login(), policy);
    }
    let chosen = [
        (auto, SecondLogin::Allow, SecondLogin::Allow),
        (auto, SecondLogin::Refuse, SecondLogin::Refuse),
        (auto, auto, SecondLogin::Replace),
        (
            SecondLogin::Replace,
            SecondLogin::Allow,
            SecondLogin::Replace,
        ),
    ];
    for (of_config, of_game, policy) in chosen {
        let builder = Server::builder().config(with(of_config, config()));
        let builder = builder.listen("127.0.0.1:0").authenticator(Ask(by_name));
        let builder = builder.second_login(of_game);
        let server = builder.serve(|_: &Player| Echo).await.unwrap();
        assert_eq!(server.second_login(), policy, "{of_config} {of_game}");
    }
}

#[tokio::test]
async fn players_without_a_name_are_never_the_same_player() {
    let fixture = fixture(SecondLogin::Replace).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Raw::join(fixture.addr(), "").await);
    }
    for client in &mut clients {
        client.echo(b"alive").await;
    }
    assert_eq!(fixture.server.stats().sessions_open, 5);
}

#[tokio::test]
async fn a_name_is_found_as_it_is_and_as_records_show_it() {
    let fixture = fixture(SecondLogin::Replace).await;
    let raw = "a\u{1b}n";
    let shown = "a<U+001B>n";
    let _one = Raw::join(fixture.addr(), raw).await;
    let _other = Raw::join(fixture.addr(), shown).await;
    let found = |name: &str| fixture.server.find(name).len();
    assert_eq!((found(raw), found(shown), found("an")), (1, 2, 0));
    let kick = lastword_server::Kick::default;
    assert_eq!(fixture.server.kick_player(raw, kick()), 1);
    assert_eq!(fixture.server.kick_player("an", kick()), 0);
}

/// What the game heard of one player's sessions, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Joined,
    Left,
}

/// One of the three ways in which a game hears of its sessions.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Handler,
    Session,
    Tick,
}

/// Logs what it hears, and panics when it hears of its end, if it is to.
struct Watch {
    log: Log<Heard>,
    panics: bool,
}

impl Handler for Watch {
    fn joined(&mut self, _context: &mut Context<'_, '_>) {
        self.log.lock().unwrap().push(Heard::Joined);
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        let _full = context.send(payload);
    }

    fn left(self, _departure: &Departure) {
        self.log.lock().unwrap().push(Heard::Left);
        assert!(!self.panics, "the test's planted panic");
    }
}

/// Starts a game that logs what it hears of its sessions.
async fn watched(shape: Shape, log: Log<Heard>) -> ServerHandle {
    let builder = Server::builder().config(with(SecondLogin::Replace, config()));
    let builder = builder.listen("127.0.0.1:0").authenticator(Ask(by_name));
    match shape {
        Shape::Handler => {
            let make = move |_: &Player| Watch {
                log: Arc::clone(&log),
                panics: false,
            };
            builder.serve(make).await.unwrap()
        }
        Shape::Session => {
            let server = builder.bind().await.unwrap();
            let handle = server.handle().clone();
            tokio::spawn(play(server, log));
            handle
        }
        Shape::Tick => {
            let (mut events, handle) = builder.bind_events().await.unwrap();
            let sends = handle.clone();
            std::thread::spawn(move || {
                while !events.is_over() {
                    events.wait(Duration::from_millis(100));
                    for event in events.drain() {
                        match event {
                            Event::Joined { .. } => log.lock().unwrap().push(Heard::Joined),
                            Event::Left { .. } => log.lock().unwrap().push(Heard::Left),
                            Event::Frame { session, payload } => {
                                let _gone = sends.send(session, payload);
                            }
                            Event::Link { .. } | Event::Draining { .. } | _ => {}
                        }
                    }
                }
            });
            handle
        }
    }
}

/// The player's one session, and then the next: the end of one is there before the next one is.
async fn play(mut server: Server, log: Log<Heard>) {
    let mut player: Option<Session> = None;
    loop {
        let next = match &mut player {
            None => server.accept().await,
            Some(session) => tokio::select! {
                biased;
                frame = session.recv() => {
                    match frame {
                        Some(frame) => {
                            let _gone = session.send(frame);
                        }
                        None => {
                            log.lock().unwrap().push(Heard::Left);
                            player = None;
                        }
                    }
                    continue;
                }
                next = server.accept() => next,
            },
        };
        let Some(next) = next else { return };
        if let Some(mut earlier) = player.replace(next) {
            let end = loop {
                match now(earlier.recv()) {
                    Some(Some(_frame)) => {}
                    end => break end,
                }
            };
            assert_eq!(end, Some(None), "the earlier one has departed");
            log.lock().unwrap().push(Heard::Left);
        }
        log.lock().unwrap().push(Heard::Joined);
    }
}

/// The output of a future that is ready.
fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_each_shape_the_earlier_session_leaves_before_the_next_one_joins() {
    for shape in [Shape::Handler, Shape::Session, Shape::Tick] {
        let log = Log::default();
        let server = watched(shape, Arc::clone(&log)).await;
        let mut clients = Vec::new();
        for n in 1..=40 {
            clients.extend(at_once(server.clone(), "ann".to_owned(), 1 + n % 3).await);
        }
        until("the game heard of the last one", || {
            log.lock().unwrap().len() as u64 == server.stats().sessions_joined * 2 - 1
        })
        .await;
        let heard = log.lock().unwrap().clone();
        assert!(heard.len() > 79, "{shape:?}: {}", heard.len());
        for (n, each) in heard.iter().enumerate() {
            let expected = [Heard::Joined, Heard::Left][n % 2];
            assert_eq!(*each, expected, "{shape:?}: {n}");
        }
        server.expire();
        within("the end", server.closed()).await;
    }
}

#[tokio::test]
async fn a_game_that_panics_when_it_hears_of_the_end_keeps_no_player_out() {
    let log: Log<Heard> = Log::default();
    let watch = Arc::clone(&log);
    let builder = Server::builder().config(with(SecondLogin::Replace, config()));
    let builder = builder.listen("127.0.0.1:0").authenticator(Ask(by_name));
    let make = move |_: &Player| Watch {
        log: Arc::clone(&watch),
        panics: true,
    };
    let server = builder.serve(make).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Raw::join(server.local_addr(), "ann").await);
    }
    clients.last_mut().unwrap().echo(b"alive").await;
    assert_eq!(log.lock().unwrap().len(), 9);
    assert_eq!(server.stats().sessions_open, 1);
}

#[tokio::test]
async fn a_session_whose_client_does_not_read_is_replaced_at_once() {
    let mut collector = EndCollector::default();
    let mut config = with(SecondLogin::Replace, config());
    config.timeouts.linger_ms = NEVER_MS;
    let builder = collector.builder(config).authenticator(Ask(by_name));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let mut deaf = Raw::connect_small(server.local_addr(), 4_096).await;
    deaf.enter("ann").await;
    let session = server.find("ann")[0].session;
    until("the kernel takes no more", || {
        // Frames that may be dropped end no session.
        let sent = server.send_with(session, Policy::DropOldest, &[0; 60_000]);
        assert_eq!(sent, Ok(()));
        server.find("ann")[0].congested
    })
    .await;
    let mut later = Raw::join(server.local_addr(), "ann").await;
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    later.echo(b"alive").await;
    let stats = server.stats();
    assert_eq!((stats.sessions_open, stats.connections_open), (1, 2));
    assert_eq!(
        collector.more(),
        0,
        "its goodbye still waits for the client"
    );
}

/// Longer than any test.
const NEVER_MS: u32 = 600_000;

/// A game that took a frame, and takes no further one until it may. Its session's end would wait for ten minutes.
async fn slow_game(policy: SecondLogin, auth_ms: u32) -> (Server, Session, Raw, EndCollector) {
    let mut config = with(policy, config());
    config.timeouts.auth_ms = auth_ms;
    (config.timeouts.delivery_ms, config.timeouts.linger_ms) = (NEVER_MS, NEVER_MS);
    let mut collector = EndCollector::default();
    let builder = collector.builder(config).authenticator(Ask(by_name));
    let mut server = builder.bind().await.unwrap();
    let mut raw = Raw::join(server.handle().local_addr(), "ann").await;
    raw.write(&data(b"one")).await;
    raw.write(&data(b"two")).await;
    let mut session = within("a session", server.accept()).await.unwrap();
    assert_eq!(session.recv().await.as_deref(), Some(b"one".as_slice()));
    (server, session, raw, collector)
}

#[tokio::test]
async fn a_slow_game_is_waited_for_at_most_a_second_and_keeps_its_frames() {
    let (server, mut session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let begun = Instant::now();
    let mut later = Raw::connect(addr).await;
    later.enter("ann").await;
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(900), "{waited:?}");
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    assert_eq!(departure.undelivered_frames, 1);
    assert_eq!(session.recv().await.as_deref(), Some(b"two".as_slice()));
    assert_eq!(session.recv().await, None);
    let info = &server.handle().find("ann")[0];
    let before = begun.elapsed() - info.live_for;
    assert!(
        before >= Duration::from_millis(800),
        "the wait is no part of its life"
    );
}

#[tokio::test]
async fn the_wait_is_a_part_of_the_auth_timeout_and_what_waited_leaves_nothing() {
    let (server, session, _raw, mut collector) = slow_game(SecondLogin::Replace, 300).await;
    let addr = server.handle().local_addr();
    let late = log_in(Raw::connect(addr).await, "ann").await;
    assert_eq!(late.code(), Some(Cause::AuthTimeout.code()));
    collector.departure().await;
    drop(session);
    Raw::join(addr, "ann").await;
    let stats = server.handle().stats();
    assert_eq!((stats.sessions_joined, stats.departures.len()), (2, 1));
}

/// Of the logins that wait for one departure, the latest joins.
#[tokio::test]
async fn a_login_that_waits_is_told_when_a_later_one_comes() {
    let (server, _session, _raw, _collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let mut waits = Raw::connect(addr).await;
    waits.write(&hello(b"ann")).await;
    // The earlier session is no longer in the list once it was told to end.
    until("it waits", || server.handle().find("ann").is_empty()).await;
    let mut latest = Raw::connect(addr).await;
    latest.enter("ann").await;
    let (kind, goodbye) = waits.frame().await.expect("an answer");
    assert_eq!(kind, kind::GOODBYE);
    let Came::Told(code, _, words, _) = told(&goodbye, false) else {
        unreachable!("it is a goodbye");
    };
    assert_eq!(
        (code, words.as_str()),
        (REFUSED, "the same player logged in again")
    );
    assert_eq!(server.handle().stats().sessions_joined, 2);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_frees_the_name() {
    let (server, _session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let addr = server.handle().local_addr();
    let mut waits = Raw::connect(addr).await;
    waits.write(&hello(b"ann")).await;
    until("it waits", || server.handle().find("ann").is_empty()).await;
    drop(waits);
    let end = collector.end().await;
    assert_eq!(
        (end.cause(), end.ending.verdict.phase, end.session),
        (Cause::PeerFin, Phase::Auth, None),
        "it never became a session"
    );
    collector.departure().await;
    let _next = Raw::join(addr, "ann").await;
    assert_eq!(server.handle().stats().sessions_joined, 2);
}

#[tokio::test]
async fn a_drain_refuses_a_login_that_waits() {
    let (server, session, _raw, mut collector) = slow_game(SecondLogin::Replace, 5_000).await;
    let handle = server.handle().clone();
    let mut waits = Raw::connect(handle.local_addr()).await;
    waits.write(&hello(b"ann")).await;
    until("it waits", || handle.find("ann").is_empty()).await;
    handle.begin_drain(Duration::from_secs(5));
    assert_eq!(
        waits.goodbye_code().await,
        Some(Cause::RefusedDraining.code())
    );
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    drop((waits, session, _raw));
    within("the end", handle.closed()).await;
    let stats = handle.stats();
    assert!(stats.laws_hold());
    assert_eq!((stats.sessions_joined, stats.connections_open), (1, 0));
}

/// The names of the sessions that are live already are known from the start only.
#[tokio::test]
async fn a_reload_says_that_the_policy_needs_a_restart() {
    let source = Arc::new(Mutex::new(with(SecondLogin::Refuse, config())));
    let read = Arc::clone(&source);
    let mut collector = EndCollector::default();
    let builder = collector.builder(source.lock().unwrap().clone());
    let builder = builder.reload_from(move || Ok(read.lock().unwrap().clone()));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    source.lock().unwrap().sessions.second_login = SecondLogin::Replace;
    let reload = server.reload().unwrap();
    assert_eq!(reload.needs_restart, ["sessions.second_login"]);
    assert_eq!(server.second_login(), SecondLogin::Refuse);
}
