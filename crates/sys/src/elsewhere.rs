//! Systems whose kernel evidence is not read yet. Every reading returns "not known".

use std::io;
use std::time::Duration;

use crate::{Borrowed, TcpInfo};

pub(crate) fn tcp_info(_: Borrowed<'_>) -> Option<TcpInfo> {
    None
}

pub(crate) fn bytes_unread(_: Borrowed<'_>) -> Option<u32> {
    None
}

pub(crate) fn bytes_unacked(_: Borrowed<'_>) -> Option<u32> {
    None
}

pub(crate) fn set_rto_max(_: Borrowed<'_>, _: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn rto_max(_: Borrowed<'_>) -> Option<Duration> {
    None
}

pub(crate) fn default_rto_max() -> Option<Duration> {
    None
}
