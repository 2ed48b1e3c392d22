//! Tells how short memory, time and file descriptors are, and whether the server sheds load. The server first is not
//! ready, and then refuses connections. It ends both later than it began them, so that it does not flap.

mod pressure;
mod readings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Core;
use crate::guard::logged;
use pressure::{Level, Pressure};
use readings::Meter;

/// The level of one server, for any thread.
#[derive(Debug, Default)]
pub(crate) struct Shedding(AtomicU8);

impl Shedding {
    pub(crate) fn is_calm(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Level::Calm as u8
    }

    pub(crate) fn refuses(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Level::Shedding as u8
    }

    fn set(&self, level: Level) {
        self.0.store(level as u8, Ordering::Relaxed);
    }
}

/// Reads how the process is, until the server ends.
pub(crate) async fn watch(core: Arc<Core>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut meter, mut pressure) = (Meter::default(), Pressure::default());
    loop {
        tokio::select! {
            biased;
            () = core.shutdown.ended.wait() => return,
            _ = ticks.tick() => {}
        }
        let marks = core.settings.live().marks;
        let readings = meter.read(core.mailboxes.table.stalled_total(), marks);
        let before = pressure.level();
        let level = pressure.note(&readings, marks);
        if level != before {
            core.shedding.set(level);
            tell(level, pressure.shortage());
        }
    }
}

fn tell(level: Level, shortage: &'static str) {
    logged(|| match level {
        Level::Calm => tracing::info!("ready again: memory, time and descriptors suffice"),
        Level::Strained => tracing::warn!(shortage, "not ready"),
        Level::Shedding => tracing::warn!(shortage, "refusing connections as overloaded"),
    });
}

const TICK: Duration = Duration::from_millis(250);
