//! Records as a JSON array that is written while the client reads: only a chunk of it is in memory at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use lastword_server::Disconnect;

/// The body of an answer.
pub(super) struct Array {
    closes: IntoIter<Arc<Disconnect>>,
    /// The byte before the next record.
    before: u8,
    written: bool,
    /// A chunk was written in this turn of the task.
    had_its_turn: bool,
}

impl Array {
    pub(super) fn new(closes: Vec<Arc<Disconnect>>) -> Self {
        Self {
            closes: closes.into_iter(),
            before: b'[',
            written: false,
            had_its_turn: false,
        }
    }

    fn chunk(&mut self) -> Result<Bytes, serde_json::Error> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + RECORD_BYTES);
        while chunk.len() < CHUNK_BYTES && !self.written {
            if let Some(close) = self.closes.next() {
                chunk.push(std::mem::replace(&mut self.before, b','));
                serde_json::to_writer(&mut chunk, &close.record())?;
            } else {
                let end: &[u8] = if self.before == b'[' { b"[]" } else { b"]" };
                chunk.extend_from_slice(end);
                self.written = true;
            }
        }
        Ok(chunk.into())
    }
}

impl Body for Array {
    type Data = Bytes;
    type Error = serde_json::Error;

    /// Gives other tasks a turn between two chunks: all ten thousand records take tens of milliseconds.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        if self.written {
            return Poll::Ready(None);
        }
        self.had_its_turn = !self.had_its_turn;
        if !self.had_its_turn {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(self.chunk().map(Frame::data)))
    }
}

const CHUNK_BYTES: usize = 32 * 1024;
/// The approximate length of a record as text.
const RECORD_BYTES: usize = 1_200;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::super::ring::tests::close;
    use super::*;

    /// The array, and the length of its longest chunk.
    async fn read(mut array: Array) -> (Vec<serde_json::Value>, usize) {
        let (mut all, mut longest) = (Vec::new(), 0);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut array).poll_frame(cx)).await {
            let chunk = frame.unwrap().into_data().unwrap();
            longest = longest.max(chunk.len());
            all.extend_from_slice(&chunk);
        }
        (serde_json::from_slice(&all).unwrap(), longest)
    }

    #[tokio::test]
    async fn it_has_every_record_in_order_and_is_never_held_as_a_whole() {
        for count in [0, 1, 500] {
            let (records, longest) = read(Array::new((1..=count).map(close).collect())).await;
            let seqs = records.iter().map(|record| record["seq"].as_u64().unwrap());
            assert!(seqs.eq(1..=count), "{count}");
            assert!(longest <= 2 * CHUNK_BYTES, "{longest}");
        }
    }
}
