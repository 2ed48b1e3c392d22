//! The place of a server, as a person writes it: a host name or an IP address, and a port.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use lastword_transport::canonical;
use tokio::net::lookup_host;

/// The place of a server: a host name or an IP address, and a port.
///
/// It converts from `"eu.example.net:7000"`, `"127.0.0.1:7000"` or `"[::1]:7000"`, from a host and a port such as
/// `("eu.example.net", 7000)`, or from a [`SocketAddr`]. A name is resolved again at each connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddr(Place);

/// A text that is not a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {problem}")]
pub struct InvalidServerAddr {
    text: String,
    problem: Problem,
}

impl ServerAddr {
    /// Looks up the addresses of both families, in the order of the system's resolver. An IP address returns itself. An
    /// IPv4 address in the form of IPv6, `::ffff:192.0.2.7`, returns `192.0.2.7`.
    ///
    /// # Errors
    /// The resolver's error, or `NotFound` where the name has no address.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = match &self.0 {
            Place::Addr(addr) => return Ok(vec![canonical(*addr)]),
            Place::Name { host, port } => (host.as_str(), *port),
        };
        let addrs: Vec<_> = lookup_host((host, port)).await?.map(canonical).collect();
        if addrs.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        Ok(addrs)
    }

    /// Returns the host as it was written, without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.0 {
            Place::Addr(addr) => addr.ip().to_string(),
            Place::Name { host, .. } => host.clone(),
        }
    }

    /// Returns whether it has to be looked up.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self.0, Place::Name { .. })
    }

    fn of_host(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self(Place::Addr(SocketAddr::new(ip, port))),
            Err(_) => Self(Place::Name {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Addr(addr) => write!(f, "{addr}"),
            // An IPv6 address with the name of an interface.
            Place::Name { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl FromStr for ServerAddr {
    type Err = InvalidServerAddr;

    fn from_str(text: &str) -> Result<Self, InvalidServerAddr> {
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return match addr.port() {
                0 => Err(Problem::Port.of(text)),
                _ => Ok(Self(Place::Addr(addr))),
            };
        }
        let (host, port) = split(text).map_err(|problem| problem.of(text))?;
        match port.parse() {
            Ok(port) if port > 0 => Ok(Self::of_host(host, port)),
            Ok(_) | Err(_) => Err(Problem::Port.of(text)),
        }
    }
}

impl TryFrom<&str> for ServerAddr {
    type Error = InvalidServerAddr;

    fn try_from(text: &str) -> Result<Self, InvalidServerAddr> {
        text.parse()
    }
}

impl TryFrom<&String> for ServerAddr {
    type Error = InvalidServerAddr;

    fn try_from(text: &String) -> Result<Self, InvalidServerAddr> {
        text.parse()
    }
}

impl TryFrom<String> for ServerAddr {
    type Error = InvalidServerAddr;

    fn try_from(text: String) -> Result<Self, InvalidServerAddr> {
        text.parse()
    }
}

impl From<SocketAddr> for ServerAddr {
    fn from(addr: SocketAddr) -> Self {
        Self(Place::Addr(addr))
    }
}

impl From<(IpAddr, u16)> for ServerAddr {
    fn from(addr: (IpAddr, u16)) -> Self {
        Self::from(SocketAddr::from(addr))
    }
}

impl From<([u8; 4], u16)> for ServerAddr {
    fn from(addr: ([u8; 4], u16)) -> Self {
        Self::from(SocketAddr::from(addr))
    }
}

impl From<(&str, u16)> for ServerAddr {
    fn from((host, port): (&str, u16)) -> Self {
        Self::of_host(host, port)
    }
}

impl From<(String, u16)> for ServerAddr {
    fn from((host, port): (String, u16)) -> Self {
        Self::of_host(&host, port)
    }
}

impl From<&Self> for ServerAddr {
    fn from(server: &Self) -> Self {
        server.clone()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Addr(SocketAddr),
    Name { host: String, port: u16 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("has no port: write HOST:PORT, as in eu.example.net:7000")]
    NoPort,
    #[error("has no valid port: write HOST:PORT with a port from 1 to 65535")]
    Port,
    #[error("has no host: write HOST:PORT, as in eu.example.net:7000")]
    NoHost,
    #[error("is a URL: write HOST:PORT alone, as in eu.example.net:7000")]
    Url,
    #[error("has several colons: write an IPv6 address in brackets, as in [::1]:7000")]
    Brackets,
}

impl Problem {
    fn of(self, text: &str) -> InvalidServerAddr {
        InvalidServerAddr {
            text: text.to_owned(),
            problem: self,
        }
    }
}

/// Splits a text into the host, without brackets, and the text of the port.
fn split(text: &str) -> Result<(&str, &str), Problem> {
    if text.contains('/') {
        return Err(Problem::Url);
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").ok_or(Problem::NoPort)?,
        None => text.rsplit_once(':').ok_or(Problem::NoPort)?,
    };
    if host.is_empty() {
        return Err(Problem::NoHost);
    }
    if host.contains(':') && !text.starts_with('[') {
        return Err(Problem::Brackets);
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_read() {
        for text in [
            "eu.example.net:7000",
            "localhost:1",
            "127.0.0.1:65535",
            "[::1]:7000",
            "[fe80::1%eth0]:7000",
        ] {
            let server: ServerAddr = text.parse().expect("it is sound");
            assert_eq!(server.to_string(), text);
        }
    }

    #[test]
    fn a_host_and_a_port_are_the_same_as_their_text() {
        let read = |text: &str| text.parse::<ServerAddr>().expect("it is sound");
        assert_eq!(
            ServerAddr::from(("eu.example.net", 7000)),
            read("eu.example.net:7000")
        );
        assert_eq!(ServerAddr::from(("::1", 7000)), read("[::1]:7000"));
        assert_eq!(
            ServerAddr::from(([127, 0, 0, 1], 7000)),
            read("127.0.0.1:7000")
        );
    }

    #[test]
    fn a_text_that_is_no_address_says_what_to_write() {
        for (text, problem) in [
            ("", Problem::NoPort),
            ("eu.example.net", Problem::NoPort),
            ("127.0.0.1", Problem::NoPort),
            ("[::1]", Problem::NoPort),
            ("eu.example.net:", Problem::Port),
            ("eu.example.net:game", Problem::Port),
            ("eu.example.net:65536", Problem::Port),
            ("eu.example.net:0", Problem::Port),
            ("127.0.0.1:0", Problem::Port),
            (":7000", Problem::NoHost),
            ("http://eu.example.net:7000", Problem::Url),
            ("::1:7000", Problem::Brackets),
        ] {
            let read = text.parse::<ServerAddr>();
            assert_eq!(read, Err(problem.of(text)), "{text:?}");
        }
        let error = "eu.example.net".parse::<ServerAddr>().expect_err("no port");
        assert_eq!(
            error.to_string(),
            "\"eu.example.net\" has no port: write HOST:PORT, as in eu.example.net:7000"
        );
    }
}
