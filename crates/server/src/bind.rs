//! Putting a server together, and what the game gets from each way to bind it.

mod builder;
mod error;
mod events;
mod extension;
mod runtime;
mod server;
mod standalone;
mod start;

pub use builder::Builder;
pub use error::BindError;
pub use events::{Drain, Events};
pub use extension::{Extension, Started, Starting};
pub use server::Server;
pub use standalone::Standalone;
