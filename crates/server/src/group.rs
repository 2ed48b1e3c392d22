//! Groups: sessions that are spoken to at once, each a member until it leaves or its session departs.
//!
//! Locks are taken in this order: a room's members, the memberships, a mailbox. The game's code runs under none.

mod memberships;
mod room;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use crate::core::Core;
use crate::group::memberships::Memberships;
use crate::group::room::Room;
use crate::{NoSuchSession, ServerHandle, SessionId};

/// A room: sessions that are spoken to at once. Clones are the same group, callable from any thread without a
/// runtime; nothing waits longer than for another thread's call on the same group.
///
/// A session that departs has left each of its groups before any handler, inbox or observer is told: a group
/// never holds a departed session. Dropping the last clone ends the group and tells nobody.
///
/// [`Builder::group`](crate::Builder::group) makes a group before the server is bound, for a handler, an authenticator or
/// an observer to own. Until then, and once the server is gone, no session joins it and a broadcast reaches none.
///
/// ```no_run
/// # use lastword_server::{BindError, Server};
/// # async fn example() -> Result<(), BindError> {
/// let builder = Server::builder().listen("127.0.0.1:7000");
/// let lobby = builder.group();
/// let mut server = builder.bind().await?;
/// while let Some(mut session) = server.accept().await {
///     let lobby = lobby.clone();
///     tokio::spawn(async move {
///         // Gone already: `recv` says so.
///         lobby.join(session.id()).ok();
///         while let Some(payload) = session.recv().await {
///             lobby.broadcast_except(session.id(), &payload);
///         }
///     });
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Group {
    server: Arc<LateServer>,
    room: Arc<Room>,
}

/// A server that is bound later. It is weak, since an authenticator or an observer that the server holds may have a
/// group of it.
type LateServer = OnceLock<Weak<Core>>;

/// The part that all groups of one server share.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    memberships: Arc<Memberships>,
    server: Arc<LateServer>,
}

impl Groups {
    /// The server is there: its sessions can join.
    pub(crate) fn bind(&self, server: &Arc<Core>) {
        self.server.get_or_init(|| Arc::downgrade(server));
    }

    /// Makes an empty group.
    pub(crate) fn group(&self) -> Group {
        Group {
            server: Arc::clone(&self.server),
            room: Arc::new(Room::new(Arc::clone(&self.memberships))),
        }
    }

    /// Takes a session, whose mailbox is closed, out of its groups.
    pub(crate) fn depart(&self, session: SessionId) {
        self.memberships.depart(session);
    }
}

impl Group {
    /// The server, while it is there.
    fn server(&self) -> Option<ServerHandle> {
        let core = self.server.get()?.upgrade()?;
        Some(ServerHandle { core })
    }

    /// Takes a session in; one that is in stays in.
    ///
    /// # Errors
    /// [`NoSuchSession`] where none is live here: always once its end began, even if it has not departed yet, and before
    /// the server is bound.
    pub fn join(&self, session: SessionId) -> Result<(), NoSuchSession> {
        let mailbox = self.server().and_then(|server| server.mailbox_of(session));
        let mailbox = mailbox.ok_or(NoSuchSession)?;
        let is_live = || mailbox.session() == Some(*session.as_bytes());
        if self.room.join(session, &mailbox, is_live) {
            Ok(())
        } else {
            Err(NoSuchSession)
        }
    }

    /// Lets a session go: it takes no frame that is broadcast after this call. Returns whether it was a member.
    pub fn leave(&self, session: SessionId) -> bool {
        self.room.leave(session)
    }

    /// Queues a frame for every member; it is encoded once. Returns how many took it: a member whose queue is
    /// full did not, and unless its peer is silent ends as `send_queue_full`.
    ///
    /// Broadcasts to one group from several threads reach all its members in the same order.
    pub fn broadcast(&self, payload: &[u8]) -> usize {
        self.broadcast_to(payload, |_| true)
    }

    /// The same for every member but one, which need not be a member.
    pub fn broadcast_except(&self, except: SessionId, payload: &[u8]) -> usize {
        self.broadcast_to(payload, |session| session != except)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room.members().len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.room.members().is_empty()
    }

    /// Whether this session is a member.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        self.room.members().contains_key(&session)
    }

    /// The members, in no order.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        self.room.members().keys().copied().collect()
    }

    fn broadcast_to(&self, payload: &[u8], is_meant: impl Fn(SessionId) -> bool) -> usize {
        let Some(server) = self.server() else {
            return 0;
        };
        // Before the lock: a dialect's encoder is the game's code.
        let frame = server.encode(payload);
        let members = self.room.members();
        // Behind the lock: frames lie in every queue in the order of their times.
        let now = server.core.clock.now();
        let meant = members.iter().filter(|(session, _)| is_meant(**session));
        meant
            .filter(|(_, mailbox)| mailbox.send_encoded(now, payload.len(), &frame).is_ok())
            .count()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
