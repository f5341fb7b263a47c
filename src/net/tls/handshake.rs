//! The handshake of a socket, to be done within a time that the caller sets.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::BytesMut;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;

use super::session::Session;
use super::stream::TlsStream;

/// Shakes hands with a client.
pub async fn accept(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<TlsStream> {
    shake(TlsStream::new(tcp, Box::new(Session::server(config)?))).await
}

/// Shakes hands with a server that was found by this name or address.
pub async fn connect(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    host: &str,
) -> io::Result<TlsStream> {
    shake(TlsStream::new(tcp, Box::new(Session::client(config, host)?))).await
}

async fn shake(stream: TlsStream) -> io::Result<TlsStream> {
    let mut early = BytesMut::new();
    loop {
        stream.flush().await?;
        if !stream.is_handshaking() {
            stream.keep_early(early);
            return Ok(stream);
        }
        match stream.try_read(&mut early) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.tcp().readable().await?,
            Err(error) => return Err(error),
        }
    }
}
