//! A first look at cost: the cost of an echoed message and of an idle session in `lastword` and in its peers.
//!
//! The servers, the load generator and the harness are separate programs. So a core and its CPU time belong to only one
//! of them, and the harness never measures itself.

pub mod attack;
pub mod compare;
pub mod load;
pub mod peers;
pub mod process;
pub mod report;
pub mod subject;
pub mod tls;
pub mod wire;
