use std::net::SocketAddr;
use std::time::Duration;

use lastword_server::{Cause, ServerHandle};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::get;
use crate::server::{join_as, start, within};

/// A viewer of the live stream.
struct Viewer {
    stream: TcpStream,
    /// The bytes that were received and not yet taken. A read may end in the middle of a character.
    received: Vec<u8>,
}

/// An event: its id and its data.
type Event = (String, Value);

impl Viewer {
    /// Asks for the stream, after the event with this id.
    async fn ask(admin: SocketAddr, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(admin).await.unwrap();
        let last = last.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!("GET /api/live HTTP/1.0\r\nHost: localhost\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let received = Vec::new();
        let mut viewer = Self { stream, received };
        viewer.until("\r\n\r\n").await.unwrap();
        viewer
    }

    /// Reads up to `end`; `None` if the stream ended first.
    async fn until(&mut self, end: &str) -> Option<String> {
        let mut searched = 0;
        loop {
            let found = self.received[searched..]
                .windows(end.len())
                .position(|bytes| bytes == end.as_bytes());
            if let Some(at) = found {
                let rest = self.received.split_off(searched + at + end.len());
                let mut before = std::mem::replace(&mut self.received, rest);
                before.truncate(searched + at);
                return Some(String::from_utf8(before).unwrap());
            }
            searched = (self.received.len() + 1).saturating_sub(end.len());
            let read = self.stream.read_buf(&mut self.received);
            if within("an event", read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn event(&mut self) -> Option<Event> {
        let event = self.until("\n\n").await?;
        let (id, data) = event.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        Some((id.strip_prefix("id: ").unwrap().to_owned(), data))
    }

    /// Reads until it has received `count` closes. Returns their numbers and the last event.
    async fn closes(&mut self, count: usize) -> (Vec<u64>, Event) {
        let mut seqs = Vec::new();
        loop {
            let event = self.event().await.unwrap();
            seqs.extend(seqs_of(&event.1));
            if seqs.len() >= count {
                return (seqs, event);
            }
        }
    }
}

fn seqs_of(data: &Value) -> Vec<u64> {
    let closes = data["closes"].as_array().unwrap().iter();
    closes.map(|close| close["seq"].as_u64().unwrap()).collect()
}

/// Lets `count` players join and leave.
async fn come_and_go(server: &ServerHandle, count: u64) {
    let before = server.stats().ended_by(Cause::PeerFin);
    for _ in 0..count {
        drop(join_as(server, "ann").await);
    }
    let gone = async {
        while server.stats().ended_by(Cause::PeerFin) < before + count {
            tokio::task::yield_now().await;
        }
    };
    within("the ends", gone).await;
}

#[tokio::test]
async fn a_viewer_is_told_at_once_what_was_and_then_each_close_once() {
    let (server, admin) = start().await;
    come_and_go(&server, 3).await;
    let mut viewer = Viewer::ask(admin, None).await;
    let (id, first) = viewer.event().await.unwrap();
    assert_eq!(seqs_of(&first), [1, 2, 3]);
    assert!(id.ends_with("-3"), "{id}");
    let counted = first["history"].as_array().unwrap().iter();
    // A row is its second, sessions by class, other connections by class; `abrupt` is the second class.
    assert_eq!(counted.map(|row| row[2].as_u64().unwrap()).sum::<u64>(), 3);

    come_and_go(&server, 4).await;
    let (seqs, (id, last)) = viewer.closes(4).await;
    assert_eq!(seqs, [4, 5, 6, 7]);
    assert!(id.ends_with("-7"), "{id}");
    assert_eq!(last["missed"], 0);
}

#[tokio::test]
async fn the_figures_of_an_event_are_those_of_the_stats() {
    let (server, admin) = start().await;
    let _stays = join_as(&server, "bob").await;
    come_and_go(&server, 2).await;
    let (_, data) = Viewer::ask(admin, None).await.event().await.unwrap();
    let (snapshot, stats) = (&data["snapshot"], server.stats());
    assert_eq!(snapshot["connections"]["opened"], stats.connections_opened);
    assert_eq!(snapshot["sessions"]["open"], stats.sessions_open);
    assert_eq!(snapshot["sessions"]["lost"], 2);
    let ends = snapshot["disconnects"].as_array().unwrap();
    assert_eq!(ends.len(), 1);
    let [cause, class, phase] = ["cause", "class", "phase"].map(|key| &ends[0][key]);
    assert_eq!(
        (cause, class, phase),
        (&"peer_fin".into(), &"abrupt".into(), &"live".into())
    );
    assert_eq!(
        snapshot["detection"].as_array().unwrap().len(),
        server.detection_bounds().len()
    );
}

#[tokio::test]
async fn a_viewer_that_reconnects_gets_each_missed_record_once() {
    let (server, admin) = start().await;
    come_and_go(&server, 2).await;
    let (id, _) = Viewer::ask(admin, None).await.event().await.unwrap();
    come_and_go(&server, 3).await;
    let (seqs, _) = Viewer::ask(admin, Some(&id)).await.closes(3).await;
    assert_eq!(seqs, [3, 4, 5]);

    let (of_another_run, _) = Viewer::ask(admin, Some("1-2")).await.closes(5).await;
    assert_eq!(of_another_run, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn two_viewers_see_the_same_moments() {
    let (server, admin) = start().await;
    let mut viewers = [
        Viewer::ask(admin, None).await,
        Viewer::ask(admin, None).await,
    ];
    for viewer in &mut viewers {
        viewer.event().await.unwrap();
    }
    come_and_go(&server, 2).await;
    let mut told = Vec::new();
    for viewer in &mut viewers {
        told.push(viewer.closes(2).await);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn more_than_thirty_two_are_told_to_come_back_later() {
    let (_server, admin) = start().await;
    let mut viewers = Vec::new();
    for _ in 0..32 {
        let mut viewer = Viewer::ask(admin, None).await;
        viewer.event().await.unwrap();
        viewers.push(viewer);
    }
    let refused = get(admin, "/api/live").await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("10"))
    );
    assert_eq!(
        get(admin, "/metrics").await.status,
        200,
        "they keep no scraper out"
    );

    drop(viewers.pop());
    let again = async { while get_head(admin).await != 200 {} };
    within("the place of the one that left", again).await;
}

/// The status of an endless answer.
async fn get_head(admin: SocketAddr) -> u16 {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = b"GET /api/live HTTP/1.0\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    let head = std::str::from_utf8(&head).unwrap();
    head[9..].parse().unwrap()
}

#[tokio::test]
async fn a_viewer_hears_of_the_end_of_the_server_and_then_nothing() {
    let (server, admin) = start().await;
    let mut viewer = Viewer::ask(admin, None).await;
    viewer.event().await.unwrap();
    server.drain(Duration::ZERO).await;
    let mut last = None;
    while let Some((_, data)) = viewer.event().await {
        last = Some(data);
    }
    assert_eq!(last.unwrap()["snapshot"]["ended"], true);
}

/// The viewer's socket is full after some seconds, but another viewer still gets an event every second.
#[tokio::test]
async fn a_viewer_that_does_not_read_does_not_delay_others() {
    let (server, admin) = start().await;
    let _lazy = Viewer::ask(admin, None).await;
    let mut viewer = Viewer::ask(admin, None).await;
    viewer.event().await.unwrap();
    come_and_go(&server, 200).await;
    let (seqs, _) = viewer.closes(200).await;
    assert!(seqs.into_iter().eq(1..=200));
}
