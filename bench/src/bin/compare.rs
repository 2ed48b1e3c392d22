//! The harness: measures every subject and prints one table.

use anyhow::Result;
use clap::Parser;
use lastword_bench::compare::{self, Compare};

fn main() -> Result<()> {
    compare::run(Compare::parse())
}
