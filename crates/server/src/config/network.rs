//! A network of addresses: a prefix of IPv4 or IPv6, for the lists of the configuration.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A network: the addresses that begin with the same bits, such as `10.0.0.0/8`, `2001:db8::/32` or one address.
///
/// An IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`) is the IPv4 address itself, in a text and in
/// [`Network::contains`]. So `0.0.0.0/0` has every IPv4 address, and `::/0` has every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// The error for a text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNetwork {
    /// The text before the slash is not an address.
    #[error("{addr:?} is not an IP address: write one such as 192.0.2.1 or 2001:db8::1")]
    Address {
        /// The text.
        addr: String,
    },
    /// The text behind the slash is not the length of a prefix.
    #[error("{prefix:?} is not the length of a prefix: write a number from {min} to {max}")]
    Prefix {
        /// The text.
        prefix: String,
        /// The least: 96 for an IPv4 address that is mapped into IPv6, else 0.
        min: u8,
        /// The number of bits of the address: 32 or 128.
        max: u8,
    },
    /// The address has bits behind the prefix, so either of the two may be wrong.
    #[error("{addr}/{} has bits behind its prefix: write {network}", .network.prefix)]
    BitsBehindPrefix {
        /// The address.
        addr: IpAddr,
        /// The network that this prefix makes of the address.
        network: Network,
    },
}

impl Network {
    /// Makes the network of the addresses that have the first `prefix` bits of this one. A prefix beyond the address's
    /// length counts as the whole length.
    #[must_use]
    pub fn of(addr: IpAddr, prefix: u8) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(addr) => {
                let prefix = prefix.min(V4_BITS);
                let behind = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let first = Ipv4Addr::from_bits(addr.to_bits() & !behind).into();
                Self { first, prefix }
            }
            IpAddr::V6(addr) => {
                let prefix = prefix.min(V6_BITS);
                let behind = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let first = Ipv6Addr::from_bits(addr.to_bits() & !behind).into();
                Self { first, prefix }
            }
        }
    }

    /// Returns whether the address belongs to this network.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        addr.is_ipv4() == self.first.is_ipv4() && Self::of(addr, self.prefix) == *self
    }

    /// Returns the first address.
    #[must_use]
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Returns the number of bits that all addresses of this network have in common.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let text = text.trim();
        let (addr, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = addr.parse().map_err(|_| NoNetwork::Address {
            addr: addr.to_owned(),
        })?;
        let addr = written.to_canonical();
        // The prefix of a mapped address also counts the bits before the IPv4 address.
        let max = bits(written);
        let min = max - bits(addr);
        let len = prefix.map_or(Some(max), digits).filter(|len| *len <= max);
        let Some(prefix) = len.and_then(|len| len.checked_sub(min)) else {
            let prefix = prefix.unwrap_or_default().to_owned();
            return Err(NoNetwork::Prefix { prefix, min, max });
        };
        let network = Self::of(addr, prefix);
        if network.first == addr {
            Ok(network)
        } else {
            Err(NoNetwork::BitsBehindPrefix { addr, network })
        }
    }
}

/// The way to write it: without the prefix, if the network is one address.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.first) {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

fn bits(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(_) => V4_BITS,
        IpAddr::V6(_) => V6_BITS,
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u8> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

const V4_BITS: u8 = 32;
const V6_BITS: u8 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_with_its_prefix_and_no_others() {
        for (text, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
                &["9.255.255.255", "11.0.0.0", "::a00:1"][..],
            ),
            (
                "192.0.2.1",
                &["192.0.2.1", "::ffff:192.0.2.1"],
                &["192.0.2.0", "192.0.2.2"],
            ),
            (
                "2001:db8::/32",
                &["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
                &["2001:db7:ffff::", "2001:db9::", "32.1.13.184"],
            ),
            ("2001:db8::1", &["2001:db8::1"], &["2001:db8::2"]),
            (
                "0.0.0.0/0",
                &["255.255.255.255", "::ffff:1.2.3.4"],
                &["::1"],
            ),
            (
                "::/0",
                &["::1", "ffff::"],
                &["127.0.0.1", "::ffff:127.0.0.1"],
            ),
            ("fe80::/65", &["fe80::7fff:0:0:0"], &["fe80::8000:0:0:0"]),
            ("127.0.0.0/31", &["127.0.0.1"], &["127.0.0.2"]),
        ] {
            let network = network(text);
            for addr in inside {
                assert!(network.contains(addr.parse().unwrap()), "{text} {addr}");
            }
            for addr in outside {
                assert!(!network.contains(addr.parse().unwrap()), "{text} {addr}");
            }
            assert_eq!(network.to_string(), text);
        }
    }

    #[test]
    fn an_ipv4_address_that_is_mapped_into_ipv6_is_the_ipv4_address() {
        for (text, same) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1/128", "192.0.2.1/32"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(network(text), network(same), "{text}");
        }
        let mapped = Network::of("::ffff:192.0.2.9".parse().unwrap(), 24);
        assert_eq!(mapped, network("192.0.2.0/24"));
    }

    #[test]
    fn every_prefix_of_an_address_makes_a_network_that_contains_the_address() {
        for addr in ["203.0.113.77", "2001:db8:1:2:3:4:5:6"] {
            let addr: IpAddr = addr.parse().unwrap();
            for prefix in 0..=u8::MAX {
                let network = Network::of(addr, prefix);
                assert!(network.contains(addr), "{addr} {prefix}");
                assert_eq!(network.to_string().parse(), Ok(network), "{addr} {prefix}");
            }
        }
    }

    #[test]
    fn a_text_that_is_not_a_network_is_refused_with_the_way_to_write_it() {
        let told = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert_eq!(
            told("10.0.0.1/8"),
            "10.0.0.1/8 has bits behind its prefix: write 10.0.0.0/8"
        );
        assert_eq!(
            told("2001:db8::1/64"),
            "2001:db8::1/64 has bits behind its prefix: write 2001:db8::/64"
        );
        assert_eq!(
            told("example.com"),
            "\"example.com\" is not an IP address: write one such as 192.0.2.1 or 2001:db8::1"
        );
        for text in [
            "",
            "/8",
            "10.0.0",
            "10.0.0.0.0/8",
            "fe80::1%eth0",
            "[::1]",
            "::1:",
        ] {
            assert!(told(text).contains("is not an IP address"), "{text}");
        }
        for (text, allowed) in [
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.0/-1", "0 to 32"),
            ("10.0.0.0/255.0.0.0", "0 to 32"),
            ("::/129", "0 to 128"),
            ("::1/256", "0 to 128"),
            ("::ffff:10.0.0.0/8", "96 to 128"),
        ] {
            let expected = format!("write a number from {allowed}");
            assert!(told(text).ends_with(&expected), "{text}: {}", told(text));
        }
    }
}
