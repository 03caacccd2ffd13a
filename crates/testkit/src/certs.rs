//! A certificate authority and a server certificate for `localhost` and 127.0.0.1.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// PEM files: trust `authority`; servers show `chain` and hold `key`.
pub(crate) struct Certs {
    pub(crate) authority: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certs {
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        let certs =
            Self { authority: folder.join("ca.pem"), chain: folder.join("server.pem"), key: folder.join("server.key") };
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        fs::write(&certs.authority, params.self_signed(&authority_key)?.pem())?;
        let issuer = Issuer::new(params, authority_key);

        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        fs::write(&certs.chain, params.signed_by(&key, &issuer)?.pem())?;
        fs::write(&certs.key, key.serialize_pem())?;
        Ok(certs)
    }
}
