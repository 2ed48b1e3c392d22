//! The only code that touches the socket: it counts raw bytes and keeps the first error of any call.

use std::fmt;
use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, KernelSample};
use lastword_session::{Call, FirstError, OsError, Readings, System};
use lastword_sys::{Ends, Received};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::options;

/// A TCP stream whose bytes and errors are recorded. TLS and the PROXY parser lie above it.
///
/// A socket's error (`sk_err` on Linux) is reported once, to the first call. So every call goes through here, and the
/// first error with a meaning is kept.
#[derive(Debug)]
pub struct Tap {
    /// Shared only with the watch for an end while reading is paused.
    stream: Arc<TcpStream>,
    bytes_read: u64,
    /// Boxed, because most connections never have one.
    first_error: Option<Box<FirstError>>,
}

impl Tap {
    /// Takes a stream from which nothing was read yet.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream: Arc::new(stream),
            bytes_read: 0,
            first_error: None,
        }
    }

    /// Reads the available bytes. 0 is the end, or an error that another call consumed.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // The runtime is asked for a wake-up only where nothing is known to be there: this halves the cost of a read.
        loop {
            if let Some(read) = self.noted(self.try_read(buffer)) {
                return Poll::Ready(read);
            }
            ready!(self.stream.poll_read_ready(cx))?;
        }
    }

    /// Reads the kernel's bytes, even if the runtime does not yet know of them; pending where the kernel has none.
    pub(crate) fn read_now(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.noted((&*SockRef::from(&*self.stream)).read(buffer));
        read.map_or(Poll::Pending, Poll::Ready)
    }

    /// Notes the result of a read; `None` where the kernel has no bytes.
    fn noted(&mut self, read: io::Result<usize>) -> Option<io::Result<usize>> {
        match &read {
            Ok(n) => self.bytes_read += u64::try_from(*n).unwrap_or(u64::MAX),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(error) => self.note(Call::Read, error),
        }
        Some(read)
    }

    /// Reads once. If that leaves the kernel without bytes, the runtime waits for new ones without another read.
    ///
    /// A read that does not fill the buffer does not prove that no bytes are left: a read stops before urgent data.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut last = None;
        let read = self.stream.try_io(Interest::READABLE, || {
            let received = lastword_sys::recv(lastword_sys::borrow(&*self.stream), buffer);
            let Some(received) = received else {
                return (&*SockRef::from(&*self.stream)).read(buffer);
            };
            let Received { read, unread } = received?;
            if unread == 0 && 0 < read && read < buffer.len() {
                last = Some(read);
                // This makes the runtime wait.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        last.map_or(read, Ok)
    }

    /// Writes as many bytes as fit.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.stream.poll_write_ready(cx))?;
                }
                Err(error) => {
                    self.note(Call::Write, &error);
                    return Poll::Ready(Err(error));
                }
                Ok(n) => return Poll::Ready(Ok(n)),
            }
        }
    }

    /// Writes as many bytes as the kernel takes, even if the runtime does not yet know of its room; pending where it takes
    /// none.
    pub(crate) fn write_now(&mut self, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let socket = SockRef::from(&*self.stream);
        match socket.send_vectored_with_flags(slices, lastword_sys::SEND_FLAGS) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => {
                self.note(Call::Write, &error);
                Poll::Ready(Err(error))
            }
            Ok(n) => Poll::Ready(Ok(n)),
        }
    }

    /// Writes without raising `SIGPIPE`, even where a host program does not ignore it.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        match (filled.next(), filled.next()) {
            (None, _) => Ok(0),
            (Some(one), None) => self.stream.try_write(one),
            _ => self.stream.try_io(Interest::WRITABLE, || {
                SockRef::from(&*self.stream)
                    .send_vectored_with_flags(slices, lastword_sys::SEND_FLAGS)
            }),
        }
    }

    /// Sets the liveness options of another profile than the listener's.
    pub(crate) fn tune(&self, knobs: &KernelKnobs) {
        if let Err(error) = options::retune(&SockRef::from(&*self.stream), knobs) {
            tracing::debug!(error = %OsError::in_words(&error), "the options of the player's profile were not set");
        }
    }

    /// Delays the kernel's own give-up, or lets it count again.
    pub(crate) fn hold_give_up(&self, hold: bool) {
        options::hold_give_up(&SockRef::from(&*self.stream), hold);
    }

    /// Sends our FIN after all written data.
    ///
    /// # Errors
    /// `ENOTCONN` on a connection that is already dead.
    pub fn shutdown(&mut self) -> io::Result<()> {
        let socket = SockRef::from(&*self.stream);
        options::bound_orphan(&socket);
        let shut = socket.shutdown(Shutdown::Write);
        if let Err(error) = &shut {
            self.note(Call::Shutdown, error);
        }
        shut
    }

    /// Prepares the coming close. It is a reset where the kernel is to keep no data for a peer that is gone; else the
    /// kernel keeps our last bytes for a limited time.
    pub(crate) fn leave(&self, abort: bool) {
        match abort {
            true => self.abort(),
            false => options::bound_orphan(&SockRef::from(&*self.stream)),
        }
    }

    /// Makes the coming close a reset: the kernel keeps no data for a peer that is gone.
    pub fn abort(&self) {
        if let Err(error) = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(error = %OsError::in_words(&error), "SO_LINGER was not set");
        }
    }

    /// Watches for an end while nothing is read, where the system tells it.
    pub(crate) fn watch(&self) -> Option<Watch> {
        let stream = Arc::clone(&self.stream);
        let the_end = THE_END?;
        let shows = async move { stream.ready(the_end).await.map(|_| ()) };
        Some(Watch(Box::pin(shows)))
    }

    /// Returns the kernel's current view, the first error and the bytes read.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let kernel = self.sample();
        Readings {
            kernel,
            after_fin: kernel.map_or_else(
                || lastword_sys::is_after_fin(lastword_sys::borrow(&*self.stream)),
                |kernel| kernel.is_after_fin(),
            ),
            first_error: self.first_error.as_deref().copied(),
            bytes_read: self.bytes_read,
            ..Readings::default()
        }
    }

    /// Returns the kernel's current view; `None` where it has none, or where it has counted fewer bytes than were read.
    ///
    /// Such counters prove nothing about this connection, now or later, because the number of bytes read only grows.
    /// This is a property of the socket and not of the kernel: a socket that was converted to another protocol shows
    /// the counters of its handshake.
    #[must_use]
    pub fn sample(&self) -> Option<KernelSample> {
        let sample = lastword_sys::sample(lastword_sys::borrow(&*self.stream));
        sample.filter(|sample| sample.bytes_received >= self.bytes_read)
    }

    /// Returns the ends of the connection, where the system can be asked about the network between them.
    pub(crate) fn ends(&self) -> Option<Ends> {
        lastword_sys::ends(lastword_sys::borrow(&*self.stream))
    }

    /// Returns the raw bytes read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Keeps the first error. A broken pipe says only that the connection ended, so an error that says more replaces
    /// it.
    fn note(&mut self, call: Call, error: &io::Error) {
        let error = OsError::from(error);
        let first = self.first_error.as_deref();
        if first.is_none_or(|first| is_hollow(&first.error) && !is_hollow(&error)) {
            self.first_error = Some(Box::new(FirstError { call, error }));
        }
    }
}

/// Ready once an end shows. The readiness stays: a watch is good for once.
pub(crate) struct Watch(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>);

impl Watch {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx).map(|_| ())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").finish()
    }
}

impl From<TcpStream> for Tap {
    fn from(stream: TcpStream) -> Self {
        Self::new(stream)
    }
}

/// Whether the error says only that the connection is over, not why: EPIPE and ENOTCONN.
fn is_hollow(error: &OsError) -> bool {
    use io::ErrorKind::{BrokenPipe, NotConnected};
    matches!(error.kind, BrokenPipe | NotConnected)
        && !(System::current() == System::Windows && error.code == Some(10053))
}

/// The interest that a FIN or RST satisfies and data does not. Only Linux has it.
#[cfg(target_os = "linux")]
const THE_END: Option<Interest> = Some(Interest::PRIORITY);
#[cfg(not(target_os = "linux"))]
const THE_END: Option<Interest> = None;
#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[tokio::test]
    async fn the_first_error_that_says_why_is_kept() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let mut tap = Tap::new(TcpStream::connect(addr).await.expect("a connection"));
        let kept = |tap: &Tap| tap.first_error.as_ref().map(|first| first.error.kind);
        for (error, expected) in [
            (ErrorKind::BrokenPipe, ErrorKind::BrokenPipe),
            (ErrorKind::ConnectionReset, ErrorKind::ConnectionReset),
            (ErrorKind::TimedOut, ErrorKind::ConnectionReset),
            (ErrorKind::BrokenPipe, ErrorKind::ConnectionReset),
        ] {
            tap.note(Call::Write, &error.into());
            assert_eq!(kept(&tap), Some(expected), "after {error:?}");
        }
    }
}
