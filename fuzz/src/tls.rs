//! TLS below the frames. Any bytes of a client fail or wait for more, in any pieces, with memory that follows their number.
//! Between two ends bytes may be changed on their way: an end opens only bytes that the other end sealed, in their order.
//! Without a change everything arrives.

use std::io::{self, IoSlice};
use std::sync::{Arc, LazyLock};
use std::task::Poll;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::frame::some_bytes;
use crate::stream::Cuts;
use crate::transport::tls::Tls;

/// Checks bytes as those of a client, or as a script for two ends.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    LazyLock::force(&CONFIGS);
    match data.split_first() {
        None => {}
        Some((mode, bytes)) if mode % 2 == 0 => check_bytes(bytes),
        // Input that is too short is a shorter script.
        Some((_, script)) => check_ends(&mut Unstructured::new(script)).unwrap_or_default(),
    }
}

/// The verdict on bytes that come in pieces.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    failed: Option<[&'static str; 2]>,
    closed: bool,
}

fn check_bytes(data: &[u8]) {
    let Some((cuts, bytes)) = data.split_first_chunk() else {
        return;
    };
    // Of messages over several records more fits into one read than may be kept between two.
    let bytes = bytes.get(..BYTES_MAX).unwrap_or(bytes);
    let cuts = Cuts(*cuts);
    let mut in_pieces = None;
    let memory = allocation_counter::measure(|| in_pieces = Some(verdict(cuts.pieces(bytes))));
    let bound = HANDSHAKE_BYTES_MAX + 4 * bytes.len();
    assert!(
        usize::try_from(memory.bytes_max).is_ok_and(|bytes| bytes <= bound),
        "{} bytes of memory for {} bytes of a peer",
        memory.bytes_max,
        bytes.len()
    );
    let whole = verdict(std::iter::once(bytes));
    assert_eq!(in_pieces, Some(whole), "{cuts:?}");
}

fn verdict<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Verdict {
    let mut server = End::new(Tls::server(Arc::clone(&CONFIGS.server)));
    pieces.for_each(|piece| server.hears(piece));
    assert!(!server.secured, "nobody knows its keys");
    assert!(server.heard.is_empty());
    Verdict {
        failed: server.failed,
        closed: server.closed,
    }
}

fn check_ends(input: &mut Unstructured<'_>) -> Result<()> {
    let version: u8 = input.arbitrary()?;
    let client = match version % 3 {
        0 => &CONFIGS.client,
        1 => &CONFIGS.client_12,
        _ => &CONFIGS.client_13,
    };
    let client = Tls::client(Arc::clone(client), CONFIGS.name.clone());
    let Ok(client) = client else {
        panic!("a client cannot begin");
    };
    let mut ends = Ends {
        ends: [
            End::new(client),
            End::new(Tls::server(Arc::clone(&CONFIGS.server))),
        ],
        is_spoiled: false,
    };
    let played = ends.play(input);
    for _ in 0..ROUNDS_TO_REST {
        ends.round();
    }
    ends.check();
    played
}

/// A client and a server, in this order.
struct Ends {
    ends: [End; 2],
    /// Bytes were changed on their way.
    is_spoiled: bool,
}

impl Ends {
    fn play(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..STEPS_MAX {
            if input.is_empty() {
                break;
            }
            let [what, side]: [u8; 2] = input.arbitrary()?;
            let (one, other) = self.from(side);
            match what % 8 {
                0 | 1 => {
                    let [len, room]: [u16; 2] = input.arbitrary()?;
                    one.says(len.into(), room.into());
                }
                2 | 3 => {
                    let bytes = one.leaves(usize::from(input.arbitrary::<u16>()?));
                    other.hears(&bytes);
                }
                4 => self.is_spoiled |= spoil(&mut one.tap.written, input)?,
                5 => one.closes(),
                _ => self.round(),
            }
        }
        Ok(())
    }

    /// All bytes of both ends arrive.
    fn round(&mut self) {
        for side in 0..2 {
            let (one, other) = self.from(side);
            one.says(0, usize::MAX);
            let bytes = one.leaves(usize::MAX);
            other.hears(&bytes);
        }
    }

    fn check(&self) {
        let [client, server] = &self.ends;
        for (from, to) in [(client, server), (server, client)] {
            assert!(
                from.said.starts_with(&to.heard),
                "bytes that nobody has said"
            );
            if self.is_spoiled {
                continue;
            }
            assert_eq!(to.failed, None);
            assert!(to.secured);
            assert!(from.said == to.heard, "not all bytes arrived");
            assert_eq!(to.closed, from.has_closed);
        }
    }

    fn from(&mut self, side: u8) -> (&mut End, &mut End) {
        let [client, server] = &mut self.ends;
        match side % 2 {
            0 => (client, server),
            _ => (server, client),
        }
    }
}

/// One end, and the bytes that it has written and that are on their way.
struct End {
    tls: Tls,
    tap: Tap,
    said: Vec<u8>,
    heard: Vec<u8>,
    secured: bool,
    /// The other end closed TLS.
    closed: bool,
    has_closed: bool,
    failed: Option<[&'static str; 2]>,
}

impl End {
    fn new(tls: Tls) -> Self {
        Self {
            tls,
            tap: Tap::default(),
            said: Vec::new(),
            heard: Vec::new(),
            secured: false,
            closed: false,
            has_closed: false,
            failed: None,
        }
    }

    /// Seals so many bytes, of which a part may stay behind, and lets the kernel take `room` bytes.
    fn says(&mut self, len: usize, room: usize) {
        let len = if self.has_closed { 0 } else { len };
        let places = self.said.len()..self.said.len() + len;
        let plain: Vec<u8> = places
            .flat_map(|place| place.to_le_bytes().into_iter().take(1))
            .collect();
        let Self { tls, tap, .. } = self;
        tap.room = room;
        let taken = tls.write_by(&[IoSlice::new(&plain)], |bytes| {
            tap.write_now(&[IoSlice::new(bytes)])
        });
        match taken {
            Poll::Pending => {}
            Poll::Ready(Ok(taken)) => {
                let said = plain.get(..taken.plain).unwrap_or_default();
                self.said.extend_from_slice(said);
            }
            Poll::Ready(Err(error)) => panic!("a write fails: {error}"),
        }
    }

    /// Takes the first bytes that are on their way.
    fn leaves(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.tap.written.len());
        self.tap.written.drain(..len).collect()
    }

    /// Reads these bytes as the driver does, from a buffer into which they come behind the rest.
    fn hears(&mut self, bytes: &[u8]) {
        let mut buffer = vec![0; 2 * REST_BYTES_MAX];
        let rest = self.tls.put_rest(&mut buffer);
        assert!(rest <= REST_BYTES_MAX, "{rest} bytes are kept");
        buffer.truncate(rest);
        buffer.extend_from_slice(bytes);
        let (before, was_over) = (self.heard.len(), self.closed || self.failed.is_some());
        let opened = self.tls.open(&mut buffer, &mut self.heard);
        assert!(
            !was_over || self.heard.len() == before,
            "bytes behind the end"
        );
        assert!(!(self.secured && opened.secured), "secured twice");
        self.secured |= opened.secured;
        self.closed |= opened.closed;
        self.failed = self.failed.or(opened.failed);
    }

    fn closes(&mut self) {
        if self.secured && self.failed.is_none() {
            self.tap.room = usize::MAX;
            let shut = self.tls.shutdown(&mut self.tap);
            assert!(shut.is_ok_and(|is_out| is_out), "the kernel takes all");
            self.has_closed = true;
        }
    }
}

/// The socket of one end.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    written: Vec<u8>,
    /// How many bytes more it takes.
    room: usize,
}

impl Tap {
    pub(crate) fn write_now(&mut self, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let before = self.written.len();
        for slice in slices {
            let len = slice.len().min(self.room);
            self.written
                .extend_from_slice(slice.get(..len).unwrap_or_default());
            self.room -= len;
        }
        match self.written.len() - before {
            0 => Poll::Pending,
            n => Poll::Ready(Ok(n)),
        }
    }

    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Changes bytes, leaves some out, puts some in, or says some twice. Returns whether there were any.
fn spoil(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<bool> {
    let (place, how): (u16, u8) = input.arbitrary()?;
    let Some(at) = usize::from(place).checked_rem(bytes.len()) else {
        return Ok(false);
    };
    match how % 5 {
        0 => bytes.truncate(at),
        // Not again and again: that would double them without end.
        1 if bytes.len() < WIRE_BYTES_MAX => bytes.extend_from_within(at..),
        2 => {
            let end = (at + 1 + usize::from(how / 5)).min(bytes.len());
            bytes.drain(at..end);
        }
        3 => {
            let some = some_bytes(input)?.to_vec();
            bytes.splice(at..at, some);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (how / 5 % 8);
            }
        }
    }
    Ok(true)
}

struct Configs {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    client_12: Arc<ClientConfig>,
    client_13: Arc<ClientConfig>,
    name: ServerName<'static>,
}

static CONFIGS: LazyLock<Configs> = LazyLock::new(configs);

/// A server as the product has it, with a certificate that signs itself, and clients that trust it.
#[expect(clippy::expect_used, reason = "nothing of it comes from the input")]
fn configs() -> Configs {
    let name = ServerName::try_from("localhost").expect("a name");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    server.alpn_protocols = vec![b"lastword/1".to_vec()];
    server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let roots = Arc::new(roots);
    let client = |versions: &[&'static SupportedProtocolVersion]| {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).expect("versions");
        let roots = Arc::clone(&roots);
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    };
    Configs {
        server: Arc::new(server),
        client: client(&[&TLS13, &TLS12]),
        client_12: client(&[&TLS12]),
        client_13: client(&[&TLS13]),
        name,
    }
}

/// As in crates/transport/src/tls.rs: one record of TLS 1.2 with the most that its encryption may add.
const REST_BYTES_MAX: usize = 5 + 16 * 1024 + 2 * 1024;
const BYTES_MAX: usize = 16 * 1024;
/// The memory of a handshake, besides the bytes of the peer.
const HANDSHAKE_BYTES_MAX: usize = 128 * 1024;
const STEPS_MAX: usize = 64;
const WIRE_BYTES_MAX: usize = 64 * 1024;
/// From the first byte to the last close.
const ROUNDS_TO_REST: usize = 8;
