use std::sync::OnceLock;

use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;

use super::*;

/// A certificate for `localhost` that signs itself, and the roots that trust it.
fn configs(versions: &[&'static rustls::SupportedProtocolVersion]) -> [Config; 2] {
    static MADE: OnceLock<rcgen::CertifiedKey<rcgen::KeyPair>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    [
        Config::Server(Arc::new(server)),
        Config::Client(Arc::new(client)),
    ]
}

enum Config {
    Server(Arc<ServerConfig>),
    Client(Arc<ClientConfig>),
}

impl Config {
    fn tls(&self) -> Tls {
        match self {
            Self::Server(config) => Tls::server(Arc::clone(config)),
            Self::Client(config) => {
                let name = ServerName::try_from("localhost").unwrap();
                Tls::client(Arc::clone(config), name).unwrap()
            }
        }
    }
}

/// One end, with the bytes that it has opened and what it was told.
struct Side {
    tls: Tls,
    plain: Vec<u8>,
    secured: bool,
    closed: bool,
    failed: Option<[&'static str; 2]>,
}

impl Side {
    fn new(tls: Tls) -> Self {
        Self {
            tls,
            plain: Vec::new(),
            secured: false,
            closed: false,
            failed: None,
        }
    }

    /// Reads these bytes as the driver does, from a buffer into which they come behind the rest.
    fn reads(&mut self, bytes: &[u8]) {
        let mut buffer = vec![0; 64 * 1024];
        let rest = self.tls.put_rest(&mut buffer);
        buffer[rest..rest + bytes.len()].copy_from_slice(bytes);
        let opened = self
            .tls
            .open(&mut buffer[..rest + bytes.len()], &mut self.plain);
        self.secured |= opened.secured;
        self.closed |= opened.closed;
        self.failed = self.failed.or(opened.failed);
    }

    /// Seals these bytes, in as many writes as it takes, and returns all that leaves.
    fn writes(&mut self, mut plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let write = |bytes: &[u8]| {
                out.extend_from_slice(bytes);
                Poll::Ready(Ok(bytes.len()))
            };
            let Poll::Ready(taken) = self.tls.write_by(&[IoSlice::new(plain)], write) else {
                panic!("it seals");
            };
            let taken = taken.unwrap();
            assert!(taken.plain <= 16 * 1024);
            plain = &plain[taken.plain..];
            if plain.is_empty() {
                return out;
            }
        }
    }

    fn closes(&mut self) -> Vec<u8> {
        self.tls.end.close(&mut self.tls.rest, &mut self.tls.held);
        self.writes(&[])
    }
}

/// Both sides with their handshake behind them. Bytes go over in pieces of this length.
fn secured(versions: &[&'static rustls::SupportedProtocolVersion], piece: usize) -> [Side; 2] {
    let [mut server, mut client] = configs(versions).map(|config| Side::new(config.tls()));
    for _ in 0..8 {
        for piece in client.writes(&[]).chunks(piece) {
            server.reads(piece);
        }
        for piece in server.writes(&[]).chunks(piece) {
            client.reads(piece);
        }
    }
    assert!(server.secured && client.secured);
    assert_eq!((server.failed, client.failed), (None, None));
    [server, client]
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn bytes_arrive_as_they_were_in_any_pieces_and_with_either_version() {
    let sent: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for version in VERSIONS {
        for piece in [1, 7, 1_000, 60_000] {
            let [mut server, mut client] = secured(&[version], piece);
            for bytes in [&sent[..], b"", b"!"] {
                for piece in client.writes(bytes).chunks(piece.max(100)) {
                    server.reads(piece);
                }
                for piece in server.writes(bytes).chunks(piece.max(100)) {
                    client.reads(piece);
                }
            }
            let all = [&sent[..], b"!"].concat();
            assert!(server.plain == all && client.plain == all);
            assert!(server.tls.rest.capacity() == 0 && server.tls.held.capacity() == 0);
        }
    }
}

#[test]
fn a_close_is_told_behind_the_last_bytes() {
    for version in VERSIONS {
        let [mut server, mut client] = secured(&[version], 1_000);
        let last = [client.writes(b"bye"), client.closes()].concat();
        server.reads(&last[..last.len() - 1]);
        assert!(server.plain == b"bye" && !server.closed);
        server.reads(&last[last.len() - 1..]);
        assert!(server.closed && server.failed.is_none());
        // The other way is open still.
        let words = [server.writes(b"you too"), server.closes()].concat();
        client.reads(&words);
        assert!(client.plain == b"you too" && client.closed);
    }
}

#[test]
fn a_failure_names_its_alert_and_the_peer_gets_it() {
    for version in VERSIONS {
        let [mut server, mut client] = secured(&[version], 1_000);
        let mut bad = client.writes(b"hello");
        *bad.last_mut().unwrap() ^= 1;
        server.reads(&bad);
        assert_eq!(server.failed, Some(["alert_sent", "bad_record_mac"]));
        let alert = server.writes(&[]);
        client.reads(&alert);
        assert_eq!(client.failed, Some(["alert_received", "bad_record_mac"]));
    }
    let [server, _] = configs(&VERSIONS);
    for (bytes, name) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "decode_error"),
        (b"\0\0\x2f\x01LW\x01\x01", "decode_error"),
    ] {
        let mut server = Side::new(server.tls());
        server.reads(bytes);
        assert_eq!(server.failed, Some(["alert_sent", name]));
        assert!(server.tls.holds(), "the alert");
        server.reads(b"and more");
        assert!(server.plain.is_empty());
    }
}

#[test]
fn a_record_that_never_ends_is_not_kept_for_ever() {
    let [server, _] = configs(&VERSIONS);
    let mut server = Side::new(server.tls());
    // A handshake message of 16 MB, in records of 16 KB.
    let mut record = vec![0x16, 3, 1, 0x40, 0];
    record.extend_from_slice(&[1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    for _ in 0..8 {
        server.reads(&record);
        assert!(server.tls.rest.len() <= REST_BYTES_MAX);
    }
    assert!(server.failed.is_some());
}

/// xorshift64*, by George Marsaglia and Sebastiano Vigna.
struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % bound
    }

    /// Changes bytes, leaves some out, or says some twice.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(4) {
            0 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            1 => bytes[at] ^= 1 << self.below(8),
            2 => drop(bytes.drain(at..(at + 1 + self.below(40)).min(bytes.len()))),
            _ => bytes.extend_from_within(at..),
        }
    }
}

/// A peer may send anything, in any pieces, at any time of the handshake and behind it: each call returns, and at most a record
/// is kept. Without a change it gets through.
#[test]
fn spoiled_bytes_fail_or_are_opened_and_leave_no_more_than_a_record() {
    let [mut secured, mut failed] = [0; 2];
    for seed in 1..=600_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let version = VERSIONS[random.below(2)];
        let mut sides = configs(&[version]).map(|config| Side::new(config.tls()));
        let spoiled_at = random.below(8);
        for round in 0..6 {
            let [server, client] = &mut sides;
            let (from, to) = match round % 2 {
                0 => (client, server),
                _ => (server, client),
            };
            let may_say = from.secured && from.failed.is_none();
            let says: &[u8] = if may_say { b"a word" } else { b"" };
            let mut bytes = from.writes(says);
            if round == spoiled_at {
                random.spoil(&mut bytes);
            }
            while !bytes.is_empty() {
                let len = (1 + random.below(2_000)).min(bytes.len());
                to.reads(&bytes[..len]);
                bytes.drain(..len);
                assert!(to.tls.rest.len() <= REST_BYTES_MAX);
            }
        }
        let [server, client] = &sides;
        assert!(spoiled_at < 6 || server.secured && client.secured, "{seed}");
        secured += usize::from(server.secured);
        failed += usize::from(server.failed.or(client.failed).is_some());
    }
    assert!(secured > 150 && failed > 150, "{secured} {failed}");
}

#[test]
fn a_server_takes_no_memory_before_the_first_byte() {
    let [server, _] = configs(&VERSIONS);
    let tls = server.tls();
    assert!(matches!(tls.end, End::Waiting(_)));
    assert!(size_of::<Tls>() <= 80, "{}", size_of::<Tls>());
}
