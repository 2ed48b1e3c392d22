//! A second login of a player: which session is live, what the other client reads, and in which order the game hears.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test: a failure here is the test's failure"
)]

mod policies;
mod shapes;
mod waits;

use lastword_server::{
    Advice, Cause, Config, Credentials, Player, Refusal, SecondLogin, ServerHandle,
};
use lastword_tests::{Ask, Fixture, Raw, config, data, hello, kind, run_clients, within};

/// The game's own authenticator: it knows each player by the name.
async fn by_name(credentials: Credentials) -> Result<Player, Refusal> {
    Ok(Player::new(String::from_utf8_lossy(&credentials.bytes)))
}

fn with(policy: SecondLogin, mut config: Config) -> Config {
    config.sessions.second_login = policy;
    config
}

async fn fixture(policy: SecondLogin) -> Fixture {
    Fixture::with(with(policy, config()), Ask(by_name)).await
}

/// What a login came to.
#[derive(Debug)]
enum Came {
    In(Raw),
    /// The goodbye's code, advice and words, and whether the client was live before.
    Told(u16, u8, String, bool),
}

impl Came {
    fn code(&self) -> Option<u16> {
        match self {
            Self::In(_) => None,
            Self::Told(code, ..) => Some(*code),
        }
    }
}

/// Reads up to the welcome, or to the goodbye instead.
async fn log_in(mut raw: Raw, name: &str) -> Came {
    raw.write(&hello(name.as_bytes())).await;
    match raw.frame().await.expect("an answer") {
        (kind::WELCOME, _) => Came::In(raw),
        (kind::GOODBYE, goodbye) => told(&goodbye, false),
        other => panic!("{other:?}"),
    }
}

/// Reads up to the echo, or to the goodbye instead. A client that lost its session may find it closed already.
async fn is_still_in(came: Came) -> Came {
    let Came::In(mut raw) = came else {
        return came;
    };
    use tokio::io::AsyncWriteExt;
    let _closed = raw.stream.write_all(&data(b"still in")).await;
    loop {
        match raw.frame().await.expect("an echo or a goodbye") {
            (kind::DATA, payload) if payload == b"still in" => return Came::In(raw),
            (kind::GOODBYE, goodbye) => return told(&goodbye, true),
            _ => {}
        }
    }
}

fn told(goodbye: &[u8], was_in: bool) -> Came {
    let words = String::from_utf8_lossy(&goodbye[9..]).into_owned();
    let code = u16::from_be_bytes([goodbye[1], goodbye[2]]);
    Came::Told(code, goodbye[3], words, was_in)
}

/// The same player logs in from this many clients at one moment. Returns what each came to, once all were answered.
async fn at_once(server: ServerHandle, name: String, clients: usize) -> Vec<Came> {
    let mut raws = Vec::new();
    for _ in 0..clients {
        raws.push(Raw::connect(server.local_addr()).await);
    }
    let logins = raws.into_iter().map(|raw| {
        tokio::spawn({
            let name = name.clone();
            async move { log_in(raw, &name).await }
        })
    });
    let logins: Vec<_> = logins.collect();
    let mut came = Vec::new();
    for login in logins {
        came.push(within("an answer", login).await.unwrap());
    }
    let mut settled = Vec::new();
    for each in came {
        settled.push(is_still_in(each).await);
    }
    settled
}

/// Double logins of this many players. Returns how many clients were told each code.
async fn doubles(policy: SecondLogin, players: u32, clients: usize) -> Vec<(u16, usize)> {
    let fixture = fixture(policy).await;
    let server = fixture.server.clone();
    assert_eq!(server.second_login(), policy);
    let outcomes = run_clients(players, 16, move |n| {
        at_once(server.clone(), format!("player {n}"), clients)
    })
    .await;
    let server = &fixture.server;
    let mut told = std::collections::BTreeMap::new();
    let live = if policy == SecondLogin::Allow {
        clients
    } else {
        1
    };
    for (n, outcome) in outcomes.iter().enumerate() {
        let codes: Vec<_> = outcome.iter().map(Came::code).collect();
        let winners = codes.iter().filter(|code| code.is_none()).count();
        assert_eq!(winners, live, "player {n}: {outcome:?}");
        assert_eq!(server.find(&format!("player {n}")).len(), live);
        for code in codes.into_iter().flatten() {
            *told.entry(code).or_insert(0) += 1;
        }
        for each in outcome {
            if let Came::Told(_, advice, words, _) = each {
                assert_eq!(*advice, Advice::DoNot as u8, "{each:?}");
                assert!(!words.is_empty());
            }
        }
    }
    let stats = server.stats();
    assert!(stats.laws_hold(), "{stats:?}");
    assert_eq!(stats.sessions_open, u64::from(players) * live as u64);
    told.into_iter().collect()
}

const REPLACED: u16 = Cause::ReplacedByLogin.code();
const REFUSED: u16 = Cause::AlreadyLoggedIn.code();
