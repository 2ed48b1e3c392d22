//! Writes every generated file: `cargo run -p lastword-dashboards`.

use std::fs;

use lastword_dashboards::{generated, path_in_repository};

fn main() -> anyhow::Result<()> {
    for (path, text) in generated()? {
        fs::write(path_in_repository(&path), text)?;
    }
    Ok(())
}
