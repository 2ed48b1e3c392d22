//! The lab does to real sockets what it says.

mod cable;
mod freeze;
mod hosts;
mod link;
mod pair;
mod runner;
