//! Who may do what: the users at the start, and the check on the way of a command.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use crate::command::acl::{self, FileFaults, NewChannels, Users, read_file, read_lines};
use crate::command::table::{Command, flag};
use crate::command::{Fault, Session};
use crate::config::{Config, ConfigError, Settings};
use crate::net::Args;

use super::Server;
use super::execute::NOT_IN_TRANSACTION;

/// An ACL file that is longer is none.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why the users cannot be had that the configuration asks for.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// They are in two places.
    #[error(
        "users are defined by user lines and by an ACL file at the same time; use one of the two \
         (directives user, aclfile)"
    )]
    TwoPlaces,
    /// A line is wrong.
    #[error(transparent)]
    Line(#[from] ConfigError),
    /// The file cannot be read.
    #[error("cannot load users: opening file '{}': {source} (directive aclfile)", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Lines of the file are wrong.
    #[error("cannot load users: {0}")]
    Lines(#[from] FileFaults),
}

/// Makes the users that a configuration and its ACL file say.
pub fn open(config: &Config, settings: &Settings) -> Result<Users, UsersError> {
    let users = Users::default();
    apply(&users, settings);
    if settings.requirepass.is_some() {
        users.require(settings.requirepass.as_deref());
    }
    let lines = config.user_lines();
    let read = match &settings.users.file {
        Some(_) if !lines.is_empty() => return Err(UsersError::TwoPlaces),
        Some(path) => {
            let failed = |source| UsersError::File { path: path.clone(), source };
            let text = read_text(path).map_err(failed)?;
            read_file(&text, &path.display().to_string(), &users)?
        }
        None => read_lines(&lines, &users)
            .map_err(|fault| config.user_fault(fault.line, fault.problem))?,
    };
    let replaced: Result<(), UsersError> = users.change(|set| {
        match settings.users.file {
            Some(_) => set.replace(read),
            None => set.put_read(read),
        }
        Ok(())
    });
    replaced.map(|()| users)
}

/// Puts into force what the configuration says of all users.
pub fn apply(users: &Users, settings: &Settings) {
    let channels = if settings.users.opens_channels { NewChannels::All } else { NewChannels::None };
    users.set_new_channels(channels);
    users.log().lock().set_len_max(settings.users.log_len_max);
}

/// Reads the text of an ACL file.
pub fn read_text(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let problem = format!("longer than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(text)
}

/// Tells whether a client may run a command that may not run whatever there is.
#[inline(never)]
pub fn admit(
    server: &Server,
    session: &mut Session,
    (command, args): (&'static Command, &Args<'_>),
    now_ms: i64,
) -> Result<(), Fault> {
    session.notice_users(&server.users)?;
    if !session.authenticated && !command.has(flag::NO_AUTH) {
        return Err(acl::NOT_LOGGED_IN);
    }
    if session.transaction.is_some() && command.has(flag::NO_MULTI) {
        return Err(NOT_IN_TRANSACTION);
    }
    let checked = session.check(&server.users, command, args);
    checked.map_err(|denied| acl::deny(&server.users, session, denied, (command, args), now_ms))
}

impl Server {
    /// Tells whether clients of other machines are turned away.
    pub(super) fn is_protected(&self) -> bool {
        let is_open = || self.users.current().default_user().takes_any_password();
        self.settings().protected_mode && is_open()
    }
}
