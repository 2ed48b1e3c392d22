//! The rows: how a client of each wire logs in, plays, idles and leaves.

use std::sync::Arc;

use lastword_server::{Cause, Dialect, LengthPrefixed};

use crate::games::{self, Game, STATUS, pitaya_frame};
use crate::wires::{HEARTBEAT, KEEP_ALIVE, KEPT_ALIVE, Minecraft, Mqtt, Pitaya, Resp, prefixed};

/// One wire, and the behaviour of its client.
pub(crate) struct Wire {
    pub(crate) name: &'static str,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) game: Game,
    /// The authenticator gets the first frame of the first step.
    pub(crate) login: Vec<Step>,
    pub(crate) plays: Vec<Step>,
    pub(crate) idles: Idle,
    pub(crate) leaves: Vec<(Leave, Cause)>,
}

/// Frames in one segment, and all answers of the server to them.
pub(crate) struct Step {
    pub(crate) says: Vec<Vec<u8>>,
    pub(crate) hears: Vec<u8>,
}

/// The behaviour of a client while the game is idle.
pub(crate) enum Idle {
    /// It sends nothing, and need not answer anything.
    Quiet,
    /// It answers the server's pings, and sends nothing else.
    Answers {
        ping: Vec<u8>,
        pong: Vec<u8>,
    },
    Pings {
        ping: Vec<u8>,
        pong: Vec<u8>,
    },
}

/// The ways in which a client leaves.
pub(crate) enum Leave {
    Fin,
    Reset,
    /// Says its goodbye after some more frames, and waits for the answers and the server's FIN.
    Goodbye(Step, Vec<u8>),
    /// Shuts its write side after the first bytes of a frame.
    MidFrame(Vec<u8>),
    /// The game kicks it; the data that it reads before the server's FIN.
    Kicked(Vec<u8>),
}

pub(crate) fn wires() -> Vec<Wire> {
    vec![
        redis(),
        mqtt(),
        minecraft(),
        minecraft_status(),
        telepathy(),
        pitaya(),
    ]
}

fn redis() -> Wire {
    let set = b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$3\r\nxxx\r\n";
    Wire {
        name: "redis",
        dialect: Arc::new(Resp),
        game: games::redis,
        login: vec![step([b"PING\r\n".as_slice()], b"+PONG\r\n")],
        plays: vec![
            step(
                [set.as_slice(), b"*1\r\n$4\r\nPING\r\n", b"GET key:1\r\n"],
                b"+OK\r\n+PONG\r\n$-1\r\n",
            ),
            step([set.as_slice()], b"+OK\r\n"),
        ],
        idles: Idle::Quiet,
        leaves: vec![
            (
                Leave::Goodbye(
                    step([b"PING\r\n".as_slice(), set], b"+PONG\r\n+OK\r\n"),
                    b"*1\r\n$4\r\nQUIT\r\n".to_vec(),
                ),
                Cause::PeerGoodbye,
            ),
            (
                Leave::Goodbye(step([set.as_slice()], b"+OK\r\n"), b"quit\r\n".to_vec()),
                Cause::PeerGoodbye,
            ),
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
            (
                Leave::MidFrame(b"*2\r\n$3\r\nGET\r\n$".to_vec()),
                Cause::PeerFinMidFrame,
            ),
        ],
    }
}

fn mqtt() -> Wire {
    let connect = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x05\x00\x03ann";
    let publish = b"\x30\x05\x00\x01mhi";
    let disconnect = vec![0xe0, 0];
    Wire {
        name: "mqtt",
        dialect: Arc::new(Mqtt),
        game: games::mqtt,
        login: vec![step([connect.as_slice()], &[0x20, 2, 0, 0])],
        plays: vec![
            step(
                [b"\x82\x06\x00\x01\x00\x01m\x00".as_slice()],
                &[0x90, 3, 0, 1, 0],
            ),
            step([publish.as_slice(), publish], &publish.repeat(2)),
        ],
        idles: Idle::Pings {
            ping: vec![0xc0, 0],
            pong: vec![0xd0, 0],
        },
        leaves: vec![
            (
                Leave::Goodbye(step([publish.as_slice()], publish), disconnect),
                Cause::PeerGoodbye,
            ),
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
            (
                Leave::MidFrame(b"\x30\x05\x00".to_vec()),
                Cause::PeerFinMidFrame,
            ),
        ],
    }
}

fn minecraft() -> Wire {
    let chat = [b"\x0e\x02hi\x00".as_slice(), &[7; 16]].concat();
    let success = [b"\x02".as_slice(), &[7; 16], b"\x03ann"].concat();
    let kick = b"\x19\x11{\"text\":\"enough\"}";
    Wire {
        name: "minecraft",
        dialect: Arc::new(Minecraft),
        game: games::minecraft,
        login: vec![step(
            [packet(&handshake(2)), packet(b"\x00\x03ann")],
            &packet(&success),
        )],
        plays: vec![step(
            [packet(b"\x03\x02hi"), packet(b"\x03\x02hi")],
            &packet(&chat).repeat(2),
        )],
        idles: Idle::Answers {
            ping: KEEP_ALIVE.to_vec(),
            pong: KEPT_ALIVE.to_vec(),
        },
        leaves: vec![
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
            (Leave::MidFrame(vec![9, 0x10, 0]), Cause::PeerFinMidFrame),
            (Leave::Kicked(packet(kick)), Cause::Kicked),
        ],
    }
}

/// A server list asks for the status and for an echo, and leaves.
fn minecraft_status() -> Wire {
    let mut status = vec![0];
    prefixed(STATUS, &mut status);
    let asked = packet(b"\x01\x00\x00\x00\x00\x00\x00\x00\x05");
    Wire {
        name: "minecraft status",
        login: vec![step(
            [packet(&handshake(1)), packet(&[0])],
            &packet(&status),
        )],
        plays: vec![step([asked.clone()], &asked)],
        leaves: vec![
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
        ],
        ..minecraft()
    }
}

fn telepathy() -> Wire {
    let echo = |payload: &[u8]| {
        let len = u32::try_from(payload.len()).unwrap_or(0);
        [&len.to_be_bytes(), payload].concat()
    };
    let (login, moves) = (echo(b"ann"), echo(&[7; 300]));
    Wire {
        name: "telepathy",
        dialect: Arc::new(LengthPrefixed),
        game: games::echo,
        login: vec![step([login.clone()], &login)],
        plays: vec![step([moves.clone(), moves.clone()], &moves.repeat(2))],
        idles: Idle::Quiet,
        leaves: vec![
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
            (
                Leave::MidFrame(b"\0\0\0\x09mov".to_vec()),
                Cause::PeerFinMidFrame,
            ),
            (Leave::Kicked(Vec::new()), Cause::Kicked),
        ],
    }
}

fn pitaya() -> Wire {
    let hello = pitaya_frame(1, br#"{"sys":{"type":"c"}}"#);
    let answer = pitaya_frame(1, br#"{"code":200,"sys":{"heartbeat":1}}"#);
    let message = pitaya_frame(4, b"\x02\x01rhi");
    Wire {
        name: "pitaya",
        dialect: Arc::new(Pitaya),
        game: games::pitaya,
        login: vec![
            step([hello], &answer),
            step([pitaya_frame(2, b""), message.clone()], &message),
        ],
        plays: vec![step([message.clone(), message.clone()], &message.repeat(2))],
        idles: Idle::Answers {
            ping: HEARTBEAT.to_vec(),
            pong: HEARTBEAT.to_vec(),
        },
        leaves: vec![
            (
                Leave::Kicked(pitaya_frame(5, br#"{"reason":"enough"}"#)),
                Cause::Kicked,
            ),
            (Leave::Fin, Cause::PeerFin),
            (Leave::Reset, Cause::PeerReset),
            (Leave::MidFrame(vec![4, 0, 0]), Cause::PeerFinMidFrame),
        ],
    }
}

fn step<T: Into<Vec<u8>>>(says: impl IntoIterator<Item = T>, hears: &[u8]) -> Step {
    Step {
        says: says.into_iter().map(Into::into).collect(),
        hears: hears.to_vec(),
    }
}

/// A handshake of 1.16.5 that goes on to the status (1) or the login (2).
fn handshake(next: u8) -> Vec<u8> {
    [b"\x00\xf2\x05\x09localhost\x63\xdd".as_slice(), &[next]].concat()
}

fn packet(packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prefixed(packet, &mut out);
    out
}
