//! As many file descriptors as this process may have: each connection takes one.

/// Raises the soft limit to the hard one, and tells if that is too few for as many connections as this key says.
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

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise(_connections_max: u32, _key: &str) {}

/// For standard streams, the runtime, listeners, scrapes and refusals.
#[cfg(unix)]
const RESERVE: u64 = 64;
