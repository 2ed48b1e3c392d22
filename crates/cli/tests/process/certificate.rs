use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::command::{DEADLINE, config_file, run, serve, serve_as_service};
use crate::metrics::shown;

/// An empty folder of this name.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_certificate_is_made_once_and_its_lines_are_a_configuration() {
    let folder = folder("certificate");
    let folder = folder.to_str().unwrap();
    let arguments = [
        "certificate",
        "--folder",
        folder,
        "--name",
        "play.example.net",
    ];
    let made = run(&arguments);
    assert_eq!((made.status, made.stderr.as_str()), (Some(0), ""));
    let path = config_file("certificate_made", made.stdout.as_str());
    let checked = run(&["check-config", path.to_str().unwrap()]);
    assert_eq!((checked.status, checked.stderr.as_str()), (Some(0), ""));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = fs::metadata(format!("{folder}/key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    let again = run(&arguments);
    assert_eq!(again.status, Some(1));
    assert!(again.stderr.contains("cannot write"), "{}", again.stderr);
}

#[test]
fn a_key_of_another_certificate_is_reported_with_its_line() {
    let [one, other] = ["certificate_one", "certificate_other"].map(|name| {
        let folder = folder(name);
        let made = run(&["certificate", "--folder", folder.to_str().unwrap()]);
        assert_eq!(made.status, Some(0), "{}", made.stderr);
        folder
    });
    let (certificate, key) = (one.join("cert.pem"), other.join("key.pem"));
    let text = format!("[[listen]]\ntls = [{{ certificate = {certificate:?}, key = {key:?} }}]\n");
    let path = config_file("certificate_mixed", text);
    let path = path.to_str().unwrap();
    let checked = run(&["check-config", path]);
    assert_eq!(checked.status, Some(2));
    let begin = format!("{path}:2: `listen.tls` is [{{ certificate = {certificate:?}");
    assert!(checked.stderr.starts_with(&begin), "{}", checked.stderr);
    assert!(
        checked
            .stderr
            .contains("does not belong to its certificate")
    );
}

/// A certificate that expires on 3 February of this year, and its key.
fn until(year: i32) -> [String; 2] {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 2, 3);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    [made.pem(), key.serialize_pem()]
}

/// Waits until a series has this value.
fn comes(admin: SocketAddr, series: &str, value: f64) {
    let start = Instant::now();
    while (shown(admin, series) - value).abs() > 0.5 {
        assert!(start.elapsed() < DEADLINE, "{series} is not {value}");
    }
}

const EXPIRY: &str = "lastword_certificate_expiry_timestamp_seconds";

fn write(folder: &Path, [certificate, key]: &[String; 2]) -> [PathBuf; 2] {
    let paths = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    fs::write(&paths[0], certificate).unwrap();
    fs::write(&paths[1], key).unwrap();
    paths
}

#[test]
fn renewed_files_are_noticed_and_half_a_pair_changes_nothing() {
    let folder = folder("certificate_renewed");
    let (old, new) = (until(2031), until(2032));
    let [certificate, key] = write(&folder, &old);
    let text = format!("[[listen]]\ntls = [{{ certificate = {certificate:?}, key = {key:?} }}]\n");
    let path = config_file("certificate_renewed", text);
    let serving = serve(&["--config", path.to_str().unwrap()]);
    let admin = serving.admin.unwrap();
    let good = "lastword_config_last_reload_successful";
    // Compared with `date -u -d 2031-02-03 +%s`.
    comes(admin, EXPIRY, 1_927_843_200.0);
    fs::write(&certificate, &new[0]).unwrap();
    comes(admin, good, 0.0);
    comes(admin, EXPIRY, 1_927_843_200.0);
    fs::write(&key, &new[1]).unwrap();
    comes(admin, EXPIRY, 1_959_379_200.0);
    comes(admin, good, 1.0);
    serving.process.signal(nix::sys::signal::Signal::SIGTERM);
    let log = serving.process.end().stderr;
    assert!(log.contains("does not belong to its certificate"), "{log}");
    assert!(log.contains("the certificates are renewed"), "{log}");
}

#[test]
fn an_expired_certificate_is_a_warning_whenever_it_is_read_and_never_an_error() {
    let folder = folder("certificate_expired");
    let [certificate, key] = write(&folder, &until(2020));
    let text = format!("[[listen]]\ntls = [{{ certificate = {certificate:?}, key = {key:?} }}]\n");
    let file = config_file("certificate_expired", &text);
    let path = file.to_str().unwrap();
    let warning = |year: i32| {
        format!(
            "`listen.tls` is {certificate:?}: the certificate for localhost expired on {year}-02-03T00:00:00Z: \
             clients refuse it; renew it"
        )
    };
    let checked = run(&["check-config", path]);
    let expected = format!("{path}: warning: {} (line 2)\n", warning(2020));
    assert_eq!((checked.status, checked.stderr), (Some(0), expected));

    let serving = serve_as_service(&["--config", path]);
    let admin = serving.admin.unwrap();
    write(&folder, &until(2021));
    // Compared with `date -u -d 2021-02-03 +%s`.
    comes(admin, EXPIRY, 1_612_310_400.0);
    fs::write(&file, format!("{text}[admission]\nconnections_max = 7\n")).unwrap();
    serving.process.signal(nix::sys::signal::Signal::SIGHUP);
    comes(admin, "lastword_connections_limit", 7.0);
    serving.process.signal(nix::sys::signal::Signal::SIGTERM);
    let log = serving.process.end().stderr;
    let told = |year| log.matches(&warning(year)).count();
    // At the start; when the change was noticed, and at the reload.
    assert_eq!((told(2020), told(2021)), (1, 2), "{log}");
}
