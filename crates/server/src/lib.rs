//! The lastword server: listening, admission, sessions, handles, drain, disconnect counters.

mod accept;
mod app;
mod builder;
mod config;
mod context;
mod core;
mod data;
mod doors;
mod drain;
mod events;
mod extension;
mod flag;
mod group;
mod guard;
mod handle;
mod handler;
mod id;
mod kernel;
mod kick;
mod ledger;
mod log;
mod metrics;
mod names;
mod observer;
mod player;
mod portrait;
mod publisher;
mod record;
mod runtime;
mod seat;
mod seats;
mod server;
mod session;
mod sessions;
mod shape;
mod traffic;

pub use builder::{BindError, Builder};
pub use config::*;
pub use context::Context;
pub use events::{Drain, Event, Events};
pub use extension::{Extension, Started, Starting};
pub use group::Group;
pub use handle::{NoSuchSession, ServerHandle, Stats};
pub use handler::Handler;
pub use id::GameCode;
pub use kernel::KernelAbilities;
pub use kick::Kick;
pub use lastword_keepalive::{Profile, ProfileName};
pub use lastword_session::wire::Goodbye;
pub use lastword_session::{
    Advice, Cause, Class, ClockOffset, DepartureCause, Diagnosis, Dialect, Framing, Initiator,
    LengthPrefixed, Link, Meaning, Measure, NoSessionId, OsError, Phase, RoundTrip, SendError,
    SessionId, Time,
};
pub use metrics::{Metric, MetricKind, MetricLabel, MetricUnit};
pub use observer::Observer;
pub use player::{Anonymous, Authenticator, CredentialSource, Credentials, Player, Refusal};
pub use portrait::Portrait;
pub use record::{Departure, Disconnect, Record, Step};
pub use runtime::Standalone;
pub use server::Server;
pub use session::{Session, SessionEvent};
pub use sessions::SessionInfo;
