//! The wire, the causes, the classifier and one connection as a sans-I/O state machine.

// The test host is compiled here, and in the test targets that see the public items only.
#[cfg(test)]
extern crate self as lastword_session;

mod both_ends;
mod bucket;
mod cause;
mod classify;
mod clock_offset;
mod close;
mod connection;
mod decoder;
mod dialect;
mod ending;
mod held;
mod limits;
mod link;
mod message;
mod observation;
mod phase;
mod policy;
mod proxy_header;
mod rates;
mod requests;
mod resume;
mod round_trip;
mod send_queue;
mod session;
mod session_id;
mod stream;
mod token;
pub mod wire;

pub use lastword_keepalive::{Diagnosis, KernelSample, OwnFault, Time, Timing};

pub use both_ends::BothEnds;
pub use bucket::Rate;
pub use cause::{Advice, Cause, Class, DepartureCause, Initiator, Resumable};
pub use classify::classify;
pub use clock_offset::ClockOffset;
pub use close::Close;
pub use connection::{
    Admission, Ask, Claim, Config, Connection, Event, Host, ImportError, Io, Linger, Next, Opened,
    Readings, Records, ResumeConfig, Role, Room, Sealed, SendError, Suspended, Taken, Ticket,
    Traffic, encode_data,
};
pub use decoder::{Decoder, Expect, Frame, Span, Step};
pub use dialect::{Dialect, Framing, LengthPrefixed, Meaning, Measure};
pub use ending::{
    Detector, Ending, Evidence, GoodbyeProgress, Layer, PeerGoodbye, TrailEvent, Verdict,
};
pub use held::HeldBytes;
pub use limits::Limits;
pub use link::{Back, Link};
pub use message::{Address, GameCode, InvalidAddress, Message};
pub use observation::{Call, FirstError, Observation, OsError, System, Terminal};
pub use phase::Phase;
pub use policy::{Outbound, Policy};
pub use proxy_header::{Proxied, ProxyFault, ProxyHeader};
pub use requests::{Mail, Request, Requests};
pub use resume::{Fate, Knock, Offer, Refusal, Resume, Terms};
pub use round_trip::RoundTrip;
pub use send_queue::{Backlog, Dropped, SendQueue, Written};
pub use session::{Knocked, Progress, Session};
pub use session_id::{NoSessionId, SessionId};
pub use stream::Stream;
pub use token::{Token, TokenKey};
