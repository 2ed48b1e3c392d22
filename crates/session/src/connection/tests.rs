//! Two connections, or one and a scripted peer, in virtual time: one test for each behaviour.

mod after_the_end;
mod clocks;
mod closing;
mod congestion;
mod decisions;
mod delivery;
mod departures;
mod dialects;
mod draining;
mod evidence;
mod give_up;
mod half_close;
mod harness;
mod heartbeats;
mod limits;
mod links;
mod opening;
mod pausing;
mod precedence;
mod proxy_headers;
mod queues;
mod rates;
mod resuming;
mod rules;
mod silence;
mod stalls;
#[path = "../../tests/support/mod.rs"]
mod support;
mod tls;
