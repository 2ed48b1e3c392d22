//! Writes every generated file: `cargo run -p lastword-generate`.

use std::fs;

use lastword_generate::{generated, path_in_repository};

fn main() -> anyhow::Result<()> {
    for (path, text) in generated()? {
        fs::write(path_in_repository(&path), text)?;
    }
    Ok(())
}
