//! Datagrams across the lab.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use lastword_netlab::{Host, Lab};

use crate::pair::TIMEOUT;

/// Datagrams from one host to the other; no kernel retransmits them.
pub(crate) struct Datagrams {
    from: UdpSocket,
    to: UdpSocket,
}

impl Datagrams {
    pub(crate) fn new(lab: &Lab, sender: Host) -> io::Result<Self> {
        let open = |host| lab.on(host, || UdpSocket::bind((lab.addr(host), 0)));
        let (from, to) = (open(sender)?, open(sender.other())?);
        from.connect(to.local_addr()?)?;
        to.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { from, to })
    }

    /// Sends this many, and counts those that arrive. Without a delay nothing on the way queues: when `send` returns, a
    /// datagram has arrived or is lost.
    pub(crate) fn arrivals(&self, count: usize) -> io::Result<usize> {
        self.to.set_nonblocking(true)?;
        let mut arrived = 0;
        for _ in 0..count {
            self.from.send(b"datagram")?;
            match self.to.recv(&mut [0; 8]) {
                Ok(_) => arrived += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(arrived)
    }

    /// Returns whether one arrives within this time.
    pub(crate) fn arrives_within(&self, time: Duration) -> io::Result<bool> {
        self.to.set_nonblocking(false)?;
        self.to.set_read_timeout(Some(time))?;
        let arrived = self.to.peek(&mut [0; 8]);
        self.to.set_read_timeout(Some(TIMEOUT))?;
        match arrived {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits for this many that were sent before, and returns how many came.
    pub(crate) fn waiting(&self, count: usize) -> io::Result<usize> {
        let arrived = (0..count).map(|_| self.to.recv(&mut [0; 8]));
        arrived.sum::<io::Result<usize>>().map(|bytes| bytes / 8)
    }

    /// Sends one, and returns how long it takes.
    pub(crate) fn takes(&self) -> io::Result<Duration> {
        let start = Instant::now();
        self.from.send(b"datagram")?;
        self.to.recv(&mut [0; 8])?;
        Ok(start.elapsed())
    }

    /// Sends numbered ones, and returns the numbers that arrive until `last`, the number of the last one, does.
    pub(crate) fn numbers(&self, last: u32) -> io::Result<Vec<u32>> {
        for number in 0..=last {
            self.from.send(&number.to_be_bytes())?;
        }
        let mut numbers = Vec::new();
        while numbers.last() != Some(&last) {
            let mut number = [0; 4];
            self.to.recv(&mut number)?;
            numbers.push(u32::from_be_bytes(number));
        }
        Ok(numbers)
    }
}
