//! `rename-command`: names that clients must use instead of a command's own.

use std::collections::HashMap;

pub use crate::command::host::Meaning;
use crate::command::table;
use crate::config::store::Rename;
use crate::net::{Args, OwnedArgs};

/// The commands that go by other names, by what clients say.
///
/// The stream and the log always have the own name: they must mean the same to a replica, and to a
/// later start with another configuration.
#[derive(Debug, Default)]
pub struct Renames(HashMap<Vec<u8>, Option<&'static str>>);

impl Renames {
    /// Takes the directives in their order; the error is the command that there is not.
    pub fn new(directives: &[Rename]) -> Result<Self, String> {
        let mut by_name = HashMap::new();
        for rename in directives {
            let from = rename.from.to_ascii_lowercase();
            let to = rename.to.to_ascii_lowercase();
            let name = || String::from_utf8_lossy(&rename.from).into_owned();
            let own = match by_name.insert(from.clone(), None) {
                // An earlier directive gave it this name.
                Some(Some(own)) => own,
                Some(None) => return Err(name()),
                None => table::lookup(&from).ok_or_else(name)?.name,
            };
            if !to.is_empty() {
                by_name.insert(to, Some(own));
            }
        }
        Ok(Self(by_name))
    }

    /// Tells what a request means.
    #[inline]
    pub fn meaning(&self, args: &Args<'_>) -> Meaning {
        if self.0.is_empty() { Meaning::Itself } else { self.look_up(args) }
    }

    #[cold]
    fn look_up(&self, args: &Args<'_>) -> Meaning {
        match self.0.get(&args[0].to_ascii_lowercase()) {
            None => Meaning::Itself,
            Some(None) => Meaning::Nothing,
            Some(Some(own)) => {
                let words = std::iter::once(own.as_bytes()).chain(args.iter().skip(1));
                Meaning::Other(OwnedArgs::from_words(words.collect::<Vec<_>>()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rename(from: &str, to: &str) -> Rename {
        Rename { from: from.into(), to: to.into() }
    }

    fn meaning(renames: &Renames, words: &[&str]) -> Meaning {
        renames.meaning(&OwnedArgs::from_words(words).as_args())
    }

    #[test]
    fn a_renamed_command_goes_by_its_new_name_only() {
        let renames = Renames::new(&[rename("FLUSHALL", "wipe"), rename("debug", "")]).unwrap();
        assert_eq!(
            meaning(&renames, &["WIPE"]),
            Meaning::Other(OwnedArgs::from_words(["flushall"]))
        );
        assert_eq!(meaning(&renames, &["flushall"]), Meaning::Nothing);
        assert_eq!(meaning(&renames, &["Debug", "sleep"]), Meaning::Nothing);
        assert_eq!(meaning(&renames, &["get", "k"]), Meaning::Itself);
    }

    #[test]
    fn a_command_that_does_not_exist_is_named() {
        assert_eq!(Renames::new(&[rename("nosuch", "x")]).unwrap_err(), "nosuch");
    }
}
