//! The kernel readings and socket options that lastword needs and no safe crate offers.
