//! The lastword server: listening, admission, sessions, handles, drain, disconnect counters.
