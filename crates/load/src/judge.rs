//! The judge: compares the clients' endings, the server's records and its counters. It makes no requests: its inputs
//! may come in any order, and it reports the mismatches at the end.

mod counter_check;
mod findings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::net::SocketAddr;

use crate::client_addrs::ClientAddrs;
use crate::clients::Played;
use crate::pairs::Pairs;
use crate::{Ending, Expected, Page, Record, Scrape};
use counter_check::CounterCheck;
pub use findings::{Finding, Findings, Kind};

/// How often each truth was recorded as each ending.
pub(crate) type Matrix = BTreeMap<(u16, u8, u16, u8), (Ending, Ending, u64)>;

/// The judge of one storm.
#[derive(Debug)]
pub(crate) struct Judge {
    client_addrs: ClientAddrs,
    pairs: Pairs<SocketAddr, Played, Record>,
    /// The addresses of all clients.
    known: HashSet<SocketAddr>,
    counters: CounterCheck,
    last_seq: u64,
    pub(crate) matrix: Matrix,
    pub(crate) findings: Findings,
    pub(crate) figures: Figures,
    /// How often each way was played.
    pub(crate) ways: BTreeMap<&'static str, u64>,
}

/// The totals of the storm.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connected: u64,
    pub(crate) frames: u64,
    pub(crate) echoed: u64,
    pub(crate) records: u64,
    /// Data frames that the server received, according to its records.
    pub(crate) received: u64,
    /// Records of connections that do not belong to the storm.
    pub(crate) strangers: u64,
    pub(crate) scrapes: u64,
}

impl Judge {
    /// Begins after the record `last_seq`, with the counters at `base`.
    pub(crate) fn new(client_addrs: ClientAddrs, last_seq: u64, base: Scrape) -> Self {
        Self {
            client_addrs,
            pairs: Pairs::default(),
            known: HashSet::new(),
            counters: CounterCheck::new(base),
            last_seq,
            matrix: Matrix::new(),
            findings: Findings::default(),
            figures: Figures::default(),
            ways: BTreeMap::new(),
        }
    }

    /// Adds the ending of a client.
    pub(crate) fn played(&mut self, played: Played) {
        if let Some(fault) = &played.fault {
            let words = format!("{}: {fault}", who(&played));
            self.findings.add(Kind::ClientFault, words);
        }
        self.figures.frames += played.frames;
        self.figures.echoed += played.echoed;
        let Some(local) = played.local else {
            return;
        };
        self.figures.connected += 1;
        *self.ways.entry(played.way.name).or_default() += 1;
        self.known.insert(local);
        if let Some((played, record)) = self.pairs.add_client(local, played) {
            self.compare(&played, &record);
        }
    }

    /// Adds the next records.
    pub(crate) fn page(&mut self, page: Page) {
        if page.missed > 0 {
            let words = format!("{} records were gone before they were read", page.missed);
            self.findings.add(Kind::RecordsMissed, words);
        }
        for record in page.records {
            self.in_sequence(record.seq);
            self.figures.records += 1;
            self.figures.received += record.frames_in;
            self.counters.recorded(&record);
            if let Some((played, record)) = self.pairs.add_record(record.remote, record) {
                self.compare(&played, &record);
            }
        }
    }

    /// Adds a scrape of the counters.
    pub(crate) fn scrape(&mut self, scrape: Scrape) {
        self.figures.scrapes += 1;
        if let Some(words) = self.counters.scraped(scrape) {
            self.findings.add(Kind::LawBroken, words);
        }
    }

    /// Adds the count of frames that the game was handed.
    pub(crate) fn taken(&mut self, count: u64) {
        let received = self.figures.received;
        if count != received {
            let words = format!("{count} frames were handed to the game, of {received} received");
            self.findings.add(Kind::FramesDiffer, words);
        }
    }

    /// The number of clients that have ended and have no record yet.
    pub(crate) fn waiting(&self) -> usize {
        self.pairs.clients().len()
    }

    /// Whether every connection has its record, every record is counted, and every connection has ended.
    pub(crate) fn is_settled(&self) -> bool {
        let counters = &self.counters;
        self.waiting() == 0 && counters.differences().is_empty() && counters.left_open().is_empty()
    }

    /// Ends the storm: every unmatched ending or record is now a mismatch.
    pub(crate) fn close(&mut self) {
        let (mut unrecorded, mut unmatched) = mem::take(&mut self.pairs).into_rest();
        unrecorded.sort_by_key(|played| played.n);
        unmatched.sort_by_key(|record| record.seq);
        for played in unrecorded {
            let words = format!("{}: it is still open, or its end was lost", who(&played));
            self.findings.add(Kind::NotRecorded, words);
        }
        for record in unmatched {
            let is_ours =
                self.client_addrs.have(record.remote.ip()) || self.known.contains(&record.remote);
            if is_ours {
                let words = format!(
                    "record {} is a second record of {}: {}",
                    record.seq,
                    record.remote,
                    record.ending()
                );
                self.findings.add(Kind::RecordedTwice, words);
            } else {
                self.figures.strangers += 1;
            }
        }
        for words in self.counters.differences() {
            self.findings.add(Kind::CountersDiffer, words);
        }
        for words in self.counters.left_open() {
            self.findings.add(Kind::LeftOpen, words);
        }
    }

    fn in_sequence(&mut self, seq: u64) {
        let due = self.last_seq + 1;
        if seq != due {
            let words = format!("record {seq} came, but {due} was expected");
            self.findings.add(Kind::SequenceBroken, words);
        }
        self.last_seq = seq;
    }

    fn compare(&mut self, played: &Played, record: &Record) {
        // A client that did not finish its way has no truth to compare.
        if played.fault.is_some() {
            return;
        }
        let (truth, recorded) = (played.way.truth, record.ending());
        let row = self.matrix.entry(key(truth, recorded));
        row.or_insert((truth, recorded, 0)).2 += 1;
        if let Some(deviation) = Expected::from(truth).deviation(recorded) {
            let words = format!("{}: {deviation}", who(played));
            self.findings.add(Kind::WrongCause, words);
        }
        let (sent, received) = (played.frames, record.frames_in);
        if sent != received {
            let words = format!("{}: {received} of its {sent} frames received", who(played));
            self.findings.add(Kind::FramesDiffer, words);
        }
        if record.frames_undelivered > 0 {
            let left = record.frames_undelivered;
            let words = format!(
                "{}: {left} of its frames never taken by the game",
                who(played)
            );
            self.findings.add(Kind::FramesDiffer, words);
        }
    }
}

fn key(truth: Ending, recorded: Ending) -> (u16, u8, u16, u8) {
    let Ending { cause, phase } = truth;
    let key = |ending: Ending| (ending.cause.code(), ending.phase as u8);
    let (recorded, recorded_phase) = key(recorded);
    (cause.code(), phase as u8, recorded, recorded_phase)
}

fn who(played: &Played) -> String {
    let (n, way) = (played.n, played.way.name);
    match played.local {
        Some(local) => format!("client {n} ({way}) at {local}"),
        None => format!("client {n} ({way})"),
    }
}
