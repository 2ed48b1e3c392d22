//! Memory: what a connection takes, what a peer can make it take, and that steady traffic takes none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, in its helpers too, and says what it measured"
)]

#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::opt_out;
use lastword_session::wire::{Ack, Hello};
use lastword_session::{
    Config, Connection, Framing, HeldBytes, LengthPrefixed, Limits, Outbound, ResumeConfig,
    SendQueue, TokenKey,
};

use support::{ADMISSION, Answer, Echo, HELLO, Host, START, Solo, View, encoded};

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
    let mut solo = None;
    let memory = allocation_counter::measure(|| {
        let connection = Connection::server(Arc::new(Config::default()), START);
        opt_out(|| solo = Some(with_hello(connection)));
        let solo = solo.as_mut().expect("it was made");
        solo.run();
        drop(solo.connection().reclaim());
        assert!(solo.connection().is_live());
    });
    // The config is shared. The rest that remains is the connection's own.
    let config = i64::try_from(size_of::<Config>() + 16).expect("it fits");
    assert_eq!(memory.bytes_current, config, "{memory:?}");
}

/// Also once frames went both ways and were acknowledged, and the session has computed its deadlines again.
#[test]
fn an_idle_session_that_may_resume_takes_at_most_112_bytes_more() {
    let mut solo = None;
    let held = Arc::new(HeldBytes::new(1 << 20));
    let memory = allocation_counter::measure(|| {
        let connection = Connection::server(Arc::new(resuming(&held)), START);
        opt_out(|| solo = Some(before_hello(connection)));
        let solo = solo.as_mut().expect("it was made");
        joins(solo);
        solo.sends(0, &[7; 64]);
        let sent = solo.connection().send_as(START, Outbound::Kept, &[7; 64]);
        sent.expect("it is taken");
        solo.run();
        solo.says(&encoded(|out| Ack { received: 1 }.encode(out)));
        let connection = solo.connection();
        drop(connection.reclaim());
        assert!(connection.is_live() && connection.resume().is_some());
    });
    let config = i64::try_from(size_of::<Config>() + 16).expect("it fits");
    let more = memory.bytes_current - config;
    println!("an idle session that may resume takes {more} bytes more");
    assert!((1..=112).contains(&more), "{more}");
}

#[test]
fn an_echo_of_small_frames_allocates_nothing() {
    for framing in [Framing::Native, Framing::Dialect(Arc::new(LengthPrefixed))] {
        let mut solo = live(Config {
            framing: framing.clone(),
            ..Config::default()
        });
        solo.host.game.echo = Echo::InPlace;
        let mut spare = Some(Box::<SendQueue>::default());
        let mut burst = Vec::new();
        for _ in 0..5 {
            lastword_session::encode_data(&framing, &[7; 64], &mut burst);
        }
        says(&mut solo, &burst, &mut spare);
        let memory = allocation_counter::measure(|| {
            for _ in 0..1_000 {
                says(&mut solo, &burst, &mut spare);
            }
        });
        assert_eq!(memory.count_total, 0, "{framing:?}: {memory:?}");
        let traffic = solo.connection().traffic();
        assert_eq!(
            (traffic.frames_in, traffic.frames_out),
            (5 * 1_001, 5 * 1_001)
        );
    }
}

/// The client acknowledges the frames as early as it may, in the write of its next ones, and we do the same.
#[test]
fn an_echo_whose_frames_are_acknowledged_allocates_nothing() {
    let connection = Connection::server(Arc::new(resuming(&Arc::new(HeldBytes::new(0)))), START);
    let mut solo = before_hello(connection);
    joins(&mut solo);
    solo.host.keeps_deadline = true;
    solo.host.game.echo = Echo::InPlace;
    let mut spare = solo.connection().reclaim();
    let mut burst = encoded(|out| Ack { received: 0 }.encode(out));
    let ack_len = burst.len();
    for _ in 0..32 {
        lastword_session::encode_data(&Framing::Native, &[7; 64], &mut burst);
    }
    says(&mut solo, &burst[ack_len..], &mut spare);
    let mut received = 0_u64;
    let mut round = || {
        received += 32;
        burst[ack_len - 8..ack_len].copy_from_slice(&received.to_be_bytes());
        says(&mut solo, &burst, &mut spare);
    };
    for _ in 0..10 {
        round();
    }
    let memory = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            round();
        }
    });
    assert_eq!(memory.count_total, 0, "{memory:?}");
    let traffic = solo.connection().traffic();
    assert_eq!(traffic.frames_out, 32 * 1_011);
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
            mail.push(START, how, |out| out.resize(out.len() + len, 7));
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
    let mut solo = live(Config::default());
    let mut spare = Some(Box::<SendQueue>::default());
    let mut beat = |solo: &mut Solo| {
        solo.now = solo.now + Duration::from_secs(40);
        let mut ping = [0; 4 + 16];
        ping[2..4].copy_from_slice(&[16, 3]);
        says(solo, &ping, &mut spare);
        // The answer to the server's own ping, which left with the first pong.
        let mut pong = [0; 4 + 28];
        pong[2..4].copy_from_slice(&[28, 4]);
        pong[4..12].copy_from_slice(&solo.now.as_micros().to_be_bytes());
        solo.now = solo.now + Duration::from_millis(30);
        says(solo, &pong, &mut spare);
    };
    beat(&mut solo);
    let memory = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            beat(&mut solo);
        }
    });
    assert_eq!(
        solo.connection().round_trip().rtt(),
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
        for announced in [*b"\xff\xff\xff\x00", *b"\x00\xff\xff\xff"] {
            if matches!(framing, Framing::Native) == (announced[0] == 0) {
                continue;
            }
            for chunk in [1, 3, 100, 1_460] {
                let mut solo = live(config.clone());
                let memory = allocation_counter::measure(|| {
                    solo.says(&announced);
                    for _ in 0..(100_000 / chunk) {
                        solo.says(&[7; 1_460][..chunk]);
                    }
                    assert!(solo.connection().is_live());
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
        let mut solo = live(Config {
            framing: framing.clone(),
            ..Config::default()
        });
        let memory = allocation_counter::measure(|| {
            for _ in 0..20 {
                for chunk in frame.chunks(1_460) {
                    solo.says(chunk);
                }
            }
        });
        assert_eq!(solo.connection().traffic().frames_in, 20, "{framing:?}");
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
    let mut solo = live(Config {
        limits,
        ..Config::default()
    });
    let memory = allocation_counter::measure(|| solo.says(&[0xff, 0xff, 0xff, 0]));
    assert!(memory.bytes_max <= 2 * 4 + 64, "{memory:?}");
}

/// The peer sends these bytes, and the answers are written, with a buffer that is lent and given back.
fn says(solo: &mut Solo, bytes: &[u8], spare: &mut Option<Box<SendQueue>>) {
    let connection = solo.connection();
    connection.lend(|| spare.take().expect("it was given back"));
    solo.says(bytes);
    *spare = solo.connection().reclaim();
}

/// A client that may resume says hello and confirms the welcome.
fn joins(solo: &mut Solo) {
    let hello = Hello {
        no_resume: false,
        ..HELLO
    };
    solo.says(&encoded(|out| hello.encode(out)));
    solo.says(&encoded(|out| Ack { received: 0 }.encode(out)));
}

fn resuming(held: &Arc<HeldBytes>) -> Config {
    Config {
        resume: Some(ResumeConfig {
            held: Arc::clone(held),
            window: Duration::from_secs(60),
            key: TokenKey::new([7; 32]),
        }),
        ..Config::default()
    }
}

/// A live session without a buffer.
fn live(config: Config) -> Solo {
    let connection = Connection::server(Arc::new(config.clone()), START);
    let mut solo = match &config.framing {
        Framing::Native => with_hello(connection),
        framing @ Framing::Dialect(_) => {
            let mut solo = before_hello(connection);
            let credentials = encoded(|out| lastword_session::encode_data(framing, b"ada", out));
            solo.inbound.write(START, &credentials);
            solo
        }
    };
    solo.run();
    drop(solo.connection().reclaim());
    assert!(solo.connection().is_live());
    solo
}

fn with_hello(connection: Connection) -> Solo {
    let mut solo = before_hello(connection);
    let hello = encoded(|out| HELLO.encode(out));
    solo.inbound.write(START, &hello);
    solo
}

fn before_hello(connection: Connection) -> Solo {
    let mut solo = Solo::of(Host::new(connection, Answer::Admit(ADMISSION)));
    solo.host.view = View::Blind;
    solo
}
