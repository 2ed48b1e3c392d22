//! An admin port that repeats the answers of another one, and falsifies one of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, Uri};
use axum::response::IntoResponse;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How it falsifies an answer; `None` waits for another answer.
#[derive(Clone, Copy)]
pub(crate) enum Bend {
    /// Changes new records.
    Closes(fn(&mut Vec<Value>) -> Option<()>),
    /// Changes the counters.
    Metrics(fn(&str) -> Option<String>),
}

/// The falsifying port.
pub(crate) struct Liar {
    pub(crate) addr: SocketAddr,
    has_lied: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Repeating {
    of: SocketAddr,
    bend: Bend,
    has_lied: Arc<AtomicBool>,
}

impl Liar {
    pub(crate) async fn start(of: SocketAddr, bend: Bend) -> Self {
        let has_lied = Arc::new(AtomicBool::new(false));
        let repeating = Repeating {
            of,
            bend,
            has_lied: Arc::clone(&has_lied),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().fallback(repeat).with_state(repeating);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, has_lied }
    }

    pub(crate) fn has_lied(&self) -> bool {
        self.has_lied.load(Ordering::SeqCst)
    }
}

async fn repeat(State(repeating): State<Repeating>, uri: Uri) -> impl IntoResponse {
    let path = uri.to_string();
    let asked = ask(repeating.of, &path);
    let (missed, body) = tokio::time::timeout(Duration::from_secs(20), asked)
        .await
        .unwrap();
    let body = repeating.bent(&uri, body);
    (
        [(HeaderName::from_static("x-lastword-missed"), missed)],
        body,
    )
}

impl Repeating {
    fn bent(&self, uri: &Uri, body: String) -> String {
        let is_since = uri.query().is_some_and(|query| query.contains("after="));
        let bent = match self.bend {
            Bend::Closes(bend) if is_since => {
                let mut records: Vec<Value> = serde_json::from_str(&body).unwrap();
                let records =
                    || bend(&mut records).map(|()| serde_json::to_string(&records).unwrap());
                self.once(records)
            }
            Bend::Metrics(bend) if uri.path() == "/metrics" => self.once(|| bend(&body)),
            Bend::Closes(_) | Bend::Metrics(_) => None,
        };
        bent.unwrap_or(body)
    }

    fn once(&self, lie: impl FnOnce() -> Option<String>) -> Option<String> {
        if self.has_lied.load(Ordering::SeqCst) {
            return None;
        }
        let lie = lie()?;
        self.has_lied.store(true, Ordering::SeqCst);
        Some(lie)
    }
}

/// Returns the count of missed records, and the body. With HTTP/1.0 the body ends with the
/// connection.
async fn ask(addr: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let missed = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-lastword-missed"));
    let missed = missed.map_or("0", |(_, value)| value);
    (missed.to_owned(), body.to_owned())
}
