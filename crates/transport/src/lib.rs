//! Drives a lastword session over a tokio stream: options, tap, drain, linger, evidence.
