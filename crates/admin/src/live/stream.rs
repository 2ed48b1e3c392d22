//! The events for one viewer: an endless body, and a task that fills it no faster than the viewer reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use crate::connection_slot::ConnectionSlot;

/// The body of an answer.
pub(super) struct Stream {
    events: mpsc::Receiver<Bytes>,
    slot: ConnectionSlot,
}

impl Stream {
    /// Makes a body and its sender: at most one event waits in it.
    pub(super) fn new(slot: ConnectionSlot) -> (mpsc::Sender<Bytes>, Self) {
        let (told, events) = mpsc::channel(1);
        (told, Self { events, slot })
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = std::task::ready!(self.events.poll_recv(cx));
        self.slot.took();
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }
}

/// A viewer's position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer {
    /// The last close that it received; `None` if it has received none.
    pub(super) at: Option<u64>,
    /// When its last event was made.
    pub(super) second: u64,
}

/// Sends events to a viewer until the viewer or the server is gone.
pub(super) async fn tell(live: Arc<super::Live>, told: mpsc::Sender<Bytes>, mut viewer: Viewer) {
    let mut events = live.subscribe();
    let mut event = live.catch_up(&viewer);
    loop {
        (viewer.at, viewer.second) = (Some(event.last), event.moment.second);
        if told.send(event.text.clone()).await.is_err() || event.moment.ended {
            return;
        }
        tokio::select! {
            biased;
            changed = events.changed() => if changed.is_err() { return },
            () = told.closed() => return,
        }
        let latest = Arc::clone(&events.borrow_and_update());
        // All viewers that kept up share this event.
        let kept_up = viewer.at == Some(latest.after);
        event = if kept_up {
            latest
        } else {
            live.catch_up(&viewer)
        };
    }
}
