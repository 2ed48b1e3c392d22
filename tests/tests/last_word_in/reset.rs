//! 5 MB and a reset: all data that our kernel had before the reset is delivered, to the last byte.

use lastword_server::Cause;
use lastword_tests::{Raw, config, rx_queue, tcp_info, until, within};

use crate::game::{
    FRAMES, PAYLOAD, Pace, Table, in_order, nothing_is_missing, number, stream, wire_len,
};

/// The peer's kernel cannot send while our window is shut, so three counts can be compared before the reset. They are
/// the bytes acknowledged to the client's kernel, the unread bytes in `/proc`, and the bytes that the server has read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_behind_a_shut_window_takes_nothing_that_the_kernel_had() {
    for pace in [Pace::SecondLate, Pace::FrameAMillisecond] {
        let Table {
            server,
            mut collector,
            mut session,
            raw,
        } = Table::seat(config()).await;
        let (ours, theirs) = (server.local_addr(), raw.stream.local_addr().unwrap());
        let mut flood = Flood {
            stream: stream(FRAMES),
            written: 0,
        };
        let inbox_is_full = wire_len(INBOX_BYTES / PAYLOAD);
        flood.pump(&raw);
        let first = within("a frame", session.recv()).await.unwrap();
        let mut held = (0, 0);
        until("the server's kernel is full", || {
            flood.pump(&raw);
            let (read, info) = (server.handle().stats().bytes.0, tcp_info(&raw.stream));
            held = (arrived(&raw), rx_queue(ours, theirs).unwrap());
            let is_shut = info.unacked == 0 && info.notsent > 0;
            is_shut && read >= inbox_is_full && read + held.1 == held.0
        })
        .await;
        let (arrived, unread) = held;
        raw.reset();

        let mut taken = vec![number(&first)];
        taken.extend(pace.play(&mut session).await);
        let end = nothing_is_missing(&mut collector, &taken).await;
        let evidence = &end.ending.evidence;
        assert_eq!(evidence.bytes_in, arrived, "{end} {end:#?}");
        assert_eq!(
            evidence.bytes_drained, unread,
            "the end was noticed at once and drained later: {end:#?}"
        );
        assert_eq!(
            end.cause(),
            reset_after(evidence.partial_frame),
            "{end} {end:#?}"
        );
        assert_eq!(evidence.fin, Some(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_behind_the_last_write_takes_nothing_that_the_kernel_had() {
    for pace in [Pace::SecondLate, Pace::FrameAMillisecond] {
        let Table {
            server: _server,
            mut collector,
            mut session,
            mut raw,
        } = Table::seat(config()).await;
        let bytes = stream(FRAMES);
        let client = tokio::spawn(async move {
            raw.write(&bytes).await;
            let arrived = arrived(&raw);
            raw.reset();
            arrived
        });
        let taken = pace.play(&mut session).await;
        let end = nothing_is_missing(&mut collector, &taken).await;
        let evidence = &end.ending.evidence;
        let arrived = client.await.unwrap();
        assert!(
            (arrived..=wire_len(FRAMES)).contains(&evidence.bytes_in),
            "{arrived} had arrived: {end:#?}"
        );
        assert_eq!(
            end.cause(),
            reset_after(evidence.partial_frame),
            "{end} {end:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_after_everything_arrived_takes_nothing() {
    let half = &stream(1)[..500];
    for (tail, cause) in [
        (&[][..], Cause::PeerReset),
        (half, Cause::PeerResetMidFrame),
    ] {
        for pace in [Pace::SecondLate, Pace::FrameAMillisecond] {
            let Table {
                server: _server,
                mut collector,
                mut session,
                mut raw,
            } = Table::seat(config()).await;
            let bytes = [&stream(FRAMES), tail].concat();
            let client = tokio::spawn(async move {
                raw.write(&bytes).await;
                until("everything is acknowledged", || {
                    tcp_info(&raw.stream).outq == 0
                })
                .await;
                raw.reset();
            });
            let taken = pace.play(&mut session).await;
            client.await.unwrap();
            assert_eq!(in_order(&taken), FRAMES);
            let end = nothing_is_missing(&mut collector, &taken).await;
            assert_eq!(end.cause(), cause, "{end} {end:#?}");
        }
    }
}

fn reset_after(partial_frame: Option<(u64, Option<u64>)>) -> Cause {
    if partial_frame.is_some() {
        Cause::PeerResetMidFrame
    } else {
        Cause::PeerReset
    }
}

/// Bytes that the server's kernel has acknowledged to the client's; our SYN counts as one.
fn arrived(raw: &Raw) -> u64 {
    tcp_info(&raw.stream).bytes_acked - 1
}

/// A stream to write as far as the kernels take it.
struct Flood {
    stream: Vec<u8>,
    written: usize,
}

impl Flood {
    fn pump(&mut self, raw: &Raw) {
        while let Ok(n) = raw.stream.try_write(&self.stream[self.written..]) {
            self.written += n;
            assert!(
                self.written < self.stream.len(),
                "5 MB do not fit into two kernels"
            );
        }
    }
}

/// The default size of the inbox.
const INBOX_BYTES: usize = 65_536;
