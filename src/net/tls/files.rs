//! Certificates and keys, as PEM files have them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A file that is longer holds something else.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// What stands in the first line of a key that takes a password to read.
const ENCRYPTED: &str = "ENCRYPTED";

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A directive that is needed is not there.
    #[error("No {directive} configured!")]
    Missing {
        /// The directive.
        directive: &'static str,
    },
    /// Certificates of others are to be verified, and nobody is trusted.
    #[error(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, \
         tls-replication or tls-auth-clients are enabled!"
    )]
    NobodyTrusted,
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// What a file holds is not what it should.
    #[error("{} cannot be used as PEM: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: pem::Error,
    },
    /// A file holds nothing that could be used.
    #[error("there is no {what} in {}", path.display())]
    Nothing {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// A key takes a password to read.
    #[error(
        "the key in {} is encrypted, and such keys are not read here: give it a file of its own \
         that only this server may read, as `openssl pkey -in KEY -out PLAIN` writes",
        path.display()
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// A certificate is of a form that nobody can verify here.
    #[error(
        "the certificate in {} is of X.509 version 1, which is not used here: sign one of version 3, \
         as `openssl x509 -req -extfile FILE` does",
        path.display()
    )]
    Old {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or a key makes no sense, or the two do not belong together.
    #[error("the {what} in {} cannot be used: {source}", path.display())]
    Unusable {
        /// What it is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// A protocol is not known, or too old.
    #[error(
        "Invalid tls-protocols specified. Use a combination of 'TLSv1.2' and 'TLSv1.3'; {word:?} \
         {reason}"
    )]
    Protocol {
        /// The word.
        word: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A cipher is not known, or none is left.
    #[error("Failed to configure {directive}: {reason}")]
    Ciphers {
        /// The directive.
        directive: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The parts are sound, and do not go together.
    #[error("TLS cannot be configured: {0}")]
    Together(String),
}

/// Reads the certificates of a file, the first of which is the server's own.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if found.is_empty() {
        return Err(TlsError::Nothing { what: "certificate", path: path.to_owned() });
    }
    Ok(found)
}

/// Reads the private key of a file.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    if String::from_utf8_lossy(&text).lines().any(|line| line.contains(ENCRYPTED)) {
        return Err(TlsError::Encrypted { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| match source {
        pem::Error::NoItemsFound => {
            TlsError::Nothing { what: "private key", path: path.to_owned() }
        }
        source => TlsError::Pem { path: path.to_owned(), source },
    })
}

/// Reads those who are trusted: all of a file, and of each file in a directory what certificates it has.
pub(super) fn authorities(
    file: Option<&Path>,
    directory: Option<&Path>,
) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|source| TlsError::Unusable {
                what: "certificate",
                path: path.to_owned(),
                source,
            })?;
        }
    }
    if let Some(path) = directory {
        let failed = |source| TlsError::Read { path: path.to_owned(), source };
        for entry in fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if !path.is_file() {
                continue;
            }
            // Other things may lie there as well, and revocation lists do.
            if let Ok(found) = certificates(&path) {
                roots.add_parsable_certificates(found);
            }
        }
    }
    if roots.is_empty() {
        let path = directory.or(file).unwrap_or(Path::new("")).to_owned();
        return Err(TlsError::Nothing { what: "certificate of an authority", path });
    }
    Ok(roots)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}
