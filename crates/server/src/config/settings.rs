//! The values that a server takes from its configuration on this kernel, and that all its connections read.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, Profile, ProfileName};
use lastword_session::{Framing, Limits, Message, Timing};

use super::{Bound, Config, KernelAbilities, Marks};

/// The settings of one server.
pub(crate) struct Settings {
    framing: Framing,
    pub(crate) bounds: Vec<Bound>,
    /// The listener's own profile comes first.
    pub(crate) profiles: Vec<Profile>,
    /// The socket options of each profile.
    knobs: Vec<KernelKnobs>,
    live: RwLock<Arc<LiveSettings>>,
}

/// The settings that a reload exchanges. A connection keeps those that it began with.
pub(crate) struct LiveSettings {
    /// How the session core frames and limits each connection, by the number of its listener.
    sessions: Vec<Arc<lastword_session::Config>>,
    /// The same for a connection that was refused, which stays for less time.
    pub(crate) refused: Arc<lastword_session::Config>,
    /// From which readings on the server sheds load.
    pub(crate) marks: Marks,
    pub(crate) drain_timeout: Duration,
    pub(crate) drain_message: Message,
}

impl Settings {
    pub(crate) fn new(config: &Config, framing: Framing) -> Self {
        let profiles = config.profiles();
        Self {
            live: RwLock::new(Arc::new(LiveSettings::new(config, &framing))),
            framing,
            bounds: config.bounds(KernelAbilities::probe()),
            knobs: profiles.iter().map(|each| config.knobs(each)).collect(),
            profiles,
        }
    }

    /// The settings that a reload exchanges, as they are now.
    pub(crate) fn live(&self) -> Arc<LiveSettings> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges them, for everything that begins from now on.
    pub(crate) fn reload(&self, config: &Config) {
        let new = Arc::new(LiveSettings::new(config, &self.framing));
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = new;
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

impl LiveSettings {
    fn new(config: &Config, framing: &Framing) -> Self {
        let session = |behind_proxy, limits| {
            Arc::new(lastword_session::Config {
                framing: framing.clone(),
                limits,
                behind_proxy,
            })
        };
        let limits = config.session_limits();
        let refused = Limits {
            linger_timeout: limits.linger_timeout.min(REFUSED_TIMEOUT),
            ..limits.clone()
        };
        let listeners = config.listen.iter();
        let sessions = listeners.map(|listen| session(listen.behind_proxy, limits.clone()));
        Self {
            sessions: sessions.collect(),
            refused: session(false, refused),
            marks: Marks::new(&config.admission),
            drain_timeout: config.drain_timeout(),
            drain_message: config.drain_message(),
        }
    }

    /// The configuration of a connection of this listener. A listener that the game gave has that of the first one.
    pub(crate) fn session(&self, listener: u8) -> Arc<lastword_session::Config> {
        let own = self.sessions.get(usize::from(listener));
        own.or(self.sessions.first()).cloned().unwrap_or_default()
    }
}

/// How long a refused client may take to say hello and to leave.
const REFUSED_TIMEOUT: Duration = Duration::from_secs(2);
