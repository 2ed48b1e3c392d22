//! The attackers, in a process of their own.

use anyhow::Result;
use clap::Parser;
use lastword_bench::attack::{self, Attack};

fn main() -> Result<()> {
    attack::run(&Attack::parse())
}
