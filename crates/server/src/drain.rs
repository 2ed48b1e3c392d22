//! Graceful drain: a notice to everybody, time to leave, a goodbye to who is left, and a deadline.
//!
//! With a timeout T: notices are spread over the first sixth (at most 5 s), goodbyes over the time from T/2 to
//! 5T/6, and whoever is still there at T is cut off as `drain_expired`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lastword_session::wire::Notice;
use lastword_session::{Advice, Cause, Close};
use lastword_transport::{Mailbox, Request};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::core::Core;
use crate::guard::guarded;

/// Begins to drain the server, unless it drains already.
pub(crate) fn begin(core: &Arc<Core>, timeout: Duration) {
    if core.draining.swap(true, Ordering::AcqRel) {
        return;
    }
    let timeout = timeout.min(TIMEOUT_MAX);
    tracing::info!(timeout_ms = as_millis(timeout), "draining");
    // First: a game may want to save before its players are told.
    let deadline = std::time::Instant::now() + timeout;
    core.begin_drain(deadline);
    for observer in &core.observers {
        guarded("the observer panicked", || observer.draining(deadline));
    }
    refuse_the_unborn(core);
    // On a task of its own: it goes on when nobody waits for it any more.
    core.runtime.spawn(run(Arc::clone(core), timeout));
}

/// Ends the server at once, and cuts off whoever is still here.
pub(crate) fn expire(core: &Core) {
    core.draining.store(true, Ordering::Release);
    // First: nobody is to be accepted behind the last request.
    core.end();
    core.request_all(&Request::DrainExpired);
}

/// Ends the server when whoever is still here has left, in this time at most: their goodbyes are on their way.
pub(crate) async fn finish(core: &Core, goodbyes: Duration) {
    core.draining.store(true, Ordering::Release);
    refuse_the_unborn(core);
    match timeout(goodbyes, core.ledger.emptied()).await {
        Ok(()) => core.end(),
        Err(_) => expire(core),
    }
}

/// Waits until the server has ended, and some moments for the sessions that were cut off with it; then it is closed.
/// Dropped with its runtime, it is closed, too. Meanwhile it tells of log lines that are withheld.
pub(crate) async fn watch(core: Arc<Core>) {
    let closing = Closing(core);
    let core = &closing.0;
    tokio::select! {
        biased;
        () = core.ended.wait() => {}
        () = core.log_limit.tell_each_second() => {}
    }
    // Not waited for without end: a connection's task needs one turn to write its goodbye.
    if timeout(LAST_MOMENT, core.ledger.emptied()).await.is_err() {
        tracing::error!("connections outlived the server");
    }
    if core.publishes_itself {
        // Whoever waited for the end finds it in the metrics.
        core.publish_itself();
    }
}

/// Closes the server when it is dropped.
struct Closing(Arc<Core>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.log_limit.tell();
        self.0.close();
    }
}

async fn run(core: Arc<Core>, timeout: Duration) {
    let core = &core;
    let start = Instant::now();
    let deadline = start + timeout;
    let emptied = async {
        let phases = async {
            notices(core, start, timeout).await;
            goodbyes(core, start, timeout).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = core.ledger.emptied() => {}
            () = phases => {}
        }
    };
    match timeout_at(deadline, emptied).await {
        Ok(()) => core.end(),
        Err(_) => expire(core),
    }
    tracing::info!(took_ms = as_millis(start.elapsed()), "drained");
}

/// Connections that are no sessions yet end now; new ones are refused at accept.
fn refuse_the_unborn(core: &Core) {
    let refusal = Request::close(Close::new(Cause::RefusedDraining));
    core.table.for_each(|mailbox| {
        if mailbox.session().is_none() {
            mailbox.request(refusal.clone());
        }
    });
}

async fn notices(core: &Core, start: Instant, timeout: Duration) {
    let window = (timeout / 6).min(NOTICE_WINDOW_MAX);
    let deadline_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    let notice = Arc::new(Notice {
        code: Cause::Drained.code(),
        advice: Advice::Elsewhere.code(),
        deadline_ms,
        address: "".into(),
        reason: "the server is shutting down".into(),
    });
    spread(core, start, window, |mailbox| {
        mailbox.request(Request::Notice(Arc::clone(&notice)));
    })
    .await;
}

async fn goodbyes(core: &Core, start: Instant, timeout: Duration) {
    let deadline = start + timeout;
    sleep_until(start + timeout / 2).await;
    spread(core, start + timeout / 2, timeout / 3, |mailbox| {
        let mut close = Close::new(Cause::Drained).with_reason("the server is shutting down");
        close.linger = Some(deadline.saturating_duration_since(Instant::now()));
        mailbox.request(Request::close(close));
    })
    .await;
}

/// Calls `each` for every live session, evenly over a window, so that clients do not all come back at once.
async fn spread(core: &Core, start: Instant, window: Duration, each: impl Fn(&Mailbox)) {
    let mut sessions = Vec::new();
    core.table.for_each(|mailbox| {
        if mailbox.session().is_some() {
            sessions.push(Arc::clone(mailbox));
        }
    });
    let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX).max(1);
    for (n, mailbox) in (0..).zip(&sessions) {
        let due = start + window * n / count;
        if due > Instant::now() + SPREAD_STEP {
            sleep_until(due).await;
        }
        each(mailbox);
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const NOTICE_WINDOW_MAX: Duration = Duration::from_secs(5);
const SPREAD_STEP: Duration = Duration::from_millis(10);
/// A century: a longer timeout is none, and would not fit behind the clock.
const TIMEOUT_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);
const LAST_MOMENT: Duration = Duration::from_secs(1);
