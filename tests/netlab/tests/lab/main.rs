//! The lab does to real sockets what it says.

mod cable;
mod hosts;
mod link;
mod pair;
mod runner;
