//! The laws that hold for every observation, including those that no kernel would give.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::OwnFault;

const CODES: [i32; 24] = [
    4, 5, 11, 13, 22, 32, 53, 54, 60, 64, 65, 103, 104, 105, 107, 110, 113, 121, 995, 10_053,
    10_054, 10_058, 10_060, 31_337,
];

fn errors() -> impl Strategy<Value = OsError> {
    let kinds = vec![
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
        ErrorKind::Other,
    ];
    prop_oneof![
        select(CODES.to_vec()).prop_map(os_error),
        select(kinds).prop_map(kind_only),
    ]
}

fn first_errors() -> impl Strategy<Value = FirstError> {
    let calls = vec![Call::Read, Call::Write, Call::Shutdown];
    (select(calls), errors()).prop_map(|(call, error)| FirstError { call, error })
}

fn terminals() -> impl Strategy<Value = Terminal> {
    prop_oneof![
        Just(Terminal::Eof),
        Just(Terminal::Open),
        errors().prop_map(Terminal::Error),
    ]
}

fn samples() -> impl Strategy<Value = KernelSample> {
    let small = || select(vec![0_u32, 1, 2, 700]);
    (
        0..12_u8,
        0..3_u8,
        0..3_u8,
        small(),
        small(),
        proptest::option::of(small()),
        proptest::option::of(0..2_u64),
    )
        .prop_map(
            |(state, retransmits, probes, outq, notsent, snd_wnd, bytes_retrans)| KernelSample {
                state,
                retransmits,
                probes,
                outq,
                notsent,
                snd_wnd,
                bytes_retrans,
                ..KernelSample::default()
            },
        )
}

type Flags = (bool, bool, bool, bool, bool, u64);

fn flags() -> impl Strategy<Value = Flags> {
    let flag = any::<bool>;
    (flag(), flag(), flag(), flag(), flag(), 0..2_u64)
}

fn observations() -> impl Strategy<Value = Observation> {
    (
        select(vec![System::Linux, System::MacOs, System::Windows]),
        select(Phase::ALL.to_vec()),
        flags(),
        terminals(),
        proptest::option::of(first_errors()),
        any::<Option<bool>>(),
        proptest::option::of(samples()),
        proptest::option::of(Just(OwnFault::NoRoute)),
    )
        .prop_map(
            |(system, phase, flags, terminal, first_error, fin, kernel, own_fault)| Observation {
                system,
                phase,
                drain_notice_written: flags.0,
                mid_frame: flags.1,
                close_notify_missing: flags.2,
                shut: flags.3,
                has_spoken: flags.4,
                refused_bytes: flags.5,
                terminal,
                first_error,
                fin,
                kernel,
                own_fault,
            },
        )
}

fn broken_pipe() -> FirstError {
    FirstError {
        call: Call::Write,
        error: os_error(32),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn the_cause_has_a_series_in_the_phase(seen in observations()) {
        let cause = classify(&seen);
        prop_assert!(cause.occurs_in(seen.phase), "{cause} in {}", seen.phase);
    }

    #[test]
    fn a_broken_pipe_never_decides_and_only_tells_that_data_was_refused(seen in observations()) {
        let without = classify(&Observation { first_error: None, ..seen });
        let with = classify(&Observation { first_error: Some(broken_pipe()), ..seen });
        let refused = with == Cause::PeerClosedWhileSending
            && matches!(without, Cause::PeerFin | Cause::Drained);
        prop_assert!(with == without || refused, "{with} for {without}");
    }

    #[test]
    fn a_fault_of_our_own_network_changes_only_a_dead_path(seen in observations()) {
        let without = classify(&Observation { own_fault: None, ..seen });
        let with = classify(&Observation { own_fault: Some(OwnFault::NoRoute), ..seen });
        let blames_us = without == Cause::PathDead && with == Cause::LocalNetworkDown;
        prop_assert!(blames_us || (with == without && with != Cause::PathDead), "{with} for {without}");
    }

    #[test]
    fn a_fin_that_the_kernel_proves_is_never_a_reset_or_a_dead_path(seen in observations()) {
        let cause = classify(&seen.fin(true));
        let blamed = matches!(
            cause,
            Cause::PeerReset | Cause::PeerResetMidFrame | Cause::ResetAfterOutage | Cause::SocketError
                | Cause::PathDead | Cause::LocalNetworkDown | Cause::PeerNotReading | Cause::SocketDestroyed
        );
        prop_assert!(!blamed, "{cause}");
    }

    #[test]
    fn a_fin_that_the_kernel_denies_is_never_a_close(seen in observations()) {
        let cause = classify(&seen.fin(false));
        let closed = matches!(
            cause,
            Cause::PeerFin | Cause::PeerFinMidFrame | Cause::PeerClosedWhileSending | Cause::TlsTruncated | Cause::Drained
        );
        prop_assert!(!closed, "{cause}");
    }
}
