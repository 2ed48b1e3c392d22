//! Tests in the lab: their runtime is in the server's host, their clients are in the client's host.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_netlab::{Host, Lab, Outcome};
use lastword_server::{Builder, Config, Player};
use tokio::net::TcpStream;

use crate::{Echo, EndCollector, Fixture, PATIENCE, Raw};

/// Runs `body` on a runtime of its own, on a thread inside the server's host.
///
/// # Errors
/// The error that `body` returns. It is mostly an error of the lab; a skip among them skips the test.
pub fn in_server_host<F>(lab: &Lab, body: impl FnOnce() -> F + Send) -> Outcome
where
    F: Future<Output = io::Result<()>>,
{
    lab.on(Host::Server, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(body())
    })?;
    Ok(())
}

/// Waits for the length of an outage, which is the subject of the test.
pub async fn outage(length: Duration) {
    tokio::time::sleep(length).await;
}

impl EndCollector {
    /// Returns a builder on a free port of the server's host, with its ends recorded.
    pub fn builder_in(&mut self, lab: &Lab, config: Config) -> Builder {
        let addr = SocketAddr::new(lab.addr(Host::Server), 0);
        self.builder(config).listen(addr.to_string())
    }
}

impl Fixture {
    /// Starts in the server's host with this configuration; call it on a thread in that host.
    pub async fn start_in(lab: &Lab, config: Config) -> Self {
        let mut collector = EndCollector::default();
        let builder = collector.builder_in(lab, config);
        let server = builder
            .serve(|_: &Player| Echo)
            .await
            .expect("the server starts");
        Self { server, collector }
    }
}

impl Raw {
    /// Connects from the client's host.
    ///
    /// # Errors
    /// An error of the lab, or of the connection.
    pub fn connect_in(lab: &Lab, addr: SocketAddr) -> io::Result<Self> {
        let stream = lab.on(Host::Client, || {
            let stream = std::net::TcpStream::connect_timeout(&addr, PATIENCE)?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })?;
        Ok(Self {
            stream: TcpStream::from_std(stream)?,
        })
    }

    /// Connects from the client's host, says hello as `name` and reads the welcome.
    ///
    /// # Errors
    /// As [`Raw::connect_in`].
    pub async fn join_in(lab: &Lab, addr: SocketAddr, name: &str) -> io::Result<Self> {
        let mut raw = Self::connect_in(lab, addr)?;
        raw.enter(name).await;
        Ok(raw)
    }
}
