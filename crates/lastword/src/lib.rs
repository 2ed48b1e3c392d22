//! The connection layer that a game server embeds. It knows **why** a connection ended: every end has exactly one
//! [`Cause`], an initiator and the evidence for both. It hears the **last word**: what the peer's kernel got across
//! before an end reaches the game before the game is told of it, and a kick's reason reaches the player. And it
//! notices **silence**: a pulled cable is told from a peer that merely says nothing, within a bound that follows from
//! the configuration.
//!
//! A game has one [`Handler`] per player, called in place, or takes a [`Session`] per player from [`Server::accept`].
//! The feature `admin` (default) adds `/metrics`, `/api/closes`, `/healthz` and `/readyz` by [`AdminExt`]; the other end
//! of the wire is in [`client`]. Every key of [`Config`] is explained in `config/lastword.toml`, every cause in `docs/causes.md`.
//!
//! ```no_run
//! use lastword::{AdminExt, Context, Departure, Handler, Player, Server};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
//!         // Full or closed: the end that follows says so.
//!         context.send(payload).ok();
//!     }
//!
//!     fn left(self, departure: &Departure) {
//!         println!("{}: {}", departure.session, departure.disconnect);
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().listen("0.0.0.0:7000").admin("127.0.0.1:9464");
//! let server = server.serve(|_: &Player| Echo).await?;
//! tokio::signal::ctrl_c().await?;
//! server.drain(server.drain_timeout()).await;
//! # Ok(())
//! # }
//! ```

pub use lastword_server::*;

#[cfg(feature = "admin")]
pub use lastword_admin::{Admin, AdminExt, RecorderMode};

#[doc(inline)]
pub use lastword_client as client;

/// The examples of `README.md`, compiled as they are pasted.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
