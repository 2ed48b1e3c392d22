//! A player that does only what the test says.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::command::DEADLINE;

/// Kinds of frames, from `docs/wire.md`.
pub(crate) const DATA: u8 = 0;
const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const ACK: u8 = 5;
const GOODBYE: u8 = 6;
pub(crate) const NOTICE: u8 = 7;

/// A connection after its welcome.
pub(crate) struct Player(TcpStream);

impl Player {
    pub(crate) fn join(game: SocketAddr) -> Self {
        Self::on(TcpStream::connect(game).unwrap())
    }

    /// Joins over this connection.
    pub(crate) fn on(stream: TcpStream) -> Self {
        let without_resume = 2;
        Self::greet(stream, without_resume, &[0; 28]).0
    }

    /// Joins, loses its connection, and comes back on another one.
    pub(crate) fn join_and_come_back(game: SocketAddr) -> Self {
        let connect = || TcpStream::connect(game).unwrap();
        let confirm = [0; 8];
        let (mut player, welcome) = Self::greet(connect(), 0, &[0; 28]);
        player.write(ACK, &confirm);
        drop(player);
        // The session, nothing received, the token with its length, no extensions.
        let claim = [&welcome[2..18], &[0; 8], &welcome[46..48 + 32], &[0; 2]].concat();
        let resume = 1;
        let (mut player, _) = Self::greet(connect(), resume, &claim);
        player.write(ACK, &confirm);
        player
    }

    /// Says hello with these flags and this claim to a session. Returns the welcome, too.
    fn greet(stream: TcpStream, flags: u8, claim: &[u8]) -> (Self, Vec<u8>) {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut player = Self(stream);
        let limit = 65_536_u32.to_be_bytes();
        let hello = [&b"LW\x01\x01"[..], &[flags], &limit, claim, b"ann"].concat();
        player.write(HELLO, &hello);
        let (kind, welcome) = player.read();
        assert_eq!(kind, WELCOME);
        (player, welcome)
    }

    /// The player's own address.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.0
    }

    pub(crate) fn write(&mut self, kind: u8, payload: &[u8]) {
        let len = u32::try_from(payload.len()).unwrap();
        let header = ((len << 8) | u32::from(kind)).to_be_bytes();
        self.0.write_all(&[&header, payload].concat()).unwrap();
    }

    /// Sends a frame, and waits until it comes back.
    pub(crate) fn echo(&mut self) {
        self.write(DATA, b"echo");
        while self.read().0 != DATA {}
    }

    pub(crate) fn write_half_a_frame(&mut self) {
        let header = ((100_u32 << 8) | u32::from(DATA)).to_be_bytes();
        self.0.write_all(&[&header[..], &[0; 50]].concat()).unwrap();
    }

    /// Sends a FIN, and waits for the server's.
    pub(crate) fn close_one_side(mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
        self.0.read_to_end(&mut Vec::new()).unwrap();
    }

    pub(crate) fn say_goodbye(&mut self) {
        self.say_goodbye_with("");
    }

    /// Says goodbye, and waits until the server has taken it as the end.
    pub(crate) fn leave(mut self, reason: &str) {
        self.say_goodbye_with(reason);
        self.0.read_to_end(&mut Vec::new()).unwrap();
    }

    fn say_goodbye_with(&mut self, reason: &str) {
        let over_and_no_code = [1, 0, 0, 0, 0, 0, 0, 0, 0];
        self.write(GOODBYE, &[&over_and_no_code, reason.as_bytes()].concat());
    }

    /// The next frame: its kind and its payload.
    pub(crate) fn read(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).unwrap();
        let [a, b, c, kind] = header;
        let len = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.0.read_exact(&mut payload).unwrap();
        (kind, payload)
    }

    /// Reads up to the goodbye, and returns its code.
    pub(crate) fn goodbye(&mut self) -> u16 {
        loop {
            if let (GOODBYE, payload) = self.read() {
                return u16::from_be_bytes([payload[1], payload[2]]);
            }
        }
    }
}
