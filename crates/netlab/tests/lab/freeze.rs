//! Frozen processes: the kernel takes incoming data, and the processes do nothing.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use lastword_netlab::{Host, Lab, freeze, run};

use crate::pair::{Pair, is_silent, kind, peek, read_four};

#[test]
fn a_frozen_process_answers_when_it_is_thawed() {
    run(|lab| {
        let (child, mut server) = echo(lab)?;
        let frozen = freeze(child.id())?;
        assert_eq!(state(&child)?, 'T');
        server.write_all(b"ping")?;
        assert!(is_silent(&server)?);
        frozen.thaw()?;
        assert_eq!(read_four(&mut server)?, *b"ping");
        Ok(())
    });
}

#[test]
fn a_process_goes_on_when_its_guard_is_dropped() {
    run(|lab| {
        let (child, mut server) = echo(lab)?;
        for _ in 0..20 {
            drop(freeze(child.id())?);
            assert_ne!(state(&child)?, 'T');
        }
        server.write_all(b"ping")?;
        assert_eq!(read_four(&mut server)?, *b"ping");
        Ok(())
    });
}

#[test]
fn a_busy_process_stands_still_before_the_call_returns() {
    run(|lab| {
        let mut busy = Command::new("sh");
        busy.args(["-c", "while :; do :; done"]);
        let child = lab.spawn(Host::Client, &mut busy)?;
        for _ in 0..200 {
            let _frozen = freeze(child.id())?;
            assert_eq!(state(&child)?, 'T');
        }
        Ok(())
    });
}

#[test]
fn a_frozen_process_can_be_killed() {
    run(|lab| {
        let (mut child, server) = echo(lab)?;
        let frozen = freeze(child.id())?;
        child.kill()?;
        child.wait()?;
        assert_eq!(peek(&server)?, 0, "no end of the stream");
        assert!(frozen.thaw().is_err(), "a process that is gone was thawed");
        Ok(())
    });
}

#[test]
fn a_process_that_has_ended_is_not_frozen() {
    run(|_| {
        let mut child = Command::new("true").stdout(Stdio::piped()).spawn()?;
        // The end of its output comes with the end of the process, or just before. The process is not reaped, so it
        // still has its number.
        io::copy(
            &mut child.stdout.take().ok_or("no output")?,
            &mut io::sink(),
        )?;
        assert_eq!(kind(freeze(child.id())), Some(ErrorKind::NotFound));
        child.wait()?;
        assert!(freeze(child.id()).is_err());
        assert!(freeze(0).is_err());
        Ok(())
    });
}

/// A process on the client's host that sends back everything it reads, and the server's end of its connection.
fn echo(lab: &Lab) -> io::Result<(Child, TcpStream)> {
    let Pair { client, server } = Pair::connect(lab)?;
    let output = OwnedFd::from(client.try_clone()?);
    let mut command = Command::new("cat");
    command.stdin(OwnedFd::from(client)).stdout(output);
    Ok((lab.spawn(Host::Client, &mut command)?, server))
}

fn state(child: &Child) -> io::Result<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    stat.rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next())
        .ok_or_else(|| io::Error::other(stat.clone()))
}
