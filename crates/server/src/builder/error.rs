//! Why a server did not start, in words for the person who started it.

use std::io;
use std::net::SocketAddr;

use crate::{ConfigError, OsError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration breaks rules: every one of them is named.
    #[error("the configuration is not valid: {}", list(.0))]
    Config(Vec<ConfigError>),
    /// The address to listen on is not an address.
    #[error("{addr:?} is not an address to listen on: write IP:PORT, as 0.0.0.0:7000 or [::]:7000")]
    Address {
        /// What was given.
        addr: String,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {addr}: {}", why(.source))]
    Listen {
        /// Where.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no threads for a runtime of our own.
    #[error("cannot start a runtime: {}", OsError::in_words(.0))]
    Runtime(io::Error),
    /// The server's name cannot be a label.
    #[error(
        "{name:?} is not a name of a server: it becomes a label of metrics, write 1 to 32 characters of a to z, 0 to 9, _ and -"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// The configuration asks for an admin port, and nothing on the builder serves one.
    #[error(
        "the configuration sets {}, and this server has no admin port: call `admin_from_config` of `lastword::AdminExt` \
         on its builder, or set `config.admin` to `AdminConfig::off()`",
        .keys.join(", ")
    )]
    NoAdminPort {
        /// The keys that are not at their default.
        keys: Vec<&'static str>,
    },
    /// Something that runs beside the server did not start.
    #[error("{0}")]
    Extension(io::Error),
}

fn list(errors: &[ConfigError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// What the person who started it can do; what the system said is the error's source.
fn why(error: &io::Error) -> &'static str {
    let remedies = [
        (
            io::ErrorKind::AddrInUse,
            "the address is in use: stop who uses it, or choose another port",
        ),
        (
            io::ErrorKind::AddrNotAvailable,
            "this machine has no such address",
        ),
        (
            io::ErrorKind::PermissionDenied,
            "not permitted: choose a port from 1024 on, or give the privilege",
        ),
    ];
    let remedy = remedies.iter().find(|(kind, _)| *kind == error.kind());
    remedy.map_or("the system refused", |(_, remedy)| remedy)
}
