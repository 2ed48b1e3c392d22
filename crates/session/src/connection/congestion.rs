//! A peer that reads slowly: when its session is congested, and what is dropped then. The owner hears first.

use std::time::Duration;

use super::{Connection, SendError};
use crate::policy::Outbound;
use crate::send_queue::Backlog;
use crate::{Dropped, Link, Time};

/// Whether too much waits, or for too long; most connections never have one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Congestion {
    is: bool,
    /// The owner was told so last.
    told: bool,
}

impl Connection {
    /// Returns the bytes that wait to be written, and how many of them may be dropped.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        let queue = self.session_stream().queue.as_ref();
        queue.map_or_else(Backlog::default, |queue| queue.backlog())
    }

    /// The next change for the owner.
    pub(super) fn poll_congestion(&mut self) -> Option<Link> {
        let congestion = &mut self.rare.as_mut()?.congestion;
        if congestion.is == congestion.told {
            return None;
        }
        congestion.told = congestion.is;
        Some(match congestion.is {
            true => Link::Congested,
            false => Link::Flowing,
        })
    }

    /// Whether the owner knows that the session is congested: only then is a frame dropped, or the session ended, unless
    /// memory is short.
    pub(super) fn told_congested(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.congestion.told)
    }

    /// How old a frame may become before something happens: first the session is congested, and the owner is told.
    pub(super) fn next_age(&self, age: Duration) -> Option<Duration> {
        match (self.is_congested(), self.told_congested()) {
            (false, _) => Some(age / CONGESTED_AGE),
            (true, false) => None,
            (true, true) => Some(age),
        }
    }

    fn is_congested(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.congestion.is)
    }

    pub(super) fn becomes_congested(&mut self) {
        self.rare_mut().congestion.is = true;
    }

    /// Less may wait now.
    pub(super) fn may_flow(&mut self, now: Time) {
        if !self.is_congested() {
            return;
        }
        let limits = &self.config.limits;
        let few = self.queued_bytes() <= limits.outbound_bytes_max / FLOWING;
        let young = limits.outbound_age_max.is_none_or(|age| {
            let oldest = self.oldest();
            oldest.is_none_or(|oldest| now.since(oldest) <= age / FLOWING_AGE)
        });
        if few && young {
            self.rare_mut().congestion.is = false;
        }
    }

    /// The kernel refused what waits.
    pub(super) fn may_congest(&mut self) {
        if self.queued_bytes() > self.config.limits.outbound_bytes_max / CONGESTED {
            self.becomes_congested();
        }
    }

    /// Drops what may be dropped of the bytes over the cap that the kernel refused, once the owner was told.
    pub(super) fn trim(&mut self) {
        if !self.told_congested() || !self.is_live() {
            return;
        }
        let cap = self.config.limits.outbound_bytes_max;
        if let Some(queue) = &mut self.stream.queue {
            let excess = queue.refused_bytes().saturating_sub(cap);
            queue.drop_oldest(excess);
        }
        self.count_lost();
    }

    /// Drops the droppable frames that have waited for this long.
    pub(super) fn drop_aged(&mut self, now: Time, age: Duration) {
        let since = self.rare.as_ref().map(|rare| rare.age_since);
        if now.since(since.unwrap_or_default()) < age {
            return;
        }
        if let Some(queue) = &mut self.stream.queue {
            queue.drop_older(Time::ORIGIN + now.since(Time::ORIGIN + age));
        }
        self.count_lost();
        self.may_flow(now);
    }

    /// Drops what it must so that a frame of this size has room. Returns whether it has.
    #[cold]
    pub(super) fn make_room(&mut self, size: usize) -> bool {
        let most = self.config.limits.outbound_room(0);
        let queue = self.stream.unsent_mut();
        let has_room = queue.make_room(size, most, Backlog::default());
        self.count_lost();
        has_room
    }

    /// A frame found no room.
    #[cold]
    pub(super) fn refuse(&mut self, how: Outbound) -> Result<(), SendError> {
        if how == Outbound::Droppable {
            self.stream.unsent_mut().drop_newest();
            self.count_lost();
            return Ok(());
        }
        self.on_queue_full();
        Err(SendError::QueueFull)
    }

    /// Takes the counts of what a policy did to the queue.
    pub(super) fn count_lost(&mut self) {
        let lost = self.stream.take_lost();
        if lost != Dropped::default() {
            self.count_unsent(lost);
        }
        if lost.oldest > 0 {
            self.becomes_congested();
        }
    }
}

/// A session is congested over this part of `outbound_bytes_max`, and where a frame waits for this part of
/// `outbound_age_max`.
const CONGESTED: usize = 2;
const CONGESTED_AGE: u32 = 2;
/// It flows again at this part of both.
const FLOWING: usize = 4;
const FLOWING_AGE: u32 = 4;
