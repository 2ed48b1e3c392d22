//! Passes a listening socket to another process over a Unix socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::AsFd;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Sends the socket.
///
/// # Errors
/// As `sendmsg`(2).
pub(super) fn send(over: impl AsFd, listener: &TcpListener) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [listener.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // A message must hold at least one byte.
    sendmsg(
        over,
        &[IoSlice::new(b"\n")],
        &mut control,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Waits for a socket.
///
/// # Errors
/// As `recvmsg`(2); [`io::ErrorKind::UnexpectedEof`] if the other end closed without sending a socket.
pub(super) fn receive(over: impl AsFd) -> io::Result<TcpListener> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        over,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let sockets = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
        RecvAncillaryMessage::ScmCredentials(_) | _ => None,
    });
    let socket = sockets.into_iter().next();
    socket
        .map(TcpListener::from)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_that_was_passed_on_accepts() {
        let (here, there) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        send(&here, &listener).unwrap();
        drop(listener);
        let passed_on = receive(&there).unwrap();
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(passed_on.accept().unwrap().1, client.local_addr().unwrap());
        drop(here);
        assert_eq!(
            receive(&there).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
