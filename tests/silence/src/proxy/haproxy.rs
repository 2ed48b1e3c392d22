//! HAProxy in the router, between the clients' cable and the server's.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lastword_netlab::{Host, Lab};

/// A running proxy; it ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Haproxy {
    process: Child,
    addr: SocketAddr,
    file: PathBuf,
}

impl Haproxy {
    /// Starts a proxy in front of a server.
    pub(super) fn start(lab: &Lab, server: SocketAddr) -> anyhow::Result<Self> {
        let addr = SocketAddr::new(lab.gateway(Host::Client), PORT);
        let file = scratch_file();
        fs::write(&file, config(addr, server))?;
        let process = lab.on_router(|| {
            Command::new("haproxy")
                .arg("-db")
                .arg("-f")
                .arg(&file)
                .stdin(Stdio::null())
                .spawn()
        });
        let proxy = Self {
            process: process.context("haproxy (scripts/setup.sh installs it)")?,
            addr,
            file,
        };
        await_listener(lab)?;
        Ok(proxy)
    }

    /// The address for the players.
    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // Both calls fail if the process has already ended.
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_file(&self.file).ok();
    }
}

/// No timeout of HAProxy's own expires during a scene.
fn config(addr: SocketAddr, server: SocketAddr) -> String {
    format!(
        "global\n    maxconn 4000\n\
         defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n\
         listen players\n    bind {addr}\n    server game {server}\n"
    )
}

fn scratch_file() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!(
        "lastword-silence-haproxy-{}-{:x}-{number}.cfg",
        process::id(),
        crate::messages::Stamp::now().0
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
        ensure!(Instant::now() < deadline, "haproxy does not listen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn listeners() -> io::Result<String> {
    let output = Command::new("ss").args(["-H", "-l", "-t", "-n"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

const PORT: u16 = 7_100;
const PATIENCE: Duration = Duration::from_secs(10);
