//! The admin port, asked over one connection that is opened again where it was closed.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::AdminError;

/// A client of one admin port.
#[derive(Debug)]
pub(crate) struct Http {
    addr: SocketAddr,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

/// An answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) const fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            connection: None,
        }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Asks for a path.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, AdminError> {
        let asked = timeout(TIMEOUT, self.ask(path)).await;
        let answer = asked.unwrap_or(Err(AdminError::TimedOut {
            addr: self.addr,
            after: TIMEOUT,
        }));
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    async fn ask(&mut self, path: &str) -> Result<Answer, AdminError> {
        let addr = self.addr;
        let broken = |source| AdminError::Http { addr, source };
        let request = Request::get(path)
            .header(HOST, addr.to_string())
            .body(Empty::new())
            .map_err(|source| AdminError::Request { addr, source })?;
        let mut connection = self.connection().await?;
        let response = connection.send_request(request).await.map_err(broken)?;
        let answer = self.read(path, response).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connection(&mut self) -> Result<SendRequest<Empty<Bytes>>, AdminError> {
        let addr = self.addr;
        if let Some(mut kept) = self.connection.take() {
            // A server closes a connection that was idle: then another takes its place.
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = TcpStream::connect(addr)
            .await
            .map_err(|source| AdminError::Unreachable { addr, source })?;
        let (connection, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|source| AdminError::Http { addr, source })?;
        // An error of the connection is the next request's, too.
        tokio::spawn(driver);
        Ok(connection)
    }

    async fn read(
        &self,
        path: &str,
        response: Response<hyper::body::Incoming>,
    ) -> Result<Answer, AdminError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body
            .map_err(|source| AdminError::Body {
                addr: self.addr,
                source,
            })?
            .to_bytes();
        if head.status != StatusCode::OK {
            return Err(AdminError::Status {
                addr: self.addr,
                path: path.to_owned(),
                status: head.status.as_u16(),
            });
        }
        Ok(Answer {
            headers: head.headers,
            body,
        })
    }
}

const TIMEOUT: Duration = Duration::from_secs(20);
/// Ten thousand records are about 12 MB.
const BODY_BYTES_MAX: usize = 256 << 20;
