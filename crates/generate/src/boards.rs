//! The four dashboards. A query asks for all servers that the reader chose (`$instance`), and adds up their values.

mod capacity;
mod causes;
mod links;
mod overview;

use crate::grafana::Board;

/// Every dashboard.
#[must_use]
pub fn all() -> Vec<Board> {
    vec![
        overview::board(),
        causes::board(),
        links::board(),
        capacity::board(),
    ]
}
