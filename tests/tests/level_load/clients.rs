//! The clients: some stay all the time, others come and go during the stall.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lastword_server::Cause;
use lastword_tests::{Raw, data, goodbye, run_clients, within};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::game::State;
use crate::{ECHO, GUESTS, PAYLOAD, RESIDENTS};

/// Clients that send from the start of the stall until it is over. Each returns how many frames it sent.
pub(crate) async fn residents(addr: SocketAddr, state: &Arc<State>) -> Vec<JoinHandle<u32>> {
    let mut residents = Vec::new();
    for n in 0..RESIDENTS {
        let state = Arc::clone(state);
        // A small buffer, so that the data on the way in all of them together stays small.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(16 * 1024).unwrap();
        let stream = within("connect", socket.connect(addr)).await.unwrap();
        let mut raw = Raw { stream };
        raw.enter(&n.to_string()).await;
        residents.push(tokio::spawn(async move {
            within("the stall", state.begins.acquire())
                .await
                .expect("it is never closed")
                .forget();
            reside(raw, &state).await
        }));
    }
    residents
}

async fn reside(mut raw: Raw, state: &State) -> u32 {
    let mut count = 0;
    while !state.enough.load(Ordering::Acquire) {
        let burst: Vec<_> = (count..count + BURST)
            .flat_map(|n| data(&numbered(n)))
            .collect();
        raw.write(&burst).await;
        count += BURST;
    }
    raw.echo(ECHO).await;
    raw.write(&goodbye()).await;
    assert_eq!(raw.goodbye_code().await, None, "it was not kicked");
    count
}

/// How a client that comes during the stall leaves again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guest {
    SaysNothing,
    SaysGoodbye,
    Closes,
    Resets,
}

impl Guest {
    pub(crate) fn of(n: u32) -> Self {
        match n % 4 {
            0 => Self::SaysNothing,
            1 => Self::SaysGoodbye,
            2 => Self::Closes,
            _ => Self::Resets,
        }
    }

    pub(crate) fn frames(self) -> u32 {
        match self {
            Self::SaysNothing => 0,
            Self::SaysGoodbye | Self::Closes | Self::Resets => BURST,
        }
    }

    pub(crate) fn cause(self) -> Cause {
        match self {
            Self::SaysNothing | Self::Closes => Cause::PeerFin,
            Self::SaysGoodbye => Cause::PeerGoodbye,
            Self::Resets => Cause::PeerReset,
        }
    }

    async fn visit(self, addr: SocketAddr, name: String) {
        let mut raw = Raw::join(addr, &name).await;
        let says: Vec<_> = (0..self.frames())
            .flat_map(|n| data(&numbered(n)))
            .collect();
        raw.write(&says).await;
        match self {
            Self::SaysNothing | Self::Closes => {}
            Self::SaysGoodbye => raw.write(&goodbye()).await,
            Self::Resets => raw.reset(),
        }
    }
}

pub(crate) async fn guests(addr: SocketAddr) {
    run_clients(GUESTS, 10, |n| {
        Guest::of(n).visit(addr, format!("guest {n}"))
    })
    .await;
}

pub(crate) fn numbered(n: u32) -> [u8; PAYLOAD] {
    let mut payload = [7; PAYLOAD];
    payload[..4].copy_from_slice(&n.to_be_bytes());
    payload
}

const BURST: u32 = 16;
