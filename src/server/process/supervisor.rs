//! The service manager: which one there is, and how it is told.
//!
//! The protocol is that of `sd_notify(3)`: assignments, one a line, in a datagram to the socket that
//! `NOTIFY_SOCKET` names, by a path or, after an `@`, by a name of the abstract namespace.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config::Supervised;

/// Who watches the process.
#[derive(Debug)]
pub enum Supervisor {
    /// Nobody that is known.
    Nobody,
    /// Upstart, with `expect stop`.
    Upstart,
    /// systemd, or another that is told in its way.
    Systemd(Notifier),
}

/// Why nobody is told though that was asked for; the texts are those of stock servers.
#[derive(Debug, thiserror::Error)]
pub enum Absent {
    /// The process was not started by Upstart.
    #[error("upstart supervision requested, but UPSTART_JOB not found!")]
    Upstart,
    /// The process was not started by systemd.
    #[error("systemd supervision error: NOTIFY_SOCKET not found!")]
    Systemd,
    /// The socket cannot be used.
    #[error("systemd supervision error: NOTIFY_SOCKET cannot be used: {0}")]
    Socket(#[source] io::Error),
}

impl Supervisor {
    /// Finds the one that is asked for; `variable` reads the environment.
    pub fn find(
        asked: Supervised,
        variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Self, Absent> {
        let upstart = variable("UPSTART_JOB").is_some();
        let socket = variable("NOTIFY_SOCKET");
        match (asked, upstart, socket) {
            (Supervised::No, ..) | (Supervised::Auto, false, None) => Ok(Self::Nobody),
            (Supervised::Upstart | Supervised::Auto, true, _) => Ok(Self::Upstart),
            (Supervised::Upstart, false, _) => Err(Absent::Upstart),
            (Supervised::Systemd | Supervised::Auto, _, Some(name)) => {
                Notifier::new(&name).map(Self::Systemd).map_err(Absent::Socket)
            }
            (Supervised::Systemd, _, None) => Err(Absent::Systemd),
        }
    }

    /// The word of the directive that asks for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Nobody => "no",
            Self::Upstart => "upstart",
            Self::Systemd(_) => "systemd",
        }
    }
}

/// Sends datagrams to the socket of a service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    fn new(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // The clock waits for nobody: what there is no room for is said again.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    /// Sends assignments; what cannot be sent now is an error.
    pub fn tell(&self, assignments: &str) -> io::Result<()> {
        self.socket.send_to_addr(assignments.as_bytes(), &self.address).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn found(asked: Supervised, set: &[(&str, &str)]) -> Result<&'static str, String> {
        let variable = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        Supervisor::find(asked, variable).map(|s| s.word()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_decides_where_nobody_else_does() {
        let job = ("UPSTART_JOB", "x");
        let socket = ("NOTIFY_SOCKET", "@x");
        assert_eq!(found(Supervised::Auto, &[]), Ok("no"));
        assert_eq!(found(Supervised::Auto, &[socket]), Ok("systemd"));
        assert_eq!(found(Supervised::Auto, &[job, socket]), Ok("upstart"));
        assert_eq!(found(Supervised::No, &[job, socket]), Ok("no"));
        assert_eq!(found(Supervised::Systemd, &[job, socket]), Ok("systemd"));
        assert!(found(Supervised::Systemd, &[job]).unwrap_err().contains("NOTIFY_SOCKET"));
        assert!(found(Supervised::Upstart, &[socket]).unwrap_err().contains("UPSTART_JOB"));
        let long = "x".repeat(200);
        let unusable = found(Supervised::Systemd, &[("NOTIFY_SOCKET", &long)]);
        assert!(unusable.unwrap_err().contains("cannot be used"));
    }

    #[test]
    fn a_manager_is_told_by_a_path_and_by_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("backlogd-test-{}", std::process::id());
        let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
        for (socket, told) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}").into()),
        ] {
            let Ok(Supervisor::Systemd(notifier)) = Supervisor::find(Supervised::Systemd, |name| {
                (name == "NOTIFY_SOCKET").then(|| told.clone())
            }) else {
                panic!("{told:?}")
            };
            notifier.tell("READY=1\nSTATUS=x").unwrap();
            let mut read = [0; 64];
            let length = socket.recv(&mut read).unwrap();
            assert_eq!(&read[..length], b"READY=1\nSTATUS=x");
        }
    }
}
