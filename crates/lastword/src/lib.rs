//! The connection layer that a game server embeds.
//!
//! - It knows **why** a connection ended: every end has exactly one [`Cause`], an initiator and the evidence for
//!   both.
//! - It hears the **last word**: the game receives every frame that arrived before an end, and only then the end. A
//!   kick's reason reaches the player.
//! - It notices **silence**: it distinguishes a pulled cable from a quiet peer, within a bound that follows from the
//!   configuration.
//!
//! # Three shapes
//!
//! All three have the same core. Choose the one that fits the code of the game.
//!
//! | the game | shape | made by | example |
//! |---|---|---|---|
//! | has code that reacts to one message at a time | a [`Handler`] per player, called directly on the connection's task: the fastest | [`Builder::serve`] | `handler` |
//! | has a task per player | a [`Session`] per player | [`Builder::bind`], [`Server::accept`] | `echo` |
//! | has a loop with a fixed step, on any thread | one queue of [`Events`] | [`Builder::bind_events`] | `tick_loop` |
//!
//! ```no_run
//! use lastword::{AdminExt, Context, Departure, Handler, Player, Server};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
//!         // An error means full or closed; the end that follows has the reason.
//!         context.send(payload).ok();
//!     }
//!
//!     fn left(self, departure: &Departure) {
//!         println!("{}: {departure}", departure.session);
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
//! An engine without tokio lets the layer run its own threads, and drains the events in each tick:
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
//!             Event::Left(departure) => println!("{departure}"),
//!             _ => {}
//!         }
//!     }
//!     tick();
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In every shape a session has exactly one *joined* and one *left*, and its frames come between these two, in
//! order. A task of the layer drives the connection, so heartbeats do not depend on the game. If a game falls
//! behind, the layer stops reading from its sessions. This pause does not count as silence of the players. Queues
//! are bounded: bytes that find no room wait in the player's kernel.
//!
//! # Sending
//!
//! No call that sends ever blocks: [`ServerHandle`], [`Session`] and [`Group`] can be used from any thread. The
//! queue of a player that does not read is bounded: a frame that would exceed twice the session's outbound limit is
//! refused. If the kernel then refuses a write, the session ends as `send_queue_full`. A burst of up to twice the
//! limit ends no session. A game that sends much data awaits [`Session::ready`].
//!
//! The game is told when a player reads more slowly than the game sends ([`Link::Congested`], [`Link::Flowing`]). At
//! the limits, a message with [`Policy::DropOldest`] is dropped, where other messages would end the session.
//! [`Session::send_latest`] and [`Group::broadcast_latest`] are for states with a key, such as positions: a newer
//! state replaces an older one that still waits. `docs/embedding.md` compares the policies.
//!
//! A room is a [`Group`]. It encodes a broadcast once, and players that left are removed from it. [`Builder::group`]
//! makes a room before the first player joins, so that a handler can own it from the start.
//!
//! # Ending
//!
//! A game ends its sessions with these calls:
//!
//! - [`ServerHandle::kick`] drops the queued frames, sends the reason, and lingers until the player has read it:
//!   `kicked`.
//! - [`ServerHandle::close`] says goodbye after the queued frames: `closed_by_game`.
//! - [`ServerHandle::drain`] sends every player a notice, spreads the goodbyes, and ends the remaining sessions at
//!   its deadline.
//!
//! A [`Kick`] carries a [`Message`]: a [`GameCode`], a text, [`Advice`], a delay, and the [`Address`] of another
//! server. A drain carries a message, too: from the configuration, or from [`ServerHandle::begin_drain_with`]. A panic
//! of the game's handler ends only its own session: `handler_panicked`.
//!
//! The game is told of an end ([`Departure`]) as soon as the cause is fixed and the game has taken every frame from
//! before the end. The connection may stay open for the linger timeout, so that the client can read our goodbye. It
//! takes no place on the server then. The connection's record comes last: to the [`Observer`] of the server, to one log
//! line, and to `/api/closes`. All of them name the same cause. Every cause is explained in `docs/causes.md`.
//!
//! # Logging
//!
//! The log goes to the program's subscriber of the `tracing` crate: one line per close, and warnings and errors. **A
//! program without a subscriber logs nothing.** Two steps add a subscriber. In `Cargo.toml`:
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
//! It writes to standard output, from the level `INFO` up. Closes have the target `lastword::close`. A peer that
//! never sent a byte is logged at `DEBUG`.
//!
//! # Authentication, profiles and cohorts
//!
//! An [`Authenticator`] (an async function is enough) turns credentials into a [`Player`] or a [`Refusal`]. Its
//! checks are limited in number and time. A player may have its own liveness profile and its own cohort. The
//! profile says how soon silence is suspected ([`Link::Suspect`]) and given up. The cohort is the one label that a
//! game may add to the counters. A profile or cohort that the configuration does not declare is logged once and
//! counted. With [`Builder::strict_names`], which is for the tests of a game, such a player is refused.
//!
//! With [`Player::with_data`] the layer keeps the game's own value with its session, so that the game needs no map:
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
//!             // An error means full or closed; the end that follows has the reason.
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
//! [`Session`] and [`Departure`] return this value, too. [`ServerHandle`] returns it for a session's id. Without an
//! authenticator ([`Anonymous`]) every player may join. The player's name is the text of the hello's credentials. On a
//! [`Dialect`](dialect::Dialect) the player has no name.
//!
//! # Configuration
//!
//! The [`Config`] is plain data with `serde::Deserialize` and a default for every key, so it fits into the game's own
//! file. [`Config::validate`] names every broken rule by its key. [`Config::reach`] tells whether a cause can occur
//! on this kernel, and how soon a silence is noticed. `config/lastword.toml` explains each key, and `lastword
//! check-config FILE` checks a file and prints the causes that it can produce.
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
//!     [[network.listen]]
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
//! `Server::builder().config(config).admin_from_config()` uses the whole configuration, including the admin port
//! ([`AdminExt`]). If a configuration asks for an admin port and the program has none, the server does not start:
//! [`BindError::NoAdminPort`].
//!
//! # The server's clock at its clients
//!
//! Heartbeats tell each end the round trip and its variance. They also tell how far the other end's monotonic clock is
//! ahead ([`ClockOffset`](clock::ClockOffset), with a bound on its error). A server stamps its states with
//! [`ServerHandle::now`]. Every client can then show the states at the same age, even if they arrive unevenly:
//! `Client::round_trip` shows how.
//!
//! Round trip and offset are known about a heartbeat after the session joined. They are measured again at least once
//! in eight heartbeats, even if the game sends frames in every interval. A server must not base decisions on the
//! clock that a client reports, because the client can lie.
//!
//! # A game with a wire of its own
//!
//! Implement [`Dialect`](dialect::Dialect) to map an existing framing. Each mapped part adds causes:
//!
//! | mapped | added causes |
//! |---|---|
//! | framing alone | every cause of the socket, of limits and of the game; kernel keepalive finds a dead path unless it is turned off |
//! | bytes that cannot begin a frame | `wrong_protocol`, `protocol_violation` |
//! | a broken layout | `frame_malformed` |
//! | the client's ping, sent even while the game is idle | every silent cause within the dead limit, `ping_flood`, [`Link`] changes |
//! | the server's ping and the client's answer, where the client sends no pings | the same |
//! | the client's goodbye | `peer_goodbye` instead of `peer_fin` or `peer_reset` |
//!
//! The layer answers the client's ping with [`Dialect::write_pong`](dialect::Dialect::write_pong), and sends the
//! server's ping with [`Dialect::write_ping`](dialect::Dialect::write_ping). Both ways need
//! [`Dialect::has_heartbeats`](dialect::Dialect::has_heartbeats). The server pings a client that has been quiet for
//! longer than a heartbeat. The answers count as signs of life, so an idle client that answers is never suspect.
//! Without this declaration a quiet client does not count as silent, and a stopped process is not found.
//!
//! A client may send 16 pings and pongs at once, and one more for each second of the dead limit; 80 if there is none.
//! After that it may send 2 a second, or 2 in each heartbeat if the heartbeat is below 1 s. More is `ping_flood`.
//!
//! The example `existing_protocol` maps all of these parts.
//!
//! # Metrics
//!
//! The feature `admin` (default) adds [`AdminExt`]: a live page, `/metrics`, `/healthz`, `/readyz`, `/api/sessions`
//! and `/api/closes`. They have a separate port, on loopback, or on another address with a token. The admin port's
//! recorder is private, so that two servers in one process do not mix their metrics.
//!
//! With [`RecorderMode::Install`](admin::RecorderMode::Install) the game's own series are in this recorder, too. With
//! [`RecorderMode::Emit`](admin::RecorderMode::Emit) or [`Builder::recorder`] the layer emits into the game's own
//! recorder (example `own_recorder`). Without any recorder, [`ServerHandle::stats`] has the counts.
//!
//! Two laws hold in every snapshot: *opened = open + Σ disconnects*, and
//! *joined = open + suspended + Σ departures*.
//!
//! # Modules
//!
//! The root has the names that each game needs. The modules have the rest:
//!
//! | module | has |
//! |---|---|
//! | `admin` | the admin port in detail; with the feature `admin` |
//! | [`client`] | the other end of the wire |
//! | [`clock`] | round trips, and the clocks of both ends |
//! | [`config`] | the sections of a configuration, its errors, and its consequences |
//! | [`dialect`] | a wire of the game's own |
//! | [`evidence`] | the facts behind a cause |
//! | [`extension`] | the interface of the parts that run next to a server |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `admin` | yes | the admin port (axum, metrics-exporter-prometheus) |
//! | `tls` | no | TLS on listeners and in the client (rustls with ring) |

pub use lastword_server::{
    Address, Advice, Anonymous, Authenticator, Back, BindError, Builder, Cause, Config, Context,
    CredentialSource, Credentials, Departure, DepartureCause, Disconnect, Drain, Event, Events,
    GameCode, Group, Handler, InvalidAddress, Kick, Link, Message, NoSessionId, NoSuchSession,
    Observer, Player, Policy, Refusal, RemoteSource, Returning, SendError, Server, ServerHandle,
    Session, SessionEvent, SessionId, SessionInfo, Standalone, Stats,
};

#[cfg(feature = "admin")]
pub use lastword_admin::AdminExt;

/// The admin port in detail: its addresses, its token and its recorder.
#[cfg(feature = "admin")]
pub mod admin {
    pub use lastword_admin::{Admin, RecorderMode};
}

/// TLS: the certificates of a server, and what a client trusts.
#[cfg(feature = "tls")]
pub mod tls {
    pub use lastword_client::{Trust, TrustError};
    pub use lastword_server::{CertificateError, Certificates};
}

/// The other end of the wire: connect, send, receive, and learn why it ended.
pub mod client {
    pub use lastword_client::{
        Attempt, AttemptError, Client, ClientDrain, Connector, DialError, Ended, Event,
        InvalidServerAddr, NoCredentials, Notice, PeerGoodbye, ReconnectEvent, Reconnecting,
        ReconnectingClient, Sender, ServerAddr, SessionEnd, Standalone,
    };
}

/// Round trips, and the clocks of both ends.
pub mod clock {
    pub use lastword_server::{ClockOffset, RoundTrip, Time};
}

/// The sections of a [`Config`], the errors of its checks, and its consequences on a kernel.
pub mod config {
    pub use lastword_server::{
        AdminConfig, AdmissionConfig, Bound, CertificateFiles, ConfigError, ConfigWarning,
        DrainConfig, GiveUp, KernelAbilities, KernelConfig, KernelKnobs, LimitsConfig,
        ListenConfig, LivenessConfig, MetricsConfig, Network, NoNetwork, NoToken, Profile,
        ProfileConfig, ProfileError, ProfileName, RatesConfig, Reach, Reload, ReloadError, RtoMax,
        SecondLogin, SessionsConfig, TcpInfo, TcpInfoFields, TimeoutsConfig, Token, TokenFileError,
        UnreachableReason, Wire,
    };
}

/// A wire of the game's own.
pub mod dialect {
    pub use lastword_server::{
        Dialect, Framing, Goodbye, LengthPrefixed, Malformed, Meaning, Measure,
    };
}

/// The facts behind a cause: how a connection ended, and what the kernel and our clocks showed.
pub mod evidence {
    pub use lastword_server::{
        Call, Class, Close, Detector, Diagnosis, Ending, Evidence, FirstError, GoodbyeProgress,
        Initiator, KernelSample, Layer, OsError, PeerGoodbye, Phase, Record, Resumable, Step,
        TrailEvent, Verdict,
    };
}

/// The interface of the parts that run next to a server, as the admin port does.
pub mod extension {
    pub use lastword_server::{Extension, SessionStatus, Started, Starting};
}

/// The examples of `README.md`, compiled unchanged.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of `docs/embedding.md`, compiled unchanged.
#[cfg(all(doctest, feature = "admin"))]
#[doc = include_str!("../../../docs/embedding.md")]
struct Embedding;
