//! The load generator, in a process of its own.

use anyhow::Result;
use clap::Parser;
use lastword_bench::load::{self, Load};

fn main() -> Result<()> {
    load::run(&Load::parse())
}
