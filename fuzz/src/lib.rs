//! Properties that must hold for any bytes of a peer, one module for each fuzz target. `scripts/fuzz.sh` runs them.
#![forbid(unsafe_code)]

pub mod config;
pub mod decoder;
pub mod dialect;
pub mod escape;
pub mod extensions;
mod frame;
pub mod goodbye;
pub mod heartbeat;
pub mod hello;
pub mod hosts;
pub mod machine;
pub mod notice;
pub mod proxy_header;
pub mod queries;
mod stream;
pub mod tls;
pub mod welcome;

use tls::Tap;
use transport::scratch;

// Parsers that are private to their crates are compiled here once more.

#[path = "../../crates/admin/src/access"]
mod access {
    use axum::extract::Request;

    mod local;

    pub(crate) fn may_read(request: &Request) -> bool {
        local::check(request).is_ok()
    }

    pub(crate) fn may_load(request: &Request) -> bool {
        local::check_page(request).is_ok()
    }
}

#[path = "../../crates/cli/src"]
#[expect(dead_code, reason = "files are read in the command")]
mod cli {
    pub(crate) mod config_file;
}

#[path = "../../crates/admin/src/closes"]
#[expect(dead_code, reason = "records are compared in the admin port")]
mod closes {
    pub(crate) mod query;
}

#[path = "../../crates/admin/src/sessions"]
#[expect(dead_code, reason = "sessions are compared in the admin port")]
mod sessions {
    use crate::closes::query::InvalidQuery;

    mod query;

    #[derive(Debug, PartialEq)]
    pub(crate) struct Parsed(query::SessionsQuery);

    impl Parsed {
        pub(crate) fn limit(&self) -> usize {
            self.0.limit
        }
    }

    pub(crate) fn parse(query: &str) -> Result<Parsed, InvalidQuery> {
        query::SessionsQuery::parse(query, &["standard", "mobile"]).map(Parsed)
    }
}

/// The model of the session's property tests.
#[path = "../../crates/session/tests/properties"]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failure is a finding"
)]
#[expect(dead_code, reason = "whole plays are compared in the tests")]
mod model {
    pub(crate) mod beating;
    pub(crate) mod life;
    pub(crate) mod output;
    pub(crate) mod script;
}

/// The test host of the session's tests.
#[path = "../../crates/session/tests/support/mod.rs"]
mod support;

/// TLS below the frames, which uses the root's `Tap` and `scratch`.
#[path = "../../crates/transport/src"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the rest is used in the driver, and public there"
)]
mod transport {
    pub(crate) mod scratch;
    pub(crate) mod tls;
}

#[path = "../../tests/tests/foreign_wires/wires.rs"]
#[expect(
    dead_code,
    reason = "the games behind these wires are played in tests/"
)]
mod wires;
