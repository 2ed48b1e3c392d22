//! Every peer echoes frames unchanged, for any split of the bytes, and the load generator accepts the echoes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use lastword_bench::process::Process;
use lastword_bench::report::Report;

const PEERS: [&str; 4] = ["epoll", "raw", "framed-send", "framed-feed"];
const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_frame_that_comes_in_parts_is_echoed_whole() -> Result<()> {
    for peer in PEERS {
        let (_server, addr) = start(peer)?;
        let mut stream = connect(&addr)?;
        // A whole frame and the start of a shorter one: the first echo proves that both were read.
        stream.write_all(b"\0\0\0\x04four\0\0\0\x03t")?;
        assert_eq!(read(&mut stream, 8)?, b"\0\0\0\x04four", "{peer}");
        stream.write_all(b"wo")?;
        assert_eq!(read(&mut stream, 7)?, b"\0\0\0\x03two", "{peer}");
    }
    Ok(())
}

#[test]
fn a_peer_closes_after_our_fin_and_echoes_what_came_before_it() -> Result<()> {
    for peer in PEERS {
        let (_server, addr) = start(peer)?;
        let mut stream = connect(&addr)?;
        stream.write_all(b"\0\0\0\x04last\0\0\0\0")?;
        stream.shutdown(Shutdown::Write)?;
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed)?;
        assert_eq!(echoed, b"\0\0\0\x04last\0\0\0\0", "{peer}");
    }
    Ok(())
}

#[test]
fn the_load_generator_gets_every_frame_back_from_every_peer() -> Result<()> {
    for peer in PEERS {
        let (server, addr) = start(peer)?;
        let arguments = [
            &addr,
            "--connections=20",
            "--depth=8",
            "--messages=2000",
            "--seconds=10",
        ];
        let arguments = [&arguments[..], &["--warm-up-seconds=0.01"]].concat();
        let load = spawn(env!("CARGO_BIN_EXE_load"), &arguments)?;
        assert_eq!(load.wait_for_report(TIMEOUT)?, Report::Ready, "{peer}");
        match load.wait_for_report(TIMEOUT)? {
            Report::Done { messages, .. } => assert_eq!(messages, 2000, "{peer}"),
            other @ (Report::Ready | Report::Listening { .. }) => bail!("{peer}: {other:?}"),
        }
        assert!(server.cpu_time()? > Duration::ZERO, "{peer}");
    }
    Ok(())
}

fn start(peer: &str) -> Result<(Process, String)> {
    let server = spawn(env!("CARGO_BIN_EXE_peer"), &[peer])?;
    match server.wait_for_report(TIMEOUT)? {
        Report::Listening { addr } => Ok((server, addr.to_string())),
        other @ (Report::Ready | Report::Done { .. }) => bail!("{peer}: {other:?}"),
    }
}

fn spawn(program: &str, arguments: &[&str]) -> Result<Process> {
    let arguments = arguments
        .iter()
        .copied()
        .map(String::from)
        .collect::<Vec<_>>();
    Process::spawn(Path::new(program), &arguments, 0)
}

fn connect(addr: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn read(stream: &mut TcpStream, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
