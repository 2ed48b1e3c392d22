//! Checks the token file, which must exist when the server starts.

use lastword::Config;
use lastword::config::{ConfigError, ConfigWarning, Token};
use lastword_server::Key;

/// Reads the token file that the configuration names, and returns the error.
pub(super) fn error(config: &Config) -> Option<ConfigError> {
    let path = config
        .admin
        .token_file
        .as_ref()
        .filter(|_| is_used(config))?;
    let error = Token::read(path).err()?;
    Some(ConfigError {
        key: KEY.to_owned(),
        value: format!("{path:?}"),
        allowed: Key::find(KEY).map_or_else(String::new, |key| key.allowed.to_string()),
        remedy: format!(
            "{error}; put a token in it (`openssl rand -hex 32`), or name the file that has one"
        ),
    })
}

/// Returns a warning for a token file that other users of this machine can read.
#[cfg(unix)]
pub(super) fn warning(config: &Config) -> Option<ConfigWarning> {
    use std::os::unix::fs::PermissionsExt as _;

    let path = config
        .admin
        .token_file
        .as_ref()
        .filter(|_| is_used(config))?;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & OTHERS_READ != 0).then(|| ConfigWarning {
        key: KEY.to_owned(),
        value: format!("{path:?}"),
        consequence:
            "every user of this machine may read it, and kick and drain with it; chmod o-r FILE"
                .to_owned(),
    })
}

/// Permissions are checked on Unix only.
#[cfg(not(unix))]
pub(super) fn warning(_config: &Config) -> Option<ConfigWarning> {
    None
}

/// Whether a server reads the file: it does so if it has an admin port or a metrics port.
fn is_used(config: &Config) -> bool {
    config.admin.listen.is_some() || config.admin.metrics_listen.is_some()
}

const KEY: &str = "admin.token_file";
#[cfg(unix)]
const OTHERS_READ: u32 = 0o004;
