//! The other end of a connection: bytes by hand, in this process.

use std::net::Ipv4Addr;

use lastword_load::peer::welcome;
use lastword_netlab::{Host, Lab};
use lastword_session::Role;
use lastword_tests::{Raw, data, hello, kind, tcp_info, until, within};
use tokio::net::TcpListener;

use crate::rig::Rig;

/// The frames that an end sends before it leaves: 5,200 bytes, which fit in any receive buffer.
pub(crate) const FRAMES: u64 = 50;

/// A live connection on loopback, with `role` at our end of it.
pub(crate) async fn pair(role: Role) -> (Rig, Raw) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let far = Raw::connect(listener.local_addr().expect("an address")).await;
    greet(&listener, far, role).await
}

/// A live connection through the lab, with the server at our end; call it inside the server's host.
pub(crate) async fn pair_in(lab: &Lab) -> std::io::Result<(Rig, Raw)> {
    let listener = TcpListener::bind((lab.addr(Host::Server), 0)).await?;
    let far = Raw::connect_in(lab, listener.local_addr()?)?;
    Ok(greet(&listener, far, Role::Server).await)
}

/// Frames of the game, `FRAMES` of them.
pub(crate) fn frames() -> Vec<u8> {
    data(&[7; 100]).repeat(usize::try_from(FRAMES).expect("few"))
}

/// The first half of another frame.
pub(crate) fn half_a_frame() -> Vec<u8> {
    data(&[7; 100])[..50].to_vec()
}

/// Writes all of it, and waits until the other kernel has it.
pub(crate) async fn deliver(far: &mut Raw, bytes: &[u8]) {
    far.write(bytes).await;
    until("an acknowledgement", || tcp_info(&far.stream).outq == 0).await;
}

/// Writes a frame that the peer will not read, and waits until the other end has it unread.
pub(crate) async fn leave_unread(rig: &mut Rig, far: &Raw) {
    rig.send(b"never read");
    rig.write().await.expect("room to write");
    far.until_readable().await;
}

async fn greet(listener: &TcpListener, mut far: Raw, role: Role) -> (Rig, Raw) {
    let (near, _) = within("accept", listener.accept())
        .await
        .expect("a connection");
    let mut rig = Rig::new(near, role);
    match role {
        Role::Server => {
            far.write(&hello(b"ann")).await;
            rig.until_live().await;
            assert_eq!(far.frame().await.map(|(kind, _)| kind), Some(kind::WELCOME));
        }
        Role::Client => {
            far.write(&welcome()).await;
            rig.until_live().await;
            assert_eq!(far.frame().await.map(|(kind, _)| kind), Some(kind::HELLO));
        }
    }
    (rig, far)
}
