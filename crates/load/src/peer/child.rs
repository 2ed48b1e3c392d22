//! The process of a peer. It carries out the orders on standard input, answers on standard output, and ends when
//! standard input ends.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::process;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use lastword_sys::{SEND_FLAGS, borrow, sample};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::order::{Done, Order};
use super::{PATIENCE, stream, until};
use crate::Fault;
use crate::process::{answer, next_order};
use crate::socket::Raw;

/// Carries out orders until standard input ends or the answers cannot be written. In both cases the parent is gone,
/// which is not a failure.
///
/// # Errors
/// There can be no runtime.
pub fn carry_out_orders() -> io::Result<()> {
    let mut child = Child {
        runtime: Builder::new_current_thread().enable_all().build()?,
        listener: None,
        raw: None,
        done: Done::default(),
    };
    for order in orders() {
        // This call does not return, so the answer goes out before it.
        if order == Order::Press && answer(&Ok(child.done)).is_err() {
            break;
        }
        let done = child.perform(order);
        let done = done.map_err(|error| format!("{order:?}: {error}"));
        if answer(&done.map(|()| child.done)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Yields the orders as they arrive. The end of the input ends the process, even in the middle of a call.
fn orders() -> Receiver<Order> {
    let (tell, told) = channel();
    thread::spawn(move || {
        while let Ok(Some(order)) = next_order() {
            if tell.send(order).is_err() {
                break;
            }
        }
        process::exit(0);
    });
    told
}

#[derive(Debug)]
struct Child {
    /// This thread is the runtime's only one, so nothing is read or written between two orders.
    runtime: Runtime,
    listener: Option<TcpListener>,
    raw: Option<Raw>,
    done: Done,
}

impl Child {
    fn perform(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Connect(addr) => {
                self.raw = Some(self.wait(Raw::connect(None, addr))?);
                Ok(())
            }
            Order::Join => self.with_raw(async |raw| raw.join(stream::NAME).await.map(drop)),
            Order::Listen => self.listen(),
            Order::Accept => self.accept(),
            Order::Welcome => self.with_raw(async |raw| {
                raw.frame().await.ok_or_else(|| Fault::Io {
                    step: "waiting for a hello",
                    source: io::ErrorKind::UnexpectedEof.into(),
                })?;
                raw.write(&stream::welcome()).await
            }),
            Order::Write(bytes) => {
                let end = self.done.sent + bytes;
                let rest = stream::between(self.done.sent, end);
                self.done.sent = end;
                self.with_raw(async |raw| raw.write(&rest).await)
            }
            Order::Fill => self.fill(),
            Order::Press => self.press(),
            Order::Peek => self.with_raw(async |raw| raw.until_readable().await),
            Order::Settle => self.settle(),
            Order::Shut => {
                self.with_raw(async |raw| raw.finish().await)?;
                self.settle()
            }
            Order::Linger => self.with_raw(async |raw| {
                raw.finish().await?;
                raw.discard().await
            }),
            Order::Close => {
                self.raw = None;
                Ok(())
            }
            // No destructor runs: the kernel closes the socket of a process that has ended.
            Order::Exit => process::exit(0),
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        let listener = self.wait(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        self.done.addr = Some(listener.local_addr()?);
        self.listener = Some(listener);
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let listener = self.listener.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (stream, _) = self.wait(listener.accept())?;
        self.raw = Some(Raw::over(stream)?);
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        let (stream, position) = (connected(&self.raw)?, &mut self.done.sent);
        let socket = SockRef::from(stream);
        // With a fixed size, the kernel does not enlarge the buffer later.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        until("both kernels are full", || {
            // All that left has arrived, and the rest finds the window shut. From here on nothing makes room: once a
            // call takes no bytes, no later call takes any.
            let sample = sample(borrow(stream)).ok_or(io::ErrorKind::Unsupported)?;
            let taken = pump(&socket, position)?;
            Ok(taken == 0 && sample.unacked == 0 && sample.notsent > 0)
        })
    }

    fn press(&self) -> io::Result<()> {
        let socket = SockRef::from(connected(&self.raw)?);
        socket.set_nonblocking(false)?;
        (&*socket).write_all(&stream::rest_of_frame(self.done.sent))
    }

    fn settle(&self) -> io::Result<()> {
        let stream = connected(&self.raw)?;
        until("everything is acknowledged", || {
            Ok(sample(borrow(stream)).is_some_and(|sample| sample.outq == 0))
        })
    }

    fn with_raw(
        &mut self,
        step: impl AsyncFnOnce(&mut Raw) -> Result<(), Fault>,
    ) -> io::Result<()> {
        let raw = self.raw.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let step = async { timeout(PATIENCE, step(raw)).await };
        self.runtime.block_on(step)?.map_err(io::Error::other)
    }

    fn wait<T>(&self, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        self.runtime
            .block_on(async { timeout(PATIENCE, step).await })?
    }
}

fn connected(raw: &Option<Raw>) -> io::Result<&TcpStream> {
    let raw = raw.as_ref().ok_or(io::ErrorKind::NotConnected)?;
    Ok(raw.stream())
}

/// Writes more of the stream until the kernel takes no further bytes, and returns how many it took. It asks the kernel
/// itself: what the runtime knows of the socket may be old.
fn pump(socket: &SockRef<'_>, position: &mut u64) -> io::Result<u64> {
    let before = *position;
    loop {
        match socket.send_with_flags(&stream::rest_of_frame(*position), SEND_FLAGS) {
            Ok(sent) => *position += u64::try_from(sent).unwrap_or(u64::MAX),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(*position - before);
            }
            Err(error) => return Err(error),
        }
    }
}

/// More than a receive buffer holds while its process does not read.
const SEND_BUFFER: usize = 1 << 20;
