//! TLS as clients, replicas and stock servers meet it, with certificates made for each test.

#[path = "../support/mod.rs"]
mod support;

mod handshakes;
mod reloading;
mod replication;
mod start;
mod stock;
mod tools;
mod traffic;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use support::stock::free_port;
use support::{Authority, Client, Server, Shown};

/// A server with a port for TLS beside the other.
struct Guarded {
    server: Server,
    address: SocketAddr,
    authority: Authority,
    shown: Shown,
}

impl Guarded {
    fn start(further: &[&str]) -> Self {
        let authority = Authority::new("authority");
        let shown = authority.issue("server");
        let (server, address) = start(&authority, &shown, further);
        Self { server, address, authority, shown }
    }

    /// A client that shows a good certificate.
    fn connect(&self) -> Client {
        Client::connect_tls(self.address, &self.good())
    }

    /// What such a client begins with.
    fn good(&self) -> Arc<ClientConfig> {
        self.authority.client(Some(&self.authority.issue("client")))
    }
}

/// Starts a server that speaks TLS at the address that is returned.
fn start(authority: &Authority, shown: &Shown, further: &[&str]) -> (Server, SocketAddr) {
    let (port, tls_port) = (free_port().to_string(), free_port());
    let number = tls_port.to_string();
    let files = authority.arguments(shown);
    let files = files.iter().map(String::as_str);
    let arguments: Vec<_> = ["--port", &port, "--tls-port", &number]
        .into_iter()
        .chain(files)
        .chain(further.iter().copied())
        .collect();
    (Server::start(&arguments), SocketAddr::from((Ipv4Addr::LOCALHOST, tls_port)))
}
