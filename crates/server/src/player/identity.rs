//! The player of a session, and the part of its state that other threads may read.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use lastword_session::{Diagnosis, Resume, SessionId, Time};

use super::data::Data;
use super::printable::is_name_of;
use super::remote::{Address, Remote};

/// The identity of one session. It is small, because every session keeps it.
#[derive(Debug)]
pub(crate) struct SessionIdentity {
    pub(crate) session: SessionId,
    /// The player's name, if it has one.
    pub(crate) player: Option<Box<str>>,
    /// The place of its task in the table of connections.
    pub(crate) slot: u32,
    pub(crate) address: Address,
    /// The index of the cohort; 0 is `none`.
    pub(crate) cohort: u8,
    pub(crate) profile: u8,
    /// The game's own value.
    pub(crate) data: Data,
    pub(crate) suspicion: Suspicion,
    pub(crate) link: LinkFlags,
    pub(crate) joined: Joined,
    pub(crate) tokens: Tokens,
}

impl SessionIdentity {
    pub(crate) fn remote(&self) -> Remote {
        self.address.read()
    }

    /// The session goes on over a connection from this address.
    pub(crate) fn moved_to(&self, remote: Remote) {
        self.address.set(remote);
    }

    /// A new session in this slot, for tests.
    #[cfg(test)]
    pub(crate) fn of(slot: u32, player: Option<&str>) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            session: super::random_session().expect("the system has randomness"),
            player: player.map(Box::from),
            slot,
            address: Address::new(Remote {
                addr: ([127, 0, 0, 1], 1).into(),
                source: super::RemoteSource::Socket,
            }),
            cohort: 0,
            profile: 0,
            data: Data::default(),
            suspicion: Suspicion::default(),
            link: LinkFlags::default(),
            joined: Joined::at(Time::ORIGIN),
            tokens: Tokens::default(),
        })
    }

    /// The player's name; `None` for one without a name, or with an empty one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.player.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether the player has this name, as it is or as records show it.
    pub(crate) fn is_of(&self, player: &str) -> bool {
        is_name_of(player, self.player.as_deref())
    }
}

/// The diagnosis of the peer's silence, in a byte. The connection's task writes it, and any thread may read it.
#[derive(Debug, Default)]
pub(crate) struct Suspicion(AtomicU8);

impl Suspicion {
    pub(crate) fn read(&self) -> Option<Diagnosis> {
        decoded(self.0.load(Ordering::Relaxed))
    }

    /// Stores a diagnosis, and returns the previous one.
    pub(crate) fn replace(&self, suspicion: Option<Diagnosis>) -> Option<Diagnosis> {
        decoded(self.0.swap(encoded(suspicion), Ordering::Relaxed))
    }
}

/// Three states of the link, in a byte. The connection's task writes them, and any thread may read them.
#[derive(Debug, Default)]
pub(crate) struct LinkFlags(AtomicU8);

/// A state of the link that either holds or not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LinkFlag {
    /// The peer reads more slowly than the game sends.
    Congested = 1,
    /// The peer is over its rate.
    RateLimited = 2,
    /// The session waits for its player.
    Away = 4,
}

impl LinkFlags {
    pub(crate) fn has(&self, flag: LinkFlag) -> bool {
        self.0.load(Ordering::Relaxed) & flag as u8 != 0
    }

    /// Stores whether the state holds, and returns whether it did before.
    pub(crate) fn replace(&self, flag: LinkFlag, holds: bool) -> bool {
        let bit = flag as u8;
        let before = match holds {
            true => self.0.fetch_or(bit, Ordering::Relaxed),
            false => self.0.fetch_and(!bit, Ordering::Relaxed),
        };
        before & bit != 0
    }
}

/// The valid tokens of a session that may resume: twice the generation of the confirmed one, and one more where the next is
/// offered; 0 where there is none. The connection's task writes them, and any task may check a token. The session checks
/// again: this may be a turn behind.
#[derive(Debug, Default)]
pub(crate) struct Tokens(AtomicU32);

impl Tokens {
    pub(crate) fn set(&self, resume: &Resume) {
        let (confirmed, has_offer) = resume.token_state();
        let tokens = confirmed.saturating_mul(2) + u32::from(has_offer);
        if self.0.load(Ordering::Relaxed) != tokens {
            self.0.store(tokens, Ordering::Relaxed);
        }
    }

    /// The generations of the valid tokens.
    pub(crate) fn generations(&self) -> impl Iterator<Item = u32> + use<> {
        let tokens = self.0.load(Ordering::Relaxed);
        Resume::valid_generations(tokens / 2, tokens % 2 == 1)
    }
}

/// When a session joined, in tenths of a second: exact enough for a list, and half as large as a time.
#[derive(Debug)]
pub(crate) struct Joined(AtomicU32);

impl Joined {
    pub(crate) fn at(now: Time) -> Self {
        Self(AtomicU32::new(in_tenths(now)))
    }

    /// The session joins later than its identity was made: it waited for an earlier one of its player.
    pub(crate) fn now_at(&self, now: Time) {
        self.0.store(in_tenths(now), Ordering::Relaxed);
    }

    pub(crate) fn live_for(&self, now: Time) -> Duration {
        let tenths = self.0.load(Ordering::Relaxed);
        now.since(Time::from_micros(u64::from(tenths) * TENTH_MICROS))
    }
}

fn in_tenths(now: Time) -> u32 {
    u32::try_from(now.as_micros() / TENTH_MICROS).unwrap_or(u32::MAX)
}

/// 0 is healthy.
fn encoded(suspicion: Option<Diagnosis>) -> u8 {
    let index = suspicion.and_then(|is| Diagnosis::ALL.iter().position(|each| *each == is));
    index.map_or(0, |index| u8::try_from(index + 1).unwrap_or(0))
}

fn decoded(code: u8) -> Option<Diagnosis> {
    let index = usize::from(code).checked_sub(1)?;
    Diagnosis::ALL.get(index).copied()
}

const TENTH_MICROS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspicion_is_read_as_it_was_noted() {
        let suspicion = Suspicion::default();
        assert_eq!(suspicion.read(), None);
        for diagnosis in Diagnosis::ALL {
            assert_eq!(suspicion.replace(Some(diagnosis)), None);
            assert_eq!(suspicion.read(), Some(diagnosis));
            assert_eq!(suspicion.replace(None), Some(diagnosis));
        }
    }

    #[test]
    fn the_flags_of_a_link_change_one_by_one() {
        let link = LinkFlags::default();
        for flag in [LinkFlag::Congested, LinkFlag::RateLimited, LinkFlag::Away] {
            assert!(!link.has(flag) && !link.replace(flag, true));
        }
        assert!(link.has(LinkFlag::Congested) && link.replace(LinkFlag::Congested, false));
        assert!(!link.has(LinkFlag::Congested) && link.has(LinkFlag::Away));
    }

    #[test]
    fn a_session_is_live_since_it_joined_to_a_tenth_of_a_second() {
        let at = |ms| Time::ORIGIN + Duration::from_millis(ms);
        let joined = Joined::at(at(1_234));
        assert_eq!(joined.live_for(at(1_250)), Duration::from_millis(50));
        assert_eq!(joined.live_for(at(61_200)), Duration::from_secs(60));
        joined.now_at(at(2_250));
        assert_eq!(joined.live_for(at(2_400)), Duration::from_millis(200));
        let year = 366 * 24 * 60 * 60 * 1_000;
        assert_eq!(
            Joined::at(at(13 * year)).live_for(at(13 * year)),
            Duration::ZERO
        );
    }
}
