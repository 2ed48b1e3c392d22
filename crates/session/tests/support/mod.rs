//! Virtual time, two pipes, and the connections or peers at their ends. All test targets of this crate and the fuzz target
//! of the machine use it, so it uses the public API only.
#![allow(
    dead_code,
    unused_imports,
    reason = "each of the targets uses a part of it"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod game;
mod host;
mod kernel;
mod mailbox;
mod pair;
mod pipe;
mod setting;
mod solo;
mod tls;

pub(crate) use game::{Answer, Echo, Game, Seen, Sent, payloads};
pub(crate) use host::{Host, Outside};
pub(crate) use kernel::{View, Words};
pub(crate) use pair::Pair;
pub(crate) use pipe::{Pipe, Read};
pub(crate) use setting::{
    ADMISSION, DEAD, HEARTBEAT, HELLO, QUIET, START, SUSPECT, WELCOME, millis, secs,
};
pub(crate) use solo::{Solo, encoded, frame, frames, pong_to};
pub(crate) use tls::{Record, Tls};
