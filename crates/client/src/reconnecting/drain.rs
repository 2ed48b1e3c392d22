//! The events of one tick.

use std::task::{Context, Poll, Waker};

use super::{ReconnectEvent, ReconnectingClient};

/// The events that are there; see [`ReconnectingClient::drain`].
#[derive(Debug)]
pub struct ClientDrain<'a> {
    client: &'a mut ReconnectingClient,
    left: usize,
}

impl<'a> ClientDrain<'a> {
    pub(super) fn new(client: &'a mut ReconnectingClient) -> Self {
        Self {
            client,
            left: EVENTS_MAX,
        }
    }
}

impl Iterator for ClientDrain<'_> {
    type Item = ReconnectEvent;

    fn next(&mut self) -> Option<ReconnectEvent> {
        self.left = self.left.checked_sub(1)?;
        let mut cx = Context::from_waker(Waker::noop());
        match self.client.poll_event(&mut cx) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }
}

/// The most events of one drain.
const EVENTS_MAX: usize = 1_024;
