use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::http::get;
use crate::server::{frame, join_as, start, within};

#[tokio::test]
async fn a_live_session_tells_how_it_does_and_its_record_stays() {
    let (server, admin) = start().await;
    let mut ann = join_as(&server, "ann\u{1b}").await;
    ann.write_all(&frame(0, b"hello")).await.unwrap();
    let session = server.sessions()[0];
    let path = format!("/api/sessions/{session}");
    let known = async || serde_json::from_str::<Value>(&get(admin, &path).await.body).unwrap();
    let heard = async {
        loop {
            let known = known().await;
            if known["live"]["frames_in"] == 1 {
                return known;
            }
        }
    };
    let live = within("a frame", heard).await;
    assert_eq!(live["live"]["player"], "ann<U+001B>");
    assert_eq!(
        (&live["live"]["link"], &live["live"]["profile"]),
        (&"healthy".into(), &"standard".into())
    );
    assert_eq!(live["closes"].as_array().unwrap().len(), 0);

    drop(ann);
    let ended = async {
        loop {
            let known = known().await;
            if known["closes"][0].is_object() {
                return known;
            }
        }
    };
    let ended = within("the record", ended).await;
    assert!(ended.get("live").is_none());
    assert_eq!(ended["closes"][0]["session"], session.to_string());
}

#[tokio::test]
async fn a_session_that_nobody_knows_is_not_there() {
    let (_server, admin) = start().await;
    let unknown = get(admin, "/api/sessions/00000000000000000000000000000000").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(get(admin, "/api/sessions/ann").await.status, 400);
}
