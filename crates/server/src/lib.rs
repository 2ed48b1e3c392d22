//! The lastword server: listening, admission, sessions, handles, drain, disconnect counters.

mod bind;
mod books;
mod config;
mod core;
mod handle;
mod listen;
mod player;
mod shape;

pub use bind::{
    BindError, Builder, Drain, Events, Extension, Server, Standalone, Started, Starting,
};
pub use books::{
    Departure, Disconnect, Metric, MetricKind, MetricLabel, MetricUnit, Portrait, Record, Step,
};
pub use config::*;
pub use core::group::Group;
pub use core::observer::Observer;
pub use handle::{NoSuchSession, ServerHandle, SessionInfo, Stats};
pub use lastword_keepalive::{Profile, ProfileName};
pub use lastword_session::wire::Goodbye;
pub use lastword_session::{
    Advice, Cause, Class, ClockOffset, DepartureCause, Diagnosis, Dialect, Framing, Initiator,
    LengthPrefixed, Link, Meaning, Measure, NoSessionId, OsError, Phase, SendError, SessionId,
    Time,
};
pub use player::{
    Anonymous, Authenticator, CredentialSource, Credentials, GameCode, Kick, Player, Refusal,
};
pub use shape::{Context, Event, Handler, Session, SessionEvent};
