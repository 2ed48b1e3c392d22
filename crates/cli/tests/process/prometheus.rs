//! A real Prometheus with the configuration and the rules of `deploy/prometheus`, except that it scrapes every
//! second.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use lastword_netlab::Skip;
use serde_json::Value;

use crate::command::{DEADLINE, Running};

/// A Prometheus that scrapes one server, and is killed when dropped.
pub(crate) struct Prometheus {
    addr: SocketAddr,
    _process: Running,
}

impl Prometheus {
    /// Starts a Prometheus that keeps its files in `directory`, which is emptied first.
    pub(crate) fn start(directory: &str, target: SocketAddr) -> Result<Self, Skip> {
        let found = Command::new("prometheus").arg("--version").output();
        found.map_err(|error| {
            Skip::new(&format!(
                "no prometheus ({error}): scripts/setup.sh installs it"
            ))
        })?;
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
        let config = configuration(&directory, target);
        let addr = free();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                directory.join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (process, _) = Running::start(command);
        let prometheus = Self {
            addr,
            _process: process,
        };
        prometheus.wait_until("it is ready", || prometheus.get("/-/ready").is_some());
        Ok(prometheus)
    }

    /// The current series that answer a query.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .finish();
        let answer = self.api(&format!("query?{query}"))?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// The one value that answers a query; `None` where there are no values or several.
    pub(crate) fn value(&self, query: &str) -> Option<f64> {
        let answer = self.query(query).unwrap();
        let [series] = answer.as_slice() else {
            return None;
        };
        series["value"][1].as_str()?.parse().ok()
    }

    /// The names of the alerts that are firing or pending.
    pub(crate) fn alerts(&self) -> Vec<String> {
        let answer = self.api("alerts").unwrap();
        let alerts = answer["alerts"].as_array().unwrap().iter();
        let names = alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(
                begun.elapsed() < 2 * DEADLINE,
                "{} does not come to: {what}",
                self.addr
            );
        }
    }

    fn api(&self, path: &str) -> Result<Value, String> {
        let body = self.get(&format!("/api/v1/{path}")).unwrap();
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].take()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// The body of an answer; `None` where the port does not answer, or answers with a server
    /// error.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.addr).ok()?;
        // HTTP/1.0, so that the answer is not chunked.
        let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?;
        // A wrong query gets a 4xx status, whose body says why.
        (!status.starts_with('5')).then(|| body.to_owned())
    }
}

/// Our configuration with another target and a shorter scrape interval.
fn configuration(directory: &Path, target: SocketAddr) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus");
    fs::remove_dir_all(directory).ok();
    fs::create_dir_all(directory.join("rules")).unwrap();
    for rules in fs::read_dir(ours.join("rules")).unwrap() {
        let rules = rules.unwrap();
        fs::copy(
            rules.path(),
            directory.join("rules").join(rules.file_name()),
        )
        .unwrap();
    }
    let text = fs::read_to_string(ours.join("prometheus.yml")).unwrap();
    let hurried = text
        .replace("interval: 5s", "interval: 1s")
        .replace("127.0.0.1:9464", &target.to_string());
    assert_eq!(hurried.matches("interval: 1s").count(), 2, "{hurried}");
    assert!(hurried.contains(&target.to_string()), "{hurried}");
    let path = directory.join("prometheus.yml");
    fs::write(&path, hurried).unwrap();
    path
}

/// Returns an unused address.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
