//! The HTTP side of a lastword server, on a port of its own: a live page at `/`, `/metrics`, `/healthz` and `/readyz`.
//! `/api/sessions` lists the live sessions, `/api/closes` has the record of closes. [`AdminExt::admin_from_config`] serves
//! the port as the section `admin` of the server's configuration says. Addresses and a token that the game sets on
//! [`Admin`] override their keys.
//!
//! # Who may ask
//! The port shows names and addresses of players. Without a token it is for this machine: it binds to loopback alone, and
//! answers requests for `localhost` and loopback addresses alone, whatever name was pointed there. With a token
//! ([`Admin::token_file`], [`Admin::token`]) whoever asks for anything but `/healthz`, `/readyz` and the page's own files
//! shows it as `Authorization: Bearer TOKEN`, and the address may be any. [`Admin::metrics_listen`] has `/metrics`,
//! `/healthz` and `/readyz` on an address of their own, for whoever asks.
//!
//! # What can be done
//! Both take the token always, and an answer of 202 says that it has begun.
//!
//! | request | body | does |
//! |---|---|---|
//! | `POST /api/kick` | `session` or `player`; may have `code` (from 4096), `reason`, `advice` (`may_reconnect`, `after_delay`, `elsewhere`, `do_not`) | ends that session, or each session of that player: `kicked` |
//! | `POST /api/drain` | none, or `timeout_ms`; else as configured | drains the server |
//!
//! The answer to a kick says how many sessions it ended. It is 404 where there was none.
//!
//! # Sessions
//! `/api/sessions` is a JSON array of the live sessions, 100 at a time. Each has `session`, `player`, `remote`, `cohort`,
//! `profile`, `link`, `live_ms` and `rtt_us`; a field that is not known is absent. `link` is `healthy`, or the diagnosis of
//! the peer's silence. `live_ms` is exact to a tenth of a second. With parameters it has the sessions for which all hold:
//!
//! | parameter | which |
//! |---|---|
//! | `player` | of this player, by the whole name |
//! | `address` | from this IP address, or from this `IP:PORT` |
//! | `profile` | with this liveness profile |
//! | `link` | `healthy`, `suspect`, or one diagnosis: `undecided`, `path_dead`, `peer_frozen`, … |
//! | `limit` | so many at most, 1 to 1,000; default 100 |
//! | `after` | behind the session with this id |
//!
//! The header `x-lastword-last` has the value of `after` for the next page; the last page has no such header. Sessions are
//! in the order of their places in the server's table, and a session keeps its place for life. So a session that stays is on
//! exactly one page, even while others come and go. `/api/sessions/ID` tells how one live session does (`live`), and the
//! records of one that ended (`closes`).
//!
//! # Live
//! `/api/live` is a stream of server-sent events, one a second, for 32 viewers at most. Each event has `snapshot` (one
//! moment's counts, in which both laws hold), `history` (rows of a second since 1970, sessions by class, other connections
//! by class; of the seconds that changed), `closes` (those since the event before, oldest first, 500 at a time), `missed`
//! (closes that had left the ring) and `last` (the `seq` to go on from). With `Last-Event-ID` a viewer goes on where it
//! was; an id of another run of the server begins anew. A snapshot is made once for all viewers, and never while there is
//! none.
//!
//! # Connections
//! Each but a viewer's is good for one request, which is to be there within 5 s and its answer taken within 60 s of the connection's
//! beginning, and 64 are held at a time: a further one takes the place of the oldest, so that whoever holds many keeps no
//! scraper out. When the server has ended, whatever is still being answered has a second.
//!
//! # Metrics
//! They live in a recorder of the port's own, not in the process's: two servers in one process do not mix, and whatever
//! else the process measures is not shown. [`RecorderMode`] has the other ways.
//!
//! # Closes
//! `/api/closes` is a JSON array of the last ends, newest first, each with the fields of a
//! [`Record`](lastword_server::Record), which are those of the log line. Kept are the last 10,000 of sessions, and apart
//! from them the last 10,000 of connections that never became a session: strangers push no player out. Both have one
//! numbering and stand in its order. With parameters it has those for which all hold:
//!
//! | parameter | which |
//! |---|---|
//! | `cause` | of this cause; more than one with commas between, or given again |
//! | `player` | of this player, by the whole name |
//! | `session` | of this session |
//! | `since` | not before: seconds since 1970, or RFC 3339 in UTC |
//! | `limit` | so many at most, 1 to 10,000; default 1,000 |
//! | `after` | behind the record with this `seq`, oldest first; 0 begins with the oldest that is kept |
//!
//! The header `x-lastword-missed` counts the records behind `after` that are gone, up to the last one in the answer; it
//! is 0 without `after`. The header `x-lastword-last` is the `seq` of the last record that was looked at. A reader that
//! goes on with `after` set to it sees every record exactly once, also where other parameters leave some out. A value that
//! is not allowed is answered with 400 and a line that says what is. The array is written while it is read: about 1.2 KB a
//! record, of which at most some 100 KB are held for a reader. One that would take longer than its 60 s asks for fewer at a time.

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
