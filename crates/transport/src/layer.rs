//! The reports of a layer between the tap and the frames about the bytes that went through it.

/// The events in the records that were read, besides their content.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// The handshake is complete since these records.
    pub(crate) secured: bool,
    /// The peer closed TLS with them.
    pub(crate) closed: bool,
    /// They broke a rule, or were an alert: the steps for the trail.
    pub(crate) failed: Option<[&'static str; 2]>,
    /// How many more bytes are held for the peer since.
    pub(crate) sealed: usize,
}

/// The bytes that one write took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The bytes of frames.
    pub(crate) plain: usize,
    /// The bytes that were made of them.
    pub(crate) sealed: usize,
}
