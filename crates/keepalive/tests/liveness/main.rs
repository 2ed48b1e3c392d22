//! The liveness machine against a simulated kernel: which silence is called what, when, and what it costs.

mod causes;
mod costs;
mod limits;
mod world;
