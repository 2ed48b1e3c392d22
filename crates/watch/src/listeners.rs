//! The ports on which programs listen, and the programs, where the system lets this user see them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use lastword_sys::diag::{Family, Sockets, TcpState};

/// A port on which somebody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The processes that hold it, each once. Empty where they belong to another user, unless this is root.
    pub processes: Vec<Process>,
    /// Connections that the program has not accepted yet.
    pub waiting: u32,
}

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, of at most 15 bytes (`/proc/PID/comm`).
    pub name: String,
}

impl Process {
    /// Returns whether `wanted` is its number or its name.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        // The kernel cuts names after 15 bytes.
        let cut = wanted.get(..NAME_BYTES).unwrap_or(wanted);
        wanted.parse() == Ok(self.pid) || self.name == cut
    }
}

/// Returns all ports on which somebody listens in this thread's network namespace, by number.
///
/// # Errors
/// The error of the system, where it has no `sock_diag`.
pub fn listeners() -> io::Result<Vec<Listener>> {
    let mut sockets = Sockets::open()?;
    let mut found = BTreeMap::new();
    for family in Family::ALL {
        sockets.dump(family, None, &[TcpState::Listen], |socket| {
            let (inodes, waiting) = found.entry(socket.local.port()).or_insert((Vec::new(), 0));
            inodes.push(socket.inode);
            *waiting += socket.unread;
        })?;
    }
    let holders = holders(Path::new("/proc"));
    let listener = |(port, (inodes, waiting)): (u16, (Vec<u32>, u32))| {
        let mut processes: Vec<_> = inodes
            .iter()
            .filter_map(|inode| holders.get(inode))
            .flatten()
            .cloned()
            .collect();
        processes.sort_unstable();
        processes.dedup();
        Listener {
            port,
            processes,
            waiting,
        }
    };
    Ok(found.into_iter().map(listener).collect())
}

/// The processes that hold each socket. A process that ends meanwhile, or that belongs to another user, is left out.
fn holders(proc: &Path) -> HashMap<u32, Vec<Process>> {
    let mut holders: HashMap<u32, Vec<Process>> = HashMap::new();
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let name = || {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            name.trim_end().to_owned()
        };
        let files = fs::read_dir(entry.path().join("fd"));
        let inodes = files.into_iter().flatten().flatten().filter_map(|file| {
            let target = fs::read_link(file.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            inode.strip_suffix(']')?.parse().ok()
        });
        for inode in inodes {
            let name = name();
            holders
                .entry(inode)
                .or_default()
                .push(Process { pid, name });
        }
    }
    holders
}

/// `TASK_COMM_LEN` of the kernel, without the last zero.
const NAME_BYTES: usize = 15;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process;

    use super::*;

    #[test]
    fn a_port_of_this_process_is_found_with_its_name_and_its_queue() {
        for ip in ["127.0.0.1", "::1"] {
            let listener = TcpListener::bind((ip, 0)).expect("loopback");
            let addr = listener.local_addr().expect("bound");
            let waits = TcpStream::connect(addr).expect("it listens");
            let all = listeners().expect("the kernel answers");
            let found = all.iter().find(|found| found.port == addr.port());
            let found = found.expect("it listens");
            assert_eq!(found.waiting, 1);
            let own = found
                .processes
                .iter()
                .find(|found| found.pid == process::id());
            let own = own.expect("its files can be seen");
            assert!(own.is(&own.name) && own.is(&own.pid.to_string()));
            assert!(!own.is("another"));
            drop(waits);
        }
    }

    #[test]
    fn a_long_name_is_compared_as_the_kernel_cuts_it() {
        let process = Process {
            pid: 7,
            name: "a-game-server-w".to_owned(),
        };
        assert!(process.is("a-game-server-with-a-long-name"));
        assert!(!process.is("a-game-server"));
    }
}
