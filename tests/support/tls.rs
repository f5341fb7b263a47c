//! Authorities and certificates made for a test, and clients that use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;

/// Somebody whose signature is trusted, and the files of what was signed.
pub struct Authority {
    directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: AtomicU32,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// When a certificate ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Past,
    Future,
}

impl Authority {
    /// Makes one.
    pub fn new(name: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let mut params = parameters(name, End::Future);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("it can sign itself");
        fs::write(directory.path().join("ca.pem"), issuer.pem()).expect("the file can be written");
        Self { directory, issuer, issued: AtomicU32::new(0) }
    }

    /// The file with its own certificate.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The directory of all its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Signs a certificate for whoever is on this machine.
    pub fn issue(&self, name: &str) -> Shown {
        self.sign(&parameters(name, End::Future))
    }

    /// Signs one that has expired.
    pub fn issue_expired(&self, name: &str) -> Shown {
        self.sign(&parameters(name, End::Past))
    }

    /// Makes one that nobody but itself has signed.
    pub fn self_signed(&self, name: &str) -> Shown {
        let key = new_key();
        let certificate = parameters(name, End::Future).self_signed(&key).expect("it can sign");
        self.keep(&certificate.pem(), &key)
    }

    fn sign(&self, params: &CertificateParams) -> Shown {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        self.keep(&certificate.pem(), &key)
    }

    fn keep(&self, certificate: &str, key: &KeyPair) -> Shown {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let path = |kind: &str| self.directory.path().join(format!("{number}.{kind}"));
        let shown = Shown { certificate: path("crt"), key: path("key") };
        fs::write(&shown.certificate, certificate).expect("the file can be written");
        fs::write(&shown.key, key.serialize_pem()).expect("the file can be written");
        shown
    }

    /// The arguments of a server that shows a certificate and trusts this authority.
    pub fn arguments(&self, shown: &Shown) -> Vec<String> {
        let file = |path: &Path| path.display().to_string();
        let pairs = [
            ("--tls-cert-file", file(&shown.certificate)),
            ("--tls-key-file", file(&shown.key)),
            ("--tls-ca-cert-file", file(&self.file())),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// What a client begins with that trusts this authority, and shows this if anything.
    pub fn client(&self, shown: Option<&Shown>) -> Arc<ClientConfig> {
        self.client_of(shown, rustls::DEFAULT_VERSIONS)
    }

    /// As [`Self::client`], with some of the protocols.
    pub fn client_of(
        &self,
        shown: Option<&Shown>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("it is an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("they are known")
            .with_root_certificates(roots);
        Arc::new(match shown {
            Some(shown) => {
                let key = PrivateKeyDer::from_pem_file(&shown.key).expect("it is a key");
                let built = builder.with_client_auth_cert(vec![shown.der()], key);
                built.expect("the two belong together")
            }
            None => builder.with_no_client_auth(),
        })
    }
}

impl Shown {
    /// The certificate itself.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).expect("it is a certificate")
    }

    /// Puts another in its place, under the same names.
    pub fn replace_by(&self, other: &Self) {
        fs::copy(&other.certificate, &self.certificate).expect("the file can be written");
        fs::copy(&other.key, &self.key).expect("the file can be written");
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("there is randomness")
}

fn parameters(name: &str, end: End) -> CertificateParams {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).expect("the names are sound");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = match end {
        End::Past => date_time_ymd(2021, 1, 1),
        End::Future => date_time_ymd(2100, 1, 1),
    };
    params
}
