//! The auditor: a task that reads records and counters several times a second. It is fast enough that no record
//! leaves the server's ring unread.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::closes::Cursor;
use crate::http::Http;
use crate::{AdminError, Page, Scrape};

/// The new records and the counters at one time.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) page: Page,
    pub(crate) scrape: Scrape,
}

/// Starts the auditor. It ends with its first error, or when its receiver is dropped.
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

/// Reads the counters before the records. Once all connections have ended, both show the same. Ends that happen in
/// between are in the next audit's counters.
async fn audit(http: &mut Http, cursor: &mut Cursor) -> Result<Audit, AdminError> {
    let scrape = Scrape::take(http).await?;
    let page = cursor.advance(http).await?;
    Ok(Audit { page, scrape })
}

const INTERVAL: Duration = Duration::from_millis(100);
