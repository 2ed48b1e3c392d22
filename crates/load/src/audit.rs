//! The auditor: a task that reads records and counters several times a second, so that none leaves the server's ring
//! unread.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::closes::Cursor;
use crate::http::Http;
use crate::{AdminError, Page, Scrape};

/// What was new at one time.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) page: Page,
    pub(crate) scrape: Scrape,
}

/// Starts the auditor. It ends with its first error, or when nobody listens any more.
pub(crate) fn start(
    mut http: Http,
    mut cursor: Cursor,
) -> mpsc::Receiver<Result<Audit, AdminError>> {
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let audit = audit(&mut http, &mut cursor).await;
            let is_last = audit.is_err();
            if tell.send(audit).await.is_err() || is_last {
                return;
            }
        }
    });
    told
}

/// The counters are taken before the records: at rest both show the same, and what ends in between is in the next.
async fn audit(http: &mut Http, cursor: &mut Cursor) -> Result<Audit, AdminError> {
    let scrape = Scrape::take(http).await?;
    let page = cursor.advance(http).await?;
    Ok(Audit { page, scrape })
}

const INTERVAL: Duration = Duration::from_millis(100);
