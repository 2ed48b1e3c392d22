use std::io::ErrorKind;
use std::time::Duration;

use lastword_admin::AdminExt;
use lastword_server::{AdminConfig, BindError, Config, Player, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{get, request};
use crate::server::{Silent, join, start, within};

#[tokio::test]
async fn a_server_that_runs_is_healthy_and_ready() {
    let (_server, admin) = start().await;
    let health = get(admin, "/healthz").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let readiness = get(admin, "/readyz").await;
    assert_eq!(
        (readiness.status, readiness.body.as_str()),
        (200, "ready\n")
    );
}

#[tokio::test]
async fn while_it_drains_it_is_healthy_and_not_ready() {
    let (server, admin) = start().await;
    let _stays = join(&server).await;
    let drain = {
        let server = server.clone();
        async move { server.drain(Duration::from_secs(60)).await }
    };
    let asked = async {
        let readiness = get(admin, "/readyz").await;
        assert_eq!(
            (readiness.status, readiness.body.as_str()),
            (503, "draining\n")
        );
        assert_eq!(get(admin, "/healthz").await.status, 200);
        assert!(
            get(admin, "/metrics")
                .await
                .body
                .contains("\nlastword_draining 1\n")
        );
    };
    tokio::select! {
        biased;
        () = drain => panic!("the player stays"),
        () = asked => {}
    }
}

#[tokio::test]
async fn while_it_is_overloaded_it_is_healthy_and_not_ready() {
    let mut config = Config::default();
    // The process takes more from the start.
    config.admission.memory_mib_max = 1;
    config.admin = AdminConfig::off();
    let builder = Server::builder().config(config).listen("127.0.0.1:0");
    let builder = builder.admin("127.0.0.1:0");
    let server = builder.serve(|_: &Player| Silent).await.unwrap();
    let admin = server.admin_addr().unwrap();
    within("readiness to go", async {
        while get(admin, "/readyz").await.status == 200 {}
    })
    .await;
    let readiness = get(admin, "/readyz").await;
    assert_eq!(
        (readiness.status, readiness.body.as_str()),
        (503, "overloaded\n")
    );
    assert_eq!(get(admin, "/healthz").await.status, 200);
}

#[tokio::test]
async fn anything_else_is_not_there() {
    let (_server, admin) = start().await;
    assert_eq!(get(admin, "/favicon.ico").await.status, 404);
    assert_eq!(get(admin, "/metrics/").await.status, 404);
    assert_eq!(request(admin, "POST", "/metrics").await.status, 405);
}

#[tokio::test]
async fn the_port_ends_with_the_server_with_clients_connected() {
    let (server, admin) = start().await;
    let mut never_done = TcpStream::connect(admin).await.unwrap();
    never_done.write_all(b"GET /metrics HT").await.unwrap();
    // The player's connection was accepted before this one.
    assert_eq!(get(admin, "/healthz").await.status, 200);

    server.drain(Duration::ZERO).await;
    let heard = within("its end", never_done.read_u8()).await;
    assert!(heard.is_err(), "the port is closed");
    let gone = async {
        while TcpStream::connect(admin).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within("the end of the port", gone).await;
    within("the port to be free", async {
        while TcpListener::bind(admin).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_port_in_use_is_named_and_the_game_does_not_start() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let game = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = game.local_addr().unwrap();
    drop(game);

    let builder = Server::builder()
        .listen(free.to_string())
        .admin(taken.clone());
    let Err(BindError::Extension(error)) = builder.serve(|_: &Player| Silent).await else {
        panic!("the port is taken");
    };
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let words = error.to_string();
    assert!(
        words.starts_with(&format!(
            "cannot serve metrics on {taken}: the address is in use"
        )),
        "{words}"
    );
    TcpListener::bind(free)
        .await
        .expect("the game's port is free again");
}

#[tokio::test]
async fn a_text_that_is_no_address_is_named_in_the_error() {
    let builder = Server::builder().listen("127.0.0.1:0").admin("localhost");
    let error = builder.serve(|_: &Player| Silent).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"localhost\" is not an address"),
        "{error}"
    );
}
