//! The vectors of `docs/wire-vectors.json`, which clients in other languages share. Good ones decode to exactly their
//! fields and encode to exactly their bytes. Bad ones are refused for the cause that they name.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "wire_vectors/judge.rs"]
mod judge;
#[path = "support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use lastword_session::wire::{
    Ack, Extensions, Goodbye, HEADER_LEN, Header, Hello, Kind, Malformed, Notice, Ping, Pong,
    Welcome,
};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../../docs/wire-vectors.json");
const WIRE_TEXT: &str = include_str!("../../../docs/wire.md");

/// The causes that a vector may name.
const CAUSES: [&str; 5] = [
    "frame_malformed",
    "wrong_protocol",
    "version_unsupported",
    "frame_too_large",
    "protocol_violation",
];

#[test]
fn a_good_vector_decodes_to_exactly_its_fields() {
    for vector in good() {
        let (kind, fields, _) =
            decode(&bytes(&vector)).unwrap_or_else(|error| panic!("{}: {error}", name(&vector)));
        assert_eq!(kind, text(&vector, "frame"), "{}", name(&vector));
        assert_eq!(fields, vector["fields"], "{}", name(&vector));
    }
}

#[test]
fn a_canonical_vector_encodes_to_exactly_its_bytes() {
    for vector in good() {
        let sent = bytes(&vector);
        let (_, _, encoded) = decode(&sent).expect("it is good");
        let canonical = vector.get("canonical") != Some(&json!(false));
        assert_eq!(encoded == sent, canonical, "{}", name(&vector));
    }
}

#[test]
fn a_vector_that_is_not_canonical_says_why_and_keeps_its_fields() {
    for vector in good().filter(|vector| vector.get("canonical").is_some()) {
        let (_, _, encoded) = decode(&bytes(&vector)).expect("it is good");
        let (_, fields, again) = decode(&encoded).expect("an encoder writes what a decoder reads");
        assert_eq!(fields, vector["fields"], "{}", name(&vector));
        assert_eq!(again, encoded, "{}", name(&vector));
        assert!(!text(&vector, "why").is_empty());
    }
}

#[test]
fn a_bad_vector_ends_the_connection_for_the_cause_it_names() {
    for vector in bad() {
        let (state, direction) = (text(&vector, "state"), text(&vector, "direction"));
        let cause = judge::verdict(state, direction, &bytes(&vector));
        assert_eq!(cause, text(&vector, "error"), "{}", name(&vector));
    }
}

#[test]
fn a_malformed_vector_is_a_whole_frame_that_does_not_decode() {
    for vector in bad().filter(|vector| vector["error"] == "frame_malformed") {
        assert!(decode(&bytes(&vector)).is_err(), "{}", name(&vector));
    }
}

#[test]
fn a_protocol_violation_is_well_formed() {
    for vector in bad().filter(|vector| vector["error"] == "protocol_violation") {
        for (header, payload) in frames(&bytes(&vector)) {
            let known = Kind::from_byte(header.kind).map(|kind| decode_payload(kind, payload));
            assert!(!matches!(known, Some(Err(_))), "{}", name(&vector));
        }
    }
}

#[test]
fn the_vectors_cover_every_kind_every_sender_and_every_cause() {
    let sent: BTreeSet<_> = good()
        .map(|vector| format!("{} {}", text(&vector, "direction"), text(&vector, "frame")))
        .collect();
    let both = ["data", "ping", "pong", "ack", "goodbye", "extension"];
    let either = both
        .iter()
        .flat_map(|kind| [format!("client {kind}"), format!("server {kind}")]);
    let one = ["client hello", "server welcome", "server notice"].map(str::to_owned);
    assert_eq!(sent, either.chain(one).collect());

    let mut causes = BTreeMap::new();
    for vector in bad() {
        *causes.entry(text(&vector, "error").to_owned()).or_insert(0) += 1;
        assert!(
            ["first", "live"].contains(&text(&vector, "state")),
            "{}",
            name(&vector)
        );
        assert!(!text(&vector, "why").is_empty(), "{}", name(&vector));
    }
    assert_eq!(
        causes.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        CAUSES.into()
    );
    assert!(
        good().count() >= 25 && causes["frame_malformed"] >= 25,
        "{causes:?}"
    );
    assert!(causes.values().all(|&count| count >= 4), "{causes:?}");
}

#[test]
fn the_vectors_have_every_cause_that_can_stand_behind_a_code_of_the_game() {
    let named: BTreeSet<_> = good()
        .filter_map(|vector| Some(vector["fields"].get("game_cause")?.as_str()?.to_owned()))
        .collect();
    let expected = ["auth_rejected", "closed_by_game", "kicked"].map(str::to_owned);
    assert_eq!(named, expected.into());
}

#[test]
fn every_vector_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for vector in good().chain(bad()) {
        assert!(
            names.insert(name(&vector).to_owned()),
            "{} is there twice",
            name(&vector)
        );
    }
}

#[test]
fn the_examples_of_the_text_are_vectors() {
    let known: BTreeSet<_> = good()
        .map(|vector| text(&vector, "hex").to_owned())
        .collect();
    let examples = WIRE_TEXT
        .split("```hex\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    let mut count = 0;
    for example in examples {
        let hex: String = example
            .lines()
            .filter_map(|line| line.split('|').next())
            .flat_map(str::split_whitespace)
            .collect();
        assert!(known.contains(&hex), "no vector: {hex}");
        count += 1;
    }
    assert!(count >= 5, "{count} examples");
}

/// The whole frames at the start of a stream.
fn frames(mut stream: &[u8]) -> Vec<(Header, &[u8])> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = stream.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(*header);
        let len = usize::try_from(header.len).expect("24 bits fit");
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            break;
        };
        frames.push((header, payload));
        stream = rest;
    }
    frames
}

/// The name of one frame's kind, its fields, and the bytes to which they encode.
fn decode(frame: &[u8]) -> Result<(&'static str, Value, Vec<u8>), Malformed> {
    let (header, payload) = *frames(frame).first().expect("a whole frame");
    assert_eq!(
        frame.len(),
        HEADER_LEN + payload.len(),
        "one frame and nothing behind it"
    );
    decode_payload(Kind::from_byte(header.kind).expect("a known kind"), payload)
}

fn decode_payload(kind: Kind, payload: &[u8]) -> Result<(&'static str, Value, Vec<u8>), Malformed> {
    let mut out = Vec::new();
    let (name, fields) = match kind {
        Kind::Data => {
            write_raw(kind, payload, &mut out);
            ("data", json!({ "payload": hex(payload) }))
        }
        Kind::Extension(byte) => {
            write_raw(kind, payload, &mut out);
            (
                "extension",
                json!({ "kind": byte, "payload": hex(payload) }),
            )
        }
        Kind::Hello => {
            let hello = Hello::decode(payload)?;
            hello.encode(&mut out);
            ("hello", hello_fields(&hello))
        }
        Kind::Welcome => {
            let welcome = Welcome::decode(payload)?;
            welcome.encode(&mut out);
            ("welcome", welcome_fields(&welcome))
        }
        Kind::Ping => {
            let ping = Ping::decode(payload)?;
            ping.encode(&mut out);
            ("ping", ping_fields(ping))
        }
        Kind::Pong => {
            let pong = Pong::decode(payload)?;
            pong.encode(&mut out);
            ("pong", pong_fields(pong))
        }
        Kind::Ack => {
            let ack = Ack::decode(payload)?;
            ack.encode(&mut out);
            ("ack", json!({ "received": ack.received.to_string() }))
        }
        Kind::Goodbye => {
            let goodbye = Goodbye::decode(payload)?;
            goodbye.encode(&mut out);
            ("goodbye", goodbye_fields(&goodbye))
        }
        Kind::Notice => {
            let notice = Notice::decode(payload)?;
            notice.encode(&mut out);
            ("notice", notice_fields(&notice))
        }
    };
    Ok((name, fields, out))
}

fn write_raw(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    let header = Header {
        len: u32::try_from(payload.len()).expect("a vector is short"),
        kind: kind.to_byte(),
    };
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(payload);
}

fn hello_fields(hello: &Hello<'_>) -> Value {
    json!({
        "version_min": hello.version_min,
        "version_max": hello.version_max,
        "resume": hello.resume,
        "no_resume": hello.no_resume,
        "frame_limit": hello.frame_limit,
        "session": hex(&hello.session),
        "received": hello.received.to_string(),
        "token": hex(hello.token),
        "extensions": extension_fields(hello.extensions),
        "credentials": hex(hello.credentials),
    })
}

fn welcome_fields(welcome: &Welcome<'_>) -> Value {
    json!({
        "version": welcome.version,
        "resumed": welcome.resumed,
        "session": hex(&welcome.session),
        "connection": welcome.connection,
        "received": welcome.received.to_string(),
        "heartbeat_ms": welcome.heartbeat_ms,
        "dead_ms": welcome.dead_ms,
        "resume_window_ms": welcome.resume_window_ms,
        "frame_limit": welcome.frame_limit,
        "token": hex(welcome.token),
        "extensions": extension_fields(welcome.extensions),
    })
}

fn extension_fields(extensions: Extensions<'_>) -> Value {
    extensions
        .iter()
        .map(|(kind, value)| json!({ "type": kind, "value": hex(value) }))
        .collect()
}

fn ping_fields(ping: Ping) -> Value {
    json!({ "clock_us": ping.clock_us.to_string(), "received": ping.received.to_string() })
}

fn pong_fields(pong: Pong) -> Value {
    json!({
        "ping_clock_us": pong.ping_clock_us.to_string(),
        "clock_us": pong.clock_us.to_string(),
        "held_us": pong.held_us,
        "received": pong.received.to_string(),
    })
}

fn goodbye_fields(goodbye: &Goodbye<'_>) -> Value {
    let mut fields = json!({
        "over": goodbye.over,
        "code": goodbye.code,
        "advice": goodbye.advice,
        "delay_ms": goodbye.delay_ms,
        "address": goodbye.address,
        "reason": goodbye.reason,
    });
    if let Some(cause) = goodbye.game_cause {
        fields["game_cause"] = cause.label().into();
    }
    fields
}

fn notice_fields(notice: &Notice<'_>) -> Value {
    json!({
        "code": notice.code,
        "advice": notice.advice,
        "deadline_ms": notice.deadline_ms,
        "address": notice.address,
        "reason": notice.reason,
    })
}

fn good() -> impl Iterator<Item = Value> {
    vectors().filter(|vector| vector.get("error").is_none())
}

fn bad() -> impl Iterator<Item = Value> {
    vectors().filter(|vector| vector.get("error").is_some())
}

fn vectors() -> impl Iterator<Item = Value> {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).expect("an array");
    vectors.into_iter()
}

fn name(vector: &Value) -> &str {
    text(vector, "name")
}

fn text<'v>(vector: &'v Value, key: &str) -> &'v str {
    vector[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {vector}"))
}

fn bytes(vector: &Value) -> Vec<u8> {
    let digits = text(vector, "hex").as_bytes();
    assert!(
        digits.len() % 2 == 0 && !digits.is_empty(),
        "{}",
        name(vector)
    );
    let byte = |pair: &[u8]| u8::from_str_radix(str_of(pair), 16).expect("hexadecimal digits");
    digits.chunks(2).map(byte).collect()
}

fn str_of(pair: &[u8]) -> &str {
    std::str::from_utf8(pair).expect("ASCII")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
