//! Ping, pong and ack: signs of life, round trips, and the count of received frames.

use super::fields::{FrameWriter, Reader};
use super::{Kind, Malformed};

/// A request for a sign of life; it counts as an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The sender's monotonic clock in microseconds, with its own origin.
    pub clock_us: u64,
    /// The number of data frames that the sender received in the session.
    pub received: u64,
}

impl Ping {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] where it is not exactly 16 bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let ping = Self {
            clock_us: reader.u64("clock")?,
            received: reader.u64("received")?,
        };
        reader.finish().map(|()| ping)
    }

    /// Appends the whole frame, header included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Ping, out);
        frame.u64(self.clock_us);
        frame.u64(self.received);
        frame.finish();
    }
}

/// The answer to a ping; it counts as an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The clock of the answered ping.
    pub ping_clock_us: u64,
    /// The answering end's monotonic clock when it received the ping, in microseconds.
    pub clock_us: u64,
    /// How long the answering end held the ping, in microseconds.
    pub held_us: u32,
    /// The number of data frames that the answering end received in the session.
    pub received: u64,
}

impl Pong {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] where it is not exactly 28 bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let pong = Self {
            ping_clock_us: reader.u64("the ping's clock")?,
            clock_us: reader.u64("clock")?,
            held_us: reader.u32("held")?,
            received: reader.u64("received")?,
        };
        reader.finish().map(|()| pong)
    }

    /// Appends the whole frame, header included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Pong, out);
        frame.u64(self.ping_clock_us);
        frame.u64(self.clock_us);
        frame.u32(self.held_us);
        frame.u64(self.received);
        frame.finish();
    }
}

/// A count of received frames; the first frame of a client whose session may resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The number of data frames that the sender received in the session.
    pub received: u64,
}

impl Ack {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] where it is not exactly 8 bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let ack = Self {
            received: reader.u64("received")?,
        };
        reader.finish().map(|()| ack)
    }

    /// Appends the whole frame, header included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Ack, out);
        frame.u64(self.received);
        frame.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_layout_is_neither_shorter_nor_longer() {
        let truncated = Malformed::Truncated { field: "received" };
        let trailing = Malformed::TrailingBytes { extra: 1 };
        assert_eq!(Ping::decode(&[0; 15]), Err(truncated));
        assert_eq!(Ping::decode(&[0; 17]), Err(trailing));
        assert_eq!(Pong::decode(&[0; 27]), Err(truncated));
        assert_eq!(Pong::decode(&[0; 29]), Err(trailing));
        assert_eq!(Ack::decode(&[0; 7]), Err(truncated));
        assert_eq!(Ack::decode(&[0; 9]), Err(trailing));
    }
}
