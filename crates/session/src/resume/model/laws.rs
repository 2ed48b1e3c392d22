//! The laws that hold in every state, and where nothing more can happen.

use super::super::Resume;
use super::world::{Message, Told, World};
use crate::Stream;

impl World {
    /// Checks the laws of every state.
    pub(super) fn check(&self) {
        let owners = self.lines.iter().filter(|line| line.server_is_there);
        let undecided = owners.filter(|line| !line.up.iter().any(is_hello)).count();
        assert_eq!(
            undecided,
            usize::from(self.server_line.is_some()),
            "one owner"
        );
        if let Some(server) = &self.server {
            let (acked, sent) = (server.sent() - server.unacked(), server.sent());
            assert!(acked <= self.client.received() && self.client.received() <= sent);
            assert!(acked <= server.floor() && server.floor() <= sent);
            let acked = self.client.sent() - self.client.unacked();
            assert!(acked <= server.received() && server.received() <= self.client.sent());
            assert_eq!(
                self.client.floor(),
                acked,
                "nothing of the client's is evicted"
            );
            if !self.has_evicted {
                let acked = server.sent() - server.unacked();
                assert_eq!(server.floor(), acked, "kept is what is not acknowledged");
            }
        }
    }

    /// Nothing more can happen, and the client has dials left: all is delivered, or both ends know that it is over.
    pub(super) fn check_rest(&self) {
        if self.client_is_over {
            let is_over = self.server.is_none();
            let waits = self.server.as_ref().and_then(Stream::resume);
            assert!(is_over || waits.is_some_and(Resume::is_away), "{self:?}");
            return;
        }
        let server = self
            .server
            .as_ref()
            .expect("the client is told that it is over");
        assert_eq!(self.server_line, self.client_line);
        assert_eq!(self.told, Told::Joined);
        assert!(self.server_line.is_some() && self.is_welcome);
        assert_eq!((server.sent(), self.client.sent()), self.game_frames);
        assert_eq!(server.received(), self.client.sent());
        assert_eq!(self.client.received(), server.sent());
        assert!(!server.wants_write() && !self.client.wants_write());
        assert_eq!((server.unacked(), self.client.unacked()), (0, 0));
    }
}

fn is_hello(message: &Message) -> bool {
    matches!(message, Message::Hello(_))
}
