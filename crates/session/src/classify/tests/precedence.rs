//! Each rule of the precedence against the one below it, and the phases before a session is live.

use super::*;

fn timed_out() -> Observation {
    reset().failed(Call::Read, 110).kernel(KernelSample {
        retransmits: 3,
        bytes_retrans: Some(300),
        outq: 100,
        ..sample(CLOSE)
    })
}

fn tls_cut_short(seen: Observation) -> Observation {
    Observation {
        close_notify_missing: true,
        ..seen
    }
}

#[test]
fn every_step_outranks_the_one_below_it() {
    check(&[
        row(
            "an errno over the frame",
            timed_out().mid_frame(),
            Cause::PathDead,
        ),
        row(
            "an errno over the drain",
            timed_out().drain_notice(),
            Cause::PathDead,
        ),
        row(
            "the frame over truncated TLS",
            tls_cut_short(fin().mid_frame()),
            Cause::PeerFinMidFrame,
        ),
        row(
            "the frame over refused data",
            fin().mid_frame().refused(9),
            Cause::PeerFinMidFrame,
        ),
        row(
            "truncated TLS over refused data",
            tls_cut_short(fin().refused(9)),
            Cause::TlsTruncated,
        ),
        row(
            "refused data over the drain",
            fin().refused(9).drain_notice(),
            Cause::PeerClosedWhileSending,
        ),
        row(
            "the drain over a plain FIN",
            fin().drain_notice(),
            Cause::Drained,
        ),
        row(
            "a reset in a drain is a reset",
            reset().drain_notice(),
            Cause::PeerReset,
        ),
        row(
            "a reset needs no close_notify",
            tls_cut_short(reset()),
            Cause::PeerReset,
        ),
    ]);
}

#[test]
fn a_connection_that_never_said_anything_was_a_probe() {
    for phase in [Phase::Admission, Phase::Tls, Phase::Hello] {
        for seen in [fin(), reset(), timed_out(), reset().failed(Call::Read, 103)] {
            let cause = classify(&seen.nothing_read().phase(phase));
            assert_eq!(cause, Cause::PeerProbe, "{phase} {seen:?}");
        }
    }
    let unread = fin().phase(Phase::Admission);
    assert_eq!(
        classify(&unread),
        Cause::PeerProbe,
        "nothing is read before admission"
    );
    let adopted = fin().nothing_read();
    assert_eq!(
        classify(&adopted),
        Cause::PeerFin,
        "an adopted stream is live before its first byte"
    );
}

#[test]
fn the_proxy_and_tls_phases_name_their_own_ends() {
    check(&[
        row(
            "FIN in a PROXY header",
            fin().phase(Phase::Proxy),
            Cause::ProxyHeaderInvalid,
        ),
        row(
            "reset before a PROXY header",
            reset().nothing_read().phase(Phase::Proxy),
            Cause::ProxyHeaderInvalid,
        ),
        row(
            "ss -K is no fault of the header",
            reset().failed(Call::Read, 103).phase(Phase::Proxy),
            Cause::SocketDestroyed,
        ),
        row(
            "time-out in a PROXY header",
            timed_out().phase(Phase::Proxy),
            Cause::ProxyHeaderInvalid,
        ),
        row(
            "FIN in a handshake",
            fin().phase(Phase::Tls),
            Cause::PeerFin,
        ),
        row(
            "a handshake has no frames",
            fin().mid_frame().phase(Phase::Tls),
            Cause::PeerFin,
        ),
        row(
            "our flight is no data",
            fin().refused(4_000).phase(Phase::Tls),
            Cause::PeerFin,
        ),
        row(
            "reset in a handshake",
            reset().phase(Phase::Tls),
            Cause::PeerReset,
        ),
    ]);
}

#[test]
fn before_welcome_frames_count_and_what_only_a_session_has_does_not() {
    check(&[
        row(
            "FIN in a partial hello",
            fin().mid_frame().phase(Phase::Hello),
            Cause::PeerFinMidFrame,
        ),
        row(
            "reset in a partial hello",
            reset().mid_frame().phase(Phase::Hello),
            Cause::PeerResetMidFrame,
        ),
        row(
            "time-out in a partial hello",
            timed_out().mid_frame().phase(Phase::Hello),
            Cause::PathDead,
        ),
        row(
            "FIN while credentials are checked",
            fin().phase(Phase::Auth),
            Cause::PeerFin,
        ),
        row(
            "there is no notice before welcome",
            fin().drain_notice().phase(Phase::Auth),
            Cause::PeerFin,
        ),
        row(
            "a shut window is no verdict on a reader before welcome",
            timed_out()
                .kernel(KernelSample {
                    snd_wnd: Some(0),
                    outq: 700,
                    ..sample(CLOSE)
                })
                .phase(Phase::Auth),
            Cause::PathDead,
        ),
    ]);
}
