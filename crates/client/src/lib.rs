//! The lastword client: connect, hello, send, receive, goodbye.
//!
//! ```no_run
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = lastword_client::Client::connect("127.0.0.1:7000".parse()?, "alice").await?;
//! client.send("hello")?;
//! while let Some(frame) = client.recv().await {
//!     println!("{} bytes", frame.len());
//! }
//! let ended = client.ended().await;
//! println!("{ended}"); // why, and what the server said last
//! # Ok(())
//! # }
//! ```

mod app;
mod client;
mod connector;
mod dial;
mod ended;
mod error;
mod event;

pub use client::Client;
pub use connector::Connector;
pub use ended::Ended;
pub use error::DialError;
pub use event::{Event, Notice, Parting};
pub use lastword_keepalive::Profile;
pub use lastword_session::{
    Advice, Cause, ClockOffset, Diagnosis, Dialect, Evidence, Farewell, FirstError, Framing,
    LengthPrefixed, Link, Meaning, Measure, OsError, Phase, SendError, Time, TrailEvent,
};
