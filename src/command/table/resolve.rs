//! From the words of a request to the row that runs it.

use crate::command::Fault;
use crate::net::args::Args;

use super::{Command, lookup};

/// The bytes of a client's words that an error repeats.
const REPEATED_BYTES_MAX: usize = 128;

/// Finds the command that the words ask for, and checks their number.
pub fn resolve(args: &Args<'_>) -> Result<&'static Command, Fault> {
    find(args).filter(|command| command.accepts(args.len())).ok_or_else(|| misunderstood(args))
}

/// Says what is wrong with words that are no command.
#[cold]
pub fn misunderstood(args: &Args<'_>) -> Fault {
    find(args).map_or_else(|| unknown(args), wrong_arity)
}

/// Finds the command that the words ask for, the subcommand if it is a container.
#[inline]
pub fn find(args: &Args<'_>) -> Option<&'static Command> {
    let command = lookup(args.get(0)?)?;
    if command.subcommands == 0 { Some(command) } else { find_within(command, args) }
}

#[cold]
fn find_within(command: &'static Command, args: &Args<'_>) -> Option<&'static Command> {
    match args.get(1) {
        Some(own) => command.subcommand(own),
        None => Some(command),
    }
}

fn wrong_arity(command: &Command) -> Fault {
    Fault::of(format!("ERR wrong number of arguments for '{}' command", command.name))
}

/// Says that there is no such command, with the beginning of its words.
#[cold]
pub fn unknown(args: &Args<'_>) -> Fault {
    let name = args.get(0).unwrap_or_default();
    if let (Some(_), Some(own)) = (lookup(name), args.get(1)) {
        return unknown_subcommand(name, own);
    }
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(head(name, REPEATED_BYTES_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for word in args.from(1) {
        let room = REPEATED_BYTES_MAX.saturating_sub(text.len() - start);
        if room == 0 {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(head(word, room));
        text.extend_from_slice(b"' ");
    }
    Fault::of_bytes(text)
}

/// Makes the error of a container that has no such subcommand.
pub(in crate::command) fn unknown_subcommand(container: &[u8], own: &[u8]) -> Fault {
    let mut text = b"ERR unknown subcommand '".to_vec();
    text.extend_from_slice(head(own, REPEATED_BYTES_MAX));
    text.extend_from_slice(b"'. Try ");
    text.extend_from_slice(&container.to_ascii_uppercase());
    text.extend_from_slice(b" HELP.");
    Fault::of_bytes(text)
}

/// Returns a word as C prints it: up to its first zero byte, and no more than `max` bytes.
fn head(word: &[u8], max: usize) -> &[u8] {
    let text = word.split(|byte| *byte == 0).next().unwrap_or_default();
    &text[..text.len().min(max)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::args::OwnedArgs;

    fn outcome(words: &[&str]) -> Result<&'static str, String> {
        let owned = OwnedArgs::from_words(words);
        let found = resolve(&owned.as_args());
        found.map(|command| command.name).map_err(|fault| fault.text().into_owned())
    }

    #[test]
    fn words_lead_to_their_row() {
        assert_eq!(outcome(&["GeT", "k"]), Ok("get"));
        assert_eq!(outcome(&["config", "GET", "*"]), Ok("config|get"));
        assert_eq!(outcome(&["COMMAND"]), Ok("command"));
    }

    #[test]
    fn the_number_of_words_is_checked() {
        let fault = |name| Err(format!("ERR wrong number of arguments for '{name}' command"));
        assert_eq!(outcome(&["get"]), fault("get"));
        assert_eq!(outcome(&["get", "a", "b"]), fault("get"));
        assert_eq!(outcome(&["client"]), fault("client"));
        assert_eq!(outcome(&["config", "get"]), fault("config|get"));
    }

    #[test]
    fn unknown_words_are_repeated_in_part() {
        assert_eq!(
            outcome(&["foo", "a", "b c"]),
            Err("ERR unknown command 'foo', with args beginning with: 'a' 'b c' ".to_owned())
        );
        assert_eq!(
            outcome(&["foo"]),
            Err("ERR unknown command 'foo', with args beginning with: ".to_owned())
        );
        assert_eq!(
            outcome(&["CoNFIG", "bar\0baz"]),
            Err("ERR unknown subcommand 'bar'. Try CONFIG HELP.".to_owned())
        );
        let long = "x".repeat(200);
        assert_eq!(
            outcome(&[&long, "abc", &long, "d"]),
            Err(format!(
                "ERR unknown command '{}', with args beginning with: 'abc' '{}' ",
                "x".repeat(128),
                "x".repeat(122),
            ))
        );
    }
}
