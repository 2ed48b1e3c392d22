//! The causes from a client's point of view. The sentences of the table are written for a server, where the peer is
//! the client.

use super::Cause;

impl Cause {
    /// Returns one clause for a client that recorded this cause itself: *we* are the client, and the peer is *the
    /// server*.
    ///
    /// A cause that only a server records reads as [`Cause::told_to_client`].
    #[must_use]
    pub const fn seen_by_client(self) -> &'static str {
        match self {
            Self::PeerGoodbye => "the server said goodbye",
            Self::PeerFin => "the server closed the connection without a goodbye",
            Self::PeerFinMidFrame => "the server closed the connection in the middle of a frame",
            Self::PeerClosedWhileSending => {
                "the server closed the connection and refused data that we were still sending"
            }
            Self::PeerReset => "the server reset the connection without a goodbye",
            Self::PeerResetMidFrame => "the server reset the connection in the middle of a frame",
            Self::TlsTruncated => "the server closed the TCP connection without closing TLS first",
            Self::PeerProbe => "the server closed the connection before its first byte",
            Self::ResetAfterOutage => {
                "the connection was reset after an outage: the server gave up first, its machine restarted, or a \
                 middlebox forgot the connection"
            }
            Self::PathDead => "the server's machine or the path to it does not answer",
            Self::PathDeadOutbound => "the server still spoke, but never acknowledged our data",
            Self::LocalNetworkDown => "nothing left this machine: its own network is at fault",
            Self::PeerSilent => {
                "the server was silent until the dead limit: its machine, its process or the path does not answer"
            }
            Self::PeerFrozen => "the server's machine acknowledges, but its process says nothing",
            Self::PeerNotReading => "the server still speaks, but no longer reads our data",
            Self::SendQueueFull => {
                "the server read too slowly, and the data waiting for it passed our outbound limit"
            }
            Self::SendQueueStale => {
                "the server read too slowly, and the oldest frame waiting for it passed our age limit"
            }
            Self::Idle => "the server sent no frame of the game within the idle limit",
            Self::GameStalled => "our game took none of the server's frames in time",
            Self::HelloTimeout => "the server did not answer our hello in time",
            Self::FrameTimeout => "the server began a frame and did not finish it in time",
            Self::FrameTooLarge => "the server announced a frame over our limit",
            Self::FrameMalformed => "the server sent a control frame that cannot be decoded",
            Self::ProtocolViolation => "the server broke a rule of the protocol",
            Self::WrongProtocol => "the server does not speak this protocol",
            Self::VersionUnsupported => NO_COMMON_VERSION,
            Self::RateLimited => "the server kept exceeding its rate",
            Self::PingFlood => "the server sent more pings, pongs and acks than allowed",
            Self::TlsFailed => {
                "the TLS handshake with the server failed, or a TLS record was invalid"
            }
            Self::TlsTimeout => "the TLS handshake with the server did not finish in time",
            Self::ProxyHeaderInvalid => "the PROXY header was not valid",
            Self::ClosedByGame => "we left",
            Self::SocketDestroyed => "an operator of this machine destroyed the socket",
            Self::SocketError => "a socket call failed with an error unknown to this library",
            Self::VerdictMissing => {
                "the task of this connection was dropped before it ended, as when its runtime shuts down"
            }
            Self::AuthRejected
            | Self::AuthTimeout
            | Self::AuthUnavailable
            | Self::ResumeRefused
            | Self::AlreadyLoggedIn
            | Self::ServerFull
            | Self::AddressLimit
            | Self::Overloaded
            | Self::RefusedDraining
            | Self::AddressDenied
            | Self::Kicked
            | Self::ReplacedByLogin
            | Self::SupersededByResume
            | Self::MovedToNode
            | Self::Drained
            | Self::DrainExpired
            | Self::HandlerPanicked => self.told_to_client(),
        }
    }

    /// Returns one clause for a client whose server named this cause in its goodbye: *we* are the client.
    #[must_use]
    pub const fn told_to_client(self) -> &'static str {
        match self {
            Self::PeerSilent => "the server heard nothing from us until its dead limit",
            Self::PeerFrozen => "the server found our process frozen",
            Self::PeerNotReading => "the server found that we no longer read its data",
            Self::SendQueueFull => {
                "we read too slowly, and the data waiting for us passed the server's outbound limit"
            }
            Self::SendQueueStale => {
                "we read too slowly, and the oldest frame waiting for us passed the server's age limit"
            }
            Self::Idle => "we sent no frame of the game within the server's idle limit",
            Self::GameStalled => "the server's game took none of our frames in time",
            Self::HelloTimeout => "our hello did not reach the server in time",
            Self::FrameTimeout => "we began a frame and did not finish it in time",
            Self::FrameTooLarge => "we announced a frame over the server's limit",
            Self::FrameMalformed => "we sent a control frame that cannot be decoded",
            Self::ProtocolViolation => "we broke a rule of the protocol",
            Self::VersionUnsupported => NO_COMMON_VERSION,
            Self::RateLimited => "we kept exceeding the server's rate",
            Self::PingFlood => "we sent more pings, pongs and acks than the server allows",
            Self::AuthRejected => "the server rejected our credentials",
            Self::AuthTimeout => "the server's authenticator did not answer in time",
            Self::AuthUnavailable => "the server's authenticator is down",
            Self::ResumeRefused => "the server did not resume our session",
            Self::AlreadyLoggedIn => "this player already has a session on the server",
            Self::ServerFull => "the server is full",
            Self::AddressLimit => {
                "the server has too many connections from our address, or they came too fast"
            }
            Self::Overloaded => "the server is overloaded",
            Self::RefusedDraining => "the server is draining and lets no players in",
            Self::AddressDenied => "the server accepts no connections from our address",
            Self::Kicked => "the server kicked us",
            Self::ClosedByGame => "the server closed our session",
            Self::ReplacedByLogin => "the same player logged in again",
            Self::SupersededByResume => "our session continued on a newer connection",
            Self::MovedToNode => "the server handed our session over to another node",
            Self::Drained => "the server was draining and ended our session",
            Self::DrainExpired => "the server's drain was over, and our session was still there",
            Self::HandlerPanicked => "the server's game failed in our session",
            // No goodbye of this implementation has one of these codes.
            Self::PeerGoodbye
            | Self::PeerFin
            | Self::PeerFinMidFrame
            | Self::PeerClosedWhileSending
            | Self::PeerReset
            | Self::PeerResetMidFrame
            | Self::TlsTruncated
            | Self::PeerProbe
            | Self::ResetAfterOutage
            | Self::PathDead
            | Self::PathDeadOutbound
            | Self::LocalNetworkDown
            | Self::WrongProtocol
            | Self::TlsFailed
            | Self::TlsTimeout
            | Self::ProxyHeaderInvalid
            | Self::SocketDestroyed
            | Self::SocketError
            | Self::VerdictMissing => "the server said goodbye",
        }
    }
}

const NO_COMMON_VERSION: &str = "the server and this client have no protocol version in common";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_names_the_two_ends_as_a_client_does() {
        for cause in Cause::ALL {
            for clause in [cause.seen_by_client(), cause.told_to_client()] {
                assert!(!clause.contains("peer"), "{cause}: {clause}");
                assert!(!clause.contains("the player"), "{cause}: {clause}");
                assert!(!clause.ends_with('.'), "{cause}: {clause}");
                assert!(clause.starts_with(char::is_lowercase), "{cause}: {clause}");
            }
        }
    }

    #[test]
    fn each_cause_of_our_goodbyes_has_its_own_words() {
        let mut told: Vec<_> = Cause::ALL
            .into_iter()
            .filter(|cause| cause.advice().is_some())
            .map(Cause::told_to_client)
            .collect();
        let count = told.len();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), count);
        assert!(!told.contains(&"the server said goodbye"));
    }

    #[test]
    fn an_end_that_both_sides_can_record_says_whose_fault_it_was() {
        let cause = Cause::ProtocolViolation;
        assert_eq!(
            cause.seen_by_client(),
            "the server broke a rule of the protocol"
        );
        assert_eq!(cause.told_to_client(), "we broke a rule of the protocol");
    }
}
