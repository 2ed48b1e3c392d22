use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use lastword_keepalive::ProfileName;
use lastword_session::wire::Goodbye;
use lastword_session::{
    Call, ClockOffset, Close, DepartureCause, Detector, Ending, Evidence, FirstError, GameCode,
    GoodbyeProgress, KernelSample, Layer, Message, OsError, PeerGoodbye, Phase, SessionId, Time,
    TrailEvent, Verdict,
};
use serde_json::{Value, json};
use tracing::Level;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::player::{Data, RemoteSource};

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
    tracing::subscriber::with_default(subscriber.finish(), || disconnect(&limit(), close));
    serde_json::from_str(&lines.text()).unwrap()
}

fn text_of(close: &Disconnect) -> String {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.subscriber(), || disconnect(&limit(), close));
    lines.text()
}

fn limit() -> Limit {
    let listener = SocketAddr::from(([127, 0, 0, 1], 7_000));
    Limit::new(Limited::Closes, listener)
}

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn evidence() -> Evidence {
    Evidence {
        age: second(9),
        silent_for: Some(second(3)),
        own_stall: Duration::from_millis(40),
        spoke_after: Some(second(2)),
        over_rate_for: Some(second(10)),
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
            snd_wnd: Some(64),
            ..KernelSample::default()
        }),
        detector: Some(Detector::Heartbeat),
        farewell: GoodbyeProgress::Written,
        bytes_in: 1,
        bytes_out: 2,
        frames_in: 3,
        frames_out: 4,
        bytes_unsent: 5,
        frames_unsent: 6,
        frames_dropped: 14,
        frames_replaced: 15,
        frames_unacked: 7,
        bytes_drained: 8,
        lingered: Duration::from_millis(250),
        late_bytes_in: 9,
        late_fin: true,
        behind_proxy: true,
        late_error: Some(FirstError {
            call: Call::Write,
            error: OsError {
                code: Some(104),
                kind: io::ErrorKind::ConnectionReset,
            },
        }),
    }
}

/// An end with a value in every field.
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
        remote_source: RemoteSource::ProxyHeader,
        player: Some("an\"n \\ \u{1b}[31m\u{9b}".to_owned()),
        session: Some(SessionId::from_bytes([0xab; 16])),
        connection: 1,
        session_lives_on: true,
        profile: Some(ProfileName::new("mobile").unwrap()),
        undelivered_frames: 9,
        undelivered_bytes: 10,
        told: None,
        ending: Ending {
            connection: 1,
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
            decided: Some(Close::with(
                Cause::Kicked,
                Message::default()
                    .with_code(GameCode::new(4_097).unwrap())
                    .with_reason("for \"spam\"\u{7}"),
            )),
            peer_goodbye: Some(PeerGoodbye::from(&goodbye)),
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
fn a_departure_while_away_is_a_line_of_its_own_and_a_defect_is_an_error() {
    let close = full();
    let left = |cause: DepartureCause| {
        let departure = Departure {
            cause,
            session: close.session.unwrap(),
            undelivered_frames: 1,
            undelivered_bytes: 2,
            player: close.player.clone(),
            remote: close.remote,
            at: close.at,
            away_for: Some(second(60)),
            ending: close.ending.clone(),
            data: Data::default(),
        };
        let lines = Lines::default();
        let subscriber = fmt().json().flatten_event(true).with_writer(lines.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            super::departure(&departure, second(60), (3, 4));
        });
        let mut line: Value = serde_json::from_str(&lines.text()).unwrap();
        line.as_object_mut().unwrap().remove("timestamp");
        line
    };
    let expected = json!({
        "level": "INFO",
        "target": "lastword::departure",
        "message": "left",
        "cause": "resume_expired",
        "class": "abrupt",
        "player": "an\"n \\ <U+001B>[31m<U+009B>",
        "away_ms": 60_000,
        "lost_by": "path_dead",
        "remote": "10.0.0.9:4711",
        "session": "abababababababababababababababab",
        "at": "1970-01-01T00:00:01.500Z",
        "connection": 1,
        "frames_unsent": 3,
        "bytes_unsent": 4,
        "frames_undelivered": 1,
        "bytes_undelivered": 2,
    });
    assert_eq!(left(DepartureCause::ResumeExpired), expected);
    assert_eq!(left(Cause::VerdictMissing.into())["level"], "ERROR");
}

#[test]
fn a_line_begins_with_what_matters_and_names_the_error() {
    let text = text_of(&full());
    let fields = text.split_once(" lastword::close: closed ").unwrap().1;
    let of = |name: &str| fields.find(&format!("{name}=")).unwrap();
    let order = [
        "cause", "player", "phase", "remote", "words", "session", "seq", "bytes_in",
    ];
    let places: Vec<_> = order.iter().map(|name| of(name)).collect();
    assert!(places.is_sorted() && places[0] == 0, "{places:?} {fields}");
    assert!(
        fields.contains("through a proxy, read failed with ETIMEDOUT, 1 B in"),
        "{fields}"
    );
    assert_eq!(json_of(&full())["first_error"], "ETIMEDOUT");
}

/// The end of a connection that never became a session.
fn stranger(cause: Cause) -> Disconnect {
    let mut close = full();
    close.connection = 0;
    close.ending.verdict.cause = cause;
    close.ending.verdict.phase = Phase::Hello;
    close
}

/// The lines of 300 ends of each kind, and the last line about withheld ones.
fn flood(level: Level) -> Vec<Value> {
    let lines = Lines::default();
    let subscriber = fmt().json().flatten_event(true).with_max_level(level);
    let subscriber = subscriber.with_writer(lines.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let limit = limit();
        for _ in 0..300 {
            disconnect(&limit, &stranger(Cause::PeerProbe));
        }
        for _ in 0..300 {
            disconnect(&limit, &stranger(Cause::WrongProtocol));
            disconnect(&limit, &stranger(Cause::VerdictMissing));
            disconnect(&limit, &full());
        }
    });
    let lines = lines.text();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn strangers_fill_no_log_and_ends_of_sessions_and_defects_are_all_in_it() {
    for (level, of_strangers, withheld) in [
        (Level::INFO, "wrong_protocol", 300),
        (Level::DEBUG, "peer_probe", 600),
    ] {
        let lines = flood(level);
        let count = |cause| lines.iter().filter(|line| line["cause"] == cause).count();
        assert_eq!((count("path_dead"), count("verdict_missing")), (300, 300));
        let written = count("wrong_protocol") + count("peer_probe");
        // The test takes a while, in which some more lines may be written.
        assert!((100..200).contains(&written), "{written}");
        assert!(
            count(of_strangers) >= 100,
            "a line that is not written takes no place"
        );
        let told: Vec<_> = lines
            .iter()
            .filter(|line| line["withheld"].is_u64())
            .collect();
        assert_eq!(told.len(), 1, "at the end");
        assert_eq!(
            told[0]["withheld"].as_u64(),
            Some(withheld - written as u64)
        );
        assert_eq!(told[0]["listener"], "127.0.0.1:7000");
    }
}

#[tokio::test(start_paused = true)]
async fn withheld_lines_are_reported_within_a_second_without_further_ends() {
    let lines = Lines::default();
    let subscriber = fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let limit = limit();
    let ends = |count: usize| {
        (0..count).for_each(|_| disconnect(&limit, &stranger(Cause::WrongProtocol)));
    };
    let told = |text: &str| text.matches(" withheld=").count();
    let telling = limit.tell_each_second();
    let flood = async {
        ends(1_100);
        assert_eq!(told(&lines.text()), 0);
        tokio::time::sleep(second(2)).await;
        assert!(lines.text().contains(" withheld=1000 "), "{}", lines.text());
        tokio::time::sleep(second(60)).await;
        assert_eq!(told(&lines.text()), 1, "nothing is to be told");
        ends(103);
        tokio::time::sleep(second(2)).await;
        assert!(lines.text().contains(" withheld=3 "), "{}", lines.text());
    };
    tokio::select! {
        biased;
        () = flood => {}
        () = telling => {}
    }
}

#[test]
fn text_that_a_peer_chose_is_escaped_once_in_every_format() {
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
fn an_empty_field_is_in_neither_format() {
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
    let limit = limit();
    let line = || measure("line", &|| disconnect(&limit, &close));
    tracing::subscriber::with_default(text, line);
    tracing::subscriber::with_default(json, line);
}
