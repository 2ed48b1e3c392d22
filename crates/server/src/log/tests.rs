use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use lastword_keepalive::ProfileName;
use lastword_session::wire::Goodbye;
use lastword_session::{
    Advice, Call, ClockOffset, Decided, Detector, Ending, Evidence, Farewell, FirstError,
    KernelSample, Layer, OsError, Parting, Phase, Time, TrailEvent, Verdict,
};
use serde_json::{Value, json};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::SessionId;

/// What is logged, as text.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + use<> {
        fmt().with_ansi(false).with_writer(self.clone()).finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn json_of(close: &Disconnect) -> Value {
    let lines = Lines::default();
    let subscriber = fmt().json().flatten_event(true).with_writer(lines.clone());
    tracing::subscriber::with_default(subscriber.finish(), || disconnect(close));
    serde_json::from_str(&lines.text()).unwrap()
}

fn text_of(close: &Disconnect) -> String {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.subscriber(), || disconnect(close));
    lines.text()
}

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn evidence() -> Evidence {
    Evidence {
        age: second(9),
        silent_for: Some(second(3)),
        own_stall: Duration::from_millis(40),
        live_for: second(8),
        last_byte_in: Some(second(3)),
        last_pong: Some(second(4)),
        last_ack_in: Some(second(5)),
        rtt: Some(Duration::from_micros(70)),
        rtt_variance: Some(Duration::from_micros(7)),
        clock_offset: Some(ClockOffset {
            micros: -7_000,
            error: Duration::from_micros(36),
        }),
        bytes_unacked: Some(11),
        partial_frame: Some((12, Some(13))),
        fin: Some(false),
        kernel: Some(KernelSample {
            state: 7,
            retransmits: 2,
            probes: 1,
            snd_wnd: 64,
            ..KernelSample::default()
        }),
        detector: Some(Detector::Heartbeat),
        farewell: Farewell::Written,
        bytes_in: 1,
        bytes_out: 2,
        frames_in: 3,
        frames_out: 4,
        bytes_unsent: 5,
        frames_unsent: 6,
        frames_unacked: 7,
        bytes_drained: 8,
    }
}

/// An end of which there is something to say in every field.
fn full() -> Disconnect {
    let at = |ms: u64| Time::ORIGIN + Duration::from_millis(ms);
    let event = |ms, layer, what| TrailEvent {
        at: at(ms),
        layer,
        what,
    };
    let goodbye = Goodbye {
        over: true,
        code: 4_242,
        game_cause: None,
        advice: 0,
        delay_ms: 0,
        address: "".into(),
        reason: "\"so\\long\"\u{7}".into(),
    };
    let trail = vec![
        event(7_500, Layer::Socket, "end_noticed"),
        event(9_250, Layer::Game, "close_after_end"),
    ];
    Disconnect {
        seq: 17,
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        listener: SocketAddr::from(([127, 0, 0, 1], 7_000)),
        remote: SocketAddr::from(([10, 0, 0, 9], 4_711)),
        player: Some("an\"n \\ \u{1b}[31m\u{9b}".to_owned()),
        session: Some(SessionId::from_bytes([0xab; 16])),
        connection: 1,
        profile: Some(ProfileName::new("mobile").unwrap()),
        undelivered_frames: 9,
        undelivered_bytes: 10,
        ending: Ending {
            verdict: Verdict {
                cause: Cause::PathDead,
                phase: Phase::Live,
                at: at(9_000),
            },
            first_error: Some(FirstError {
                call: Call::Read,
                error: OsError {
                    code: Some(110),
                    kind: io::ErrorKind::TimedOut,
                },
            }),
            evidence: evidence(),
            decided: Some(Decided {
                code: 4_097,
                advice: Advice::DoNot,
                reason: "for \"spam\"\u{7}".to_owned(),
            }),
            parting: Some(Parting::from(&goodbye)),
            trail,
            abort: true,
        },
    }
}

#[test]
fn the_line_has_every_field_of_the_record_with_the_same_value() {
    let close = full();
    let mut line = json_of(&close);
    let line = line.as_object_mut().unwrap();
    for of_the_format in ["timestamp", "level", "target", "message"] {
        assert!(line.remove(of_the_format).is_some());
    }
    let mut record = serde_json::to_value(close.record()).unwrap();
    assert_eq!(
        record["trail"],
        json!([
            { "at_ms": -1_500, "layer": "socket", "what": "end_noticed" },
            { "at_ms": 250, "layer": "game", "what": "close_after_end" },
        ])
    );
    record["trail"] = json!("socket:end_noticed@-1500,game:close_after_end@250");
    assert_eq!(Value::from(line.clone()), record);
    assert_eq!(line["at"], "1970-01-01T00:00:01.500Z");
    assert_eq!(line["tcp_state"], "close");
    assert_eq!(line["words"], close.to_string());
}

#[test]
fn what_a_peer_chose_is_escaped_once_in_every_format() {
    let (line, text) = (json_of(&full()), text_of(&full()));
    assert_eq!(line["player"], r#"an"n \ <U+001B>[31m<U+009B>"#);
    assert_eq!(line["peer_reason"], r#""so\long"<U+0007>"#);
    let (player, reason) = (
        r#" player="an\"n \\ <U+001B>[31m<U+009B>" "#,
        r#" peer_reason="\"so\\long\"<U+0007>" "#,
    );
    assert!(text.contains(player) && text.contains(reason), "{text}");
    assert!(!text.trim_end().contains(char::is_control), "{text:?}");
}

#[test]
fn what_there_is_nothing_to_say_of_is_in_neither() {
    let close = Disconnect {
        player: None,
        session: None,
        profile: None,
        ending: Ending::without_verdict(Phase::Hello, Time::ORIGIN),
        ..full()
    };
    let record = serde_json::to_value(close.record()).unwrap();
    let line = json_of(&close);
    for field in [
        "player",
        "session",
        "first_call",
        "partial_have_bytes",
        "trail",
        "peer_code",
    ] {
        assert!(
            record.get(field).is_none() && line.get(field).is_none(),
            "{field}"
        );
    }
    assert_eq!(line["level"], "ERROR");
}

#[test]
#[ignore = "a measurement, of a release build: --ignored --nocapture"]
fn a_line_costs_microseconds() {
    const LINES: u32 = 100_000;
    let close = full();
    let measure = |what: &str, call: &dyn Fn()| {
        let start = Instant::now();
        (0..LINES).for_each(|_| call());
        let each = start.elapsed() / LINES;
        eprintln!("{what} {each:?}");
        assert!(each < Duration::from_micros(50), "{what} {each:?}");
    };
    measure("record", &|| drop(std::hint::black_box(close.record())));
    measure("record as JSON", &|| {
        drop(serde_json::to_vec(&close.record()).unwrap());
    });
    let text = fmt().with_ansi(false).with_writer(io::sink).finish();
    let json = fmt().json().with_writer(io::sink).finish();
    let line = || measure("line", &|| disconnect(&close));
    tracing::subscriber::with_default(text, line);
    tracing::subscriber::with_default(json, line);
}
