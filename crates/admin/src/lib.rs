//! The HTTP side of a lastword server: `/metrics`, `/healthz` and `/readyz` on a port of its own.
//!
//! The metrics live in a recorder of their own, not in the process's: two servers in one process do not mix, and
//! whatever else the process measures is not shown. There is no password: choose an address that players cannot
//! reach.

mod admin;
mod listener;
mod recorder;
mod routes;

pub use admin::AdminExt;
