//! Endings that cut a long stream: a reset throws away the queued data of the dead end, a FIN does not.

use std::io::ErrorKind;

use lastword_session::{Cause, Role};
use lastword_tests::{Raw, data};

use crate::calls::First;
use crate::far::{leave_unread, pair};

/// C3 and S3ii with a full send queue: the received data is a prefix, and no first call makes it a complete stream.
#[tokio::test]
async fn a_reset_under_a_full_send_queue() {
    for (row, role) in [
        ("S3ii queue cut", Role::Server),
        ("C3 queue cut", Role::Client),
    ] {
        for first in First::ALL {
            let (mut rig, far) = pair(role).await;
            let sent = fill(&far);
            leave_unread(&mut rig, &far).await;
            drop(far);
            rig.until_dead().await;
            let ending = rig.meets_its_end(row, first).await;
            let read = ending.evidence.frames_in * FRAME_BYTES
                + ending.evidence.partial_frame.map_or(0, |(have, _)| have);
            assert!(read > 0 && read < sent, "{read} of {sent} bytes: a prefix");
            let cause = match ending.evidence.partial_frame {
                Some(_) => Cause::PeerResetMidFrame,
                None => Cause::PeerReset,
            };
            assert_eq!(
                ending.verdict.cause, cause,
                "{row}, {first:?} first: {ending:#?}"
            );
            assert_eq!(ending.evidence.fin, Some(false));
        }
    }
}

/// S2 with more than the kernel holds: the FIN cannot be seen behind our closed window, and all data arrives.
#[tokio::test]
async fn a_close_under_a_full_send_queue() {
    for role in [Role::Server, Role::Client] {
        let (rig, far) = pair(role).await;
        let sent = fill(&far);
        drop(far);
        let ending = rig
            .meets_its_end(&format!("{role:?} S2 queue delivered"), First::Read)
            .await;
        assert_eq!(ending.evidence.frames_in, sent / FRAME_BYTES);
        let cause = match ending.evidence.partial_frame {
            Some(_) => Cause::PeerFinMidFrame,
            None => Cause::PeerFin,
        };
        assert_eq!(
            (ending.verdict.cause, ending.evidence.fin),
            (cause, Some(true)),
            "{ending:#?}"
        );
        let partial = ending.evidence.partial_frame.map_or(0, |(have, _)| have);
        assert_eq!(partial, sent % FRAME_BYTES);
    }
}

/// Writes frames until the kernel takes no further bytes. Returns how many bytes it took.
fn fill(far: &Raw) -> u64 {
    let frame = data(&[7; 10_000]).repeat(100);
    let mut sent = 0;
    loop {
        match far
            .stream
            .try_write(&frame[usize::try_from(sent % FRAME_BYTES).expect("short")..])
        {
            Ok(n) => sent += u64::try_from(n).expect("short"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("{error}"),
        }
    }
}

const FRAME_BYTES: u64 = 10_004;
