//! Feeds bytes to a session and reports why it ended. The setting is that of `docs/wire.md`, section 14.

use std::ops::ControlFlow;
use std::sync::Arc;

use lastword_session::wire::{Extensions, Hello, Welcome};
use lastword_session::{
    Admission, Config, Dropped, Input, Output, Readings, Session, Terminal, Time, Timing,
};

const NOW: Time = Time::from_micros(1_000_000);

/// The label of the cause for which `stream` ends a connection, or `none`.
///
/// `state` is `first` for the first bytes of a connection and `live` for those right after welcome. `direction` is the
/// end that sent them.
pub(crate) fn verdict(state: &str, direction: &str, stream: &[u8]) -> &'static str {
    let mut session = match direction {
        "client" => Session::server(Arc::new(Config::default()), NOW),
        _ => Session::client(Arc::new(Config::default()), &HELLO, NOW),
    };
    if state == "live" {
        join(&mut session, direction);
    }
    feed(&mut session, stream);
    // The connection stays open, so only the bytes can have ended it.
    for _ in 0..8 {
        let written = session.slices().iter().map(|slice| slice.len()).sum();
        session.transmitted(NOW, written);
        match session.poll_output() {
            Some(Output::Closed) => {
                let ending = session.take_ending(Dropped::default());
                return ending.expect("a verdict").verdict.cause.label();
            }
            Some(Output::Shut) => {
                session.handle(NOW, Input::Shut);
                session.handle(NOW, Input::ReadEnded(Terminal::Eof, Readings::default()));
            }
            Some(Output::Link(_)) | None => {}
        }
        if session.awaits_delivery() {
            session.handle(NOW, Input::Delivered(Readings::default()));
        }
        if session.poll_timeout().0 <= NOW {
            session.handle(NOW, Input::Timeout(Readings::default()));
        }
    }
    "none"
}

fn join(session: &mut Session, direction: &str) {
    let mut opening = Vec::new();
    if direction == "client" {
        HELLO.encode(&mut opening);
        feed(session, &opening);
        session.handle(NOW, Input::Admit(ADMISSION));
    } else {
        WELCOME.encode(&mut opening);
        feed(session, &opening);
    }
    assert!(session.is_live(), "the setting itself is sound");
}

fn feed(session: &mut Session, bytes: &[u8]) {
    session.bytes_arrived(NOW, bytes.len());
    let consumed = session.feed(NOW, bytes, |_, _| ControlFlow::Continue(()));
    assert_eq!(consumed, bytes.len(), "nothing stopped the feeding");
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
};
