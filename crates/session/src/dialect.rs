//! The interface for a game with its own wire. It says only where a frame ends and what the frame means.

use crate::wire::Goodbye;

/// The way in which a stream is cut into frames.
#[derive(Clone, Default)]
pub enum Framing {
    /// Wire version 1 of `docs/wire.md`, with hello, heartbeats, goodbye and counts.
    #[default]
    Native,
    /// The game's own wire.
    Dialect(std::sync::Arc<dyn Dialect>),
}

impl Framing {
    /// Whether both cut and write frames in the same way, so that a frame of one is also a frame of the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Native, Self::Native) => true,
            (Self::Dialect(one), Self::Dialect(other)) => std::sync::Arc::ptr_eq(one, other),
            (Self::Native | Self::Dialect(_), _) => false,
        }
    }
}

impl std::fmt::Debug for Framing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native => "Native",
            Self::Dialect(_) => "Dialect",
        })
    }
}

/// The size of a frame, as far as its first bytes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The header is not complete yet.
    Short,
    /// A frame of `header` bytes followed by `payload` bytes.
    Frame {
        /// Bytes before the payload.
        header: usize,
        /// Bytes of payload; checked against the frame limit before anything is allocated for it.
        payload: usize,
    },
    /// No frame of this wire begins with these bytes: `wrong_protocol` as the first bytes, `protocol_violation` later.
    Foreign,
}

/// The meaning of a complete frame of a dialect for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// A frame for the game.
    Data(&'a [u8]),
    /// The peer asks for a sign of life; the bytes are passed back to [`Dialect::write_pong`].
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong,
    /// The peer says that it leaves: `peer_goodbye`.
    Goodbye,
    /// The layout is broken: `frame_malformed`.
    Malformed,
}

/// A game's own framing and, if it has them, its ping, pong and goodbye.
///
/// There is no hello: the authenticator gets the first complete frame as credentials, and the game gets it as its first
/// data frame. Later frames are read once the peer is admitted. There is no resume, and no notice of a drain. The
/// mapped parts of a dialect decide which causes it can tell apart:
///
/// | mapped | causes that it gains |
/// |---|---|
/// | framing alone ([`Meaning::Data`]) | `peer_fin`, `peer_reset` and all other causes that the socket shows, every limit on bytes, queues and time; kernel keepalive finds a `path_dead` unless `kernel.keepalive` is off, and a stopped process is not found |
/// | [`Measure::Foreign`] | `wrong_protocol`, `protocol_violation` |
/// | [`Meaning::Malformed`] | `frame_malformed` |
/// | [`Meaning::Ping`] of the client, [`write_pong`](Self::write_pong), and [`has_heartbeats`](Self::has_heartbeats) | every silent cause within the dead limit; `ping_flood` |
/// | [`write_ping`](Self::write_ping), [`Meaning::Pong`], and [`has_heartbeats`](Self::has_heartbeats) | the same for a client that sends no pings and only answers the server's: its answers count as signs of life |
/// | [`write_ping`](Self::write_ping), and [`Meaning::Pong`] alone | none; a client hears the server while its reading is paused, and the pong's age is evidence |
/// | [`Meaning::Goodbye`] of the client | `peer_goodbye`, where it was `peer_fin` or `peer_reset`; the game's answers to the frames before it are still written, and [`write_goodbye_answer`](Self::write_goodbye_answer) behind them |
/// | [`write_goodbye`](Self::write_goodbye) | none, but the client hears why it was closed |
///
/// A client may send 16 pings and pongs at once, and one more for each second of the dead limit; 80 where there is
/// none. Then it may send 2 a second, or 2 in each heartbeat where that is below 1 s. More is `ping_flood`.
pub trait Dialect: Send + Sync + 'static {
    /// Measures the frame that `bytes` begins with; `bytes` may hold less or more than one frame. A frame is longer
    /// than each of its prefixes that measured as [`Measure::Short`].
    ///
    /// The first `seen` bytes measured as [`Measure::Short`] before; 0 for a new frame. A search for a delimiter
    /// continues after these bytes. If they may end with a part of a delimiter, the search goes back by that part. So
    /// each byte is searched once.
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure;

    /// Reads one complete frame, split into header and payload as measured. Called once for each frame.
    fn read<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Meaning<'a>;

    /// Appends a data frame; the payload is within the frame limit.
    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>);

    /// Appends the answer to a ping. Returns whether this wire has such an answer.
    fn write_pong(&self, ping: &[u8], out: &mut Vec<u8>) -> bool {
        let _ = (ping, out);
        false
    }

    /// Returns whether a client of this wire sends something at least once a heartbeat, also while the game is idle.
    /// Default: no.
    ///
    /// This may be its own ping, or the answer to the server's ping. The server pings a client that has been quiet for
    /// longer than a heartbeat, half-way to the suspicion ([`write_ping`](Self::write_ping)).
    ///
    /// Without heartbeats a quiet peer does not count as silent, and there is no dead limit. Then only kernel
    /// keepalive finds a dead path (`path_dead`, at the dead limit + 5 s), unless `kernel.keepalive` is off.
    ///
    /// The server does not ping a client that sends in each heartbeat. Some clients leave if no ping comes for a while.
    /// For such clients, the game must send the ping as a data frame.
    fn has_heartbeats(&self) -> bool {
        false
    }

    /// Appends a ping. Returns whether this wire has pings.
    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }

    /// Appends a goodbye. Returns whether this wire has a goodbye; without one we end with a FIN only.
    fn write_goodbye(&self, goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        let _ = (goodbye, out);
        false
    }

    /// Appends the answer to the peer's goodbye, if this wire asks for an answer (a close frame, a receipt). It is sent
    /// after the game's own answers and before our FIN. Returns whether this wire has such an answer; default: no.
    fn write_goodbye_answer(&self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        false
    }
}

/// The most common wire of game servers: a big-endian `u32` with the number of payload bytes, then the payload. It maps
/// no ping and no goodbye.
#[derive(Clone, Copy, Debug, Default)]
pub struct LengthPrefixed;

impl Dialect for LengthPrefixed {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        bytes
            .first_chunk::<4>()
            .map_or(Measure::Short, |prefix| Measure::Frame {
                header: prefix.len(),
                payload: usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX),
            })
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        Meaning::Data(payload)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(payload);
    }
}
