//! The lastword client: connect, hello, send, receive, goodbye.
//!
//! ```no_run
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = lastword_client::Client::connect("eu.example.net:7000", "alice").await?;
//! client.send("hello")?;
//! while let Some(frame) = client.recv().await {
//!     println!("{} bytes", frame.len());
//! }
//! let ended = client.ended().await;
//! println!("{ended}"); // why, and what the server said last
//! # Ok(())
//! # }
//! ```
//!
//! [`Client`] is one connection. [`ReconnectingClient`] makes further attempts where one fails. Its session survives a lost
//! connection, where the server keeps it: no frame is lost, and none comes twice. A game without tokio can have one, too. [`DialError`] says why there is no connection, and [`Ended`] why one ended.

mod app;
mod client;
mod connector;
mod dial;
mod ended;
mod error;
mod event;
mod race;
mod reconnecting;
mod retries;
mod server_addr;
#[cfg(feature = "tls")]
mod tls;
mod wake;
mod way;
mod winners;

pub use client::Client;
pub use connector::Connector;
pub use ended::Ended;
pub use error::{Attempt, AttemptError, DialError};
pub use event::{Event, Notice, PeerGoodbye};
pub use lastword_keepalive::Profile;
pub use lastword_session::{
    Advice, Cause, ClockOffset, Diagnosis, Dialect, Evidence, FirstError, Framing, GoodbyeProgress,
    ImportError, LengthPrefixed, Link, Meaning, Measure, NoSessionId, OsError, Phase, RoundTrip,
    SendError, SessionId, Time, TrailEvent,
};
pub use reconnecting::{
    ClientDrain, NoCredentials, ReconnectEvent, Reconnecting, ReconnectingClient, Sender,
    SessionEnd, Standalone,
};
pub use server_addr::{InvalidServerAddr, ServerAddr};
#[cfg(feature = "tls")]
pub use tls::{Trust, TrustError};
