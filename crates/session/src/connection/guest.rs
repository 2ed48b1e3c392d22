//! A connection that is let in for its hello only, because the server is full, drains, or its address has too many: a player
//! that comes back to a session is no new one.

use std::time::Duration;

use super::{Connection, Input};
use crate::close::Close;
use crate::{Phase, Time};

/// Why a guest is not let in, and the phase in which that was decided.
pub(super) type GuestRefusal = (Phase, Close);

impl Connection {
    /// Whether only a hello that resumes is let in.
    pub(super) fn is_guest(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.guest.is_some())
    }

    pub(super) fn becomes_guest(&mut self, now: Time, refusal: GuestRefusal) {
        self.rare_mut().guest = Some(Box::new(refusal));
        self.hurries(now);
    }

    /// A guest says hello soon: it takes a place that another one might need.
    pub(super) fn hurries(&mut self, now: Time) {
        if self.is_guest() {
            self.hello_by(now + HELLO_WITHIN);
        }
    }

    /// The guest resumes: its session decides.
    pub(super) fn is_no_guest(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.guest = None;
        }
    }

    /// The guest is not let in, and hears why.
    pub(super) fn end_visit(&mut self, now: Time) {
        let refusal = self.rare.as_mut().and_then(|rare| rare.guest.take());
        if let Some(refusal) = refusal {
            self.refuse_guest(now, *refusal);
        }
    }

    pub(super) fn refuse_guest(&mut self, now: Time, (phase, close): GuestRefusal) {
        if self.is_undecided() {
            self.phase = phase;
            self.decide(now, &close);
        }
    }
}

impl Input<'_> {
    /// Whether this would end a connection: a guest was refused before.
    pub(super) fn ends_visit(&self) -> bool {
        match self {
            Self::TlsFailed(_)
            | Self::Close(_)
            | Self::Abort(_)
            | Self::DrainExpired(_)
            | Self::EndNoticed(_)
            | Self::Overflowed(_)
            | Self::WriteFailed(_)
            | Self::ReadEnded(..)
            | Self::Delivered(_)
            | Self::LingerRefused(_)
            | Self::Timeout(_) => true,
            Self::ProxyHeader(_)
            | Self::Refuse(_)
            | Self::Secured
            | Self::TlsClosed
            | Self::Admit(_)
            | Self::Notice(_)
            | Self::Paused
            | Self::Resumed
            | Self::QueueFull
            | Self::Probe
            | Self::Shut
            | Self::Sampled(_) => false,
        }
    }
}

const HELLO_WITHIN: Duration = Duration::from_secs(2);
