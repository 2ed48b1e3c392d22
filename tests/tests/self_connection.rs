//! A client is never connected to itself.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lastword_client::{AttemptError, Client, DialError};
use lastword_netlab::run;
use lastword_server::Player;
use lastword_tests::{Echo, EndCollector, config, in_server_host};
use socket2::SockRef;
use tokio::net::TcpStream;

/// The system has one port to connect from, which is the port of the server. So each client would connect to itself.
#[test]
fn a_client_of_a_port_without_a_server_is_refused_and_the_server_can_start_on_it() {
    run(|lab| {
        in_server_host(lab, || async {
            std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000")?;
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
            let itself = TcpStream::connect(addr).await?;
            assert_eq!(itself.local_addr()?, addr, "the test needs that");
            SockRef::from(&itself).set_linger(Some(Duration::ZERO))?;
            drop(itself);
            for _ in 0..3 {
                let error = Client::connect(addr, "ann").await.map(drop).unwrap_err();
                let DialError::Connect { attempts, .. } = &error else {
                    panic!("{error:?}");
                };
                let refused = attempts.iter().all(|attempt| {
                    matches!(&attempt.error, AttemptError::Connect(source)
                        if source.kind() == ErrorKind::ConnectionRefused)
                });
                assert!(refused, "{error:?}");
            }
            let mut collector = EndCollector::default();
            let builder = collector.builder(config()).listen(addr.to_string());
            builder.serve(|_: &Player| Echo).await.unwrap();
            Ok(())
        })
    });
}
