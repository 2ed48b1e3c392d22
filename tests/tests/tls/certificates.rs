//! Which certificate a client gets, and how they are replaced.

use std::fs;
use std::path::PathBuf;

use lastword_server::{
    Anonymous, CertificateError, CertificateFiles, Certificates, Player, ReloadError,
};
use lastword_tests::{Echo, EndCollector, Fixture, config, within};

use crate::peer::{self, BOTH, Peer};
use crate::{Made, certificates, start, start_with};

/// Whether a client for this name that trusts only this certificate gets in.
async fn gets_in(fixture: &Fixture, made: &Made, name: &str) -> bool {
    let tls = peer::config(made, BOTH);
    let mut peer = Peer::begin(fixture.addr(), tls, name).await;
    let entered = async {
        peer.flush().await;
        peer.end_of_handshake().await
    };
    within("the handshake", entered).await
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_the_first_is_for_all_others() {
    let names = ["eu.example.net", "us.example.net", "*.example.org"];
    let [eu, us, org] = names.map(Made::for_name);
    let all = certificates(&[&eu, &us, &org]);
    let fixture = start_with(all, config(), Anonymous).await;
    assert!(gets_in(&fixture, &eu, "eu.example.net").await);
    assert!(gets_in(&fixture, &us, "us.example.net").await);
    assert!(gets_in(&fixture, &org, "any.example.org").await);
    assert!(!gets_in(&fixture, &us, "eu.example.net").await);
    // The client then refuses the name, not the certificate.
    assert!(!gets_in(&fixture, &eu, "elsewhere.example.com").await);
}

#[tokio::test]
async fn new_connections_get_new_certificates_and_live_ones_go_on() {
    let (old, new) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let fixture = start(&old, config()).await;
    let mut player = Peer::join(fixture.addr(), &old).await;
    assert!(fixture.server.set_certificates(certificates(&[&new])));
    player.echo(b"still here").await;
    assert!(gets_in(&fixture, &new, "localhost").await);
    assert!(!gets_in(&fixture, &old, "localhost").await);
    let plain = Fixture::start().await;
    assert!(!plain.server.set_certificates(certificates(&[&new])));
}

/// A folder with this name, with this pair in it.
fn written(made: &Made, name: &str) -> (PathBuf, CertificateFiles) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let files = CertificateFiles {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    };
    fs::write(&files.certificate, &made.certificate).unwrap();
    fs::write(&files.key, &made.key).unwrap();
    (folder, files)
}

#[tokio::test]
async fn a_reload_reads_renewed_files_and_a_pair_that_does_not_match_changes_nothing() {
    let (old, new) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let (folder, files) = written(&old, "reloaded_certificates");
    let mut config = config();
    config.listen[0].tls = vec![files.clone()];
    let source = config.clone();
    let mut collector = EndCollector::default();
    let builder = collector.builder(config);
    let builder = builder.reload_from(move || Ok(source.clone()));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let fixture = Fixture { server, collector };
    let mut player = Peer::join(fixture.addr(), &old).await;
    assert!(fixture.server.reload().unwrap().applied.is_empty());

    // Only half of the renewed pair is there.
    fs::write(&files.certificate, &new.certificate).unwrap();
    let Err(ReloadError::Refused(lines)) = fixture.server.reload() else {
        panic!("the pair does not match");
    };
    assert!(
        lines[0].starts_with("`listen.tls` is [{ certificate = "),
        "{lines:?}"
    );
    assert!(lines[0].contains("does not belong to its certificate"));
    assert!(gets_in(&fixture, &old, "localhost").await);

    fs::write(&files.key, &new.key).unwrap();
    // The server may have noticed by itself that the files changed.
    let applied = fixture.server.reload().unwrap().applied;
    assert!(["listen.tls"].starts_with(&applied), "{applied:?}");
    assert!(gets_in(&fixture, &new, "localhost").await);
    assert!(!gets_in(&fixture, &old, "localhost").await);
    player.echo(b"still here").await;

    fs::remove_dir_all(&folder).unwrap();
    let Err(ReloadError::Refused(lines)) = fixture.server.reload() else {
        panic!("the files are gone");
    };
    assert!(lines[0].contains("cannot read"), "{lines:?}");
    assert!(gets_in(&fixture, &new, "localhost").await);
}

#[test]
fn a_key_that_does_not_fit_and_texts_without_any_are_refused() {
    let (one, other) = (Made::for_name("localhost"), Made::for_name("localhost"));
    let refused = |certificate: &str, key: &str| {
        let error = Certificates::from_pem([(certificate, key)]).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused(&one.certificate, &other.key),
        "the key of certificate 1 does not belong to its certificate: were both renewed together?"
    );
    assert!(refused(&one.key, &one.key).contains("has no certificate"));
    assert!(refused(&one.certificate, &one.certificate).contains("has no private key"));
    let none = Certificates::from_pem(Vec::<(&str, &str)>::new()).unwrap_err();
    assert!(matches!(none, CertificateError::None));
    let missing = CertificateFiles {
        certificate: "/nowhere/cert.pem".into(),
        key: "/nowhere/key.pem".into(),
    };
    let missing = Certificates::from_files(&[missing]).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot read /nowhere/cert.pem: ")
    );
}
