//! One network namespace: its own thread makes it, a descriptor keeps it alive, and later threads enter it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::panic;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use crate::host::{IPV6_SETTINGS, has_ipv6};

#[derive(Debug)]
pub(crate) struct Namespace {
    name: &'static str,
    file: File,
}

impl Namespace {
    /// Makes a namespace that contains only a loopback interface, which is up.
    pub(crate) fn new(name: &'static str) -> io::Result<Self> {
        let file = on_a_thread(name, || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            use_addresses_at_once()?;
            File::open("/proc/thread-self/ns/net")
        })?;
        let namespace = Self { name, file };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Runs `work` on a new thread inside: its sockets, children and threads belong to this namespace.
    pub(crate) fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        on_a_thread(self.name, || {
            setns(&self.file, CloneFlags::CLONE_NEWNET)?;
            work()
        })
    }

    /// Runs lines of `ip` commands inside, up to the first one that fails.
    pub(crate) fn ip(&self, lines: &str) -> io::Result<()> {
        self.feed("ip", &["-batch", "-"], lines).map(drop)
    }

    /// Runs lines of `ip` commands of IPv6 inside, where a line itself does not show the family.
    pub(crate) fn ip_v6(&self, lines: &str) -> io::Result<()> {
        self.feed("ip", &["-6", "-batch", "-"], lines).map(drop)
    }

    /// Runs a program inside with `input` as its standard input, and returns what it printed.
    pub(crate) fn feed(&self, program: &str, args: &[&str], input: &str) -> io::Result<String> {
        let output = self.enter(|| {
            let mut child = Command::new(program)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(input.as_bytes())?;
            }
            child.wait_with_output()
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!(
            "{program} in {}: {}\n{input}",
            self.name,
            complaint.trim()
        )))
    }

    /// Reads the state of an interface.
    pub(crate) fn link(&self, interface: &str) -> io::Result<Link> {
        let shown = self.feed("ip", &["-oneline", "link", "show", "dev", interface], "")?;
        let is_up = shown.split(['<', ',', '>']).any(|flag| flag == "UP");
        Ok(match is_up {
            false => Link::Down,
            // For a moment after it got its carrier, the interface may still discard packets silently.
            true if shown.contains("state UP") && !shown.contains("qdisc noop ") => Link::Sending,
            true => Link::Waiting,
        })
    }

    /// Returns whether an interface uses its IPv6 addresses, or has none. The kernel makes the link-local one, which a
    /// router needs to find neighbours, some time after the interface is up.
    pub(crate) fn uses_ipv6(&self, interface: &str) -> io::Result<bool> {
        if !has_ipv6() {
            return Ok(true);
        }
        let shown = self.feed(
            "ip",
            &["-6", "-oneline", "addr", "show", "dev", interface],
            "",
        )?;
        Ok(shown.contains("scope link") && !shown.contains("tentative"))
    }

    /// Returns a path with which another process can open this namespace.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.file.as_raw_fd())
    }
}

/// The state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// An administrator has taken it down.
    Down,
    /// It has no carrier yet, or does not send yet.
    Waiting,
    Sending,
}

/// Ends the wait of a second or two in which the kernel looks for duplicates of a new IPv6 address.
fn use_addresses_at_once() -> io::Result<()> {
    if !has_ipv6() {
        return Ok(());
    }
    fs::write(Path::new(IPV6_SETTINGS).join("default/accept_dad"), "0")
}

/// A namespace is a property of a thread. So each visit uses a new thread, and no other thread ever changes its
/// namespace.
fn on_a_thread<T: Send>(name: &str, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let visit = thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, work)?;
        visit
            .join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}
