//! Groups: only the members receive a broadcast, and the number of members that took it is counted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test: a failure here is the test's failure"
)]

use std::sync::{Arc, Barrier};
use std::time::Duration;

use lastword_server::{
    Group, NoSuchSession, Observer, Player, SendError, Server, Session, SessionId,
};
use lastword_tests::{Ask, Echo, Raw, config, kind, until, within};

#[tokio::test]
async fn a_broadcast_reaches_only_the_members() {
    let mut fixture = GroupServer::open().await;
    let (mut ann, a) = fixture.enter("ann").await;
    let (mut bob, b) = fixture.enter("bob").await;
    let (mut cid, c) = fixture.enter("cid").await;
    let room = fixture.server.handle().group();
    assert_eq!((room.is_empty(), room.broadcast(b"unheard")), (true, 0));

    for _ in 0..2 {
        assert_eq!((room.join(a.id()), room.join(b.id())), (Ok(()), Ok(())));
    }
    assert_eq!(
        (room.len(), sorted(room.sessions())),
        (2, sorted([a.id(), b.id()]))
    );
    assert_eq!(room.broadcast(b"all"), 2);
    assert_eq!(room.broadcast_except(a.id(), b"but ann"), 1);
    assert_eq!(room.broadcast_except(c.id(), b"but cid"), 2);
    assert!(room.leave(b.id()) && !room.leave(b.id()) && !room.leave(c.id()));
    assert_eq!(room.broadcast(b"ann alone"), 1);

    for session in [&a, &b, &c] {
        session.send(END).unwrap();
    }
    assert_eq!(heard(&mut ann).await, ["all", "but cid", "ann alone"]);
    assert_eq!(heard(&mut bob).await, ["all", "but ann", "but cid"]);
    assert_eq!(heard(&mut cid).await, [""; 0]);
}

#[tokio::test]
async fn an_id_without_a_session_here_does_not_join() {
    let mut fixture = GroupServer::open().await;
    let (ann, session) = fixture.enter("ann").await;
    let (room, id) = (fixture.server.handle().group(), session.id());
    let unknown = SessionId::from_bytes([7; 16]);
    assert_eq!(room.join(unknown), Err(NoSuchSession));
    drop(ann);
    within("the departure", session.close()).await;
    assert_eq!(room.join(id), Err(NoSuchSession));
    assert_eq!((room.len(), room.leave(id)), (0, false));
}

#[tokio::test]
async fn a_member_whose_queue_is_full_does_not_take_a_broadcast() {
    let mut fixture = GroupServer::open().await;
    let (_ann, a) = fixture.enter("ann").await;
    let (mut bob, b) = fixture.enter("bob").await;
    let room = fixture.server.handle().group();
    room.join(a.id()).unwrap();
    room.join(b.id()).unwrap();
    // On this one thread nothing is written before the test waits, so the queues only grow.
    let payload = vec![7; 60_000];
    for _ in 0..8 {
        a.send(&payload).unwrap();
    }
    assert_eq!(room.broadcast(&payload), 1, "bob took it");
    assert_eq!(b.send(END), Ok(()));
    assert_eq!(heard(&mut bob).await.len(), 1);
}

#[tokio::test]
async fn a_frame_that_is_too_large_for_the_members_is_taken_by_none() {
    let mut fixture = GroupServer::open().await;
    let (_ann, session) = fixture.enter("ann").await;
    let room = fixture.server.handle().group();
    room.join(session.id()).unwrap();
    let payload = vec![7; 65_537];
    assert_eq!(room.broadcast(&payload), 0);
    assert_eq!(session.send(&payload), Err(SendError::TooLarge));
    assert_eq!((room.len(), room.broadcast(END)), (1, 1));
}

#[tokio::test]
async fn a_thread_without_a_runtime_can_do_it_all() {
    let mut fixture = GroupServer::open().await;
    let (mut ann, session) = fixture.enter("ann").await;
    let (room, id) = (fixture.server.handle().group(), session.id());
    let thread = std::thread::spawn(move || {
        room.join(id).unwrap();
        let taken = (room.broadcast(b"hi"), room.broadcast_except(id, b"?"));
        (taken, room.broadcast(END), room.leave(id), room.len())
    });
    assert_eq!(heard(&mut ann).await, ["hi"]);
    assert_eq!(thread.join().unwrap(), ((1, 0), 1, true, 0));
}

/// Two threads broadcast at once; every member receives the frames of both in the same order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_hears_two_threads_in_the_same_order() {
    let mut fixture = GroupServer::open().await;
    let room = fixture.server.handle().group();
    let mut members = Vec::new();
    for _ in 0..10 {
        let (raw, session) = fixture.enter("ann").await;
        room.join(session.id()).unwrap();
        members.push((raw, session));
    }
    let start = Arc::new(Barrier::new(2));
    let talkers = ["x", "y"].map(|name| {
        let (room, start) = (room.clone(), Arc::clone(&start));
        std::thread::spawn(move || {
            start.wait();
            (0..2_000).all(|n| room.broadcast(format!("{name}{n}").as_bytes()) == 10)
        })
    });
    for talker in talkers {
        assert!(talker.join().unwrap(), "all take every frame");
    }
    assert_eq!(room.broadcast(END), 10);
    let mut first = None;
    for (raw, _session) in &mut members {
        let heard = heard(raw).await;
        assert_eq!(heard.len(), 4_000);
        assert_eq!(first.get_or_insert_with(|| heard.clone()), &heard);
    }
}

#[tokio::test]
async fn a_departed_session_is_out_before_its_recv_returns_none() {
    let mut fixture = GroupServer::open().await;
    let room = fixture.server.handle().group();
    for _ in 0..200 {
        let (ann, mut session) = fixture.enter("ann").await;
        room.join(session.id()).unwrap();
        ann.reset();
        assert_eq!(within("the end", session.recv()).await, None);
        assert!(room.is_empty());
    }
}

#[tokio::test]
async fn of_ten_thousand_groups_each_session_leaves_its_own() {
    let mut fixture = GroupServer::open().await;
    let (ann, a) = fixture.enter("ann").await;
    let (bob, b) = fixture.enter("bob").await;
    let handle = fixture.server.handle();
    let rooms: Vec<_> = std::iter::repeat_with(|| handle.group())
        .take(10_000)
        .collect();
    for room in &rooms {
        room.join(a.id()).unwrap();
    }
    let shared: Vec<_> = rooms.iter().step_by(5_000).collect();
    for room in &shared {
        room.join(b.id()).unwrap();
    }
    assert_eq!(shared.len(), 2);
    drop(bob);
    within("the departure", b.close()).await;
    assert!(rooms.iter().all(|room| room.sessions() == [a.id()]));
    drop(ann);
    within("the departure", a.close()).await;
    assert!(rooms.iter().all(Group::is_empty));
}

#[tokio::test]
async fn a_group_of_the_builder_is_empty_until_the_server_is_bound_and_then_like_any_other() {
    let builder = Server::builder().listen("127.0.0.1:0");
    let (lobby, arena) = (builder.group(), builder.group());
    let early = SessionId::from_bytes([7; 16]);
    assert_eq!(lobby.join(early), Err(NoSuchSession));
    assert_eq!((lobby.is_empty(), lobby.broadcast(b"unheard")), (true, 0));
    assert!(!lobby.leave(early));

    let server = builder.bind().await.unwrap();
    let mut fixture = GroupServer { server };
    let (mut ann, a) = fixture.enter("ann").await;
    let (bob, b) = fixture.enter("bob").await;
    assert_eq!((lobby.join(a.id()), lobby.join(b.id())), (Ok(()), Ok(())));
    assert!(arena.is_empty(), "each is a group of its own");
    assert_eq!(lobby.broadcast(b"all"), 2);
    assert_eq!(lobby.broadcast_except(b.id(), b"but bob"), 1);
    a.send(END).unwrap();
    assert_eq!(heard(&mut ann).await, ["all", "but bob"]);
    drop(bob);
    within("the departure", b.close()).await;
    assert_eq!(lobby.sessions(), [a.id()]);
}

#[tokio::test]
async fn a_group_without_a_running_server_reaches_no_session() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let builder = Server::builder().listen(taken.local_addr().unwrap().to_string());
    let room = builder.group();
    assert!(builder.bind().await.is_err());
    assert_eq!(room.broadcast(b"unheard"), 0);
    assert_eq!(
        room.join(SessionId::from_bytes([7; 16])),
        Err(NoSuchSession)
    );
}

/// Owns a group of the server that owns it.
struct Announcer {
    _room: Group,
    _alive: Arc<()>,
}

impl Observer for Announcer {}

#[tokio::test]
async fn a_server_whose_observer_and_authenticator_own_groups_of_it_is_freed_when_it_ends() {
    let alive = Arc::new(());
    let builder = Server::builder().listen("127.0.0.1:0");
    let observer = Announcer {
        _room: builder.group(),
        _alive: Arc::clone(&alive),
    };
    let (room, also_alive) = (builder.group(), Arc::clone(&alive));
    let builder = builder.observer(observer).authenticator(Ask(move |_| {
        let _owned = (&room, &also_alive);
        std::future::ready(Ok(Player::unnamed()))
    }));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    Raw::join(server.local_addr(), "ann")
        .await
        .echo(b"hi")
        .await;
    within("the end", server.drain(Duration::ZERO)).await;
    drop(server);
    until("the server is freed", || Arc::strong_count(&alive) == 1).await;
}

/// A server of the session shape.
struct GroupServer {
    server: Server,
}

impl GroupServer {
    async fn open() -> Self {
        let builder = Server::builder().config(config()).listen("127.0.0.1:0");
        Self {
            server: builder.bind().await.unwrap(),
        }
    }

    async fn enter(&mut self, name: &str) -> (Raw, Session) {
        let raw = Raw::join(self.server.local_addr(), name).await;
        let session = within("a session", self.server.accept()).await.unwrap();
        (raw, session)
    }
}

/// The payloads up to `end`, as text.
async fn heard(raw: &mut Raw) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some((kind, payload)) = raw.frame().await {
        match &payload[..] {
            END => return heard,
            payload if kind == kind::DATA => heard.push(String::from_utf8_lossy(payload).into()),
            _ => {}
        }
    }
    panic!("no end: {heard:?}");
}

fn sorted(sessions: impl IntoIterator<Item = SessionId>) -> Vec<SessionId> {
    let mut sessions: Vec<_> = sessions.into_iter().collect();
    sessions.sort_unstable();
    sessions
}

const END: &[u8] = b"end";
