//! From the listener to the session: connections are accepted, admitted, authenticated and, at the end, reported.

pub(crate) mod accept;
pub(crate) mod app;
mod refused;
mod reserve;

pub use reserve::Reserve;
