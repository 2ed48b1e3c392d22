//! A share of the packets.

/// A part of a whole, in thousandths; values above the whole count as the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share {
    per_mille: u16,
}

impl Share {
    /// Nothing.
    pub const NONE: Self = Self { per_mille: 0 };

    /// Everything.
    pub const WHOLE: Self = Self { per_mille: 1000 };

    /// A number of hundredths.
    #[must_use]
    pub const fn percent(percent: u16) -> Self {
        Self::per_mille(percent.saturating_mul(10))
    }

    /// A number of thousandths.
    #[must_use]
    pub const fn per_mille(per_mille: u16) -> Self {
        if per_mille > Self::WHOLE.per_mille {
            return Self::WHOLE;
        }
        Self { per_mille }
    }

    pub(crate) const fn thousandths(self) -> u16 {
        self.per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_are_ten_thousandths() {
        assert_eq!(Share::percent(5).thousandths(), 50);
        assert_eq!(Share::percent(5), Share::per_mille(50));
        assert_eq!(Share::percent(100), Share::WHOLE);
        assert_eq!(Share::percent(0), Share::NONE);
    }

    #[test]
    fn more_than_the_whole_is_the_whole() {
        assert_eq!(Share::percent(u16::MAX), Share::WHOLE);
        assert_eq!(Share::per_mille(1001), Share::WHOLE);
    }
}
