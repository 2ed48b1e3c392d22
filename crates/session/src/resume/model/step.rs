//! The steps of a search.

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    ServerSends,
    ClientSends,
    ServerWrites,
    ClientWrites,
    ServerAcks,
    ClientAcks,
    /// The first frame on its way arrives.
    Up(usize),
    Down(usize),
    Cut(usize),
    ServerSeesEnd(usize),
    ClientSeesEnd,
    /// The client gives up a connection that only looks dead.
    ClientGivesUp,
    Dial,
    Evict,
    Kick,
    Expire,
    Forge,
}

impl Step {
    /// Whether it may never happen: a fault, or a decision. All other steps happen one day.
    pub(super) fn is_free(self) -> bool {
        match self {
            Self::ServerSends
            | Self::ClientSends
            | Self::Cut(_)
            | Self::ClientGivesUp
            | Self::Evict
            | Self::Kick
            | Self::Expire
            | Self::Forge => true,
            Self::ServerWrites
            | Self::ClientWrites
            | Self::ServerAcks
            | Self::ClientAcks
            | Self::Up(_)
            | Self::Down(_)
            | Self::ServerSeesEnd(_)
            | Self::ClientSeesEnd
            | Self::Dial => false,
        }
    }
}

/// Returns every step of a world with so many connections.
pub(super) fn steps(lines: usize) -> impl Iterator<Item = Step> {
    let lines = 0..lines;
    let each = |line| {
        [
            Step::Up(line),
            Step::Down(line),
            Step::Cut(line),
            Step::ServerSeesEnd(line),
        ]
    };
    let others = [
        Step::ServerSends,
        Step::ClientSends,
        Step::ServerWrites,
        Step::ClientWrites,
        Step::ServerAcks,
        Step::ClientAcks,
        Step::ClientSeesEnd,
        Step::ClientGivesUp,
        Step::Dial,
        Step::Evict,
        Step::Kick,
        Step::Expire,
        Step::Forge,
    ];
    lines.flat_map(each).chain(others)
}
