//! How a client trusts a server with TLS: by the system's roots, or by a certificate that it knows.

use std::sync::Arc;

use lastword_transport::Tls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// The servers that a client with TLS trusts.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// Why there is nothing to trust.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The system's roots cannot be read.
    #[error(
        "this system has no root certificates that can be read: {0}; install its ca-certificates"
    )]
    NoRoots(String),
    /// The text has no certificate.
    #[error("there is no certificate: it must be PEM, with a section BEGIN CERTIFICATE")]
    NoCertificate,
    /// The TLS library refuses.
    #[error("TLS cannot be used: {0}")]
    Unusable(Error),
}

impl Trust {
    /// Trusts the roots of this system, as browsers do: the certificate must lead to one of them, be valid now, and have
    /// the server's name.
    ///
    /// # Errors
    /// [`TrustError::NoRoots`].
    pub fn system() -> Result<Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let errors = found.errors.iter().map(ToString::to_string);
            return Err(TrustError::NoRoots(errors.collect::<Vec<_>>().join(", ")));
        }
        let provider = provider();
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build();
        let verifier = verifier.map_err(|error| TrustError::NoRoots(error.to_string()))?;
        Self::by(verifier)
    }

    /// Trusts exactly the first certificate of this PEM, with any name and at any time: for a test, or for a server whose
    /// certificate comes with the game.
    ///
    /// # Errors
    /// [`TrustError::NoCertificate`].
    pub fn pinned(pem: &[u8]) -> Result<Self, TrustError> {
        let certificate = CertificateDer::from_pem_slice(pem);
        let certificate = certificate.map_err(|_| TrustError::NoCertificate)?;
        Self::by(Arc::new(Pin {
            certificate,
            provider: provider(),
        }))
    }

    fn by(verifier: Arc<dyn ServerCertVerifier>) -> Result<Self, TrustError> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(TrustError::Unusable)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(verifier);
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    /// The client's side of a connection to a server with this name or address.
    pub(crate) fn tls(&self, host: &str) -> Result<Tls, Error> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Error::General(format!("{host:?} is no name of a server")))?;
        Tls::client(Arc::clone(&self.0), name)
    }
}

/// Trusts one certificate.
#[derive(Debug)]
struct Pin {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The name of our wire in the negotiation of TLS.
const ALPN: &[u8] = b"lastword/1";
