use std::fs;
use std::path::PathBuf;

use crate::command::{config_file, run};

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
