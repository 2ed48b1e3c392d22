//! Systems whose kernel evidence is not read yet. Every reading returns "not known".

use std::io;
use std::time::Duration;

use crate::{Borrowed, Ends, KernelSample, OwnFault, Received, TcpInfo, TcpInfoFields};

pub(crate) fn sample(_: Borrowed<'_>) -> Option<KernelSample> {
    None
}

pub(crate) fn recv(_: Borrowed<'_>, _: &mut [u8]) -> Option<io::Result<Received>> {
    None
}

pub(crate) fn count_unread(_: Borrowed<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn tcp_info() -> TcpInfo {
    TcpInfo {
        fields: TcpInfoFields::Nothing,
        is_tested: false,
    }
}

pub(crate) fn is_after_fin(_: Borrowed<'_>) -> bool {
    false
}

pub(crate) fn is_multipath(_: Borrowed<'_>) -> bool {
    false
}

pub(crate) fn ends(_: Borrowed<'_>) -> Option<Ends> {
    None
}

pub(crate) fn own_fault(_: &Ends) -> Option<OwnFault> {
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

pub(crate) fn tcp_retries2() -> Option<u8> {
    None
}
