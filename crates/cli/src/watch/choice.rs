//! Which ports are watched, and the errors where there is nothing to watch.

use std::io;

use anyhow::anyhow;
use lastword::evidence::OsError;
use lastword_watch::{Listener, listeners};

use super::WatchArgs;
use crate::Failure;

/// Returns the ports of the arguments, each once.
pub(super) fn ports(args: &WatchArgs) -> Result<Vec<u16>, Failure> {
    let mut ports = args.port.clone();
    if args.port.is_empty() || !args.process.is_empty() {
        let all = listeners().map_err(|error| unable(&error))?;
        if args.port.is_empty() && args.process.is_empty() {
            return Err(Failure::Usage(nothing_chosen(&all)));
        }
        for wanted in &args.process {
            let of_process = all.iter().filter(|listener| has(listener, wanted));
            let found: Vec<_> = of_process.map(|listener| listener.port).collect();
            if found.is_empty() {
                return Err(Failure::Usage(not_found(wanted, &all)));
            }
            ports.extend(found);
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}

/// The error where the kernel tells nothing.
pub(super) fn unable(error: &io::Error) -> Failure {
    let why = OsError::in_words(error);
    Failure::Runtime(anyhow!(
        "the kernel does not tell of sockets here (sock_diag over netlink): {why}; this needs Linux 5.4 or newer, and a \
         sandbox may forbid it"
    ))
}

fn has(listener: &Listener, wanted: &str) -> bool {
    listener.processes.iter().any(|process| process.is(wanted))
}

fn nothing_chosen(all: &[Listener]) -> Vec<String> {
    let mut lines =
        vec!["lastword: choose what to watch: --port PORT, or --process NAME".to_owned()];
    lines.extend(listed(all));
    lines
}

fn not_found(wanted: &str, all: &[Listener]) -> Vec<String> {
    let mut lines = vec![format!(
        "lastword: --process {wanted}: no such program listens on a port here, or it belongs to another user; --port works \
         for every program"
    )];
    lines.extend(listed(all));
    lines
}

/// A line for each port on which somebody listens.
fn listed(all: &[Listener]) -> Vec<String> {
    if all.is_empty() {
        return vec!["nobody listens on a TCP port in this network namespace".to_owned()];
    }
    let line = |listener: &Listener| {
        let names: Vec<_> = listener
            .processes
            .iter()
            .map(|process| format!("{} ({})", process.name, process.pid))
            .collect();
        let names = match names.is_empty() {
            true => "a program of another user".to_owned(),
            false => names.join(", "),
        };
        format!("  {:>5}  {names}", listener.port)
    };
    let lines = all.iter().map(line);
    std::iter::once("these ports have a listener:".to_owned())
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use lastword_watch::Process;

    use super::*;

    #[test]
    fn each_port_is_listed_with_its_programs() {
        let nginx = Process {
            pid: 7,
            name: "nginx".to_owned(),
        };
        let all = [
            Listener {
                port: 80,
                processes: vec![nginx],
                waiting: 0,
            },
            Listener {
                port: 6_379,
                processes: Vec::new(),
                waiting: 0,
            },
        ];
        assert_eq!(
            nothing_chosen(&all)[1..],
            [
                "these ports have a listener:",
                "     80  nginx (7)",
                "   6379  a program of another user",
            ]
        );
        assert!(not_found("redis", &[])[1].starts_with("nobody listens"));
    }
}
