//! One server to compare with, in a process of its own.

use std::net::SocketAddr;

use anyhow::Result;
use clap::Parser;
use lastword_bench::peers::{self, Peer};
use lastword_bench::report::exit_when_stdin_ends;

/// Serves an echo of u32-prefixed frames until stdin ends.
#[derive(Debug, Parser)]
struct Options {
    /// The server to run.
    peer: Peer,
    /// The address to listen on; the bound address is printed as JSON.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

fn main() -> Result<()> {
    let options = Options::parse();
    exit_when_stdin_ends();
    peers::serve(options.peer, options.listen)
}
