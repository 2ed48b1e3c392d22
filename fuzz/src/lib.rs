//! Properties that must hold for any bytes of a peer, one module for each fuzz target. `scripts/fuzz.sh` runs them.
//!
//! A parser of the PROXY header and the TLS layer get a module of their own here.
#![forbid(unsafe_code)]

pub mod decoder;
pub mod dialect;
pub mod escape;
pub mod extensions;
mod frame;
pub mod goodbye;
pub mod heartbeat;
pub mod hello;
pub mod machine;
pub mod notice;
mod stream;
pub mod welcome;

/// The model of the session's property tests.
#[path = "../../crates/session/tests/properties"]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failure is a finding"
)]
mod model {
    pub(crate) mod life;
    pub(crate) mod script;
}

#[path = "../../tests/tests/foreign_wires/wires.rs"]
#[expect(
    dead_code,
    reason = "the games behind these wires are played in tests/"
)]
mod wires;
