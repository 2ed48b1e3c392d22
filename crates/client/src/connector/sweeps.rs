//! One sweep of deadlines for each runtime on which a connector is used. The sweep and the clients on a runtime end
//! when the runtime ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lastword_transport::Table;
use tokio::runtime::{Handle, Id};

/// The tables of the runtimes. A table lives as long as a client is in it.
#[derive(Debug, Default)]
pub(super) struct Sweeps(Mutex<HashMap<Id, Weak<Table>>>);

impl Sweeps {
    /// Returns the table of the current runtime, and starts its sweep if no client is in it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn here(&self) -> Arc<Table> {
        let runtime = Handle::current().id();
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&runtime).and_then(Weak::upgrade) {
            return table;
        }
        tables.retain(|_, table| table.strong_count() > 0);
        let table = Table::start();
        tables.insert(runtime, Arc::downgrade(&table));
        table
    }
}
