//! A client that makes further attempts: at its first connection, and after a loss when the game asks for it.

mod attempts;
mod builder;
mod credentials;
mod drain;
mod event;
mod sender;
mod standalone;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use lastword_session::{SendError, SessionId};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::Alive;
use crate::{Client, DialError, Ended};
use attempts::{Attempts, Over, Progress, Stopped};

pub use builder::Reconnecting;
pub use credentials::NoCredentials;
pub use drain::ClientDrain;
pub use event::{ReconnectEvent, SessionEnd};
pub use sender::Sender;
pub use standalone::Standalone;

/// A client that makes further attempts where one fails, with growing random waits, as the server's advice and the
/// game's rules allow.
///
/// The first session begins by itself. After its end the client waits for the game: [`ReconnectingClient::login_again`]
/// begins a new session. It never begins one by itself, because the server's game then knows nothing of the old one.
/// (Sessions that survive their connection are not built yet.)
///
/// Dropping it says goodbye, as dropping a [`Client`] does, and ends the attempts.
#[derive(Debug)]
pub struct ReconnectingClient {
    state: State,
    /// An event that follows the last one at once.
    due: Option<ReconnectEvent>,
    sender: Sender,
    runtime: Handle,
    /// Dropped last. The runtime of a client without tokio ends with it, after the goodbye.
    _alive: Option<Alive>,
}

#[derive(Debug)]
enum State {
    Dialling(Dialling),
    Live(Client, Box<Attempts>),
    /// There is no session, and the game may ask for one.
    Idle(Box<Attempts>),
    /// The task of the attempts was dropped.
    Gone,
}

/// A series of attempts on its own task, which ends with this value.
#[derive(Debug)]
struct Dialling {
    progress: mpsc::Receiver<Progress>,
    task: JoinHandle<()>,
}

impl ReconnectingClient {
    fn start(attempts: Attempts, runtime: Handle, alive: Option<Alive>) -> Self {
        Self {
            state: State::Dialling(Dialling::begin(attempts, &runtime)),
            due: None,
            sender: Sender::default(),
            runtime,
            _alive: alive,
        }
    }

    /// Waits for the first session.
    async fn connected(mut self) -> Result<Self, DialError> {
        loop {
            match self.next_event().await {
                Some(ReconnectEvent::Connected { .. }) => return Ok(self),
                Some(ReconnectEvent::Ended(
                    SessionEnd::Refused(error) | SessionEnd::GaveUp(error),
                )) => {
                    return Err(error);
                }
                Some(_) => {}
                // A series ends with one of the two.
                None => return Err(DialError::TaskDropped),
            }
        }
    }

    /// Receives the next event. Returns `None` while there is no session and no attempt is under way: then only
    /// [`ReconnectingClient::login_again`] brings further events.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped takes nothing.
    pub async fn next_event(&mut self) -> Option<ReconnectEvent> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Takes the events that are there. It never blocks, and needs no runtime: for a loop that calls it in each tick.
    /// It takes at most 1,024 events, so that a fast server cannot hold up the tick.
    pub fn drain(&mut self) -> ClientDrain<'_> {
        ClientDrain::new(self)
    }

    /// Begins a new session after the end of one, by further attempts. They begin when the back-off allows it, and the
    /// server's delay has passed. The time to give up begins anew. The game should ask
    /// [`SessionEnd::may_log_in_again`] first, unless its player wants it.
    ///
    /// Does nothing while there is a session, and while attempts are under way.
    pub fn login_again(&mut self) {
        if !matches!(self.state, State::Idle(_)) {
            return;
        }
        if let State::Idle(attempts) = std::mem::replace(&mut self.state, State::Gone) {
            self.state = State::Dialling(Dialling::begin(*attempts, &self.runtime));
        }
    }

    /// Queues a frame for the server, as [`Client::send`] does. A frame belongs to the session whose
    /// [`ReconnectEvent::Connected`] was taken last.
    ///
    /// # Errors
    /// As [`Client::send`]; [`SendError::Closed`] while there is no session.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.sender.send(payload)
    }

    /// Returns a handle that sends frames from any thread.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Returns the connection of the live session, for its addresses, its round trip and its clock.
    #[must_use]
    pub fn connection(&self) -> Option<&Client> {
        match &self.state {
            State::Live(client, _) => Some(client),
            State::Dialling(_) | State::Idle(_) | State::Gone => None,
        }
    }

    /// Returns the live session's id. `None` without a session, and on a dialect.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.connection()?.session()
    }

    /// Leaves the server as [`Client::goodbye`] does, or ends the attempts. `None` if there was no session.
    ///
    /// # Cancel safety
    /// As [`Client::goodbye`].
    pub async fn goodbye(mut self) -> Option<Ended> {
        self.sender.clear();
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Live(client, _) => Some(client.goodbye().await),
            State::Dialling(_) | State::Idle(_) | State::Gone => None,
        }
    }

    /// Leaves like [`ReconnectingClient::goodbye`], and blocks the calling thread until the goodbye has arrived, at most
    /// for twice the linger timeout. A process that ends without it may end before its goodbye is sent.
    ///
    /// # Panics
    /// On a thread of a tokio runtime. Use [`ReconnectingClient::goodbye`] there.
    pub fn goodbye_blocking(self) -> Option<Ended> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.goodbye())
    }

    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ReconnectEvent>> {
        if let Some(due) = self.due.take() {
            return Poll::Ready(Some(due));
        }
        match &mut self.state {
            State::Dialling(dialling) => {
                let progress = ready!(dialling.progress.poll_recv(cx));
                Poll::Ready(Some(self.progressed(progress)))
            }
            State::Live(client, _) => {
                if let Some(event) = ready!(client.poll_event(cx)) {
                    return Poll::Ready(Some(event.into()));
                }
                let ended = ready!(client.poll_ended(cx));
                Poll::Ready(Some(self.lost(ended)))
            }
            State::Idle(_) | State::Gone => Poll::Ready(None),
        }
    }

    fn progressed(&mut self, progress: Option<Progress>) -> ReconnectEvent {
        match progress {
            Some(Progress::Retrying {
                attempt,
                after,
                why,
            }) => ReconnectEvent::Retrying {
                attempt,
                after,
                why,
            },
            Some(Progress::Over(over)) => self.series_over(*over),
            None => {
                self.state = State::Gone;
                ReconnectEvent::Ended(SessionEnd::Refused(DialError::TaskDropped))
            }
        }
    }

    fn series_over(&mut self, Over { attempts, result }: Over) -> ReconnectEvent {
        let attempts = Box::new(attempts);
        let stopped = match result {
            Ok(client) => {
                let connected = ReconnectEvent::Connected {
                    session: client.session(),
                    remote_addr: client.remote_addr(),
                };
                self.sender.set(client.outbound());
                self.state = State::Live(client, attempts);
                return connected;
            }
            Err(stopped) => stopped,
        };
        self.state = State::Idle(attempts);
        ReconnectEvent::Ended(match stopped {
            Stopped::Refused(error) => SessionEnd::Refused(error),
            Stopped::GaveUp(error) => SessionEnd::GaveUp(error),
        })
    }

    /// The connection has ended and its frames are taken. Its session ends with it.
    fn lost(&mut self, ended: Ended) -> ReconnectEvent {
        self.sender.clear();
        let ended = Arc::new(ended);
        if let State::Live(_, mut attempts) = std::mem::replace(&mut self.state, State::Gone) {
            attempts.pace.lost(&ended);
            self.state = State::Idle(attempts);
        }
        let end = SessionEnd::Lost(Arc::clone(&ended));
        self.due = Some(ReconnectEvent::Ended(end));
        ReconnectEvent::Lost(ended)
    }
}

impl Dialling {
    fn begin(attempts: Attempts, runtime: &Handle) -> Self {
        let (tell, progress) = mpsc::channel(PROGRESS_MAX);
        Self {
            progress,
            task: runtime.spawn(attempts.run(tell)),
        }
    }
}

impl Drop for Dialling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The events of a series that wait for the game: its failures so far, and the last word.
const PROGRESS_MAX: usize = 17;
