//! One end of a TLS connection: rustls' own state, one step at a time.

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeTlsData, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{ClientConfig, ServerConfig};

use super::alert;

/// The state of the end.
pub(super) enum End {
    /// No byte came yet.
    Waiting(Arc<ServerConfig>),
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
    /// The peer broke a rule, or sent an alert.
    Failed,
}

/// The outcome of one step.
pub(super) enum Step {
    /// There is more to do.
    More,
    /// The peer closed TLS; there is more to do.
    PeerClosed,
    /// Nothing can be done without more bytes.
    Blocked,
    /// TLS is over. These are the steps for the trail.
    Failed([&'static str; 2]),
}

impl End {
    pub(super) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        let connection = UnbufferedClientConnection::new(config, name)?;
        Ok(Self::Client(Box::new(connection)))
    }

    /// Takes the memory of a handshake.
    pub(super) fn begin(&mut self) {
        if let Self::Waiting(config) = self {
            let connection = UnbufferedServerConnection::new(Arc::clone(config));
            *self = match connection {
                Ok(connection) => Self::Server(Box::new(connection)),
                Err(error) => {
                    tracing::error!(%error, "a TLS configuration cannot be used");
                    Self::Failed
                }
            };
        }
    }

    /// Whether frames can come and go.
    pub(super) fn is_secured(&self) -> bool {
        match self {
            Self::Server(connection) => !connection.is_handshaking(),
            Self::Client(connection) => !connection.is_handshaking(),
            Self::Waiting(_) | Self::Failed => false,
        }
    }

    /// Takes one step with the records in `bytes`. Their content is appended to `plain`, and answers to `out`. Returns how
    /// many of the bytes are done with.
    pub(super) fn step(
        &mut self,
        bytes: &mut [u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> (usize, Step) {
        let (discard, outcome) = match self {
            Self::Server(connection) => step(&mut ***connection, bytes, plain, out),
            Self::Client(connection) => step(&mut ***connection, bytes, plain, out),
            Self::Waiting(_) | Self::Failed => return (bytes.len(), Step::Blocked),
        };
        match outcome {
            Ok(step) => (discard, step),
            Err(error) => {
                let unread = bytes.get_mut(discard..).unwrap_or_default();
                (discard, Step::Failed(self.fail_with(&error, unread, out)))
            }
        }
    }

    /// Refuses a message that is longer than we keep, with an alert. That happens only without keys: then a record is in
    /// clear, and with keys rustls refuses it.
    pub(super) fn overflow(&mut self, out: &mut Vec<u8>) -> [&'static str; 2] {
        *self = Self::Failed;
        out.extend_from_slice(&alert::RECORD_OVERFLOW);
        ["alert_sent", "record_overflow"]
    }

    /// Seals at most 16 KiB of these slices, and appends the records to `out`. Returns how many bytes it took. `rest` are
    /// the bytes of a record that is not complete.
    pub(super) fn seal(
        &mut self,
        rest: &mut [u8],
        slices: &[IoSlice<'_>],
        out: &mut Vec<u8>,
    ) -> usize {
        let mut taken = 0;
        let traffic = |traffic: &mut dyn Encrypt| taken = seal_all(traffic, slices, out);
        match self {
            Self::Server(connection) => with_traffic(&mut ***connection, rest, traffic),
            Self::Client(connection) => with_traffic(&mut ***connection, rest, traffic),
            Self::Waiting(_) | Self::Failed => {}
        }
        taken
    }

    /// Appends our close_notify to `out`, where TLS was begun and has not failed.
    pub(super) fn close(&mut self, rest: &mut [u8], out: &mut Vec<u8>) {
        let traffic = |traffic: &mut dyn Encrypt| {
            append(out, 0, |room| traffic.close(room));
        };
        match self {
            Self::Server(connection) => with_traffic(&mut ***connection, rest, traffic),
            Self::Client(connection) => with_traffic(&mut ***connection, rest, traffic),
            Self::Waiting(_) | Self::Failed => {}
        }
    }

    /// Appends the alert that rustls has for the peer to `out`, and ends TLS. rustls still knows where the parts of a
    /// message lie in `unread`.
    fn fail_with(
        &mut self,
        error: &rustls::Error,
        unread: &mut [u8],
        out: &mut Vec<u8>,
    ) -> [&'static str; 2] {
        let before = out.len();
        match self {
            // An alert is not answered.
            _ if matches!(error, rustls::Error::AlertReceived(_)) => {}
            Self::Server(connection) => last_words(&mut ***connection, unread, out),
            Self::Client(connection) => last_words(&mut ***connection, unread, out),
            Self::Waiting(_) | Self::Failed => {}
        }
        *self = Self::Failed;
        alert::steps(error, out.get(before..).unwrap_or_default())
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting(_) => "Waiting",
            Self::Server(_) => "Server",
            Self::Client(_) => "Client",
            Self::Failed => "Failed",
        })
    }
}

/// rustls has the same method twice, one for each side.
trait Process {
    type Side;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Side>;
}

impl Process for UnbufferedConnectionCommon<ServerConnectionData> {
    type Side = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        bytes: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(bytes)
    }
}

impl Process for UnbufferedConnectionCommon<ClientConnectionData> {
    type Side = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        bytes: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(bytes)
    }
}

/// The part of rustls' state that seals, of either side.
trait Encrypt {
    fn encrypt(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, EncryptError>;
    fn close(&mut self, room: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<Side> Encrypt for WriteTraffic<'_, Side> {
    fn encrypt(&mut self, plain: &[u8], room: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::encrypt(self, plain, room)
    }

    fn close(&mut self, room: &mut [u8]) -> Result<usize, EncryptError> {
        self.queue_close_notify(room)
    }
}

fn step<P: Process>(
    connection: &mut P,
    bytes: &mut [u8],
    plain: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> (usize, Result<Step, rustls::Error>) {
    let UnbufferedStatus { mut discard, state } = connection.process(bytes);
    let step = match state {
        Err(error) => return (discard, Err(error)),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            while let Some(record) = traffic.next_record() {
                match record {
                    Err(error) => return (discard, Err(error)),
                    Ok(record) => {
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                }
            }
            Step::More
        }
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            encode(&mut data, out);
            Step::More
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Step::More
        }
        Ok(ConnectionState::PeerClosed) => Step::PeerClosed,
        // There is no early data: the configuration has none.
        Ok(_) => Step::Blocked,
    };
    (discard, Ok(step))
}

/// Appends the alert that rustls has for the peer after an error. It may be asked once only: without an alert to send it
/// reads on in `unread`.
fn last_words<P: Process>(connection: &mut P, unread: &mut [u8], out: &mut Vec<u8>) {
    if let Ok(ConnectionState::EncodeTlsData(mut data)) = connection.process(unread).state {
        encode(&mut data, out);
    }
}

/// Runs `seal` where frames can be sealed.
fn with_traffic<P: Process>(
    connection: &mut P,
    rest: &mut [u8],
    seal: impl FnOnce(&mut dyn Encrypt),
) {
    if let Ok(ConnectionState::WriteTraffic(mut traffic)) = connection.process(rest).state {
        seal(&mut traffic);
    }
}

fn seal_all(traffic: &mut dyn Encrypt, slices: &[IoSlice<'_>], out: &mut Vec<u8>) -> usize {
    let mut taken = 0;
    for slice in slices {
        let len = slice.len().min(RECORD_BYTES_MAX - taken);
        let plain = slice.get(..len).unwrap_or_default();
        if plain.is_empty() {
            continue;
        }
        if !append(out, len, |room| traffic.encrypt(plain, room)) {
            break;
        }
        taken += len;
    }
    taken
}

/// Lets `write` fill the room for a record with `len` bytes of content behind the bytes of `out`.
fn append(
    out: &mut Vec<u8>,
    len: usize,
    write: impl FnOnce(&mut [u8]) -> Result<usize, EncryptError>,
) -> bool {
    let at = out.len();
    out.resize(at + len + RECORD_OVERHEAD_MAX, 0);
    let written = write(out.get_mut(at..).unwrap_or_default());
    out.truncate(at + written.as_ref().unwrap_or(&0));
    written.is_ok()
}

fn encode<Side>(data: &mut EncodeTlsData<'_, Side>, out: &mut Vec<u8>) {
    let at = out.len();
    // The length is known only from the error.
    if let Err(rustls::unbuffered::EncodeError::InsufficientSize(error)) = data.encode(&mut []) {
        out.resize(at + error.required_size, 0);
        let written = data.encode(out.get_mut(at..).unwrap_or_default());
        out.truncate(at + written.unwrap_or(0));
    }
}

/// The most content of one record, and what one write takes at most.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Header, nonce, content type and tag, of any version and suite.
const RECORD_OVERHEAD_MAX: usize = 5 + 16 + 1 + 48 + 16;
