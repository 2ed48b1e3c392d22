//! A comparison of the two accounts of one end: which end did it, or that something between them did.

use std::borrow::Cow;
use std::time::Duration;

use crate::Cause;
use crate::wire::Previous;

/// The comparison of a server's cause with the account of its client. The client's account is not checked, so this is
/// for people, and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BothEnds {
    /// Each end saw the other one reset or close the connection, and neither did.
    Between,
    /// The client saw a reset or a close. The server sent none, and saw none.
    OnlyClient,
    /// The server saw a reset or a close. The client sent none, and saw none.
    OnlyServer,
    /// The client ended the connection, and the server saw that, or had not noticed yet.
    ClientEnded,
    /// The server ended the connection, and the client saw that, or heard nothing.
    ServerEnded,
    /// Neither end heard the other one.
    BothSilent,
    /// The two accounts contradict each other.
    Differ,
    /// The client names no cause, or none that this version knows.
    Unknown,
}

/// The account of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Reset,
    Closed,
    Goodbye,
    Silence,
    /// It ended the connection itself.
    Own,
    /// Nothing: its client came back while it looked alive.
    Nothing,
}

impl BothEnds {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Between,
        Self::OnlyClient,
        Self::OnlyServer,
        Self::ClientEnded,
        Self::ServerEnded,
        Self::BothSilent,
        Self::Differ,
        Self::Unknown,
    ];

    /// Compares the server's cause, which it found so long ago, with the client's account.
    #[must_use]
    pub fn of(server: Cause, found_ago: Duration, client: &Previous) -> Self {
        let Some(theirs) = view_of_client(client) else {
            return Self::Unknown;
        };
        let client_ago = Duration::from_millis(client.ended_ms.into());
        match (view(server), theirs) {
            (View::Reset | View::Closed, View::Reset | View::Closed) => Self::Between,
            (View::Own | View::Silence | View::Nothing, View::Goodbye) => match client.goodbye {
                0 => Self::ServerEnded,
                code if code == server.code() => Self::ServerEnded,
                _ => Self::Differ,
            },
            (_, View::Goodbye) | (View::Own, View::Own) => Self::Differ,
            (View::Own, _) => Self::ServerEnded,
            (View::Silence, View::Silence) => Self::BothSilent,
            // A server that gives up resets what its client still sends.
            (View::Silence, View::Reset | View::Closed) => {
                if client_ago > found_ago.saturating_add(UNSURE) {
                    Self::OnlyClient
                } else {
                    Self::ServerEnded
                }
            }
            // A client that gives up resets its connection.
            (View::Reset | View::Closed, View::Silence) => {
                if found_ago > client_ago + UNSURE {
                    Self::OnlyServer
                } else {
                    Self::ClientEnded
                }
            }
            (View::Nothing, View::Reset | View::Closed) => Self::OnlyClient,
            (_, View::Own | View::Silence) | (View::Goodbye, _) => Self::ClientEnded,
            (_, View::Nothing) => Self::Unknown,
        }
    }

    /// Returns the stable label, in snake case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Between => "between",
            Self::OnlyClient => "only_client",
            Self::OnlyServer => "only_server",
            Self::ClientEnded => "client_ended",
            Self::ServerEnded => "server_ended",
            Self::BothSilent => "both_silent",
            Self::Differ => "differ",
            Self::Unknown => "unknown",
        }
    }

    /// Returns one clause that says who ended the connection.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Between => "neither end did that, so something between them did",
            Self::OnlyClient => {
                "the server did not send that, so something between them did, or the client's own machine"
            }
            Self::OnlyServer => {
                "the client did not send that, so something between them did, or the client's own machine"
            }
            Self::ClientEnded => "the client ended the connection",
            Self::ServerEnded => "the server ended the connection",
            Self::BothSilent => {
                "neither end heard the other one, so the path between them was dead"
            }
            Self::Differ => "the two accounts contradict each other",
            Self::Unknown => "the client names no cause that this server knows",
        }
    }

    /// Returns both accounts and the comparison in words.
    #[must_use]
    pub fn in_words(self, server: Cause, client: &Previous) -> String {
        let client_saw = match view_of_client(client) {
            Some(view) => view.words().into(),
            None if client.cause == 0 => Cow::Borrowed("no end that it can name"),
            None => format!("a cause with the unknown code {}", client.cause).into(),
        };
        let server_saw = view(server).words();
        let clause = self.clause();
        format!("the server saw {server_saw}, the client saw {client_saw}: {clause}")
    }
}

impl View {
    const fn words(self) -> &'static str {
        match self {
            Self::Reset => "a reset",
            Self::Closed => "a close without a goodbye",
            Self::Goodbye => "a goodbye",
            Self::Silence => "only silence",
            Self::Own => "a reason of its own to end the connection",
            Self::Nothing => "no end",
        }
    }
}

fn view_of_client(client: &Previous) -> Option<View> {
    if client.goodbye != 0 {
        return Some(View::Goodbye);
    }
    if client.paused {
        return Some(View::Own);
    }
    Cause::from_code(client.cause).map(view)
}

fn view(cause: Cause) -> View {
    match cause {
        Cause::PeerReset | Cause::PeerResetMidFrame | Cause::ResetAfterOutage => View::Reset,
        Cause::PeerFin
        | Cause::PeerFinMidFrame
        | Cause::PeerClosedWhileSending
        | Cause::TlsTruncated
        | Cause::PeerProbe => View::Closed,
        Cause::PeerGoodbye => View::Goodbye,
        Cause::PathDead
        | Cause::PathDeadOutbound
        | Cause::LocalNetworkDown
        | Cause::PeerSilent
        | Cause::PeerFrozen
        | Cause::PeerNotReading => View::Silence,
        Cause::SupersededByResume => View::Nothing,
        Cause::SendQueueFull
        | Cause::SendQueueStale
        | Cause::Idle
        | Cause::GameStalled
        | Cause::HelloTimeout
        | Cause::FrameTimeout
        | Cause::FrameTooLarge
        | Cause::FrameMalformed
        | Cause::ProtocolViolation
        | Cause::WrongProtocol
        | Cause::VersionUnsupported
        | Cause::RateLimited
        | Cause::PingFlood
        | Cause::TlsFailed
        | Cause::TlsTimeout
        | Cause::ProxyHeaderInvalid
        | Cause::AuthRejected
        | Cause::AuthTimeout
        | Cause::AuthUnavailable
        | Cause::ResumeRefused
        | Cause::AlreadyLoggedIn
        | Cause::ServerFull
        | Cause::AddressLimit
        | Cause::Overloaded
        | Cause::RefusedDraining
        | Cause::AddressDenied
        | Cause::Kicked
        | Cause::ClosedByGame
        | Cause::ReplacedByLogin
        | Cause::MovedToNode
        | Cause::Drained
        | Cause::DrainExpired
        | Cause::SocketDestroyed
        | Cause::HandlerPanicked
        | Cause::SocketError
        | Cause::VerdictMissing => View::Own,
    }
}

/// The hello was on its way, and the clocks of the two ends differ: below this, neither end was first.
const UNSURE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const AGO: Duration = Duration::from_secs(10);

    fn told(cause: Cause) -> Previous {
        Previous {
            connection: 1,
            cause: cause.code(),
            ended_ms: 10_000,
            ..Previous::default()
        }
    }

    fn both(server: Cause, client: Cause) -> BothEnds {
        BothEnds::of(server, AGO, &told(client))
    }

    #[test]
    fn two_resets_name_a_middlebox() {
        let both = both(Cause::PeerReset, Cause::PeerResetMidFrame);
        assert_eq!(both, BothEnds::Between);
        assert_eq!(
            both.in_words(Cause::PeerReset, &told(Cause::PeerReset)),
            "the server saw a reset, the client saw a reset: neither end did that, so something between them did"
        );
    }

    #[test]
    fn each_pair_of_accounts_says_who_ended_the_connection() {
        let cases = [
            (Cause::PeerReset, Cause::ClosedByGame, "client_ended"),
            (Cause::PeerFin, Cause::PeerFin, "between"),
            (Cause::PeerFin, Cause::ResetAfterOutage, "between"),
            (Cause::SupersededByResume, Cause::PeerReset, "only_client"),
            (Cause::SupersededByResume, Cause::PeerSilent, "client_ended"),
            (
                Cause::SupersededByResume,
                Cause::ClosedByGame,
                "client_ended",
            ),
            (Cause::PeerSilent, Cause::PathDead, "both_silent"),
            (Cause::PeerSilent, Cause::ClosedByGame, "client_ended"),
            (Cause::PeerSilent, Cause::PeerReset, "server_ended"),
            (Cause::PeerReset, Cause::PeerSilent, "client_ended"),
            (Cause::FrameTimeout, Cause::PeerSilent, "server_ended"),
            (Cause::FrameTimeout, Cause::PeerReset, "server_ended"),
            (Cause::FrameTimeout, Cause::FrameTimeout, "differ"),
            (Cause::PeerGoodbye, Cause::PeerSilent, "client_ended"),
            (Cause::PeerFin, Cause::PeerGoodbye, "differ"),
            (Cause::PeerFin, Cause::SupersededByResume, "unknown"),
        ];
        for (server, client, label) in cases {
            assert_eq!(both(server, client).label(), label, "{server} {client}");
        }
    }

    #[test]
    fn an_end_that_one_end_saw_long_before_the_other_was_not_caused_by_the_other() {
        let with = |server, found_s, client| {
            BothEnds::of(server, Duration::from_secs(found_s), &told(client))
        };
        let early_reset = with(Cause::PeerSilent, 5, Cause::PeerReset);
        assert_eq!(early_reset, BothEnds::OnlyClient);
        let early_at_server = with(Cause::PeerReset, 20, Cause::PeerSilent);
        assert_eq!(early_at_server, BothEnds::OnlyServer);
    }

    #[test]
    fn a_goodbye_that_the_client_read_is_compared_with_ours() {
        let read = |server, goodbye| {
            let client = Previous {
                goodbye,
                ..told(Cause::PeerGoodbye)
            };
            BothEnds::of(server, AGO, &client)
        };
        let silent = Cause::PeerSilent;
        assert_eq!(read(silent, silent.code()), BothEnds::ServerEnded);
        assert_eq!(read(silent, Cause::FrameTimeout.code()), BothEnds::Differ);
        assert_eq!(read(Cause::PeerReset, silent.code()), BothEnds::Differ);
        assert_eq!(read(silent, 0), BothEnds::ServerEnded);
    }

    #[test]
    fn any_codes_and_numbers_are_compared_and_shown() {
        for cause in (0..=100).chain([4_096, u16::MAX]) {
            for goodbye in [0, 1, 83, 4_096, u16::MAX] {
                for server in Cause::ALL {
                    let client = Previous {
                        connection: u32::MAX,
                        attempt: u32::MAX,
                        cause,
                        goodbye,
                        ended_ms: u32::MAX,
                        silence_ms: u32::MAX,
                        ..Previous::default()
                    };
                    let both = BothEnds::of(server, Duration::MAX, &client);
                    assert!(
                        both.in_words(server, &client)
                            .starts_with("the server saw ")
                    );
                    let is_known = goodbye != 0 || Cause::from_code(cause).is_some();
                    assert!(is_known || both == BothEnds::Unknown);
                }
            }
        }
        let unknown = Previous {
            cause: 999,
            ..Previous::default()
        };
        assert_eq!(
            BothEnds::Unknown.in_words(Cause::PeerFin, &unknown),
            "the server saw a close without a goodbye, the client saw a cause with the unknown code 999: the client names \
             no cause that this server knows"
        );
    }

    #[test]
    fn each_label_stands_once() {
        for (n, both) in BothEnds::ALL.iter().enumerate() {
            let later = &BothEnds::ALL[n + 1..];
            assert!(later.iter().all(|other| other.label() != both.label()));
        }
    }
}
