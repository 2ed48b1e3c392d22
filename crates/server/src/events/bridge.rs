//! The way into the queue for sessions that joined before the game said that it ticks: few, and only at the start.

use std::future::poll_fn;
use std::sync::Arc;

use super::lane::Lane;
use super::queue::Queue;
use crate::Session;

/// Says that it joined, and brings over what comes, at the pace of the tick loop, until it departs.
pub(crate) fn bridge(queue: &Arc<Queue>, session: Session) {
    let core = Arc::clone(session.core());
    let (id, remote) = (session.id(), session.remote());
    let player = core.player(session.seat());
    let joined = queue.push(|batch, _| batch.joined(id, player, remote));
    // Without a game that drains, dropping it ends it.
    if joined.is_some() {
        core.runtime.spawn(bring(Arc::clone(queue), session));
    }
}

async fn bring(queue: Arc<Queue>, mut session: Session) {
    let mut lane = Lane::new(Arc::clone(&queue), session.id());
    while let Some(payload) = session.recv().await {
        poll_fn(|cx| lane.poll_room(cx)).await;
        if !lane.push(&payload) {
            return;
        }
    }
    let departure = session.departure().await;
    queue.push(|batch, _| batch.left(departure));
}
