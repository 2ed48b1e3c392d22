//! Watches for a sleep of the machine while a connection is live, and then asks the server whether it is still there.

use std::sync::{Arc, PoisonError};

use lastword_session::Request;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::attempts::{Attempts, LOOK};
use crate::Client;

/// The task of a watch, which ends with this value.
#[derive(Debug)]
pub(super) struct Watch(JoinHandle<()>);

impl Watch {
    pub(super) fn begin(runtime: &Handle, client: &Client, attempts: &Attempts) -> Self {
        let (mailbox, _) = client.outbound();
        let way = Arc::clone(&attempts.way);
        let wakes = Arc::clone(&attempts.pace.wakes);
        Self(runtime.spawn(async move {
            loop {
                sleep(LOOK).await;
                let slept = wakes.lock().unwrap_or_else(PoisonError::into_inner).slept();
                if let Some(slept) = slept {
                    tracing::debug!(?slept, "this machine was asleep: is the server there?");
                    way.note_slept();
                    mailbox.request(Request::Probe);
                }
            }
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use lastword_session::wire::{Extensions, HEADER_LEN, Header, Kind, Welcome};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::wake::WakeWatch;
    use crate::{Connector, ReconnectEvent};

    fn welcome() -> Vec<u8> {
        let mut bytes = Vec::new();
        Welcome {
            version: 1,
            resumed: false,
            session: [7; 16],
            connection: 1,
            received: 0,
            // No heartbeat: only the probe pings.
            heartbeat_ms: 0,
            dead_ms: 0,
            resume_window_ms: 60_000,
            frame_limit: 65_536,
            token: b"token",
            extensions: Extensions::EMPTY,
        }
        .encode(&mut bytes);
        bytes
    }

    /// wireapp/wire-webapp#21416: after a sleep of the machine the connection looked open, and nothing came over it.
    #[tokio::test]
    async fn wire_webapp_21416_open_after_sleep() {
        let slept = tokio::time::timeout(Duration::from_secs(20), sleeps());
        slept.await.expect("the server is asked");
    }

    async fn sleeps() {
        let asleep = std::sync::Arc::new(Mutex::new(Duration::ZERO));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let Ok(mut client) = Connector::start().reconnecting(listener.local_addr().unwrap());
        let slept = std::sync::Arc::clone(&asleep);
        client.wakes = WakeWatch::of(move || Some(*slept.lock().unwrap()));
        let (client, mut server) = tokio::join!(client.connect(), async {
            let (mut server, _) = listener.accept().await.unwrap();
            server.write_all(&welcome()).await.unwrap();
            server
        });
        let mut client = client.unwrap();
        *asleep.lock().unwrap() += Duration::from_secs(3_600);
        let mut kinds = Vec::new();
        while kinds.last() != Some(&Kind::Ping) {
            let mut header = [0; HEADER_LEN];
            server.read_exact(&mut header).await.unwrap();
            let header = Header::decode(header);
            let mut payload = vec![0; usize::try_from(header.len).unwrap()];
            server.read_exact(&mut payload).await.unwrap();
            kinds.push(Kind::from_byte(header.kind).unwrap());
        }
        assert_eq!(kinds, [Kind::Hello, Kind::Ack, Kind::Ping]);
        let event = client.next_event().await;
        assert!(matches!(event, Some(ReconnectEvent::Lost(_))), "{event:?}");
        let (mut server, _) = tokio::join!(
            async { listener.accept().await.unwrap().0 },
            tokio::time::timeout(Duration::from_millis(500), client.next_event())
        );
        let mut hello = [0; 200];
        let n = server.read(&mut hello).await.unwrap();
        let hello = lastword_session::wire::Hello::decode(&hello[HEADER_LEN..n]).unwrap();
        let previous = lastword_session::wire::Previous::find(&hello.extensions).unwrap();
        assert!(hello.resume && previous.slept);
    }
}
