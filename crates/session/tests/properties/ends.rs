//! Any events in any order lead to one end, as the last output, for a cause that its phase allows.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::{Ack, Goodbye, Notice, Ping, Welcome};
use lastword_session::{
    Admission, Cause, Close, Config, Connection, Dialect, Framing, Input, KernelSample,
    LengthPrefixed, Limits, Meaning, Measure, Message, OsError, Outbound, Phase, Rate, Role,
    Terminal, Time, Timing,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::chunks::HELLO;
use super::life::{Life, Step, Words};

const START: Time = Time::from_micros(1_000_000);
/// The sum of the limits: hello, authentication, time over the rate, dead limit or frame time, our last frames, linger,
/// and the longest drain.
const BOUND: Duration = Duration::from_secs(5 + 5 + 10 + 15 + 14 + 3 + 20);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_server_ends_once_and_last_for_a_cause_of_its_phase(
        greeted in any::<bool>(), wire in (any::<bool>(), any::<bool>()), peer_reads in any::<bool>(),
        words in words(), steps in vec(steps(), 0..40),
    ) {
        let mut life = live(Role::Server, greeted, wire, peer_reads, words, &steps);
        let verdict = life.ending.as_ref().expect("it ends").verdict;
        prop_assert!(verdict.cause.occurs_in(verdict.phase), "{verdict:?}");
        life.stays_closed();
    }

    #[test]
    fn a_client_ends_once_and_last(
        greeted in any::<bool>(), peer_reads in any::<bool>(), words in words(), steps in vec(steps(), 0..40),
    ) {
        let mut life = live(Role::Client, greeted, (false, false), peer_reads, words, &steps);
        prop_assert!(life.ending.is_some(), "it ends");
        life.stays_closed();
    }
}

/// Runs a session from its first step to its end, or to the limit on its life.
fn live(
    role: Role,
    greeted: bool,
    (dialect, rated): (bool, bool),
    peer_reads: bool,
    words: Words,
    steps: &[Step],
) -> Life {
    let framing = match dialect {
        true => Framing::Dialect(Arc::new(Beating)),
        false => Framing::Native,
    };
    let limits = Limits {
        outbound_bytes_max: 4_096,
        frame_rate: rated.then_some(Rate {
            per_second: 1,
            burst: 2,
        }),
        byte_rate: rated.then_some(Rate {
            per_second: 20,
            burst: 200,
        }),
        ..Limits::default()
    };
    let config = Arc::new(Config {
        framing,
        limits,
        ..Config::default()
    });
    let session = match role {
        Role::Server => Connection::server(config, START),
        Role::Client => Connection::client(config, &HELLO, START),
    };
    let mut life = Life::new(session, START, words, peer_reads);
    if greeted {
        greet(&mut life, role, dialect);
    }
    for step in steps {
        take(&mut life, step);
    }
    life.is_left_alone(BOUND);
    assert!(
        life.ending.is_some(),
        "{:?} is still waited for",
        life.connection.poll_timeout()
    );
    life
}

/// A wire whose clients have heartbeats, so that its sessions have a dead limit.
struct Beating;

impl Dialect for Beating {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        LengthPrefixed.measure(bytes, seen)
    }

    fn read<'a>(&self, header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        LengthPrefixed.read(header, payload)
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        LengthPrefixed.write_data(payload, out);
    }

    fn has_heartbeats(&self) -> bool {
        true
    }
}

fn greet(life: &mut Life, role: Role, dialect: bool) {
    let mut bytes = Vec::new();
    match (role, dialect) {
        (Role::Client, _) => WELCOME.encode(&mut bytes),
        (Role::Server, true) => bytes.extend_from_slice(b"\0\0\0\x03ada"),
        (Role::Server, false) => HELLO.encode(&mut bytes),
    }
    life.read(&bytes);
    life.handle(Input::Admit(ADMISSION));
    assert!(life.connection.is_live());
}

fn take(life: &mut Life, step: &Step) {
    let readings = life.readings();
    match step {
        Step::Bytes(bytes) => life.read(bytes),
        Step::Decide(n) => {
            let close = decision(life.connection.phase(), *n);
            life.handle(Input::Close(&close));
        }
        Step::Admit => life.handle(Input::Admit(ADMISSION)),
        Step::Notice => life.handle(Input::Notice(&NOTICE)),
        Step::DrainExpired => life.handle(Input::DrainExpired(&Message::of(Cause::DrainExpired))),
        // Only a session gives out a handle to abort with.
        Step::Abort if life.connection.is_live() => life.handle(Input::Abort(readings)),
        Step::Abort => {}
        Step::Pause => life.handle(Input::Paused),
        Step::Resume => life.handle(Input::Resumed),
        Step::Pass(ms) => life.pass(Duration::from_millis(u64::from(*ms))),
        Step::Write(n) => life.write(*n),
        Step::Send(how, len) => life.send(*how, *len),
        Step::Refused => life.refused(),
        Step::EndNoticed => life.end_noticed(),
        Step::WriteFailed => life.write_failed(),
        Step::Ended(n) => life.ended(terminal(*n)),
    }
}

/// One of the decisions that this phase allows.
fn decision(phase: Phase, n: u8) -> Close {
    let of_phase: &[Cause] = match phase {
        Phase::Admission | Phase::Proxy | Phase::Tls | Phase::Hello => &[Cause::Overloaded],
        Phase::Auth => &[
            Cause::AuthRejected,
            Cause::AuthUnavailable,
            Cause::AlreadyLoggedIn,
        ],
        Phase::Live => &[
            Cause::Kicked,
            Cause::ClosedByGame,
            Cause::Drained,
            Cause::ReplacedByLogin,
            Cause::HandlerPanicked,
            Cause::SendQueueFull,
        ],
    };
    let cause = of_phase[usize::from(n) % of_phase.len()];
    let linger = (cause == Cause::Drained).then_some(Duration::from_secs(20));
    Close {
        linger,
        ..Close::new(cause)
    }
}

fn terminal(n: u8) -> Terminal {
    let error = |kind| Terminal::Error(OsError { code: None, kind });
    match n % 4 {
        0 => Terminal::Eof,
        1 => error(ErrorKind::ConnectionReset),
        2 => error(ErrorKind::TimedOut),
        _ => Terminal::Open,
    }
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
        6 => (0..300_usize).prop_map(Step::Write),
        6 => (how(), 0..1_500_usize).prop_map(|(how, len)| Step::Send(how, len)),
        2 => Just(Step::Refused),
        1 => Just(Step::EndNoticed),
        1 => Just(Step::WriteFailed),
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
    ];
    let cut = frames[0][..20].to_vec();
    frames.push(cut);
    prop_oneof![
        8 => proptest::sample::select(frames),
        1 => Just(encoded(|out| GOODBYE.encode(out))),
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

const ADMISSION: Admission = Admission {
    session: [7; 16],
    timing: Timing {
        heartbeat_ms: 5_000,
        suspect_ms: 7_500,
        dead_ms: 15_000,
    },
};

const WELCOME: Welcome<'static> = Welcome {
    version: 1,
    resumed: false,
    session: [7; 16],
    connection: 1,
    received: 0,
    heartbeat_ms: 5_000,
    dead_ms: 15_000,
    resume_window_ms: 0,
    frame_limit: 65_536,
    token: &[],
    extensions: lastword_session::wire::Extensions::EMPTY,
};

const NOTICE: Notice<'static> = Notice {
    code: 85,
    advice: 2,
    deadline_ms: 30_000,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};

const GOODBYE: Goodbye<'static> = Goodbye {
    over: true,
    code: 0,
    game_cause: None,
    advice: 0,
    delay_ms: 0,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};
