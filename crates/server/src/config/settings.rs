//! The values that a server takes from its configuration on this kernel, and that all its connections read.

use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, Profile, ProfileName};
use lastword_session::{Framing, Limits, Message, Timing};

use super::{Bound, Config, KernelAbilities, Marks};

/// The settings of one server.
pub(crate) struct Settings {
    /// How the session core frames and limits each connection, by the number of its listener.
    sessions: Vec<Arc<lastword_session::Config>>,
    /// The same for a connection that was refused, which stays for less time.
    refused: Arc<lastword_session::Config>,
    pub(crate) bounds: Vec<Bound>,
    pub(crate) connections_max: u64,
    /// From which readings on it sheds load.
    pub(crate) marks: Marks,
    pub(crate) drain_timeout: Duration,
    pub(crate) drain_message: Message,
    /// The listener's own profile comes first.
    pub(crate) profiles: Vec<Profile>,
    /// The socket options of each profile.
    knobs: Vec<KernelKnobs>,
}

impl Settings {
    pub(crate) fn new(config: &Config, framing: Framing) -> Self {
        let profiles = config.profiles();
        let limits = config.session_limits();
        let session = |behind_proxy, limits| {
            Arc::new(lastword_session::Config {
                framing: framing.clone(),
                limits,
                behind_proxy,
            })
        };
        let listeners = config.listen.iter();
        let sessions = listeners.map(|listen| session(listen.behind_proxy, limits.clone()));
        let linger_timeout = limits.linger_timeout.min(REFUSED_TIMEOUT);
        Self {
            sessions: sessions.collect(),
            refused: session(
                false,
                Limits {
                    linger_timeout,
                    ..limits.clone()
                },
            ),
            bounds: config.bounds(KernelAbilities::probe()),
            connections_max: u64::from(config.admission.connections_max),
            marks: Marks::new(&config.admission),
            drain_timeout: config.drain_timeout(),
            drain_message: config.drain_message(),
            knobs: profiles.iter().map(|each| config.knobs(each)).collect(),
            profiles,
        }
    }

    /// The configuration of a connection of this listener. A listener that the game gave has that of the first one.
    pub(crate) fn session(&self, listener: u8) -> Arc<lastword_session::Config> {
        let own = self.sessions.get(usize::from(listener));
        own.or(self.sessions.first()).cloned().unwrap_or_default()
    }

    pub(crate) fn refused(&self) -> Arc<lastword_session::Config> {
        Arc::clone(&self.refused)
    }

    pub(crate) fn profile_name(&self, profile: u8) -> Option<ProfileName> {
        self.profile(profile).map(|profile| profile.name)
    }

    pub(crate) fn timing(&self, profile: u8) -> Timing {
        self.profile(profile)
            .map_or_else(Timing::default, Timing::from)
    }

    /// The socket options of the listener, which every socket has at first.
    pub(crate) fn listener_knobs(&self) -> Option<&KernelKnobs> {
        self.knobs.first()
    }

    /// The socket options of a profile, if they differ from the listener's.
    pub(crate) fn own_knobs(&self, profile: u8) -> Option<KernelKnobs> {
        let knobs = self.knobs.get(usize::from(profile))?;
        (self.listener_knobs() != Some(knobs)).then_some(*knobs)
    }

    fn profile(&self, index: u8) -> Option<&Profile> {
        self.profiles.get(usize::from(index))
    }
}

/// How long a refused client may take to say hello and to leave.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(2);
