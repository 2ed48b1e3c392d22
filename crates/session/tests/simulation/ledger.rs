//! The frames of one direction: each has its number, and a content that follows from it.

use super::dice::mix;

#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    pub(crate) sent: u64,
    pub(crate) heard: u64,
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            sent: 0,
            heard: 0,
        }
    }

    /// The next frame to send.
    pub(crate) fn next(&self) -> Vec<u8> {
        self.frame(self.sent)
    }

    pub(crate) fn was_taken(&mut self) {
        self.sent += 1;
    }

    /// Checks that this is the next frame: nothing is lost, nothing comes twice, and each comes in its order.
    pub(crate) fn hears(&mut self, payload: &[u8]) {
        assert!(self.heard < self.sent, "a frame that was never sent");
        assert_eq!(payload, self.frame(self.heard), "frame {}", self.heard);
        self.heard += 1;
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.heard == self.sent
    }

    fn frame(&self, n: u64) -> Vec<u8> {
        let hash = mix(self.seed ^ mix(n));
        let len = usize::try_from(hash % 13).expect("it fits");
        let mut frame = n.to_be_bytes().to_vec();
        frame.extend(hash.to_be_bytes().repeat(len));
        frame
    }
}
