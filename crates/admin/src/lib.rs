//! The HTTP side of a lastword server, on a port of its own: a live page at `/`, `/metrics`, `/healthz` and `/readyz`.
//! `/api/sessions` lists the live sessions, `/api/closes` has the record of closes. [`AdminExt::admin_from_config`]
//! serves the port as the section `admin` of the server's configuration says. Addresses and a token that the game sets
//! on [`Admin`] override the keys of that section.
//!
//! # Access
//! The port shows names and addresses of players. Without a token it is for this machine only. It binds to a loopback
//! address, and refuses these requests:
//!
//! | request | status |
//! |---|---|
//! | it comes from another machine, by a translation of addresses | 403 |
//! | it does not name `localhost` or a loopback address as its only host | 421 |
//! | the page of another site, or of another port, makes a browser send it (`Sec-Fetch-Site`, `Origin`); only a link to the live page works | 403 |
//! | a proxy forwarded it (`Forwarded`, `X-Forwarded-For`, `Via`, `X-Real-IP` and others) | 403 |
//!
//! A proxy that adds no header of its own looks like a program of this machine: where there is a proxy, set a token.
//!
//! With a token ([`Admin::token_file`], [`Admin::token`]) the port may have any address. Every request must then have
//! the header `Authorization: Bearer TOKEN`. Only `/healthz`, `/readyz` and the page's own files need none.
//!
//! For every client, `/metrics`, `/healthz` and `/readyz` can be served on a second address: [`Admin::metrics_listen`].
//!
//! # What can be done
//! These requests always need the token. An answer of 202 says that the action has begun.
//!
//! | request | body | does |
//! |---|---|---|
//! | `POST /api/kick` | `session` or `player`; may have `code` (from 4096), `reason`, `advice` (`may_reconnect`, `after_delay`, `elsewhere`, `do_not`), `delay_ms`, `address` (makes the advice `elsewhere`) | ends that session, or each session of that player: `kicked` |
//! | `POST /api/drain` | none, or `timeout_ms`, `reason`, `delay_ms`, `address`; a missing one is as configured | drains the server |
//! | `POST /api/reload` | none: no file is ever uploaded | reads the configuration again, from the file that the server was started with |
//!
//! The answer to a reload (200) names the changed keys: those that are applied, and those that need a restart. It is 422
//! with the errors if the file is not valid, and 409 if the server knows no file; nothing changes then.
//!
//! The answer to a kick says how many sessions it ended. It is 404 if there was no such session.
//!
//! # Sessions
//! `/api/sessions` is a JSON array of the live sessions, 100 at a time. Each has `session`, `player`, `remote`,
//! `cohort`, `profile`, `link`, `live_ms` and `rtt_us`; an unknown field is absent. `link` is `healthy`, `suspended` (it
//! has no connection and waits for its player), or the diagnosis of the peer's silence. `live_ms` is exact to a tenth of a second. With parameters, it has the sessions
//! that match all of them:
//!
//! | parameter | which |
//! |---|---|
//! | `player` | of this player, by the whole name |
//! | `address` | from this IP address, or from this `IP:PORT` |
//! | `profile` | with this liveness profile |
//! | `link` | `healthy`, `suspended`, `suspect`, or one diagnosis: `undecided`, `path_dead`, `peer_frozen`, … |
//! | `limit` | at most this many, 1 to 1,000; default 100 |
//! | `after` | after the session with this id |
//!
//! The header `x-lastword-last` has the value of `after` for the next page; the last page has no such header. Sessions
//! are in the order of their ids. So a session that stays is on exactly one page, even while others come and go. `/api/sessions/ID` describes one live session (`live`),
//! and has the records of its ended connections (`closes`).
//!
//! # Live
//! `/api/live` is a stream of server-sent events, one a second, for at most 32 viewers. Each event has five fields.
//! `snapshot` has the counts of one moment, in which both laws hold. `history` has a row for each second that changed:
//! the second since 1970, ends of sessions' connections by class, ends of other connections by class, and sessions
//! that were lost. `closes` has the closes since the event before, oldest first, at most 500. `missed` counts the closes that were dropped before they could be sent. `last`
//! is the `seq` after which to continue. With `Last-Event-ID`, a viewer continues after that event. If the id comes
//! from another run of the server, the stream starts from the beginning. A snapshot is made once for all viewers, and
//! only while there are viewers.
//!
//! # Connections
//! A connection carries one request, unless it is a viewer's. The request must be complete within 5 s, and its answer
//! taken within 60 s, both counted from the start of the connection. At most 64 connections are held: a further
//! connection displaces the oldest one. So a client that holds many connections cannot keep a scraper out. When the
//! server has ended, answers that are still being sent have one more second.
//!
//! # Metrics
//! The metrics are in the port's own recorder, not in the recorder of the process. So two servers in one process do
//! not mix their metrics, and other metrics of the process are not shown. [`RecorderMode`] has the other choices.
//!
//! # Closes
//! `/api/closes` is a JSON array of the last ends, newest first, each with the fields of a
//! [`Record`](lastword_server::Record). The log line has the same fields. The last 10,000 ends of sessions are kept,
//! and separately the last 10,000 ends of connections that never became a session. So unknown clients displace no
//! player's end. Both kinds share one numbering and are sorted by it. With parameters, the array has the ends that
//! match all of them:
//!
//! | parameter | which |
//! |---|---|
//! | `cause` | of this cause; more than one with commas between, or given again |
//! | `player` | of this player, by the whole name |
//! | `session` | of this session |
//! | `since` | not before: seconds since 1970, or RFC 3339 in UTC |
//! | `limit` | at most this many, 1 to 10,000; default 1,000 |
//! | `after` | after the record with this `seq`, oldest first; 0 begins with the oldest record that is kept |
//!
//! The header `x-lastword-missed` counts the records after `after` that are gone, up to the last one in the answer; it
//! is 0 without `after`. The header `x-lastword-last` is the `seq` of the last record that was checked. A reader
//! should use this value as `after` in the next request. It then sees every record exactly once, even if other
//! parameters leave some out. A value that is not allowed is answered with 400 and a line with the allowed values.
//!
//! The array is written while the client reads it. A record has about 1.2 KB, and the server holds at most about 100
//! KB for a client. A client that needs more than its 60 s should ask for fewer records at a time.

mod access;
mod actions;
mod admin;
mod assets;
mod closes;
mod connection_slot;
mod listener;
mod live;
mod port;
mod recorder;
mod restarted;
mod routes;
mod secret;
mod serve;
mod sessions;

pub use admin::{Admin, RecorderMode};
pub use port::AdminExt;
