//! Games that are left in the middle, by the runtime under them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use lastword_server::{Disconnect, Event, Observer, Server};
use lastword_tests::{PATIENCE, Raw, until};

/// Says that an end came, and goes on when it is told to.
struct Halting {
    halted: Sender<()>,
    go: Mutex<Receiver<()>>,
}

impl Observer for Halting {
    fn disconnected(&self, _disconnect: &Arc<Disconnect>) {
        self.halted.send(()).ok();
        let go = self.go.lock().unwrap();
        go.recv_timeout(PATIENCE).ok();
    }
}

#[test]
fn it_is_over_behind_the_last_departure_also_when_the_runtime_is_dropped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (halted, has_halted) = channel();
    let (go, may_go) = channel();
    let observer = Halting {
        halted,
        go: Mutex::new(may_go),
    };
    let (mut events, players) = runtime.block_on(async {
        let builder = Server::builder().listen("127.0.0.1:0").observer(observer);
        let (mut events, server) = builder.bind().await.unwrap().into_events();
        let addr = server.local_addr();
        let players = [Raw::join(addr, "ann").await, Raw::join(addr, "bob").await];
        let mut joined = 0;
        until("both", || {
            joined += events.drain().count();
            joined == 2
        })
        .await;
        (events, players)
    });
    let dropping = thread::spawn(move || drop(runtime));
    for _ in &players {
        has_halted.recv_timeout(PATIENCE).unwrap();
        events.drain().for_each(drop);
        assert!(!events.is_over(), "a departure is still to come");
        go.send(()).unwrap();
    }
    dropping.join().unwrap();
    let last = events.drain().last();
    assert!(matches!(last, Some(Event::Left(_))), "{last:?}");
    assert!(events.is_over());
}
