//! The extra fields of a PROXY header of version 2: each is skipped, except the checksum, which is checked.

use super::ProxyFault;

/// The fields that are being read: one byte of type, two of length, the value.
#[derive(Clone, Debug)]
pub(super) struct Tlvs {
    at: At,
    /// The CRC32C so far. The bytes of the checksum itself count as zeros.
    sum: u32,
    /// The checksum that the header carries, as far as it was read.
    carried: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Type,
    Length { kind: u8 },
    RestOfLength { kind: u8, high: u8 },
    Value { kind: u8, left: u16 },
}

impl Default for Tlvs {
    fn default() -> Self {
        Self {
            at: At::Type,
            sum: u32::MAX,
            carried: None,
        }
    }
}

impl Tlvs {
    /// Takes the next byte of the fields.
    pub(super) fn push(&mut self, byte: u8) -> Result<(), ProxyFault> {
        let mut covered = byte;
        self.at = match self.at {
            At::Type => At::Length { kind: byte },
            At::Length { kind } => At::RestOfLength { kind, high: byte },
            At::RestOfLength { kind, high } => {
                let left = u16::from_be_bytes([high, byte]);
                self.begin(kind, left)?
            }
            At::Value { kind, left } => {
                if kind == CRC32C {
                    covered = 0;
                    self.carried = self.carried.map(|sum| sum << 8 | u32::from(byte));
                }
                value(kind, left - 1)
            }
        };
        self.covers(covered);
        Ok(())
    }

    /// Counts a byte of the header into the checksum.
    pub(super) fn covers(&mut self, byte: u8) {
        self.sum ^= u32::from(byte);
        for _ in 0..u8::BITS {
            let carry = (self.sum & 1).wrapping_neg();
            self.sum = self.sum >> 1 ^ CRC32C_POLYNOMIAL & carry;
        }
    }

    /// The header ends here.
    pub(super) fn end(&self) -> Result<(), ProxyFault> {
        if self.at != At::Type {
            return Err(ProxyFault::Malformed);
        }
        match self.carried {
            Some(carried) if carried != self.checksum() => Err(ProxyFault::WrongChecksum),
            _ => Ok(()),
        }
    }

    pub(super) fn checksum(&self) -> u32 {
        !self.sum
    }

    fn begin(&mut self, kind: u8, left: u16) -> Result<At, ProxyFault> {
        if kind == CRC32C {
            if left != CRC32C_LEN || self.carried.is_some() {
                return Err(ProxyFault::Malformed);
            }
            self.carried = Some(0);
        }
        Ok(value(kind, left))
    }
}

fn value(kind: u8, left: u16) -> At {
    match left {
        0 => At::Type,
        left => At::Value { kind, left },
    }
}

/// `PP2_TYPE_CRC32C`, the length of its value, and the reflected polynomial of RFC 4960, appendix B.
const CRC32C: u8 = 0x03;
const CRC32C_LEN: u16 = 4;
const CRC32C_POLYNOMIAL: u32 = 0x82f6_3b78;
