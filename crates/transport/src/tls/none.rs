//! TLS without the feature `tls`: no connection has it.

use std::io::{self, IoSlice};
use std::task::Poll;

use lastword_session::{Io, Records, Taken};

use crate::Tap;

/// The TLS of one connection, which needs the feature `tls`.
#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn put_rest(&self, _buffer: &mut [u8]) -> usize {
        match *self {}
    }

    pub(crate) fn open(&mut self, _bytes: &mut [u8], _plain: &mut Vec<u8>) -> Records {
        match *self {}
    }

    pub(crate) fn write_by(
        &mut self,
        _slices: &[IoSlice<'_>],
        _write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Io<Taken> {
        match *self {}
    }

    pub(crate) fn shutdown(&mut self, _tap: &mut Tap) -> io::Result<bool> {
        match *self {}
    }
}
