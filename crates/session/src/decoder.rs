//! Cuts a stream into frames. It checks limits before it takes memory, and allocates no byte for a length that the peer
//! only announced.

use crate::dialect::{Dialect, Framing, Measure};
use crate::wire::{self, HEADER_LEN, Header, Kind};
use crate::{Cause, Time};

/// The frames that may come now, and their longest length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A server waits for the first frame of a connection.
    Hello {
        /// The most bytes of hello payload.
        limit: u32,
    },
    /// A client waits for the first frame of a connection: welcome or goodbye.
    Welcome,
    /// A server has the first frame and has not answered it. Until then the peer may only say goodbye.
    Goodbye,
    /// Any frame that the peer may send in a session.
    Any {
        /// The most bytes of data payload.
        limit: u32,
    },
}

/// The place of a complete frame; [`Decoder::frame`] resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the frame starts in the input; `None` if it lies in the kept bytes of earlier input.
    start: Option<usize>,
    header: usize,
    payload: usize,
}

/// One frame, borrowed from the input or from the kept bytes of earlier input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header's bytes.
    pub header: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

/// The result of one call of the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All input is taken, and no frame is complete.
    Short,
    /// One frame.
    Frame(Span),
    /// The header alone shows that the stream breaks a rule.
    Broken(Cause),
}

/// The incremental frame cutter of one connection.
///
/// It lends whole frames straight from the input. It copies only a frame that is split between two inputs. The buffer
/// for it grows with the bytes received, never with the bytes announced.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Boxed, because most connections are between two frames most of the time.
    partial: Option<Box<Partial>>,
}

/// The kept bytes of earlier input: never empty.
#[derive(Debug)]
struct Partial {
    bytes: Vec<u8>,
    /// How many bytes at the start were measured without showing where the frame ends.
    seen: usize,
    /// When the frame began, or reached its last whole KiB.
    since: Time,
    /// The last call lent `bytes` out, so no frame is unfinished.
    lent: bool,
}

impl Decoder {
    /// Takes the next frame out of `input`, starting at `*at`, and moves `*at` behind the consumed bytes.
    #[inline]
    pub fn next(
        &mut self,
        now: Time,
        framing: &Framing,
        expect: Expect,
        input: &[u8],
        at: &mut usize,
    ) -> Step {
        self.release();
        match &mut self.partial {
            None => self.next_whole(now, framing, expect, input, at),
            Some(partial) => partial.next(now, framing, expect, input, at),
        }
    }

    /// Releases the memory of a frame that was lent out of the kept bytes.
    pub fn release(&mut self) {
        self.partial.take_if(|partial| partial.lent);
    }

    /// Lends the frame that [`Decoder::next`] found in this same input.
    #[inline]
    #[must_use]
    pub fn frame<'s>(&'s self, span: Span, input: &'s [u8]) -> Frame<'s> {
        let bytes = match span.start {
            Some(start) => input.get(start..).unwrap_or_default(),
            None => self.kept(),
        };
        split(bytes, span.header, span.payload).unwrap_or_default()
    }

    /// Returns whether the stream is inside a frame.
    #[must_use]
    pub fn mid_frame(&self) -> bool {
        self.unfinished().is_some()
    }

    /// Returns when the unfinished frame began, or when its last whole KiB was complete, and how many bytes of it have
    /// arrived.
    #[must_use]
    pub fn unfinished(&self) -> Option<(Time, usize)> {
        let partial = self.partial.as_ref().filter(|partial| !partial.lent)?;
        Some((partial.since, partial.bytes.len()))
    }

    /// Returns how many bytes the unfinished frame needs in all, where its header is complete.
    #[must_use]
    pub fn needed(&self, framing: &Framing) -> Option<usize> {
        match measure(framing, Expect::Any { limit: u32::MAX }, self.kept(), 0) {
            Size::Frame { header, payload } if self.mid_frame() => {
                Some(header.saturating_add(payload))
            }
            Size::Frame { .. } | Size::Short | Size::Broken(_) => None,
        }
    }

    /// Moves the time of the unfinished frame later, so that time in which we did not read does not count.
    pub fn postpone(&mut self, now: Time, not_read: std::time::Duration) {
        if let Some(partial) = &mut self.partial {
            partial.since = (partial.since + not_read).min(now);
        }
    }

    fn kept(&self) -> &[u8] {
        self.partial.as_ref().map_or(&[], |partial| &partial.bytes)
    }

    #[inline]
    fn next_whole(
        &mut self,
        now: Time,
        framing: &Framing,
        expect: Expect,
        input: &[u8],
        at: &mut usize,
    ) -> Step {
        let rest = input.get(*at..).unwrap_or_default();
        if rest.is_empty() {
            return Step::Short;
        }
        let mut seen = 0;
        match measure(framing, expect, rest, 0) {
            Size::Frame { header, payload } => {
                let complete = header.saturating_add(payload);
                if rest.len() >= complete {
                    let start = Some(*at);
                    *at += complete;
                    return Step::Frame(Span {
                        start,
                        header,
                        payload,
                    });
                }
            }
            Size::Short => seen = rest.len(),
            Size::Broken(cause) => return Step::Broken(cause),
        }
        self.partial = Some(Box::new(Partial {
            bytes: rest.to_vec(),
            seen,
            since: now,
            lent: false,
        }));
        *at = input.len();
        Step::Short
    }
}

impl Partial {
    /// Adds the bytes that the unfinished frame still needs, and takes it once it is complete.
    fn next(
        &mut self,
        now: Time,
        framing: &Framing,
        expect: Expect,
        input: &[u8],
        at: &mut usize,
    ) -> Step {
        let before = self.bytes.len();
        loop {
            let have = self.bytes.len();
            let wanted = match measure(framing, expect, &self.bytes, self.seen) {
                Size::Broken(cause) => return Step::Broken(cause),
                Size::Frame { header, payload } => {
                    let complete = header.saturating_add(payload);
                    if complete <= have {
                        *at -= (have - complete).min(have - before);
                        self.lent = true;
                        return Step::Frame(Span {
                            start: None,
                            header,
                            payload,
                        });
                    }
                    complete
                }
                // The length of this header is not known: surplus bytes are given back above.
                Size::Short => {
                    self.seen = have;
                    have.saturating_mul(2)
                }
            };
            let rest = input.get(*at..).unwrap_or_default();
            let taken = rest.get(..wanted - have).unwrap_or(rest);
            if taken.is_empty() {
                return Step::Short;
            }
            self.bytes.extend_from_slice(taken);
            *at += taken.len();
            if self.bytes.len() / PROGRESS_BYTES > have / PROGRESS_BYTES {
                self.since = now;
            }
        }
    }
}

/// Each time a frame grows by this much, the frame timeout starts again.
const PROGRESS_BYTES: usize = 1024;

enum Size {
    Short,
    Frame { header: usize, payload: usize },
    Broken(Cause),
}

fn split(bytes: &[u8], header: usize, payload: usize) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_at_checked(header)?;
    Some(Frame {
        header,
        payload: rest.get(..payload)?,
    })
}

#[inline]
fn measure(framing: &Framing, expect: Expect, bytes: &[u8], seen: usize) -> Size {
    match framing {
        Framing::Native => measure_native(expect, bytes),
        Framing::Dialect(dialect) => measure_dialect(&**dialect, expect, bytes, seen),
    }
}

#[inline]
fn measure_native(expect: Expect, bytes: &[u8]) -> Size {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Size::Short;
    };
    let header = Header::decode(*header);
    let limit = match expect {
        Expect::Any { limit } => limit_of(Kind::from_byte(header.kind), limit),
        Expect::Goodbye => match Kind::from_byte(header.kind) {
            Some(Kind::Goodbye) => Ok(wire::CONTROL_LIMIT),
            _ => Err(Cause::ProtocolViolation),
        },
        Expect::Welcome => limit_of_answer(Kind::from_byte(header.kind)),
        Expect::Hello { limit } => return measure_hello(header, limit, bytes),
    };
    match limit {
        Err(cause) => Size::Broken(cause),
        Ok(limit) if header.len > limit => Size::Broken(Cause::FrameTooLarge),
        Ok(_) => frame(header),
    }
}

/// Checks a connection's first frame in byte order: kind, magic, versions, length.
fn measure_hello(header: Header, limit: u32, bytes: &[u8]) -> Size {
    if Kind::from_byte(header.kind) != Some(Kind::Hello) {
        return Size::Broken(Cause::WrongProtocol);
    }
    let claimed = usize::try_from(header.len).unwrap_or(usize::MAX);
    let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
    let payload = payload
        .get(..claimed.min(payload.len()))
        .unwrap_or_default();
    if payload
        .iter()
        .zip(&wire::MAGIC)
        .any(|(byte, magic)| byte != magic)
    {
        return Size::Broken(Cause::WrongProtocol);
    }
    match payload {
        [_, _, min, max, ..] if min <= max && !(*min..=*max).contains(&wire::VERSION) => {
            Size::Broken(Cause::VersionUnsupported)
        }
        [_, _, _, _, ..] if header.len > limit => Size::Broken(Cause::FrameTooLarge),
        [_, _, _, _, ..] => frame(header),
        // Too short for magic and versions: the frame is complete as it is, and its decoder finds it malformed.
        _ if claimed < wire::MAGIC.len() + 2 => frame(header),
        _ => Size::Short,
    }
}

fn measure_dialect(dialect: &dyn Dialect, expect: Expect, bytes: &[u8], seen: usize) -> Size {
    let (limit, foreign) = match expect {
        Expect::Hello { limit } => (limit, Cause::WrongProtocol),
        Expect::Any { limit } => (limit, Cause::ProtocolViolation),
        Expect::Goodbye => (wire::CONTROL_LIMIT, Cause::ProtocolViolation),
        Expect::Welcome => (wire::WELCOME_LIMIT, Cause::WrongProtocol),
    };
    let over = |len: usize| u32::try_from(len).map_or(true, |len| len > limit);
    match dialect.measure(bytes, seen) {
        // A header that does not end within the limit also counts as a frame over the limit.
        Measure::Short if over(bytes.len()) => Size::Broken(Cause::FrameTooLarge),
        Measure::Short => Size::Short,
        Measure::Foreign => Size::Broken(foreign),
        Measure::Frame { header, payload } if over(header) || over(payload) => {
            Size::Broken(Cause::FrameTooLarge)
        }
        Measure::Frame {
            header: 0,
            payload: 0,
        } => Size::Broken(foreign),
        Measure::Frame { header, payload } => Size::Frame { header, payload },
    }
}

fn limit_of(kind: Option<Kind>, data: u32) -> Result<u32, Cause> {
    match kind {
        Some(Kind::Data) => Ok(data),
        Some(Kind::Welcome) => Ok(wire::WELCOME_LIMIT),
        Some(_) => Ok(wire::CONTROL_LIMIT),
        None => Err(Cause::ProtocolViolation),
    }
}

fn limit_of_answer(kind: Option<Kind>) -> Result<u32, Cause> {
    match kind {
        Some(Kind::Welcome) => Ok(wire::WELCOME_LIMIT),
        Some(Kind::Goodbye) => Ok(wire::CONTROL_LIMIT),
        _ => Err(Cause::WrongProtocol),
    }
}

fn frame(header: Header) -> Size {
    Size::Frame {
        header: HEADER_LEN,
        payload: usize::try_from(header.len).unwrap_or(usize::MAX),
    }
}

#[cfg(test)]
mod tests;
