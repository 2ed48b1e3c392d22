//! Groups: sets of sessions for broadcasts. A session is a member until it leaves or departs.
//!
//! Locks are taken in this order: a room's turn, its door, its members, the memberships, a mailbox. The game's code
//! never runs under one of these locks.

mod members;
mod memberships;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use lastword_session::{Outbound, Policy, SessionId};

use super::mailboxes::{Mailboxes, NoSuchSession};
use memberships::{Memberships, Room};

/// A group of sessions for broadcasts. Clones are the same group, callable from any thread without a runtime.
///
/// A broadcast waits for a running broadcast of the same group. Every other call, and a departure, waits at
/// most while 256 members get a frame, which is about 0.1 ms.
///
/// A session that departs leaves its groups before any handler, inbox or observer is told, so a group never holds a
/// departed session. Dropping the last clone ends the group without a message to its members.
///
/// [`Builder::group`](crate::Builder::group) makes a group before the server is bound, for a handler, an authenticator
/// or an observer to own. Before the server is bound, and after it is gone, no session can join and a broadcast reaches
/// no session.
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
///         // If the session is gone already, `recv` returns `None`.
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
    mailboxes: Arc<LateMailboxes>,
    room: Arc<Room>,
}

/// The mailboxes of a server that is bound later. The pointer is weak, so that a group does not keep them after the
/// server.
type LateMailboxes = OnceLock<Weak<Mailboxes>>;

/// The part that all groups of one server share.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    memberships: Arc<Memberships>,
    mailboxes: Arc<LateMailboxes>,
}

impl Groups {
    /// Connects the groups to the bound server: its sessions can join now.
    pub(crate) fn bind(&self, mailboxes: &Arc<Mailboxes>) {
        self.mailboxes.get_or_init(|| Arc::downgrade(mailboxes));
    }

    pub(crate) fn group(&self) -> Group {
        Group {
            mailboxes: Arc::clone(&self.mailboxes),
            room: Arc::new(Room::new(Arc::clone(&self.memberships))),
        }
    }

    /// Takes a session, whose mailbox is closed, out of its groups.
    pub(crate) fn depart(&self, session: SessionId) {
        self.memberships.depart(session);
    }
}

impl Group {
    /// The server's mailboxes, as long as it exists.
    fn mailboxes(&self) -> Option<Arc<Mailboxes>> {
        self.mailboxes.get()?.upgrade()
    }

    /// Adds a session. If it is already a member, nothing changes.
    ///
    /// # Errors
    /// [`NoSuchSession`] if no live session has this id. A session is not live once its end has begun, even if it has
    /// not departed yet. No session is live before the server is bound.
    pub fn join(&self, session: SessionId) -> Result<(), NoSuchSession> {
        let mailboxes = self.mailboxes().ok_or(NoSuchSession)?;
        let mailbox = mailboxes.of(session).ok_or(NoSuchSession)?;
        let is_live = || mailbox.session() == Some(*session.as_bytes());
        if self.room.join(session, &mailbox, is_live) {
            Ok(())
        } else {
            Err(NoSuchSession)
        }
    }

    /// Removes a session: after this call it gets no frame of the group, not even of a broadcast that is running.
    /// Returns whether it was a member.
    pub fn leave(&self, session: SessionId) -> bool {
        self.room.leave(session)
    }

    /// Queues a frame for every member, each with the policy of its session, and encodes it once. Returns how many members
    /// took it. A member whose queue is full does not take it.
    ///
    /// Broadcasts to one group from several threads reach all its members in the same order. A session that joins
    /// during a broadcast does not get this broadcast, but every later one. So no session gets a broadcast twice, even
    /// if it leaves and joins again.
    ///
    /// A call takes about half a microsecond per member on the calling thread. With more than about 2,000 members (1
    /// ms) it blocks a worker of the runtime for too long. Then call it on a separate thread, or with
    /// `tokio::task::spawn_blocking`.
    pub fn broadcast(&self, payload: &[u8]) -> usize {
        self.broadcast_to(None, payload, |_| true)
    }

    /// Queues a frame as [`Group::broadcast`] does, with this policy instead of the policies of the members.
    pub fn broadcast_with(&self, policy: Policy, payload: &[u8]) -> usize {
        self.broadcast_to(Some(policy.into()), payload, |_| true)
    }

    /// Queues a frame that makes an earlier one with the same key obsolete, for every member: as
    /// [`Session::send_latest`](crate::Session::send_latest) does, and as fast as [`Group::broadcast`].
    pub fn broadcast_latest(&self, key: u64, payload: &[u8]) -> usize {
        self.broadcast_to(Some(Outbound::Latest(key)), payload, |_| true)
    }

    /// Queues a frame as [`Group::broadcast`] does, for every member except one session, which need not be a member.
    pub fn broadcast_except(&self, except: SessionId, payload: &[u8]) -> usize {
        self.broadcast_to(None, payload, |session| session != except)
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room.members().len()
    }

    /// Returns whether the group has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether this session is a member.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        self.room.members().contains(session)
    }

    /// Returns the members, in no particular order.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        self.room.members().sessions().collect()
    }

    fn broadcast_to(
        &self,
        how: Option<Outbound>,
        payload: &[u8],
        is_meant: impl Fn(SessionId) -> bool,
    ) -> usize {
        let Some(mailboxes) = self.mailboxes() else {
            return 0;
        };
        let frame = mailboxes.encode(how, payload);
        let (mut now, mut taken) = (None, 0);
        self.room.broadcast(|session, mailbox| {
            if is_meant(session) {
                // Read in this broadcast's turn, so that the frames in every queue are in the order of their
                // times.
                let now = *now.get_or_insert_with(|| mailboxes.table.clock().now());
                taken += usize::from(frame.send(mailbox, now));
            }
        });
        taken
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
