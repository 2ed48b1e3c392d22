//! TLS without the feature `tls`: no connection has it.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use crate::Tap;
use crate::layer::{Opened, Taken};

/// The TLS of one connection, which needs the feature `tls`.
#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn holds(&self) -> bool {
        match *self {}
    }

    pub(crate) fn put_rest(&self, _buffer: &mut [u8]) -> usize {
        match *self {}
    }

    pub(crate) fn open(&mut self, _bytes: &mut [u8], _plain: &mut Vec<u8>) -> Opened {
        match *self {}
    }

    pub(crate) fn poll_write(
        &mut self,
        _tap: &mut Tap,
        _cx: &mut Context<'_>,
        _slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<Taken>> {
        match *self {}
    }

    pub(crate) fn write_now(
        &mut self,
        _tap: &mut Tap,
        _slices: &[IoSlice<'_>],
    ) -> Option<io::Result<Taken>> {
        match *self {}
    }

    pub(crate) fn shutdown(&mut self, _tap: &mut Tap) -> io::Result<bool> {
        match *self {}
    }
}
