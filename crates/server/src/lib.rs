//! The lastword server: listening, admission, sessions, handles, drain, disconnect counters.
//!
//! Each module uses only those above it:
//!
//! | module | has |
//! |---|---|
//! | `guard` | protection against panics of the game's code |
//! | `tls` | the certificates of listeners with TLS |
//! | `config` | what an operator sets, its rules, and what follows from it on this kernel |
//! | `player` | players, authenticators, kicks, and the identity that a session keeps |
//! | `books` | the counts, and everything that is made from them: metrics, log lines, records, lists |
//! | `shape` | the game's side of a session: [`Handler`], [`Session`], or [`Event`]s in one queue |
//! | `core` | the state that all connections of a server share; groups; drain |
//! | `handle` | [`ServerHandle`]: access from any thread |
//! | `listen` | accept, and one connection from its admission to the report of its end |
//! | `bind` | [`Builder`], its extensions, and what each way to bind returns |

mod bind;
mod books;
mod config;
mod core;
mod guard;
mod handle;
mod listen;
mod player;
mod shape;
mod tls;

pub use bind::{
    BindError, Builder, Drain, Events, Extension, Server, Standalone, Started, Starting,
};
pub use books::{
    Account, Departure, Disconnect, Metric, MetricKind, MetricLabel, MetricUnit, PeerTold, Record,
    SessionStatus, Stats, Step, Told,
};
pub use config::{
    AdminConfig, AdmissionConfig, Allowed, Bound, Config, ConfigError, ConfigWarning, DrainConfig,
    GiveUp, KernelAbilities, KernelConfig, Key, LimitsConfig, ListenConfig, LivenessConfig,
    MetricsConfig, Network, NoNetwork, NoToken, ProfileConfig, RatesConfig, Reach, Reload, RtoMax,
    SecondLogin, Section, SessionsConfig, TimeoutsConfig, Token, TokenFileError, UnreachableReason,
    Wire,
};
pub use core::{Group, NoSuchSession, Observer, ReloadError};
pub use handle::{ServerHandle, SessionInfo};
pub use lastword_keepalive::{KernelKnobs, Profile, ProfileError, ProfileName};
pub use lastword_session::wire::{Goodbye, Malformed, Previous};
pub use lastword_session::{
    Address, Advice, Back, BothEnds, Call, Cause, Class, ClockOffset, Close, DepartureCause,
    Detector, Diagnosis, Dialect, Ending, Evidence, FirstError, Framing, GameCode, GoodbyeProgress,
    Initiator, InvalidAddress, KernelSample, Layer, LengthPrefixed, Link, Meaning, Measure,
    Message, NoSessionId, OsError, PeerGoodbye, Phase, Policy, Resumable, RoundTrip, SendError,
    SessionId, Time, TrailEvent, Verdict,
};
pub use lastword_sys::{TcpInfo, TcpInfoFields};
pub use lastword_transport::canonical;
pub use listen::Reserve;
pub use player::{
    Anonymous, Authenticator, CredentialSource, Credentials, Kick, Player, Refusal, RemoteSource,
    Returning,
};
pub use shape::{Context, Event, Handler, Session, SessionEvent};
pub use tls::CertificateFiles;
#[cfg(feature = "tls")]
pub use tls::{CertificateError, Certificates};
