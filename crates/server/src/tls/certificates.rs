//! The certificates of a listener: read, checked, and chosen by the name that a client asks for.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use lastword_session::OsError;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};

use super::files::CertificateFiles;
use super::validity::Validity;
use super::warning;

/// The certificates of a listener, each with its key. The name that a client asks for (SNI) chooses among them; a client
/// that asks for no name, or for one that none of them has, gets the first.
#[derive(Clone)]
pub struct Certificates {
    config: Arc<ServerConfig>,
    keys: Arc<ByName>,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is not even one.
    #[error("there is no certificate: give at least one, with its key")]
    None,
    /// A file cannot be read.
    #[error("cannot read {}: {}; check the path and its permissions", path.display(), OsError::in_words(source))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A text has no certificate.
    #[error("{place} has no certificate: it must be PEM, with a section BEGIN CERTIFICATE")]
    NoCertificate {
        /// The file, or the number of the pair.
        place: String,
    },
    /// A text has no private key.
    #[error(
        "{place} has no private key: it must be PEM, with a section BEGIN PRIVATE KEY and no passphrase"
    )]
    NoKey {
        /// The file, or the number of the pair.
        place: String,
    },
    /// The key is another certificate's.
    #[error("the key of {place} does not belong to its certificate: were both renewed together?")]
    Mismatch {
        /// The file of the certificate, or the number of the pair.
        place: String,
    },
    /// The TLS library refuses the pair.
    #[error("{place} cannot be used: {source}")]
    Unusable {
        /// The file of the certificate, or the number of the pair.
        place: String,
        /// Its reason.
        source: rustls::Error,
    },
}

impl Certificates {
    /// Takes certificates with their keys, as PEM. A certificate is followed by those that lead to its root.
    ///
    /// # Errors
    /// [`CertificateError`]; a certificate and a key that do not match are refused.
    pub fn from_pem<C, K>(pairs: impl IntoIterator<Item = (C, K)>) -> Result<Self, CertificateError>
    where
        C: AsRef<[u8]>,
        K: AsRef<[u8]>,
    {
        let places = (1..).map(|n| format!("certificate {n}"));
        let pairs = places.zip(pairs).map(|(place, (certificate, key))| {
            let keys = (place.clone(), key);
            certified(place, certificate.as_ref(), &keys.0, keys.1.as_ref())
        });
        Self::new(pairs.collect::<Result<_, _>>()?)
    }

    /// Reads the files of the configuration.
    ///
    /// # Errors
    /// As [`Certificates::from_pem`], with the names of the files.
    pub fn from_files(files: &[CertificateFiles]) -> Result<Self, CertificateError> {
        let pairs = files.iter().map(|files| {
            let certificate = read(&files.certificate)?;
            let key = read(&files.key)?;
            let place = files.certificate.display().to_string();
            certified(place, &certificate, &files.key.display().to_string(), &key)
        });
        Self::new(pairs.collect::<Result<_, _>>()?)
    }

    fn new(keys: Vec<Placed>) -> Result<Self, CertificateError> {
        if keys.is_empty() {
            return Err(CertificateError::None);
        }
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|source| CertificateError::Unusable {
            place: "TLS".to_owned(),
            source,
        })?;
        let builder = builder.with_no_client_auth();
        let keys = Arc::new(ByName(keys));
        let mut config = builder.with_cert_resolver(Arc::clone(&keys) as _);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // No state of a session is kept, here or with the client: nothing grows, and there is no early data.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let config = Arc::new(config);
        Ok(Self { config, keys })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// When the first of them expires, or of those that lead to their roots, in seconds of Unix time.
    pub(super) fn expires_at(&self) -> Option<u64> {
        let chains = self.keys.0.iter().flat_map(|placed| &placed.key.cert);
        let ends = chains.filter_map(|certificate| Some(Validity::of(certificate)?.not_after));
        ends.min()
    }

    /// The certificates that clients refuse at this time, or within a week: each with its place, and in words.
    pub(super) fn warnings(&self, now: SystemTime) -> Vec<(String, String)> {
        let of_pair = |placed: &Placed| {
            let words = warning::warnings(&placed.key.cert, now);
            let with_place = words.into_iter().map(|words| (placed.place.clone(), words));
            with_place.collect::<Vec<_>>()
        };
        self.keys.0.iter().flat_map(of_pair).collect()
    }
}

/// The same certificates, in the same order.
impl PartialEq for Certificates {
    fn eq(&self, other: &Self) -> bool {
        let [one, other] = [self, other].map(|each| {
            let all = each.keys.0.iter();
            all.map(|placed| &placed.key.cert)
        });
        one.eq(other)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// A certificate with its key, and the file of the certificate, or the number of the pair.
#[derive(Debug)]
struct Placed {
    place: String,
    key: Arc<CertifiedKey>,
}

/// Chooses the first certificate that is valid for the name.
#[derive(Debug)]
struct ByName(Vec<Placed>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        let mut all = self.0.iter();
        let named = name.and_then(|name| all.find(|placed| is_valid_for(&placed.key, name)));
        let chosen = named.or_else(|| self.0.first())?;
        Some(Arc::clone(&chosen.key))
    }
}

fn is_valid_for(key: &CertifiedKey, name: &str) -> bool {
    let (Some(certificate), Ok(name)) = (key.cert.first(), ServerName::try_from(name)) else {
        return false;
    };
    let parsed = ParsedCertificate::try_from(certificate);
    parsed.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}

fn certified(
    place: String,
    certificate: &[u8],
    key_place: &str,
    key: &[u8],
) -> Result<Placed, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let Some(chain) = chain.ok().filter(|chain| !chain.is_empty()) else {
        return Err(CertificateError::NoCertificate { place });
    };
    let Ok(key) = PrivateKeyDer::from_pem_slice(key) else {
        let place = key_place.to_owned();
        return Err(CertificateError::NoKey { place });
    };
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(certified) => Ok(Placed {
            place,
            key: Arc::new(certified),
        }),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(CertificateError::Mismatch { place })
        }
        Err(source) => Err(CertificateError::Unusable { place, source }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::File {
        path: path.to_owned(),
        source,
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The name of our wire in the negotiation of TLS. A client may ask for no name at all.
const ALPN: &[u8] = b"lastword/1";
