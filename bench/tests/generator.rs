//! The load generator checks every server: wrong echoes and early ends fail the run. It also keeps `lastword`'s own
//! rules.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use lastword_bench::load::{Generator, Load, Until};
use lastword_bench::wire::{Framing, HEADER_BYTES, kind};

const TIMEOUT: Duration = Duration::from_secs(20);
const FRAME_BYTES: usize = HEADER_BYTES + 64;

#[test]
fn a_true_echo_is_counted() -> Result<()> {
    let (addr, server) = serve_once(|mut stream| {
        echo_frames(&mut stream, 3, |_, _| {})?;
        // If the server closed right after the last echo, the run would fail.
        ensure!(stream.read(&mut [0])? == 0, "a fourth frame");
        Ok(())
    })?;
    assert_eq!(drive(addr, 3)?, 3);
    join(server)
}

#[test]
fn one_wrong_bit_in_an_echo_fails_the_run() -> Result<()> {
    let (addr, server) = serve_once(|mut stream| {
        echo_frames(&mut stream, 2, |number, frame| {
            if number == 1 {
                frame[FRAME_BYTES - 1] ^= 1;
            }
        })
    })?;
    let error = drive(addr, 2)
        .err()
        .context("the wrong echo was accepted")?;
    assert!(
        error.to_string().contains("what came back is not frame 1"),
        "{error:#}"
    );
    join(server)
}

#[test]
fn the_echo_of_a_frame_that_was_not_sent_yet_fails_the_run() -> Result<()> {
    let (addr, server) = serve_once(|mut stream| {
        let first = read(&mut stream, FRAME_BYTES)?;
        let mut second = first.clone();
        second[HEADER_BYTES + 11] = 1;
        stream.write_all(&[first, second].concat())?;
        Ok(())
    })?;
    let error = drive(addr, 1)
        .err()
        .context("the early echo was accepted")?;
    assert!(
        error.to_string().contains("what came back is not frame 1"),
        "{error:#}"
    );
    join(server)
}

#[test]
fn a_server_that_closes_fails_the_run() -> Result<()> {
    let (addr, server) = serve_once(|mut stream| read(&mut stream, FRAME_BYTES).map(drop))?;
    let error = drive(addr, 1).err().context("the close went unnoticed")?;
    assert!(
        error.to_string().contains("closed connection 0"),
        "{error:#}"
    );
    join(server)
}

#[test]
fn a_client_of_lastword_greets_answers_a_ping_and_beats_when_idle() -> Result<()> {
    let (addr, server) = serve_once(|mut stream| {
        let (hello_kind, hello) = read_frame(&mut stream)?;
        ensure!(
            hello_kind == kind::HELLO && hello.starts_with(b"LW\x01\x01"),
            "no hello"
        );
        stream.write_all(&welcome(50))?;
        stream.write_all(&[&[0, 0, 16, kind::PING], &[7; 16][..]].concat())?;
        // The answer to our ping comes at once, and the generator's own ping within an interval; the order may vary.
        let mut seen = [read_frame(&mut stream)?, read_frame(&mut stream)?];
        seen.sort_by_key(|(kind, _)| *kind);
        let [(ping_kind, ping), (pong_kind, pong)] = seen;
        ensure!(
            (ping_kind, ping.len()) == (kind::PING, 16),
            "kind {ping_kind}: {ping:?}"
        );
        ensure!(
            (pong_kind, pong.len()) == (kind::PONG, 28),
            "kind {pong_kind}: {pong:?}"
        );
        ensure!(
            pong.starts_with(&[7; 8]),
            "the pong does not carry our clock: {pong:?}"
        );
        Ok(())
    })?;
    let mut generator = Generator::connect(&load(addr, &["--framing=lastword"])?)?;
    let deadline = Instant::now() + TIMEOUT;
    while !server.is_finished() && Instant::now() < deadline {
        if generator.turn(Duration::from_millis(5)).is_err() {
            break;
        }
    }
    join(server)
}

fn drive(addr: SocketAddr, frames: u64) -> Result<u64> {
    let mut generator = Generator::connect(&load(addr, &[])?)?;
    generator.drive(Until {
        deadline: Instant::now() + TIMEOUT,
        frames_each: Some(frames),
    })
}

fn load(addr: SocketAddr, arguments: &[&str]) -> Result<Load> {
    let addr = addr.to_string();
    let fixed = ["load", &addr, "--connections=1", "--depth=1"];
    Ok(Load::try_parse_from([&fixed, arguments].concat())?)
}

fn serve_once(
    session: impl FnOnce(TcpStream) -> Result<()> + Send + 'static,
) -> Result<(SocketAddr, JoinHandle<Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        session(stream)
    });
    Ok((addr, server))
}

fn join(server: JoinHandle<Result<()>>) -> Result<()> {
    server
        .join()
        .map_err(|_| anyhow::anyhow!("the server's thread panicked"))?
}

fn echo_frames(
    stream: &mut TcpStream,
    frames: usize,
    spoil: impl Fn(usize, &mut [u8]),
) -> Result<()> {
    for number in 0..frames {
        let mut frame = read(stream, FRAME_BYTES)?;
        spoil(number, &mut frame);
        stream.write_all(&frame)?;
    }
    Ok(())
}

fn read_frame(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let header = read(stream, HEADER_BYTES)?;
    let header = header.first_chunk().context("a header")?;
    let (kind, len) = Framing::Lastword.header(*header);
    Ok((kind, read(stream, usize::try_from(len)?)?))
}

fn welcome(heartbeat_interval_ms: u32) -> Vec<u8> {
    let interval = heartbeat_interval_ms.to_be_bytes();
    let payload = [
        &[1, 0],
        &[9; 16 + 4 + 8][..],
        &interval,
        &[0; 4 + 4 + 4 + 2 + 2],
    ]
    .concat();
    [&[0, 0, 50, kind::WELCOME], &payload[..]].concat()
}

fn read(stream: &mut TcpStream, len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
