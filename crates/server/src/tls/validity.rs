//! Reads from a certificate when it is valid. Neither rustls nor webpki tells it.

/// When a certificate is valid, in seconds of Unix time. A time before 1970 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// The first second.
    pub(super) not_before: u64,
    /// The last second.
    pub(super) not_after: u64,
}

impl Validity {
    /// Reads it from a certificate; `None` where the bytes are no X.509 certificate (RFC 5280, section 4.1).
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = element(SEQUENCE, certificate)?;
        let (mut fields, _) = element(SEQUENCE, certificate)?;
        // Version 1 does not say its version.
        if let Some((_, rest)) = element(VERSION, fields) {
            fields = rest;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            (_, fields) = element(tag, fields)?;
        }
        let (validity, _) = element(SEQUENCE, fields)?;
        let (not_before, rest) = time(validity)?;
        let (not_after, _) = time(rest)?;
        Some(Self {
            not_before,
            not_after,
        })
    }
}

/// The content of the first element, which must have this tag, and the bytes behind it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    if found != tag {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    if first < LONG {
        return rest.split_at_checked(first.into());
    }
    let (len, rest) = rest.split_at_checked(usize::from(first - LONG))?;
    let len = len.iter().try_fold(0_usize, |len, &byte| {
        len.checked_mul(256)?.checked_add(byte.into())
    });
    rest.split_at_checked(len?)
}

/// The first element as seconds of Unix time, and the bytes behind it. A time before 1970 is 0.
fn time(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, century, rest) = match element(UTC_TIME, bytes) {
        // Its years are those from 1950 to 2049.
        Some((digits, rest)) => {
            let year = number(digits.get(..2)?)?;
            (digits, if year < 50 { 2000 } else { 1900 }, rest)
        }
        None => {
            let (digits, rest) = element(GENERALIZED_TIME, bytes)?;
            let (century, digits) = digits.split_at_checked(2)?;
            (digits, 100 * number(century)?, rest)
        }
    };
    let (parts, zone) = digits.split_at_checked(12)?;
    if zone != b"Z" {
        return None;
    }
    let mut parts = parts.chunks_exact(2).map(number);
    let mut part = || parts.next().flatten();
    let (year, month, day) = (century + part()?, part()?, part()?);
    let seconds = (part()? * 60 + part()?) * 60 + part()?;
    let time = days_since_1970(year, month, day)? * 86_400 + seconds;
    Some((u64::try_from(time).unwrap_or(0), rest))
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The days from 1 January 1970 to this day of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let before = *DAYS_BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    // February has its leap day only once it is over.
    let last = if month > 2 { year } else { year - 1 };
    let leap_days = last / 4 - last / 100 + last / 400 - LEAP_DAYS_BEFORE_1970;
    Some((year - 1970) * 365 + leap_days + before + day - 1)
}

/// The days of a year before each month, without a leap day.
const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const LEAP_DAYS_BEFORE_1970: i64 = 477;
/// From this byte on, a length has its own bytes.
const LONG: u8 = 0x80;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_of_unix_time() {
        // Compared with `date -u -d … +%s`.
        for (text, seconds) in [
            (&b"\x17\x0d700101000000Z"[..], 0),
            (b"\x17\x0d500101000000Z", 0),
            (b"\x17\x0d000229120000Z", 951_825_600),
            (b"\x17\x0d260301000001Z", 1_772_323_201),
            (b"\x17\x0d491231235959Z", 2_524_607_999),
            (b"\x18\x0f20500101000000Z", 2_524_608_000),
            (b"\x18\x0f21000301000000Z", 4_107_542_400),
            (b"\x18\x0f99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(time(text), Some((seconds, &[][..])), "{text:?}");
        }
        for text in [
            &b"\x17\x0d7001010000001"[..],
            b"\x17\x0d701301000000Z",
            b"\x17\x0d70010100000xZ",
            b"\x17\x0b7001010000Z",
            b"\x17\x0d700101",
            b"\x19\x0d700101000000Z",
        ] {
            assert_eq!(time(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_certificate_tells_its_times_and_other_bytes_tell_none() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 3, 1);
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let validity = Validity {
            not_before: 1_772_323_200,
            not_after: 1_927_843_200,
        };
        assert_eq!(Validity::of(made.der()), Some(validity));
        for len in 0..made.der().len().min(150) {
            assert_eq!(Validity::of(&made.der()[..len]), None, "{len}");
        }
        assert_eq!(Validity::of(&[0x30, 0xff, 0xff]), None);
    }
}
