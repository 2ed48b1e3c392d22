//! A client whose session survives its connections, against a server that a test controls.

mod keeper;

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lastword_client::{
    Advice, Cause, Connector, DialError, ReconnectEvent, Reconnecting, ReconnectingClient,
    SendError, SessionEnd,
};
use lastword_session::wire::{Goodbye, Kind};

use crate::puppet::Puppet;
use crate::within;
use keeper::{Keeper, SESSION, goodbye};

fn to(keeper: &Keeper) -> Reconnecting {
    let Ok(client) = Connector::start().reconnecting(keeper.addr);
    client.credentials("alice")
}

/// A client in its first connection.
async fn live(keeper: &mut Keeper, client: Reconnecting) -> (ReconnectingClient, Puppet) {
    let (client, puppet) = tokio::join!(client.connect(), keeper.welcomes());
    let client = client.expect("it is welcome");
    let session = client.session().expect("it has an id");
    assert_eq!(session.as_bytes(), &SESSION);
    (client, puppet)
}

async fn next(client: &mut ReconnectingClient) -> ReconnectEvent {
    let event = within("an event", client.next_event()).await;
    event.expect("there is more to come")
}

async fn lost(client: &mut ReconnectingClient) -> Cause {
    let event = next(client).await;
    let ReconnectEvent::Lost(ended) = event else {
        panic!("{event:?} is no loss");
    };
    ended.cause
}

async fn resumed(client: &mut ReconnectingClient) -> u32 {
    let event = next(client).await;
    let ReconnectEvent::Resumed { connection, .. } = event else {
        panic!("{event:?} is no resume");
    };
    connection
}

async fn ended(client: &mut ReconnectingClient) -> SessionEnd {
    let event = next(client).await;
    let ReconnectEvent::Ended(end) = event else {
        panic!("{event:?} is no end");
    };
    end
}

async fn frame(client: &mut ReconnectingClient) -> Bytes {
    let event = next(client).await;
    let ReconnectEvent::Frame(payload) = event else {
        panic!("{event:?} is no frame");
    };
    payload
}

#[tokio::test]
async fn a_client_that_was_cut_goes_on_and_no_frame_is_lost_or_comes_twice() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, mut puppet) = live(&mut keeper, client).await;
    let sender = client.sender();
    client.send("up 1").expect("it is live");
    keeper.takes(&mut puppet, 1).await;
    keeper.sends(&mut puppet, b"down 1").await;
    assert_eq!(frame(&mut client).await, "down 1");
    // One frame of each direction does not arrive.
    client.send("up 2").expect("it is live");
    let on_its_way = puppet.reads().await.expect("a frame");
    assert_eq!(on_its_way.payload, "up 2");
    keeper.loses(b"down 2");
    puppet.resets();
    assert_eq!(lost(&mut client).await, Cause::PeerReset);
    assert!(client.connection().is_none());
    sender.send("up 3").expect("its session lives on");

    let (mut puppet, previous) = keeper.resumes().await;
    assert_eq!((previous.connection, previous.attempt), (1, 1));
    assert_eq!(previous.cause, Cause::PeerReset.code());
    assert_eq!(
        (previous.goodbye, previous.paused, previous.moved),
        (0, false, false)
    );
    assert_eq!(resumed(&mut client).await, 2);
    sender.send("up 4").expect("it is live");
    keeper.takes(&mut puppet, 4).await;
    assert_eq!(keeper.received, ["up 1", "up 2", "up 3", "up 4"]);
    keeper.sends(&mut puppet, b"down 3").await;
    for payload in ["down 2", "down 3"] {
        assert_eq!(frame(&mut client).await, payload);
    }
    // And again, by a FIN.
    puppet.shuts().await;
    assert_eq!(lost(&mut client).await, Cause::PeerFin);
    let (mut puppet, previous) = keeper.resumes().await;
    assert_eq!((previous.connection, previous.attempt), (2, 2));
    assert_eq!(resumed(&mut client).await, 3);
    drop(client);
    assert_eq!(sender.send("too late"), Err(SendError::Closed));
    let goodbye = puppet.reads().await.expect("a goodbye");
    let goodbye = Goodbye::decode(&goodbye.payload).expect("it is one");
    assert!(goodbye.over);
}

#[tokio::test]
async fn a_resume_that_is_refused_ends_the_session_and_says_why() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    client.send("for nothing").expect("its session lives on");
    let knock = keeper.is_asked().await;
    knock.hears(Cause::ResumeRefused, true).await;
    let end = ended(&mut client).await;
    assert!(
        matches!(end, SessionEnd::NotResumed(DialError::Refused { .. })),
        "{end:?}"
    );
    let told = end.told().expect("the server said why");
    assert!(told.over && told.cause == Some(Cause::ResumeRefused));
    assert!(end.may_log_in_again());
    assert_eq!(client.send("too late"), Err(SendError::Closed));
    assert!(within("nothing", client.next_event()).await.is_none());
    // A new session knows nothing of the old one.
    client.login_again();
    let mut puppet = keeper.welcomes().await;
    let event = next(&mut client).await;
    assert!(
        matches!(event, ReconnectEvent::Connected { .. }),
        "{event:?}"
    );
    client.send("up 1").expect("it is live");
    keeper.takes(&mut puppet, 1).await;
    assert_eq!(keeper.received, ["up 1"]);
}

#[tokio::test]
async fn a_refusal_of_admission_and_a_raced_attempt_leave_the_session() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    client.send("up 1").expect("its session lives on");
    let refusals = [(Cause::AddressLimit, true), (Cause::ResumeRefused, false)];
    for (attempt, (cause, over)) in (1..).zip(refusals) {
        let knock = keeper.is_asked().await;
        assert_eq!(knock.token, keeper.token());
        assert_eq!(knock.previous.attempt, attempt);
        knock.hears(cause, over).await;
        let event = next(&mut client).await;
        assert!(
            matches!(event, ReconnectEvent::Retrying { .. }),
            "{event:?}"
        );
    }
    let (mut puppet, previous) = keeper.resumes().await;
    assert_eq!(previous.attempt, 3);
    assert_eq!(resumed(&mut client).await, 2);
    keeper.takes(&mut puppet, 1).await;
    assert_eq!(keeper.received, ["up 1"]);
}

/// A goodbye would confirm a welcome that the client has not read.
#[tokio::test]
async fn an_attempt_without_an_answer_is_left_without_a_word_and_repeated() {
    let mut keeper = Keeper::new().await;
    let connector = Connector::start().welcome_timeout(Duration::from_millis(200));
    let Ok(client) = connector.reconnecting(keeper.addr);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    let mut knock = keeper.is_asked().await;
    client.send("up 1").expect("its session lives on");
    let word = knock.puppet.reads_or_fails().await;
    assert!(word.is_err(), "{word:?} is a word");
    let event = next(&mut client).await;
    let timed_out = |why: &DialError| {
        let DialError::Ended(ended) = why else {
            return matches!(why, DialError::WelcomeTimedOut { .. });
        };
        ended.cause == Cause::HelloTimeout
    };
    assert!(
        matches!(&event, ReconnectEvent::Retrying { why, .. } if timed_out(why)),
        "{event:?}"
    );
    let (mut puppet, previous) = keeper.resumes().await;
    assert_eq!((previous.connection, previous.attempt), (1, 2));
    assert_eq!(resumed(&mut client).await, 2);
    keeper.takes(&mut puppet, 1).await;
    assert_eq!(keeper.received, ["up 1"]);
}

#[tokio::test]
async fn a_new_session_in_answer_to_a_resume_is_no_session() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    let mut knock = keeper.is_asked().await;
    knock.puppet.writes(&keeper.welcome(false)).await;
    let end = ended(&mut client).await;
    let SessionEnd::NotResumed(error) = &end else {
        panic!("{end:?}");
    };
    let cause = error.ended().map(|ended| ended.cause);
    assert_eq!(cause, Some(Cause::ProtocolViolation));
}

#[tokio::test]
async fn a_goodbye_that_says_over_ends_the_session_at_once() {
    for (cause, advice) in [
        (Cause::SupersededByResume, Advice::DoNot),
        (Cause::Kicked, Advice::MayReconnect),
    ] {
        let mut keeper = Keeper::new().await;
        let client = to(&keeper);
        let (mut client, mut puppet) = live(&mut keeper, client).await;
        puppet.writes(&goodbye(cause, true)).await;
        puppet.shuts().await;
        assert_eq!(lost(&mut client).await, Cause::PeerGoodbye);
        let end = ended(&mut client).await;
        assert!(matches!(end, SessionEnd::Lost(_)), "{end:?}");
        assert_eq!(end.may_log_in_again(), advice != Advice::DoNot);
    }
}

#[tokio::test]
async fn a_client_that_pauses_says_so_and_comes_back_when_it_is_asked_to() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, mut puppet) = live(&mut keeper, client).await;
    let sender = client.sender();
    keeper.sends(&mut puppet, b"down 1").await;
    assert_eq!(frame(&mut client).await, "down 1");
    client.pause();
    let kinds = [Kind::Ack, Kind::Goodbye];
    for kind in kinds {
        let frame = puppet.reads().await.expect("it is said");
        assert_eq!(frame.kind, kind);
        if kind == Kind::Goodbye {
            let goodbye = Goodbye::decode(&frame.payload).expect("it is one");
            assert!(!goodbye.over && goodbye.code == 0);
        }
    }
    assert!(puppet.reads().await.is_none());
    puppet.shuts().await;
    assert_eq!(lost(&mut client).await, Cause::ClosedByGame);
    assert!(within("no attempt", client.next_event()).await.is_none());
    for n in 0..1_000_u32 {
        let state = n.to_be_bytes();
        sender.send_latest(1, state).expect("a key keeps one frame");
    }
    client.resume();
    let (mut puppet, previous) = keeper.resumes().await;
    assert!(previous.paused);
    assert_eq!(resumed(&mut client).await, 2);
    client.send("up 2").expect("it is live");
    keeper.takes(&mut puppet, 2).await;
    assert_eq!(keeper.received, [&999_u32.to_be_bytes()[..], b"up 2"]);
}

#[tokio::test]
async fn a_pause_ends_the_attempts_and_a_resume_begins_them_again() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    let mut knock = keeper.is_asked().await;
    client.pause();
    assert!(within("no attempt", client.next_event()).await.is_none());
    let word = knock.puppet.reads_or_fails().await;
    assert!(word.is_err(), "{word:?} is a word");
    client.send("up 1").expect("its session lives on");
    client.resume();
    client.pause();
    client.resume();
    let ((mut puppet, _), connection) = tokio::join!(keeper.resumes(), resumed(&mut client));
    assert_eq!(connection, 2);
    keeper.takes(&mut puppet, 1).await;
    assert_eq!(keeper.received, ["up 1"]);
}

#[tokio::test]
async fn a_probe_without_an_answer_brings_another_connection() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, mut puppet) = live(&mut keeper, client).await;
    let asked = Instant::now();
    client.probe();
    assert_eq!(puppet.reads().await.expect("a ping").kind, Kind::Ping);
    assert_eq!(lost(&mut client).await, Cause::PeerSilent);
    assert!(
        asked.elapsed() < Duration::from_secs(12),
        "not the dead limit"
    );
    // A reset, without a goodbye before it.
    while let Ok(word) = puppet.reads_or_fails().await {
        let kind = word.map(|frame| frame.kind);
        assert_eq!(kind, Some(Kind::Ping));
    }
    let (_puppet, previous) = keeper.resumes().await;
    assert_eq!(previous.cause, Cause::PeerSilent.code());
    assert_eq!(resumed(&mut client).await, 2);
}

#[tokio::test]
async fn a_client_without_a_connection_takes_frames_up_to_its_limit() {
    let mut keeper = Keeper::new().await;
    let connector = Connector::start().outbound_bytes_max(1_000);
    let Ok(client) = connector.reconnecting(keeper.addr);
    let (mut client, puppet) = live(&mut keeper, client).await;
    puppet.resets();
    lost(&mut client).await;
    // While an attempt is under way, too.
    let knock = keeper.is_asked().await;
    let mut taken = 0;
    while client.send([7; 96]).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 20);
    assert_eq!(client.send([7; 96]), Err(SendError::QueueFull));
    let mut puppet = keeper.lets_in(knock).await;
    assert_eq!(resumed(&mut client).await, 2);
    keeper.takes(&mut puppet, 20).await;
    assert!(
        keeper
            .received
            .iter()
            .all(|payload| payload == &[7; 96][..])
    );
}

#[tokio::test]
async fn an_exported_session_goes_on_in_another_client() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let (mut client, mut puppet) = live(&mut keeper, client).await;
    client.send("up 1").expect("it is live");
    keeper.takes(&mut puppet, 1).await;
    assert!(client.export().is_none(), "it is live");
    client.pause();
    while puppet.reads().await.is_some() {}
    puppet.shuts().await;
    lost(&mut client).await;
    client.send("up 2").expect("its session lives on");
    let exported = client.export().expect("it is paused");
    assert!(client.export().is_none());
    assert_eq!(client.send("up 3"), Err(SendError::Closed));
    drop(client);
    assert!(to(&keeper).import(b"something else").is_err());
    let client = to(&keeper).import(&exported).expect("it is sound");
    let (client, (mut puppet, previous)) = tokio::join!(client.connect(), keeper.resumes());
    let client = client.expect("its session goes on");
    assert_eq!((previous.connection, previous.paused), (1, true));
    client.send("up 3").expect("it is live");
    keeper.takes(&mut puppet, 3).await;
    assert_eq!(keeper.received, ["up 1", "up 2", "up 3"]);
}

#[tokio::test]
async fn a_client_that_does_not_want_to_resume_declines() {
    let keeper = Keeper::new().await;
    let client = to(&keeper).resume(false).start();
    let mut puppet = Puppet::accept(&keeper.listener).await;
    let frame = puppet.reads().await.expect("a hello");
    let hello = lastword_session::wire::Hello::decode(&frame.payload).expect("it is sound");
    assert!(hello.no_resume && !hello.resume);
    drop(client);
}

/// Ticks until an event of this kind comes.
fn ticks_until(client: &mut ReconnectingClient, is: impl Fn(&ReconnectEvent) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if client.drain().any(|event| is(&event)) {
            return;
        }
        thread::yield_now();
    }
    panic!("no such event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_without_tokio_survives_a_lost_connection() {
    let mut keeper = Keeper::new().await;
    let client = to(&keeper);
    let game = thread::spawn(move || {
        assert!(tokio::runtime::Handle::try_current().is_err());
        let mut client = client.own_runtime().connect_blocking();
        let client = client.as_mut().expect("it is welcome");
        let sender = client.sender();
        ticks_until(client, |event| matches!(event, ReconnectEvent::Lost(_)));
        let other = thread::spawn(move || sender.send("from another thread"));
        let sent = other.join().expect("no panic");
        sent.expect("its session lives on");
        ticks_until(client, |event| {
            matches!(event, ReconnectEvent::Resumed { connection: 2, .. })
        });
        client.send("up 2").expect("it is live");
        ticks_until(
            client,
            |event| matches!(event, ReconnectEvent::Frame(payload) if payload == "down 1"),
        );
    });
    keeper.welcomes().await.resets();
    let (mut puppet, _) = keeper.resumes().await;
    keeper.takes(&mut puppet, 2).await;
    assert_eq!(keeper.received, ["from another thread", "up 2"]);
    keeper.sends(&mut puppet, b"down 1").await;
    let goodbye = puppet.reads().await.expect("a goodbye");
    assert!(
        matches!(goodbye.kind, Kind::Goodbye | Kind::Ack),
        "{goodbye:?}"
    );
    let played = tokio::task::spawn_blocking(|| game.join()).await;
    played.expect("no panic").expect("no panic");
}
