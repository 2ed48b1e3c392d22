//! Random numbers that depend only on the seed and the client. The actions of a client must not depend on which
//! client runs first.

/// The generator of one client: `SplitMix64`, by Steele, Lea and Flood (2014).
#[derive(Clone, Debug)]
pub(crate) struct ClientRng(u64);

impl ClientRng {
    /// Returns the generator of client `n`.
    pub(crate) fn of(seed: u64, n: u32) -> Self {
        let mut mixer = Self(seed);
        let start = mixer.next().wrapping_add(u64::from(n).wrapping_mul(GOLDEN));
        Self(start)
    }

    /// Returns a number from 0 to `bound`, excluding `bound`; 0 where there is no such number.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns a number from `first` to `last`, including both.
    pub(crate) fn from(&mut self, first: u32, last: u32) -> u32 {
        let span = u64::from(last.saturating_sub(first)) + 1;
        first.saturating_add(u32::try_from(self.below(span)).unwrap_or(0))
    }

    /// Returns this many lower-case letters.
    pub(crate) fn letters(&mut self, len: u32) -> Vec<u8> {
        let letter = |_| b'a' + u8::try_from(self.below(26)).unwrap_or(0);
        (0..len).map(letter).collect()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_client_and_seed_give_the_same_numbers() {
        let letters = |seed, n| ClientRng::of(seed, n).letters(32);
        assert_eq!(letters(1, 7), letters(1, 7));
        assert_ne!(letters(1, 7), letters(1, 8));
        assert_ne!(letters(1, 7), letters(2, 7));
    }

    #[test]
    fn every_number_of_a_range_comes_up_and_none_outside_it() {
        let mut rng = ClientRng::of(3, 0);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[usize::try_from(rng.from(2, 6) - 2).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 150), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1), rng.from(9, 9)), (0, 0, 9));
    }
}
