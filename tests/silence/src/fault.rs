//! What befalls a scene.

use std::io;
use std::process::Command;

use lastword_netlab::{Host, Lab};

/// What befalls all clients of a scene at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing does.
    Nothing,
    /// The cable of the clients is cut in the router: nobody's link goes down, nobody is told.
    Cut,
    /// What the server sends is lost.
    OursLost,
    /// What the clients send is lost.
    TheirsLost,
    /// The server's own interface goes down.
    OwnLinkDown,
    /// The clients' process is stopped; their kernel goes on.
    Frozen,
}

impl Fault {
    /// Does it to the network; a process is the scene's to stop.
    pub(crate) fn strike(self, lab: &Lab) -> io::Result<()> {
        match self {
            Self::Nothing | Self::Frozen => Ok(()),
            Self::Cut => lab.cut(Host::Client),
            Self::OursLost => lab.drop_from(Host::Server),
            Self::TheirsLost => lab.drop_from(Host::Client),
            Self::OwnLinkDown => own_link_down(lab),
        }
    }
}

fn own_link_down(lab: &Lab) -> io::Result<()> {
    let status = lab.on(Host::Server, || {
        Command::new("ip")
            .args(["link", "set", "eth0", "down"])
            .status()
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("ip ended with {status}")))
    }
}
