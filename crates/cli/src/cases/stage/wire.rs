//! The frames that the rows send. Every byte of them is known, so a count of bytes tells how many
//! whole frames there are.

use lastword_session::wire::{self, Extensions, Hello, Welcome};

/// Payload bytes of each frame.
const PAYLOAD: u64 = 4096;
/// Bytes of each frame on the wire.
pub(super) const FRAME: u64 = 4 + PAYLOAD;

/// A client's first frame.
pub(super) fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    Hello::new(b"ann", FRAME_LIMIT).encode(&mut bytes);
    bytes
}

/// A server's first frame. It switches heartbeats off, so that only the row's own bytes follow.
pub(super) fn welcome() -> Vec<u8> {
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

/// Returns the next bytes of the stream of frames after `position`, up to the end of that frame.
pub(super) fn rest_of_frame(position: u64) -> Vec<u8> {
    let frame = frame(position / FRAME);
    let offset = usize::try_from(position % FRAME).unwrap_or_default();
    frame.get(offset..).unwrap_or_default().to_vec()
}

/// Returns the payload bytes of the whole frames in a stream of this length, and whether it stops inside a frame.
pub(super) fn whole_frames(bytes: u64) -> (u64, bool) {
    (bytes / FRAME * PAYLOAD, bytes % FRAME != 0)
}

/// Returns the payload of frame `n`: its number, repeated.
pub(super) fn payload(n: u64) -> Vec<u8> {
    let words = std::iter::repeat_n(n.to_be_bytes(), PAYLOAD_WORDS);
    words.flatten().collect()
}

fn frame(n: u64) -> Vec<u8> {
    let payload = payload(n);
    let len = u32::try_from(payload.len()).unwrap_or_default();
    [&(len << 8).to_be_bytes(), payload.as_slice()].concat()
}

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
            assert_eq!(rest_of_frame(at), whole[range], "{at}");
        }
    }

    #[test]
    fn a_stream_that_stops_inside_a_frame_has_the_whole_ones_before_it() {
        assert_eq!(whole_frames(2 * FRAME), (2 * PAYLOAD, false));
        assert_eq!(whole_frames(2 * FRAME + 1), (2 * PAYLOAD, true));
        assert_eq!(whole_frames(FRAME - 1), (0, true));
    }
}
