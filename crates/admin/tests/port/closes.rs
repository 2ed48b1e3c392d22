use std::net::SocketAddr;
use std::time::Duration;

use lastword_server::{GameCode, Kick, ServerHandle, SessionId, SessionInfo};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{Answer, get};
use crate::log::{Line, Log};
use crate::server::{frame, goodbye, join, join_as, start, within};

type Record = Map<String, Value>;

fn records(answer: &Answer) -> Vec<Record> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

async fn closes(admin: SocketAddr, query: &str) -> Vec<Record> {
    records(&get(admin, &format!("/api/closes{query}")).await)
}

/// The answer once it has this many records.
async fn with_records(admin: SocketAddr, count: usize) -> Answer {
    within("the records", async {
        loop {
            let answer = get(admin, "/api/closes").await;
            if records(&answer).len() >= count {
                return answer;
            }
        }
    })
    .await
}

fn of<'a>(records: &'a [Record], key: &str) -> Vec<&'a Value> {
    records.iter().map(|record| &record[key]).collect()
}

async fn says(mut player: TcpStream, bytes: &[u8]) {
    player.write_all(bytes).await.unwrap();
    player.shutdown().await.unwrap();
    // Its content does not matter, only that it ends.
    player.read_to_end(&mut Vec::new()).await.ok();
}

/// Produces an end of each kind, with evidence of each kind. Returns how many there are.
async fn end_in_every_way(server: &ServerHandle) -> usize {
    let name = "an\"n\\ \u{1b}[31m\u{9b}";
    let words = "\"so\\long\"\u{7}\u{9b}";
    says(join_as(server, name).await, &goodbye(4_242, words)).await;
    says(join_as(server, "mid").await, &frame(0, &[7; 90])[..50]).await;

    let reset = join(server).await;
    let socket = socket2::SockRef::from(&reset);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(reset);

    let kicked = join_as(server, "kicked").await;
    let kick = Kick::because("no \"cheating\"").with_code(GameCode::new(4_100).unwrap());
    for SessionInfo { session, .. } in server.sessions() {
        // The ends before this one may not be counted out yet.
        server.kick(session, kick.clone()).ok();
    }
    says(kicked, &[]).await;

    let http = TcpStream::connect(server.local_addr()).await.unwrap();
    says(http, b"GET / HTTP/1.1\r\n\r\n").await;
    drop(TcpStream::connect(server.local_addr()).await.unwrap());
    6
}

/// The part of a log line that describes the close.
fn without_the_format(line: &Line) -> Record {
    let mut fields = line.fields.clone();
    for of_the_format in ["timestamp", "level", "target", "message"] {
        assert!(fields.remove(of_the_format).is_some());
    }
    fields
}

/// The record with its trail in the form of a log line.
fn in_one_line(record: &Record) -> Record {
    let mut record = record.clone();
    if let Some(Value::Array(steps)) = record.get("trail").cloned() {
        let text = |step: &Value| {
            let word = |key: &str| step[key].as_str().unwrap().to_owned();
            format!("{}:{}@{}", word("layer"), word("what"), step["at_ms"])
        };
        let steps: Vec<_> = steps.iter().map(text).collect();
        record.insert("trail".to_owned(), json!(steps.join(",")));
    }
    record
}

#[tokio::test]
async fn the_record_and_the_log_line_say_the_same() {
    let log = Log::start();
    let (server, admin) = start().await;
    let ends = end_in_every_way(&server).await;
    let answer = with_records(admin, ends).await;
    let mut records = records(&answer);
    records.reverse();
    let lines = log.closes(server.local_addr());
    assert_eq!((records.len(), lines.len()), (ends, ends));
    for (line, record) in lines.iter().zip(&records) {
        assert_eq!(without_the_format(line), in_one_line(record));
    }

    let find = |cause: &str| {
        records
            .iter()
            .find(|record| record["cause"] == cause)
            .unwrap()
    };
    let bye = find("peer_goodbye");
    assert_eq!(bye["player"], r#"an"n\ <U+001B>[31m<U+009B>"#);
    assert_eq!(bye["peer_reason"], r#""so\long"<U+0007><U+009B>"#);
    assert_eq!(bye["peer_code"], 4_242);
    assert_eq!(bye["profile"], "standard");
    let mid = find("peer_fin_mid_frame");
    assert_eq!(
        (&mid["partial_have_bytes"], &mid["player"]),
        (&json!(50), &json!("mid"))
    );
    assert!(find("kicked")["trail"].is_array());
    assert_eq!(find("peer_reset")["first_code"], 104);
    assert_eq!(find("wrong_protocol").get("player"), None);
    assert_eq!(find("peer_probe")["phase"], "hello");
    let lines = lines.iter().map(|line| line.text.as_str());
    for text in lines.chain([answer.body.as_str()]) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[tokio::test]
async fn closes_are_newest_first_and_filtered_by_the_query() {
    let (server, admin) = start().await;
    assert_eq!(closes(admin, "").await, Vec::<Record>::new());
    end_in_every_way(&server).await;
    let all = records(&with_records(admin, 6).await);
    assert_eq!(of(&all, "seq"), [6, 5, 4, 3, 2, 1]);

    assert_eq!(closes(admin, "?limit=2").await, all[..2]);
    let two = closes(admin, "?cause=peer_fin_mid_frame,kicked&cause=idle").await;
    assert_eq!(two.len(), 2);
    let mid = closes(admin, "?player=mid").await;
    assert_eq!(of(&mid, "cause"), ["peer_fin_mid_frame"]);
    let session = mid[0]["session"].as_str().unwrap();
    assert!(session.parse::<SessionId>().is_ok());
    assert_eq!(closes(admin, &format!("?session={session}")).await, mid);
    let shown = "?player=an%22n%5C%20%3CU%2B001B%3E%5B31m%3CU%2B009B%3E";
    assert_eq!(of(&closes(admin, shown).await, "cause"), ["peer_goodbye"]);
    assert_eq!(closes(admin, "?player=MID").await, Vec::<Record>::new());

    let third = all[3]["at"].as_str().unwrap();
    let since = closes(admin, &format!("?since={third}")).await;
    let not_before = |record: &&Record| record["at"].as_str() >= Some(third);
    let expected: Vec<_> = all.iter().filter(not_before).cloned().collect();
    assert_eq!(since, expected);
    assert_eq!(closes(admin, "?since=4102444800").await.len(), 0);
    assert_eq!(closes(admin, "?since=0").await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_continues_after_the_last_sees_each_record_once() {
    const ENDS: u64 = 300;
    let (server, admin) = start().await;
    let ends = async {
        for _ in 0..ENDS / 2 {
            drop(join(&server).await);
            drop(TcpStream::connect(server.local_addr()).await.unwrap());
        }
        std::future::pending::<()>().await;
    };
    let following = within("every record", async {
        let (mut seen, mut last) = (Vec::new(), "0".to_owned());
        while seen.len() < usize::try_from(ENDS).unwrap() {
            let answer = get(admin, &format!("/api/closes?limit=7&after={last}")).await;
            assert_eq!(answer.header("x-lastword-missed"), Some("0"));
            answer
                .header("x-lastword-last")
                .unwrap()
                .clone_into(&mut last);
            let records = records(&answer);
            assert!(records.len() <= 7);
            seen.extend(records.iter().map(|record| record["seq"].as_u64().unwrap()));
        }
        assert_eq!(seen, (1..=ENDS).collect::<Vec<_>>());
    });
    tokio::select! {
        biased;
        () = following => {}
        () = ends => {}
    }
}

#[tokio::test]
async fn a_question_that_is_not_allowed_is_refused_with_what_is() {
    let (server, admin) = start().await;
    drop(TcpStream::connect(server.local_addr()).await.unwrap());
    let one = with_records(admin, 1).await;
    assert_eq!(one.header("x-lastword-missed"), Some("0"));
    for (query, words) in [
        (
            "?cause=unknown",
            "`cause` is \"unknown\"; allowed is a label",
        ),
        (
            "?limit=10001",
            "`limit` is \"10001\"; allowed is 1 to 10000",
        ),
        ("?seq=1", "there is no parameter `seq`; allowed is cause, "),
        (
            "?after=2",
            "`after` is \"2\"; allowed is 0 to 1, the last record",
        ),
    ] {
        let answer = get(admin, &format!("/api/closes{query}")).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.starts_with(words), "{}", answer.body);
        assert_eq!(answer.body.lines().count(), 1);
    }
    assert_eq!(closes(admin, "?after=1").await.len(), 0);
}
