//! Drives a session over a tokio stream: one owner that reads, writes, drains, lingers and collects evidence.

mod app;
mod carried;
mod clock;
mod deadlines;
mod driver;
mod inbox;
mod inquiries;
mod mailbox;
mod options;
mod read_buffer;
mod scratch;
mod self_connection;
mod stalls;
mod tap;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls/none.rs"]
mod tls;
mod turns;

pub use app::{App, Continues, Outbox};
pub use carried::{Carried, Newcomer, Returned};
pub use clock::Clock;
pub use deadlines::{Slot, Table};
pub use driver::Driver;
pub use inbox::{Caps, Inbox, Item};
pub use lastword_session::{Linger, Request, Room};
pub use lastword_sys::{canonical, time_asleep};
pub use mailbox::Mailbox;
pub use options::{ListenOptions, ListenerSocket, tune};
pub use self_connection::refuse_self_connection;
pub use tap::Tap;
#[cfg(feature = "tls")]
pub use tls::Tls;
