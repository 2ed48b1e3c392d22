//! Several measurements of one quantity, and how to report them: the median and the spread.

use std::fmt;

use serde::Serialize;

/// The median, the least and the greatest of several measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one, or the mean of the middle two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Summarises measurements; `None` without any.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted = values.into_iter().collect::<Vec<_>>();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self {
            median: f64::midpoint(lower, upper),
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

/// The mean of several measurements, and the limits within which the true one lies with 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The lower limit.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
}

impl Mean {
    /// Summarises measurements; `None` for fewer than two.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = u32::try_from(values.len()).ok().filter(|n| *n > 1)?;
        let mean = values.iter().sum::<f64>() / f64::from(n);
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let variance = squares.sum::<f64>() / f64::from(n - 1);
        let half = t_95(n - 1) * (variance / f64::from(n)).sqrt();
        Some(Self {
            mean,
            lower: mean - half,
            upper: mean + half,
        })
    }
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, lower, upper } = self;
        write!(f, "{mean:.3} ({lower:.3} to {upper:.3})")
    }
}

/// Student's t for limits of 95 % on both sides, by the degrees of freedom. Between the rows, the greater one.
fn t_95(freedom: u32) -> f64 {
    match freedom {
        ..=1 => 12.71,
        2 => 4.31,
        3 => 3.19,
        4..=9 => 2.78,
        10..=28 => 2.23,
        _ => 2.05,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_mean_hold_students_t_times_its_standard_error() {
        // Three values with a standard deviation of 1: 4.31 / sqrt(3) is 2.488.
        let mean = Mean::of(&[1.0, 2.0, 3.0]).map(|mean| mean.to_string());
        assert_eq!(mean.as_deref(), Some("2.000 (-0.488 to 4.488)"));
        assert_eq!(Mean::of(&[1.0]), None);
    }

    #[test]
    fn the_median_is_the_middle_one_or_the_mean_of_the_middle_two() {
        let median =
            |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        assert_eq!(median(&[9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 4.0, 5.0]), Some(4.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_extremes_are_kept() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(
            spread,
            Some(Spread {
                median: 2.0,
                min: 1.0,
                max: 3.0
            })
        );
    }
}
