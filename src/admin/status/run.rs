//! From the command line to an exit status.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::address::{Address, NotAnAddress};
use super::client::{AskError, Credentials, Manner, ask_all, ping as ask_for_life};
use super::walk::walk;
use super::{json, text, warnings};
use crate::config::{AccessArgs, PingArgs, StatusArgs};
use crate::net::tls::{TlsError, client_with, permissive_client};

/// Where the password is taken from unless it is given, as redis-cli does.
const PASSWORD: &str = "REDISCLI_AUTH";
/// Something is wrong with the servers.
const BROKEN: u8 = 1;
/// What was asked for cannot be told.
const FAILED: u8 = 2;

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
enum StatusError {
    #[error(transparent)]
    Address(#[from] NotAnAddress),
    #[error("--user takes a password, by --password or {PASSWORD}")]
    UserAlone,
    #[error("{address} does not answer: {source}")]
    Silent { address: Address, source: AskError },
    #[error("cannot speak TLS: {0}")]
    Tls(#[from] TlsError),
    #[error("{address} does not serve: {source}")]
    Idle { address: Address, source: AskError },
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Shows the servers around one of them; what it has to say goes to standard output.
pub fn run(arguments: &StatusArgs) -> ExitCode {
    match status(arguments, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            // There is nobody else to tell if this fails.
            drop(writeln!(io::stderr(), "backlogd: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn status(arguments: &StatusArgs, out: &mut dyn Write) -> Result<ExitCode, StatusError> {
    let address: Address = arguments.address.parse()?;
    let manner = manner(&arguments.access)?;
    let patience = Duration::from_millis(arguments.access.timeout);
    let ask = |addresses: &[Address]| ask_all(addresses, &manner, patience);
    let first = ask(std::slice::from_ref(&address)).pop();
    let facts = first
        .unwrap_or(Err(AskError::Late(patience)))
        .map_err(|source| StatusError::Silent { address: address.clone(), source })?;
    let told = |addresses: &[Address]| {
        let answers = ask(addresses).into_iter();
        answers.map(|answer| answer.map_err(|error| error.to_string())).collect()
    };
    let topology = walk(address, facts, &told);
    let warnings = warnings::warnings(&topology);
    let written = if arguments.json {
        json::json(&topology, &warnings, out)
    } else {
        out.write_all(text::text(&topology, &warnings).as_bytes())
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough; the verdict stands all the same.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ if warnings.is_empty() => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(BROKEN)),
    }
}

/// Asks one server whether it serves, and says so by the exit status.
pub fn ping(arguments: &PingArgs) -> ExitCode {
    let (error, code) = match serves(arguments) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(error @ StatusError::Idle { .. }) => (error, BROKEN),
        Err(error) => (error, FAILED),
    };
    // There is nobody else to tell if this fails.
    drop(writeln!(io::stderr(), "backlogd: {error}"));
    ExitCode::from(code)
}

fn serves(arguments: &PingArgs) -> Result<(), StatusError> {
    let address: Address = arguments.address.parse()?;
    let manner = manner(&arguments.access)?;
    let patience = Duration::from_millis(arguments.access.timeout);
    ask_for_life(&address, &manner, patience)
        .map_err(|source| StatusError::Idle { address, source })
}

fn manner(access: &AccessArgs) -> Result<Manner, StatusError> {
    let shown = (access.cert.clone(), access.key.clone());
    let tls = match (&access.cacert, access.insecure) {
        (Some(authority), _) => Some(client_with(authority, &shown)?),
        (None, true) => Some(permissive_client(&shown)?),
        (None, false) => None,
    };
    Ok(Manner { credentials: credentials(access)?, tls })
}

fn credentials(access: &AccessArgs) -> Result<Option<Credentials>, StatusError> {
    let (user, given) = (access.user.clone(), access.password.clone());
    let password = given.or_else(|| std::env::var(PASSWORD).ok()).filter(|text| !text.is_empty());
    match (user, password) {
        (user, Some(password)) => Ok(Some(Credentials { user, password })),
        (Some(_), None) => Err(StatusError::UserAlone),
        (None, None) => Ok(None),
    }
}
