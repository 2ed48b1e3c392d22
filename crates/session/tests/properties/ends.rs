//! Any events in any order lead to one end, as the last output, for a cause that its phase allows.

use std::io::ErrorKind;

use lastword_session::wire::{Ack, Ping};
use lastword_session::{Cause, KernelSample, Outbound, Role, Timing};
use proptest::collection::vec;
use proptest::prelude::*;

use super::beating::{Beating, of_dialect};
use super::life::Life;
use super::script::{GOODBYE, NOTICE, PROXIED, STANDARD, Script, Step};
use crate::support::{HELLO, Record, WELCOME, Words, encoded};

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
        let (whole, is_one_by_one) = (script.play(), script.is_one_by_one());
        let cut = Script { reads, ..script }.play();
        same(&cut, &whole)?;
        prop_assert!(!is_one_by_one || cut.solo.host.plain == whole.solo.host.plain);
    }

    /// The deadline of a calm connection only moves later, so a host may keep an earlier one for a while.
    #[test]
    fn the_end_is_the_same_where_the_host_keeps_a_deadline(mut script in scripts()) {
        // The two hosts have not the same next deadline.
        script.steps.retain(|step| !matches!(step, Step::UntilDue));
        let kept = Script { keeps_deadline: true, ..script.clone() }.play();
        let computed = Script { keeps_deadline: false, ..script }.play();
        same(&kept, &computed)?;
        prop_assert_eq!(&kept.solo.host.plain, &computed.solo.host.plain);
    }

    /// Bytes that have come by a deadline are read before the deadline counts.
    #[test]
    fn a_byte_that_comes_at_the_last_moment_ends_a_silence(
        script in scripts(), steps in vec(steps(), 0..3),
    ) {
        let script = Script { is_greeted: true, is_rated: false, words: None, timing: STANDARD, steps, ..script };
        let silent = [Cause::PeerSilent, Cause::PeerFrozen];
        let ending = script.play().solo.host.ending.take();
        let ending = ending.filter(|ending| ending.evidence.partial_frame.is_none());
        let verdict = ending.map(|ending| ending.verdict);
        let verdict = verdict.filter(|verdict| silent.contains(&verdict.cause));
        let lives = verdict.and_then(|verdict| script.speaks_at(verdict.at));
        prop_assert_ne!(lives, Some(false));
    }
}

fn same(one: &Life, other: &Life) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.verdict(), other.verdict());
    prop_assert_eq!(one.taken(), other.taken());
    Ok(())
}

fn scripts() -> impl Strategy<Value = Script> {
    let endless = Timing {
        dead_ms: 0,
        ..STANDARD
    };
    let timings =
        prop_oneof![4 => Just(STANDARD), 1 => Just(endless), 1 => Just(Timing::default())];
    let rooms = prop_oneof![Just(usize::MAX), 0..600_usize];
    let wire = (roles(), layers(), timings, rooms);
    (
        wire,
        any::<[bool; 9]>(),
        proptest::option::of(words()),
        vec(steps(), 0..40),
    )
        .prop_map(|((role, layers, timing, room), flags, words, steps)| {
            let [
                is_dialect,
                is_greeted,
                peer_reads,
                behind_proxy,
                has_idle_limit,
                is_rated,
                echoes,
                by_mail,
                keeps_deadline,
            ] = flags;
            Script {
                role,
                is_dialect,
                is_greeted,
                peer_reads,
                room,
                behind_proxy,
                has_idle_limit,
                is_rated,
                echoes,
                by_mail,
                keeps_deadline,
                timing,
                words,
                steps,
                ..layers
            }
        })
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![2 => Just(Role::Server), 1 => Just(Role::Client)]
}

/// The layers below the frames, and whether the peer is let in above them.
fn layers() -> impl Strategy<Value = Script> {
    let plain = Script::default();
    let tls = Script {
        has_tls: true,
        ..Script::default()
    };
    let proxied = Script {
        is_proxied: true,
        ..Script::default()
    };
    let both = Script {
        has_tls: true,
        ..proxied.clone()
    };
    let below = prop_oneof![3 => Just(plain), 1 => Just(tls), 1 => Just(proxied), 1 => Just(both)];
    (below, 0..8_u8).prop_map(|(below, n)| Script {
        is_refused: n == 0,
        is_denied: n > 5,
        ..below
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        7 => bytes().prop_map(Step::Bytes),
        5 => Just(Step::Hold),
        2 => Just(Step::UntilDue),
        2 => proptest::sample::select(RECORDS).prop_map(Step::Record),
        2 => any::<u8>().prop_map(Step::Decide),
        1 => any::<u8>().prop_map(Step::DecideInEvent),
        2 => Just(Step::Admit),
        1 => any::<u8>().prop_map(Step::Refuse),
        1 => Just(Step::Notice),
        1 => Just(Step::DrainExpired),
        1 => Just(Step::Abort),
        1 => Just(Step::Report),
        1 => Just(Step::Panic),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        4 => (0..9_000_u32).prop_map(Step::Pass),
        1 => (0..9_000_u32).prop_map(Step::StandStill),
        4 => (0..300_usize).prop_map(Step::PeerReads),
        5 => (how(), 0..1_500_usize).prop_map(|(how, len)| Step::Send(how, len)),
        3 => (how(), 0..1_500_usize).prop_map(|(how, len)| Step::Post(how, len)),
        1 => any::<bool>().prop_map(Step::GameTakes),
        1 => words().prop_map(Step::Kernel),
        1 => faults(),
        1 => any::<bool>().prop_map(Step::Linger),
        1 => Just(Step::Probe),
        1 => any::<u8>().prop_map(Step::Ended),
    ]
}

fn faults() -> impl Strategy<Value = Step> {
    proptest::sample::select(vec![Step::EndShows, Step::WriteFails, Step::ShutFails])
}

fn how() -> impl Strategy<Value = Outbound> {
    prop_oneof![
        Just(Outbound::Kept),
        Just(Outbound::Droppable),
        (0..3_u64).prop_map(Outbound::Latest),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let ping = Ping {
        clock_us: 1,
        received: 0,
    };
    let mut frames = vec![
        encoded(|out| HELLO.encode(out)),
        encoded(|out| WELCOME.encode(out)),
        encoded(|out| ping.encode(out)),
        encoded(|out| Ack { received: 0 }.encode(out)),
        encoded(|out| NOTICE.encode(out)),
        b"\0\0\x02\x81ab".to_vec(),
        of_dialect(Beating::PING, b"12"),
        of_dialect(Beating::PONG, b""),
        PROXIED.to_vec(),
        PROXIED[..20].to_vec(),
        PROXIED[20..].to_vec(),
        // Of a health check.
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0".to_vec(),
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
        3 => proptest::sample::select(DATA).prop_map(<[u8]>::to_vec),
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

/// A frame of each wire.
const DATA: &[&[u8]] = &[b"\0\0\x03\0abc", b"\0\0\0\x03abc"];

/// The handshake more often than the ends of a connection.
const RECORDS: &[Record] = &[
    Record::Finished,
    Record::Finished,
    Record::Finished,
    Record::Closed,
    Record::Alert,
    Record::Bad,
];
