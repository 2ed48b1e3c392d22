//! A slow game, 5 MB for it, and the client that sends them.

use std::sync::LazyLock;
use std::time::Duration;

use lastword_server::{Anonymous, Config, Disconnect, Phase, Server, Session};
use lastword_tests::{EndCollector, Raw, data, hello, within};

/// Payload bytes of each frame.
pub(crate) const PAYLOAD: usize = 4096;
/// The number of frames in 5 MB.
pub(crate) const FRAMES: usize = 1280;
const _: () = assert!(PAYLOAD * FRAMES == 5 * 1024 * 1024);

/// Payload `n`: every byte is known, and its number comes first.
pub(crate) fn payload(n: u32) -> Vec<u8> {
    let from = usize::try_from(n % 251).unwrap();
    [&n.to_be_bytes(), &PATTERN[from..][..PAYLOAD - 4]].concat()
}

/// Returns the number of a payload after checking every byte.
pub(crate) fn number(taken: &[u8]) -> u32 {
    let n = u32::from_be_bytes(taken[..4].try_into().unwrap());
    assert!(taken == payload(n), "frame {n} came as it was sent");
    n
}

/// Bytes on the wire of `frames` frames after the hello.
pub(crate) fn wire_len(frames: usize) -> u64 {
    u64::try_from(hello(NAME).len() + frames * (PAYLOAD + 4)).unwrap()
}

/// The first frames of the 5 MB, as a stream.
pub(crate) fn stream(frames: usize) -> Vec<u8> {
    (0..).take(frames).flat_map(|n| data(&payload(n))).collect()
}

/// When the game takes frames.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As fast as it can, but one second passes after the first frame.
    SecondLate,
    /// One frame a millisecond.
    FrameAMillisecond,
}

impl Pace {
    /// Plays to the end. Returns the numbers of the frames taken, in order.
    pub(crate) async fn play(self, session: &mut Session) -> Vec<u32> {
        self.play_and(session, |_| {}).await
    }

    /// The same, and calls `look` after each frame, before it asks for the next.
    pub(crate) async fn play_and(
        self,
        session: &mut Session,
        mut look: impl FnMut(usize),
    ) -> Vec<u32> {
        let mut taken = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        while let Some(frame) = within("a frame or the end", session.recv()).await {
            taken.push(number(&frame));
            look(taken.len());
            match self {
                Self::SecondLate if taken.len() == 1 => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Self::SecondLate => {}
                Self::FrameAMillisecond => {
                    ticks.tick().await;
                }
            }
        }
        taken
    }
}

/// A server with one session, and the client at its other end.
pub(crate) struct Table {
    pub(crate) server: Server,
    pub(crate) collector: EndCollector,
    pub(crate) session: Session,
    pub(crate) raw: Raw,
}

impl Table {
    pub(crate) async fn seat(config: Config) -> Self {
        let mut collector = EndCollector::default();
        let mut server = collector
            .builder(config)
            .authenticator(Anonymous)
            .bind()
            .await
            .unwrap();
        let raw = Raw::join(server.local_addr(), "ann").await;
        let session = within("a session", server.accept()).await.unwrap();
        Self {
            server,
            collector,
            session,
            raw,
        }
    }
}

/// Checks that these are the first frames, each once and in order. Returns how many.
pub(crate) fn in_order(taken: &[u32]) -> usize {
    assert!(
        taken.iter().copied().eq((0..).take(taken.len())),
        "in order, nothing twice: {taken:?}"
    );
    taken.len()
}

/// Checks the properties that all ends share, and returns the end: no data that the kernel had is missing.
pub(crate) async fn nothing_is_missing(collector: &mut EndCollector, taken: &[u32]) -> Disconnect {
    let end = collector.end().await;
    let departure = collector.departure().await;
    let evidence = &end.ending.evidence;
    assert_eq!(end.ending.verdict.phase, Phase::Live);
    in_order(taken);
    assert_eq!(
        (departure.undelivered_frames, departure.undelivered_bytes),
        (0, 0)
    );
    assert_eq!(evidence.frames_in, u64::try_from(taken.len()).unwrap());
    let partial = evidence.partial_frame.map_or(0, |(have, _)| have);
    assert_eq!(
        evidence.bytes_in,
        wire_len(taken.len()) + partial,
        "{end} {end:#?}"
    );
    let fin = u64::from(evidence.fin.unwrap());
    assert_eq!(
        evidence.kernel.unwrap().bytes_received,
        evidence.bytes_in + fin,
        "{end} {end:#?}"
    );
    assert_eq!(evidence.kernel.unwrap().inq, 0);
    end
}

const NAME: &[u8] = b"ann";
/// Its period does not divide a frame.
static PATTERN: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=250).cycle().take(251 + PAYLOAD).collect());
