//! The log lines of this process as JSON. All tests share them, because callsites are global: a test filters by its
//! server.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, MutexGuard};

use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::fmt;

/// The lines that are written from now on.
pub(crate) struct Log {
    from: usize,
}

/// A line as text and parsed.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) fields: Map<String, Value>,
}

impl Log {
    pub(crate) fn start() -> Self {
        LazyLock::force(&WRITING);
        Self {
            from: written().len(),
        }
    }

    /// The lines about closes of this listener, in the order of their numbers.
    pub(crate) fn closes(&self, listener: SocketAddr) -> Vec<Line> {
        let mut lines = self.lines("lastword::close");
        let listener = listener.to_string();
        lines.retain(|line| line.fields["listener"] == listener);
        lines.sort_by_key(|line| line.fields["seq"].as_u64());
        lines
    }

    /// The lines with this target.
    pub(crate) fn lines(&self, target: &str) -> Vec<Line> {
        let written = written();
        let lines = std::str::from_utf8(&written[self.from..]).unwrap().lines();
        let mut lines: Vec<_> = lines.map(Line::new).collect();
        lines.retain(|line| line.fields["target"] == target);
        lines
    }
}

impl Log {
    /// How many lines contain these words.
    pub(crate) fn lines_with(&self, words: &str) -> usize {
        let written = written();
        let lines = std::str::from_utf8(&written[self.from..]).unwrap().lines();
        lines.filter(|line| line.contains(words)).count()
    }
}

impl Line {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            fields: serde_json::from_str(text).unwrap(),
        }
    }
}

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static WRITING: LazyLock<()> = LazyLock::new(|| {
    let lines = fmt().json().flatten_event(true);
    let lines = lines.with_max_level(LevelFilter::DEBUG);
    lines.with_writer(|| Writer).init();
});

fn written() -> MutexGuard<'static, Vec<u8>> {
    WRITTEN.lock().unwrap()
}

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        written().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
