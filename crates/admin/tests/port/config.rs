//! The section `admin` of a configuration takes effect as a whole, or the server says that it does not.

use std::net::SocketAddr;
use std::path::PathBuf;

use lastword_admin::{Admin, AdminExt};
use lastword_server::{
    AdminConfig, BindError, Builder, Config, Player, Server, ServerHandle, Token,
};

use crate::http::{get, send};
use crate::log::Log;
use crate::server::Silent;

const TOKEN: &str = "0123456789abcdef";

fn free() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A configuration with a free admin port and a token.
fn guarded() -> Config {
    let mut config = Config::default();
    config.admin.listen = Some(free());
    config.admin.token = Token::new(TOKEN).ok();
    config
}

fn builder() -> Builder {
    Server::builder().listen("127.0.0.1:0")
}

async fn serve(builder: Builder) -> Result<ServerHandle, BindError> {
    builder.serve(|_: &Player| Silent).await
}

/// Whether the port answers only with the token.
async fn takes_the_token(admin: SocketAddr) -> bool {
    let headers = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    let shown = send(admin, "GET", "/api/closes", &headers, "").await.status;
    let open = get(admin, "/api/closes").await.status;
    (shown, open) == (200, 401)
}

#[tokio::test]
async fn admin_from_config_works_before_and_after_config() {
    let mut config = guarded();
    config.admin.metrics_listen = Some(free());
    for builder in [
        builder().config(config.clone()).admin_from_config(),
        builder().admin_from_config().config(config),
    ] {
        let server = serve(builder).await.unwrap();
        assert!(takes_the_token(server.admin_addr().unwrap()).await);
        let metrics = get(server.metrics_addr().unwrap(), "/metrics").await;
        assert_eq!(metrics.status, 200);
    }
}

#[tokio::test]
async fn a_builder_call_overrides_only_its_own_key_of_the_configuration() {
    let mut config = guarded();
    config.admin.listen = Some(SocketAddr::from(([127, 0, 0, 1], 1)));
    let server = serve(builder().config(config.clone()).admin("127.0.0.1:0"));
    let server = server.await.unwrap();
    assert!(takes_the_token(server.admin_addr().unwrap()).await);

    // A missing file would keep the server from starting.
    config.admin.listen = Some(free());
    config.admin.token = None;
    config.admin.token_file = Some(PathBuf::from("/no/such/file"));
    let words = serve(builder().config(config.clone()).admin_from_config());
    let words = words.await.unwrap_err().to_string();
    assert!(words.contains("/no/such/file"), "{words}");
    let own = Admin::from_config().token(TOKEN);
    let server = serve(builder().config(config).admin_with(own))
        .await
        .unwrap();
    assert!(takes_the_token(server.admin_addr().unwrap()).await);
}

#[tokio::test]
async fn a_section_that_asks_for_a_port_is_never_left_out_in_silence() {
    type Change = fn(&mut AdminConfig);
    let changes: [(Change, &[&str]); 5] = [
        (|admin| admin.listen = Some(free()), &["admin.listen"]),
        (
            |admin| admin.metrics_listen = Some(free()),
            &["admin.metrics_listen"],
        ),
        (
            |admin| {
                admin.listen = None;
                admin.metrics_listen = Some(free());
            },
            &["admin.listen", "admin.metrics_listen"],
        ),
        (
            |admin| admin.token = Token::new(TOKEN).ok(),
            &["admin.token"],
        ),
        (
            |admin| admin.token_file = Some(PathBuf::from("token")),
            &["admin.token_file"],
        ),
    ];
    for (change, expected) in changes {
        let mut config = Config::default();
        change(&mut config.admin);
        let error = serve(builder().config(config)).await.unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("admin_from_config") && !words.contains(TOKEN),
            "{words}"
        );
        let BindError::NoAdminPort { keys } = error else {
            panic!("{words}")
        };
        assert_eq!(keys, expected);
    }
}

#[tokio::test]
async fn a_section_at_its_defaults_is_reported_and_one_that_is_off_is_not() {
    let log = Log::start();
    let told = || log.lines_with("there is no admin port");
    let mut off = Config::default();
    off.admin = AdminConfig::off();
    for (builder, lines) in [
        (builder(), 0),
        (builder().config(off.clone()), 0),
        (builder().config(Config::default()), 1),
    ] {
        let server = serve(builder).await.unwrap();
        assert_eq!(server.admin_addr(), None);
        assert_eq!(told(), lines);
    }
    // If the section is off, the metrics do not go to the port.
    let server = serve(builder().config(off).admin_from_config()).await;
    let server = server.unwrap();
    assert_eq!((server.admin_addr(), server.metrics_addr()), (None, None));
    assert!(server.publishes_itself());
}
