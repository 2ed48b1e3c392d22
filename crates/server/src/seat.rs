//! Who sits on a session, once it joined.

use std::net::SocketAddr;

use crate::SessionId;
use crate::data::Data;

/// The identity of one session: small, since every session keeps it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) session: SessionId,
    /// Its name, if it has one.
    pub(crate) player: Option<Box<str>>,
    pub(crate) remote: SocketAddr,
    /// 0 is `none`.
    pub(crate) cohort: u8,
    pub(crate) profile: u8,
    /// The game's own.
    pub(crate) data: Data,
}
