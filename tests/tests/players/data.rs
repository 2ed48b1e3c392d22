//! The game's own data of a player: the authenticator gives it, every shape returns it, and it is dropped with the
//! session.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lastword_server::{
    Cause, Context, Credentials, Departure, Event, Handler, Observer, Phase, Player, Refusal,
    SecondLogin, Server, ServerHandle, SessionId,
};
use lastword_tests::{Ask, EndCollector, Raw, config, data, hello, until, within};

/// A value that a game keeps for a player.
#[derive(Debug, Default)]
struct Account {
    gold: AtomicU32,
}

/// Gives every player this account.
fn with(
    account: &Arc<Account>,
) -> Ask<impl Fn(Credentials) -> std::future::Ready<Result<Player, Refusal>> + use<>> {
    let account = Arc::clone(account);
    Ask(move |_| std::future::ready(Ok(Player::new("ann").with_data(Arc::clone(&account)))))
}

/// Waits until the server has dropped the data. Only the test and its authenticator still hold it.
async fn let_go(account: &Arc<Account>) {
    until("nothing else holds the data", || {
        Arc::strong_count(account) == 2
    })
    .await;
}

#[tokio::test]
async fn a_session_and_its_departure_have_the_data_that_the_authenticator_gave() {
    let account = Arc::new(Account::default());
    let mut collector = EndCollector::default();
    let builder = collector.builder(config()).authenticator(with(&account));
    let mut server = builder.bind().await.unwrap();
    let raw = Raw::join(server.local_addr(), "").await;
    let session = within("a session", server.accept()).await.unwrap();
    let own = session.data::<Account>().unwrap();
    assert!(Arc::ptr_eq(&own, &account));
    assert!(session.data::<String>().is_none(), "of another type");
    let handle = server.handle().clone();
    let by_id = handle.data::<Account>(session.id()).unwrap();
    assert!(Arc::ptr_eq(&by_id, &account));
    let id = session.id();
    drop(raw);
    let departure = within("the departure", session.close()).await;
    assert!(Arc::ptr_eq(&departure.data::<Account>().unwrap(), &account));
    assert!(handle.data::<Account>(id).is_none(), "it is not here");
    drop((own, by_id, departure));
    drop(collector.departure().await);
    let_go(&account).await;
}

/// Counts the frames of its player in the account.
struct FrameCounter(Arc<Account>);

impl Handler for FrameCounter {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        assert!(Arc::ptr_eq(&context.data::<Account>().unwrap(), &self.0));
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        let account = context.data::<Account>().unwrap();
        account.gold.fetch_add(1, Ordering::Relaxed);
        context.send(payload).unwrap();
    }

    fn left(self, departure: &Departure) {
        let account = departure.data::<Account>().unwrap();
        account.gold.fetch_add(100, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_handler_has_the_data_in_every_call() {
    let account = Arc::new(Account::default());
    let mut collector = EndCollector::default();
    let builder = collector.builder(config()).authenticator(with(&account));
    let make = |player: &Player| FrameCounter(player.data().unwrap());
    let server = builder.serve(make).await.unwrap();
    let mut raw = Raw::join(server.local_addr(), "").await;
    raw.echo(b"dig").await;
    raw.echo(b"dig deeper").await;
    drop(raw);
    let departure = collector.departure().await;
    assert_eq!(departure.cause, Cause::PeerFin.into());
    assert_eq!(account.gold.load(Ordering::Relaxed), 102);
    drop(departure);
    let_go(&account).await;
}

#[tokio::test]
async fn a_tick_loop_needs_no_map_of_its_own() {
    let account = Arc::new(Account::default());
    let mut collector = EndCollector::default();
    let builder = collector
        .builder(config())
        .authenticator(with(&account))
        .second_login(SecondLogin::Allow);
    let (mut events, players) = builder.bind_events().await.unwrap();
    let mut ann = Raw::join(players.local_addr(), "").await;
    let mut bob = Raw::join(players.local_addr(), "").await;
    for raw in [&mut ann, &mut bob] {
        raw.write(&data(b"dig")).await;
    }
    let mut joined = 0;
    let mut frames = 0;
    while frames < 2 {
        assert!(within("an event", next(&mut events)).await);
        for event in events.drain() {
            match event {
                Event::Joined { player, .. } => {
                    joined += usize::from(player.data::<Account>().is_some());
                }
                Event::Frame { session, .. } => {
                    let account = players.data::<Account>(session).unwrap();
                    account.gold.fetch_add(1, Ordering::Relaxed);
                    frames += 1;
                }
                Event::Link { .. } | Event::Left(_) | Event::Draining { .. } | _ => {}
            }
        }
    }
    assert_eq!((joined, account.gold.load(Ordering::Relaxed)), (2, 2));
    drop((ann, bob));
    let mut left = 0;
    while left < 2 {
        assert!(within("an end", next(&mut events)).await);
        for event in events.drain() {
            if let Event::Left(departure) = event {
                left += usize::from(departure.data::<Account>().is_some());
            }
        }
    }
    // The events of a tick are borrowed until the next one.
    events.drain().for_each(drop);
    for _ in 0..2 {
        drop(collector.departure().await);
    }
    let_go(&account).await;
}

/// Waits for events without blocking the runtime.
async fn next(events: &mut lastword_server::Events) -> bool {
    until("events", || events.wait(Duration::ZERO)).await;
    true
}

/// Counts its drop, and panics in it.
struct Bomb(Arc<AtomicU32>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("the test's planted panic");
    }
}

#[tokio::test]
async fn data_that_panics_when_it_is_dropped_takes_no_refusal_from_its_player() {
    let dropped = Arc::new(AtomicU32::new(0));
    let mut collector = EndCollector::default();
    let server: Arc<OnceLock<ServerHandle>> = Arc::default();
    let (counter, draining) = (Arc::clone(&dropped), Arc::clone(&server));
    // A drain begins while the authenticator is working.
    let ask = Ask(move |_| {
        let server = draining.get().unwrap();
        server.begin_drain(Duration::from_secs(10));
        let bomb = Arc::new(Bomb(Arc::clone(&counter)));
        std::future::ready(Ok(Player::unnamed().with_data(bomb)))
    });
    let builder = collector.builder(config()).authenticator(ask);
    let bound = builder.bind().await.unwrap();
    server.get_or_init(|| bound.handle().clone());
    let mut raw = Raw::connect(bound.local_addr()).await;
    raw.write(&hello(b"")).await;
    assert!(raw.goodbye_code().await.is_some(), "it is told why");
    drop(raw);
    let end = collector.end().await;
    let at = (end.cause(), end.ending.verdict.phase);
    assert_eq!(at, (Cause::RefusedDraining, Phase::Auth));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// Reports the session of the first player who left.
struct Tells(tokio::sync::mpsc::UnboundedSender<SessionId>);

impl Observer for Tells {
    fn left(&self, departure: &Departure) {
        self.0.send(departure.session).unwrap();
    }
}

#[tokio::test]
async fn data_that_panics_when_it_is_dropped_costs_no_other_session() {
    let (tells, mut left) = tokio::sync::mpsc::unbounded_channel();
    let dropped = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&dropped);
    let ask = Ask(move |_| {
        let bomb = Arc::new(Bomb(Arc::clone(&counter)));
        std::future::ready(Ok(Player::unnamed().with_data(bomb)))
    });
    let builder = Server::builder().listen("127.0.0.1:0");
    let builder = builder.authenticator(ask).observer(Tells(tells));
    let server = builder
        .serve(|_: &Player| lastword_tests::Echo)
        .await
        .unwrap();
    let first = Raw::join(server.local_addr(), "").await;
    let mut second = Raw::join(server.local_addr(), "").await;
    drop(first);
    within("the departure", left.recv()).await.unwrap();
    second.echo(b"still here").await;
    drop(second);
    within("the departure", left.recv()).await.unwrap();
    until("both are gone", || dropped.load(Ordering::Relaxed) == 2).await;
    within("the end", server.drain(Duration::ZERO)).await;
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(stats.disconnects, [(Cause::PeerFin, Phase::Live, 2)]);
}
