//! A first look at cost: what an echoed message and an idle session cost in `lastword` and in its peers.
//!
//! The servers, the load generator and the harness are separate programs, so that a core and an account
//! of CPU time belong to one of them only. The harness never measures itself.

pub mod compare;
pub mod load;
pub mod peers;
pub mod process;
pub mod report;
pub mod subject;
pub mod wire;
