//! Which words of a command nobody but the server may read: passwords, and what else is secret.

use crate::net::Args;

use super::Host;
use super::table::Command;

/// What stands in the place of a secret, in the words of stock.
const REDACTED: &[u8] = b"(redacted)";

/// Lists the places of a command's secret words; part of its row.
pub type Secrets = fn(&Args<'_>, &dyn Host) -> Vec<usize>;

/// Returns the words of a command as they may be recorded and shown to others.
pub fn shown<'a>(
    command: &Command,
    args: &Args<'a>,
    host: &dyn Host,
) -> impl ExactSizeIterator<Item = &'a [u8]> {
    let secret = command.secrets.map_or_else(Vec::new, |places| places(args, host));
    args.iter().enumerate().map(
        move |(place, word)| {
            if secret.contains(&place) { REDACTED } else { word }
        },
    )
}

/// Of `AUTH`, everything but the name.
pub(super) fn of_auth(args: &Args<'_>, _host: &dyn Host) -> Vec<usize> {
    (1..args.len()).collect()
}

/// Of `HELLO`, the user and the password after the option `AUTH`.
///
/// They stay secret where another option is wrong and so nobody is logged in.
pub(super) fn of_hello(args: &Args<'_>, _host: &dyn Host) -> Vec<usize> {
    let mut secret = Vec::new();
    let mut at = 2;
    while let Some(option) = args.get(at) {
        let has = |more: usize| at + more < args.len();
        if option.eq_ignore_ascii_case(b"auth") && has(2) {
            secret.extend([at + 1, at + 2]);
            at += 3;
        } else if option.eq_ignore_ascii_case(b"setname") && has(1) {
            at += 2;
        } else {
            at += 1;
        }
    }
    secret
}

/// Of what makes, shows or deletes users, all but the subcommand.
pub(super) fn of_users(args: &Args<'_>, _host: &dyn Host) -> Vec<usize> {
    (2..args.len()).collect()
}

/// Of `MIGRATE`, what logs it in with the target.
pub(super) fn of_migrate(args: &Args<'_>, _host: &dyn Host) -> Vec<usize> {
    let mut secret = Vec::new();
    let mut at = 6;
    while let Some(option) = args.get(at).filter(|word| !word.eq_ignore_ascii_case(b"keys")) {
        let count = match option {
            option if option.eq_ignore_ascii_case(b"auth") => 1,
            option if option.eq_ignore_ascii_case(b"auth2") => 2,
            _ => 0,
        };
        secret.extend((at + 1..=at + count).filter(|place| *place < args.len()));
        at += 1 + count;
    }
    secret
}

/// Of `CONFIG SET`, the values of directives that keep a secret.
pub(super) fn of_config_set(args: &Args<'_>, host: &dyn Host) -> Vec<usize> {
    let values = (3..args.len()).step_by(2);
    values.filter(|value| host.keeps_secret(args.word(value - 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table;
    use crate::command::testing::FakeHost;
    use crate::net::OwnedArgs;

    fn words(line: &str) -> String {
        let owned = OwnedArgs::from_words(line.split(' ').collect::<Vec<_>>());
        let args = owned.as_args();
        let command = table::find(&args).unwrap();
        let words: Vec<_> = shown(command, &args, &FakeHost::default()).collect();
        String::from_utf8(words.join(&b' ')).unwrap()
    }

    #[test]
    fn secrets_are_replaced_and_all_else_is_shown() {
        for (line, expected) in [
            ("AUTH p", "AUTH (redacted)"),
            ("auth u p", "auth (redacted) (redacted)"),
            ("auth u p q", "auth (redacted) (redacted) (redacted)"),
            ("hello", "hello"),
            ("hello 3 auth u p", "hello 3 auth (redacted) (redacted)"),
            ("hello 3 setname auth AUTH u p", "hello 3 setname auth AUTH (redacted) (redacted)"),
            ("hello 3 what auth u p", "hello 3 what auth (redacted) (redacted)"),
            ("hello 3 auth u", "hello 3 auth u"),
            (
                "config set masterauth x timeout 1 requirepass y",
                "config set masterauth (redacted) timeout 1 requirepass (redacted)",
            ),
            ("config set masterauth x requirepass", "config set masterauth (redacted) requirepass"),
            ("config get masterauth", "config get masterauth"),
            ("set auth p", "set auth p"),
        ] {
            assert_eq!(words(line), expected);
        }
    }
}
