//! Writes log lines to standard error on a thread of its own. If the reader is slow or the disk is full, lines are
//! lost and counted, and the game continues.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Takes lines without ever blocking.
#[derive(Clone, Debug)]
pub(crate) struct LogWriter {
    lines: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// Waits on drop until the lines so far are written, for a second at most.
#[derive(Debug)]
pub(crate) struct Flush(SyncSender<Message>);

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl LogWriter {
    pub(crate) fn start() -> io::Result<(Self, Flush)> {
        Self::start_with(io::stderr())
    }

    fn start_with(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let (lines, received) = sync_channel(LINES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&received, &counted, out))?;
        let flush = Flush(lines.clone());
        Ok((Self { lines, lost }, flush))
    }
}

/// One call is one line: the subscriber writes a whole event at once.
impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (done, is_done) = sync_channel(1);
        let mut message = Message::Flush(done);
        let deadline = std::time::Instant::now() + FLUSH_TIMEOUT;
        while let Err(TrySendError::Full(again)) = self.0.try_send(message) {
            if std::time::Instant::now() >= deadline {
                return;
            }
            message = again;
            thread::sleep(FLUSH_STEP);
        }
        // If the lines cannot be written in time, they are lost.
        is_done.recv_timeout(FLUSH_TIMEOUT).ok();
    }
}

fn write_all(received: &Receiver<Message>, lost: &AtomicU64, mut out: impl Write) {
    for message in received {
        match message {
            Message::Line(line) => {
                let count = lost.swap(0, Ordering::Relaxed);
                if count > 0 {
                    let report =
                        format!("{count} log lines were lost: standard error is read too slowly\n");
                    count_if_lost(out.write_all(report.as_bytes()), count, lost);
                }
                count_if_lost(out.write_all(&line), 1, lost);
            }
            Message::Flush(done) => drop(done.send(())),
        }
    }
}

fn count_if_lost(written: io::Result<()>, count: u64, lost: &AtomicU64) {
    if written.is_err() {
        lost.fetch_add(count, Ordering::Relaxed);
    }
}

const LINES_MAX: usize = 8 * 1024;
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
const FLUSH_STEP: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An output that takes no bytes until its gate is opened.
    struct Gated {
        enter: SyncSender<()>,
        gate: Arc<Mutex<()>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.enter.try_send(()).ok();
            let _open = self.gate.lock().unwrap();
            self.taken.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_output_does_not_block_and_lost_lines_are_counted_in_the_log() {
        let (gate, taken) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(Vec::new())));
        let (enter, entered) = sync_channel(LINES_MAX);
        let out = Gated {
            enter,
            gate: Arc::clone(&gate),
            taken: Arc::clone(&taken),
        };
        let (mut writer, flush) = LogWriter::start_with(out).unwrap();

        let shut = gate.lock().unwrap();
        let deadline = Duration::from_secs(20);
        writer.write_all(b"line\n").unwrap();
        entered
            .recv_timeout(deadline)
            .expect("the first line is on its way out");
        let total = LINES_MAX + 99;
        let (tell, told) = sync_channel(1);
        let counter = Arc::clone(&writer.lost);
        thread::spawn(move || {
            for _ in 0..total {
                writer.write_all(b"line\n").unwrap();
            }
            tell.send(()).unwrap();
        });
        told.recv_timeout(deadline).expect("a writer never waits");
        let lost = usize::try_from(counter.load(Ordering::Relaxed)).unwrap();
        assert_eq!(lost, 99);
        drop(shut);
        drop(flush);

        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text.lines().filter(|line| *line == "line").count(),
            1 + total - lost
        );
        assert!(
            text.contains(&format!("{lost} log lines were lost")),
            "{text:.200}"
        );
    }
}
