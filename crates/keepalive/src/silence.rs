//! What a silence is called when its dead limit has passed.

/// What a silence was, as far as the kernel's last reading supports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// Something of ours stayed unanswered by the peer's kernel: the path or its host is gone.
    PathDead,
    /// Nothing contradicts a living path, or there was no reading: only the peer's silence is known.
    PeerSilent,
}

/// The part of the last reading before the verdict that it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastSample {
    /// Retransmission time-outs in a row without an acknowledgement.
    pub retransmits: u8,
    /// Keepalive or zero-window probes in a row without an answer.
    pub probes: u8,
}

/// Names a silence by the last reading; `None` where the system has none.
#[must_use]
pub const fn verdict(sample: Option<LastSample>) -> Silence {
    match sample {
        None
        | Some(LastSample {
            retransmits: 0,
            probes: 0,
        }) => Silence::PeerSilent,
        Some(_) => Silence::PathDead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_unanswered_makes_the_path_dead() {
        for (retransmits, probes) in [(1, 0), (0, 1), (5, 2)] {
            let sample = LastSample {
                retransmits,
                probes,
            };
            assert_eq!(verdict(Some(sample)), Silence::PathDead, "{sample:?}");
        }
    }

    #[test]
    fn without_evidence_only_the_silence_is_claimed() {
        assert_eq!(verdict(None), Silence::PeerSilent);
        assert_eq!(verdict(Some(LastSample::default())), Silence::PeerSilent);
    }
}
