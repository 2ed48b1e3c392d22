//! Properties of the wire: a decoder reads all that an encoder writes, and any bytes at all leave a decoder sound.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fmt::Debug;

use lastword_session::Cause;
use lastword_session::wire::{
    Ack, ExtensionsBuf, FRAME_LIMIT_MAX, FRAME_LIMIT_MIN, GAME_CODE_MIN, Goodbye, HEADER_LEN,
    Header, Hello, Kind, MAGIC, Malformed, Notice, Ping, Pong, REASON_LIMIT, Welcome,
};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_hello_comes_back_and_each_prefix_lacks_only_credentials(hello in hellos()) {
        hello.with(|hello| {
            let payload = framed(Kind::Hello, |out| hello.encode(out));
            assert_eq!(Hello::decode(&payload), Ok(hello));
            let credentials_at = payload.len() - hello.credentials.len();
            for end in 0..payload.len() {
                match Hello::decode(&payload[..end]) {
                    Ok(short) => {
                        let credentials = &hello.credentials[..end - credentials_at];
                        assert_eq!(short, Hello { credentials, ..hello });
                    }
                    Err(error) => assert!(end < credentials_at && overran(error), "{end}: {error}"),
                }
            }
        });
    }

    #[test]
    fn a_welcome_comes_back_and_no_prefix_of_it_is_one(welcome in welcomes()) {
        welcome.with(|welcome| {
            let payload = framed(Kind::Welcome, |out| welcome.encode(out));
            assert_eq!(Welcome::decode(&payload), Ok(welcome));
            no_prefix_decodes(&payload, Welcome::decode);
        });
    }

    #[test]
    fn a_ping_comes_back_and_no_prefix_of_it_is_one(clock_us: u64, received: u64) {
        let ping = Ping { clock_us, received };
        let payload = framed(Kind::Ping, |out| ping.encode(out));
        prop_assert_eq!(Ping::decode(&payload), Ok(ping));
        no_prefix_decodes(&payload, Ping::decode);
    }

    #[test]
    fn a_pong_comes_back_and_no_prefix_of_it_is_one(
        ping_clock_us: u64, clock_us: u64, held_us: u32, received: u64,
    ) {
        let pong = Pong { ping_clock_us, clock_us, held_us, received };
        let payload = framed(Kind::Pong, |out| pong.encode(out));
        prop_assert_eq!(Pong::decode(&payload), Ok(pong));
        no_prefix_decodes(&payload, Pong::decode);
    }

    #[test]
    fn an_ack_comes_back_and_no_prefix_of_it_is_one(received: u64) {
        let ack = Ack { received };
        let payload = framed(Kind::Ack, |out| ack.encode(out));
        prop_assert_eq!(Ack::decode(&payload), Ok(ack));
        no_prefix_decodes(&payload, Ack::decode);
    }

    #[test]
    fn a_goodbye_comes_back_and_each_prefix_lacks_only_reason(goodbye in goodbyes()) {
        let payload = framed(Kind::Goodbye, |out| goodbye.encode(out));
        prop_assert_eq!(&Goodbye::decode(&payload), &Ok(goodbye.clone()));
        let reason_at = payload.len() - goodbye.reason.len();
        for end in 0..payload.len() {
            match Goodbye::decode(&payload[..end]) {
                Ok(short) => {
                    let reason = String::from_utf8_lossy(&payload[reason_at..end]);
                    prop_assert_eq!(short, Goodbye { reason, ..goodbye.clone() });
                }
                Err(error) => prop_assert!(end < reason_at && overran(error), "{}: {}", end, error),
            }
        }
    }

    #[test]
    fn a_notice_comes_back_and_each_prefix_lacks_only_reason(notice in notices()) {
        let payload = framed(Kind::Notice, |out| notice.encode(out));
        prop_assert_eq!(&Notice::decode(&payload), &Ok(notice.clone()));
        let reason_at = payload.len() - notice.reason.len();
        for end in 0..payload.len() {
            match Notice::decode(&payload[..end]) {
                Ok(short) => {
                    let reason = String::from_utf8_lossy(&payload[reason_at..end]);
                    prop_assert_eq!(short, Notice { reason, ..notice.clone() });
                }
                Err(error) => prop_assert!(end < reason_at && overran(error), "{}: {}", end, error),
            }
        }
    }

    #[test]
    fn texts_of_any_length_fit_into_a_goodbye_that_decodes(address in ".{0,300}", reason in ".{0,600}") {
        let (sent_address, sent_reason) = (address.clone(), reason.clone());
        let goodbye = Goodbye {
            over: true, code: 0, game_cause: None, advice: 0, delay_ms: 0, address: address.into(), reason: reason.into(),
        };
        let payload = framed(Kind::Goodbye, |out| goodbye.encode(out));
        let read = Goodbye::decode(&payload);
        prop_assert!(read.is_ok(), "{read:?}");
        let read = read.expect("checked");
        let kept = if sent_address.len() > 255 { "" } else { sent_address.as_str() };
        prop_assert_eq!(&read.address, kept);
        prop_assert!(is_longest_cut(&read.reason, &sent_reason, REASON_LIMIT), "{}", read.reason);
    }

    #[test]
    fn no_bytes_upset_a_decoder(payload in payloads()) {
        settles(Hello::decode(&payload).map(|frame| framed(Kind::Hello, |out| frame.encode(out))), |again| {
            Hello::decode(again).map(|frame| framed(Kind::Hello, |out| frame.encode(out)))
        });
        settles(Welcome::decode(&payload).map(|frame| framed(Kind::Welcome, |out| frame.encode(out))), |again| {
            Welcome::decode(again).map(|frame| framed(Kind::Welcome, |out| frame.encode(out)))
        });
        settles(Goodbye::decode(&payload).map(|frame| framed(Kind::Goodbye, |out| frame.encode(out))), |again| {
            Goodbye::decode(again).map(|frame| framed(Kind::Goodbye, |out| frame.encode(out)))
        });
        settles(Notice::decode(&payload).map(|frame| framed(Kind::Notice, |out| frame.encode(out))), |again| {
            Notice::decode(again).map(|frame| framed(Kind::Notice, |out| frame.encode(out)))
        });
        prop_assert_eq!(Ping::decode(&payload).is_ok(), payload.len() == 16);
        prop_assert_eq!(Pong::decode(&payload).is_ok(), payload.len() == 28);
        prop_assert_eq!(Ack::decode(&payload).is_ok(), payload.len() == 8);
    }
}

/// Encodes behind other bytes, checks the header, and returns the payload.
fn framed(kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = b"before".to_vec();
    encode(&mut out);
    let frame = out
        .strip_prefix(b"before")
        .expect("an encoder only appends");
    let (header, payload) = frame.split_first_chunk::<HEADER_LEN>().expect("a header");
    let header = Header::decode(*header);
    assert_eq!(Kind::from_byte(header.kind), Some(kind));
    assert_eq!(usize::try_from(header.len), Ok(payload.len()));
    payload.to_vec()
}

fn no_prefix_decodes<'p, T: Debug>(
    payload: &'p [u8],
    decode: impl Fn(&'p [u8]) -> Result<T, Malformed>,
) {
    for end in 0..payload.len() {
        match decode(&payload[..end]) {
            Ok(frame) => panic!("{end} bytes are {frame:?}"),
            Err(error) => assert!(overran(error), "{end}: {error}"),
        }
    }
}

/// Checks that reading and writing again does not change a payload that was written after it was read.
fn settles(
    written: Result<Vec<u8>, Malformed>,
    rewrite: impl Fn(&[u8]) -> Result<Vec<u8>, Malformed>,
) {
    if let Ok(written) = written {
        assert_eq!(rewrite(&written).as_ref(), Ok(&written));
    }
}

fn overran(error: Malformed) -> bool {
    matches!(
        error,
        Malformed::Truncated { .. } | Malformed::ExtensionOverruns
    )
}

fn is_longest_cut(cut: &str, whole: &str, limit: usize) -> bool {
    let next = whole.strip_prefix(cut).and_then(|rest| rest.chars().next());
    whole.starts_with(cut)
        && cut.len() <= limit
        && next.is_none_or(|next| cut.len() + next.len_utf8() > limit)
}

#[derive(Clone, Debug)]
struct OwnedHello {
    head: (u8, u8, Option<bool>, u32),
    session: [u8; 16],
    received: u64,
    token: Vec<u8>,
    extensions: ExtensionsBuf,
    credentials: Vec<u8>,
}

impl OwnedHello {
    fn with(&self, check: impl FnOnce(Hello<'_>)) {
        let (a, b, resume, frame_limit) = self.head;
        check(Hello {
            version_min: a.min(b),
            version_max: a.max(b),
            resume: resume == Some(true),
            no_resume: resume == Some(false),
            frame_limit,
            session: self.session,
            received: self.received,
            token: &self.token,
            extensions: self.extensions.as_extensions(),
            credentials: &self.credentials,
        });
    }
}

#[derive(Clone, Debug)]
struct OwnedWelcome {
    head: (u8, bool, [u8; 16], u32, u64),
    limits: (u32, u32, u32, u32),
    token: Vec<u8>,
    extensions: ExtensionsBuf,
}

impl OwnedWelcome {
    fn with(&self, check: impl FnOnce(Welcome<'_>)) {
        let (version, resumed, session, connection, received) = self.head;
        let (heartbeat_ms, dead_ms, resume_window_ms, frame_limit) = self.limits;
        check(Welcome {
            version,
            resumed,
            session,
            connection,
            received,
            heartbeat_ms,
            dead_ms,
            resume_window_ms,
            frame_limit,
            token: &self.token,
            extensions: self.extensions.as_extensions(),
        });
    }
}

fn hellos() -> impl Strategy<Value = OwnedHello> {
    let head = (
        any::<u8>(),
        any::<u8>(),
        any::<Option<bool>>(),
        frame_limits(),
    );
    let tail = (short_bytes(), extensions(), short_bytes());
    (head, any::<[u8; 16]>(), any::<u64>(), tail).prop_map(
        |(head, session, received, (token, extensions, credentials))| OwnedHello {
            head,
            session,
            received,
            token,
            extensions,
            credentials,
        },
    )
}

fn welcomes() -> impl Strategy<Value = OwnedWelcome> {
    let limits = (any::<u32>(), any::<u32>(), any::<u32>(), frame_limits());
    (
        any::<(u8, bool, [u8; 16], u32, u64)>(),
        limits,
        short_bytes(),
        extensions(),
    )
        .prop_map(|(head, limits, token, extensions)| OwnedWelcome {
            head,
            limits,
            token,
            extensions,
        })
}

fn goodbyes() -> impl Strategy<Value = Goodbye<'static>> {
    let game_cause = prop::option::of(prop::sample::select(vec![
        Cause::Kicked,
        Cause::ClosedByGame,
        Cause::AuthRejected,
    ]));
    (
        any::<(bool, u16, u8, u32)>(),
        game_cause,
        ".{0,60}",
        ".{0,120}",
    )
        .prop_map(
            |((over, code, advice, delay_ms), game_cause, address, reason)| Goodbye {
                over,
                code,
                game_cause: game_cause.filter(|_| code >= GAME_CODE_MIN),
                advice,
                delay_ms,
                address: address.into(),
                reason: reason.into(),
            },
        )
}

fn notices() -> impl Strategy<Value = Notice<'static>> {
    goodbyes().prop_map(|goodbye| Notice {
        code: goodbye.code,
        advice: goodbye.advice,
        deadline_ms: goodbye.delay_ms,
        address: goodbye.address,
        reason: goodbye.reason,
    })
}

fn frame_limits() -> impl Strategy<Value = u32> {
    FRAME_LIMIT_MIN..=FRAME_LIMIT_MAX
}

fn short_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..64)
}

fn extensions() -> impl Strategy<Value = ExtensionsBuf> {
    vec((any::<u16>(), vec(any::<u8>(), 0..16)), 0..4).prop_map(|items| {
        ExtensionsBuf::from_items(items.iter().map(|(kind, value)| (*kind, value.as_slice())))
            .expect("they fit")
    })
}

/// Random bytes, random bytes behind a magic, and real frames with one byte changed, so that decoders reach their last
/// field.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(any::<u8>(), 0..700);
    let magic = noise
        .clone()
        .prop_map(|noise| [MAGIC.as_slice(), &noise].concat());
    let real = prop_oneof![
        hellos().prop_map(|hello| {
            let mut payload = Vec::new();
            hello.with(|hello| payload = framed(Kind::Hello, |out| hello.encode(out)));
            payload
        }),
        welcomes().prop_map(|welcome| {
            let mut payload = Vec::new();
            welcome.with(|welcome| payload = framed(Kind::Welcome, |out| welcome.encode(out)));
            payload
        }),
        goodbyes().prop_map(|goodbye| framed(Kind::Goodbye, |out| goodbye.encode(out))),
    ];
    let changed =
        (real, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut payload, at, byte)| {
            let at = at.index(payload.len());
            payload[at] = byte;
            payload
        });
    prop_oneof![noise, magic, changed]
}
