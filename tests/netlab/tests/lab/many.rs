//! Many labs, and many connections in one.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use lastword_netlab::{Host, Lab, Outcome, Share, run};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::pair::Pair;

#[test]
fn twenty_labs_live_at_once() {
    run(|_| {
        let labs = thread::scope(|scope| {
            let builders = [(); LABS].map(|()| scope.spawn(Lab::new));
            builders
                .map(|builder| {
                    builder
                        .join()
                        .map_err(|_| io::Error::other("it panicked"))?
                })
                .into_iter()
                .collect::<io::Result<Vec<Lab>>>()
        })?;
        let mut pairs = labs
            .iter()
            .map(Pair::connect)
            .collect::<io::Result<Vec<_>>>()?;
        for (cut, lab) in labs.iter().enumerate() {
            lab.cut(Host::Client)?;
            lab.delay(Host::Server, Duration::from_millis(1))?;
            for later in pairs.iter_mut().skip(cut + 1) {
                later.round_trip()?;
            }
        }
        for (lab, pair) in labs.iter().zip(&mut pairs) {
            lab.mend(Host::Client)?;
            pair.round_trip()?;
        }
        Ok(())
    });
}

#[test]
fn a_thousand_connections_live_in_one_lab() {
    run(|lab| {
        allow_descriptors()?;
        let listener = lab.on(Host::Server, || {
            TcpListener::bind((lab.addr(Host::Server), 0))
        })?;
        let server_addr = listener.local_addr()?;
        let mut pairs = lab.on(Host::Client, || {
            (0..CONNECTIONS)
                .map(|_| {
                    let client = TcpStream::connect(server_addr)?;
                    let (server, _) = listener.accept()?;
                    Ok(Pair { client, server })
                })
                .collect::<io::Result<Vec<_>>>()
        })?;
        all_echo(&mut pairs)?;
        lab.delay(Host::Client, Duration::from_millis(20))?;
        all_echo(&mut pairs)?;
        lab.lose(Host::Client, Share::percent(5))?;
        all_echo(&mut pairs)
    });
}

/// All of them write before any of them reads.
fn all_echo(pairs: &mut [Pair]) -> Outcome {
    for pair in pairs.iter_mut() {
        pair.client.write_all(b"ping")?;
    }
    for pair in pairs.iter_mut() {
        let mut heard = [0; 4];
        pair.server.read_exact(&mut heard)?;
        pair.server.write_all(&heard)?;
    }
    for pair in pairs {
        let mut heard = [0; 4];
        pair.client.read_exact(&mut heard)?;
        assert_eq!(heard, *b"ping");
    }
    Ok(())
}

/// Both ends are this process's, and many systems begin with 1,024.
fn allow_descriptors() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

const LABS: usize = 20;
const CONNECTIONS: usize = 1000;
