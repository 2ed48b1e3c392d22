//! Two hosts and a router in user and network namespaces, without root.
//!
//! A test calls [`run`]; the body gets a [`Lab`] whose cables it cuts and whose hosts it replaces. A program that is no
//! test executes itself again by [`sandboxed`]. Nothing here touches the network of the machine, and nothing outlives
//! the test.
//!
//! ```no_run
//! use std::net::{TcpListener, TcpStream};
//!
//! use lastword_netlab::Host;
//!
//! # fn test() {
//! lastword_netlab::run(|lab| {
//!     let listener = lab.on(Host::Server, || TcpListener::bind((lab.addr(Host::Server), 0)))?;
//!     let server_addr = listener.local_addr()?;
//!     let client = lab.on(Host::Client, || TcpStream::connect(server_addr))?;
//!     lab.cut(Host::Server)?;
//!     # drop(client);
//!     Ok(())
//! });
//! # }
//! ```

mod cable;
mod delay;
mod direction;
mod freeze;
mod host;
mod lab;
mod link;
mod namespace;
mod relay;
mod run;
mod sandbox;
mod share;
mod skip;
mod socket;

pub use freeze::{Frozen, freeze};
pub use host::Host;
pub use lab::Lab;
pub use link::Route;
pub use run::{Outcome, run};
pub use sandbox::sandboxed;
pub use share::Share;
pub use skip::Skip;
pub use socket::End;
