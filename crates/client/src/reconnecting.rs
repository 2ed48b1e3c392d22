//! A client that makes further attempts: at its first connection, and after a loss for as long as its session waits. For a
//! new session it makes them when the game asks for one.

mod attempts;
mod builder;
mod credentials;
mod drain;
mod event;
mod sender;
mod standalone;
mod watch;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lastword_session::{SendError, SessionId};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::app::Alive;
use crate::{Client, DialError, Ended};
use attempts::{Aim, Attempts, Over, Progress, Stopped};
use watch::Watch;

pub use builder::Reconnecting;
pub use credentials::NoCredentials;
pub use drain::ClientDrain;
pub use event::{ReconnectEvent, SessionEnd};
pub use sender::Sender;
pub use standalone::Standalone;

/// A client that makes further attempts where one fails, with growing random waits, as the server's advice and the
/// game's rules allow.
///
/// The first session begins by itself. Where the server keeps sessions for a while, this one survives a lost connection.
/// Once the game has taken the loss, attempts follow, and the session goes on over another connection. Frames that are sent
/// meanwhile wait, and those that the server has not acknowledged are sent again. So every frame arrives once and in order,
/// in both directions, or the session ends and says so.
///
/// After the end of a session the client waits for the game: [`ReconnectingClient::login_again`] begins a new one. It never
/// begins one by itself, because the server's game then knows nothing of the old one.
///
/// Dropping it says goodbye, as dropping a [`Client`] does, and ends the attempts. Without a connection, the server is not
/// told: it keeps the session until its window is over.
#[derive(Debug)]
pub struct ReconnectingClient {
    state: State,
    /// An event that follows the last one at once.
    due: Option<ReconnectEvent>,
    sender: Sender,
    /// The game wants no connection from the next loss on.
    pauses: bool,
    /// While the connection of a session that may resume is live.
    watch: Option<Watch>,
    runtime: Handle,
    /// Dropped last. The runtime of a client without tokio ends with it, after the goodbye.
    _alive: Option<Alive>,
}

#[derive(Debug)]
enum State {
    Dialling(Dialling),
    Live(Client, Box<Attempts>),
    /// There is a session, and the game wants no connection for now.
    Paused(Box<Attempts>),
    /// There is no session, and the game may ask for one.
    Idle(Box<Attempts>),
    /// The task of the attempts was dropped.
    Gone,
}

/// A series of attempts on its own task, which ends with this value.
#[derive(Debug)]
struct Dialling {
    progress: mpsc::Receiver<Progress>,
    aim: Aim,
    /// Dropped, it ends the series.
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl ReconnectingClient {
    fn start(attempts: Attempts, aim: Aim, runtime: Handle, alive: Option<Alive>) -> Self {
        Self {
            state: State::Dialling(Dialling::begin(attempts, aim, &runtime)),
            due: None,
            sender: Sender::default(),
            pauses: false,
            watch: None,
            runtime,
            _alive: alive,
        }
    }

    /// Waits for the first session.
    async fn connected(mut self) -> Result<Self, DialError> {
        loop {
            match self.next_event().await {
                Some(ReconnectEvent::Connected { .. } | ReconnectEvent::Resumed { .. }) => {
                    return Ok(self);
                }
                Some(ReconnectEvent::Ended(
                    SessionEnd::NotResumed(error)
                    | SessionEnd::Refused(error)
                    | SessionEnd::GaveUp(error),
                )) => {
                    return Err(error);
                }
                Some(_) => {}
                // A series ends with one of the two.
                None => return Err(DialError::TaskDropped),
            }
        }
    }

    /// Receives the next event. Returns `None` while there is neither a connection nor an attempt: then only
    /// [`ReconnectingClient::login_again`] brings further events, or [`ReconnectingClient::resume`] after a pause.
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
            self.state = State::Dialling(Dialling::begin(*attempts, Aim::LogIn, &self.runtime));
        }
    }

    /// Leaves the server for a while: a game on a phone goes to the background. Returns at once.
    ///
    /// Where the session may resume, the goodbye says *paused*: the server keeps the session for its window, and this client
    /// makes no attempt before [`ReconnectingClient::resume`]. The event [`ReconnectEvent::Lost`] follows when the connection
    /// has ended, after at most a second. Frames that were not yet sent wait, and so do frames that are sent meanwhile.
    /// During attempts to go on, those end; there is no event then. Where the session cannot resume, it ends, as by a
    /// goodbye.
    ///
    /// Does nothing while there is no session.
    pub fn pause(&mut self) {
        match &mut self.state {
            State::Live(client, _) => {
                self.pauses = true;
                client.leave_paused();
            }
            State::Dialling(dialling) if dialling.aim == Aim::GoOn => {
                self.pauses = true;
                // Dropped, it stops the series, which then hands the session over.
                dialling.stop = None;
            }
            State::Dialling(_) | State::Paused(_) | State::Idle(_) | State::Gone => {}
        }
    }

    /// Goes on with the session after [`ReconnectingClient::pause`]: an attempt begins at once, if the server asked for no
    /// delay. It does nothing without a pause.
    pub fn resume(&mut self) {
        self.pauses = false;
        if !matches!(self.state, State::Paused(_)) {
            return;
        }
        if let State::Paused(mut attempts) = std::mem::replace(&mut self.state, State::Gone) {
            attempts.pace.hurry();
            self.state = State::Dialling(Dialling::begin(*attempts, Aim::GoOn, &self.runtime));
        }
    }

    /// Asks the server now whether it is there: when the game returns to the foreground, or the network has changed. Without a
    /// byte within twice the round trip (300 ms to 2 s), the session leaves this connection and attempts follow. Where the
    /// session cannot resume, the dead limit decides as always. The client asks by itself when the machine has slept.
    ///
    /// Does nothing while there is no connection.
    pub fn probe(&self) {
        if let Some(client) = self.connection() {
            client.probe();
        }
    }

    /// Takes the session out as bytes, for another process of the same player: [`Reconnecting::import`]. Returns `None` unless
    /// the session is paused and the game has taken its loss. This client has no session afterwards.
    ///
    /// **The bytes are a secret.** They contain the token, with which anybody can act as the player until the session ends.
    /// Keep them as a password is kept, and use them once.
    #[must_use]
    pub fn export(&mut self) -> Option<Vec<u8>> {
        let State::Paused(attempts) = &self.state else {
            return None;
        };
        let exported = attempts.way.export()?;
        self.sender.clear();
        if let State::Paused(attempts) = std::mem::replace(&mut self.state, State::Gone) {
            self.state = State::Idle(attempts);
        }
        Some(exported)
    }

    /// Queues a frame for the server, as [`Client::send`] does. A frame belongs to the session whose
    /// [`ReconnectEvent::Connected`] was taken last. While that session has no connection, the frame waits for the next one.
    ///
    /// # Errors
    /// As [`Sender::send`].
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
            State::Dialling(_) | State::Paused(_) | State::Idle(_) | State::Gone => None,
        }
    }

    /// Returns the live session's id. `None` without a session, and on a dialect.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.connection()?.session()
    }

    /// Leaves the server as [`Client::goodbye`] does, or ends the attempts. `None` if there was no connection: a server that
    /// keeps the session then waits until its window is over.
    ///
    /// # Cancel safety
    /// As [`Client::goodbye`].
    pub async fn goodbye(mut self) -> Option<Ended> {
        self.sender.clear();
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Live(client, _) => Some(client.goodbye().await),
            State::Dialling(_) | State::Paused(_) | State::Idle(_) | State::Gone => None,
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
                match self.progressed(progress) {
                    Some(event) => Poll::Ready(Some(event)),
                    // Stopped by a pause, and perhaps begun again.
                    None => self.poll_event(cx),
                }
            }
            State::Live(client, _) => {
                if let Some(event) = ready!(client.poll_event(cx)) {
                    return Poll::Ready(Some(event.into()));
                }
                let ended = ready!(client.poll_ended(cx));
                Poll::Ready(Some(self.lost(ended)))
            }
            State::Paused(_) | State::Idle(_) | State::Gone => Poll::Ready(None),
        }
    }

    fn progressed(&mut self, progress: Option<Progress>) -> Option<ReconnectEvent> {
        match progress {
            Some(Progress::Retrying {
                attempt,
                after,
                why,
            }) => Some(ReconnectEvent::Retrying {
                attempt,
                after,
                why,
            }),
            Some(Progress::Over(over)) => self.series_over(*over),
            None => {
                self.sender.clear();
                self.state = State::Gone;
                let error = DialError::TaskDropped;
                Some(ReconnectEvent::Ended(SessionEnd::Refused(error)))
            }
        }
    }

    /// Returns `None` where the series was stopped by a pause.
    fn series_over(&mut self, over: Over) -> Option<ReconnectEvent> {
        let attempts = Box::new(over.attempts);
        let end = match over.result {
            Ok(client) => return Some(self.begun(client, attempts, over.aim, over.away)),
            Err(Stopped::Paused) => {
                self.state = State::Paused(attempts);
                // Resumed meanwhile.
                if !self.pauses {
                    self.resume();
                }
                return None;
            }
            Err(Stopped::Refused(error)) if over.aim == Aim::GoOn => SessionEnd::NotResumed(error),
            Err(Stopped::Refused(error)) => SessionEnd::Refused(error),
            Err(Stopped::GaveUp(error)) => SessionEnd::GaveUp(error),
        };
        attempts.way.close();
        self.sender.clear();
        self.state = State::Idle(attempts);
        Some(ReconnectEvent::Ended(end))
    }

    /// A connection is live.
    fn begun(
        &mut self,
        client: Client,
        attempts: Box<Attempts>,
        aim: Aim,
        away: Duration,
    ) -> ReconnectEvent {
        let remote_addr = client.remote_addr();
        self.sender.set(&attempts.way);
        let number = attempts.way.number();
        if number.is_some() {
            self.watch = Some(Watch::begin(&self.runtime, &client, &attempts));
        }
        if self.pauses {
            client.leave_paused();
        }
        let begun = match aim {
            Aim::LogIn => ReconnectEvent::Connected {
                session: client.session(),
                remote_addr,
            },
            Aim::GoOn => ReconnectEvent::Resumed {
                connection: number.unwrap_or_default(),
                away,
                remote_addr,
            },
        };
        self.state = State::Live(client, attempts);
        begun
    }

    /// The connection has ended and its frames are taken. Its session goes on where it outlives it.
    fn lost(&mut self, ended: Ended) -> ReconnectEvent {
        self.watch = None;
        let ended = Arc::new(ended);
        if let State::Live(_, mut attempts) = std::mem::replace(&mut self.state, State::Gone) {
            attempts.pace.lost(&ended);
            let lives_on = attempts.way.window().is_some();
            if lives_on && self.pauses {
                self.state = State::Paused(attempts);
            } else if lives_on {
                self.state = State::Dialling(Dialling::begin(*attempts, Aim::GoOn, &self.runtime));
            } else {
                self.is_over(attempts, &ended);
            }
        }
        ReconnectEvent::Lost(ended)
    }

    /// The session has ended with its connection.
    fn is_over(&mut self, attempts: Box<Attempts>, ended: &Arc<Ended>) {
        self.pauses = false;
        self.sender.clear();
        attempts.way.close();
        self.state = State::Idle(attempts);
        let end = SessionEnd::Lost(Arc::clone(ended));
        self.due = Some(ReconnectEvent::Ended(end));
    }
}

/// A sender that outlives the client must not fill a queue that is never written.
impl Drop for ReconnectingClient {
    fn drop(&mut self) {
        self.sender.clear();
    }
}

impl Dialling {
    fn begin(attempts: Attempts, aim: Aim, runtime: &Handle) -> Self {
        let (tell, progress) = mpsc::channel(PROGRESS_MAX);
        let (stop, stopped) = oneshot::channel();
        Self {
            progress,
            aim,
            stop: Some(stop),
            task: runtime.spawn(attempts.run(aim, tell, stopped)),
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
