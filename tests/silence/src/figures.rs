//! A distribution in four figures.

use serde::Serialize;

/// The least, the median, the 99.9th percentile, and the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    pub(crate) min: u64,
    pub(crate) median: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Figures {
    /// Computes the figures of these samples; `None` where there are none.
    pub(crate) fn of(mut samples: Vec<u64>) -> Option<Self> {
        samples.sort_unstable();
        let at = |thousandths: usize| {
            // The nearest rank: the smallest sample that this share of the samples does not exceed.
            let rank = (samples.len() * thousandths).div_ceil(1_000).max(1);
            samples.get(rank - 1).copied()
        };
        Some(Self {
            min: at(0)?,
            median: at(500)?,
            p999: at(999)?,
            max: at(1_000)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_samples_by_their_rank() {
        let figures = Figures::of((1..=1_000).rev().collect());
        let expected = Figures {
            min: 1,
            median: 500,
            p999: 999,
            max: 1_000,
        };
        assert_eq!(figures, Some(expected));
        assert_eq!(Figures::of(Vec::new()), None);
    }
}
