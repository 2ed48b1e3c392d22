//! The router's `nftables` rules: what each side's cable lets through.

use crate::host::Host;

/// Which packets of one side the router discards; ARP always passes, so neighbours stay known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cable {
    Whole,
    /// Both directions are discarded, and nobody is told.
    Cut,
    /// Packets from the host are discarded.
    Mute,
}

impl Cable {
    /// The table with its empty chains: four, so that each direction of each side changes on its own.
    pub(crate) fn table() -> String {
        let chains = Host::ALL.map(|host| {
            let name = host.name();
            format!(
                "add chain inet lab from_{name} {{ type filter hook prerouting priority -300; }}\n\
                 add chain inet lab to_{name} {{ type filter hook postrouting priority -300; }}\n"
            )
        });
        format!("add table inet lab\n{}", chains.concat())
    }

    /// The transaction that brings one side into this condition, whatever it was in before.
    pub(crate) fn rules(self, host: Host) -> String {
        let name = host.name();
        let mut rules =
            format!("flush chain inet lab from_{name}\nflush chain inet lab to_{name}\n");
        if matches!(self, Self::Cut | Self::Mute) {
            rules.push_str(&format!(
                "add rule inet lab from_{name} iifname {name} drop\n"
            ));
        }
        if matches!(self, Self::Cut) {
            rules.push_str(&format!(
                "add rule inet lab to_{name} oifname {name} drop\n"
            ));
        }
        rules
    }
}
