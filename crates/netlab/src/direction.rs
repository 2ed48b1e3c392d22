//! The two directions of a cable.

/// A direction on one side's cable, seen from its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    From,
    Towards,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::From, Self::Towards];
}
