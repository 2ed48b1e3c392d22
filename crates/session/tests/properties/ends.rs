//! Any events in any order lead to one end, as the last output, for a cause that its phase allows.

use std::io::ErrorKind;

use lastword_session::wire::{Ack, Ping};
use lastword_session::{KernelSample, Outbound, Role, Timing};
use proptest::collection::vec;
use proptest::prelude::*;

use super::life::Words;
use super::script::{Beating, GOODBYE, HELLO, NOTICE, STANDARD, Script, Step, WELCOME, of_dialect};

proptest! {
    // Twice the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    #[test]
    fn any_connection_keeps_the_laws_to_its_one_end(script in scripts()) {
        script.play();
    }

    /// Times and the game's steps are the same: only the lengths of the reads differ. Without a rate: bytes that wait for it
    /// are heard when they are read.
    #[test]
    fn the_end_is_the_same_however_the_bytes_are_cut(script in scripts(), reads in vec(1..40_usize, 1..6)) {
        let script = Script { is_rated: false, ..script };
        let whole = script.play();
        let cut = Script { reads, ..script }.play();
        let verdict = |life: &super::life::Life| life.ending.as_ref().map(|ending| ending.verdict);
        prop_assert_eq!(verdict(&cut), verdict(&whole));
        prop_assert_eq!(cut.taken, whole.taken);
        prop_assert_eq!(cut.written, whole.written);
    }
}

fn scripts() -> impl Strategy<Value = Script> {
    let ends = prop_oneof![
        any::<[bool; 3]>().prop_map(|[is_dialect, is_greeted, is_rated]| Script {
            is_dialect,
            is_greeted,
            is_rated,
            ..Script::default()
        }),
        any::<[bool; 2]>().prop_map(|[is_dialect, is_greeted]| Script {
            role: Role::Client,
            is_dialect,
            is_greeted,
            ..Script::default()
        }),
    ];
    let endless = Timing {
        dead_ms: 0,
        ..STANDARD
    };
    let timings = prop_oneof![4 => Just(STANDARD), 1 => Just(endless)];
    let settings = (any::<bool>(), any::<bool>(), any::<bool>(), timings);
    (ends, settings, words(), vec(steps(), 0..40)).prop_map(|(ends, settings, words, steps)| {
        let (peer_reads, behind_proxy, has_idle_limit, timing) = settings;
        Script {
            peer_reads,
            behind_proxy,
            has_idle_limit,
            timing,
            words,
            steps,
            ..ends
        }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => bytes().prop_map(Step::Bytes),
        2 => any::<u8>().prop_map(Step::Decide),
        2 => Just(Step::Admit),
        1 => Just(Step::Notice),
        1 => Just(Step::DrainExpired),
        1 => Just(Step::Abort),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        4 => (0..9_000_u32).prop_map(Step::Pass),
        1 => (0..9_000_u32).prop_map(Step::StandStill),
        6 => (0..300_usize).prop_map(Step::Write),
        2 => Just(Step::WriteRefused),
        6 => (how(), 0..1_500_usize).prop_map(|(how, len)| Step::Send(how, len)),
        1 => any::<bool>().prop_map(Step::GameTakes),
        1 => words().prop_map(Step::Kernel),
        1 => Just(Step::Sample),
        1 => Just(Step::EndNoticed),
        1 => Just(Step::WriteFailed),
        1 => Just(Step::LingerRefused),
        1 => any::<u8>().prop_map(Step::Ended),
    ]
}

fn how() -> impl Strategy<Value = Outbound> {
    prop_oneof![
        Just(Outbound::Kept),
        Just(Outbound::Droppable),
        (0..3_u64).prop_map(Outbound::Latest),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let encoded = |encode: fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        out
    };
    let mut frames = vec![
        encoded(|out| HELLO.encode(out)),
        encoded(|out| WELCOME.encode(out)),
        encoded(|out| {
            Ping {
                clock_us: 1,
                received: 0,
            }
            .encode(out)
        }),
        encoded(|out| Ack { received: 0 }.encode(out)),
        encoded(|out| NOTICE.encode(out)),
        b"\0\0\x03\0abc".to_vec(),
        b"\0\0\0\x03abc".to_vec(),
        b"\0\0\x02\x81ab".to_vec(),
        of_dialect(Beating::PING, b"12"),
        of_dialect(Beating::PONG, b""),
    ];
    let cut = frames[0][..20].to_vec();
    frames.push(cut);
    let last = vec![
        encoded(|out| GOODBYE.encode(out)),
        of_dialect(Beating::GOODBYE, b""),
        of_dialect(Beating::MALFORMED, b""),
        vec![Beating::FOREIGN],
    ];
    prop_oneof![
        8 => proptest::sample::select(frames),
        1 => proptest::sample::select(last),
        1 => vec(any::<u8>(), 1..40),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    let kernel = (0..12_u8, 0..3_u8, 0..3_u8, 0..3_u32, 0..60_u64).prop_map(
        |(state, retransmits, probes, outq, bytes_received)| KernelSample {
            state,
            retransmits,
            probes,
            outq,
            bytes_received,
            ..KernelSample::default()
        },
    );
    let errors = [
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::Other,
    ];
    let error = proptest::option::of(proptest::sample::select(errors.to_vec()));
    (proptest::option::of(kernel), error).prop_map(|(kernel, error)| Words { kernel, error })
}
