//! What a server says of itself in handshakes, and whom it trusts: read as a whole, used as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, Error, InconsistentKeys, OtherError, RootCertStore,
    ServerConfig, SupportedProtocolVersion,
};

use super::chain::{ChainVerifier, Trust};
use super::files::{self, TlsError};
use super::remembered::Remembered;
use super::suites;

/// What certificate a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// None.
    No,
    /// None, but one that it shows must be good.
    Optional,
    /// One that an authority has signed.
    Yes,
}

/// Which sessions may be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// None.
    None,
    /// So many, each for so long.
    Kept {
        /// How many at most.
        count_max: usize,
        /// How long.
        age_max: Duration,
    },
}

/// What TLS is to be made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// `tls-cert-file` and `tls-key-file`.
    pub server: (Option<PathBuf>, Option<PathBuf>),
    /// `tls-client-cert-file` and `tls-client-key-file`; without them those of the server are shown.
    pub client: (Option<PathBuf>, Option<PathBuf>),
    /// `tls-ca-cert-file`.
    pub authority_file: Option<PathBuf>,
    /// `tls-ca-cert-dir`.
    pub authority_directory: Option<PathBuf>,
    /// `tls-auth-clients`.
    pub client_auth: ClientAuth,
    /// Whether other servers are connected to.
    pub connects: bool,
    /// `tls-protocols`.
    pub protocols: String,
    /// `tls-ciphers`.
    pub ciphers: Option<String>,
    /// `tls-ciphersuites`.
    pub suites: Option<String>,
    /// `tls-prefer-server-ciphers`.
    pub prefers_own_ciphers: bool,
    /// `tls-session-caching` and what goes with it.
    pub sessions: Sessions,
}

/// What handshakes begin with, on either side.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// With clients.
    pub server: Arc<ServerConfig>,
    /// With other servers, where any are connected to.
    pub client: Option<Arc<ClientConfig>>,
}

impl Credentials {
    /// Reads all files; fails if any of them is not what it should be.
    pub fn load(options: &Options) -> Result<Self, TlsError> {
        let versions = suites::protocols(&options.protocols)?;
        let provider = suites::provider(options.ciphers.as_deref(), options.suites.as_deref())?;
        let made_of = (Arc::new(provider), versions);
        let own = pair(&options.server, ("tls-cert-file", "tls-key-file"), &made_of.0)?;
        let shown = match &options.client {
            (None, None) => Arc::clone(&own),
            files => pair(files, ("tls-client-cert-file", "tls-client-key-file"), &made_of.0)?,
        };
        let (file, directory) =
            (options.authority_file.as_deref(), options.authority_directory.as_deref());
        let trusted = match (file, directory) {
            (None, None) => None,
            (file, directory) => Some(Arc::new(files::authorities(file, directory)?)),
        };
        let server = server(options, own, trusted.clone(), &made_of)?;
        let client = match (options.connects, trusted) {
            (false, _) => None,
            (true, None) => return Err(TlsError::NobodyTrusted),
            (true, Some(roots)) => Some(client(Some(shown), Trust::Signed(roots), &made_of)?),
        };
        Ok(Self { server, client })
    }
}

/// Makes what a client begins with that trusts whoever an authority of these files has signed.
pub fn client_with(
    authority_file: &Path,
    shown: &(Option<PathBuf>, Option<PathBuf>),
) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = Arc::new(files::authorities(Some(authority_file), None)?);
    stand_alone(shown, Trust::Signed(roots))
}

/// Makes what a client begins with that trusts anybody.
pub fn permissive_client(
    shown: &(Option<PathBuf>, Option<PathBuf>),
) -> Result<Arc<ClientConfig>, TlsError> {
    stand_alone(shown, Trust::Any)
}

type Made = (Arc<CryptoProvider>, Vec<&'static SupportedProtocolVersion>);

fn stand_alone(
    shown: &(Option<PathBuf>, Option<PathBuf>),
    trust: Trust,
) -> Result<Arc<ClientConfig>, TlsError> {
    let made_of = (Arc::new(suites::provider(None, None)?), suites::protocols("")?);
    let shown = match shown {
        (None, None) => None,
        files => Some(pair(files, ("--cert", "--key"), &made_of.0)?),
    };
    client(shown, trust, &made_of)
}

/// Reads a certificate and its key.
fn pair(
    (certificate, key): &(Option<PathBuf>, Option<PathBuf>),
    (certificate_directive, key_directive): (&'static str, &'static str),
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let missing = |directive| TlsError::Missing { directive };
    let certificate = certificate.as_ref().ok_or_else(|| missing(certificate_directive))?;
    let key_file = key.as_ref().ok_or_else(|| missing(key_directive))?;
    let chain = files::certificates(certificate)?;
    let unusable = |what, path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Unusable { what, path, source }
    };
    let key = provider
        .key_provider
        .load_private_key(files::key(key_file)?)
        .map_err(unusable("private key", key_file))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(source @ Error::InconsistentKeys(_)) => {
            return Err(unusable("private key", key_file)(source));
        }
        Err(source) if is_too_old(&source) => {
            return Err(TlsError::Old { path: certificate.clone() });
        }
        Err(source) => return Err(unusable("certificate", certificate)(source)),
    }
    Ok(Arc::new(certified))
}

/// Tells whether a certificate cannot be used for its version.
fn is_too_old(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(reason))) = error else {
        return false;
    };
    // The crate whose error it is goes by no name here.
    reason.to_string() == "UnsupportedCertVersion"
}

fn server(
    options: &Options,
    own: Arc<CertifiedKey>,
    trusted: Option<Arc<RootCertStore>>,
    (provider, versions): &Made,
) -> Result<Arc<ServerConfig>, TlsError> {
    let together = |error: &dyn std::fmt::Display| TlsError::Together(error.to_string());
    let verifier = match (options.client_auth, trusted) {
        (ClientAuth::No, _) => WebPkiClientVerifier::no_client_auth(),
        (_, None) => return Err(TlsError::NobodyTrusted),
        (auth, Some(roots)) => {
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            let builder = match auth {
                ClientAuth::Optional => builder.allow_unauthenticated(),
                _ => builder,
            };
            let verifier: Arc<dyn ClientCertVerifier> =
                builder.build().map_err(|error| together(&error))?;
            verifier
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| together(&error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.ignore_client_order = options.prefers_own_ciphers;
    match options.sessions {
        Sessions::None => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Sessions::Kept { count_max, age_max } => {
            config.session_storage = Arc::new(Remembered::new(count_max, age_max));
        }
    }
    Ok(Arc::new(config))
}

fn client(
    shown: Option<Arc<CertifiedKey>>,
    trust: Trust,
    (provider, versions): &Made,
) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier: Arc<dyn ServerCertVerifier> =
        Arc::new(ChainVerifier { trust, provider: Arc::clone(provider) });
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| TlsError::Together(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown))),
        None => builder.with_no_client_auth(),
    };
    // A server is found by its address, and has one certificate.
    config.enable_sni = false;
    Ok(Arc::new(config))
}
