//! The connection layer that a game server embeds. It knows **why** a connection ended: every end has exactly one
//! [`Cause`], an initiator and the evidence for both. It hears the **last word**: what the peer's kernel got across
//! before an end reaches the game before the game is told of it, and a kick's reason reaches the player. And it
//! notices **silence**: a pulled cable is told from a peer that merely says nothing, within a bound that follows from
//! the configuration.
//!
//! # Three shapes
//!
//! All three stand on the same core; what a game has already decides.
//!
//! | the game | shape | made by | example |
//! |---|---|---|---|
//! | has code that reacts to one message at a time | a [`Handler`] per player, called in place: the fastest | [`Builder::serve`] | `handler` |
//! | has a task per player | a [`Session`] per player | [`Builder::bind`], [`Server::accept`] | `echo` |
//! | has a loop with a fixed step, on whatever thread | one queue of [`Events`] | [`Builder::bind_events`] | `tick_loop` |
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
//!
//! An engine without tokio has the layer bring its own threads, and drains the events of a tick on its own:
//!
//! ```no_run
//! use lastword::{Event, Server};
//!
//! # fn tick() {}
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().listen("0.0.0.0:7000").own_runtime(2);
//! let (mut events, players) = server.bind_events_blocking()?;
//! while !events.is_over() {
//!     for event in events.drain() {
//!         match event {
//!             Event::Frame { session, payload } => drop(players.send(session, payload)),
//!             Event::Left(departure) => println!("{}", departure.disconnect),
//!             _ => {}
//!         }
//!     }
//!     tick();
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In every shape a session has exactly one joined and one left, its frames in between, in order. The connection is
//! driven by a task of the layer's: heartbeats do not depend on the game. A game that falls behind pauses the reading of
//! its sessions, which is no silence of theirs; queues are bounded, and what has no room waits in the player's kernel.
//!
//! # Sending
//!
//! Nothing that sends ever blocks: [`ServerHandle`], [`Session`] and [`Group`] can be used from any thread. A frame
//! that would pass the session's outbound cap is refused, and the session ends as `send_queue_full`: a player who does
//! not read must not cost the others memory. Whoever has much to say awaits [`Session::ready`]. [`Group`] is a room: a
//! broadcast is encoded once, and a player who left is in no room any more. [`Builder::group`] makes one before the first
//! player comes, so that handlers own it from the start.
//!
//! # Ending
//!
//! [`ServerHandle::kick`] drops what is queued, says why, and lingers until the player has read it: `kicked`.
//! [`ServerHandle::close`] says goodbye behind what is queued: `closed_by_game`. [`ServerHandle::drain`] tells everybody,
//! spreads the goodbyes, and cuts off who is left at its deadline. A [`Kick`] may carry a [`GameCode`], words and
//! [`Advice`]. A game that panics loses its own session only, as `handler_panicked`.
//!
//! What a session ended with comes out at four places, and they say the same: the [`Departure`] of its game, the
//! [`Observer`] of the server, one log line, and `/api/closes`. Every cause is explained in `docs/causes.md`.
//!
//! # Logging
//!
//! The log goes to the program's subscriber of the `tracing` crate: one line per close, and warnings and errors. **A
//! program without a subscriber logs nothing.** Two lines give it one. In `Cargo.toml`:
//!
//! ```toml
//! tracing-subscriber = "0.3"
//! ```
//!
//! And at the start of `main`, before the server is bound:
//!
//! ```
//! tracing_subscriber::fmt().init();
//! ```
//!
//! It writes to standard output, from the level `INFO` on. Closes have the target `lastword::close`; a peer that never
//! spoke is logged at `DEBUG`.
//!
//! # Who may come in, and how a player is judged
//!
//! An [`Authenticator`] (an async function will do) turns credentials into a [`Player`] or a [`Refusal`], bounded in
//! number and time. A player may have a liveness profile and a cohort of its own: a profile says how soon silence is
//! suspected ([`Link::Suspect`]) and given up, a cohort is the one label that a game may add to the counters. A name that
//! the configuration does not have is logged once and counted; the tests of a game refuse it with
//! [`Builder::strict_names`].
//!
//! [`Player::with_data`] keeps the game's own value with its session, so that the game needs no map of its own:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use lastword::{Context, Credentials, Handler, Player, Refusal, Server};
//!
//! struct Account {
//!     gold: u32,
//! }
//!
//! async fn log_in(credentials: Credentials) -> Result<Player, Refusal> {
//!     let name = String::from_utf8_lossy(&credentials.bytes).into_owned();
//!     Ok(Player::new(name).with_data(Arc::new(Account { gold: 7 })))
//! }
//!
//! struct Game;
//!
//! impl Handler for Game {
//!     fn frame(&mut self, context: &mut Context<'_, '_>, _payload: &[u8]) {
//!         if let Some(account) = context.data::<Account>() {
//!             // Full or closed: the end that follows says so.
//!             context.send(&account.gold.to_be_bytes()).ok();
//!         }
//!     }
//! }
//!
//! # async fn example() -> Result<(), lastword::BindError> {
//! let server = Server::builder().authenticator(log_in).serve(|_: &Player| Game).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Session`], [`Departure`] and, by the session's id, [`ServerHandle`] return it, too. Without an authenticator
//! ([`Anonymous`]) every player comes in: with the credentials of the hello for a name, on a [`Dialect`] without one.
//!
//! # Configuration
//!
//! [`Config`] is plain data with `serde::Deserialize` and a default for every key, so it nests in the game's own file;
//! [`Config::validate`] names every broken rule by its key, and [`Config::reach`] tells whether a cause can occur with it
//! on this kernel, and how soon a silence is noticed. `config/lastword.toml` explains each key, and
//! `lastword check-config FILE` checks a file and prints what it reaches.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct GameConfig {
//!     motd: String,
//!     network: lastword::Config,
//! }
//!
//! let file = r#"
//!     motd = "welcome"
//!     [network.listen]
//!     addr = "0.0.0.0:7000"
//!     [network.liveness]
//!     profile = "competitive"
//! "#;
//! let game: GameConfig = toml::from_str(file)?;
//! assert_eq!(game.network.validate(), Ok(()));
//! # assert_eq!(game.motd, "welcome");
//! # Ok::<(), toml::de::Error>(())
//! ```
//!
//! `Server::builder().config(config).admin_from_config()` takes all of it, the admin port included ([`AdminExt`]). A server
//! whose configuration asks for an admin port, and which has none, does not start: [`BindError::NoAdminPort`].
//!
//! # The server's clock at its clients
//!
//! Heartbeats tell each end the round trip, its variance, and how far the other's monotonic clock is ahead of its own
//! ([`ClockOffset`], with a bound on its error). A server that stamps its states with [`ServerHandle::now`] lets every
//! client show them at one age, however unevenly they came: `Client::clock_offset` shows how. Both are known about a
//! heartbeat after the session joined, and learnt anew once in eight heartbeats at least, also where the game leaves no
//! interval without frames. What a client says of its clock is its word: a server decides nothing by it.
//!
//! # A game with a wire of its own
//!
//! [`Dialect`] maps an existing framing; what it maps decides which causes it gains:
//!
//! | mapped | gains |
//! |---|---|
//! | framing alone | every cause of the socket, of limits and of the game; kernel keepalive finds a dead path unless it is turned off |
//! | bytes that no frame begins with | `wrong_protocol`, `protocol_violation` |
//! | a broken layout | `frame_malformed` |
//! | the client's ping, sent whatever the game does | every silent cause within the dead limit, `ping_flood`, [`Link`] changes |
//! | the server's ping and the client's answer, where the client sends no pings | the same |
//! | the client's goodbye | `peer_goodbye`, where it was `peer_fin` or `peer_reset` |
//!
//! The first of the two pings is answered by [`Dialect::write_pong`], the second is sent by [`Dialect::write_ping`]; both
//! are declared by [`Dialect::has_heartbeats`]. The server pings a client that has been quiet for longer than a heartbeat, and the
//! answers count as signs of life: an idle client that answers is never suspect. Without the declaration a quiet client
//! is not a silent one, and a stopped process is not found.
//!
//! A client may send 16 pings and pongs at once, and one more for each second of the dead limit; 80 where there is none.
//! Then it may send 2 a second, or 2 in each heartbeat where that is below 1 s. More is `ping_flood`.
//!
//! The example `existing_protocol` has all of them.
//!
//! # Metrics
//!
//! The feature `admin` (default) adds [`AdminExt`]: a live page, `/metrics`, `/healthz`, `/readyz`, `/api/sessions` and
//! `/api/closes` on a port of their own, on loopback, or elsewhere with a token. Its recorder is private, so that two
//! servers in one process do not mix; the game's own series join it with
//! [`RecorderMode::Install`], and a studio with a recorder of its own has the layer emit into that
//! ([`RecorderMode::Emit`], [`Builder::recorder`], the example `own_recorder`). [`ServerHandle::stats`] has the counts
//! without any. Two laws hold in every snapshot: *opened = open + Σ disconnects*, *joined = open + suspended +
//! Σ departures*.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `admin` | yes | the admin port (axum, metrics-exporter-prometheus) |
//!
//! The other end of the wire is in [`client`].

pub use lastword_server::*;

#[cfg(feature = "admin")]
pub use lastword_admin::{Admin, AdminExt, RecorderMode};

#[doc(inline)]
pub use lastword_client as client;

/// The examples of `README.md`, compiled as they are pasted.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of `docs/embedding.md`, compiled as they are pasted.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../docs/embedding.md")]
struct Embedding;
