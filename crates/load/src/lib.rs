//! Plays connections that end in every way, and judges the server's records of these ends.
//!
//! A [`Scenario`] says how many clients come, how fast, and how often each [`Way`] to end is played. The call
//! [`Storm::run`] plays it against a server on any machine. Meanwhile it reads `/metrics` and `/api/closes` of the
//! server's admin port. Its [`Report`] shows each connection's truth next to its record, and whether both laws held at
//! every scrape. It also has every [`Finding`] that makes the verdict wrong.
//!
//! The parts serve other tests of ends, too:
//!
//! - [`Clients`] plays single clients, attackers too ([`Attack`]), and the caller reads their records.
//! - [`peer::Peer`] is an end in a process of its own, which can exit, be killed, and fill both kernels.
//!   [`process::Process`] starts any other program that takes orders.
//! - [`Raw`] joins a server on a raw socket, and [`Frames`] cuts its bytes into frames.
//! - [`Record`] is one end of `/api/closes`, [`Pairs`] finds the client that it belongs to, and [`Expected`] compares
//!   it with the truth.
//!
//! ```no_run
//! use lastword_load::{Scenario, Storm};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let scenario = Scenario::parse("connections = 1000\n[ways]\ngoodbye = 3\nreset = 1\n");
//! let storm = Storm {
//!     server: "127.0.0.1:7000".parse()?,
//!     admin: "127.0.0.1:9464".parse()?,
//!     token: None,
//!     scenario: scenario.map_err(|lines| lines.join("\n"))?,
//! };
//! let report = storm.run(std::future::pending(), |_| {}).await?;
//! assert!(report.is_right(), "{report}");
//! # Ok(())
//! # }
//! ```

mod attack;
mod audit;
mod client_addrs;
mod client_rng;
mod clients;
mod closes;
mod command;
mod ending;
mod error;
mod frames;
mod http;
mod judge;
mod last_frames;
mod pace;
mod pairs;
pub mod peer;
mod probe;
pub mod process;
mod reach;
mod report;
mod scenario;
mod scrape;
mod socket;
mod storm;
mod token;
mod way;

pub use attack::Attack;
pub use clients::{Clients, Played};
pub use closes::{Page, Record};
pub use command::{Action, ObeyingGame};
pub use ending::{Ending, Expected};
pub use error::{AdminError, Fault, NotAServer, NotAnEcho, StormError};
pub use frames::{Frame, Frames, frame};
pub use judge::{Finding, Findings, Kind};
pub use lastword_client::ServerAddr;
pub use pairs::Pairs;
pub use report::{Cell, Report};
pub use scenario::{CONNECTIONS, Scenario};
pub use scrape::Scrape;
pub use socket::Raw;
pub use storm::{Progress, Storm};
pub use token::{AdminToken, InvalidToken};
pub use way::Way;
