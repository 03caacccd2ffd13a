//! A certificate authority and a server certificate for `localhost` and 127.0.0.1, or one that is wrong in one way.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

/// What is wrong with the certificate that the servers of a world show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Nothing.
    Good,
    /// It ended on 2021-03-04.
    Expired,
    /// It begins on 2099-03-04.
    NotYetValid,
    /// It is for `other.test` only.
    WrongName,
    /// "Stranger authority" issued it, which nobody trusts.
    UnknownAuthority,
    /// Its own key issued it.
    SelfSigned,
}

/// PEM files: trust `authority`; servers show `chain` and hold `key`.
pub(crate) struct Certs {
    pub(crate) authority: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certs {
    pub(crate) fn make(folder: &Path, wanted: ServerCertificate) -> Result<Self> {
        let certs =
            Self { authority: folder.join("ca.pem"), chain: folder.join("server.pem"), key: folder.join("server.key") };
        let (trusted, pem) = authority("Test authority")?;
        fs::write(&certs.authority, pem)?;
        let key = KeyPair::generate()?;
        let params = server_params(wanted)?;
        let certificate = match wanted {
            ServerCertificate::SelfSigned => params.self_signed(&key)?,
            ServerCertificate::UnknownAuthority => params.signed_by(&key, &authority("Stranger authority")?.0)?,
            _ => params.signed_by(&key, &trusted)?,
        };
        fs::write(&certs.chain, certificate.pem())?;
        fs::write(&certs.key, key.serialize_pem())?;
        Ok(certs)
    }
}

/// An authority and its certificate.
fn authority(name: &str) -> Result<(Issuer<'static, KeyPair>, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

fn server_params(wanted: ServerCertificate) -> Result<CertificateParams> {
    let names = match wanted {
        ServerCertificate::WrongName => vec!["other.test".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut params = CertificateParams::new(names)?;
    match wanted {
        ServerCertificate::Expired => {
            params.not_before = date_time_ymd(2020, 1, 2);
            params.not_after = date_time_ymd(2021, 3, 4);
        }
        ServerCertificate::NotYetValid => {
            params.not_before = date_time_ymd(2099, 3, 4);
            params.not_after = date_time_ymd(2100, 1, 2);
        }
        _ => {}
    }
    Ok(params)
}
