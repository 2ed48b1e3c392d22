//! A real proxy in the router, between the client's cable and the server's. Its kernel answers for the clients.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::Host;
use crate::lab::Lab;
use crate::skip::Skip;

/// A proxy to be started in the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxying {
    /// The program.
    pub program: ProxyProgram,
    /// Words of the program's own configuration: at the end of HAProxy's `server` line, such as `send-proxy-v2`, or
    /// inside nginx's `server` block, such as `proxy_protocol on;`.
    pub options: &'static str,
    /// Whether a reload ends the connections of the proxy's old processes after a second; otherwise they stay as long as
    /// their ends.
    pub ends_old: bool,
}

/// A program that passes on TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProgram {
    /// HAProxy, in mode `tcp`.
    Haproxy,
    /// nginx, with its stream module.
    Nginx,
}

/// A running proxy; its processes end when this value is dropped.
#[derive(Debug)]
pub struct Proxy {
    program: ProxyProgram,
    processes: Vec<Child>,
    addr: SocketAddr,
    file: PathBuf,
}

impl Proxying {
    /// Starts the proxy in front of a server, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] around a [`Skip`] where the program is not installed. Otherwise when it does not
    /// start or does not listen in time.
    pub fn start(self, lab: &Lab, server: SocketAddr) -> io::Result<Proxy> {
        self.start_as(lab, server, None)
    }

    /// Starts the proxy so that it ends the TLS of its clients, and passes plain bytes on to the server. `pem` is its
    /// certificate with the key.
    ///
    /// # Errors
    ///
    /// As [`Proxying::start`].
    pub fn start_with_tls(self, lab: &Lab, server: SocketAddr, pem: &str) -> io::Result<Proxy> {
        self.start_as(lab, server, Some(pem))
    }

    fn start_as(self, lab: &Lab, server: SocketAddr, pem: Option<&str>) -> io::Result<Proxy> {
        self.program.require()?;
        let addr = SocketAddr::new(lab.gateway(Host::Client), PORT);
        let file = scratch_file();
        let certificate = certificate_file(&file);
        if let Some(pem) = pem {
            fs::write(&certificate, pem)?;
        }
        let certificate = pem.map(|_| certificate.as_path());
        fs::write(&file, self.config(&file, certificate, addr, server))?;
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
    fn config(
        self,
        file: &Path,
        certificate: Option<&Path>,
        addr: SocketAddr,
        server: SocketAddr,
    ) -> String {
        let options = self.options;
        let tls = certificate.map_or_else(String::new, |certificate| {
            let certificate = certificate.display();
            match self.program {
                ProxyProgram::Haproxy => format!("ssl crt {certificate}"),
                ProxyProgram::Nginx => {
                    format!("ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate}")
                }
            }
        });
        let ending = match (self.program, self.ends_old) {
            (_, false) => "",
            (ProxyProgram::Haproxy, true) => "hard-stop-after 1s",
            (ProxyProgram::Nginx, true) => "worker_shutdown_timeout 1s;",
        };
        match self.program {
            ProxyProgram::Haproxy => format!(
                "global\n    maxconn 4000\n    {ending}\n\
                 defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1h\n    timeout server 1h\n\
                 listen players\n    bind {addr} {tls}\n    server game {server} {options}\n"
            ),
            ProxyProgram::Nginx => format!(
                "load_module {NGINX_STREAM};\ndaemon off;\nworker_processes 1;\npid {}.pid;\n{ending}\n\
                 error_log stderr error;\nevents {{ worker_connections 8000; }}\n\
                 stream {{ server {{ listen {addr} {tls}; proxy_pass {server}; proxy_timeout 1h; {options} }} }}\n",
                file.display()
            ),
        }
    }
}

impl ProxyProgram {
    fn require(self) -> io::Result<()> {
        let (name, needed) = match self {
            Self::Haproxy => ("haproxy", "/usr/sbin/haproxy"),
            Self::Nginx => ("nginx with its stream module", NGINX_STREAM),
        };
        if Path::new(needed).exists() {
            return Ok(());
        }
        let skip = Skip::new(&format!("{name} is not installed"));
        Err(io::Error::new(io::ErrorKind::Unsupported, skip))
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
    /// Returns the address to which clients connect.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets new processes take over the listener, as after a change of the configuration.
    ///
    /// # Errors
    ///
    /// When the program does not start or refuses.
    pub fn reload(&mut self, lab: &Lab) -> io::Result<()> {
        match self.program {
            ProxyProgram::Haproxy => {
                let old = self.processes.last().map_or(0, Child::id);
                self.run(lab, &["-sf", &old.to_string()])
            }
            ProxyProgram::Nginx => {
                let mut command = self.program.command(&self.file);
                let status = lab.on_router(|| command.args(["-s", "reload"]).status())?;
                if status.success() {
                    return Ok(());
                }
                Err(io::Error::other(format!("nginx does not reload: {status}")))
            }
        }
    }

    fn run(&mut self, lab: &Lab, options: &[&str]) -> io::Result<()> {
        let mut command = self.program.command(&self.file);
        let process = lab.on_router(|| command.args(options).spawn())?;
        self.processes.push(process);
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
        fs::remove_file(certificate_file(&self.file)).ok();
    }
}

/// The file next to a proxy's configuration. There is none where the proxy does not end TLS.
fn certificate_file(file: &Path) -> PathBuf {
    file.with_extension("pem")
}

/// The processes of several labs may have the same id, each in a namespace of its own.
fn scratch_file() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    env::temp_dir().join(format!(
        "lastword-netlab-proxy-{}-{now:x}-{number}.conf",
        process::id()
    ))
}

/// Asks the kernel. A connection attempt would be a player to the server behind the proxy.
fn await_listener(lab: &Lab) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = lab.on_router(listeners)?;
        if listed.contains(&format!(":{PORT} ")) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let words = "the proxy does not listen";
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
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
