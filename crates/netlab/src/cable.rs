//! The cables as the router's `nftables` sees them: the packets that pass in each direction of each side.

use std::io;
use std::iter;

use crate::direction::Direction;
use crate::host::Host;
use crate::lab::Lab;
use crate::share::Share;

/// Changes to the cables, between the hosts' interfaces and the router's. Neither host is notified, and every interface
/// stays up.
///
/// Each direction of each side has two independent conditions, and a packet must pass both. First, it is *open or cut*:
/// the last of [`Lab::cut`], [`Lab::drop_from`], [`Lab::drop_towards`], [`Lab::drop_large_from`], [`Lab::refuse`] and
/// [`Lab::mend`] on a side sets what its two directions discard. Second, it *loses a share*: the last of [`Lab::lose`],
/// [`Lab::lose_from`] and [`Lab::lose_towards`] for the direction sets the share. Cuts and mends do not change the
/// share. Delay ([`Lab::delay`]) is a third independent condition. ARP and the neighbour discovery of IPv6 always pass,
/// so neighbours stay known.
impl Lab {
    /// Cuts a side's cable: nothing passes either way.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn cut(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &Direction::BOTH, "drop")
    }

    /// Discards the packets that a host sends; packets towards it pass.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn drop_from(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &[Direction::From], "drop")
    }

    /// Discards the packets towards a host; packets that it sends pass.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn drop_towards(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &[Direction::Towards], "drop")
    }

    /// Discards the IP packets of more than this many bytes that a host sends, without an ICMP message; smaller
    /// packets and everything towards the host pass. Paths that lose the messages of path MTU discovery behave like
    /// this (RFC 2923, 2.1).
    ///
    /// From the first call on, the hosts send packets of at most 1,500 bytes, as with [`Lab::lose`].
    ///
    /// # Errors
    ///
    /// When `nft` or `ip` fails.
    pub fn drop_large_from(&self, host: Host, bytes: u16) -> io::Result<()> {
        for sender in Host::ALL {
            self.send_singly(sender)?;
        }
        let verdict = format!("meta length > {bytes} drop");
        self.set_cut(host, &[Direction::From], &verdict)
    }

    /// Lets the router answer each TCP packet from or to a host instead of forwarding it, as a NAT does that has
    /// forgotten its connections.
    ///
    /// # Errors
    ///
    /// When `nft` fails, as it does where the kernel lacks `reject`.
    pub fn refuse(&self, host: Host, refusal: Refusal) -> io::Result<()> {
        let name = host.name();
        let verdict = format!("meta l4proto tcp reject with {}", refusal.answer());
        let chain = refused(host);
        let rules = ["iifname", "oifname"]
            .map(|interface| format!("add rule inet lab {chain} {interface} {name} {verdict}\n"));
        self.filter(&format!("{}{}", open(host), rules.concat()))
    }

    /// Ends a [`Lab::cut`], [`Lab::drop_from`], [`Lab::drop_towards`], [`Lab::drop_large_from`] or [`Lab::refuse`] of a
    /// side; its lost share and its delay stay.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn mend(&self, host: Host) -> io::Result<()> {
        self.filter(&open(host))
    }

    /// Loses a share of a side's packets in each direction, each packet separately and at random; [`Share::NONE`] ends
    /// it.
    ///
    /// With a share of 5 % each way on one side, a round trip fails with 9.75 %. From the first loss on, the hosts send
    /// packets of at most 1,500 bytes. Otherwise a virtual wire carries up to 64 KB as one packet, and would lose all
    /// of it together.
    ///
    /// # Errors
    ///
    /// When `nft` or `ip` fails.
    pub fn lose(&self, host: Host, share: Share) -> io::Result<()> {
        self.set_loss(host, &Direction::BOTH, share)
    }

    /// Loses a share of the packets that a host sends, as [`Lab::lose`] does in both directions.
    ///
    /// # Errors
    ///
    /// When `nft` or `ip` fails.
    pub fn lose_from(&self, host: Host, share: Share) -> io::Result<()> {
        self.set_loss(host, &[Direction::From], share)
    }

    /// Loses a share of the packets towards a host, as [`Lab::lose`] does in both directions.
    ///
    /// # Errors
    ///
    /// When `nft` or `ip` fails.
    pub fn lose_towards(&self, host: Host, share: Share) -> io::Result<()> {
        self.set_loss(host, &[Direction::Towards], share)
    }

    fn set_cut(&self, host: Host, directions: &[Direction], verdict: &str) -> io::Result<()> {
        let rules = directions
            .iter()
            .map(|direction| direction.rule(host, CUT, verdict));
        self.filter(&iter::once(open(host)).chain(rules).collect::<String>())
    }

    fn set_loss(&self, host: Host, directions: &[Direction], share: Share) -> io::Result<()> {
        for sender in Host::ALL {
            self.send_singly(sender)?;
        }
        let transaction: String = directions
            .iter()
            .flat_map(|direction| {
                let rule = verdict(share).map(|verdict| direction.rule(host, LOSS, &verdict));
                iter::once(direction.flush(host, LOSS)).chain(rule)
            })
            .collect();
        self.filter(&transaction)
    }

    fn filter(&self, transaction: &str) -> io::Result<()> {
        self.router()
            .feed("nft", &["-f", "-"], transaction)
            .map(drop)
    }

    /// The table with its empty chains, one for each condition of each direction, so that each can change separately.
    pub(crate) fn table() -> String {
        let mut table = "add table inet lab\n".to_owned();
        for host in Host::ALL {
            table.push_str(&format!(
                "add chain inet lab {} {{ type filter hook forward priority 0; }}\n",
                refused(host)
            ));
            for direction in Direction::BOTH {
                table.push_str(&direction.declare(host, CUT));
                table.push_str(&direction.declare(host, LOSS));
            }
        }
        table
    }
}

impl Direction {
    /// Uses the first hook for packets from a host and the last hook for packets to it. So the router's own packets are
    /// dropped like all others.
    fn declare(self, host: Host, condition: &str) -> String {
        let chain = self.chain(host, condition);
        let hook = match self {
            Self::From => "prerouting",
            Self::Towards => "postrouting",
        };
        format!("add chain inet lab {chain} {{ type filter hook {hook} priority -300; }}\n")
    }

    fn flush(self, host: Host, condition: &str) -> String {
        format!("flush chain inet lab {}\n", self.chain(host, condition))
    }

    fn rule(self, host: Host, condition: &str, verdict: &str) -> String {
        let (chain, name) = (self.chain(host, condition), host.name());
        let interface = match self {
            Self::From => "iifname",
            Self::Towards => "oifname",
        };
        [
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
            verdict,
        ]
        .map(|verdict| format!("add rule inet lab {chain} {interface} {name} {verdict}\n"))
        .concat()
    }

    fn chain(self, host: Host, condition: &str) -> String {
        let name = host.name();
        match self {
            Self::From => format!("{condition}_from_{name}"),
            Self::Towards => format!("{condition}_towards_{name}"),
        }
    }
}

/// The router's answer to a packet that it does not forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A reset of the connection (RFC 9293), which both ends accept.
    Reset,
    /// An ICMP message that the host is unreachable. TCP treats it as a temporary condition (RFC 1122, 4.2.3.9).
    Unreachable,
}

impl Refusal {
    const fn answer(self) -> &'static str {
        match self {
            Self::Reset => "tcp reset",
            Self::Unreachable => "icmpx host-unreachable",
        }
    }
}

/// The commands that open both directions of a side.
fn open(host: Host) -> String {
    let [from, towards] = Direction::BOTH.map(|direction| direction.flush(host, CUT));
    format!("{from}{towards}flush chain inet lab {}\n", refused(host))
}

/// The chain of a side's refusals.
fn refused(host: Host) -> String {
    format!("refused_{}", host.name())
}

/// Returns the verdict of a rule that loses a share, or `None` where no packet is lost.
fn verdict(share: Share) -> Option<String> {
    match share {
        Share::NONE => None,
        Share::WHOLE => Some("drop".to_owned()),
        _ => Some(format!(
            "numgen random mod 1000 < {} drop",
            share.thousandths()
        )),
    }
}

const CUT: &str = "cut";
const LOSS: &str = "loss";
