//! The frames are the same however a stream is cut, and wherever its reader stops in between.

use std::sync::Arc;

use lastword_session::wire::{Ack, Header};
use lastword_session::{
    Admission, Config, Connection, Event, Flow, Framing, Input, LengthPrefixed, Time, Timing,
    encode_data,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::script::HELLO;

const NOW: Time = Time::from_micros(1_000_000);

/// One frame of a client: for the game, or for the connection.
#[derive(Clone, Debug)]
enum Sent {
    Data(Vec<u8>),
    Ack,
    Extension(Vec<u8>),
}

proptest! {
    #[test]
    fn any_cut_of_a_native_stream_gives_the_same_frames(
        sent in vec(sents(), 0..12), cuts in vec(1..300_usize, 1..20), stops in vec(any::<bool>(), 1..8),
    ) {
        let mut stream = Vec::new();
        HELLO.encode(&mut stream);
        for sent in &sent {
            encode(sent, &mut stream);
        }
        let payloads = receive(Framing::Native, &stream, &cuts, &stops);
        let expected = sent.into_iter().filter_map(|sent| match sent {
            Sent::Data(payload) => Some(payload),
            Sent::Ack | Sent::Extension(_) => None,
        });
        prop_assert_eq!(payloads, expected.collect::<Vec<_>>());
    }

    #[test]
    fn any_cut_of_a_dialects_stream_gives_the_same_frames(
        sent in vec(vec(any::<u8>(), 0..400), 0..12), cuts in vec(1..300_usize, 1..20),
        stops in vec(any::<bool>(), 1..8),
    ) {
        let framing = Framing::Dialect(Arc::new(LengthPrefixed));
        let mut stream = Vec::new();
        encode_data(&framing, b"credentials", &mut stream);
        for payload in &sent {
            encode_data(&framing, payload, &mut stream);
        }
        prop_assert_eq!(receive(framing, &stream, &cuts, &stops), sent);
    }

    #[test]
    fn any_way_of_writing_carries_every_frame_once_and_in_order(
        sent in vec(vec(any::<u8>(), 0..400), 0..12), writes in vec(1..300_usize, 1..20), own in vec(any::<bool>(), 1..8),
    ) {
        let mut connection = live(Framing::Native);
        let mut wire = Vec::new();
        let mut turns = writes.iter().cycle();
        for (n, payload) in sent.iter().enumerate() {
            if own[n % own.len()] {
                connection.send(NOW, payload).expect("it is taken");
            } else {
                let mut queue = Box::default();
                lastword_session::SendQueue::push_data(&mut queue, NOW, |out| {
                    encode_data(&Framing::Native, payload, out);
                });
                connection.adopt(NOW, &mut queue);
            }
            write(&mut connection, *turns.next().expect("it cycles"), &mut wire);
        }
        while connection.wants_write() {
            write(&mut connection, *turns.next().expect("it cycles"), &mut wire);
        }
        let expected: Vec<u8> = sent.iter().fold(Vec::new(), |mut out, payload| {
            encode_data(&Framing::Native, payload, &mut out);
            out
        });
        prop_assert_eq!(wire, expected);
        prop_assert_eq!(connection.frames().1, u64::try_from(sent.len()).expect("it fits"));
    }
}

fn sents() -> impl Strategy<Value = Sent> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..400).prop_map(Sent::Data),
        1 => Just(Sent::Ack),
        1 => vec(any::<u8>(), 0..50).prop_map(Sent::Extension),
    ]
}

fn encode(sent: &Sent, out: &mut Vec<u8>) {
    match sent {
        Sent::Data(payload) => encode_data(&Framing::Native, payload, out),
        Sent::Ack => Ack { received: 0 }.encode(out),
        Sent::Extension(payload) => {
            let len = u32::try_from(payload.len()).expect("it fits");
            out.extend_from_slice(&Header { len, kind: 0x90 }.encode());
            out.extend_from_slice(payload);
        }
    }
}

/// Feeds a stream in pieces, stops after some of the events, and feeds the unconsumed bytes again.
fn receive(framing: Framing, stream: &[u8], cuts: &[usize], stops: &[bool]) -> Vec<Vec<u8>> {
    let config = Config {
        framing,
        ..Config::default()
    };
    let mut connection = Connection::server(Arc::new(config), NOW);
    let mut payloads = Vec::new();
    let mut stops = stops.iter().cycle();
    let mut cuts = cuts.iter().cycle();
    let mut from = 0;
    while from < stream.len() {
        let piece = &stream[from..stream.len().min(from + cuts.next().expect("it cycles"))];
        from += piece.len();
        connection.bytes_arrived(NOW, piece.len());
        let mut rest = piece.to_vec();
        while !rest.is_empty() || connection.has_unread() {
            connection.handle(NOW, Input::Resumed);
            connection.feed(NOW, &mut rest, |connection, event| {
                match event {
                    Event::Data(payload) => payloads.push(payload.to_vec()),
                    Event::Credentials(_) => connection.handle(NOW, Input::Admit(ADMISSION)),
                    Event::Joined(_)
                    | Event::Secured
                    | Event::Claim(_)
                    | Event::Back
                    | Event::Link(_)
                    | Event::Notice(_)
                    | Event::RoundTrip(_) => {
                        panic!("a server that asks nothing gets none of these")
                    }
                }
                match stops.next().expect("it cycles") {
                    true => Flow::Full,
                    false => Flow::More,
                }
            });
            rest.clear();
        }
    }
    assert!(connection.is_live(), "{:?}", connection.poll_output());
    payloads
}

fn live(framing: Framing) -> Connection {
    let config = Config {
        framing,
        ..Config::default()
    };
    let mut connection = Connection::server(Arc::new(config), NOW);
    let mut hello = Vec::new();
    HELLO.encode(&mut hello);
    connection.bytes_arrived(NOW, hello.len());
    connection.feed(NOW, &mut hello, |_, _| Flow::More);
    connection.handle(NOW, Input::Admit(ADMISSION));
    write(&mut connection, usize::MAX, &mut Vec::new());
    connection
}

fn write(connection: &mut Connection, most: usize, wire: &mut Vec<u8>) {
    let bytes: Vec<u8> = connection
        .slices()
        .iter()
        .flat_map(|slice| slice.to_vec())
        .collect();
    let n = bytes.len().min(most);
    wire.extend_from_slice(&bytes[..n]);
    connection.transmitted(NOW, n);
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
