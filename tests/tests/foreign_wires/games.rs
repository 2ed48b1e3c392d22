//! The game's side of each wire: its answers to a frame, given the session's first frame.

use crate::wires::{prefixed, words};

/// Answers one frame. The first frame of a session is passed twice, as `first` and as `frame`.
pub(crate) type Game = fn(first: &[u8], frame: &[u8]) -> Vec<Vec<u8>>;

pub(crate) fn redis(_first: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    let words = words(frame);
    let command = words.first().map(|word| word.to_ascii_uppercase());
    let answer = match command.as_deref() {
        Some(b"PING") => b"+PONG\r\n".to_vec(),
        Some(b"SET") => b"+OK\r\n".to_vec(),
        Some(b"GET") => b"$-1\r\n".to_vec(),
        Some(b"CONFIG" | b"COMMAND") => b"*0\r\n".to_vec(),
        Some(_) | None => b"-ERR unknown command\r\n".to_vec(),
    };
    vec![answer]
}

/// `CONNECT`, `SUBSCRIBE` of one topic and `PUBLISH` without acknowledgement, which comes back.
pub(crate) fn mqtt(_first: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    match frame {
        [0x10, ..] => vec![vec![0x20, 2, 0, 0]],
        [0x82, _, id, low, ..] => vec![vec![0x90, 3, *id, *low, 0]],
        [0x30..=0x3f, ..] => vec![frame.to_vec()],
        _ => Vec::new(),
    }
}

/// The handshake says whether the client asks for the status or logs in.
pub(crate) fn minecraft(first: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    let asks_status = first.ends_with(&[1]);
    match frame {
        _ if first == frame => Vec::new(),
        [0] if asks_status => {
            let mut status = vec![0];
            prefixed(STATUS, &mut status);
            vec![status]
        }
        [1, ..] if asks_status => vec![frame.to_vec()],
        [0, name @ ..] => {
            let mut success = vec![2];
            success.extend_from_slice(&[7; 16]);
            success.extend_from_slice(name);
            vec![success]
        }
        [3, words @ ..] => {
            let mut chat = vec![0x0e];
            chat.extend_from_slice(words);
            chat.push(0);
            chat.extend_from_slice(&[7; 16]);
            vec![chat]
        }
        _ => Vec::new(),
    }
}

pub(crate) const STATUS: &[u8] = br#"{"version":{"name":"1.16.5","protocol":754},"players":{"max":9,"online":0},"description":{"text":"a game"}}"#;

pub(crate) fn echo(_first: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    vec![frame.to_vec()]
}

/// The game answers the handshake but not its acknowledgement, and sends a message back.
pub(crate) fn pitaya(_first: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    match frame {
        [1, ..] => vec![pitaya_frame(1, br#"{"code":200,"sys":{"heartbeat":1}}"#)],
        [4, ..] => vec![frame.to_vec()],
        _ => Vec::new(),
    }
}

pub(crate) fn pitaya_frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, len @ ..] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    [&[kind], len.as_slice(), body].concat()
}
