//! The signals of POSIX, and the answer to each. Every other signal has the system's answer.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Answer;

#[derive(Debug)]
pub(super) struct Signals(Vec<Caught>);

#[derive(Debug)]
struct Caught {
    signal: Signal,
    name: &'static str,
    answer: Answer,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        let mut answers = vec![
            (SignalKind::terminate(), "SIGTERM", Answer::End),
            (SignalKind::interrupt(), "SIGINT", Answer::End),
            (SignalKind::quit(), "SIGQUIT", Answer::EndAtOnce),
            (SignalKind::user_defined1(), "SIGUSR1", NO_TASK),
            (SignalKind::user_defined2(), "SIGUSR2", NO_TASK),
        ];
        // `nohup` asks to ignore it.
        if !lastword_sys::is_ignored(hangup.as_raw_value()) {
            let answer = if has_terminal() {
                Answer::EndOnce
            } else {
                Answer::Reload
            };
            answers.push((hangup, "SIGHUP", answer));
        }
        let caught = answers.into_iter().map(|(kind, name, answer)| {
            let signal = signal(kind)?;
            Ok(Caught {
                signal,
                name,
                answer,
            })
        });
        Ok(Self(caught.collect::<io::Result<_>>()?))
    }

    /// Waits for one signal. Of several at the same moment the first in the list comes first. Cancel safe.
    pub(super) async fn next(&mut self) -> (&'static str, Answer) {
        poll_fn(|cx| {
            let mut caught = self.0.iter_mut();
            let heard = caught.find_map(|caught| {
                let heard = caught.signal.poll_recv(cx);
                matches!(heard, Poll::Ready(Some(()))).then_some((caught.name, caught.answer))
            });
            heard.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether this process has a controlling terminal. After the terminal was closed it has none, so this is asked at the
/// start.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

const NO_TASK: Answer = Answer::Nothing("this signal has no effect here, so nothing changes");
