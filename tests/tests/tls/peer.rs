//! A client that speaks TLS by rustls and leaves in every possible way.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use lastword_tests::{Raw, data, hello, kind, within};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncReadExt as _;

use crate::Made;

pub(crate) const BOTH: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

pub(crate) struct Peer {
    pub(crate) raw: Raw,
    pub(crate) tls: ClientConnection,
    /// Bytes of the socket that rustls has not taken.
    unread: Vec<u8>,
    /// Bytes written to the socket.
    pub(crate) sent: u64,
}

/// The end of the server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// TLS was closed, and then TCP.
    Closed,
    /// TCP was closed, without a close of TLS.
    Cut,
    /// The server sent an alert, or TCP was reset.
    Failed,
}

/// The configuration of a client that trusts this certificate.
pub(crate) fn config(made: &Made, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(made.certificate.as_bytes());
    roots.add(certificate.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Peer {
    /// Connects and begins, for a server with this name.
    pub(crate) async fn begin(addr: SocketAddr, config: ClientConfig, name: &str) -> Self {
        Self::over(Raw::connect(addr).await, config, name)
    }

    /// Begins over a connection that is there already.
    pub(crate) fn over(raw: Raw, config: ClientConfig, name: &str) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        Self {
            raw,
            tls,
            unread: Vec::new(),
            sent: 0,
        }
    }

    /// The same with the handshake behind it, a hello and its welcome.
    pub(crate) async fn join(addr: SocketAddr, made: &Made) -> Self {
        let mut peer = Self::begin(addr, config(made, BOTH), "localhost").await;
        peer.enter().await;
        peer
    }

    pub(crate) async fn enter(&mut self) {
        self.write(&hello(b"ann")).await;
        let (kind, _) = self.frame().await.expect("an answer to hello");
        assert_eq!(kind, kind::WELCOME);
    }

    pub(crate) async fn echo(&mut self, payload: &[u8]) {
        self.write(&data(payload)).await;
        while let Some((kind, echoed)) = self.frame().await {
            if kind == kind::DATA && echoed == payload {
                return;
            }
        }
        panic!("no echo");
    }

    /// Writes bytes of frames, after the handshake.
    pub(crate) async fn write(&mut self, plain: &[u8]) {
        within("the handshake", async {
            while self.tls.is_handshaking() {
                self.flush().await;
                if self.tls.wants_read() && self.tls.is_handshaking() {
                    self.read().await.expect("the handshake goes on");
                }
            }
        })
        .await;
        for plain in plain.chunks(16 * 1024) {
            self.tls.writer().write_all(plain).unwrap();
            self.flush().await;
        }
    }

    /// The bytes of the next frame; `None` at any end.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let header = self.plain(4).await?;
        let len =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        Some((header[3], self.plain(len).await?))
    }

    /// Goes through the handshake. Returns whether it came to its end on both sides.
    pub(crate) async fn end_of_handshake(&mut self) -> bool {
        while self.tls.is_handshaking() {
            if self.read().await.is_none() {
                self.flush().await;
                return false;
            }
        }
        true
    }

    /// Closes TLS: the server reads a close_notify.
    pub(crate) async fn close_tls(&mut self) {
        self.tls.send_close_notify();
        self.flush().await;
    }

    /// Reads to the end.
    pub(crate) async fn end(&mut self) -> End {
        loop {
            let mut plain = [0; 1_024];
            match self.tls.reader().read(&mut plain) {
                Ok(0) => return End::Closed,
                Ok(_) => continue,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return End::Cut,
            }
            if self.read().await.is_none() {
                return End::Failed;
            }
        }
    }

    async fn plain(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let mut plain = vec![0; len - bytes.len()];
            match self.tls.reader().read(&mut plain) {
                Ok(0) => return None,
                Ok(n) => bytes.extend_from_slice(&plain[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.read().await?;
                }
                Err(_) => return None,
            }
        }
        Some(bytes)
    }

    /// Reads once from the socket; `None` where the connection or TLS failed. rustls takes no more while it holds a record
    /// whose content is not taken.
    async fn read(&mut self) -> Option<()> {
        if self.unread.is_empty() {
            let mut bytes = [0; 4 * 1_024];
            let read = within("bytes", self.raw.stream.read(&mut bytes)).await;
            self.unread = bytes[..read.ok()?].to_vec();
            if self.unread.is_empty() {
                self.tls.read_tls(&mut std::io::empty()).ok()?;
                return (!self.tls.is_handshaking()).then_some(());
            }
        }
        let mut rest = self.unread.as_slice();
        // A read of nothing would be the end.
        while !rest.is_empty() && self.tls.read_tls(&mut rest).is_ok() {
            self.tls.process_new_packets().ok()?;
        }
        self.unread = rest.to_vec();
        self.flush().await;
        Some(())
    }

    pub(crate) async fn flush(&mut self) {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).unwrap();
        }
        if !out.is_empty() {
            self.sent += out.len() as u64;
            self.raw.write(&out).await;
        }
    }
}
