//! Memory: what a connection takes, what a peer can make it take, and that steady traffic takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, in its helpers too, and says what it measured"
)]

use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::{Ack, Extensions, Hello};
use lastword_session::{
    Admission, Config, Connection, Event, Flow, Framing, HeldBytes, Input, LengthPrefixed, Limits,
    Outbound, ResumeConfig, SendQueue, Time, Timing, TokenKey,
};

const NOW: Time = Time::from_micros(1_000_000);

/// Half of the limit for an idle handler connection in all, including its task and its handles.
const SESSION_BYTES_MAX: usize = 304;

#[test]
fn a_session_is_small() {
    let size = size_of::<Connection>();
    println!(
        "a connection takes {size} bytes, a queue {} more while it is used",
        size_of::<SendQueue>()
    );
    assert!(size <= SESSION_BYTES_MAX, "{size} bytes");
}

#[test]
fn an_idle_session_keeps_no_memory_besides_itself() {
    let memory = allocation_counter::measure(|| {
        let mut connection = live(Config::default());
        write_out(&mut connection);
        drop(connection.reclaim());
        assert!(connection.is_live());
        // The config is shared. The rest that remains after this line is the connection's own.
        std::mem::forget(connection);
    });
    let config = i64::try_from(size_of::<Config>() + 16).expect("it fits");
    assert_eq!(memory.bytes_current, config, "{memory:?}");
}

/// Also once frames went both ways and were acknowledged.
#[test]
fn an_idle_session_that_may_resume_takes_at_most_128_bytes_more() {
    let memory = allocation_counter::measure(|| {
        let mut connection = live_as(
            Config {
                resume: Some(ResumeConfig {
                    held: Arc::new(HeldBytes::new(1 << 20)),
                    window: Duration::from_secs(60),
                    key: TokenKey::new([7; 32]),
                }),
                ..Config::default()
            },
            Hello {
                no_resume: false,
                ..HELLO
            },
        );
        let mut bytes = Vec::new();
        Ack { received: 0 }.encode(&mut bytes);
        lastword_session::encode_data(&Framing::Native, &[7; 64], &mut bytes);
        feed(&mut connection, &mut bytes);
        connection.send(NOW, &[7; 64]).expect("it is taken");
        write_out(&mut connection);
        bytes.clear();
        Ack { received: 1 }.encode(&mut bytes);
        feed(&mut connection, &mut bytes);
        drop(connection.reclaim());
        assert!(connection.is_live() && connection.resume().is_some());
        std::mem::forget(connection);
    });
    let config = i64::try_from(size_of::<Config>() + 16).expect("it fits");
    let more = memory.bytes_current - config;
    println!("an idle session that may resume takes {more} bytes more");
    assert!((1..=128).contains(&more), "{more}");
}

#[test]
fn an_echo_of_small_frames_allocates_nothing() {
    for framing in [Framing::Native, Framing::Dialect(Arc::new(LengthPrefixed))] {
        let mut connection = live(Config {
            framing: framing.clone(),
            ..Config::default()
        });
        let mut spare = Some(Box::<SendQueue>::default());
        let mut burst = Vec::new();
        for _ in 0..5 {
            lastword_session::encode_data(&framing, &[7; 64], &mut burst);
        }
        drop(connection.reclaim());
        echo(&mut connection, &mut burst, &mut spare);
        let memory = allocation_counter::measure(|| {
            for _ in 0..1_000 {
                echo(&mut connection, &mut burst, &mut spare);
            }
        });
        assert_eq!(memory.count_total, 0, "{framing:?}: {memory:?}");
        assert_eq!(connection.frames(), (5 * 1_001, 5 * 1_001));
    }
}

/// A slow peer takes a frame in each round, in which the frames of all keys change.
#[test]
fn frames_that_replace_older_ones_allocate_nothing() {
    let mut queue = SendQueue::default();
    let mut mail = SendQueue::default();
    let mut n = 0;
    let mut round = || {
        for key in 0..50 {
            n += 1;
            let len = 20 + n % 7;
            let how = Outbound::Latest(key);
            mail.push(NOW, how, |out| out.resize(out.len() + len, 7));
        }
        queue.append(&mut mail);
        let begun = queue.slices()[0].len();
        queue.advance(begun);
        queue.slices();
        queue.advance(10);
    };
    for _ in 0..100 {
        round();
    }
    let memory = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            round();
        }
    });
    assert_eq!(memory.count_total, 0, "{memory:?}");
    assert!(queue.take_lost().replaced > 50_000);
}

#[test]
fn heartbeats_that_learn_the_round_trip_allocate_nothing() {
    let mut connection = live(Config::default());
    write_out(&mut connection);
    let mut spare = connection.reclaim();
    let mut now = NOW;
    let mut beat = |connection: &mut Connection| {
        now = now + Duration::from_secs(40);
        let mut ping = [0; 4 + 16];
        ping[2..4].copy_from_slice(&[16, 3]);
        beat_in(connection, now, &mut ping, &mut spare);
        // The answer to the server's own ping, which left with the first pong.
        let mut pong = [0; 4 + 28];
        pong[2..4].copy_from_slice(&[28, 4]);
        pong[4..12].copy_from_slice(&now.as_micros().to_be_bytes());
        now = now + Duration::from_millis(30);
        beat_in(connection, now, &mut pong, &mut spare);
    };
    beat(&mut connection);
    let memory = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            beat(&mut connection);
        }
    });
    assert_eq!(
        connection.round_trip().rtt(),
        Some(Duration::from_millis(30))
    );
    assert_eq!(memory.count_total, 0, "{memory:?}");
}

#[test]
fn nothing_is_allocated_on_the_peers_word() {
    let limits = Limits {
        frame_bytes_max: 16_777_215,
        ..Limits::default()
    };
    for framing in [Framing::Native, Framing::Dialect(Arc::new(LengthPrefixed))] {
        let config = Config {
            framing: framing.clone(),
            limits: limits.clone(),
            ..Config::default()
        };
        for mut announced in [*b"\xff\xff\xff\x00", *b"\x00\xff\xff\xff"] {
            if matches!(framing, Framing::Native) == (announced[0] == 0) {
                continue;
            }
            for chunk in [1, 3, 100, 1_460] {
                let mut connection = live(config.clone());
                write_out(&mut connection);
                drop(connection.reclaim());
                let memory = allocation_counter::measure(|| {
                    feed(&mut connection, &mut announced);
                    for _ in 0..(100_000 / chunk) {
                        feed(&mut connection, &mut [7; 1_460][..chunk]);
                    }
                    assert!(connection.is_live());
                });
                let received = 4 + u64::try_from(100_000 / chunk * chunk).expect("it fits");
                let kept = u64::try_from(memory.bytes_current).expect("it is not negative");
                assert!(kept <= 2 * received + 64, "{kept} for {received}");
                // While the buffer grows, the old one and the new one may exist together.
                assert!(
                    memory.bytes_max <= 3 * received + 64,
                    "{memory:?} for {received}"
                );
            }
        }
    }
}

#[test]
fn a_buffer_that_grew_for_a_frame_is_freed_with_it() {
    for framing in [Framing::Native, Framing::Dialect(Arc::new(LengthPrefixed))] {
        let mut frame = Vec::new();
        lastword_session::encode_data(&framing, &[7; 60_000], &mut frame);
        let mut connection = live(Config {
            framing: framing.clone(),
            ..Config::default()
        });
        write_out(&mut connection);
        drop(connection.reclaim());
        let memory = allocation_counter::measure(|| {
            for _ in 0..20 {
                for chunk in frame.chunks_mut(1_460) {
                    feed(&mut connection, chunk);
                }
            }
        });
        let (frames, _) = connection.frames();
        assert_eq!(frames, 20, "{framing:?}");
        assert!(memory.bytes_max > 60_000, "the frames were put together");
        assert_eq!(memory.bytes_current, 0, "{framing:?}: {memory:?}");
    }
}

#[test]
fn an_announced_length_alone_takes_almost_no_memory() {
    let limits = Limits {
        frame_bytes_max: 16_777_215,
        ..Limits::default()
    };
    let mut connection = live(Config {
        limits,
        ..Config::default()
    });
    write_out(&mut connection);
    drop(connection.reclaim());
    let memory = allocation_counter::measure(|| feed(&mut connection, &mut [0xff, 0xff, 0xff, 0]));
    assert!(memory.bytes_max <= 2 * 4 + 64, "{memory:?}");
}

/// Feeds one frame in and writes the answers out, with a buffer that is lent and given back.
fn beat_in(
    connection: &mut Connection,
    now: Time,
    frame: &mut [u8],
    spare: &mut Option<Box<SendQueue>>,
) {
    connection.lend(|| spare.take().expect("it was given back"));
    connection.bytes_arrived(now, frame.len());
    connection.feed(now, frame, |_, _| Flow::More);
    write_out(connection);
    *spare = connection.reclaim();
}

/// Feeds one burst in and writes the same frames out, with a buffer that is lent and given back.
fn echo(connection: &mut Connection, burst: &mut [u8], spare: &mut Option<Box<SendQueue>>) {
    connection.lend(|| spare.take().expect("it was given back"));
    connection.bytes_arrived(NOW, burst.len());
    connection.feed(NOW, burst, |connection, event| {
        if let Event::Data(payload) = event {
            connection.send(NOW, payload).expect("it is taken");
        }
        Flow::More
    });
    assert!(!connection.has_unread());
    write_out(connection);
    *spare = connection.reclaim();
}

fn write_out(connection: &mut Connection) {
    let written = connection.slices().iter().map(|slice| slice.len()).sum();
    connection.transmitted(NOW, written);
    assert!(connection.poll_output().is_none());
}

fn feed(connection: &mut Connection, bytes: &mut [u8]) {
    connection.bytes_arrived(NOW, bytes.len());
    connection.feed(NOW, bytes, |_, _| Flow::More);
}

fn live(config: Config) -> Connection {
    live_as(config, HELLO)
}

fn live_as(config: Config, hello: Hello<'_>) -> Connection {
    let mut opening = Vec::new();
    match &config.framing {
        Framing::Native => hello.encode(&mut opening),
        framing @ Framing::Dialect(_) => {
            lastword_session::encode_data(framing, b"ada", &mut opening);
        }
    }
    let mut connection = Connection::server(Arc::new(config), NOW);
    feed(&mut connection, &mut opening);
    connection.handle(NOW, Input::Admit(ADMISSION));
    assert!(connection.is_live());
    connection
}

const ADMISSION: Admission = Admission {
    session: [7; 16],
    timing: Timing {
        heartbeat_ms: 5_000,
        suspect_ms: 7_500,
        dead_ms: 15_000,
    },
    resume_window: None,
};

const HELLO: Hello<'static> = Hello {
    version_min: 1,
    version_max: 1,
    resume: false,
    no_resume: true,
    frame_limit: 65_536,
    session: [0; 16],
    received: 0,
    token: &[],
    extensions: Extensions::EMPTY,
    credentials: b"ada",
};
