//! The shape of a load: connections, frames in flight on each, and the length of a payload.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use serde::{Serialize, Serializer};

/// A load's shape, written `1000x16x64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many connections are open.
    pub connections: u32,
    /// How many frames are in flight on each.
    pub depth: u32,
    /// How long a payload is.
    pub payload_bytes: u32,
}

impl FromStr for Shape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut numbers = text.split('x').map(str::parse);
        let mut next = || {
            numbers
                .next()
                .context("three numbers are needed: 1000x16x64")?
                .map_err(Error::from)
        };
        let shape = Self {
            connections: next()?,
            depth: next()?,
            payload_bytes: next()?,
        };
        ensure!(
            numbers.next().is_none(),
            "only three numbers are needed: 1000x16x64"
        );
        Ok(shape)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{}x{}x{}",
            self.connections, self.depth, self.payload_bytes
        ))
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_three_numbers_and_prints_as_it_was_written() -> Result<()> {
        let shape = "1000x16x64".parse::<Shape>()?;
        assert_eq!(
            shape,
            Shape {
                connections: 1000,
                depth: 16,
                payload_bytes: 64
            }
        );
        assert_eq!(shape.to_string(), "1000x16x64");
        Ok(())
    }

    #[test]
    fn too_few_or_too_many_numbers_are_refused() {
        for text in ["1000x16", "1000x16x64x1", "1000xx64", ""] {
            assert!(text.parse::<Shape>().is_err(), "{text:?}");
        }
    }
}
