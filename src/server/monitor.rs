//! What monitors are shown of the commands that run.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::command::session::flag as flag_of;
use crate::command::table::{self, Command, flag};
use crate::command::{ClientInfo, secrets};
use crate::config::syntax::quote;
use crate::net::{Args, Parsed, Parser, Peer};
use crate::number::parse_i64_strict;

use super::Server;
use super::clock::unix_ms;

/// Shows monitors a command that has run for a client, which has selected `database` now.
///
/// Its shards are still held: of commands on one key they see which came first.
#[cold]
pub fn show(
    server: &Server,
    command: &'static Command,
    args: &Args<'_>,
    (database, info): (usize, &ClientInfo),
) {
    if !server.hub.has_monitors() {
        return;
    }
    show_from(server, Some(command), args, (database, &origin(info)));
}

/// Shows monitors a script that a client runs, or a command that a script runs.
#[cold]
pub fn show_script(
    server: &Server,
    args: &Args<'_>,
    (database, client): (usize, Option<&ClientInfo>),
) {
    let command = table::find(args);
    match client {
        Some(info) => show_line(server, command, args, (database, &origin(info))),
        None => show_from(server, command, args, (database, "lua")),
    }
}

/// Shows monitors whole units of a primary's stream, in which `database` is selected before.
#[cold]
pub fn show_units(server: &Server, units: &[u8], mut database: usize, origin: &str) {
    let (mut parser, mut at) = (Parser::new(Peer::Upstream, usize::MAX), 0);
    while let Ok(Parsed::Command { consumed } | Parsed::Empty { consumed }) =
        parser.parse(&units[at..])
    {
        let args = parser.args(&units[at..]);
        if args.get(0).is_some_and(|name| name.eq_ignore_ascii_case(b"select")) {
            let selected = args.get(1).and_then(parse_i64_strict);
            database = selected.and_then(|db| db.try_into().ok()).unwrap_or(database);
        }
        if !args.is_empty() {
            show_from(server, table::find(&args), &args, (database, origin));
        }
        at += consumed;
        if at == units.len() {
            return;
        }
    }
}

/// Tells where a client is.
fn origin(info: &ClientInfo) -> String {
    if info.flags.load(Ordering::Relaxed) & flag_of::UNIX == 0 {
        return info.address.clone();
    }
    format!("unix:{}", info.address.strip_suffix(":0").unwrap_or(&info.address))
}

/// Shows a command, unless it is one that is not shown; what is in no table has no secrets.
fn show_from(
    server: &Server,
    command: Option<&'static Command>,
    args: &Args<'_>,
    (database, origin): (usize, &str),
) {
    if command.is_some_and(|command| command.flags & (flag::ADMIN | flag::SKIP_MONITOR) != 0) {
        return;
    }
    show_line(server, command, args, (database, origin));
}

fn show_line(
    server: &Server,
    command: Option<&'static Command>,
    args: &Args<'_>,
    (database, origin): (usize, &str),
) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let mut line = format!("+{seconds}.{micros:06} [{database} {origin}]");
    let mut add = |word: &[u8]| write!(line, " {}", quote(word)).expect("a string takes any text");
    match command {
        Some(command) => secrets::shown(command, args, server).for_each(&mut add),
        None => args.iter().for_each(&mut add),
    }
    line.push_str("\r\n");
    server.hub.show(&line.into(), unix_ms());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_unix_socket_are_shown_by_its_path() {
        let client = |address: &str| ClientInfo::new(1, address.to_owned(), String::new(), 0);
        assert_eq!(origin(&client("127.0.0.1:60866")), "127.0.0.1:60866");
        let local = client("/run/a:0:0");
        local.flags.store(flag_of::UNIX, Ordering::Relaxed);
        assert_eq!(origin(&local), "unix:/run/a:0");
    }
}
