use std::collections::VecDeque;
use std::io::Write;

use super::*;

/// A stream that answers each write as the test says, and takes everything once the test has said enough.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Result<usize, i32>>,
    taken: Vec<u8>,
    /// It can take bytes back, as a file can.
    is_file: bool,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self.answers.pop_front() {
            None => bytes.len(),
            Some(Ok(count)) => count,
            Some(Err(code)) => return Err(io::Error::from_raw_os_error(code)),
        };
        self.taken.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Scripted {
    fn wait(&self) {}

    fn take_back(&mut self, written: usize) -> bool {
        if self.is_file {
            self.taken.truncate(self.taken.len() - written);
        }
        self.is_file
    }
}

/// Writes three lines, and returns the result of each and what the stream took.
fn three_lines(answers: &[Result<usize, i32>]) -> ([Outcome; 3], String) {
    three_lines_on(&mut output(answers))
}

fn three_lines_on(output: &mut Output<Scripted>) -> ([Outcome; 3], String) {
    let outcomes = ["one\n", "two\n", "three\n"].map(|line| output.write_line(line.as_bytes()));
    let taken = output.stream.taken.clone();
    (outcomes, String::from_utf8(taken).unwrap())
}

fn output(answers: &[Result<usize, i32>]) -> Output<Scripted> {
    let stream = Scripted {
        answers: answers.iter().copied().collect(),
        ..Scripted::default()
    };
    Output::new(stream, b"")
}

const ALL: [Outcome; 3] = [Outcome::Written; 3];
const SECOND_LOST: [Outcome; 3] = [Outcome::Written, Outcome::Lost, Outcome::Written];

#[test]
fn a_line_waits_for_an_error_that_may_pass_and_goes_on_where_it_was_cut_off() {
    let errors = [
        ("EINTR", 4),
        ("EAGAIN", 11),
        ("ENOMEM", 12),
        ("EFBIG", 27),
        ("ENOSPC", 28),
        ("EDQUOT", 122),
    ];
    for (name, code) in errors {
        let answers = [Ok(4), Err(code), Ok(2), Err(code), Err(code), Ok(0), Ok(1)];
        let written = three_lines(&answers);
        assert_eq!(written, (ALL, "one\ntwo\nthree\n".to_owned()), "{name}");
    }
}

#[test]
fn a_line_that_was_not_begun_is_lost_if_its_reader_has_gone() {
    for (name, code) in [("EIO", 5), ("EPIPE", 32), ("ECONNRESET", 104)] {
        let written = three_lines(&[Ok(4), Err(code)]);
        assert_eq!(written, (SECOND_LOST, "one\nthree\n".to_owned()), "{name}");
    }
}

#[test]
fn an_output_that_gives_up_waits_no_longer_and_leaves_no_half_line_in_a_file() {
    for (is_file, text) in [(true, "one\nthree\n"), (false, "one\ntwo\nthree\n")] {
        for code in [11, 28] {
            let mut output = output(&[Ok(4), Ok(2), Err(code)]);
            output.stream.is_file = is_file;
            output.gives_up().store(true, Ordering::Relaxed);
            let (outcomes, written) = three_lines_on(&mut output);
            assert_eq!(outcomes, if is_file { SECOND_LOST } else { ALL });
            assert_eq!(written, text);
        }
    }
}

/// As with a named pipe, whose next reader finds the begin of the line.
#[test]
fn a_line_that_was_begun_is_completed_before_the_next_one() {
    let (outcomes, text) = three_lines(&[Ok(4), Ok(2), Err(32)]);
    assert_eq!((outcomes, text.as_str()), (ALL, "one\ntwo\nthree\n"));
    // The reader is still gone when the third line comes, so that one is lost.
    let (outcomes, text) = three_lines(&[Ok(2), Err(32), Ok(1), Err(32)]);
    assert_eq!((outcomes, text.as_str()), (SECOND_LOST, "one\nthree\n"));
}
