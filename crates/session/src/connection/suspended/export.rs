//! A suspended session as bytes, for another process of the same player.
//!
//! ```text
//!   4  "LWSS"      1  version      1  flags (bit 0: TLS; bits 1 to 3: how the connection ended)
//!  16  session     4  connection   4  attempts   4  window     the ticket, and 2 + n  token
//!   4 x 5  heartbeat, suspect and dead limit in ms, the server's frame limit and our own
//!   2  cause       2  goodbye      4  ended      4  silence    how the last connection ended
//!   8  received    8  sent         8  acked
//!   4 + n  frames that are not acknowledged      4 + n  frames that wait, each as on the wire
//!   8  the first bytes of the SHA-256 of all that
//! ```
//! All integers are big-endian.

use std::time::Duration;

use hmac_sha256::Hash;

use super::super::Ticket;
use super::{Standing, Suspended};
use crate::stream::Stream;
use crate::wire::{FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, HEADER_LEN, Header, Kind, Previous};
use crate::{SessionId, Time, Timing};

/// Why bytes are not a session that can go on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The bytes are not an exported session.
    #[error("these bytes are not an exported session")]
    NoExport,
    /// Another version of this library wrote them.
    #[error("the exported session has the format {0}, and this version reads only {VERSION}")]
    Version(u8),
    /// The session began under TLS, and would go on without it.
    #[error("the exported session began under TLS: it can go on only with TLS")]
    TlsMissing,
    /// Some bytes are missing or changed.
    #[error("the exported session is damaged: bytes are missing or changed")]
    Damaged,
}

impl Suspended {
    /// Returns the session as bytes, for another process. **They are a secret**: they contain the token, with which anybody
    /// can act as the player until the session ends. Keep them as a password is kept.
    ///
    /// Frames that wait keep their order and their content. A frame with a key, or one that may be dropped, is an ordinary
    /// frame afterwards.
    #[must_use]
    pub fn export(&mut self, now: Time) -> Vec<u8> {
        let Standing {
            ticket,
            frame_limit,
            own_frame_limit,
            is_secured,
            timing,
            previous,
            ended,
        } = &*self.standing;
        let mut out = MAGIC.to_vec();
        let flags = [
            (*is_secured, SECURED),
            (previous.paused, PAUSED),
            (previous.slept, SLEPT),
        ];
        let flags = flags.map(|(is, bit)| if is { bit } else { 0 });
        out.extend_from_slice(&[VERSION, flags.iter().sum()]);
        out.extend_from_slice(ticket.session.as_bytes());
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        for field in [
            ticket.connection,
            ticket.attempts,
            ms(ticket.window),
            timing.heartbeat_ms,
            timing.suspect_ms,
            timing.dead_ms,
            *frame_limit,
            *own_frame_limit,
        ] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        let token = u16::try_from(ticket.token.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&token.to_be_bytes());
        out.extend_from_slice(&ticket.token);
        out.extend_from_slice(&previous.cause.to_be_bytes());
        out.extend_from_slice(&previous.goodbye.to_be_bytes());
        out.extend_from_slice(&ms(now.since(*ended)).to_be_bytes());
        out.extend_from_slice(&previous.silence_ms.to_be_bytes());
        for count in self.stream.counts() {
            out.extend_from_slice(&count.to_be_bytes());
        }
        let (kept, waiting) = self.stream.frame_bytes();
        for frames in [kept, waiting] {
            let len = u32::try_from(frames.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(frames);
        }
        let check = Hash::hash(&out);
        out.extend_from_slice(check.first_chunk::<CHECK_LEN>().unwrap_or(&[0; CHECK_LEN]));
        out
    }

    /// Reads what [`Suspended::export`] returned. The time between the two does not count in what the next hello says of the
    /// connection before. `has_tls`: its next connections have TLS.
    ///
    /// # Errors
    /// [`ImportError`]: nothing of it can be used.
    pub fn import(bytes: &[u8], has_tls: bool, now: Time) -> Result<Self, ImportError> {
        let version = bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first);
        match version {
            None => return Err(ImportError::NoExport),
            Some(&VERSION) => {}
            Some(version) => return Err(ImportError::Version(*version)),
        }
        let (content, check) = bytes.split_last_chunk().ok_or(ImportError::Damaged)?;
        if Hash::hash(content).first_chunk::<CHECK_LEN>() != Some(check) {
            return Err(ImportError::Damaged);
        }
        let fields = content.get(MAGIC.len() + 1..).unwrap_or_default();
        let suspended = Fields(fields).suspended(now).ok_or(ImportError::Damaged)?;
        match suspended.is_secured() && !has_tls {
            true => Err(ImportError::TlsMissing),
            false => Ok(suspended),
        }
    }
}

/// The fields that are still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn suspended(mut self, now: Time) -> Option<Suspended> {
        let [flags] = self.array()?;
        let session = SessionId::from_bytes(self.array()?);
        let (connection, attempts, window_ms) = (self.u32()?, self.u32()?, self.u32()?);
        let timing = Timing {
            heartbeat_ms: self.u32()?,
            suspect_ms: self.u32()?,
            dead_ms: self.u32()?,
        };
        let (frame_limit, own_frame_limit) = (self.u32()?, self.u32()?);
        let token_len = self.u16()?;
        let token = self.bytes(usize::from(token_len))?.into();
        let (cause, goodbye) = (self.u16()?, self.u16()?);
        let (ended_ms, silence_ms) = (self.u32()?, self.u32()?);
        let counts = [self.u64()?, self.u64()?, self.u64()?];
        let (kept, waiting) = (self.frames()?, self.frames()?);
        let limits = FRAME_LIMIT_MIN..=FRAME_LIMIT_MAX;
        let flags_are_known = flags & !(SECURED | PAUSED | SLEPT) == 0;
        let is_sound = self.0.is_empty() && limits.contains(&frame_limit) && flags_are_known;
        let standing = Standing {
            ticket: Ticket {
                session,
                connection,
                window: Duration::from_millis(window_ms.into()),
                attempts,
                token,
            },
            frame_limit,
            own_frame_limit,
            is_secured: flags & SECURED != 0,
            timing,
            previous: Previous {
                cause,
                goodbye,
                silence_ms,
                paused: flags & PAUSED != 0,
                slept: flags & SLEPT != 0,
                ..Previous::default()
            },
            ended: now.before(Duration::from_millis(ended_ms.into())),
        };
        let stream = Stream::of_client(counts, &kept, (now, &waiting))?;
        is_sound.then(|| Suspended {
            stream,
            standing: Box::new(standing),
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads data frames, headers included.
    fn frames(&mut self) -> Option<Vec<&'a [u8]>> {
        let len = usize::try_from(self.u32()?).ok()?;
        let mut rest = self.bytes(len)?;
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let header = Header::decode(*rest.first_chunk()?);
            let len = HEADER_LEN + usize::try_from(header.len).ok()?;
            let (frame, behind) = rest.split_at_checked(len)?;
            if Kind::from_byte(header.kind) != Some(Kind::Data) {
                return None;
            }
            frames.push(frame);
            rest = behind;
        }
        Some(frames)
    }
}

const MAGIC: [u8; 4] = *b"LWSS";
const VERSION: u8 = 1;
const SECURED: u8 = 0b001;
const PAUSED: u8 = 0b010;
const SLEPT: u8 = 0b100;
const CHECK_LEN: usize = 8;
