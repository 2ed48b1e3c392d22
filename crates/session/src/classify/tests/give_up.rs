//! The counters that the Linux kernel leaves when it gives a connection up, with and without an errno.

use super::*;

/// The peer's window is closed, and 700 bytes of our data wait for it.
fn window_shut() -> KernelSample {
    KernelSample {
        snd_wnd: Some(0),
        outq: 700,
        notsent: 700,
        ..sample(CLOSE)
    }
}

/// 100 bytes never left this host, and the probes for them went unanswered.
fn stuck_inside() -> KernelSample {
    KernelSample {
        probes: 4,
        outq: 100,
        notsent: 100,
        ..sample(CLOSE)
    }
}

#[test]
fn a_give_up_of_the_kernel_is_named_by_the_evidence_and_not_by_its_errno() {
    for errno in [110, 113, 101, 111, 112, 13] {
        let read = |kernel| reset().failed(Call::Read, errno).kernel(kernel);
        check(&[
            row(
                "(a) nothing left the host",
                read(stuck_inside()),
                Cause::LocalNetworkDown,
            ),
            row(
                "(b) data unacknowledged",
                read(unacknowledged()),
                Cause::PathDead,
            ),
            row(
                "(c) window shut, no answer",
                read(probed(window_shut())),
                Cause::PathDead,
            ),
            row(
                "(c) window shut, host alive",
                read(window_shut()),
                Cause::PeerNotReading,
            ),
            row(
                "(d) keepalive",
                read(probed(sample(CLOSE))),
                Cause::PathDead,
            ),
            row("none fits", read(sample(CLOSE)), Cause::PathDead),
            row(
                "a write met it",
                dead(stuck_inside()).failed(Call::Write, errno),
                Cause::LocalNetworkDown,
            ),
        ]);
    }
}

#[test]
fn without_an_errno_the_evidence_decides_alone_and_none_is_a_reset() {
    for eaten in [dead, |kernel| dead(kernel).failed(Call::Write, 32)] {
        check(&[
            row("(a)", eaten(stuck_inside()), Cause::LocalNetworkDown),
            row("(b)", eaten(unacknowledged()), Cause::PathDead),
            row(
                "(c) no answer",
                eaten(probed(window_shut())),
                Cause::PathDead,
            ),
            row(
                "(c) host alive",
                eaten(window_shut()),
                Cause::PeerNotReading,
            ),
            row("(d)", eaten(probed(sample(CLOSE))), Cause::PathDead),
            row(
                "probes over data that is in part on its way fit none",
                eaten(KernelSample {
                    notsent: 50,
                    ..stuck_inside()
                }),
                Cause::ResetAfterOutage,
            ),
            row("none fits", eaten(sample(CLOSE)), Cause::PeerReset),
        ]);
    }
}

#[test]
fn retries_that_send_nothing_again_accuse_this_host() {
    let read = |kernel| reset().failed(Call::Read, 101).kernel(kernel);
    let none_ever = KernelSample {
        bytes_retrans: Some(0),
        ..unacknowledged()
    };
    let our_fin_alone = KernelSample {
        outq: 1,
        ..none_ever
    };
    check(&[
        row(
            "no byte ever went again",
            read(none_ever),
            Cause::LocalNetworkDown,
        ),
        row(
            "our FIN has no byte that could go again",
            Observation {
                shut: true,
                ..read(our_fin_alone)
            },
            Cause::PathDead,
        ),
    ]);
}

#[test]
fn a_counter_that_the_kernel_does_not_have_accuses_no_host() {
    let old = |kernel| {
        reset().failed(Call::Read, 110).kernel(KernelSample {
            snd_wnd: None,
            bytes_retrans: None,
            ..kernel
        })
    };
    for (what, kernel) in [
        ("queued", stuck_inside()),
        ("sent again", unacknowledged()),
        ("a window that may be shut", window_shut()),
    ] {
        check(&[row(what, old(kernel), Cause::PathDead)]);
    }
}

#[test]
fn an_error_that_the_table_does_not_know_is_a_defect_unless_the_kernel_gave_up() {
    let write = |state| dead(sample(state)).failed(Call::Write, 5);
    check(&[
        row("EIO", reset().failed(Call::Read, 5), Cause::SocketError),
        row(
            "ENOBUFS on a living socket",
            write(ESTABLISHED).open(),
            Cause::SocketError,
        ),
        row(
            "EIO on a living socket during an outage",
            write(ESTABLISHED).kernel(KernelSample {
                state: ESTABLISHED,
                ..unacknowledged()
            }),
            Cause::SocketError,
        ),
        row(
            "EINVAL, with the counters of a give-up",
            reset().failed(Call::Read, 22).kernel(unacknowledged()),
            Cause::PathDead,
        ),
    ]);
}
