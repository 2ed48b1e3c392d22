//! A path between a client and a server that a test cuts: bytes in flight are lost, as on a real network.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both ends get a FIN.
    Fin,
    /// Both ends get a reset.
    Reset,
    /// The server gets a reset, the client nothing: its bytes go nowhere.
    ResetOfServer,
    /// The client gets a reset, the server nothing.
    ResetOfClient,
    /// Neither end gets anything: all packets are dropped.
    Silence,
}

impl Cut {
    pub(crate) const ALL: [Self; 5] = [
        Self::Fin,
        Self::Reset,
        Self::ResetOfServer,
        Self::ResetOfClient,
        Self::Silence,
    ];

    /// Whether the client cannot see it.
    pub(crate) fn is_unseen(self) -> bool {
        matches!(self, Self::ResetOfServer | Self::Silence)
    }
}

/// Passes the connections of one client on to a server. Each cut is for the connection that is there.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    cut: watch::Sender<Option<Cut>>,
}

impl Relay {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (cut, cuts) = watch::channel(None);
        tokio::spawn(async move {
            // Sockets of which neither end hears again. They stay open until the relay is dropped.
            let silent = Arc::<Mutex<Vec<TcpStream>>>::default();
            let mut dropped = pin!(is_dropped(cuts.clone()));
            loop {
                let client = tokio::select! {
                    biased;
                    () = &mut dropped => return,
                    accepted = listener.accept() => accepted.unwrap().0,
                };
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                let silent = Arc::clone(&silent);
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(server).await else {
                        return;
                    };
                    pass(client, server, cuts, &silent).await;
                });
            }
        });
        Self { addr, cut }
    }

    /// Cuts the connection that is there.
    pub(crate) fn cut(&self, cut: Cut) {
        self.cut.send_replace(Some(cut));
    }
}

async fn is_dropped(mut cuts: watch::Receiver<Option<Cut>>) {
    while cuts.changed().await.is_ok() {}
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    mut cuts: watch::Receiver<Option<Cut>>,
    silent: &Mutex<Vec<TcpStream>>,
) {
    let (mut up, mut down) = ([0; 4_096], [0; 4_096]);
    let cut = loop {
        let passed = tokio::select! {
            biased;
            // The relay is dropped with its test.
            changed = cuts.changed() => match changed {
                Ok(()) => break cuts.borrow_and_update().unwrap_or(Cut::Fin),
                Err(_) => break Cut::Reset,
            },
            read = client.read(&mut up) => hand_on(read, &up, &mut server).await,
            read = server.read(&mut down) => hand_on(read, &down, &mut client).await,
        };
        if !passed {
            return;
        }
    };
    let keep = |stream| silent.lock().unwrap().push(stream);
    match cut {
        Cut::Fin => {}
        Cut::Reset => [client, server].into_iter().for_each(reset),
        Cut::ResetOfServer => {
            reset(server);
            keep(client);
        }
        Cut::ResetOfClient => {
            reset(client);
            keep(server);
        }
        Cut::Silence => [client, server].into_iter().for_each(keep),
    }
}

/// Returns whether the connection goes on. An end of one side ends the other one.
async fn hand_on(read: std::io::Result<usize>, bytes: &[u8], to: &mut TcpStream) -> bool {
    match read {
        Ok(n) if n > 0 => to.write_all(&bytes[..n]).await.is_ok(),
        Ok(_) => {
            let _gone = to.shutdown().await;
            // What is on its way to a client that leaves arrives, and so does the last word of a server.
            false
        }
        Err(_) => false,
    }
}

fn reset(stream: TcpStream) {
    let _gone = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}
