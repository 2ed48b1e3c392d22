//! The stream of frames that a peer sends. Every byte of it is known, so a count of bytes tells how many whole frames
//! there are.

use lastword_session::wire::{self, Extensions, Kind, Welcome};

use crate::frames;
use crate::last_frames;

/// Payload bytes of each frame.
const PAYLOAD: u64 = 4096;
/// Bytes of each frame on the wire.
pub const FRAME: u64 = 4 + PAYLOAD;

/// Returns a peer's first frame as a client.
#[must_use]
pub fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    last_frames::hello(NAME).encode(&mut bytes);
    bytes
}

/// Returns a peer's first frame as a server. It switches heartbeats off, so that only the stream follows.
#[must_use]
pub fn welcome() -> Vec<u8> {
    let mut bytes = Vec::new();
    Welcome {
        version: wire::VERSION,
        resumed: false,
        session: *b"a session's name",
        connection: 1,
        received: 0,
        heartbeat_ms: 0,
        dead_ms: 0,
        resume_window_ms: 0,
        frame_limit: FRAME_LIMIT,
        token: &[],
        extensions: Extensions::EMPTY,
    }
    .encode(&mut bytes);
    bytes
}

/// Returns the bytes of the stream from one position to another.
pub(super) fn between(start: u64, end: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut position = start;
    while position < end {
        let rest = rest_of_frame(position);
        position += u64::try_from(rest.len()).unwrap_or(u64::MAX);
        bytes.extend(rest);
    }
    bytes.truncate(usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX));
    bytes
}

/// Returns the next bytes of the stream after `position`, up to the end of that frame.
pub(super) fn rest_of_frame(position: u64) -> Vec<u8> {
    let frame = frame(position / FRAME);
    let offset = usize::try_from(position % FRAME).unwrap_or_default();
    frame.get(offset..).unwrap_or_default().to_vec()
}

/// Returns the payload bytes of the whole frames in a stream of this length, and whether it stops inside a frame.
#[must_use]
pub fn whole_frames(bytes: u64) -> (u64, bool) {
    (bytes / FRAME * PAYLOAD, bytes % FRAME != 0)
}

/// Returns the payload of frame `n`: its number, repeated.
#[must_use]
pub fn payload(n: u64) -> Vec<u8> {
    let words = std::iter::repeat_n(n.to_be_bytes(), PAYLOAD_WORDS);
    words.flatten().collect()
}

fn frame(n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames::frame(Kind::Data, &payload(n), &mut bytes);
    bytes
}

/// The name that a peer joins with.
pub(super) const NAME: &str = "ann";
const PAYLOAD_WORDS: usize = 512;
const FRAME_LIMIT: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_on_where_it_stopped() {
        let whole = [frame(0), frame(1)].concat();
        for at in [0, 1, FRAME - 1, FRAME, FRAME + 7] {
            let frame_end = (at / FRAME + 1) * FRAME;
            let range = usize::try_from(at).unwrap()..usize::try_from(frame_end).unwrap();
            assert_eq!(rest_of_frame(at), whole[range.clone()], "{at}");
            assert_eq!(between(at, frame_end), whole[range], "{at}");
        }
        assert_eq!(
            between(7, FRAME + 7),
            whole[7..usize::try_from(FRAME + 7).unwrap()]
        );
    }

    #[test]
    fn a_stream_that_stops_inside_a_frame_has_the_whole_ones_before_it() {
        assert_eq!(whole_frames(2 * FRAME), (2 * PAYLOAD, false));
        assert_eq!(whole_frames(2 * FRAME + 1), (2 * PAYLOAD, true));
        assert_eq!(whole_frames(FRAME - 1), (0, true));
    }
}
