//! The frames are the same however a stream is cut, and wherever its reader stops in between.

use std::sync::Arc;

use lastword_session::wire::{Ack, Header};
use lastword_session::{Config, Framing, LengthPrefixed, Outbound, encode_data};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{ADMISSION, Answer, HELLO, Solo, payloads};

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
        let (mut hello, mut stream) = (Vec::new(), Vec::new());
        HELLO.encode(&mut hello);
        for sent in &sent {
            encode(sent, &mut stream);
        }
        // A client waits for the welcome.
        let payloads = receive(Framing::Native, [&hello, &stream], &cuts, &stops);
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
        prop_assert_eq!(receive(framing, [&stream, &[]], &cuts, &stops), sent);
    }

    #[test]
    fn any_way_of_writing_carries_every_frame_once_and_in_order(
        sent in vec(vec(any::<u8>(), 0..400), 0..12), reads in vec(1..300_usize, 1..20), room in 1..300_usize,
        own in vec(any::<bool>(), 1..8),
    ) {
        let mut solo = Solo::live();
        solo.stops_reading(room);
        let config = Config::default();
        let mut reads = reads.iter().cycle();
        for (n, payload) in sent.iter().enumerate() {
            let (now, how) = (solo.now, Outbound::Kept);
            let taken = match own[n % own.len()] {
                true => solo.connection().send_as(now, how, payload),
                false => solo.host.mailbox.send(&config, now, how, payload),
            };
            taken.expect("it is taken");
            solo.run();
            let read = *reads.next().expect("it cycles");
            solo.outbound.read(now, read);
        }
        solo.peer_reads = true;
        solo.run();
        let expected: Vec<u8> = sent.iter().fold(Vec::new(), |mut out, payload| {
            encode_data(&Framing::Native, payload, &mut out);
            out
        });
        prop_assert_eq!(&solo.outbound.log, &expected);
        let written = solo.connection().traffic().frames_out;
        prop_assert_eq!(written, u64::try_from(sent.len()).expect("it fits"));
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

/// Reads a stream of two parts, which comes in pieces and which the game stops after some of its events. Returns its
/// frames.
fn receive(framing: Framing, parts: [&[u8]; 2], cuts: &[usize], stops: &[bool]) -> Vec<Vec<u8>> {
    let config = Config {
        framing,
        ..Config::default()
    };
    let mut solo = Solo::server_with(config, Answer::Admit(ADMISSION));
    solo.host.game.stops = stops.to_vec();
    let mut cuts = cuts.iter().cycle();
    for mut rest in parts {
        while !rest.is_empty() {
            let len = rest.len().min(*cuts.next().expect("it cycles"));
            let (piece, later) = rest.split_at(len);
            solo.says(piece);
            rest = later;
        }
    }
    assert!(solo.connection().is_live(), "{:?}", solo.host.ending);
    let seen = payloads(&solo.host.seen);
    seen.into_iter().map(<[u8]>::to_vec).collect()
}
