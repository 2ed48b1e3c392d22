//! The values that a server takes from its configuration on this kernel, and that all its connections read.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, Profile, ProfileName};
use lastword_session::{Framing, HeldBytes, Message, ResumeConfig, Timing, TokenKey};

use super::{Bound, Config, KernelAbilities, ListenConfig, Marks, Network, SecondLogin};
#[cfg(feature = "tls")]
use crate::tls::Certificates;
use crate::tls::Tls;

/// The settings of one server.
pub(crate) struct Settings {
    framing: Framing,
    /// The secret of the tokens with which players come back to their sessions.
    pub(crate) token_key: TokenKey,
    /// The memory of all sessions that wait for their players.
    held: Arc<HeldBytes>,
    /// Never `auto`.
    pub(crate) second_login: SecondLogin,
    pub(crate) bounds: Vec<Bound>,
    /// The listener's own profile comes first.
    pub(crate) profiles: Vec<Profile>,
    /// The socket options of each profile.
    knobs: Vec<KernelKnobs>,
    live: RwLock<Arc<LiveSettings>>,
}

/// The settings that a reload exchanges. A connection keeps those that it began with.
#[derive(Clone)]
pub(crate) struct LiveSettings {
    /// The settings of the first listener, which are also those of the listeners that the game gives.
    first: ListenerSettings,
    /// Those of the other listeners, by their numbers.
    others: Vec<ListenerSettings>,
    /// From which readings on the server sheds load.
    pub(crate) marks: Marks,
    pub(crate) drain_timeout: Duration,
    pub(crate) drain_message: Message,
}

/// The settings of one listener.
#[derive(Clone)]
pub(crate) struct ListenerSettings {
    /// How the session core frames and limits each connection.
    pub(crate) session: Arc<lastword_session::Config>,
    /// The addresses that may connect, where each connection has a PROXY header.
    proxies: Vec<Network>,
    pub(crate) tls: Tls,
}

/// The parts of the settings of connections that no reload changes.
type Fixed<'a> = (&'a Framing, &'a TokenKey, &'a Arc<HeldBytes>);

impl Settings {
    /// `auto` is the policy that `sessions.second_login = "auto"` stands for.
    pub(crate) fn new(
        config: &Config,
        (framing, token_key): (Framing, TokenKey),
        tls: Vec<Tls>,
        auto: SecondLogin,
    ) -> Self {
        let profiles = config.profiles();
        let held = usize::try_from(config.sessions.held_bytes_max).unwrap_or(usize::MAX);
        let held = Arc::new(HeldBytes::new(held));
        Self {
            second_login: config.sessions.second_login.or_auto_is(auto),
            live: RwLock::new(Arc::new(LiveSettings::new(
                config,
                (&framing, &token_key, &held),
                tls,
            ))),
            framing,
            token_key,
            held,
            bounds: config.bounds(KernelAbilities::probe()),
            knobs: profiles.iter().map(|each| config.knobs(each)).collect(),
            profiles,
        }
    }

    /// The settings that a reload exchanges, as they are now.
    pub(crate) fn live(&self) -> Arc<LiveSettings> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges them, for everything that begins from now on. Without TLS of each listener, each keeps its own.
    pub(crate) fn reload(&self, config: &Config, tls: Option<Vec<Tls>>) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let own = || live.listeners().map(|each| each.tls.clone()).collect();
        let tls = tls.unwrap_or_else(own);
        let fixed = (&self.framing, &self.token_key, &self.held);
        *live = Arc::new(LiveSettings::new(config, fixed, tls));
    }

    /// Gives new connections this TLS of each listener. Returns false where they have the same already.
    pub(crate) fn renew(&self, config: &Config, tls: Vec<Tls>) -> bool {
        let is_new = !self.live().has(&tls);
        if is_new {
            self.reload(config, Some(tls));
        }
        is_new
    }

    /// Gives new connections these certificates, on each listener that has any. Returns whether one has.
    #[cfg(feature = "tls")]
    pub(crate) fn set_certificates(&self, certificates: &Certificates) -> bool {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let mut new = LiveSettings::clone(&live);
        let mut has_any = false;
        for listener in std::iter::once(&mut new.first).chain(&mut new.others) {
            if listener.tls.is_on() {
                listener.tls = Tls::from(certificates.clone());
                has_any = true;
            }
        }
        *live = Arc::new(new);
        has_any
    }

    pub(crate) fn profile_name(&self, profile: u8) -> Option<ProfileName> {
        self.profile(profile).map(|profile| profile.name)
    }

    pub(crate) fn timing(&self, profile: u8) -> Timing {
        self.profile(profile)
            .map_or_else(Timing::default, Timing::from)
    }

    /// How long a session with this profile waits for its player.
    pub(crate) fn resume_window(&self, profile: u8) -> Duration {
        let profile = self.profile(profile);
        profile.map_or(Duration::ZERO, |profile| profile.resume_window)
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
    fn new(config: &Config, (framing, key, held): Fixed<'_>, tls: Vec<Tls>) -> Self {
        let limits = config.session_limits();
        // A dialect has no welcome that could offer a token.
        let resume = matches!(framing, Framing::Native).then(|| ResumeConfig {
            window: config.default_profile().resume_window,
            key: key.clone(),
            held: Arc::clone(held),
        });
        let listener = |(listen, tls): (&ListenConfig, Tls)| ListenerSettings {
            session: Arc::new(lastword_session::Config {
                framing: framing.clone(),
                limits: limits.clone(),
                behind_proxy: listen.behind_proxy,
                proxy_header: !listen.proxy.is_empty(),
                tls: tls.is_on(),
                resume: resume.clone(),
            }),
            proxies: listen.proxy.clone(),
            tls,
        };
        let mut listeners = config.listen.iter().zip(tls).map(listener);
        Self {
            first: listeners
                .next()
                .unwrap_or_else(|| listener((&ListenConfig::default(), Tls::default()))),
            others: listeners.collect(),
            marks: Marks::new(&config.admission),
            drain_timeout: config.drain_timeout(),
            drain_message: config.drain_message(),
        }
    }

    /// When the first certificate of all listeners expires, in seconds of Unix time.
    pub(crate) fn certificates_expire_at(&self) -> Option<u64> {
        self.listeners()
            .filter_map(|each| each.tls.expires_at())
            .min()
    }

    /// Whether new connections of each listener get this TLS.
    pub(crate) fn has(&self, tls: &[Tls]) -> bool {
        self.listeners().map(|each| &each.tls).eq(tls)
    }

    fn listeners(&self) -> impl Iterator<Item = &ListenerSettings> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The settings of the listener with this number.
    pub(crate) fn listener(&self, n: u8) -> &ListenerSettings {
        let other = usize::from(n).checked_sub(1);
        let other = other.and_then(|n| self.others.get(n));
        other.unwrap_or(&self.first)
    }
}

impl ListenerSettings {
    /// Whether this address may send PROXY headers.
    pub(crate) fn is_proxy(&self, addr: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(addr))
    }
}
