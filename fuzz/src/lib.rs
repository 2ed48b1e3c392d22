//! Properties that must hold for any bytes of a peer, one module for each fuzz target. `scripts/fuzz.sh` runs them.
#![forbid(unsafe_code)]

pub mod decoder;
pub mod dialect;
pub mod goodbye;
pub mod hello;
mod stream;
#[path = "../../tests/tests/foreign_wires/wires.rs"]
#[expect(
    dead_code,
    reason = "the games behind these wires are played in tests/"
)]
mod wires;
