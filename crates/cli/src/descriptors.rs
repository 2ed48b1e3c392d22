//! Raises the number of file descriptors that this process may have. Each connection takes one.

/// Raises the soft limit to the hard one, and warns if that is too low for this many connections. `key` names the
/// setting with their number.
#[cfg(unix)]
pub(crate) fn raise(connections_max: u32, key: &str) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    let needed = u64::from(connections_max) + RESERVE;
    match raised {
        Ok(limit) if limit >= needed => {}
        Ok(limit) => tracing::warn!(
            limit,
            needed,
            "too few descriptors for {key}: raise the hard limit (LimitNOFILE, ulimit -n)"
        ),
        Err(error) => tracing::warn!(%error, "the limit of descriptors was not raised"),
    }
}

/// This system has no such limit.
#[cfg(not(unix))]
pub(crate) fn raise(_connections_max: u32, _key: &str) {}

/// For the standard streams, the runtime, listeners and scrapes, and for 256 refused clients.
#[cfg(unix)]
const RESERVE: u64 = 320;
