//! The effect of each fault on TCP at both ends: the table of `README.md`, row by row.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use lastword_netlab::{End, Host, Lab, Outcome, Refusal, Route, Share, run};
use socket2::SockRef;

use crate::pair::{Pair, SILENCE, peek};

#[test]
fn each_fault_is_felt_at_both_ends_as_the_readme_says() {
    run(|_| {
        let rows = thread::scope(|scope| {
            let rows = FAULTS.map(|(name, fault)| scope.spawn(move || row(name, fault)));
            rows.map(|row| row.join().map_err(|_| io::Error::other("a row panicked"))?)
                .into_iter()
                .collect::<io::Result<Vec<String>>>()
        })?;
        let missing: Vec<_> = rows.iter().filter(|row| !README.contains(*row)).collect();
        assert!(missing.is_empty(), "the readme lacks {missing:#?}");
        Outcome::Ok(())
    });
}

type Fault = fn(&Lab, &Pair) -> io::Result<()>;

/// The fault of the client's side, link or host.
const FAULTS: [(&str, Fault); 15] = [
    ("cut(Client)", |lab, _| lab.cut(Host::Client)),
    ("lose(Client, WHOLE)", |lab, _| {
        lab.lose(Host::Client, Share::WHOLE)
    }),
    ("drop_from(Client)", |lab, _| lab.drop_from(Host::Client)),
    ("drop_towards(Client)", |lab, _| {
        lab.drop_towards(Host::Client)
    }),
    ("refuse(Client, Reset)", |lab, _| {
        lab.refuse(Host::Client, Refusal::Reset)
    }),
    ("refuse(Client, Unreachable)", |lab, _| {
        lab.refuse(Host::Client, Refusal::Unreachable)
    }),
    ("link_down(Client)", |lab, _| lab.link_down(Host::Client)),
    ("own_link_down(Client)", |lab, _| {
        lab.own_link_down(Host::Client)
    }),
    ("set_route(Client, Gone)", |lab, _| {
        lab.set_route(Host::Client, Route::Gone)
    }),
    ("set_route(Client, Blackhole)", |lab, _| {
        lab.set_route(Host::Client, Route::Blackhole)
    }),
    ("block_output(Client)", |lab, _| {
        lab.block_output(Host::Client)
    }),
    ("choke_output(Client)", |lab, _| {
        lab.choke_output(Host::Client)
    }),
    ("remove_addresses(Client)", |lab, _| {
        lab.remove_addresses(Host::Client)
    }),
    ("replace(Client)", |lab, _| lab.replace(Host::Client)),
    ("destroy_socket(Client, …)", |lab, pair| {
        let end = End::Local(pair.client.local_addr()?);
        lab.destroy_socket(Host::Client, end).map(drop)
    }),
];

/// Applies the fault to a connection in a lab of its own: idle at first, then both ends write.
fn row(name: &str, fault: Fault) -> io::Result<String> {
    let lab = Lab::new()?;
    let pair = Pair::connect(&lab)?;
    fault(&lab, &pair)?;
    let idle = match [idle(&pair.client)?, idle(&pair.server)?] {
        [client, server] if client == server => client,
        [client, server] => format!("{client}, {server}"),
    };
    let (client, server) = thread::scope(|scope| {
        let client = scope.spawn(|| fate(&pair.client));
        let server = fate(&pair.server);
        (client.join(), server)
    });
    let (client, server) = (
        client.map_err(|_| io::Error::other("it panicked"))??,
        server?,
    );
    Ok(format!("| `{name}` | {idle} | {client} | {server} |"))
}

/// Returns the result of an end that only waits.
fn idle(stream: &TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(SILENCE))?;
    Ok(match peek(stream) {
        Ok(len) => format!("{len} bytes"),
        Err(error) => label(error.kind()),
    })
}

/// Writes, and then reads to the end of the connection.
fn fate(mut stream: &TcpStream) -> io::Result<String> {
    SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    stream.set_read_timeout(Some(3 * USER_TIMEOUT))?;
    // The kernel refuses this if the connection has died already. The read then returns the same error, or the end.
    drop(stream.write_all(b"ping"));
    let mut heard = "";
    loop {
        match peek(stream) {
            Ok(0) => return Ok(format!("{heard}end")),
            Ok(_) => heard = "hears the other, then ",
            Err(error) => return Ok(format!("{heard}{}", label(error.kind()))),
        }
        stream.read_exact(&mut [0; 4])?;
    }
}

fn label(kind: ErrorKind) -> String {
    if kind == ErrorKind::WouldBlock {
        return "nothing".to_owned();
    }
    let names = [
        (ErrorKind::TimedOut, "`ETIMEDOUT`"),
        (ErrorKind::HostUnreachable, "`EHOSTUNREACH`"),
        (ErrorKind::NetworkUnreachable, "`ENETUNREACH`"),
        (ErrorKind::ConnectionReset, "`ECONNRESET`"),
        (ErrorKind::ConnectionAborted, "`ECONNABORTED`"),
    ];
    let known = names.iter().find(|(known, _)| *known == kind);
    known.map_or_else(|| format!("{kind:?}"), |(_, name)| (*name).to_owned())
}

const README: &str = include_str!("../../README.md");
/// Longer than the 3 s after which the router stops looking for a neighbour.
const USER_TIMEOUT: Duration = Duration::from_secs(4);
