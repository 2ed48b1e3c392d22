//! The limits of one connection: every default in one place.

use std::time::Duration;

use crate::Rate;

/// The limits and timeouts of one connection. The defaults are those of `config/lastword.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of hello payload, 1,024 to 65,536. Default 4 KiB. Over it: `frame_too_large`.
    pub hello_bytes_max: u32,
    /// The most bytes of data payload that we accept, 1,024 to 16,777,215. Default 64 KiB. Over it: `frame_too_large`.
    pub frame_bytes_max: u32,
    /// The most bytes of data payload that we send, 1,024 to 16,777,215. Default 64 KiB. A peer that accepts less
    /// lowers this limit. A longer frame is refused ([`SendError::TooLarge`](crate::SendError::TooLarge)).
    pub outbound_frame_bytes_max: u32,
    /// The frames that a live peer may send; `None` (default) is any number. Over it reading pauses, and after
    /// [`over_rate_timeout`](Self::over_rate_timeout): `rate_limited`.
    ///
    /// A frame of any kind costs one, also an empty one. A ping costs one more, since we answer it. Frames that the wire
    /// asks for cost nothing: two pings in each heartbeat, the answers to our pings, acks of new frames.
    pub frame_rate: Option<Rate>,
    /// The bytes that a live peer may send, headers included; `None` (default) is any number. Otherwise as
    /// `frame_rate`. A frame may take more tokens than there are. The next frame then waits until the missing tokens
    /// have been refilled.
    pub byte_rate: Option<Rate>,
    /// How long a peer may stay over its rate; `None` is for ever. Default 10 s. Over it: `rate_limited`.
    ///
    /// The peer is over its rate from the moment at which its bytes have to wait for a token, until everything that it has
    /// sent has been read.
    pub over_rate_timeout: Option<Duration>,
    /// Time for the PROXY header to arrive completely, where one is required. Default 2 s. Over it:
    /// `proxy_header_invalid`.
    pub proxy_timeout: Duration,
    /// Time for the TLS handshake, where there is TLS. Default 5 s. Over it: `tls_timeout`.
    pub tls_timeout: Duration,
    /// Time for the first frame to arrive completely. Default 5 s. Over it: `hello_timeout`.
    pub hello_timeout: Duration,
    /// Time for the authenticator to answer. Default 5 s. Over it: `auth_timeout`.
    pub auth_timeout: Duration,
    /// Time for a frame, once begun, to arrive completely or to grow by another KiB. Default 10 s. Over it:
    /// `frame_timeout`.
    pub frame_timeout: Duration,
    /// Time to write our last frames. The wait for the peer's FIN after them has the same limit. Default 3 s. After
    /// the peer's FIN, this limits the wait until our remaining data is acknowledged. Over it:
    /// `peer_closed_while_sending`.
    pub linger_timeout: Duration,
    /// Bytes that may wait to be written, headers included. Default 256 KiB. As many bytes again may wait for their
    /// first write. A frame beyond that is refused. If the kernel then refuses a write while more than this limit
    /// waits: `send_queue_full`.
    pub outbound_bytes_max: usize,
    /// The greatest age of the oldest waiting frame; `None` is off. Default 5 s. Over it: `send_queue_stale`.
    pub outbound_age_max: Option<Duration>,
    /// Time in which the kernel of a peer that sends may acknowledge none of the waiting data; `None` is off. Default
    /// 10 s. Over it, with the peer's next byte: `peer_not_reading`.
    pub write_progress_timeout: Option<Duration>,
    /// Time without a frame of the game; `None` (default) is off. Over it: `idle`.
    pub idle_timeout: Option<Duration>,
    /// How long the end waits for the game to take its next frame, at most the linger timeout. Default 3 s. For a game
    /// that has taken no frame at all, the end waits 150 ms. The remaining frames are then counted as undelivered, and
    /// may still be taken.
    pub delivery_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_bytes_max: 4 * 1024,
            frame_bytes_max: 64 * 1024,
            outbound_frame_bytes_max: 64 * 1024,
            frame_rate: None,
            byte_rate: None,
            over_rate_timeout: Some(Duration::from_secs(10)),
            proxy_timeout: Duration::from_secs(2),
            tls_timeout: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(5),
            auth_timeout: Duration::from_secs(5),
            frame_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(3),
            outbound_bytes_max: 256 * 1024,
            outbound_age_max: Some(Duration::from_secs(5)),
            write_progress_timeout: Some(Duration::from_secs(10)),
            idle_timeout: None,
            delivery_timeout: Duration::from_secs(3),
        }
    }
}

impl Limits {
    /// Returns the bytes of frames that may be queued behind `queued` bytes. Bytes that wait for their first write do
    /// not count towards the cap, since we may be late ourselves. They have a second cap of the same size.
    #[must_use]
    pub fn outbound_room(&self, queued: usize) -> usize {
        let most = self.outbound_bytes_max.saturating_mul(2);
        most.saturating_sub(queued)
    }
}
