//! Requests to the admin port over one connection, which is reopened after it was closed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lastword_client::ServerAddr;
use lastword_transport::refuse_self_connection;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{AdminError, AdminToken, reach};

/// A client of one admin port.
#[derive(Debug)]
pub(crate) struct Http {
    addr: SocketAddr,
    /// The admin port as the caller named it. Without a token, a server answers only to names of its own machine.
    host: HeaderValue,
    token: Option<AdminToken>,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

/// An answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    /// Connects to the first address that accepts a connection, and stays with it.
    pub(crate) async fn reach(
        admin: &ServerAddr,
        token: Option<&AdminToken>,
    ) -> Result<Self, AdminError> {
        let (addr, stream) =
            reach::first(admin, connect)
                .await
                .map_err(|source| AdminError::Unreachable {
                    admin: admin.clone(),
                    source,
                })?;
        let host =
            HeaderValue::from_str(&admin.to_string()).map_err(|source| AdminError::Request {
                addr,
                source: source.into(),
            })?;
        Ok(Self {
            addr,
            host,
            token: token.cloned(),
            connection: Some(greeted(addr, stream).await?),
        })
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests a path.
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
        let mut request = Request::get(path).header(HOST, &self.host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        let request = request
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
            // The server closes an idle connection. A new one then replaces it.
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = connect(addr)
            .await
            .map_err(|source| AdminError::Unreachable {
                admin: addr.into(),
                source,
            })?;
        greeted(addr, stream).await
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
            return Err(self.refused(path, head.status, &body));
        }
        Ok(Answer {
            headers: head.headers,
            body,
        })
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> AdminError {
        let addr = self.addr;
        match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, Some(_)) => AdminError::TokenRefused { addr },
            (StatusCode::UNAUTHORIZED, None) => AdminError::TokenMissing { addr },
            _ => AdminError::Status {
                addr,
                path: path.to_owned(),
                status: status.as_u16(),
                words: first_line(body),
            },
        }
    }
}

async fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    refuse_self_connection(TcpStream::connect(addr).await?)
}

async fn greeted(
    addr: SocketAddr,
    stream: TcpStream,
) -> Result<SendRequest<Empty<Bytes>>, AdminError> {
    let (connection, driver) = handshake(TokioIo::new(stream))
        .await
        .map_err(|source| AdminError::Http { addr, source })?;
    // An error of the connection also appears in the next request.
    tokio::spawn(driver);
    Ok(connection)
}

/// Returns the first line of the server's answer, cut and escaped.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(LINE_CHARS_MAX).collect();
    cut.escape_debug().to_string()
}

const TIMEOUT: Duration = Duration::from_secs(20);
/// Ten thousand records are about 12 MB.
const BODY_BYTES_MAX: usize = 256 << 20;
const LINE_CHARS_MAX: usize = 200;
