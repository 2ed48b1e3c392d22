//! The sums of the demo's ends. Each end is counted in exactly one of these fields.

use std::fmt;

/// The ends so far, and the clients whose end is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Ends with the right record.
    pub(crate) right: u64,
    /// Ends with a wrong record.
    pub(crate) wrong: u64,
    /// The right and the wrong ends whose clients were in the lab.
    pub(crate) in_lab: u64,
    /// The right and the wrong ends of attackers.
    pub(crate) of_attackers: u64,
    /// Ends of clients that the end of the demo stopped. Their records prove nothing.
    pub(crate) cut_short: u64,
    /// Ends of players that do not belong to the demo.
    pub(crate) others: u64,
    /// Clients that finished their ending, and have no record.
    pub(crate) unrecorded: u64,
}

impl Sums {
    /// Every recorded end.
    pub(crate) const fn ended(&self) -> u64 {
        self.right + self.wrong + self.cut_short + self.others
    }

    /// The number of clients that finished their ending.
    pub(crate) const fn endings(&self) -> u64 {
        self.right + self.wrong + self.unrecorded
    }
}

/// Writes two lines. The terms of the first add up to all ends, and its endings are those of the
/// second.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = self.right + self.wrong - self.in_lab - self.of_attackers;
        write!(f, "{} ended = {here} endings here", self.ended())?;
        for (count, what) in [
            (self.in_lab, "in the lab of the cable"),
            (self.of_attackers, "of attackers"),
            (self.cut_short, "cut short by the end of the demo"),
            (self.others, "of others"),
        ] {
            if count > 0 {
                write!(f, " + {count} {what}")?;
            }
        }
        let (endings, right) = (self.endings(), self.right);
        write!(f, "\n{endings} endings, {right} recorded as what they were")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_in_one_term_and_terms_of_nothing_are_left_out() {
        let mut sums = Sums {
            right: 150,
            ..Sums::default()
        };
        assert_eq!(
            sums.to_string(),
            "150 ended = 150 endings here\n150 endings, 150 recorded as what they were"
        );
        sums = Sums {
            right: 173,
            wrong: 1,
            in_lab: 20,
            of_attackers: 30,
            cut_short: 3,
            others: 2,
            unrecorded: 1,
        };
        assert_eq!(
            sums.to_string(),
            "179 ended = 124 endings here + 20 in the lab of the cable + 30 of attackers + 3 cut short by the end of the \
             demo + 2 of others\n175 endings, 173 recorded as what they were"
        );
    }
}
