//! How far a server has come towards its end: three events that happen once each, and that any task can await. It also
//! has the message of a drain, if the game chose one.

use std::sync::OnceLock;

use lastword_session::Message;
use tokio::sync::watch;

/// The end of one server, in three steps.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    /// The server lets no further player in.
    pub(crate) draining: Flag,
    /// The server accepts no further connections.
    pub(crate) ended: Flag,
    /// The server has ended, and its connections are gone.
    pub(crate) closed: Flag,
    /// The message of the drain, if the game chose one.
    pub(crate) message: OnceLock<Message>,
}

/// A flag that is set once and stays set. It can be awaited on any executor.
#[derive(Debug, Default)]
pub(crate) struct Flag(watch::Sender<bool>);

impl Flag {
    /// Sets the flag and wakes all waiting tasks. Returns whether it was set before.
    pub(crate) fn set(&self) -> bool {
        self.0.send_replace(true)
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the flag is set.
    pub(crate) async fn wait(&self) {
        // It cannot fail: the sender is here.
        self.0.subscribe().wait_for(|set| *set).await.ok();
    }
}
