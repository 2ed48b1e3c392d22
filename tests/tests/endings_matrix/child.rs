//! The other end as its own process, which exits or is killed.

use std::net::Ipv4Addr;
use std::process::Command;

use lastword_load::peer::{FRAME, Order, Peer};
use lastword_session::Role;
use lastword_tests::within;
use tokio::net::TcpListener;

use crate::rig::Rig;

/// The state of a child when its end comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// It is in the middle of a frame.
    pub(crate) mid_frame: bool,
    /// It has not read our data.
    pub(crate) unread: bool,
}

/// A live connection with a child that has sent its frames and is in the state `pose`.
pub(crate) async fn pair(pose: Pose) -> (Rig, Peer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let command = Command::new(env!("CARGO_BIN_EXE_lastword-peer"));
    let mut child = Peer::start(command, Command::spawn).expect("a child");
    let addr = listener.local_addr().expect("an address");
    child.ask(Order::Connect(addr)).expect("connect");
    let (near, _) = within("accept", listener.accept())
        .await
        .expect("a connection");
    let mut rig = Rig::new(near, Role::Server);
    child.tell(Order::Join).expect("hello");
    rig.until_live().await;
    child.hear().expect("welcome");
    let half = if pose.mid_frame { FRAME / 2 } else { 0 };
    child
        .ask(Order::Write(CHILD_FRAMES * FRAME + half))
        .expect("room for frames");
    if pose.unread {
        rig.send(b"never read");
        rig.write().await.expect("room to write");
        child.ask(Order::Peek).expect("something to leave unread");
    }
    child
        .ask(Order::Settle)
        .expect("everything is acknowledged");
    (rig, child)
}

/// The frames that a child sends before it leaves: 33 KB, which fit in any receive buffer.
pub(crate) const CHILD_FRAMES: u64 = 8;
