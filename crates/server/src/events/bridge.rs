//! The way into the queue for sessions that joined before the game said that it ticks.

use std::sync::Arc;

use super::lane::Lane;
use super::queue::Queue;
use crate::Session;

/// Says that it joined, and sends it on its way: what came, and whatever comes, goes into the queue.
pub(crate) fn bridge(queue: &Arc<Queue>, session: Session) {
    let player = session.core().player(session.seat());
    let (id, remote) = (session.id(), session.remote());
    let joined = queue.push(|batch, _| batch.joined(id, player, remote));
    // Without a game that drains, dropping it ends it.
    if joined.is_some() {
        session.hand_over(Box::new(Lane::new(Arc::clone(queue), id)));
    }
}
