//! The parameters of `/api/sessions`.

use std::net::{IpAddr, SocketAddr};

use lastword_server::{Diagnosis, SessionId, SessionInfo, canonical};

use crate::closes::query::{InvalidQuery, once, one, size};

/// Selects sessions. A missing parameter matches every session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SessionsQuery {
    player: Option<String>,
    address: Option<Address>,
    profile: Option<String>,
    link: Option<LinkState>,
    /// The most sessions.
    pub(super) limit: usize,
    /// Only sessions after this one.
    pub(super) after: Option<SessionId>,
}

/// A peer's address, with or without its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Ip(IpAddr),
    Port(SocketAddr),
}

/// The state of the link to a session's peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkState {
    Healthy,
    Suspended,
    Suspect,
    As(Diagnosis),
}

impl SessionsQuery {
    /// Parses the text after the `?`; `profiles` are the names that the configuration has.
    ///
    /// # Errors
    /// The first wrong parameter.
    pub(super) fn parse(query: &str, profiles: &[&str]) -> Result<Self, InvalidQuery> {
        let (mut player, mut address, mut profile, mut link) = (None, None, None, None);
        let (mut limit, mut after) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "player" => once("player", &mut player, value.into_owned())?,
                "address" => {
                    let read = one("address", &value, ADDRESSES, Address::parse)?;
                    once("address", &mut address, read)?;
                }
                "profile" => {
                    let known = |name: &str| profiles.contains(&name).then(|| name.to_owned());
                    let read = one("profile", &value, &profiles.join(", "), known)?;
                    once("profile", &mut profile, read)?;
                }
                "link" => {
                    let read = one("link", &value, &LinkState::allowed(), LinkState::parse)?;
                    once("link", &mut link, read)?;
                }
                "limit" => {
                    let allowed = format!("1 to {LIMIT_MAX}");
                    once(
                        "limit",
                        &mut limit,
                        one("limit", &value, &allowed, size::<LIMIT_MAX>)?,
                    )?;
                }
                "after" => {
                    let id = one("after", &value, SESSIONS, |id| id.parse().ok())?;
                    once("after", &mut after, id)?;
                }
                _ => return Err(InvalidQuery::unknown(&name, PARAMETERS)),
            }
        }
        Ok(Self {
            player,
            address,
            profile,
            link,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            after,
        })
    }

    /// Whether the query matches this session.
    pub(super) fn asks_for(&self, session: &SessionInfo) -> bool {
        let of_player = self.player.as_ref().is_none_or(|name| session.is_of(name));
        let address = self.address.is_none_or(|is| is.is_of(session.remote));
        let own = session.profile.as_ref().map(|profile| profile.as_str());
        let profile = self.profile.is_none() || self.profile.as_deref() == own;
        let link = self
            .link
            .is_none_or(|is| is.is_of(session.suspended, session.suspected));
        of_player && address && profile && link
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let ip = text.parse().ok().map(|ip: IpAddr| ip.to_canonical());
        let addr = || text.parse().ok().map(canonical);
        ip.map(Self::Ip).or_else(|| addr().map(Self::Port))
    }

    /// Both addresses are canonical. The scope of a link-local address is not compared.
    fn is_of(self, remote: SocketAddr) -> bool {
        match self {
            Self::Ip(asked) => asked == remote.ip(),
            Self::Port(asked) => (asked.ip(), asked.port()) == (remote.ip(), remote.port()),
        }
    }
}

impl LinkState {
    fn parse(label: &str) -> Option<Self> {
        match label {
            HEALTHY => Some(Self::Healthy),
            SUSPENDED => Some(Self::Suspended),
            SUSPECT => Some(Self::Suspect),
            _ => {
                let mut all = Diagnosis::ALL.into_iter();
                all.find(|each| each.label() == label).map(Self::As)
            }
        }
    }

    fn allowed() -> String {
        let diagnoses = Diagnosis::ALL.map(Diagnosis::label).join(", ");
        format!("{HEALTHY}, {SUSPENDED}, {SUSPECT}, {diagnoses}")
    }

    fn is_of(self, suspended: bool, suspected: Option<Diagnosis>) -> bool {
        match self {
            Self::Healthy => !suspended && suspected.is_none(),
            Self::Suspended => suspended,
            Self::Suspect => suspected.is_some(),
            Self::As(diagnosis) => suspected == Some(diagnosis),
        }
    }
}

/// The label of a link, as the parameter `link` takes it. The peer of a suspended session is not suspect: it has no
/// connection.
pub(super) fn link_label(suspended: bool, suspected: Option<Diagnosis>) -> &'static str {
    let here = if suspended { SUSPENDED } else { HEALTHY };
    suspected.map_or(here, Diagnosis::label)
}

const HEALTHY: &str = "healthy";
const SUSPENDED: &str = "suspended";
const SUSPECT: &str = "suspect";
const PARAMETERS: &str = "player, address, profile, link, limit and after";
const ADDRESSES: &str = "an IP address such as 192.0.2.7 or 2001:db8::7, or one with its port: \
    192.0.2.7:50123, [2001:db8::7]:50123";
const SESSIONS: &str = "the id of a session, 32 hexadecimal digits";
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [&str; 2] = ["standard", "mobile"];

    fn parse(query: &str) -> Result<SessionsQuery, InvalidQuery> {
        SessionsQuery::parse(query, &PROFILES)
    }

    #[test]
    fn nothing_asks_for_the_first_hundred() {
        let all = SessionsQuery {
            player: None,
            address: None,
            profile: None,
            link: None,
            limit: 100,
            after: None,
        };
        assert_eq!(parse(""), Ok(all));
    }

    #[test]
    fn every_parameter_is_read() {
        let query = "player=an%20n%2B%C3%A9&address=%5B::1%5D:7000&profile=mobile&link=peer_frozen&limit=1000\
                     &after=000102030405060708090a0b0c0d0e0f";
        let expected = SessionsQuery {
            player: Some("an n+é".to_owned()),
            address: Some(Address::Port("[::1]:7000".parse().unwrap())),
            profile: Some("mobile".to_owned()),
            link: Some(LinkState::As(Diagnosis::PeerFrozen)),
            limit: 1_000,
            after: Some(SessionId::from_bytes(std::array::from_fn(|n| {
                u8::try_from(n).unwrap()
            }))),
        };
        assert_eq!(parse(query), Ok(expected));
    }

    #[test]
    fn an_address_matches_in_every_form_with_or_without_its_port() {
        let remote = "192.0.2.7:5000".parse().unwrap();
        for (text, is) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.7:5000", true),
            ("[::ffff:192.0.2.7]:5000", true),
            ("192.0.2.7:5001", false),
            ("192.0.2.70", false),
            ("::1", false),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.is_of(remote), is, "{text}");
        }
    }

    #[test]
    fn a_link_is_healthy_or_suspect_or_what_its_silence_looks_like() {
        let all = [None].into_iter().chain(Diagnosis::ALL.map(Some));
        for suspected in all {
            let of = |label| LinkState::parse(label).unwrap().is_of(false, suspected);
            assert_eq!(of("healthy"), suspected.is_none());
            assert_eq!(of("suspect"), suspected.is_some());
            assert!(of(link_label(false, suspected)) && !of("suspended"));
            assert_eq!(of("path_dead"), suspected == Some(Diagnosis::PathDead));
        }
    }

    #[test]
    fn a_suspended_session_is_neither_healthy_nor_suspect() {
        let of = |label| LinkState::parse(label).unwrap().is_of(true, None);
        assert_eq!(link_label(true, None), "suspended");
        let asked = ["suspended", "healthy", "suspect", "path_dead"];
        assert_eq!(asked.map(of), [true, false, false, false]);
    }

    #[test]
    fn an_invalid_parameter_is_refused_in_one_line_that_lists_the_allowed_values() {
        for (query, line) in [
            (
                "players=ann",
                "there is no parameter `players`; allowed is player, address, profile, link, limit and after",
            ),
            (
                "address=10.0.0.0/8",
                "`address` is \"10.0.0.0/8\"; allowed is an IP address such as 192.0.2.7 or 2001:db8::7, or one with \
                 its port: 192.0.2.7:50123, [2001:db8::7]:50123",
            ),
            (
                "profile=mobil",
                "`profile` is \"mobil\"; allowed is standard, mobile",
            ),
            (
                "link=dead",
                "`link` is \"dead\"; allowed is healthy, suspended, suspect, undecided, path_dead, path_dead_outbound, \
                 local_network_down, peer_frozen, peer_silent",
            ),
            ("limit=1001", "`limit` is \"1001\"; allowed is 1 to 1000"),
            (
                "after=7",
                "`after` is \"7\"; allowed is the id of a session, 32 hexadecimal digits",
            ),
            (
                "player=a&player=b",
                "`player` is given twice; allowed is once",
            ),
        ] {
            assert_eq!(parse(query).unwrap_err().to_string(), line);
        }
    }
}
