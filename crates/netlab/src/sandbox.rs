//! The way into new namespaces: tries which one this system allows.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;
use std::sync::OnceLock;

use crate::skip::Skip;

/// Makes the command that runs `program` in new namespaces, where [`Lab::new`](crate::Lab::new) works.
///
/// The namespaces end with the program. The program and every process that it started end with the thread that starts
/// the command.
///
/// # Errors
///
/// The reason why labs are not possible here, as [`Lab::available`](crate::Lab::available) returns it.
pub fn sandboxed(program: impl AsRef<OsStr>) -> Result<Command, Skip> {
    Ok(Sandbox::find()?.command(program))
}

/// How a program gets its own namespaces. A process with several threads cannot enter a user namespace, so the programs
/// of util-linux do that first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sandbox {
    /// As root of a user namespace: any user may do this, unless the system forbids it.
    UserNamespace,
    /// As root of the machine, where user namespaces are forbidden.
    Root,
}

impl Sandbox {
    /// Finds the way that works here, once for each process.
    pub(crate) fn find() -> Result<Self, Skip> {
        static FOUND: OnceLock<Result<Sandbox, Skip>> = OnceLock::new();
        FOUND.get_or_init(Self::search).clone()
    }

    /// A command that runs `program` in namespaces that end with it. The program ends with the calling thread.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare"]);
        if matches!(self, Self::UserNamespace) {
            command.args(["--user", "--map-root-user"]);
        }
        // A process namespace, too: when its first process ends, all others end with it.
        command.args([
            "--net",
            "--mount",
            "--mount-proc",
            "--pid",
            "--fork",
            "--kill-child",
        ]);
        command.arg(program).env("PATH", search_path());
        command
    }

    fn search() -> Result<Self, Skip> {
        Self::UserNamespace
            .attempt()
            .or_else(|skip| Self::Root.attempt().map_err(|_| skip))
    }

    fn attempt(self) -> Result<Self, Skip> {
        let output = self.command("sh").args(["-c", ATTEMPT]).output();
        let output =
            output.map_err(|error| Skip::new(&format!("no network lab here: setpriv: {error}")))?;
        if output.status.success() {
            return Ok(self);
        }
        Err(Skip::new(&format!(
            "no network lab here: {}",
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

/// The path of an unprivileged user often lacks the directories of `ip` and `nft`.
fn search_path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

/// Tries everything that a lab needs, once.
const ATTEMPT: &str = "set -e
unshare --net true
ip link add attempt type veth
nft add table inet attempt
ss -H -t
echo 1 >/proc/sys/net/ipv4/ip_forward";
