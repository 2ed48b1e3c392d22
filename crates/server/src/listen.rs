//! From the listener to the session: connections are accepted, admitted, authenticated and, at the end, reported.

mod accept;
mod app;

pub(crate) use accept::{accept_by_all, accept_loop};
pub(crate) use app::Front;
