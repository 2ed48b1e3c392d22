//! A path to the server that can be cut, as a network between two hosts is: both ends get a reset, and what is on its way is
//! lost.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The path of one client. It ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct CutPath {
    addr: SocketAddr,
    newest: Newest,
    _tasks: JoinSet<()>,
}

/// The newest connection over a path.
type Newest = Arc<Mutex<Option<Passed>>>;

#[derive(Debug)]
struct Passed {
    /// Its address as the server sees it.
    at_server: SocketAddr,
    /// Until it is cut.
    cut: Option<oneshot::Sender<()>>,
}

impl CutPath {
    /// Opens a path to this server.
    pub(crate) async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((server.ip(), 0)).await?;
        let addr = listener.local_addr()?;
        let newest = Newest::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, Arc::clone(&newest)));
        Ok(Self {
            addr,
            newest,
            _tasks: tasks,
        })
    }

    /// Returns the address at which the client finds the server.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the newest connection's address as the server sees it.
    pub(crate) fn at_server(&self) -> Option<SocketAddr> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map(|passed| passed.at_server)
    }

    /// Cuts the newest connection. Returns whether it was there.
    pub(crate) fn cut(&self) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = newest.as_mut().and_then(|passed| passed.cut.take());
        cut.is_some_and(|cut| cut.send(()).is_ok())
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, newest: Newest) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(server).await else {
            continue;
        };
        let Ok(at_server) = server.local_addr() else {
            continue;
        };
        let (cut, is_cut) = oneshot::channel();
        *newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Passed {
            at_server,
            cut: Some(cut),
        });
        connections.spawn(pass(client, server, is_cut));
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, is_cut: oneshot::Receiver<()>) {
    tokio::select! {
        biased;
        Ok(()) = is_cut => {
            for end in [&client, &server] {
                // If this fails, the connection has ended already.
                end.set_zero_linger().ok();
            }
        }
        _ = copy_bidirectional(&mut client, &mut server) => {}
    }
}
