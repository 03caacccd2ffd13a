//! Verified TLS, and failures sorted by what a person has to do about them.
//!
//! Certificates are verified against the system's CA bundle plus the operator's extra CA files; a host without a
//! bundle gets Mozilla's list, compiled in. There is no way to switch verification off: for a self-signed server the
//! failure names the certificate's fingerprint, and the operator adds the certificate as an extra CA file.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::error::{NetError, SetupError, Stage};
use crate::words::clean;

/// Most names of a certificate that are reported.
const MAX_NAMES: usize = 20;
/// Longest reported name in characters.
const MAX_NAME_CHARS: usize = 253;

/// What was agreed with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// "TLS 1.3" or "TLS 1.2".
    pub version: &'static str,
    /// The certificate's subject, for example "CN=mail.example.com". May be empty.
    pub subject: String,
    /// The host names and addresses the certificate is for, at most 20.
    pub names: Vec<String>,
    /// When the certificate ends, in seconds since 1970 UTC. `None` when the certificate could not be read.
    pub not_after_unix_secs: Option<i64>,
    /// SHA-256 of the certificate as pairs of upper-case hexadecimal digits with colons.
    pub fingerprint: String,
}

/// Why TLS failed, by what a person has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsProblem {
    /// Issued by no CA that is trusted here.
    UnknownCa,
    /// Signed by itself.
    SelfSigned,
    /// Made for other names.
    WrongName,
    /// Its time is over.
    Expired,
    /// Its time has not come. The clock of this machine may be wrong.
    NotYetValid,
    /// Broken, revoked, or not for servers.
    BadCertificate,
    /// The server ended the handshake with an alert.
    Alert,
    /// No common version or cipher, or a handshake against the rules.
    Handshake,
}

/// A failed handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFailure {
    /// What a person has to do about it.
    pub problem: TlsProblem,
    /// What happened, in plain words.
    pub words: String,
    /// SHA-256 of the refused certificate, as in [`TlsInfo::fingerprint`].
    pub fingerprint: Option<String>,
    /// What a refused certificate says of itself. Nobody vouches for it.
    pub claims: Option<Box<CertificateClaims>>,
}

/// What a certificate says of itself, each text cleaned and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateClaims {
    /// As [`TlsInfo::subject`].
    pub subject: String,
    /// Who issued it, for example "CN=Example CA".
    pub issuer: String,
    /// As [`TlsInfo::names`].
    pub names: Vec<String>,
    /// When it begins, in seconds since 1970 UTC.
    pub not_before_unix_secs: i64,
    /// When it ends, in seconds since 1970 UTC.
    pub not_after_unix_secs: i64,
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)?;
        match &self.fingerprint {
            Some(fingerprint) => write!(f, " (SHA-256 {fingerprint})"),
            None => Ok(()),
        }
    }
}

/// The configuration that all connections share.
///
/// # Errors
/// [`SetupError::CaFile`] or [`SetupError::Tls`].
pub(crate) fn client_config(extra_ca_files: &[PathBuf]) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut extra = Vec::new();
    for file in extra_ca_files {
        extra.extend(read_ca_file(file)?);
    }
    let verifier = Explaining { inner: verifier(extra, &provider)? };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_setup(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn tls_setup(error: &dyn std::error::Error) -> SetupError {
    SetupError::Tls { words: error.to_string() }
}

fn read_ca_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let unusable = |words: String| SetupError::CaFile { file: file.display().to_string(), words };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?.collect();
    let certificates = certificates.map_err(|error| unusable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    let mut probe = RootCertStore::empty();
    for certificate in &certificates {
        probe.add(certificate.clone()).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(certificates)
}

fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    use rustls_platform_verifier::Verifier;

    // Asked without the extra certificates first: with them an empty system store would go unnoticed.
    if let Err(error) = Verifier::new(Arc::clone(provider)) {
        tracing::info!(%error, "no CA bundle on this host, using the built-in list");
        let roots = Arc::new(built_in_roots(extra));
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        return Ok(verifier.map_err(|error| tls_setup(&error))?);
    }
    let platform = Verifier::new_with_extra_roots(extra, Arc::clone(provider));
    Ok(Arc::new(platform.map_err(|error| tls_setup(&error))?))
}

/// Mozilla's list and the operator's certificates.
fn built_in_roots(extra: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(extra);
    roots
}

/// Whose certificates are trusted here, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Authorities of the system's bundle; 0 when there is none.
    pub system: usize,
    /// Authorities of the compiled-in list, which is used where the system has no bundle.
    pub built_in: usize,
    /// Certificates of the operator's extra files.
    pub extra: usize,
    /// What the system's bundle has that could not be read.
    pub faults: Vec<String>,
}

/// Counts the certificates that [`Dialer`](crate::Dialer) trusts with these extra files.
///
/// # Errors
/// [`SetupError::CaFile`] when an extra file is none.
pub fn roots(extra_ca_files: &[PathBuf]) -> Result<Roots, SetupError> {
    let mut extra = 0;
    for file in extra_ca_files {
        extra += read_ca_file(file)?.len();
    }
    let system = rustls_native_certs::load_native_certs();
    let built_in = if system.certs.is_empty() { webpki_roots::TLS_SERVER_ROOTS.len() } else { 0 };
    let faults = system.errors.iter().map(|e| clean(e.to_string().as_bytes(), 200)).collect();
    Ok(Roots { system: system.certs.len(), built_in, extra, faults })
}

/// Verifies as `inner` does, and keeps what a person needs to know about a refused certificate.
#[derive(Debug)]
struct Explaining {
    inner: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for Explaining {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match error {
            rustls::Error::InvalidCertificate(reason) => {
                let refused = RefusedCertificate(explain(&reason, end_entity));
                rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Carries the explanation through rustls.
#[derive(Debug)]
struct RefusedCertificate(TlsFailure);

impl std::fmt::Display for RefusedCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for RefusedCertificate {}

fn explain(reason: &CertificateError, der: &CertificateDer<'_>) -> TlsFailure {
    let leaf = Leaf::read(der);
    let (problem, words) = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (TlsProblem::Expired, "the certificate has expired".to_owned())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (TlsProblem::NotYetValid, "the certificate is not valid yet".to_owned())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = if leaf.names.is_empty() { "no name".to_owned() } else { leaf.names.join(", ") };
            (TlsProblem::WrongName, format!("the certificate is for {names}"))
        }
        CertificateError::UnknownIssuer if leaf.self_signed => {
            (TlsProblem::SelfSigned, "the certificate is self-signed".to_owned())
        }
        CertificateError::UnknownIssuer => {
            (TlsProblem::UnknownCa, format!("the certificate is issued by an unknown authority: {}", leaf.issuer))
        }
        other => (
            TlsProblem::BadCertificate,
            format!("the certificate was refused: {}", clean(format!("{other:?}").as_bytes(), 200)),
        ),
    };
    let claims = leaf.valid_unix_secs.map(|(not_before_unix_secs, not_after_unix_secs)| {
        let Leaf { subject, issuer, names, .. } = leaf;
        Box::new(CertificateClaims { subject, issuer, names, not_before_unix_secs, not_after_unix_secs })
    });
    TlsFailure { problem, words, fingerprint: Some(fingerprint(der)), claims }
}

/// The readable parts of a server's certificate. All empty when it cannot be parsed.
#[derive(Default)]
struct Leaf {
    subject: String,
    issuer: String,
    names: Vec<String>,
    self_signed: bool,
    /// Begin and end.
    valid_unix_secs: Option<(i64, i64)>,
}

impl Leaf {
    fn read(der: &CertificateDer<'_>) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Self::default();
        };
        let names = match certificate.subject_alternative_name() {
            Ok(Some(extension)) => extension.value.general_names.iter().filter_map(name_text).take(MAX_NAMES).collect(),
            Ok(None) | Err(_) => Vec::new(),
        };
        Self {
            subject: clean(certificate.subject().to_string().as_bytes(), MAX_NAME_CHARS),
            issuer: clean(certificate.issuer().to_string().as_bytes(), MAX_NAME_CHARS),
            names,
            self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            valid_unix_secs: Some((
                certificate.validity().not_before.timestamp(),
                certificate.validity().not_after.timestamp(),
            )),
        }
    }
}

fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(clean(name.as_bytes(), MAX_NAME_CHARS)),
        GeneralName::IPAddress(bytes) => {
            if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
                Some(std::net::Ipv4Addr::from(v4).to_string())
            } else {
                let v6 = <[u8; 16]>::try_from(*bytes).ok()?;
                Some(std::net::Ipv6Addr::from(v6).to_string())
            }
        }
        _ => None,
    }
}

fn fingerprint(der: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(der) {
        if !text.is_empty() {
            text.push(':');
        }
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// What a finished handshake agreed on.
pub(crate) fn info(connection: &rustls::ClientConnection) -> TlsInfo {
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    let read = leaf.map(Leaf::read).unwrap_or_default();
    TlsInfo {
        version: match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        },
        subject: read.subject,
        names: read.names,
        not_after_unix_secs: read.valid_unix_secs.map(|(_, end)| end),
        fingerprint: leaf.map(fingerprint).unwrap_or_default(),
    }
}

/// Sorts the error of a handshake.
pub(crate) fn failure(error: io::Error) -> NetError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(tls) => rustls_failure(tls),
        None => NetError::io(Stage::Tls, error),
    }
}

/// Sorts an error of rustls.
pub(crate) fn rustls_failure(error: &rustls::Error) -> NetError {
    let (problem, words) = match error {
        rustls::Error::InvalidMessage(_) => {
            return NetError::NotTls;
        }
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            if let Some(RefusedCertificate(failure)) = inner.downcast_ref() {
                return NetError::Tls(failure.clone());
            }
            (TlsProblem::BadCertificate, format!("the certificate was refused: {inner}"))
        }
        rustls::Error::InvalidCertificate(reason) => {
            (TlsProblem::BadCertificate, format!("the certificate was refused: {reason:?}"))
        }
        rustls::Error::AlertReceived(alert) => {
            (TlsProblem::Alert, format!("the server ended the handshake with the alert {alert:?}"))
        }
        other => (TlsProblem::Handshake, format!("the handshake failed: {other}")),
    };
    NetError::Tls(TlsFailure { problem, words: clean(words.as_bytes(), 300), fingerprint: None, claims: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_takes_the_operators_certificates() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["ca.test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let without = built_in_roots(Vec::new());
        assert!(without.len() > 50, "{} certificates", without.len());
        let with = built_in_roots(vec![certificate]);
        assert_eq!(with.len(), without.len() + 1);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(with), provider).build().unwrap();
    }
}
