//! The HTTP side of a lastword server, on a port of its own: `/metrics`, `/healthz`, `/readyz`, and the record of closes
//! at `/api/closes`.
//!
//! There is no password, and the record shows names and addresses of players: choose an address that only operators can
//! reach.
//!
//! # Connections
//! Each is good for one request, which is to be there within 5 s and its answer taken within 60 s of the connection's
//! beginning, and 64 are held at a time: a further one takes the place of the oldest, so that whoever holds many keeps no
//! scraper out. When the server has ended, whatever is still being answered has a second.
//!
//! # Metrics
//! They live in a recorder of the port's own, not in the process's: two servers in one process do not mix, and whatever
//! else the process measures is not shown. [`RecorderMode`] has the other ways.
//!
//! # Closes
//! `/api/closes` is a JSON array of the last 10,000 ends, newest first, each with the fields of a
//! [`Record`](lastword_server::Record), which are those of the log line. With parameters it has those for which all hold:
//!
//! | parameter | which |
//! |---|---|
//! | `cause` | of this cause; more than one with commas between, or given again |
//! | `player` | of this player, by the whole name |
//! | `session` | of this session |
//! | `since` | not before: seconds since 1970, or RFC 3339 in UTC |
//! | `limit` | so many at most, 1 to 10,000; default 1,000 |
//! | `after` | behind the record with this `seq`, oldest first; 0 begins with the first |
//!
//! The header `x-lastword-missed` counts the records behind `after` that had left the ring already; it is 0 without
//! `after`. The header `x-lastword-last` is the `seq` of the last record that was looked at: who goes on with
//! `after` set to it sees every record exactly once, also where other parameters leave some out. What is not allowed is
//! answered with 400 and a line that says what is. The array is written while it is read: about 1.2 KB a record, of which
//! no more than some 100 KB are held for a reader. One that would take longer than its 60 s asks for fewer at a time.

mod access;
mod actions;
mod admin;
mod assets;
mod closes;
mod listener;
mod live;
mod place;
mod port;
mod recorder;
mod routes;
mod secret;
mod serve;
mod sessions;

pub use admin::{Admin, AdminExt, RecorderMode};
