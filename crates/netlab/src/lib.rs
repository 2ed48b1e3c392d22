//! Two hosts and a router in user and network namespaces, without root, to test on the real kernel how a program
//! behaves when its network fails. The tests of this project use it, and so can the tests of a game.
//!
//! A test calls [`run()`]; the body gets a [`Lab`]. A program that is not a test executes itself again with
//! [`sandboxed`]. Nothing here touches the network of the machine, and nothing outlives the test.
//!
//! # Where a socket belongs
//!
//! A socket always belongs to the host in which it was made. [`Lab::on`] runs a closure inside a host, and
//! [`Lab::spawn`] starts a process there. The test itself is outside and reaches no host.
//!
//! # What fails
//!
//! - The cables, until [`Lab::mend`]: [`Lab::cut`], [`Lab::drop_from`], [`Lab::drop_towards`],
//!   [`Lab::drop_large_from`] and [`Lab::refuse`]. Only the last one notifies the hosts.
//! - Packets: [`Lab::lose`] loses a [`Share`] of them; [`Lab::delay`] delays all of them. A [`Delay`] may vary, and
//!   may reorder and double packets. Cut, loss and delay are independent.
//! - The links: [`Lab::link_down`] pulls the router's end, [`Lab::own_link_down`] takes the host's own down.
//! - Inside a host: [`Lab::set_route`], [`Lab::remove_addresses`], [`Lab::block_output`], [`Lab::choke_output`],
//!   [`Lab::destroy_socket`], and [`Lab::replace`] for all of it.
//! - A process: [`freeze()`].
//!
//! [`Proxying::start`] puts a real HAProxy or nginx into the router.
//!
//! A table in the crate's `README.md` says how TCP reacts to each fault at both ends; a test measures it.
//!
//! # A test of your own game
//!
//! Add `lastword-netlab` to the game's `[dev-dependencies]`. This is a whole test; `tests/game.rs` of this crate runs it.
//! Where labs cannot be built (no user namespaces, or a program is missing), it prints `skipped: NAME: REASON` instead.
//!
//! ```no_run
#![doc = include_str!("../tests/game.rs")]
//! ```

mod cable;
mod delay;
mod detour;
mod direction;
mod freeze;
mod gate;
mod host;
mod lab;
mod link;
mod namespace;
mod proxy;
mod relay;
mod run;
mod sandbox;
mod share;
mod skip;
mod socket;

pub use cable::Refusal;
pub use delay::Delay;
pub use freeze::{Frozen, freeze};
pub use host::Host;
pub use lab::Lab;
pub use link::Route;
pub use proxy::{Proxy, ProxyProgram, Proxying};
pub use run::{Outcome, run};
pub use sandbox::sandboxed;
pub use share::Share;
pub use skip::Skip;
pub use socket::End;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
