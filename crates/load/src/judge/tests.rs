use lastword_session::{Cause, Phase};

use super::*;
use crate::{Fault, Way};

/// A server that counts and records its clients correctly, until a test changes its counts.
struct Server {
    judge: Judge,
    scrape: Scrape,
    seq: u64,
}

impl Server {
    fn start() -> Self {
        let client_addrs = ClientAddrs::towards("127.0.0.1:7000".parse().unwrap(), 1_000);
        let scrape = Scrape::default();
        Self {
            judge: Judge::new(client_addrs, 0, scrape.clone()),
            scrape,
            seq: 0,
        }
    }

    /// Plays a client that sent three frames. Returns the record that the server must write.
    fn client(&mut self, n: u32, way: &str) -> Record {
        let way = Way::find(way).unwrap();
        let mut played = Played::new(n, way);
        let local = format!("127.1.0.{n}:4000").parse().unwrap();
        (played.local, played.frames) = (Some(local), 3);
        self.judge.played(played);
        self.scrape.opened += 1;
        self.seq += 1;
        Record {
            seq: self.seq,
            cause: way.truth.cause,
            phase: way.truth.phase,
            remote: local,
            session: None,
            player: None,
            frames_in: 3,
            frames_undelivered: 0,
            silent_ms: None,
            own_stall_ms: 0,
        }
    }

    fn count(&mut self, record: &Record) {
        let cause = record.cause.label().to_owned();
        let ending = (cause.clone(), record.phase.label().to_owned());
        *self.scrape.disconnects.entry(ending).or_default() += 1;
        if record.phase == Phase::Live {
            self.scrape.joined += 1;
            *self.scrape.departures.entry(cause).or_default() += 1;
        }
    }

    fn record(&mut self, record: Record) {
        let records = vec![record];
        self.judge.page(Page { records, missed: 0 });
    }

    /// Counts and records an end.
    fn end(&mut self, record: Record) {
        self.count(&record);
        self.record(record);
    }

    /// Returns the mismatches and their numbers.
    fn findings(mut self) -> Vec<(Kind, u64)> {
        self.judge.scrape(self.scrape.clone());
        self.judge.close();
        let findings = self.judge.findings.iter();
        findings
            .map(|(kind, finding)| (*kind, finding.count))
            .collect()
    }
}

#[test]
fn nothing_is_found_where_everything_is_recorded_as_it_was_done() {
    let mut server = Server::start();
    for (n, way) in (1..).zip(Way::all()) {
        let record = server.client(n, way.name);
        server.end(record);
    }
    server.judge.scrape(server.scrape.clone());
    assert!(server.judge.is_settled());
    assert_eq!(server.findings(), []);
}

#[test]
fn a_record_may_come_before_its_client_has_told_what_it_did() {
    let mut server = Server::start();
    let first = server.client(1, "fin");
    server.end(first.clone());
    let early = Record {
        seq: 2,
        remote: "127.1.0.2:4000".parse().unwrap(),
        ..first
    };
    server.end(early);
    server.client(2, "fin");
    assert_eq!(server.findings(), []);
}

#[test]
fn a_fin_reported_for_a_reset_is_found() {
    let mut server = Server::start();
    let mut record = server.client(1, "reset");
    record.cause = Cause::PeerFin;
    server.end(record);
    assert_eq!(server.findings(), [(Kind::WrongCause, 1)]);
}

#[test]
fn a_right_cause_in_a_wrong_phase_is_found() {
    let mut server = Server::start();
    let mut record = server.client(1, "auth_fin");
    record.phase = Phase::Hello;
    server.end(record);
    assert_eq!(server.findings(), [(Kind::WrongCause, 1)]);
}

#[test]
fn a_close_that_is_counted_and_recorded_twice_is_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record.clone());
    server.end(Record { seq: 2, ..record });
    let found = [(Kind::RecordedTwice, 1), (Kind::LawBroken, 1)];
    assert_eq!(server.findings(), found);
}

#[test]
fn a_record_that_comes_again_is_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record.clone());
    server.record(record);
    let found = [
        (Kind::RecordedTwice, 1),
        (Kind::SequenceBroken, 1),
        (Kind::CountersDiffer, 2),
    ];
    assert_eq!(server.findings(), found);
}

#[test]
fn a_close_that_is_only_counted_twice_is_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record.clone());
    server.count(&record);
    let found = [(Kind::LawBroken, 1), (Kind::CountersDiffer, 2)];
    assert_eq!(server.findings(), found);

    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record.clone());
    server.count(&record);
    // The mismatch is found even if the counters are changed to keep the law.
    server.scrape.opened += 1;
    assert_eq!(server.findings(), [(Kind::CountersDiffer, 2)]);
}

#[test]
fn a_gap_in_the_sequence_is_found() {
    let mut server = Server::start();
    let mut record = server.client(1, "fin");
    record.seq = 2;
    server.end(record);
    assert_eq!(server.findings(), [(Kind::SequenceBroken, 1)]);
}

#[test]
fn records_that_were_gone_before_they_were_read_are_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record);
    let missed = Page {
        records: Vec::new(),
        missed: 7,
    };
    server.judge.page(missed);
    assert_eq!(server.findings(), [(Kind::RecordsMissed, 1)]);
}

#[test]
fn a_frame_dropped_at_the_drain_is_found() {
    let mut server = Server::start();
    let mut record = server.client(1, "goodbye");
    record.frames_in = 2;
    server.end(record);
    assert_eq!(server.findings(), [(Kind::FramesDiffer, 1)]);
}

#[test]
fn a_frame_that_the_game_never_took_is_found() {
    let mut server = Server::start();
    let mut record = server.client(1, "goodbye");
    record.frames_undelivered = 1;
    server.end(record);
    assert_eq!(server.findings(), [(Kind::FramesDiffer, 1)]);
}

#[test]
fn a_frame_that_was_received_and_never_handed_to_the_game_is_found() {
    for (taken, found) in [(3, vec![]), (2, vec![(Kind::FramesDiffer, 1)])] {
        let mut server = Server::start();
        let record = server.client(1, "reset");
        server.end(record);
        server.judge.taken(taken);
        assert_eq!(server.findings(), found);
    }
}

#[test]
fn a_session_left_open_is_found() {
    let mut server = Server::start();
    server.client(1, "fin");
    server.scrape.open += 1;
    server.scrape.joined += 1;
    server.scrape.sessions_open += 1;
    assert_eq!(server.judge.waiting(), 1);
    let found = [(Kind::NotRecorded, 1), (Kind::LeftOpen, 2)];
    assert_eq!(server.findings(), found);
}

#[test]
fn a_connection_that_is_counted_as_opened_twice_and_stays_open_is_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record);
    // The law still holds.
    server.scrape.opened += 1;
    server.scrape.open += 1;
    server.judge.scrape(server.scrape.clone());
    assert!(!server.judge.is_settled());
    assert_eq!(server.findings(), [(Kind::LeftOpen, 1)]);
}

#[test]
fn a_law_that_is_broken_for_a_moment_is_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.judge.scrape(server.scrape.clone());
    server.end(record);
    assert_eq!(server.findings(), [(Kind::LawBroken, 1)]);
}

#[test]
fn counters_that_run_backwards_are_found() {
    let mut server = Server::start();
    let record = server.client(1, "fin");
    server.end(record);
    server.judge.scrape(server.scrape.clone());
    server.judge.scrape(Scrape::default());
    assert_eq!(server.findings(), [(Kind::LawBroken, 1)]);
}

#[test]
fn a_client_with_a_fault_is_reported_and_its_record_is_not_judged() {
    let mut server = Server::start();
    let mut played = Played::new(1, Way::find("kicked").unwrap());
    played.local = Some("127.1.0.1:4000".parse().unwrap());
    played.fault = Some(Fault::OtherGoodbye {
        due: 4_711,
        heard: None,
    });
    server.judge.played(played);
    let mut record = server.client(2, "fin");
    server.scrape.opened += 1;
    server.end(record.clone());
    (record.seq, record.remote) = (2, "127.1.0.1:4000".parse().unwrap());
    server.end(record);
    assert_eq!(server.findings(), [(Kind::ClientFault, 1)]);
}

#[test]
fn a_client_outside_the_storm_is_a_stranger_and_is_counted() {
    let mut server = Server::start();
    let mut record = server.client(1, "fin");
    server.end(record.clone());
    (record.seq, record.remote) = (2, "127.0.0.1:4000".parse().unwrap());
    server.scrape.opened += 1;
    server.end(record);
    server.judge.scrape(server.scrape.clone());
    server.judge.close();
    assert_eq!(server.judge.figures.strangers, 1);
    assert!(server.judge.findings.is_empty());
}
