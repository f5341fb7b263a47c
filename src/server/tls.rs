//! What handshakes begin with: made of files as a whole, and replaced as a whole.
//!
//! Connections go on with what they began with; whoever connects later sees the new certificate.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::config::Settings;
use crate::config::settings::{AuthClients, KeptSessions, Tls as Directives};
use crate::net::tls::{
    ClientAuth, ClientConfig, Credentials, Options, ServerConfig, Sessions, TlsError,
};

use super::Server;

/// What handshakes begin with, where there is TLS.
#[derive(Debug, Default)]
pub struct Tls {
    credentials: RwLock<Option<Credentials>>,
}

impl Tls {
    /// Puts others in the place of those there are, which are returned.
    pub fn replace(&self, credentials: Option<Credentials>) -> Option<Credentials> {
        std::mem::replace(&mut *self.credentials.write(), credentials)
    }

    /// What a handshake with a client begins with.
    pub fn server(&self) -> Option<Arc<ServerConfig>> {
        self.credentials.read().as_ref().map(|credentials| Arc::clone(&credentials.server))
    }

    /// What a handshake with another server begins with.
    pub fn client(&self) -> Option<Arc<ClientConfig>> {
        self.credentials.read().as_ref().and_then(|credentials| credentials.client.clone())
    }
}

impl Server {
    /// The port that other servers are told of, where no other is to be announced.
    pub(super) fn port_for_servers(&self) -> u16 {
        let (plain, tls) = (self.listening.port(), self.listening.tls_port());
        if tls != 0 && self.settings().tls.replication { tls } else { plain }
    }
}

/// Reads what the settings name; nothing where nobody is spoken to in TLS.
pub fn load(settings: &Settings) -> Result<Option<Credentials>, TlsError> {
    let tls = &settings.tls;
    if tls.is_on() { Credentials::load(&options(tls)).map(Some) } else { Ok(None) }
}

fn options(tls: &Directives) -> Options {
    Options {
        server: tls.server.clone(),
        client: tls.client.clone(),
        authority_file: tls.authority_file.clone(),
        authority_directory: tls.authority_directory.clone(),
        client_auth: match tls.auth_clients {
            AuthClients::No => ClientAuth::No,
            AuthClients::Optional => ClientAuth::Optional,
            AuthClients::Yes => ClientAuth::Yes,
        },
        connects: tls.connects(),
        protocols: tls.protocols.clone(),
        ciphers: tls.ciphers.clone(),
        suites: tls.suites.clone(),
        prefers_own_ciphers: tls.prefers_own_ciphers,
        sessions: match tls.sessions {
            Some(KeptSessions { count_max, age_max }) => {
                Sessions::Kept { count_max: count_max.unwrap_or(usize::MAX), age_max }
            }
            None => Sessions::None,
        },
    }
}
