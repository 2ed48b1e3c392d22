//! Which causes a configuration can produce on a kernel, and how soon it notices the silent ones. This is the one
//! source for `lastword check-config` and for the bounds in the metrics.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use lastword_keepalive::{
    Profile, ProfileName, RETRIES_DEFAULT, SWEEP, Silence, detection_bound, kernel_give_up,
    own_queue_give_up,
};
use lastword_session::{Cause, Resumable};
use lastword_sys::TcpInfoFields;

use super::{Config, KernelAbilities, ListenConfig, SecondLogin, to_ms};

/// Whether a configuration can produce a cause on a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It can, and an event shows it.
    Can,
    /// It can, and only the passing of time shows it. The value is the longest time from the last sign of life to the
    /// verdict.
    Within(Duration),
    /// It can, and the kernel shows it when it gives the connection up: none of our clocks does, or the kernel may be
    /// first. `None` if the kernel's time is not known, as on every system but Linux.
    ByKernel(Option<GiveUp>),
    /// It cannot.
    Never(UnreachableReason),
}

/// How soon a silent cause is noticed in the sessions of one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The cause.
    pub cause: Cause,
    /// The profile.
    pub profile: ProfileName,
    /// The longest time from the last sign of life to the verdict, with which the connection is lost; `None` if none of our
    /// clocks bounds it.
    pub within: Option<Duration>,
    /// How long the player may then come back. If it does not, its session departs at the end of this time. `None` if the
    /// session departs with its connection. So does the session of a client that cannot come back.
    pub window: Option<Duration>,
}

/// When Linux gives up a connection whose path is dead, with this host's `net.ipv4.tcp_retries2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiveUp {
    /// By keepalive, if none of our data is in flight: the time after the last byte in. `None` is never: keepalive is
    /// off, or the cause requires data in flight.
    pub keepalive: Option<Duration>,
    /// By retransmission, if data is in flight, which silences keepalive: the earliest time after the first
    /// unacknowledged byte. Later, the kernel gives up at its next retry.
    pub retransmission: Duration,
    /// If this host's own queue discards all packets, and none of our data is in flight: the earliest time after the
    /// first byte that did not leave. `None` for another cause than `local_network_down`.
    pub own_queue: Option<Duration>,
}

/// Why a configuration cannot produce a cause on a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreachableReason {
    /// Nothing in this version produces it ([`Cause::is_produced`]).
    NotBuilt,
    /// The value of a key rules the cause out.
    Key {
        /// The path of the key, such as `timeouts.idle_ms`.
        path: String,
        /// The value, as written in the file.
        value: String,
        /// The meaning of the value for the cause.
        consequence: &'static str,
    },
    /// The kernel lacks the information that would show the cause.
    Kernel(&'static str),
}

impl Config {
    /// Returns whether this configuration can produce `cause` on `kernel`, in a session of `profile`.
    ///
    /// It assumes everything that the configuration does not decide: an authenticator, a game that kicks, an operator
    /// who drains, and a client that sends heartbeats. Bounds hold while the game takes its frames: time in which it
    /// takes none does not count towards a silence.
    #[must_use]
    pub fn reach(&self, cause: Cause, profile: &Profile, kernel: KernelAbilities) -> Reach {
        if !cause.is_produced() {
            return Reach::Never(UnreachableReason::NotBuilt);
        }
        let rule = RULES.iter().find(|(of, _)| *of == cause);
        rule.map_or(Reach::Can, |(_, rule)| {
            rule(&Setting {
                config: self,
                profile,
                kernel,
            })
        })
    }

    /// Returns how soon this configuration on `kernel` notices each silent cause that it produces, by profile.
    #[must_use]
    pub fn bounds(&self, kernel: KernelAbilities) -> Vec<Bound> {
        let silent = Cause::ALL.into_iter();
        let silent = silent.filter(|cause| cause.is_silent() && cause.is_produced());
        let profiles = self.profiles();
        let of = |cause: Cause| {
            let each = profiles.iter();
            each.map(move |profile| Bound {
                cause,
                profile: profile.name,
                within: self.reach(cause, profile, kernel).bound(),
                window: Some(profile.resume_window)
                    .filter(|window| cause.resumable() == Resumable::Yes && !window.is_zero()),
            })
            .collect::<Vec<_>>()
        };
        silent.flat_map(of).collect()
    }

    /// Returns when this kernel gives up a session of `profile` whose path is dead. `None` if the time is not known, as
    /// on every system but Linux.
    #[must_use]
    pub fn give_up(&self, profile: &Profile, kernel: KernelAbilities) -> Option<GiveUp> {
        let knobs = self.knobs(profile);
        let rto_max = knobs.rto_max.filter(|_| kernel.rto_max);
        let retries = kernel.retries.unwrap_or(RETRIES_DEFAULT);
        kernel.is_linux.then(|| GiveUp {
            keepalive: knobs.keepalive_end(),
            retransmission: kernel_give_up(rto_max, retries),
            own_queue: Some(own_queue_give_up(retries)),
        })
    }
}

impl Reach {
    /// Returns whether the cause can occur.
    #[must_use]
    pub const fn is_possible(&self) -> bool {
        !matches!(self, Self::Never(_))
    }

    /// Returns the longest time from the last sign of life to the verdict; `None` if none of our clocks bounds it.
    #[must_use]
    pub const fn bound(&self) -> Option<Duration> {
        match self {
            Self::Within(bound) => Some(*bound),
            Self::Can | Self::ByKernel(_) | Self::Never(_) => None,
        }
    }
}

impl GiveUp {
    /// Returns the earlier of the two times for a path that is dead beyond this host.
    #[must_use]
    pub fn earliest(&self) -> Duration {
        self.keepalive
            .map_or(self.retransmission, |at| at.min(self.retransmission))
    }
}

impl fmt::Display for UnreachableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str("not built yet"),
            Self::Key {
                path,
                value,
                consequence,
            } => write!(f, "{path} is {value}: {consequence}"),
            Self::Kernel(lack) => f.write_str(lack),
        }
    }
}

/// The input of a rule.
struct Setting<'a> {
    config: &'a Config,
    profile: &'a Profile,
    kernel: KernelAbilities,
}

impl Setting<'_> {
    /// Why the kernel's counters cannot distinguish one silence from another, if they cannot. The silence needs this part
    /// of `TCP_INFO`.
    fn no_evidence(&self, needs: TcpInfoFields) -> Option<UnreachableReason> {
        if !self.config.is_behind_proxies() {
            return self.lacks(needs);
        }
        let has_list = |listen: &ListenConfig| !listen.proxy.is_empty();
        let (path, value) = match self.config.listen.iter().any(has_list) {
            true => ("listen.proxy", "a list"),
            false => ("listen.behind_proxy", "true"),
        };
        let consequence = "such a silence is recorded as peer_silent";
        Some(key(path, value, consequence))
    }

    /// Why a cause cannot be shown that needs this part of `TCP_INFO`, if it cannot.
    fn lacks(&self, needs: TcpInfoFields) -> Option<UnreachableReason> {
        let lack = match self.kernel.tcp_info.fields {
            fields if fields >= needs => return None,
            TcpInfoFields::Nothing => "this kernel gives no TCP_INFO",
            TcpInfoFields::State => "this kernel's TCP_INFO counts no bytes",
            TcpInfoFields::Counters | TcpInfoFields::Losses | TcpInfoFields::Window => {
                "this kernel tells neither the peer's window nor reordering: Linux does from 5.4 on"
            }
        };
        Some(UnreachableReason::Kernel(lack))
    }

    fn give_up(&self) -> Option<GiveUp> {
        self.config.give_up(self.profile, self.kernel)
    }

    /// Whether the kernel may give up before our own timer decides. It may if its time is not known.
    fn kernel_is_first(&self, give_up: Option<GiveUp>) -> bool {
        let earliest = give_up.map_or(Duration::ZERO, |at| at.earliest());
        self.profile.give_up_min().is_none_or(|min| earliest < min)
    }

    fn bound(&self, silence: Silence) -> Option<Duration> {
        let limits = self.config.session_limits();
        detection_bound(silence, self.profile, limits.write_progress_timeout)
    }

    /// A cause that our own limit finds and the kernel's counters confirm.
    fn by_evidence(&self, silence: Silence, needs: TcpInfoFields) -> Reach {
        match (self.no_evidence(needs), self.bound(silence)) {
            (Some(why), _) => Reach::Never(why),
            (None, Some(bound)) => Reach::Within(bound),
            (None, None) => Reach::Never(self.dead_limit("never")),
        }
    }

    /// The same for a cause that the kernel may also report by an error, when it gives up by itself.
    fn path(&self, silence: Silence, give_up: Option<GiveUp>) -> Reach {
        let ours = self
            .bound(silence)
            .filter(|_| !self.kernel_is_first(give_up));
        match (self.no_evidence(TcpInfoFields::Counters), ours) {
            (None, Some(bound)) => Reach::Within(bound),
            (Some(why), Some(_)) => Reach::Never(why),
            (_, None) => Reach::ByKernel(give_up),
        }
    }

    fn dead_limit(&self, consequence: &'static str) -> UnreachableReason {
        let path = format!("liveness.profiles.{}.dead_ms", self.profile.name);
        key(&path, self.profile.dead.map_or(0, to_ms), consequence)
    }
}

/// Decides whether one cause can occur.
type Rule = fn(&Setting<'_>) -> Reach;

/// The causes that depend on the configuration or the kernel. Every other cause that is produced can always occur.
const RULES: [(Cause, Rule); 20] = [
    (Cause::ResetAfterOutage, reset_after_outage),
    (Cause::PathDead, path_dead),
    (Cause::PathDeadOutbound, path_dead_outbound),
    (Cause::LocalNetworkDown, local_network_down),
    (Cause::PeerFrozen, peer_frozen),
    (Cause::PeerNotReading, peer_not_reading),
    (Cause::PeerSilent, peer_silent),
    (Cause::SendQueueStale, send_queue_stale),
    (Cause::Idle, idle),
    (Cause::AlreadyLoggedIn, by_second_login),
    (Cause::AddressLimit, address_limit),
    (Cause::AddressDenied, address_denied),
    (Cause::RateLimited, rate_limited),
    (Cause::ProxyHeaderInvalid, proxy_header_invalid),
    (Cause::TlsFailed, by_tls),
    (Cause::TlsTimeout, by_tls),
    (Cause::TlsTruncated, by_tls),
    (Cause::ReplacedByLogin, by_second_login),
    (Cause::SupersededByResume, superseded_by_resume),
    (Cause::SocketDestroyed, socket_destroyed),
];

fn reset_after_outage(setting: &Setting<'_>) -> Reach {
    setting
        .lacks(TcpInfoFields::Counters)
        .map_or(Reach::Can, Reach::Never)
}

/// Found at our dead limit by the kernel's counters. If the kernel gives up first, only its error shows the cause.
fn path_dead(setting: &Setting<'_>) -> Reach {
    let give_up = setting.give_up();
    let give_up = give_up.map(|at| GiveUp {
        own_queue: None,
        ..at
    });
    setting.path(Silence::PathDead, give_up)
}

/// A kernel that gives up also reports this cause, but only for a connection with unsent or unacknowledged data.
fn local_network_down(setting: &Setting<'_>) -> Reach {
    let give_up = setting.give_up();
    let give_up = give_up.map(|at| GiveUp {
        keepalive: None,
        ..at
    });
    match setting.lacks(TcpInfoFields::Counters) {
        None => setting.path(Silence::LocalNetworkDown, give_up),
        Some(why) => Reach::Never(why),
    }
}

fn path_dead_outbound(setting: &Setting<'_>) -> Reach {
    setting.by_evidence(Silence::PathDeadOutbound, TcpInfoFields::Counters)
}

fn peer_frozen(setting: &Setting<'_>) -> Reach {
    setting.by_evidence(Silence::PeerFrozen, TcpInfoFields::Window)
}

fn peer_not_reading(setting: &Setting<'_>) -> Reach {
    match setting.config.session_limits().write_progress_timeout {
        Some(_) => setting.by_evidence(Silence::PeerNotReading, TcpInfoFields::Window),
        None => Reach::Never(key("timeouts.write_progress_ms", 0, "off")),
    }
}

/// Without the kernel's counters no outage shows, and no peer is waited for beyond the dead limit.
fn peer_silent(setting: &Setting<'_>) -> Reach {
    let bound = match setting.no_evidence(TcpInfoFields::Counters) {
        Some(_) => setting.profile.dead.map(|dead| dead.saturating_add(SWEEP)),
        None => setting.bound(Silence::PeerSilent),
    };
    bound.map_or_else(|| Reach::Never(setting.dead_limit("never")), Reach::Within)
}

fn send_queue_stale(setting: &Setting<'_>) -> Reach {
    match setting.config.session_limits().outbound_age_max {
        Some(_) => Reach::Can,
        None => Reach::Never(key("timeouts.outbound_age_ms", 0, "off")),
    }
}

fn idle(setting: &Setting<'_>) -> Reach {
    match setting.config.session_limits().idle_timeout {
        Some(idle) => Reach::Within(idle.saturating_add(SWEEP)),
        None => Reach::Never(key("timeouts.idle_ms", 0, "off")),
    }
}

fn address_limit(setting: &Setting<'_>) -> Reach {
    let admission = &setting.config.admission;
    match (
        admission.address_connections_max,
        admission.address_rate_max,
    ) {
        (0, 0) => Reach::Never(key(
            "admission.address_connections_max",
            0,
            "no limit, and address_rate_max is 0, too",
        )),
        _ => Reach::Can,
    }
}

fn address_denied(setting: &Setting<'_>) -> Reach {
    let admission = &setting.config.admission;
    match admission.allow.is_empty() && admission.deny.is_empty() {
        true => Reach::Never(key(
            "admission.deny",
            "[]",
            "no address is denied, and admission.allow is empty, too",
        )),
        false => Reach::Can,
    }
}

fn proxy_header_invalid(setting: &Setting<'_>) -> Reach {
    let mut listeners = setting.config.listen.iter();
    match listeners.all(|listen| listen.proxy.is_empty()) {
        true => Reach::Never(key("listen.proxy", "[]", "no PROXY header is awaited")),
        false => Reach::Can,
    }
}

fn rate_limited(setting: &Setting<'_>) -> Reach {
    let limits = setting.config.session_limits();
    match (
        limits.frame_rate.or(limits.byte_rate),
        limits.over_rate_timeout,
    ) {
        (None, _) => Reach::Never(key(
            "rates.frames_per_second",
            0,
            "off, and so is rates.bytes_per_second",
        )),
        (Some(_), None) => Reach::Never(key(
            "rates.over_ms",
            0,
            "a client over its rate is slowed and never closed",
        )),
        (Some(_), Some(_)) => Reach::Can,
    }
}

/// A game may also give certificates to the builder, which the configuration does not show.
fn by_tls(setting: &Setting<'_>) -> Reach {
    let mut listeners = setting.config.listen.iter();
    match listeners.all(|listen| listen.tls.is_empty()) {
        true => Reach::Never(key("listen.tls", "[]", "there is no TLS")),
        false => Reach::Can,
    }
}

/// With `replace` a login is refused while a later one waits, and with `refuse` a suspect session is replaced. So both
/// causes occur with both policies. A game may also choose what `auto` is.
fn by_second_login(setting: &Setting<'_>) -> Reach {
    match setting.config.sessions.second_login {
        SecondLogin::Allow => Reach::Never(key(
            "sessions.second_login",
            "\"allow\"",
            "all sessions of a player are live",
        )),
        SecondLogin::Auto | SecondLogin::Replace | SecondLogin::Refuse => Reach::Can,
    }
}

fn superseded_by_resume(setting: &Setting<'_>) -> Reach {
    if setting.profile.resume_window.is_zero() {
        let path = format!(
            "liveness.profiles.{}.resume_window_ms",
            setting.profile.name
        );
        return Reach::Never(key(&path, 0, "a session ends with its connection"));
    }
    Reach::Can
}

fn socket_destroyed(setting: &Setting<'_>) -> Reach {
    if setting.kernel.is_linux {
        Reach::Can
    } else {
        Reach::Never(UnreachableReason::Kernel(
            "only Linux can destroy another's socket",
        ))
    }
}

fn key(path: &str, value: impl fmt::Display, consequence: &'static str) -> UnreachableReason {
    UnreachableReason::Key {
        path: path.to_owned(),
        value: value.to_string(),
        consequence,
    }
}
