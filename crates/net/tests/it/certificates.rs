//! Certificates that tests make for their own servers.

use std::io::Write as _;
use std::sync::Arc;

use net::Dialer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use crate::support::private_dialer;

/// A CA of our own, with its certificate in a file.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub file: NamedTempFile,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let mut file = NamedTempFile::new().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        file.write_all(certificate.pem().as_bytes()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A certificate.
    pub fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity(certificate.der().clone(), key)
    }

    /// A dialler that trusts it.
    pub fn dialer(&self, port: u16) -> Dialer {
        private_dialer(&[port], vec![self.file.path().to_owned()])
    }
}

/// A certificate and its key.
pub struct Identity(pub CertificateDer<'static>, pub KeyPair);

impl Identity {
    /// What a server needs to show it.
    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.1.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// For these names, from 2020 to 2100.
pub fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params.distinguished_name.push(DnType::CommonName, "the server");
    params
}
