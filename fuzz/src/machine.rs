//! One connection from its first step to its one end, with a peer, a kernel and a game that do anything. The model and its
//! laws are those of the session's own property tests; here the coverage chooses the steps.

use std::io::ErrorKind;

use lastword_session::wire::{Ack, Goodbye, Header, Hello, Kind, Notice, Ping, Pong, Welcome};
use lastword_session::{KernelSample, Outbound, Role, Timing};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::frame::{some_bytes, some_text};
use crate::model::beating::{Beating, of_dialect};
use crate::model::script::{GOODBYE, NOTICE, PROXIED, STANDARD, Script, Step};
use crate::support::{HELLO, Record, WELCOME, Words};

/// Checks bytes as a script: who takes part, and the steps.
///
/// # Panics
/// Where a law does not hold.
pub fn run(data: &[u8]) {
    let Ok(script) = script(&mut Unstructured::new(data)) else {
        return;
    };
    let life = script.play();
    let mut other = script.clone();
    // Bytes that wait for a rate are heard when they are read, so the cut matters there.
    if !script.is_rated {
        other.reads.clear();
    }
    other.keeps_deadline = false;
    if other.reads.len() == script.reads.len() && !script.keeps_deadline {
        return;
    }
    let is_comparable = other.reads.len() == script.reads.len() || script.is_one_by_one();
    let other = other.play();
    assert_eq!(life.verdict(), other.verdict(), "another host, another end");
    assert_eq!(life.taken(), other.taken(), "another host, other frames");
    let written = [&life, &other].map(|life| &life.solo.host.plain);
    let is_same = written[0] == written[1];
    assert!(is_same || !is_comparable, "another host, other answers");
}

fn script(input: &mut Unstructured<'_>) -> Result<Script> {
    let [ends, setting, layers]: [u8; 3] = input.arbitrary()?;
    let mut script = Script {
        role: match is_set(ends, 0) {
            false => Role::Server,
            true => Role::Client,
        },
        is_dialect: is_set(ends, 1),
        is_greeted: !is_set(ends, 2),
        peer_reads: !is_set(ends, 3),
        behind_proxy: is_set(ends, 4),
        has_idle_limit: is_set(ends, 5),
        is_rated: is_set(setting, 2),
        echoes: is_set(setting, 3),
        keeps_deadline: is_set(setting, 4),
        room: match setting >> 5 {
            0 => usize::MAX,
            n => usize::from(n) * 100,
        },
        timing: timing(setting),
        has_tls: is_set(layers, 0),
        is_proxied: is_set(layers, 1),
        is_denied: is_set(layers, 2),
        is_refused: is_set(layers, 3),
        by_mail: is_set(layers, 4),
        ..Script::default()
    };
    if is_set(ends, 6) {
        script.words = Some(words(input)?);
    }
    if is_set(ends, 7) {
        let reads: [u8; 3] = input.arbitrary()?;
        script.reads = reads.map(usize::from).to_vec();
    }
    while !input.is_empty() && script.steps.len() < STEPS_MAX {
        script.steps.push(step(input, script.is_dialect)?);
    }
    if script.keeps_deadline {
        // A host that computes it has another next deadline.
        script.steps.retain(|step| !matches!(step, Step::UntilDue));
    }
    Ok(script)
}

fn timing(choice: u8) -> Timing {
    match choice % 4 {
        0 | 1 => STANDARD,
        2 => Timing {
            heartbeat_ms: 1_000,
            suspect_ms: 2_500,
            dead_ms: 8_000,
        },
        _ => Timing {
            dead_ms: 0,
            ..STANDARD
        },
    }
}

fn step(input: &mut Unstructured<'_>, is_dialect: bool) -> Result<Step> {
    let choice: u8 = input.arbitrary()?;
    Ok(match choice % 26 {
        0..=3 if is_dialect => Step::Bytes(dialect_frame(input)?),
        0..=3 => Step::Bytes(frame(input)?),
        4 => Step::Bytes(some_bytes(input)?.to_vec()),
        5 => Step::Decide(input.arbitrary()?),
        6 => Step::Admit,
        7 => Step::Notice,
        8 => Step::DrainExpired,
        9 => Step::Abort,
        10 => Step::Pause,
        11 => Step::Resume,
        12 => Step::Pass(u32::from(input.arbitrary::<u8>()?)),
        13 => Step::Pass(u32::from(input.arbitrary::<u16>()?) / 4),
        14 => Step::StandStill(input.arbitrary::<u16>()?.into()),
        15 => Step::PeerReads(input.arbitrary::<u8>()?.into()),
        16 => Step::PeerReads(usize::MAX),
        17 => Step::DecideInEvent(input.arbitrary()?),
        18 => {
            let (how, len) = sent(input)?;
            Step::Send(how, len)
        }
        19 => Step::GameTakes(input.arbitrary()?),
        20 => Step::Kernel(words(input)?),
        21 => Step::Record(*input.choose(&Record::ALL)?),
        22 => Step::Ended(input.arbitrary()?),
        23 => {
            let (how, len) = sent(input)?;
            Step::Post(how, len)
        }
        24 => Step::Bytes(PROXIED.to_vec()),
        _ => match input.arbitrary::<u8>()? % 11 {
            0 => Step::EndShows,
            1 => Step::WriteFails,
            2 => Step::ShutFails,
            3 => Step::Linger(false),
            4 => Step::Linger(true),
            5 => Step::Panic,
            6 => Step::Report,
            7 => Step::Hold,
            8 => Step::UntilDue,
            9 => Step::Probe,
            _ => Step::Refuse(input.arbitrary()?),
        },
    })
}

/// A frame of the game.
fn sent(input: &mut Unstructured<'_>) -> Result<(Outbound, usize)> {
    let sent: u16 = input.arbitrary()?;
    Ok((how(sent / LEN_MAX), usize::from(sent % LEN_MAX)))
}

/// How a frame of the game waits for its peer.
fn how(choice: u16) -> Outbound {
    match choice % 6 {
        0 | 1 => Outbound::Kept,
        2 | 3 => Outbound::Droppable,
        key => Outbound::Latest(key.into()),
    }
}

/// One frame of the native wire, whole or cut short.
fn frame(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let choice: u8 = input.arbitrary()?;
    let mut out = Vec::new();
    match choice % 12 {
        0 => raw(input, Kind::Data.to_byte(), &mut out)?,
        1 => raw(input, 0x80, &mut out)?,
        2 => raw(input, choice, &mut out)?,
        3 => Ping {
            clock_us: input.arbitrary()?,
            received: input.arbitrary::<u8>()?.into(),
        }
        .encode(&mut out),
        4 => Pong {
            // The clocks of the model begin at one second.
            ping_clock_us: 1_000_000 + u64::from(input.arbitrary::<u16>()?) * 1_000,
            clock_us: input.arbitrary()?,
            held_us: input.arbitrary::<u16>()?.into(),
            received: input.arbitrary::<u8>()?.into(),
        }
        .encode(&mut out),
        5 => Ack {
            received: input.arbitrary::<u8>()?.into(),
        }
        .encode(&mut out),
        6 => Goodbye {
            over: input.arbitrary()?,
            code: input.arbitrary()?,
            reason: some_text(input)?.into(),
            ..GOODBYE
        }
        .encode(&mut out),
        7 => Notice {
            code: input.arbitrary()?,
            reason: some_text(input)?.into(),
            ..NOTICE
        }
        .encode(&mut out),
        8 => Hello {
            version_min: input.arbitrary::<u8>()? % 3,
            resume: input.arbitrary()?,
            no_resume: false,
            frame_limit: input.arbitrary::<u16>()?.into(),
            credentials: some_bytes(input)?,
            ..HELLO
        }
        .encode(&mut out),
        9 => Welcome {
            heartbeat_ms: input.arbitrary::<u16>()?.into(),
            dead_ms: input.arbitrary::<u16>()?.into(),
            frame_limit: input.arbitrary::<u16>()?.into(),
            connection: 1,
            ..WELCOME
        }
        .encode(&mut out),
        10 => announced(input, &mut out)?,
        _ => HELLO.encode(&mut out),
    }
    let keeps: u8 = input.arbitrary()?;
    if keeps > 200 {
        out.truncate(usize::from(keeps - 200));
    }
    Ok(out)
}

fn raw(input: &mut Unstructured<'_>, kind: u8, out: &mut Vec<u8>) -> Result<()> {
    let payload = some_bytes(input)?;
    let len = u32::try_from(payload.len()).unwrap_or_default();
    out.extend_from_slice(&Header { len, kind }.encode());
    out.extend_from_slice(payload);
    Ok(())
}

/// A header that announces more than comes.
fn announced(input: &mut Unstructured<'_>, out: &mut Vec<u8>) -> Result<()> {
    let len = input.arbitrary::<u32>()? >> 8;
    let kind = input.arbitrary::<u8>()? % 9;
    out.extend_from_slice(&Header { len, kind }.encode());
    out.extend_from_slice(some_bytes(input)?);
    Ok(())
}

/// One frame of the dialect.
fn dialect_frame(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let choice: u8 = input.arbitrary()?;
    let payload = some_bytes(input)?;
    Ok(match choice % 8 {
        0 => of_dialect(Beating::PING, payload),
        1 => of_dialect(Beating::PONG, payload),
        2 => of_dialect(Beating::GOODBYE, payload),
        3 => of_dialect(Beating::MALFORMED, payload),
        4 => vec![Beating::FOREIGN],
        5 => [&input.arbitrary::<u32>()?.to_be_bytes(), payload].concat(),
        _ => of_dialect(b'd', payload),
    })
}

/// The kernel's answers: any values that decide something.
fn words(input: &mut Unstructured<'_>) -> Result<Words> {
    let [has, state, counters, ages, counts]: [u8; 5] = input.arbitrary()?;
    let kernel = KernelSample {
        state: state % 12,
        snd_wnd: is_set(counters, 0).then_some(u32::from(counters >> 6) * 1_000),
        retransmits: counters >> 1 & 0b11,
        probes: counters >> 3 & 0b11,
        unacked: (counters >> 5 & 0b1).into(),
        outq: u32::from(counts & 0b111) * 100,
        inq: (counts >> 3 & 0b11).into(),
        bytes_received: (counts >> 5).into(),
        total_retrans: (counts >> 5).into(),
        bytes_acked: u64::from(ages) * 10,
        segs_in: ages.into(),
        last_ack_recv_ms: u32::from(ages) * 100,
        ..KernelSample::default()
    };
    let error = match has >> 1 & 0b11 {
        0 => None,
        1 => Some(ErrorKind::ConnectionReset),
        2 => Some(ErrorKind::BrokenPipe),
        _ => Some(ErrorKind::TimedOut),
    };
    Ok(Words {
        kernel: is_set(has, 0).then_some(kernel),
        error,
    })
}

fn is_set(bits: u8, n: u8) -> bool {
    bits >> n & 1 == 1
}

/// A life of so many steps takes a fraction of a millisecond.
const STEPS_MAX: usize = 64;
/// Two of such frames are more than the outbound cap of the model.
const LEN_MAX: u16 = 3_000;
