//! The matrix: every ending of `docs/kernel.md`, section 1, with every call as the first that meets it. Rows such as S2
//! and C1 have their names from `docs/article.md`. The kernel gives a connection's error only to the first call that
//! asks (fact 2.1), so the verdict must not depend on which call that is.
//!
//! `--nocapture` prints the table.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod calls;
mod child;
mod far;
mod hand;
mod lab;
mod rig;
mod truncated;

use lastword_load::peer::Peer;
use lastword_session::{Cause, Role};
use lastword_tests::{Raw, tcp_info};

use calls::First;
use child::{CHILD_FRAMES, ChildState};
use far::{FRAMES, deliver, frames, half_a_frame, leave_unread, pair};
use rig::Rig;

/// S2. Only our own write changes the result: the peer is gone, and its kernel refuses the data.
#[tokio::test]
async fn data_then_close() {
    each_first("S2 data, close", fin_or_refusal, FRAMES, || async {
        let (rig, mut far) = pair(Role::Server).await;
        far.write(&frames()).await;
        drop(far);
        rig.until_end().await;
        rig
    })
    .await;
}

/// S3i and S4i: for TCP an exit and a `kill -9` are closes, and the kernel continues to send for the dead process.
#[tokio::test]
async fn an_exit_with_nothing_unread() {
    let child_state = ChildState::default();
    each_first(
        "S3i exit, nothing unread",
        fin_or_refusal,
        CHILD_FRAMES,
        || child::gone(child_state, Peer::exit),
    )
    .await;
}

#[tokio::test]
async fn a_kill_with_nothing_unread() {
    let child_state = ChildState {
        mid_frame: true,
        unread: false,
    };
    each_first(
        "S4i kill -9 mid-send, nothing unread",
        |_| Cause::PeerFinMidFrame,
        CHILD_FRAMES,
        || child::gone(child_state, Peer::kill),
    )
    .await;
}

#[tokio::test]
async fn an_exit_with_unread_input() {
    let child_state = ChildState {
        mid_frame: false,
        unread: true,
    };
    each_first(
        "S3ii exit, input unread",
        |_| Cause::PeerReset,
        CHILD_FRAMES,
        || child::gone(child_state, Peer::exit),
    )
    .await;
}

#[tokio::test]
async fn a_kill_with_unread_input() {
    let child_state = ChildState {
        mid_frame: true,
        unread: true,
    };
    each_first(
        "S4ii kill -9 mid-send, input unread",
        |_| Cause::PeerResetMidFrame,
        CHILD_FRAMES,
        || child::gone(child_state, Peer::kill),
    )
    .await;
}

/// S5 and C1: the peer closed, we sent, and its kernel refused. Reading shows a FIN and never an error.
#[tokio::test]
async fn closed_then_we_sent() {
    for (row, role) in [
        ("S5 closed, we sent", Role::Server),
        ("C1 server closed, client sent", Role::Client),
    ] {
        each_first(
            row,
            |_| Cause::PeerClosedWhileSending,
            0,
            || async move {
                let (rig, far) = pair(role).await;
                close_and_send(rig, far).await
            },
        )
        .await;
    }
}

/// S5c and C2: the same with unread data from the peer, which the refusal does not remove.
#[tokio::test]
async fn data_then_close_then_we_sent() {
    for (row, role) in [
        ("S5c data, close, we sent", Role::Server),
        ("C2 data, close, client sent", Role::Client),
    ] {
        let cause = |_| Cause::PeerClosedWhileSending;
        each_first(row, cause, FRAMES, || async move {
            let (rig, mut far) = pair(role).await;
            far.write(&frames()).await;
            close_and_send(rig, far).await
        })
        .await;
    }
}

/// C3, and C3b where the write is first: the received data is read, and the 0 after it is not a FIN.
#[tokio::test]
async fn a_close_with_unread_input() {
    for (row, role) in [
        ("S3ii close, input unread", Role::Server),
        ("C3 server close, input unread", Role::Client),
    ] {
        each_first(
            row,
            |_| Cause::PeerReset,
            FRAMES,
            || async move {
                let (mut rig, mut far) = pair(role).await;
                deliver(&mut far, &frames()).await;
                leave_unread(&mut rig, &far).await;
                drop(far);
                rig.until_dead().await;
                rig
            },
        )
        .await;
    }
}

/// The same with nothing to read before the error: here a read gets it.
#[tokio::test]
async fn a_reset_with_nothing_to_read() {
    for role in [Role::Server, Role::Client] {
        let row = format!("{role:?} reset, nothing to read");
        each_first(
            &row,
            |_| Cause::PeerReset,
            0,
            || async move {
                let (rig, far) = pair(role).await;
                far.reset();
                rig.until_dead().await;
                rig
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_reset_inside_a_frame() {
    let (row, cause) = ("S3ii reset inside a frame", Cause::PeerResetMidFrame);
    each_first(
        row,
        |_| cause,
        FRAMES,
        || async {
            let (rig, mut far) = pair(Role::Server).await;
            deliver(&mut far, &[frames(), half_a_frame()].concat()).await;
            far.reset();
            rig.until_dead().await;
            rig
        },
    )
    .await;
}

/// H1: a peer that shut only its write side still takes our data.
#[tokio::test]
async fn a_half_close() {
    for first in First::ALL {
        let (rig, mut far) = pair(Role::Server).await;
        far.write(&frames()).await;
        far.fin().await;
        rig.until_end().await;
        judge("H1 half close", rig, first, Cause::PeerFin, FRAMES).await;
        let late = far.frame().await.map(|(_, payload)| payload);
        assert_eq!(
            late.as_deref(),
            (first == First::Write).then_some(b"late".as_slice())
        );
    }
}

/// Plays a row with each call as the first that meets its end.
async fn each_first<F: Future<Output = Rig>>(
    row: &str,
    cause: impl Fn(First) -> Cause,
    frames: u64,
    play: impl Fn() -> F,
) {
    for first in First::ALL {
        judge(row, play().await, first, cause(first), frames).await;
    }
}

/// Our own frame leaves after the peer's FIN, and a reset comes back.
async fn close_and_send(mut rig: Rig, far: Raw) -> Rig {
    drop(far);
    rig.until_end().await;
    rig.send(b"too late");
    rig.write()
        .await
        .expect("the first write after a FIN succeeds");
    rig.until_dead().await;
    assert_eq!(tcp_info(&rig.watch).state, 7, "TCP_CLOSE");
    rig
}

/// Runs the first call and the driver, and checks the verdict. Every frame that the kernel had must have been read.
async fn judge(row: &str, rig: Rig, first: First, cause: Cause, frames: u64) {
    let ending = rig.meets_its_end(row, first).await;
    assert_eq!(
        ending.verdict.cause, cause,
        "{row}, {first:?} first: {ending:#?}"
    );
    assert_eq!(
        ending.evidence.frames_in, frames,
        "{row}, {first:?} first: {ending:#?}"
    );
}

fn fin_or_refusal(first: First) -> Cause {
    match first {
        First::Write => Cause::PeerClosedWhileSending,
        First::Read | First::Shutdown | First::Poll => Cause::PeerFin,
    }
}
