//! The other end as its own process, which exits or is killed.

use std::net::Ipv4Addr;
use std::process::Command;

use lastword_load::peer::{FRAME, Order, Peer};
use lastword_load::process::ProcessError;
use lastword_session::Role;
use lastword_tests::within;
use tokio::net::TcpListener;

use crate::rig::Rig;

/// The state of a child when its end comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChildState {
    /// It is in the middle of a frame.
    pub(crate) mid_frame: bool,
    /// It has not read our data.
    pub(crate) unread: bool,
}

/// A connection whose child has sent its frames, was in the state `child_state`, and is gone by `leave`.
pub(crate) async fn gone(
    child_state: ChildState,
    leave: impl FnOnce(&mut Peer) -> Result<(), ProcessError>,
) -> Rig {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let command = Command::new(env!("CARGO_BIN_EXE_lastword-peer"));
    let mut child = Peer::start(command, Command::spawn).expect("a child");
    let addr = listener.local_addr().expect("an address");
    child.ask(Order::Connect(addr)).expect("connect");
    let accepted = within("accept", listener.accept()).await;
    let mut rig = Rig::new(accepted.expect("a connection").0, Role::Server);
    child.tell(Order::Join).expect("hello");
    rig.until_live().await;
    child.hear().expect("welcome");
    let half = if child_state.mid_frame { FRAME / 2 } else { 0 };
    let frames = child.ask(Order::Write(CHILD_FRAMES * FRAME + half));
    frames.expect("room for frames");
    if child_state.unread {
        rig.send(b"never read");
        rig.write().await.expect("room to write");
        child.ask(Order::Peek).expect("something to leave unread");
    }
    child.ask(Order::Settle).expect("an acknowledgement");
    leave(&mut child).expect("the child ends");
    if child_state.unread {
        rig.until_dead().await;
    } else {
        rig.until_end().await;
    }
    rig
}

/// The frames that a child sends before it leaves: 33 KB, which fit in any receive buffer.
pub(crate) const CHILD_FRAMES: u64 = 8;
