//! The lab does to real sockets what its documentation says.

mod cable;
mod datagrams;
mod delay;
mod freeze;
mod hosts;
mod link;
mod many;
mod pair;
mod runner;
mod tcp;
