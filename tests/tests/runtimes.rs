//! A server on a runtime that cannot serve it: it does not start, and says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is the test's failure"
)]

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lastword_server::{BindError, Builder, Player, Server};
use lastword_tests::Echo;
use tokio::runtime::Builder as RuntimeBuilder;

fn builder(addr: SocketAddr) -> Builder {
    Server::builder().listen(addr.to_string())
}

/// An address that is free, and was never used for a connection.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_runtime_without_timers_or_io_serves_nothing_and_the_error_says_what_is_missing() {
    for (timers, io, missing) in [
        (false, true, "timers"),
        (true, false, "IO"),
        (false, false, "timers"),
    ] {
        let addr = free();
        let mut runtime = RuntimeBuilder::new_current_thread();
        if timers {
            runtime.enable_time();
        }
        if io {
            runtime.enable_io();
        }
        let refusals = runtime.build().unwrap().block_on(async {
            [
                builder(addr).bind().await.err(),
                builder(addr).bind_events().await.err(),
                builder(addr).serve(|_: &Player| Echo).await.err(),
            ]
        });
        for refusal in refusals {
            let refusal = refusal.expect("it is refused");
            assert!(
                matches!(refusal, BindError::RuntimeLacks { .. }),
                "{refusal}"
            );
            let words = refusal.to_string();
            assert!(
                words.contains(missing) && words.contains("enable_all"),
                "{words}"
            );
        }
        TcpListener::bind(addr).expect("nothing is left bound");
    }
}

#[test]
fn a_thread_in_no_runtime_serves_nothing_and_the_error_says_so() {
    let mut bind = pin!(builder(free()).bind());
    let Poll::Ready(Err(refusal)) = bind.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("it is refused at once");
    };
    assert!(refusal.to_string().contains("own_runtime"), "{refusal}");
}
