//! Why a server did not start, worded for the person starting it.

use std::io;
use std::net::SocketAddr;

use lastword_session::OsError;

use crate::config::ConfigError;

/// The reason why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration breaks rules. Every broken rule is named.
    #[error("the configuration is not valid: {}", list(.0))]
    Config(Vec<ConfigError>),
    /// The listen address cannot be parsed.
    #[error("{addr:?} is not an address to listen on: write IP:PORT, as 0.0.0.0:7000 or [::]:7000")]
    Address {
        /// The text that was given.
        addr: String,
    },
    /// The operating system refuses to listen on the address.
    #[error("cannot listen on {addr}: {}", why(.source))]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// The operating system's error.
        source: io::Error,
    },
    /// The operating system gives no threads for the server's own runtime.
    #[error("cannot start a runtime: {}", OsError::in_words(.0))]
    Runtime(io::Error),
    /// The operating system gives no random bytes for the secret with which players come back to their sessions.
    #[error("there are no random bytes for the tokens of sessions: {0}")]
    NoRandomness(getrandom::Error),
    /// The server cannot run on this runtime, or there is none.
    #[error(
        "cannot serve here: {lack}; call `enable_all` on the runtime's builder, or `own_runtime` on the server's"
    )]
    RuntimeLacks {
        /// The missing part.
        lack: &'static str,
    },
    /// The server's name cannot be a label.
    #[error(
        "{name:?} is not a name of a server: it becomes a label of metrics, write 1 to 32 characters of a to z, 0 to 9, _ and -"
    )]
    Name {
        /// The name that was given.
        name: String,
    },
    /// The configuration asks for an admin port, and no extension on the builder serves one.
    #[error(
        "the configuration sets {}, and this server has no admin port: call `admin_from_config` of `lastword::AdminExt` \
         on its builder, or set `config.admin` to `AdminConfig::off()`",
        .keys.join(", ")
    )]
    NoAdminPort {
        /// The keys that are not at their default.
        keys: Vec<&'static str>,
    },
    /// An extension did not start.
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

/// The remedy for the user. The error's source has the operating system's words.
fn why(error: &io::Error) -> &'static str {
    let remedies = [
        (
            io::ErrorKind::AddrInUse,
            "the address is in use: stop the program that uses it, or choose another port",
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
