//! Scrapes of `/metrics`, as Prometheus makes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lastword_server::ServerHandle;
use lastword_tests::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

/// The text of one scrape.
pub(crate) struct Metrics(String);

impl Metrics {
    pub(crate) async fn scrape(server: &ServerHandle) -> Self {
        let addr = server.admin_addr().expect("an admin port");
        let scraped = within("a scrape", async {
            let mut stream = TcpStream::connect(addr).await?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        });
        let answer = scraped.await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.0 200 "), "{head}");
        Self(body.to_owned())
    }

    /// Returns the sum of all series of this name; there must be at least one.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        let series = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            Some(value.parse::<u64>().expect("a count"))
        });
        series
            .reduce(|sum, value| sum + value)
            .unwrap_or_else(|| panic!("no series of {name}"))
    }

    /// Checks both laws.
    fn holds(&self) {
        let opened = self.sum("lastword_connections_opened_total");
        let open = self.sum("lastword_connections_open");
        let ended = self.sum("lastword_disconnects_total");
        assert_eq!(opened, open + ended, "connections: {}", self.0);
        let joined = self.sum("lastword_sessions_joined_total");
        let sessions = self.sum("lastword_sessions_open") + self.sum("lastword_sessions_suspended");
        let departed = self.sum("lastword_departures_total");
        assert_eq!(joined, sessions + departed, "sessions: {}", self.0);
    }
}

/// Scrapes one server about twenty times a second, and checks the laws in each scrape.
pub(crate) struct Scraper {
    stop: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl Scraper {
    pub(crate) fn start(server: &ServerHandle) -> Self {
        let (server, stop) = (server.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut scrapes: JoinSet<()> = JoinSet::new();
            let mut count = 0;
            // The interval makes up for ticks that a busy machine missed, up to the bound below.
            let mut ticks = tokio::time::interval(INTERVAL);
            while !stopped.load(Ordering::Relaxed) {
                ticks.tick().await;
                // The admin port holds 64 connections: of more at once the oldest gets no answer.
                if scrapes.len() >= AT_ONCE_MAX {
                    let joined = scrapes.join_next().await.transpose();
                    joined.expect("both laws hold in every scrape");
                }
                let server = server.clone();
                count += 1;
                scrapes.spawn(async move { Metrics::scrape(&server).await.holds() });
            }
            scrapes.join_all().await;
            count
        });
        Self { stop, task }
    }

    /// Returns how many scrapes there were.
    pub(crate) async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        within("the last scrape", self.task)
            .await
            .expect("both laws hold in every scrape")
    }
}

const AT_ONCE_MAX: usize = 32;
const INTERVAL: Duration = Duration::from_millis(80);
