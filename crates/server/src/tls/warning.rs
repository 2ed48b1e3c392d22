//! The warnings about certificates that clients refuse, or soon will.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::validity::Validity;

/// One sentence for each certificate of a chain that clients refuse at this time, or within a week. The first certificate is
/// the server's own.
pub(super) fn warnings(chain: &[CertificateDer<'_>], now: SystemTime) -> Vec<String> {
    let names = chain.first().map_or_else(String::new, names);
    let each = chain.iter().enumerate().filter_map(|(n, certificate)| {
        let consequence = consequence(Validity::of(certificate)?, now)?;
        let which = match n {
            0 => "the certificate".to_owned(),
            n => format!("certificate {} of the chain", n + 1),
        };
        Some(format!("{which}{names} {consequence}"))
    });
    each.collect()
}

fn consequence(validity: Validity, now: SystemTime) -> Option<String> {
    let now = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let Validity {
        not_before,
        not_after,
    } = validity;
    if not_after < now {
        let date = date(not_after);
        return Some(format!("expired on {date}: clients refuse it; renew it"));
    }
    if not_before > now {
        let date = date(not_before);
        return Some(format!(
            "is not valid before {date}: clients refuse it until then; check the clock of this host"
        ));
    }
    (not_after - now < SOON_SECONDS).then(|| {
        let date = date(not_after);
        format!("expires on {date}: clients refuse it from then on; renew it")
    })
}

/// The first names for which a certificate is valid, behind a preposition; nothing where it has none.
fn names(certificate: &CertificateDer<'_>) -> String {
    let parsed = EndEntityCert::try_from(certificate);
    let mut names = parsed.iter().flat_map(|parsed| parsed.valid_dns_names());
    let first: Vec<_> = names.by_ref().take(NAMES_MAX).collect();
    match (first.is_empty(), names.count()) {
        (true, _) => String::new(),
        (false, 0) => format!(" for {}", first.join(", ")),
        (false, more) => format!(" for {} and {more} more", first.join(", ")),
    }
}

fn date(seconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// As long before the end as the alert `LastwordCertificateNotRenewed` of deploy/prometheus fires.
const SOON_SECONDS: u64 = 7 * 86_400;
const NAMES_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate for these names that is valid from 1 March to 1 May 2026.
    fn certificate(names: &[&str]) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 3, 1);
        params.not_after = rcgen::date_time_ymd(2026, 5, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn told(names: &[&str], now: &str) -> Vec<String> {
        let now = humantime::parse_rfc3339(now).unwrap();
        warnings(&[certificate(names)], now)
    }

    #[test]
    fn a_certificate_is_reported_before_and_after_its_time_and_in_its_last_week() {
        for (now, words) in [
            (
                "2026-02-28T23:59:59Z",
                "is not valid before 2026-03-01T00:00:00Z: clients refuse it until then; check the clock of this host",
            ),
            ("2026-03-01T00:00:00Z", ""),
            ("2026-04-24T00:00:00Z", ""),
            (
                "2026-04-24T00:00:01Z",
                "expires on 2026-05-01T00:00:00Z: clients refuse it from then on; renew it",
            ),
            (
                "2026-05-01T00:00:01Z",
                "expired on 2026-05-01T00:00:00Z: clients refuse it; renew it",
            ),
        ] {
            let expected = match words {
                "" => Vec::new(),
                words => vec![format!("the certificate for eu.example.net {words}")],
            };
            assert_eq!(told(&["eu.example.net"], now), expected, "{now}");
        }
    }

    #[test]
    fn three_names_are_shown_and_an_address_is_none() {
        let after = "2027-01-01T00:00:00Z";
        for (names, words) in [
            (
                &["a.test", "*.b.test", "c.test"][..],
                " for a.test, *.b.test, c.test expired",
            ),
            (
                &["a.test", "b.test", "c.test", "d.test", "e.test"],
                " for a.test, b.test, c.test and 2 more expired",
            ),
            (&["192.0.2.7"], "the certificate expired"),
        ] {
            let told = told(names, after);
            assert!(told[0].contains(words), "{told:?}");
        }
    }

    #[test]
    fn a_certificate_behind_the_first_has_its_number() {
        let now = humantime::parse_rfc3339("2026-05-02T00:00:00Z").unwrap();
        let chain = [certificate(&["a.test"]), certificate(&["authority.test"])];
        let told = warnings(&chain, now);
        assert!(
            told[1].starts_with("certificate 2 of the chain for a.test expired on "),
            "{told:?}"
        );
    }
}
