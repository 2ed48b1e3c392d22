//! The decision procedure on Linux: closes, resets and living sockets, for the cases that were measured there.

use super::*;

#[test]
fn a_peer_that_closed_in_order_is_distinguished_from_one_that_did_not() {
    check(&[
        row("S2: data, then close", fin(), Cause::PeerFin),
        row("S4i: kill -9 looks like a close", fin(), Cause::PeerFin),
        row(
            "FIN inside a frame",
            fin().mid_frame(),
            Cause::PeerFinMidFrame,
        ),
        row(
            "S5: a write after the FIN met EPIPE",
            fin()
                .failed(Call::Write, 32)
                .kernel(sample(CLOSE))
                .refused(80),
            Cause::PeerClosedWhileSending,
        ),
        row(
            "S5 without the kernel's count: the write may have been of data",
            Observation {
                kernel: None,
                ..fin().failed(Call::Write, 32)
            },
            Cause::PeerClosedWhileSending,
        ),
        row(
            "a pong after the FIN met EPIPE",
            fin().failed(Call::Write, 32).kernel(sample(CLOSE)),
            Cause::PeerFin,
        ),
        row(
            "S5: our data after the FIN stayed unacknowledged",
            fin().refused(80),
            Cause::PeerClosedWhileSending,
        ),
        row(
            "a time-out in CLOSE_WAIT speaks of our data only",
            fin()
                .failed(Call::Write, 110)
                .kernel(unacknowledged())
                .refused(80),
            Cause::PeerClosedWhileSending,
        ),
        row(
            "EPIPE after our own shutdown is our own doing",
            Observation {
                shut: true,
                ..fin().failed(Call::Write, 32)
            },
            Cause::PeerFin,
        ),
        row(
            "a reset in LAST_ACK takes nothing back",
            fin().failed(Call::Shutdown, 104).kernel(sample(CLOSE)),
            Cause::PeerFin,
        ),
        row(
            "reading is paused, the state shows the FIN",
            fin().open(),
            Cause::PeerFin,
        ),
    ]);
}

#[test]
fn a_reset_is_found_whichever_call_consumed_it() {
    let fake_eof = dead(sample(CLOSE));
    check(&[
        row("S3ii: the read met it", reset(), Cause::PeerReset),
        row(
            "S4ii: inside a frame",
            reset().mid_frame(),
            Cause::PeerResetMidFrame,
        ),
        row(
            "C3: a write met it",
            fake_eof.failed(Call::Write, 104),
            Cause::PeerReset,
        ),
        row(
            "a shutdown met it",
            fake_eof.failed(Call::Shutdown, 104),
            Cause::PeerReset,
        ),
        row(
            "C3b: only EPIPE was left, inside a frame",
            fake_eof.failed(Call::Write, 32).mid_frame(),
            Cause::PeerResetMidFrame,
        ),
        row("no call of ours met it", fake_eof, Cause::PeerReset),
        row(
            "delivery stopped before the end",
            fake_eof.open(),
            Cause::PeerReset,
        ),
        row(
            "ss -K",
            reset().failed(Call::Read, 103),
            Cause::SocketDestroyed,
        ),
        row(
            "ss -K, met by a write",
            fake_eof.failed(Call::Write, 103),
            Cause::SocketDestroyed,
        ),
    ]);
}

#[test]
fn a_reset_over_data_or_probes_that_a_timer_found_unanswered_followed_an_outage() {
    let retried = KernelSample {
        retransmits: 1,
        outq: 18,
        ..sample(CLOSE)
    };
    let in_flight = KernelSample {
        outq: 18,
        ..sample(CLOSE)
    };
    let probe_in_flight = KernelSample {
        probes: 1,
        ..sample(CLOSE)
    };
    check(&[
        row(
            "stopped, then killed",
            reset().kernel(sample(CLOSE)),
            Cause::PeerReset,
        ),
        row(
            "stopped, then killed in the round trip of a ping",
            reset().kernel(in_flight),
            Cause::PeerReset,
        ),
        row(
            "the same, a write met it",
            dead(in_flight).failed(Call::Write, 104),
            Cause::PeerReset,
        ),
        row(
            "stopped, then killed in the round trip of a keepalive probe",
            reset().kernel(probe_in_flight),
            Cause::PeerReset,
        ),
        row(
            "stopped with a full buffer, then killed in the round trip of a window probe",
            reset().kernel(KernelSample {
                outq: 700,
                notsent: 700,
                snd_wnd: Some(0),
                ..probe_in_flight
            }),
            Cause::PeerReset,
        ),
        row(
            "what was sent again is acknowledged",
            reset().kernel(KernelSample { outq: 0, ..retried }),
            Cause::PeerReset,
        ),
        row(
            "the peer gave up first",
            reset().kernel(retried),
            Cause::ResetAfterOutage,
        ),
        row(
            "its host restarted",
            reset().kernel(probed(sample(CLOSE))),
            Cause::ResetAfterOutage,
        ),
        row(
            "the outage outranks the frame",
            reset().kernel(retried).mid_frame(),
            Cause::ResetAfterOutage,
        ),
    ]);
}

#[test]
fn a_living_socket_has_no_cause_to_name() {
    check(&[
        row(
            "reading goes on",
            dead(sample(ESTABLISHED)).open(),
            Cause::VerdictMissing,
        ),
        row(
            "H1 mirrored: our own SHUT_RD",
            dead(sample(ESTABLISHED)),
            Cause::VerdictMissing,
        ),
        row(
            "nothing is known at all",
            seen(System::MacOs).open(),
            Cause::VerdictMissing,
        ),
        row(
            "in a PROXY header too",
            dead(sample(ESTABLISHED)).phase(Phase::Proxy),
            Cause::VerdictMissing,
        ),
        row(
            "before the first byte too",
            seen(System::Linux)
                .open()
                .nothing_read()
                .phase(Phase::Hello),
            Cause::VerdictMissing,
        ),
    ]);
}
