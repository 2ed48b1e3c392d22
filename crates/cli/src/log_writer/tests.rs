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

impl Stream for Gated {
    fn wait(&self) {}

    fn take_back(&mut self, _written: usize) -> bool {
        false
    }
}

/// A writer whose output was stuck until it had lost 99 lines.
struct Overflowed {
    writer: LogWriter,
    flush: Flush,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Overflowed {
    fn with(report: impl Fn(u64) -> Vec<u8> + Send + 'static) -> Self {
        let (gate, taken) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(Vec::new())));
        let (enter, entered) = sync_channel(LINES_MAX);
        let out = Gated {
            enter,
            gate: Arc::clone(&gate),
            taken: Arc::clone(&taken),
        };
        let (mut writer, flush) = LogWriter::start_with(Output::new(out, b""), report).unwrap();
        let shut = gate.lock().unwrap();
        writer.write_all(b"first\n").unwrap();
        entered
            .recv_timeout(DEADLINE)
            .expect("the first line is on its way out");
        let (tell, told) = sync_channel(1);
        thread::spawn(move || {
            for _ in 0..LINES_MAX + 99 {
                writer.write_all(b"line\n").unwrap();
            }
            tell.send(writer).unwrap();
        });
        let writer = told.recv_timeout(DEADLINE).expect("a writer never waits");
        drop(shut);
        // From then on the queue has room.
        entered.recv_timeout(DEADLINE).expect("the second line");
        Self {
            writer,
            flush,
            taken,
        }
    }
}

#[test]
fn an_output_that_is_stuck_blocks_no_caller_and_lost_lines_are_told_in_their_place() {
    let report = |lost| format!("lost {lost}\n").into_bytes();
    let Overflowed {
        mut writer,
        flush,
        taken,
    } = Overflowed::with(report);
    writer.write_all(b"last\n").unwrap();
    drop(flush);

    let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    let expected = format!("first\n{}lost 99\nlast\n", "line\n".repeat(LINES_MAX));
    assert!(text == expected, "{}", &text[text.len() - 60..]);
}

#[test]
fn lost_lines_are_told_although_no_further_line_comes() {
    let (tell, told) = sync_channel(1);
    let report = move |lost| {
        tell.send(lost).unwrap();
        b"lost\n".to_vec()
    };
    let _overflowed = Overflowed::with(report);
    assert_eq!(told.recv_timeout(DEADLINE), Ok(99));
}

const DEADLINE: Duration = Duration::from_secs(20);
