//! A connection that is closed: no input has an effect, and no output comes.

use super::super::{Flow, Input};
use super::harness::Solo;
use crate::{Cause, Close, Message, Terminal, Time};

#[test]
fn no_input_has_an_effect_after_the_end() {
    let mut solo = Solo::live();
    solo.fin();
    let (now, readings) = (solo.now, solo.readings());
    let close = Close::new(Cause::Kicked);
    let message = Message::of(Cause::DrainExpired);
    let connection = solo.connection();
    assert!(connection.is_closed());
    let before = connection.traffic();
    for input in [
        Input::Close(&close),
        Input::DrainExpired(&message),
        Input::Abort(readings),
        Input::Paused,
        Input::Resumed,
        Input::EndNoticed(readings),
        Input::WriteFailed(readings),
        Input::ReadEnded(Terminal::Eof, readings),
        Input::Delivered(readings),
        Input::Shut,
        Input::Timeout(readings),
        Input::Secured,
        Input::TlsFailed(&["alert_received", "unknown_ca"]),
        Input::TlsClosed,
    ] {
        connection.handle(now, input);
        assert!(connection.poll_output().is_none());
    }
    connection.feed(now, &mut b"\0\0\x01\0x".to_vec(), |_, event| -> Flow {
        panic!("{event:?} after the end")
    });
    assert_eq!(connection.traffic(), before);
    assert_eq!(connection.poll_timeout().0, Time::NEVER);
    assert!(!connection.wants_read() && !connection.wants_write());
    let slices = connection.slices();
    assert!(slices.iter().all(|slice| slice.is_empty()));
}
