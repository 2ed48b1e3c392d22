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
/// the last of [`Lab::cut`], [`Lab::drop_from`], [`Lab::drop_towards`] and [`Lab::mend`] on a side sets which of its
/// two directions are cut. Second, it *loses a share*: the last of [`Lab::lose`], [`Lab::lose_from`] and
/// [`Lab::lose_towards`] for the direction sets how large. Cuts and mends do not change the share. Delay
/// ([`Lab::delay`]) is a third independent condition. ARP always passes, so neighbours stay known.
impl Lab {
    /// Cuts a side's cable: nothing passes either way.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn cut(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &Direction::BOTH)
    }

    /// Discards the packets that a host sends; packets towards it pass.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn drop_from(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &[Direction::From])
    }

    /// Discards the packets towards a host; packets that it sends pass.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn drop_towards(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &[Direction::Towards])
    }

    /// Ends a [`Lab::cut`], [`Lab::drop_from`] or [`Lab::drop_towards`] of a side; its lost share and its delay stay.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn mend(&self, host: Host) -> io::Result<()> {
        self.set_cut(host, &[])
    }

    /// Loses a share of a side's packets in each direction, each packet separately and at random; [`Share::NONE`] ends
    /// it.
    ///
    /// With a share of 5 % each way on one side, a round trip fails with 9.75 %. From the first loss on, the hosts send
    /// packets of at most 1,500 bytes. A virtual wire carries up to 64 KB as one packet, which would be lost as one.
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

    fn set_cut(&self, host: Host, directions: &[Direction]) -> io::Result<()> {
        let flush = Direction::BOTH.map(|direction| direction.flush(host, CUT));
        let drop = directions
            .iter()
            .map(|direction| direction.rule(host, CUT, "drop"));
        self.filter(&flush.into_iter().chain(drop).collect::<String>())
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
        format!("add rule inet lab {chain} {interface} {name} {verdict}\n")
    }

    fn chain(self, host: Host, condition: &str) -> String {
        let name = host.name();
        match self {
            Self::From => format!("{condition}_from_{name}"),
            Self::Towards => format!("{condition}_towards_{name}"),
        }
    }
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
