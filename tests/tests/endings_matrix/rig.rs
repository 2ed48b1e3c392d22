//! One end of a connection: a tap and a live connection. A test makes the call that meets the end first. The driver does
//! the rest, as for every connection.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use lastword_keepalive::Profile;
use lastword_session::wire::{Hello, Notice};
use lastword_session::{
    Admission, Close, Config, Connection, Ending, Next, Outbound, Role, Traffic,
};
use lastword_tests::within;
use lastword_transport::{App, Clock, Driver, Mailbox, Outbox, Room, Table, Tap, tune};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::calls::First;
use crate::hand::{Hand, Reads};

/// One end of a connection, live.
pub(crate) struct Rig {
    pub(crate) tap: Tap,
    pub(crate) connection: Connection,
    pub(crate) clock: Clock,
    /// The same socket, for waiting without a call that consumes an error.
    pub(crate) watch: TcpStream,
    config: Arc<Config>,
}

impl Rig {
    /// Takes one end of a connection on which nothing was sent yet.
    pub(crate) fn new(stream: TcpStream, role: Role) -> Self {
        tune(&SockRef::from(&stream), &Profile::standard().knobs()).expect("options");
        let (config, clock) = (Arc::new(Config::default()), Clock::default());
        let same = stream.as_fd().try_clone_to_owned().expect("dup");
        let hello = Hello::new(b"ann", 65_536);
        let connection = match role {
            Role::Server => Connection::server(Arc::clone(&config), clock.now()),
            Role::Client => Connection::client(Arc::clone(&config), &hello, clock.now()),
        };
        Self {
            tap: stream.into(),
            connection,
            clock,
            watch: TcpStream::from_std(same.into()).expect("a stream"),
            config,
        }
    }

    /// Runs this end until it is live and everything is written.
    pub(crate) async fn until_live(&mut self) {
        let live = poll_fn(|cx| {
            let (left, failed) = self.wakes(cx, Reads::Socket);
            assert!(failed.is_none(), "the other end is there: {failed:?}");
            match self.connection.is_live() && left == 0 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        within("hello or welcome", live).await;
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, payload: &[u8]) {
        self.connection
            .send_as(self.clock.now(), Outbound::Kept, payload)
            .expect("room for a frame");
    }

    /// Writes the queued data.
    pub(crate) async fn write(&mut self) -> io::Result<()> {
        poll_fn(|cx| match self.wakes(cx, Reads::Done(&[])) {
            (_, Some(error)) => Poll::Ready(Err(error)),
            (0, None) => Poll::Ready(Ok(())),
            (_, None) => Poll::Pending,
        })
        .await
    }

    /// Passes on bytes that were read.
    pub(crate) async fn feed(&mut self, bytes: &[u8]) {
        poll_fn(|cx| {
            self.wakes(cx, Reads::Done(bytes));
            Poll::Ready(())
        })
        .await;
    }

    /// Drives the connection once. Returns how many bytes wait to be written, and the error of a write.
    fn wakes(&mut self, cx: &mut Context<'_>, reads: Reads<'_>) -> (usize, Option<io::Error>) {
        let mut hand = Hand {
            cx,
            tap: &mut self.tap,
            now: self.clock.now(),
            reads,
            left: 0,
            failed: None,
        };
        loop {
            match self.connection.drive(&mut hand) {
                Next::Wait(_) => return (hand.left, hand.failed),
                Next::Yield => {}
                Next::Closed(ending) => panic!("the driver finds the end: {:?}", ending.verdict),
            }
        }
    }

    /// Waits until the kernel has an end for us. Epoll does not consume it.
    pub(crate) async fn until_end(&self) {
        within("an end", self.watch.ready(Interest::PRIORITY))
            .await
            .expect("readiness");
    }

    /// Waits until the connection is dead in the kernel, with an error to return.
    pub(crate) async fn until_dead(&self) {
        within("a death", self.watch.ready(Interest::ERROR))
            .await
            .expect("readiness");
    }

    /// Makes the first call, lets the driver find the verdict, and prints it as a line of the table.
    pub(crate) async fn meets_its_end(mut self, row: &str, first: First) -> Box<Ending> {
        within("the first call", self.call(first)).await;
        let ending = self.drive().await;
        let call = format!("{first:?}");
        eprintln!("{row:<44} {call:<9} {}", ending.verdict.cause);
        ending
    }

    async fn drive(self) -> Box<Ending> {
        drop(self.watch);
        let mailbox = Arc::new(Mailbox::new(self.config));
        let table = Table::start();
        let slot = table.insert(Arc::clone(&mailbox));
        let sink = Sink::default();
        let ending = Arc::clone(&sink.0);
        within(
            "the verdict",
            Driver::new(self.tap, self.connection, sink, mailbox, slot),
        )
        .await;
        let ending = ending.lock().expect("no panic").take();
        ending.expect("the driver hands the verdict over")
    }
}

/// A game that takes everything.
#[derive(Default)]
struct Sink(Arc<Mutex<Option<Box<Ending>>>>);

impl App for Sink {
    fn authenticate(&mut self, _: &[u8]) {}

    fn poll_admission(&mut self, _: &mut Context<'_>) -> Poll<Result<Admission, Close>> {
        Poll::Pending
    }

    fn joined(&mut self, _: &mut Outbox<'_>, _: &Admission) {}

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn frame(&mut self, _: &mut Outbox<'_>, _: &[u8]) -> Room {
        Room::Available
    }

    fn link(&mut self, _outbox: &mut Outbox<'_>, _link: lastword_session::Link) {}

    fn notice(&mut self, _: &Notice<'_>) {}

    fn poll_delivered(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn taken(&self) -> u64 {
        0
    }

    fn traffic(&mut self, _: Traffic) {}

    fn panicked(&mut self) {
        panic!("nothing here panics");
    }

    fn closed(&mut self, ending: Box<Ending>) {
        *self.0.lock().expect("no panic") = Some(ending);
    }
}
