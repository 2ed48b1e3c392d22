//! The table of the causes: all properties of each, in one place. `docs/causes.md` is checked against it.

use super::facets::{Class, Initiator, Resumable};
use crate::Phase;

/// One row of the table.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) class: Class,
    pub(super) initiator: Initiator,
    pub(super) resumable: Resumable,
    pub(super) advice: AdviceRule,
    pub(super) phases: &'static [Phase],
    pub(super) sentence: &'static str,
}

/// The advice of our goodbye.
#[derive(Clone, Copy)]
pub(super) enum AdviceRule {
    /// No goodbye is sent, or it advises nothing.
    Nothing,
    /// [`Advice::MayReconnect`](super::Advice::MayReconnect).
    MayReconnect,
    /// [`Advice::AfterDelay`](super::Advice::AfterDelay).
    AfterDelay,
    /// [`Advice::Elsewhere`](super::Advice::Elsewhere).
    Elsewhere,
    /// [`Advice::DoNot`](super::Advice::DoNot).
    DoNot,
    /// The game chooses the advice.
    ByGame,
}

const ADMISSION: &[Phase] = &[Phase::Admission];
const PROXY: &[Phase] = &[Phase::Proxy];
const TLS: &[Phase] = &[Phase::Tls];
const HELLO: &[Phase] = &[Phase::Hello];
const AUTH: &[Phase] = &[Phase::Auth];
const LIVE: &[Phase] = &[Phase::Live];
/// A client may be refused for its address before and after the PROXY header names the address.
const ADDRESS_KNOWN: &[Phase] = &[Phase::Admission, Phase::Proxy];
/// Before the first byte. In the proxy phase a missing header is a cause of its own.
const BEFORE_A_BYTE: &[Phase] = &[Phase::Admission, Phase::Tls, Phase::Hello];
/// Memory may run out when a connection arrives, is named by its proxy, grows or joins.
const SHEDDING: &[Phase] = &[Phase::Admission, Phase::Proxy, Phase::Hello, Phase::Auth];
const NOT_YET_LIVE: &[Phase] = &[
    Phase::Admission,
    Phase::Proxy,
    Phase::Tls,
    Phase::Hello,
    Phase::Auth,
];
const GREETED: &[Phase] = &[Phase::Auth, Phase::Live];
const FRAMED: &[Phase] = &[Phase::Hello, Phase::Auth, Phase::Live];
const SPOKEN: &[Phase] = &[Phase::Tls, Phase::Hello, Phase::Auth, Phase::Live];
const ADMITTED: &[Phase] = &[
    Phase::Proxy,
    Phase::Tls,
    Phase::Hello,
    Phase::Auth,
    Phase::Live,
];
const ANY: &[Phase] = &Phase::ALL;

/// Makes the enum and its lookups from the rows, so that a cause cannot be added without its metadata. A duplicate
/// label or code is an unreachable pattern in `from_label` or `from_code`.
macro_rules! causes {
    ($($variant:ident = $code:literal, $label:literal:
        $class:ident, $initiator:ident, $resumable:ident, $advice:ident, $phases:ident,
        $sentence:literal;)+) => {
        /// The cause of a connection's end: exactly one for each connection, fixed once.
        ///
        /// The discriminant is the code that a goodbye carries. Labels and codes are stable: they are never reused or
        /// renamed. There is no *other* and no *unknown*.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Cause {
            $(#[doc = concat!($sentence, "\n\nLabel: `", $label, "`.")] $variant = $code,)+
        }

        impl Cause {
            /// Every cause, in the order of the codes.
            pub const ALL: [Self; 52] = [$(Self::$variant,)+];

            /// Returns the cause of a code that a goodbye of the layer carried; `None` for a game's code and for a code
            /// of a later version.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Returns the cause of a label.
            #[must_use]
            pub fn from_label(label: &str) -> Option<Self> {
                match label {
                    $($label => Some(Self::$variant),)+
                    _ => None,
                }
            }

            pub(super) const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        label: $label,
                        class: Class::$class,
                        initiator: Initiator::$initiator,
                        resumable: Resumable::$resumable,
                        advice: AdviceRule::$advice,
                        phases: $phases,
                        sentence: $sentence,
                    },)+
                }
            }
        }
    };
}

causes! {
    PeerGoodbye = 1, "peer_goodbye": Normal, Peer, IfPaused, Nothing, GREETED,
        "The peer said goodbye; later events of its socket are only noted in the trail.";
    PeerFin = 2, "peer_fin": Abrupt, Peer, Yes, Nothing, SPOKEN,
        "The peer closed between two frames without a goodbye: a plain close, an exit, or a kill after it had read everything.";
    PeerFinMidFrame = 3, "peer_fin_mid_frame": Abrupt, Peer, Yes, Nothing, FRAMED,
        "The peer closed in the middle of a frame.";
    PeerClosedWhileSending = 4, "peer_closed_while_sending": Abrupt, Peer, Yes, Nothing, LIVE,
        "The peer closed while we were still sending, and our data was refused; the lost frames and bytes are counted.";
    PeerReset = 5, "peer_reset": Abrupt, Peer, Yes, Nothing, SPOKEN,
        "The connection was reset between two frames, after everything readable had been delivered.";
    PeerResetMidFrame = 6, "peer_reset_mid_frame": Abrupt, Peer, Yes, Nothing, FRAMED,
        "The connection was reset in the middle of a frame.";
    TlsTruncated = 7, "tls_truncated": Abrupt, Peer, Yes, Nothing, FRAMED,
        "The peer closed the TCP connection without closing TLS first.";
    PeerProbe = 8, "peer_probe": Normal, Peer, NoSession, Nothing, BEFORE_A_BYTE,
        "The peer left before its first byte: a health check or a port scan, never a session.";
    ResetAfterOutage = 20, "reset_after_outage": Network, Network, Yes, Nothing, SPOKEN,
        "The connection was reset while our data or probes had gone unanswered: the peer gave up first, its host restarted, or a middlebox forgot the flow.";
    PathDead = 21, "path_dead": Network, Network, Yes, Nothing, SPOKEN,
        "Nothing was acknowledged and nothing was heard: a pulled cable, a dead host, a black hole.";
    PathDeadOutbound = 22, "path_dead_outbound": Network, Network, Yes, Nothing, LIVE,
        "The peer's bytes still arrived, but ours were never acknowledged.";
    LocalNetworkDown = 23, "local_network_down": Network, Local, Yes, Nothing, SPOKEN,
        "Nothing left this host: its own interface, route or filter is at fault.";
    PeerSilent = 24, "peer_silent": Network, Network, Yes, MayReconnect, LIVE,
        "Nothing was heard until the dead limit, and no kernel evidence tells a dead path from a frozen peer.";
    PeerFrozen = 30, "peer_frozen": Stuck, Peer, Yes, MayReconnect, LIVE,
        "The peer's kernel acknowledged, but its process said nothing: suspended, stopped, or in a dead loop.";
    PeerNotReading = 31, "peer_not_reading": Stuck, Peer, Yes, MayReconnect, LIVE,
        "The peer still spoke, but stopped reading: its window stayed shut and our data made no progress.";
    SendQueueFull = 32, "send_queue_full": Stuck, Peer, No, AfterDelay, LIVE,
        "The peer read too slowly, and the data waiting for it passed the outbound cap.";
    SendQueueStale = 33, "send_queue_stale": Stuck, Peer, No, AfterDelay, LIVE,
        "The peer read too slowly, and the oldest frame waiting for it passed its age limit.";
    Idle = 34, "idle": Stuck, Peer, No, MayReconnect, LIVE,
        "Heartbeats continued, but the peer sent no frame of the game within the idle limit.";
    GameStalled = 35, "game_stalled": Defect, Local, Yes, MayReconnect, LIVE,
        "The game took none of the peer's frames within the inbound stall limit.";
    HelloTimeout = 40, "hello_timeout": Abuse, Peer, NoSession, MayReconnect, HELLO,
        "No complete hello came by the deadline.";
    FrameTimeout = 41, "frame_timeout": Abuse, Peer, Yes, MayReconnect, LIVE,
        "A frame was begun, and it was neither finished nor a KiB longer by its deadline.";
    FrameTooLarge = 42, "frame_too_large": Abuse, Peer, No, DoNot, FRAMED,
        "A frame announced a length over the limit; nothing was allocated for it.";
    FrameMalformed = 43, "frame_malformed": Abuse, Peer, No, DoNot, FRAMED,
        "A control frame could not be decoded.";
    ProtocolViolation = 44, "protocol_violation": Abuse, Peer, No, DoNot, FRAMED,
        "A well-formed frame broke a rule of the protocol.";
    WrongProtocol = 45, "wrong_protocol": Abuse, Peer, NoSession, Nothing, HELLO,
        "The first bytes were not of this protocol: HTTP, TLS on a plain port, noise.";
    VersionUnsupported = 46, "version_unsupported": Abuse, Peer, NoSession, DoNot, HELLO,
        "The two ends have no protocol version in common.";
    RateLimited = 47, "rate_limited": Abuse, Peer, No, AfterDelay, LIVE,
        "The peer went on sending more than its rate: for the whole timeout its bytes had to wait.";
    PingFlood = 48, "ping_flood": Abuse, Peer, No, AfterDelay, LIVE,
        "The peer sent more pings, pongs and acks than the heartbeat can explain.";
    TlsFailed = 49, "tls_failed": Abuse, Peer, NoSession, Nothing, SPOKEN,
        "The TLS handshake failed, or a later TLS record was invalid.";
    TlsTimeout = 50, "tls_timeout": Abuse, Peer, NoSession, Nothing, TLS,
        "The TLS handshake was not complete by the deadline.";
    ProxyHeaderInvalid = 51, "proxy_header_invalid": Abuse, Peer, NoSession, Nothing, PROXY,
        "The PROXY header was missing, cut short, malformed, late, or came from an address that is not listed.";
    AuthRejected = 60, "auth_rejected": Normal, Peer, NoSession, ByGame, AUTH,
        "The authenticator refused the credentials.";
    AuthTimeout = 61, "auth_timeout": Capacity, Local, NoSession, AfterDelay, AUTH,
        "The authenticator did not answer by the deadline.";
    AuthUnavailable = 62, "auth_unavailable": Capacity, Local, NoSession, AfterDelay, AUTH,
        "The authenticator, or the directory of sessions, was down.";
    ResumeRefused = 63, "resume_refused": Normal, Peer, NoSession, MayReconnect, AUTH,
        "The session could not be resumed: a wrong or stale token, no such session here, or too many frames were \
            missed.";
    AlreadyLoggedIn = 64, "already_logged_in": Normal, Peer, NoSession, DoNot, AUTH,
        "The player already has a session, and a second login is refused.";
    ServerFull = 65, "server_full": Capacity, Local, NoSession, AfterDelay, ADMISSION,
        "The limit of connections in total was reached.";
    AddressLimit = 66, "address_limit": Abuse, Peer, NoSession, AfterDelay, ADDRESS_KNOWN,
        "One address had too many connections, or opened them too fast.";
    Overloaded = 67, "overloaded": Capacity, Local, NoSession, AfterDelay, SHEDDING,
        "The server had too much to do for another connection: handshakes, memory, delay or file descriptors.";
    RefusedDraining = 68, "refused_draining": Operator, Local, NoSession, Elsewhere, NOT_YET_LIVE,
        "The server was draining before the connection was live.";
    AddressDenied = 69, "address_denied": Abuse, Local, NoSession, DoNot, ADDRESS_KNOWN,
        "The server lets no connection in from this address.";
    Kicked = 80, "kicked": Operator, Local, No, ByGame, LIVE,
        "The game kicked the player.";
    ClosedByGame = 81, "closed_by_game": Normal, Local, No, ByGame, LIVE,
        "The game closed the session, or dropped it.";
    ReplacedByLogin = 82, "replaced_by_login": Normal, Peer, No, DoNot, LIVE,
        "The same player logged in again, here or on another node.";
    SupersededByResume = 83, "superseded_by_resume": Normal, Peer, NoSession, DoNot, LIVE,
        "The session continued on a newer connection.";
    MovedToNode = 84, "moved_to_node": Operator, Local, Yes, Elsewhere, LIVE,
        "The session was handed over to another node.";
    Drained = 85, "drained": Operator, Local, No, Elsewhere, LIVE,
        "The server was draining: the peer left after our notice, or was closed when its turn came.";
    DrainExpired = 86, "drain_expired": Operator, Local, No, Elsewhere, LIVE,
        "The session was still there at the drain deadline, or the drain was cut short.";
    SocketDestroyed = 87, "socket_destroyed": Operator, Local, Yes, Nothing, ADMITTED,
        "An operator of this host destroyed the socket (ss -K).";
    HandlerPanicked = 90, "handler_panicked": Defect, Local, No, MayReconnect, FRAMED,
        "The game's code panicked in this session.";
    SocketError = 91, "socket_error": Defect, Local, Yes, Nothing, ADMITTED,
        "A socket call failed with an error that the classifier does not know; raise an alert.";
    VerdictMissing = 92, "verdict_missing": Defect, Local, No, Nothing, ANY,
        "The connection's task ended without a verdict: a fault of this library or of the program that embeds it; \
            raise an alert.";
}
