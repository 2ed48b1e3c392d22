//! The other process of a row. It carries out the orders on standard input, answers on standard output, and ends when
//! standard input ends.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use lastword_sys::{borrow, sample};
use socket2::SockRef;

use super::order::{Done, Order, Reply};
use super::patience::{PATIENCE, until};
use super::wire;

/// Carries out orders until standard input ends or the answers cannot be written. In both cases the parent is gone,
/// which is not a failure.
pub(crate) fn obey() {
    let mut actor = Actor::default();
    for order in orders() {
        // This call does not return, so the answer goes out before it.
        if order == Order::Press && answer(&Ok(Done::Plain)).is_err() {
            return;
        }
        let done = actor.perform(order);
        let reply = done.map_err(|error| format!("{order:?}: {error}"));
        if answer(&reply).is_err() {
            return;
        }
    }
}

/// Yields the orders as they arrive. The end of the input ends the process, even in the middle of a
/// call.
fn orders() -> Receiver<Order> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        let mut orders = lines.map_while(|line| serde_json::from_str(&line).ok());
        while orders.next().is_some_and(|order| tell.send(order).is_ok()) {}
        process::exit(0);
    });
    told
}

fn answer(reply: &Reply) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(reply)?)?;
    Ok(stdout.flush()?)
}

#[derive(Debug, Default)]
struct Actor {
    listener: Option<TcpListener>,
    stream: Option<TcpStream>,
    /// How many bytes of the stream of frames were sent.
    position: u64,
}

impl Actor {
    fn perform(&mut self, order: Order) -> io::Result<Done> {
        match order {
            Order::Connect(addr) => self.connect(addr)?,
            Order::Join => {
                self.stream()?.write_all(&wire::hello())?;
                self.read_frame()?;
            }
            Order::Listen => return self.listen(),
            Order::Accept => self.accept()?,
            Order::Welcome => {
                self.read_frame()?;
                self.stream()?.write_all(&wire::welcome())?;
            }
            Order::Write(bytes) => return self.write(bytes),
            Order::Fill => return self.fill(),
            Order::Press => self.press()?,
            Order::Peek => {
                self.stream()?.peek(&mut [0])?;
            }
            Order::Settle => self.settle()?,
            Order::Shut => self.shut()?,
            Order::Linger => self.linger()?,
            Order::Close => self.stream = None,
            // No destructor runs: the kernel closes the socket of a process that has ended.
            Order::Exit => process::exit(0),
        }
        Ok(Done::Plain)
    }

    fn connect(&mut self, addr: SocketAddr) -> io::Result<()> {
        self.take(TcpStream::connect_timeout(&addr, PATIENCE)?)
    }

    fn listen(&mut self) -> io::Result<Done> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        self.listener = Some(listener);
        Ok(Done::Listening(addr))
    }

    fn accept(&mut self) -> io::Result<()> {
        let listener = self.listener.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (stream, _) = listener.accept()?;
        self.take(stream)
    }

    fn take(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.stream = Some(stream);
        Ok(())
    }

    fn write(&mut self, bytes: u64) -> io::Result<Done> {
        let end = self.position + bytes;
        while self.position < end {
            let mut rest = wire::rest_of_frame(self.position);
            rest.truncate(usize::try_from(end - self.position).unwrap_or(usize::MAX));
            self.position += count(self.stream()?.write(&rest)?);
        }
        Ok(Done::Sent(self.position))
    }

    fn fill(&mut self) -> io::Result<Done> {
        self.stream()?.set_nonblocking(true)?;
        // With a fixed size, the kernel does not enlarge the buffer later.
        SockRef::from(&*self.stream()?).set_send_buffer_size(SEND_BUFFER)?;
        until("both kernels are full", || {
            // All that left has arrived, and the rest finds the window shut. From here on nothing makes room: once a
            // call takes no bytes, no later call takes any.
            let sample = sample(borrow(self.stream()?)).ok_or(io::ErrorKind::Unsupported)?;
            let taken = self.pump()?;
            Ok(taken == 0 && sample.unacked == 0 && sample.notsent > 0)
        })?;
        self.stream()?.set_nonblocking(false)?;
        Ok(Done::Sent(self.position))
    }

    fn pump(&mut self) -> io::Result<u64> {
        let before = self.position;
        loop {
            let rest = wire::rest_of_frame(self.position);
            match self.stream()?.write(&rest) {
                Ok(n) => self.position += count(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(self.position - before);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn press(&mut self) -> io::Result<()> {
        let rest = wire::rest_of_frame(self.position);
        self.stream()?.write_all(&rest)
    }

    fn read_frame(&mut self) -> io::Result<()> {
        let mut header = [0; 4];
        self.stream()?.read_exact(&mut header)?;
        self.read(u64::from(u32::from_be_bytes(header) >> 8))
    }

    fn read(&mut self, bytes: u64) -> io::Result<()> {
        let read = io::copy(&mut self.stream()?.take(bytes), &mut io::sink())?;
        if read == bytes {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn shut(&mut self) -> io::Result<()> {
        self.stream()?.shutdown(Shutdown::Write)?;
        self.settle()
    }

    fn settle(&mut self) -> io::Result<()> {
        let stream = self.stream()?;
        until("everything is acknowledged", || {
            Ok(sample(borrow(stream)).is_some_and(|sample| sample.outq == 0))
        })
    }

    fn linger(&mut self) -> io::Result<()> {
        let stream = self.stream()?;
        stream.shutdown(Shutdown::Write)?;
        io::copy(stream, &mut io::sink())?;
        Ok(())
    }

    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        Ok(self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?)
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// More than a receive buffer holds while its process does not read.
const SEND_BUFFER: usize = 1 << 20;
