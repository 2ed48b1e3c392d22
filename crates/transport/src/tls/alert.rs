//! The alerts of TLS by their names in RFC 8446, for the trail.

use rustls::Error;

/// The steps for an error: whether the alert was the peer's or is ours, and its name. `sent` is the record that the peer
/// gets.
pub(super) fn steps(error: &Error, sent: &[u8]) -> [&'static str; 2] {
    if let Error::AlertReceived(alert) = error {
        return ["alert_received", name(u8::from(*alert))];
    }
    match sent {
        // Before there are keys the alert is in clear: its level and its code.
        [ALERT, _, _, 0, 2, _, code] => ["alert_sent", name(*code)],
        _ => ["alert_sent", name(code_of(error))],
    }
}

/// The alert that rustls sends for an error of an encrypted record.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls may add errors in any version"
)]
fn code_of(error: &Error) -> u8 {
    match error {
        Error::DecryptError => 20,
        Error::PeerSentOversizedRecord => 22,
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => 10,
        Error::InvalidMessage(_) => 50,
        Error::InvalidCertificate(_) => 42,
        Error::NoApplicationProtocol => 120,
        Error::PeerIncompatible(_) => 40,
        Error::PeerMisbehaved(_) => 47,
        _ => 80,
    }
}

fn name(code: u8) -> &'static str {
    let known = NAMES.iter().find(|(of, _)| *of == code);
    known.map_or("unknown_alert", |(_, name)| name)
}

/// The content type of an alert's record.
const ALERT: u8 = 21;

/// A record in clear with the fatal alert of this name.
pub(super) const RECORD_OVERFLOW: [u8; 7] = [ALERT, 3, 3, 0, 2, 2, 22];

const NAMES: [(u8, &str); 33] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];
