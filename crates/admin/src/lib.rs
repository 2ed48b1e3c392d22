//! The HTTP side of a lastword server: metrics and health.
