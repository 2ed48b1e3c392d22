//! What one viewer is told: a body that has no end of its own, and a task that fills it no faster than it is read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use crate::place::Place;

/// The body of an answer.
pub(super) struct Stream {
    events: mpsc::Receiver<Bytes>,
    place: Place,
}

impl Stream {
    /// Makes a body and the way in: one event waits in it at most.
    pub(super) fn new(place: Place) -> (mpsc::Sender<Bytes>, Self) {
        let (told, events) = mpsc::channel(1);
        (told, Self { events, place })
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
        self.place.took();
        Poll::Ready(event.map(|event| Ok(Frame::data(event))))
    }
}

/// Where a viewer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer {
    /// The last close that it was told of; `None` has seen none.
    pub(super) at: Option<u64>,
    /// When its last event was made.
    pub(super) second: u64,
}

/// Tells a viewer what happens until it is gone or the server is.
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
        // Shared by all who kept up.
        let kept_up = viewer.at == Some(latest.after);
        event = if kept_up {
            latest
        } else {
            live.catch_up(&viewer)
        };
    }
}
