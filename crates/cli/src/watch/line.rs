//! A line for each end, for people and for pipes.

use std::time::{Duration, UNIX_EPOCH};

use lastword_watch::Record;

/// The time in UTC, the port, the peer's network, the cause and how sure it is, and what was counted.
pub(super) fn of(record: &Record) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(record.at_ms);
    let at = humantime::format_rfc3339_millis(at).to_string();
    let network = record.network.as_deref().unwrap_or("unknown");
    let mut line = format!(
        "{} {:<5} {network:<18} {:<25} {:<8} {} B in, {} B out",
        at.get(11..23).unwrap_or(&at),
        record.port,
        record.cause,
        record.certainty,
        record.bytes_received,
        record.bytes_acked,
    );
    for (count, words) in [
        (record.bytes_unread, "B not read by the server"),
        (record.bytes_unacked, "B never acknowledged"),
        (record.retransmits.into(), "retransmissions"),
        (record.probes.into(), "probes without an answer"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {words}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_is_not_zero() {
        let record = Record {
            at_ms: 1_764_590_400_123,
            port: 7_000,
            network: Some("192.0.2.0/24".to_owned()),
            cause: "path_dead",
            certainty: "proven",
            words: "",
            states: Vec::new(),
            bytes_received: 12,
            bytes_acked: 34,
            bytes_unread: 0,
            bytes_unacked: 56,
            last_data_ms: 0,
            retransmits: 7,
            probes: 0,
            send_window_bytes: 0,
        };
        assert_eq!(
            of(&record),
            "12:00:00.123 7000  192.0.2.0/24       path_dead                 proven   12 B in, 34 B out, 56 B never \
             acknowledged, 7 retransmissions"
        );
    }
}
