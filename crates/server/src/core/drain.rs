//! Graceful drain: a notice to every client, time to leave, a goodbye to the remaining clients, and a deadline.
//!
//! With a timeout T, notices are spread over the first sixth (at most 5 s) and goodbyes over the time from T/2 to 5T/6.
//! A player may come back to a session until the goodbyes, as long as any session has a connection.
//! A session that is still open at T is cut off as `drain_expired`. All of these times are on the server's clock, so a
//! drain takes longer by the time in which this process stood still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lastword_session::{Cause, Close, Message, Time};
use lastword_transport::{Mailbox, Request};
use tokio::time::{sleep, timeout};

use super::Core;
use super::publisher::publish;
use crate::guard::logged;

/// Begins to drain the server, unless it is draining already. Without a message, clients get the configured one.
pub(crate) fn begin(core: &Arc<Core>, timeout: Duration, message: Option<Message>) {
    if core.is_draining() {
        return;
    }
    // The message is set before the first client is refused.
    if let Some(message) = message {
        core.shutdown.message.set(message).ok();
    }
    if core.shutdown.draining.set() {
        return;
    }
    let timeout = timeout.min(TIMEOUT_MAX);
    logged(|| tracing::info!(timeout_ms = as_millis(timeout), "draining"));
    // The game is told first, so that it can save before its players are told.
    let deadline = Instant::now() + timeout;
    if let Some(events) = &core.events {
        events.draining(deadline);
    }
    core.observers.tell(|observer| observer.draining(deadline));
    refuse_not_yet_live(core);
    // It runs on its own task, so it continues if the caller stops waiting for it.
    core.runtime.spawn(run(Arc::clone(core), timeout));
}

/// Ends the server at once, and cuts off the sessions that are still open.
pub(crate) fn expire(core: &Core) {
    core.shutdown.draining.set();
    // The end comes first, so that no connection is accepted after the last request.
    core.shutdown.ended.set();
    let message = Arc::new(core.drain_message());
    core.mailboxes
        .request_all(&Request::DrainExpired(message), |_| true);
}

/// Ends the server when all sessions have left, or after this time at the latest. The goodbyes have already been
/// sent.
pub(crate) async fn finish(core: &Core, goodbyes: Duration) {
    core.shutdown.draining.set();
    refuse_not_yet_live(core);
    if !is_empty_within(core, goodbyes).await {
        expire(core);
    }
    core.shutdown.ended.set();
}

/// Waits until the server has ended, then up to a second for the sessions that were cut off, and closes the server. If
/// this future is dropped with its runtime, the server is closed, too. Until the end it logs how many lines were
/// withheld.
pub(crate) async fn watch(core: Arc<Core>) {
    let closing = Closing(core);
    let core = &closing.0;
    tokio::select! {
        biased;
        () = core.shutdown.ended.wait() => {}
        () = core.books.tell_each_second() => {}
    }
    // The wait is limited: a connection's task needs only one turn to write its goodbye.
    if !is_empty_within(core, LAST_MOMENT).await {
        tracing::error!("connections outlived the server");
    }
    if core.publishes_itself {
        // A caller that waited for the end finds it in the metrics, unless the game's recorder does not return.
        timeout(LAST_MOMENT, publish(core)).await.ok();
    }
}

/// Closes the server when it is dropped.
struct Closing(Arc<Core>);

impl Drop for Closing {
    fn drop(&mut self) {
        let core = &self.0;
        core.books.tell();
        core.shutdown.closed.set();
        // A tick loop is told last.
        if let Some(events) = &core.events {
            events.end();
        }
    }
}

async fn run(core: Arc<Core>, timeout: Duration) {
    let core = &core;
    let begun = Instant::now();
    let start = core.clock.now();
    let phases = async {
        notices(core, start, timeout).await;
        goodbyes(core, start, timeout).await;
        std::future::pending().await
    };
    tokio::select! {
        biased;
        () = core.books.ledger.emptied() => {}
        () = phases => {}
        () = reached(core, start + timeout) => expire(core),
    }
    core.shutdown.ended.set();
    tracing::info!(took_ms = as_millis(begun.elapsed()), "drained");
}

/// Waits until all sessions that are left wait for their players.
async fn deserted(core: &Core) {
    while !core.books.ledger.is_deserted() {
        sleep(DESERTED_STEP).await;
    }
}

/// Waits until the server's clock reaches a time.
async fn reached(core: &Core, time: Time) {
    loop {
        let left = time.since(core.clock.now());
        if left.is_zero() {
            return;
        }
        // The clock may have stood still meanwhile.
        sleep(left).await;
    }
}

/// Waits until no connection is left, for this time at most. Returns whether none is left.
async fn is_empty_within(core: &Core, time: Duration) -> bool {
    tokio::select! {
        biased;
        () = core.books.ledger.emptied() => true,
        () = reached(core, core.clock.now() + time) => false,
    }
}

/// Ends the connections that have no session yet. New ones are refused at accept.
fn refuse_not_yet_live(core: &Core) {
    let refusal = Request::close(core.refused_draining());
    core.mailboxes
        .request_all(&refusal, |mailbox| mailbox.session().is_none());
}

async fn notices(core: &Core, start: Time, timeout: Duration) {
    let window = (timeout / 6).min(NOTICE_WINDOW_MAX);
    let notice = Arc::new(core.drain_message().notice(Cause::Drained, timeout));
    spread(core, start, window, |mailbox| {
        mailbox.request(Request::Notice(Arc::clone(&notice)));
    })
    .await;
}

async fn goodbyes(core: &Core, start: Time, timeout: Duration) {
    let deadline = start + timeout;
    tokio::select! {
        biased;
        () = reached(core, start + timeout / 2) => {}
        () = deserted(core) => {
            let drained = Close::with(Cause::Drained, core.drain_message());
            core.mailboxes.request_all(&Request::close(drained), |mailbox| mailbox.session().is_some());
            reached(core, start + timeout / 2).await;
        }
    }
    spread(core, start + timeout / 2, timeout / 3, |mailbox| {
        mailbox.request(Request::close(Close {
            linger: Some(deadline.since(core.clock.now())),
            ..Close::with(Cause::Drained, core.drain_message())
        }));
    })
    .await;
}

/// Calls `each` for every live session, spread evenly over a window, so that clients do not all reconnect at once.
async fn spread(core: &Core, start: Time, window: Duration, each: impl Fn(&Mailbox)) {
    let sessions = core.mailboxes.live();
    let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
    for (n, mailbox) in (0..).zip(&sessions) {
        let due = start + window * n / count;
        if due > core.clock.now() + SPREAD_STEP {
            reached(core, due).await;
        }
        each(mailbox);
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const NOTICE_WINDOW_MAX: Duration = Duration::from_secs(5);
const DESERTED_STEP: Duration = Duration::from_millis(100);
const SPREAD_STEP: Duration = Duration::from_millis(10);
/// A century. A longer timeout has no use, and would overflow the clock.
const TIMEOUT_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);
const LAST_MOMENT: Duration = Duration::from_secs(1);
