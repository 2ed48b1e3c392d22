//! In which order a game hears of a player's sessions, in each shape.

use std::sync::Arc;
use std::time::Duration;

use lastword_server::{
    Context, Departure, Event, Handler, Player, SecondLogin, Server, ServerHandle, Session,
};
use lastword_tests::{Ask, Log, Raw, config, until, within};

use crate::{at_once, by_name, with};

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
