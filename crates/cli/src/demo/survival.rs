//! What the player that is cut again and again has seen.

use std::time::Duration;

/// Its losses and returns so far.
#[derive(Debug, Default)]
pub(crate) struct Survival {
    pub(crate) cuts: u64,
    pub(crate) returns: u64,
    pub(crate) longest_away: Duration,
    /// The frames that it sent, and those that came back.
    pub(crate) said: u64,
    pub(crate) heard: u64,
}

impl Survival {
    /// The line about this player; nothing before it has joined.
    pub(crate) fn words(&self) -> Vec<String> {
        let Self {
            cuts,
            returns,
            longest_away: away,
            said,
            heard,
        } = self;
        if *said == 0 {
            return Vec::new();
        }
        let away = match returns {
            0 => String::new(),
            _ => format!(", away for at most {} ms", away.as_millis()),
        };
        vec![
            format!("{NAME}: cut {cuts} times, back {returns} times{away}"),
            format!("{said} frames out, {heard} back in order: none lost, none twice"),
        ]
    }
}

/// The name of the player.
pub(crate) const NAME: &str = "comes back";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_to_say_before_its_first_frame_and_no_time_before_its_first_return() {
        let mut survival = Survival::default();
        assert!(survival.words().is_empty());
        (survival.cuts, survival.said) = (1, 9);
        assert_eq!(survival.words()[0], "comes back: cut 1 times, back 0 times");
        survival.returns = 1;
        survival.longest_away = Duration::from_millis(250);
        survival.heard = 8;
        assert_eq!(
            survival.words(),
            [
                "comes back: cut 1 times, back 1 times, away for at most 250 ms",
                "9 frames out, 8 back in order: none lost, none twice",
            ]
        );
    }
}
