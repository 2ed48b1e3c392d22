//! Every way in which a client comes and goes, and the expected cause.

use std::net::SocketAddr;

use lastword_server::{Cause, Phase};
use lastword_tests::{Raw, data, frame, goodbye, hello, home, kind};

use crate::games::{CLOSE, KICK, PANIC, Shape};

/// How a client makes its connection end, and the expected cause.
pub(crate) struct Way {
    joins: bool,
    says: Vec<u8>,
    leaves: Leaves,
    pub(crate) truth: (Cause, Phase),
}

#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// Closes at once.
    Close,
    /// Closes at once, with a reset.
    Reset,
    /// Reads to the end.
    Read,
}

impl Way {
    /// Returns every way that exists for this shape.
    pub(crate) fn all(shape: Shape) -> Vec<Self> {
        use Leaves::{Close, Read, Reset};
        let half = data(&[7; 1000])[..500].to_vec();
        let panic = match shape {
            Shape::Handler => Cause::HandlerPanicked,
            // A task that panics drops its session, and the server sees only that.
            Shape::Session => Cause::ClosedByGame,
            // A tick that panics is the end of the game, so it kicks the session instead.
            Shape::Tick => Cause::Kicked,
        };
        vec![
            Self::joined(goodbye(), Read, Cause::PeerGoodbye),
            Self::joined(goodbye(), Close, Cause::PeerGoodbye),
            Self::joined(vec![], Close, Cause::PeerFin),
            Self::joined(half.clone(), Close, Cause::PeerFinMidFrame),
            Self::joined(vec![], Reset, Cause::PeerReset),
            Self::joined(half, Reset, Cause::PeerResetMidFrame),
            Self::joined(frame(kind::PING, b"?"), Read, Cause::FrameMalformed),
            Self::joined(frame(kind::WELCOME, b""), Read, Cause::ProtocolViolation),
            Self::joined(vec![0xff, 0xff, 0xff, 0], Read, Cause::FrameTooLarge),
            Self::joined(data(KICK), Read, Cause::Kicked),
            Self::joined(data(CLOSE), Read, Cause::ClosedByGame),
            Self::joined(data(PANIC), Read, panic),
            Self::early(vec![], Close, Cause::PeerProbe, Phase::Hello),
            Self::early(vec![], Reset, Cause::PeerProbe, Phase::Hello),
            Self::early(
                hello(b"ann")[..20].to_vec(),
                Close,
                Cause::PeerFinMidFrame,
                Phase::Hello,
            ),
            Self::early(
                b"GET / HTTP/1.1\r\n\r\n".to_vec(),
                Read,
                Cause::WrongProtocol,
                Phase::Hello,
            ),
            Self::early(hello(&[b'a'; 65]), Read, Cause::AuthRejected, Phase::Auth),
        ]
    }

    fn joined(says: Vec<u8>, leaves: Leaves, cause: Cause) -> Self {
        Self {
            joins: true,
            says,
            leaves,
            truth: (cause, Phase::Live),
        }
    }

    fn early(says: Vec<u8>, leaves: Leaves, cause: Cause, phase: Phase) -> Self {
        Self {
            joins: false,
            says,
            leaves,
            truth: (cause, phase),
        }
    }

    /// The way of client `n`.
    pub(crate) fn of(ways: &[Self], n: u32) -> &Self {
        &ways[n as usize % ways.len()]
    }

    /// Comes and goes.
    pub(crate) async fn live(&self, addr: SocketAddr, n: u32) {
        let mut raw = Raw::connect_from(home(n), addr).await;
        if self.joins {
            raw.enter("ann").await;
            raw.echo(b"hi").await;
        }
        raw.write(&self.says).await;
        match self.leaves {
            Leaves::Close => {}
            Leaves::Reset => raw.reset(),
            Leaves::Read => {
                raw.goodbye_code().await;
            }
        }
    }
}
