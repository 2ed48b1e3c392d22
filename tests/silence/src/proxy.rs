//! A real proxy in the router, between the clients' cable and the server's. Its kernel answers for the players.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lastword_netlab::{Host, Lab, Skip};

use crate::messages::Stamp;

/// A proxy of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proxying {
    pub(crate) program: Program,
    /// Whether a reload ends the connections of the proxy's old processes after a second; by default they stay as long
    /// as their ends.
    pub(crate) ends_old: bool,
}

/// A program that passes on TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Haproxy,
    Nginx,
}

/// A running proxy; its processes end when this value is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    program: Program,
    processes: Vec<Child>,
    addr: SocketAddr,
    file: PathBuf,
}

impl Proxying {
    /// Starts the proxy in front of a server.
    pub(crate) fn start(self, lab: &Lab, server: SocketAddr) -> anyhow::Result<Proxy> {
        self.program.require()?;
        let addr = SocketAddr::new(lab.gateway(Host::Client), PORT);
        let file = scratch_file();
        fs::write(&file, self.config(&file, addr, server))?;
        let mut proxy = Proxy {
            program: self.program,
            processes: Vec::new(),
            addr,
            file,
        };
        proxy.run(lab, &[])?;
        await_listener(lab)?;
        Ok(proxy)
    }

    /// No other timeout of the proxy's own expires during a scene.
    fn config(self, file: &Path, addr: SocketAddr, server: SocketAddr) -> String {
        let ending = match (self.program, self.ends_old) {
            (_, false) => "",
            (Program::Haproxy, true) => "hard-stop-after 1s",
            (Program::Nginx, true) => "worker_shutdown_timeout 1s;",
        };
        match self.program {
            Program::Haproxy => format!(
                "global\n    maxconn 4000\n    {ending}\n\
                 defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n\
                 listen players\n    bind {addr}\n    server game {server}\n"
            ),
            Program::Nginx => format!(
                "load_module {NGINX_STREAM};\ndaemon off;\nworker_processes 1;\npid {}.pid;\n{ending}\n\
                 error_log stderr error;\nevents {{ worker_connections 8000; }}\n\
                 stream {{ server {{ listen {addr}; proxy_pass {server}; proxy_timeout 1h; }} }}\n",
                file.display()
            ),
        }
    }
}

impl Program {
    fn require(self) -> Result<(), Skip> {
        let (name, needed) = match self {
            Self::Haproxy => ("haproxy", "/usr/sbin/haproxy"),
            Self::Nginx => ("nginx with its stream module", NGINX_STREAM),
        };
        if Path::new(needed).exists() {
            return Ok(());
        }
        let reason = format!("{name} is not installed (scripts/setup.sh installs it)");
        Err(Skip::new(&reason))
    }

    /// In a user namespace nginx cannot become another user, and it tries so only as root.
    fn command(self, file: &Path) -> Command {
        let mut command = match self {
            Self::Haproxy => Command::new("haproxy"),
            Self::Nginx => {
                let mut unshare = Command::new("unshare");
                unshare.args(["--user", "nginx", "-e", "stderr"]);
                unshare
            }
        };
        let options: &[&str] = match self {
            Self::Haproxy => &["-db", "-f"],
            Self::Nginx => &["-c"],
        };
        command.args(options).arg(file).stdin(Stdio::null());
        command
    }
}

impl Proxy {
    /// The address for the players.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets new processes take over the listener, as after a change of the configuration.
    pub(crate) fn reload(&mut self, lab: &Lab) -> anyhow::Result<()> {
        match self.program {
            Program::Haproxy => {
                let old = self.processes.last().context("there is no old process")?;
                self.run(lab, &["-sf", &old.id().to_string()])
            }
            Program::Nginx => {
                let mut command = self.program.command(&self.file);
                let status = lab.on_router(|| command.args(["-s", "reload"]).status())?;
                ensure!(status.success(), "nginx does not reload: {status}");
                Ok(())
            }
        }
    }

    fn run(&mut self, lab: &Lab, options: &[&str]) -> anyhow::Result<()> {
        let mut command = self.program.command(&self.file);
        let process = lab.on_router(|| command.args(options).spawn());
        self.processes.push(process.context("the proxy")?);
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // SIGTERM, since only then does nginx end its workers, too.
            let told = Command::new("kill").arg(process.id().to_string()).status();
            if !told.is_ok_and(|status| status.success()) {
                // This fails if the process has already ended.
                process.kill().ok();
            }
            process.wait().ok();
        }
        fs::remove_file(&self.file).ok();
    }
}

fn scratch_file() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!(
        "lastword-silence-proxy-{}-{:x}-{number}.conf",
        process::id(),
        Stamp::now().0
    ))
}

/// Asks the kernel. A connection attempt would be a player to the server behind the proxy.
fn await_listener(lab: &Lab) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = lab.on_router(listeners)?;
        if listed.contains(&format!(":{PORT} ")) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the proxy does not listen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn listeners() -> io::Result<String> {
    let output = Command::new("ss").args(["-H", "-l", "-t", "-n"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where Debian's package puts it.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
const PORT: u16 = 7_100;
const PATIENCE: Duration = Duration::from_secs(10);
