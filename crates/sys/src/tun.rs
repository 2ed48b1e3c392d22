//! Attaches to a TUN interface: reads the packets that the kernel routes there, and writes packets that the kernel
//! receives.

use std::ffi::{c_char, c_int, c_short};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Makes an open `/dev/net/tun` the far end of the TUN interface `name`, which is created if it does not exist.
///
/// After that each `read` returns one IP packet and each `write` takes one, without any header before it. The
/// interface is in the network namespace in which the device was opened, and ends with its last descriptor.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a name that is empty or has more than 15 bytes. Otherwise the error of
/// `TUNSETIFF`: without `CAP_NET_ADMIN` in the namespace, if the interface is already attached, or if `device` is
/// another device.
pub fn attach_tun(device: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let mut request = request(name)?;
    // SAFETY: `TUNSETIFF` reads and writes one `ifreq`, and `request` is one; `device` is open for the call, since it
    // is borrowed.
    let status = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: this `repr(C)` struct holds integers and a union of integers and pointers, so all zeros are a valid
    // value.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    // One byte is left for the zero at the end. With an empty name, the kernel would choose one.
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (slot, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *slot = c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_flags = FLAGS;
    Ok(request)
}

/// Whole IP packets, without a header before them.
const FLAGS: c_short = short(libc::IFF_TUN | libc::IFF_NO_PI);

const fn short(flags: c_int) -> c_short {
    let [low, high, ..] = flags.to_le_bytes();
    c_short::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_name_that_no_interface_can_have_is_refused() {
        let device = File::open("/dev/null").unwrap();
        for name in ["", "sixteen-bytes-ab"] {
            let refusal = attach_tun(device.as_fd(), name).unwrap_err();
            assert_eq!(refusal.kind(), io::ErrorKind::InvalidInput, "{name:?}");
        }
    }

    #[test]
    fn another_device_has_no_interface() {
        let device = File::open("/dev/null").unwrap();
        let refusal = attach_tun(device.as_fd(), "fifteen-bytes-a").unwrap_err();
        assert_eq!(refusal.raw_os_error(), Some(libc::ENOTTY));
    }

    #[test]
    fn the_flags_are_those_of_the_kernel() {
        assert_eq!(FLAGS, 0x1001);
    }
}
