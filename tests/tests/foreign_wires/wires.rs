//! The wires themselves: where a frame ends, and which frames are ping, pong and goodbye.

use lastword_session::wire::Goodbye;
use lastword_session::{Dialect, Meaning, Measure};

/// RESP: requests are lines or arrays of strings, answers are anything. `QUIT` is a goodbye; there are no pings.
pub(crate) struct Resp;

impl Dialect for Resp {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        whole(request_len(bytes))
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match words(payload).first() {
            Some(word) if word.eq_ignore_ascii_case(b"quit") => Meaning::Goodbye,
            Some(_) => Meaning::Data(payload),
            None => Meaning::Malformed,
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }
}

/// The words of a request, be it a line or an array.
pub(crate) fn words(request: &[u8]) -> Vec<&[u8]> {
    let is_array = request.starts_with(b"*");
    let mut rest = request;
    let mut words = Vec::new();
    if !is_array {
        return rest
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .collect();
    }
    let mut left = number(&mut rest).unwrap_or(0);
    while let (1.., Some(len)) = (left, number(&mut rest)) {
        let Some((word, after)) = rest.split_at_checked(len) else {
            break;
        };
        words.push(word);
        rest = after.strip_prefix(b"\r\n").unwrap_or(after);
        left -= 1;
    }
    words
}

fn request_len(bytes: &[u8]) -> Option<usize> {
    let line = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    if !bytes.starts_with(b"*") {
        return Some(line);
    }
    let mut rest = bytes;
    for _ in 0..number(&mut rest)? {
        let len = number(&mut rest)?.checked_add(2)?;
        rest = rest.get(len..)?;
    }
    Some(bytes.len() - rest.len())
}

/// Takes a line such as `*3` or `$11`.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, after) = rest.split_at_checked(end + 2)?;
    *rest = after;
    std::str::from_utf8(line.get(1..end)?).ok()?.parse().ok()
}

/// MQTT 3.1.1: a type, a VarInt of length, the rest. The client pings; `DISCONNECT` is its goodbye.
pub(crate) struct Mqtt;

impl Dialect for Mqtt {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        let Some((kind, rest)) = bytes.split_first() else {
            return Measure::Short;
        };
        match var_int(rest) {
            _ if matches!(kind >> 4, 0 | 15) => Measure::Foreign,
            VarInt::Short => Measure::Short,
            VarInt::Endless => Measure::Foreign,
            VarInt::Is { value, len } => whole(Some(1 + len + value)),
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload {
            [0xc0, 0] => Meaning::Ping(&[]),
            [0xe0, 0] => Meaning::Goodbye,
            [0xc0 | 0xe0, ..] | [] => Meaning::Malformed,
            packet => Meaning::Data(packet),
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }

    fn has_heartbeats(&self) -> bool {
        true
    }

    fn write_pong(&self, _ping: &[u8], out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&[0xd0, 0]);
        true
    }
}

/// Minecraft 1.16.5: a VarInt of length, a packet. The server sends keep-alives, which the client only answers.
pub(crate) struct Minecraft;

/// The keep-alive of the server, and the client's answer with the same number.
pub(crate) const KEEP_ALIVE: [u8; 10] = [9, 0x1f, 0, 0, 0, 0, 0, 0, 0, 7];
pub(crate) const KEPT_ALIVE: [u8; 10] = [9, 0x10, 0, 0, 0, 0, 0, 0, 0, 7];

impl Dialect for Minecraft {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        match var_int(bytes) {
            VarInt::Short => Measure::Short,
            VarInt::Endless | VarInt::Is { value: 0, .. } => Measure::Foreign,
            VarInt::Is { value, len } => Measure::Frame {
                header: len,
                payload: value,
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload {
            [0x10, _, _, _, _, _, _, _, _] => Meaning::Pong,
            packet => Meaning::Data(packet),
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        prefixed(payload, out);
    }

    fn has_heartbeats(&self) -> bool {
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&KEEP_ALIVE);
        true
    }

    fn write_goodbye(&self, goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        let mut packet = vec![0x19];
        let words = format!("{{\"text\":\"{}\"}}", goodbye.reason);
        prefixed(words.as_bytes(), &mut packet);
        prefixed(&packet, out);
        true
    }
}

/// Pitaya and Pomelo: a type, three bytes of length, a body. Both ends send heartbeats, and a heartbeat has no specific
/// answer.
pub(crate) struct Pitaya;

pub(crate) const HEARTBEAT: [u8; 4] = [3, 0, 0, 0];

impl Dialect for Pitaya {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        match bytes {
            [] => Measure::Short,
            [0 | 6.., ..] => Measure::Foreign,
            [_, a, b, c, ..] => {
                let len = u32::from_be_bytes([0, *a, *b, *c]);
                whole(usize::try_from(len).ok().map(|len| 4 + len))
            }
            [..] => Measure::Short,
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload {
            [3, 0, 0, 0] => Meaning::Pong,
            [1 | 2 | 4, ..] => Meaning::Data(payload),
            _ => Meaning::Malformed,
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }

    fn has_heartbeats(&self) -> bool {
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&HEARTBEAT);
        true
    }

    fn write_goodbye(&self, goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        let body = format!("{{\"reason\":\"{}\"}}", goodbye.reason);
        let [_, len @ ..] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        out.push(5);
        out.extend_from_slice(&len);
        out.extend_from_slice(body.as_bytes());
        true
    }
}

/// A VarInt of the payload's length, then the payload.
pub(crate) fn prefixed(payload: &[u8], out: &mut Vec<u8>) {
    let mut len = payload.len();
    while len > 0x7f {
        out.push(u8::try_from(len & 0x7f).unwrap_or(0) | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).unwrap_or(0));
    out.extend_from_slice(payload);
}

enum VarInt {
    Short,
    Endless,
    Is { value: usize, len: usize },
}

/// A VarInt of four bytes at most, the low seven bits first.
fn var_int(bytes: &[u8]) -> VarInt {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return VarInt::Is { value, len: at + 1 };
        }
    }
    match bytes.len() {
        0..4 => VarInt::Short,
        _ => VarInt::Endless,
    }
}

/// A frame that the game gets as it is, header and all.
fn whole(len: Option<usize>) -> Measure {
    len.map_or(Measure::Short, |payload| Measure::Frame {
        header: 0,
        payload,
    })
}
