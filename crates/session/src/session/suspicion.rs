//! A live session's link: suspect when the peer was not heard for too long, healthy again with its next byte.

use super::{Session, State, millis};
use crate::{Diagnosis, Link, Time};

/// What the owner knows of the link, or is told with the next output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LinkState {
    #[default]
    Healthy,
    BecomesSuspect,
    Suspect,
    BecomesHealthy,
}

impl Session {
    /// Takes the change of the link that the owner is to be told, where there is one: for a driver that tells
    /// it between [`Session::bytes_arrived`] and the frames of these bytes. [`Session::poll_output`] yields it
    /// too.
    pub fn poll_link(&mut self) -> Option<Link> {
        let (link, told) = match self.link {
            LinkState::Healthy | LinkState::Suspect => return None,
            LinkState::BecomesSuspect => (Link::Suspect(Diagnosis::Undecided), LinkState::Suspect),
            LinkState::BecomesHealthy => (Link::Healthy, LinkState::Healthy),
        };
        self.link = told;
        // Who is on its way out is neither.
        (self.state == State::Live).then_some(link)
    }

    /// When the silence of a peer that counts as healthy is too long. While we do not listen nobody is silent.
    pub(super) fn suspect_by(&self) -> Time {
        match self.link {
            LinkState::Suspect | LinkState::BecomesSuspect => Time::NEVER,
            LinkState::Healthy | LinkState::BecomesHealthy
                if self.paused || self.timing.suspect_ms == 0 =>
            {
                Time::NEVER
            }
            LinkState::Healthy | LinkState::BecomesHealthy => {
                self.silent_since() + millis(self.timing.suspect_ms)
            }
        }
    }

    pub(super) fn on_suspect(&mut self) {
        self.link = match self.link {
            LinkState::Healthy | LinkState::BecomesSuspect => LinkState::BecomesSuspect,
            LinkState::Suspect | LinkState::BecomesHealthy => LinkState::Suspect,
        };
    }

    /// A byte came: the only thing that lifts a suspicion.
    pub(super) fn on_sign_of_life(&mut self) {
        self.link = match self.link {
            LinkState::Healthy | LinkState::BecomesSuspect => LinkState::Healthy,
            LinkState::Suspect | LinkState::BecomesHealthy => LinkState::BecomesHealthy,
        };
    }
}
