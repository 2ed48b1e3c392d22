//! The readings of a kernel: those of the two pipes, or any others.

use std::io::ErrorKind;

use lastword_session::{KernelSample, Time};

use super::pipe::Pipe;

/// The kernel's readings, as the connection gets them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View {
    /// A kernel's readings of these pipes.
    Honest,
    /// The honest view, with these counters of unanswered segments and probes.
    Unanswered { retransmits: u8, probes: u8 },
    /// The honest view; at this time one segment was sent again.
    Lossy(Time),
    /// The honest view, with an old retransmission that the kernel never settles.
    Unsettled,
    /// Nothing, as on a system without `TCP_INFO`.
    Blind,
    /// These readings, right or wrong.
    Said(Words),
}

/// Readings that need not fit the pipes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words {
    pub(crate) kernel: Option<KernelSample>,
    /// The first error, where no call of the test had one.
    pub(crate) error: Option<ErrorKind>,
}

impl View {
    /// The readings at one end, which reads from `inbound` and writes to `outbound`.
    pub(crate) fn kernel(
        self,
        now: Time,
        inbound: &Pipe,
        outbound: &Pipe,
        is_shut: bool,
    ) -> Option<KernelSample> {
        let honest = honest(now, inbound, outbound, is_shut);
        Some(match self {
            Self::Blind => return None,
            Self::Said(words) => return words.kernel,
            Self::Honest => honest,
            Self::Unsettled => KernelSample {
                retrans: 1,
                total_retrans: 1,
                ..honest
            },
            Self::Lossy(at) => KernelSample {
                total_retrans: u32::from(now >= at),
                ..honest
            },
            Self::Unanswered {
                retransmits,
                probes,
            } => KernelSample {
                retransmits,
                probes,
                unacked: u32::from(retransmits > 0),
                last_ack_recv_ms: AGES_MS,
                bytes_acked: 0,
                ..honest
            },
        })
    }
}

fn honest(now: Time, inbound: &Pipe, outbound: &Pipe, is_shut: bool) -> KernelSample {
    let inq = inbound.arrived(now);
    let fin = inbound.has_fin(now);
    let our_fin = u32::from(is_shut && outbound.is_cut);
    let unacked = outbound.unacked(now);
    let is_cut = outbound.is_cut || inbound.is_cut;
    KernelSample {
        state: match (inbound.has_failed(), fin) {
            (true, _) => CLOSE,
            (false, true) => CLOSE_WAIT,
            (false, false) => ESTABLISHED,
        },
        snd_wnd: Some(65_536),
        outq: u32::try_from(unacked).expect("it fits") + our_fin,
        inq: u32::try_from(inq).expect("it fits"),
        bytes_received: inbound.taken + u64::try_from(inq).expect("it fits") + u64::from(fin),
        retransmits: u8::from(outbound.is_cut && unacked > 0),
        unacked: u32::from(unacked > 0),
        bytes_acked: outbound.written() - u64::try_from(unacked).expect("it fits"),
        segs_in: u32::try_from(inbound.taken).expect("it fits"),
        last_ack_recv_ms: if is_cut { AGES_MS } else { 0 },
        ..KernelSample::default()
    }
}

/// An age beyond all that the tests look at.
const AGES_MS: u32 = 3_600_000;
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
