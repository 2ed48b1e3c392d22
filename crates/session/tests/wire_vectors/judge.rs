//! Feeds bytes to a session and reports why it ended. The setting is that of `docs/wire.md`, section 14.

use std::sync::Arc;

use lastword_session::wire::{Extensions, Hello, Welcome};
use lastword_session::{
    Admission, Config, Connection, Dropped, Flow, Input, Output, Readings, Terminal, Time, Timing,
};

const NOW: Time = Time::from_micros(1_000_000);

/// The label of the cause for which `stream` ends a connection, or `none`.
///
/// `state` is `first` for the first bytes of a connection and `live` for those right after welcome. `direction` is the
/// end that sent them.
pub(crate) fn verdict(state: &str, direction: &str, stream: &[u8]) -> &'static str {
    let mut connection = match direction {
        "client" => Connection::server(Arc::new(Config::default()), NOW),
        _ => Connection::client(Arc::new(Config::default()), &HELLO, NOW),
    };
    if state == "live" {
        join(&mut connection, direction);
    }
    feed(&mut connection, stream);
    // The connection stays open, so only the bytes can have ended it.
    for _ in 0..8 {
        let written = connection.slices().iter().map(|slice| slice.len()).sum();
        connection.transmitted(NOW, written);
        match connection.poll_output() {
            Some(Output::Closed) => {
                let ending = connection.take_ending(Dropped::default());
                return ending.expect("a verdict").verdict.cause.label();
            }
            Some(Output::Shut) => {
                connection.handle(NOW, Input::Shut);
                connection.handle(NOW, Input::ReadEnded(Terminal::Eof, Readings::default()));
            }
            Some(Output::Link(_) | Output::HoldGiveUp(_) | Output::Departed) | None => {}
        }
        if connection.awaits_delivery() {
            connection.handle(NOW, Input::Delivered(Readings::default()));
        }
        if connection.poll_timeout().0 <= NOW {
            connection.handle(NOW, Input::Timeout(Readings::default()));
        }
    }
    "none"
}

fn join(connection: &mut Connection, direction: &str) {
    let mut opening = Vec::new();
    if direction == "client" {
        HELLO.encode(&mut opening);
        feed(connection, &opening);
        connection.handle(NOW, Input::Admit(ADMISSION));
    } else {
        WELCOME.encode(&mut opening);
        feed(connection, &opening);
    }
    assert!(connection.is_live(), "the setting itself is sound");
}

fn feed(connection: &mut Connection, bytes: &[u8]) {
    connection.bytes_arrived(NOW, bytes.len());
    connection.feed(NOW, &mut bytes.to_vec(), |_, _| Flow::More);
    assert!(!connection.has_unread(), "nothing stopped the feeding");
}

const HELLO: Hello<'static> = Hello {
    version_min: 1,
    version_max: 1,
    resume: false,
    no_resume: true,
    frame_limit: 65_536,
    session: [0; 16],
    received: 0,
    token: &[],
    extensions: Extensions::EMPTY,
    credentials: &[],
};

const WELCOME: Welcome<'static> = Welcome {
    version: 1,
    resumed: false,
    session: [7; 16],
    connection: 1,
    received: 0,
    heartbeat_ms: 5_000,
    dead_ms: 15_000,
    resume_window_ms: 0,
    frame_limit: 65_536,
    token: &[],
    extensions: Extensions::EMPTY,
};

const ADMISSION: Admission = Admission {
    session: [7; 16],
    timing: Timing {
        heartbeat_ms: 5_000,
        suspect_ms: 7_500,
        dead_ms: 15_000,
    },
    resume_window: None,
};
