//! Many labs, and many connections in one.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

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
        let mut pairs = connect_all(lab)?;
        all_echo(&mut pairs)?;
        lab.lose(Host::Client, Share::percent(5))?;
        all_echo(&mut pairs)
    });
}

#[test]
fn a_thousand_connections_share_a_delay() {
    run(|lab| {
        let mut pairs = connect_all(lab)?;
        lab.delay(Host::Client, DELAY)?;
        let start = Instant::now();
        all_echo(&mut pairs)?;
        let taken = start.elapsed();
        // One after the other, they would take 40 s.
        assert!((2 * DELAY..100 * DELAY).contains(&taken), "{taken:?}");
        Ok(())
    });
}

#[test]
#[ignore = "a measurement, of a machine that does nothing else: --ignored --nocapture"]
fn a_lab_is_built_in_a_fifth_of_a_second() {
    run(|_| {
        let mut taken = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            Lab::new()?;
            taken.push(start.elapsed());
        }
        // The best of five: a busy machine may delay one.
        let best = taken.iter().min().ok_or("none was built")?;
        eprintln!("a lab in {best:?} at best, of {taken:?}");
        assert!(*best < Duration::from_millis(200), "{taken:?}");
        Ok(())
    });
}

fn connect_all(lab: &Lab) -> io::Result<Vec<Pair>> {
    allow_descriptors()?;
    let listener = lab.on(Host::Server, || {
        TcpListener::bind((lab.addr(Host::Server), 0))
    })?;
    let server_addr = listener.local_addr()?;
    lab.on(Host::Client, || {
        (0..CONNECTIONS)
            .map(|_| {
                let client = TcpStream::connect(server_addr)?;
                let (server, _) = listener.accept()?;
                Ok(Pair { client, server })
            })
            .collect()
    })
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

/// Both ends belong to this process, and many systems start with a limit of 1,024.
fn allow_descriptors() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

const LABS: usize = 20;
const CONNECTIONS: usize = 1000;
const DELAY: Duration = Duration::from_millis(20);
