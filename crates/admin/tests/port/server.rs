//! A server with an admin port on free ports, and players that write their own bytes.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_admin::AdminExt;
use lastword_server::{Context, Handler, Player, Server, ServerHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Takes frames and sends nothing.
pub(crate) struct Silent;

impl Handler for Silent {
    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}
}

/// Starts a server. Returns its handle and its admin port's address.
pub(crate) async fn start() -> (ServerHandle, SocketAddr) {
    let server = Server::builder().listen("127.0.0.1:0").admin("127.0.0.1:0");
    let server = server.serve(|_: &Player| Silent).await.unwrap();
    let admin = server.admin_addr().unwrap();
    (server, admin)
}

/// A player that has read the welcome.
pub(crate) async fn join(server: &ServerHandle) -> TcpStream {
    join_as(server, "").await
}

/// Joins with a name. The session ends with its connection.
pub(crate) async fn join_as(server: &ServerHandle, name: &str) -> TcpStream {
    greet(server, name, 2, &[0; 28]).await.0
}

/// Joins with a name, as a client that may come back, and confirms the connection.
pub(crate) async fn join_to_resume(server: &ServerHandle, name: &str) -> TcpStream {
    let (mut stream, _) = greet(server, name, 0, &[0; 28]).await;
    stream.write_all(&frame(5, &[0; 8])).await.unwrap();
    stream
}

/// Joins, is cut off, and comes back. The session has two connections then.
pub(crate) async fn join_and_come_back(server: &ServerHandle) -> TcpStream {
    let (mut stream, welcome) = greet(server, "", 0, &[0; 28]).await;
    stream.write_all(&frame(5, &[0; 8])).await.unwrap();
    drop(stream);
    within("the loss", async {
        while server.stats().sessions_suspended == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The session, nothing received, the token with its length, no extensions.
    let token = &welcome[46..48 + 32];
    let claim = [&welcome[2..18], &[0; 8], token, &[0; 2]].concat();
    let (mut stream, _) = greet(server, "", 1, &claim).await;
    stream.write_all(&frame(5, &[0; 8])).await.unwrap();
    stream
}

/// Says hello with these flags, this claim to a session, and a name. Returns the welcome, too.
async fn greet(server: &ServerHandle, name: &str, flags: u8, claim: &[u8]) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    // Versions 1 to 1, frames up to 64 KiB.
    let hello = [
        &b"LW\x01\x01"[..],
        &[flags, 0, 1, 0, 0],
        claim,
        name.as_bytes(),
    ];
    let hello = frame(1, &hello.concat());
    stream.write_all(&hello).await.unwrap();
    let mut header = [0; 4];
    within("a welcome", stream.read_exact(&mut header))
        .await
        .unwrap();
    let mut welcome = vec![0; usize::from(u16::from_be_bytes([header[1], header[2]]))];
    stream.read_exact(&mut welcome).await.unwrap();
    assert_eq!(header[3], 2, "a welcome");
    (stream, welcome)
}

/// A frame as it is on the wire.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind], payload].concat()
}

/// Lets the server measure its round trip: it answers the player's ping, sends its own ping, and gets the answer.
pub(crate) async fn beat(player: &mut TcpStream) {
    player.write_all(&frame(3, &[0; 16])).await.unwrap();
    let mut answers = [0; 4 + 28 + 4 + 16];
    within("a pong and a ping", player.read_exact(&mut answers))
        .await
        .unwrap();
    assert_eq!((answers[3], answers[35]), (4, 3), "a pong and a ping");
    let pong = [&answers[36..44], &[0; 8 + 4 + 8]].concat();
    player.write_all(&frame(4, &pong)).await.unwrap();
}

/// A player's goodbye.
pub(crate) fn goodbye(code: u16, reason: &str) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    frame(
        6,
        &[&[1, high, low, 0, 0, 0, 0, 0, 0], reason.as_bytes()].concat(),
    )
}

/// Waits for something, but not forever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = timeout(Duration::from_secs(20), future).await;
    waited.unwrap_or_else(|_| panic!("{what} did not come"))
}
