//! Plain HTTP 1.0: one request a connection, and the body ends with the connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::within;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .filter(|(of, _)| *of == name)
            .map(|(_, value)| value)
            .next()
    }
}

/// Sends a GET request for a path.
pub(crate) async fn get(addr: SocketAddr, path: &str) -> Answer {
    request(addr, "GET", path).await
}

pub(crate) async fn request(addr: SocketAddr, method: &str, path: &str) -> Answer {
    send(addr, method, path, &format!("Host: {addr}\r\n"), "").await
}

/// Sends a request with these headers, one a line, and this body.
pub(crate) async fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let asked = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let len = body.len();
        let request =
            format!("{method} {path} HTTP/1.0\r\n{headers}Content-Length: {len}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within("an answer", asked).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head
        .strip_prefix("HTTP/1.0 ")
        .and_then(|rest| rest.get(..3));
    Answer {
        status: status.unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}
