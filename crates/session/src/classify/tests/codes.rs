//! The codes of every system, without kernel evidence.

use super::*;

fn read(system: System, code: i32) -> Cause {
    classify(&seen(system).failed(Call::Read, code))
}

fn after_fin(system: System, code: i32) -> Cause {
    classify(&seen(system).failed(Call::Write, code))
}

#[test]
fn a_read_that_fails_is_named_by_its_code() {
    let table: [(System, Cause, &[i32]); 10] = [
        (System::Linux, Cause::PeerReset, &[104, 107]),
        (System::Linux, Cause::SocketDestroyed, &[103]),
        (
            System::Linux,
            Cause::PathDead,
            &[110, 113, 101, 111, 112, 64, 92, 95, 71, 13, 100, 99],
        ),
        (System::Linux, Cause::SocketError, &[5, 105, 12]),
        (System::MacOs, Cause::PeerReset, &[54, 57, 58]),
        (
            System::MacOs,
            Cause::PathDead,
            &[53, 60, 65, 51, 61, 64, 50, 52, 49],
        ),
        (System::MacOs, Cause::SocketError, &[5, 55, 104]),
        (
            System::Windows,
            Cause::PeerReset,
            &[10054, 64, 10057, 10058],
        ),
        (
            System::Windows,
            Cause::PathDead,
            &[
                10053, 1236, 10060, 10052, 121, 10065, 10051, 10061, 10064, 10050, 10049, 1231,
                1232,
            ],
        ),
        (
            System::Windows,
            Cause::SocketError,
            &[995, 10038, 10055, 59, 103],
        ),
    ];
    for (system, expected, codes) in table {
        for &code in codes {
            assert_eq!(read(system, code), expected, "{system:?} {code}");
        }
    }
}

#[test]
fn a_write_that_fails_after_a_fin_was_refused_by_the_peer() {
    check(&[
        row("nothing failed", seen(System::MacOs), Cause::PeerFin),
        row(
            "nothing failed on Windows",
            seen(System::Windows),
            Cause::PeerFin,
        ),
    ]);
    for (system, code) in [
        (System::Linux, 32),
        (System::MacOs, 32),
        (System::Windows, 10053),
        (System::Windows, 10054),
    ] {
        let cause = after_fin(system, code);
        assert_eq!(cause, Cause::PeerClosedWhileSending, "{system:?} {code}");
    }
}

#[test]
fn a_read_of_0_after_a_consumed_error_is_no_fin_on_unix() {
    assert_eq!(after_fin(System::Linux, 104), Cause::PeerReset);
    assert_eq!(after_fin(System::Linux, 110), Cause::PathDead);
    assert_eq!(after_fin(System::MacOs, 54), Cause::PeerReset);
}

#[test]
fn a_broken_pipe_gives_way_to_the_error_that_reading_ended_with() {
    let seen = Observation {
        terminal: Terminal::Error(os_error(54)),
        ..seen(System::MacOs).failed(Call::Write, 32)
    };
    assert_eq!(classify(&seen), Cause::PeerReset);
}

#[test]
fn the_kind_stands_in_for_a_code_that_is_absent_or_not_in_the_table() {
    use ErrorKind::*;
    for (kind, expected) in [
        (ConnectionReset, Cause::PeerReset),
        (ConnectionAborted, Cause::PathDead),
        (TimedOut, Cause::PathDead),
        (HostUnreachable, Cause::PathDead),
        (NetworkUnreachable, Cause::PathDead),
        (NetworkDown, Cause::PathDead),
        (ConnectionRefused, Cause::PathDead),
        (AddrNotAvailable, Cause::PathDead),
        (NotConnected, Cause::PeerReset),
        (Other, Cause::SocketError),
        (InvalidInput, Cause::SocketError),
    ] {
        for code in [None, Some(9_999)] {
            for system in [System::Linux, System::MacOs, System::Windows] {
                let error = OsError { code, kind };
                let cause = classify(&seen(system).failed_with(Call::Read, error));
                assert_eq!(cause, expected, "{system:?} {error:?}");
            }
        }
    }
    let broken_pipe = seen(System::Linux).failed_with(Call::Write, kind_only(BrokenPipe));
    assert_eq!(classify(&broken_pipe), Cause::PeerClosedWhileSending);
}

#[cfg(target_os = "linux")]
#[test]
fn the_errors_of_std_read_as_their_codes_do() {
    for (code, expected) in [
        (104, Cause::PeerReset),
        (32, Cause::PeerReset),
        (5, Cause::SocketError),
    ] {
        let error = OsError::from(&std::io::Error::from_raw_os_error(code));
        let cause = classify(&seen(System::Linux).failed_with(Call::Read, error));
        assert_eq!(cause, expected, "{code}");
    }
}

#[test]
fn a_code_has_its_name_on_its_own_system() {
    for (system, code, name) in [
        (System::Linux, 104, Some("ECONNRESET")),
        (System::Linux, 110, Some("ETIMEDOUT")),
        (System::Linux, 32, Some("EPIPE")),
        (System::Linux, 9, Some("EBADF")),
        (System::Linux, 98, Some("EADDRINUSE")),
        (System::Linux, 199, None),
        (System::MacOs, 54, Some("ECONNRESET")),
        (System::MacOs, 104, None),
        (System::Windows, 10054, Some("WSAECONNRESET")),
        (System::Windows, 64, Some("ERROR_NETNAME_DELETED")),
    ] {
        assert_eq!(system.error_name(code), name, "{system:?} {code}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_error_is_shown_by_its_name_and_never_by_a_number_alone() {
    let shown = |code| OsError {
        code,
        kind: ErrorKind::ConnectionReset,
    };
    assert_eq!(shown(Some(104)).to_string(), "ECONNRESET");
    assert_eq!(shown(Some(199)).to_string(), "errno 199");
    assert_eq!(shown(None).to_string(), "connection reset");
    let words = |error: std::io::Error| OsError::in_words(&error);
    assert_eq!(
        words(std::io::Error::from_raw_os_error(113)),
        "No route to host (EHOSTUNREACH)"
    );
    assert_eq!(
        words(std::io::Error::from_raw_os_error(1_999)),
        "Unknown error 1999 (errno 1999)"
    );
    assert_eq!(
        words(std::io::Error::other("no such thing")),
        "no such thing"
    );
}
