//! A client that reconnects, on real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lastword_client::{
    Advice, Cause, Connector, DialError, NoCredentials, ReconnectEvent, Reconnecting,
    ReconnectingClient, SendError, SessionEnd,
};
use lastword_server::{Config, Kick, Server};
use lastword_session::wire::Kind;

use crate::puppet::Puppet;
use crate::servers::{echo_handlers, sessions, watched};
use crate::within;

fn to(server: std::net::SocketAddr) -> Reconnecting {
    let Ok(client) = Connector::start().reconnecting(server);
    client.credentials("alice")
}

/// A client in its first session.
async fn welcomed(server: &Server) -> ReconnectingClient {
    let connecting = to(server.handle().local_addr()).connect();
    let client = within("a session", connecting).await;
    client.expect("it is welcome")
}

async fn next(client: &mut ReconnectingClient) -> ReconnectEvent {
    let event = within("an event", client.next_event()).await;
    event.expect("there is more to come")
}

/// Skips failed attempts, and takes the begin of a session.
async fn connected(client: &mut ReconnectingClient) {
    loop {
        let event = next(client).await;
        if let ReconnectEvent::Connected { session, .. } = event {
            return assert_eq!(session, client.session());
        }
        assert!(
            matches!(event, ReconnectEvent::Retrying { .. }),
            "{event:?}"
        );
    }
}

/// Takes the loss of a connection, and the end of its session.
async fn lost(client: &mut ReconnectingClient) -> SessionEnd {
    let event = next(client).await;
    let ReconnectEvent::Lost(ended) = event else {
        panic!("{event:?} is no loss");
    };
    let event = next(client).await;
    let ReconnectEvent::Ended(end) = event else {
        panic!("{event:?} is no end");
    };
    assert!(matches!(&end, SessionEnd::Lost(same) if Arc::ptr_eq(same, &ended)));
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_there_before_its_server_connects_once_the_server_is_up() {
    let (listener, addr) = Puppet::port().await;
    drop(listener);
    let mut client = to(addr).start();
    assert_eq!(client.send("too early"), Err(SendError::Closed));
    let event = next(&mut client).await;
    assert!(
        matches!(
            &event,
            ReconnectEvent::Retrying {
                attempt: 1,
                why: DialError::Connect { .. },
                ..
            }
        ),
        "{event:?}"
    );
    let (builder, _ends) = watched(Config::default());
    let server = builder.listen(addr.to_string()).bind().await;
    let mut server = server.expect("the port is free again");
    connected(&mut client).await;
    let joined = within("a session", server.accept()).await;
    let mut joined = joined.expect("the server is there");
    assert_eq!(client.session(), Some(joined.id()));
    client.send("hello").expect("it is live");
    let frame = within("a frame", joined.recv()).await;
    assert_eq!(frame.as_deref(), Some(&b"hello"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_ends_its_session_and_a_new_one_begins_only_when_asked_for() {
    let (mut server, _ends) = sessions(Config::default()).await;
    let mut client = welcomed(&server).await;
    let first = client.session();
    let sender = client.sender();
    let session = within("a session", server.accept()).await;
    drop(session);
    let end = lost(&mut client).await;
    assert!(end.may_log_in_again());
    let told = end.told().expect("the server said why");
    assert_eq!(told.cause, Some(Cause::ClosedByGame));
    assert_eq!(sender.send("lost"), Err(SendError::Closed));
    // Nothing happens by itself.
    assert!(within("no event", client.next_event()).await.is_none());
    assert_eq!(server.handle().stats().sessions_joined, 1);

    client.login_again();
    client.login_again();
    let event = next(&mut client).await;
    assert!(
        matches!(event, ReconnectEvent::Connected { .. }),
        "{event:?}"
    );
    assert_ne!(client.session(), first);
    // The handle sends to the new session, and the old session's frame is not among its frames.
    sender.send("found").expect("it is live");
    let session = within("a session", server.accept()).await;
    let mut session = session.expect("the server is there");
    let frame = within("a frame", session.recv()).await;
    assert_eq!(frame.as_deref(), Some(&b"found"[..]));
    assert_eq!(server.handle().stats().sessions_joined, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_before_the_end_come_before_the_loss() {
    let (mut server, _ends) = sessions(Config::default()).await;
    let mut client = welcomed(&server).await;
    let session = within("a session", server.accept()).await;
    let session = session.expect("the server is there");
    session.send("last words").expect("there is room");
    within("the end", session.close()).await;
    let event = next(&mut client).await;
    assert!(
        matches!(&event, ReconnectEvent::Frame(payload) if payload == "last words"),
        "{event:?}"
    );
    lost(&mut client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kicked_client_that_must_not_reconnect_knows_it() {
    let (mut server, _ends) = sessions(Config::default()).await;
    let mut client = welcomed(&server).await;
    let session = within("a session", server.accept()).await;
    let session = session.expect("the server is there");
    let kick = Kick::because("too many jumps").with_advice(Advice::DoNot);
    within("the end", session.kick(kick)).await;
    let end = lost(&mut client).await;
    assert!(!end.may_log_in_again(), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_is_tried_again_after_its_delay() {
    let mut config = Config::default();
    config.admission.connections_max = 1;
    let (server, mut ends) = echo_handlers(config).await;
    let addr = server.local_addr();
    let first = within("a session", to(addr).connect()).await;
    let mut client = to(addr).start();
    let event = next(&mut client).await;
    let ReconnectEvent::Retrying { after, why, .. } = event else {
        panic!("{event:?}");
    };
    let delay = why.told().expect("the server said why").delay;
    assert!(
        after >= delay && after <= delay * 2,
        "{after:?} for {delay:?}"
    );
    within("a goodbye", first.expect("there is room").goodbye()).await;
    while ends.next().await.cause() != Cause::PeerGoodbye {}
    connected(&mut client).await;
}

#[tokio::test]
async fn a_server_that_is_never_there_is_given_up_with_the_last_error() {
    let (listener, addr) = Puppet::port().await;
    drop(listener);
    let client = to(addr).give_up_after(Duration::from_millis(200));
    let connected = within("an error", client.connect()).await;
    assert!(
        matches!(connected, Err(DialError::Connect { .. })),
        "{connected:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_fetched_at_each_login_and_their_lack_is_no_end() {
    let (mut server, _ends) = sessions(Config::default()).await;
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let client = to(server.handle().local_addr()).fetch_credentials(move || {
        let n = counted.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            match n {
                1 => Err(NoCredentials::for_now("no ticket yet")),
                4 => Err(NoCredentials::for_good("logged out")),
                n => Ok(format!("ticket {n}")),
            }
        }
    });
    let mut client = within("a session", client.connect())
        .await
        .expect("it is welcome");
    for ticket in ["ticket 2", "ticket 3"] {
        assert!(client.session().is_some(), "{ticket}");
        let session = within("a session", server.accept()).await;
        let session = session.expect("the server is there");
        assert_eq!(session.player(), Some(ticket));
        drop(session);
        lost(&mut client).await;
        client.login_again();
        if ticket == "ticket 2" {
            connected(&mut client).await;
        }
    }
    let event = next(&mut client).await;
    let ReconnectEvent::Ended(SessionEnd::Refused(error)) = event else {
        panic!("{event:?}");
    };
    assert_eq!(
        error.to_string(),
        "cannot log in: there are no credentials: logged out"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_fetch_that_panics_ends_the_attempts_with_an_error() {
    let (listener, addr) = Puppet::port().await;
    let client = to(addr).fetch_credentials(async || -> Result<String, _> { panic!("a fault") });
    let connected = within("an error", client.connect()).await;
    assert!(
        matches!(connected, Err(DialError::TaskDropped)),
        "{connected:?}"
    );
    drop(listener);
}

#[tokio::test]
async fn a_dropped_client_makes_no_further_attempt() {
    let (listener, addr) = Puppet::port().await;
    let connector = Connector::start().welcome_timeout(Duration::from_secs(20));
    let Ok(client) = connector.reconnecting(addr);
    let client = client.start();
    let mut puppet = Puppet::accept(&listener).await;
    let hello = puppet.reads().await.expect("a hello");
    assert_eq!(hello.kind, Kind::Hello);
    drop(client);
    let goodbye = puppet.reads().await.expect("a goodbye");
    assert_eq!(goodbye.kind, Kind::Goodbye);
    assert_eq!(puppet.reads().await, None);
}

/// Ticks until an event of this kind comes.
fn ticks_until<T>(client: &mut ReconnectingClient, is: impl Fn(ReconnectEvent) -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if let Some(found) = client.drain().find_map(&is) {
            return found;
        }
        thread::yield_now();
    }
    panic!("no such event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_without_tokio_plays_by_ticks_and_logs_in_again() {
    let (mut server, mut ends) = sessions(Config::default()).await;
    let addr = server.handle().local_addr();
    let game = thread::spawn(move || {
        assert!(tokio::runtime::Handle::try_current().is_err());
        let mut client = to(addr)
            .own_runtime()
            .connect_blocking()
            .expect("it is welcome");
        let sender = client.sender();
        thread::spawn(move || sender.send("from another thread").expect("it is live"));
        let end = ticks_until(&mut client, |event| {
            let ReconnectEvent::Ended(end) = event else {
                return None;
            };
            Some(end)
        });
        assert!(end.may_log_in_again());
        client.login_again();
        let frame = ticks_until(&mut client, |event| {
            let ReconnectEvent::Frame(payload) = event else {
                return None;
            };
            Some(payload)
        });
        assert_eq!(frame, "welcome back");
        client.goodbye_blocking()
    });
    let session = within("a session", server.accept()).await;
    let mut session = session.expect("the server is there");
    let frame = within("a frame", session.recv()).await;
    assert_eq!(frame.as_deref(), Some(&b"from another thread"[..]));
    drop(session);
    let session = within("a session", server.accept()).await;
    let session = session.expect("the server is there");
    session.send("welcome back").expect("there is room");
    assert_eq!(ends.next().await.cause(), Cause::ClosedByGame);
    assert_eq!(ends.next().await.cause(), Cause::PeerGoodbye);
    let ended = tokio::task::spawn_blocking(|| game.join()).await;
    let ended = ended.expect("no panic").expect("no panic");
    assert_eq!(ended.expect("it was live").cause, Cause::ClosedByGame);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_runtime_of_its_own_says_goodbye_when_it_is_dropped() {
    let (server, mut ends) = echo_handlers(Config::default()).await;
    let addr = server.local_addr();
    let game = thread::spawn(move || {
        let client = to(addr).own_runtime().connect_blocking();
        client
            .expect("it is welcome")
            .send("last")
            .expect("it is live");
    });
    let end = ends.next().await;
    assert_eq!(end.cause(), Cause::PeerGoodbye);
    assert_eq!(end.ending.evidence.frames_in, 1);
    tokio::task::spawn_blocking(|| game.join().expect("no panic"))
        .await
        .expect("no panic");
}

#[test]
fn a_client_whose_runtime_ends_is_told() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    let (listener, mut client) = runtime.block_on(async {
        let (listener, addr) = Puppet::port().await;
        (listener, to(addr).start())
    });
    drop(runtime);
    let event = client.drain().next();
    assert!(
        matches!(
            event,
            Some(ReconnectEvent::Ended(SessionEnd::Refused(
                DialError::TaskDropped
            )))
        ),
        "{event:?}"
    );
    client.login_again();
    assert!(client.drain().next().is_none());
    drop(listener);
}
