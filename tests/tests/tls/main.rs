//! TLS on real sockets: the handshake, every end above it, certificates, and the client library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is the test's failure"
)]

mod behind_proxy;
mod certificates;
mod client_library;
mod ends;
mod handshake;
mod peer;
mod renewals;

use lastword_server::{Anonymous, Authenticator, Certificates, Config, Player};
use lastword_tests::{Echo, EndCollector, Fixture};

/// A certificate that signs itself, and its key, as PEM.
struct Made {
    certificate: String,
    key: String,
}

impl Made {
    fn for_name(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    /// Both in one text.
    fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

fn certificates(made: &[&Made]) -> Certificates {
    let pairs = made.iter().map(|made| (&made.certificate, &made.key));
    Certificates::from_pem(pairs).unwrap()
}

/// A server whose only certificate is this one.
async fn start(made: &Made, config: Config) -> Fixture {
    start_with(certificates(&[made]), config, Anonymous).await
}

async fn start_with(
    certificates: Certificates,
    config: Config,
    authenticator: impl Authenticator,
) -> Fixture {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config).authenticator(authenticator);
    let server = builder.tls(certificates).serve(|_: &Player| Echo).await;
    Fixture {
        server: server.unwrap(),
        collector,
    }
}
