//! CONFIG SET: several values at once, all of them or none.

use std::borrow::Cow;

use super::directive::{Access, Directive};
use super::store::Config;
use super::table::TABLE;
use super::value::{Value, ValueError};

/// Where the connection that wants a change comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// From this machine: loopback or a unix socket.
    Local,
    /// From anywhere else.
    Remote,
}

/// What a successful `set` changed; enough to undo it.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Changed {
    before: Vec<(usize, Value)>,
}

impl Changed {
    /// Whether a directive, named as the table does, was given a value (even the one it had).
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|changed| changed == name)
    }

    /// The names of the directives that were given a value, as the table spells them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.before.iter().map(|(row, _)| TABLE[*row].name)
    }
}

/// Why CONFIG SET changed nothing; the texts go to the client as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no such directive.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{name}'")]
    Unknown {
        /// The name as it was given.
        name: String,
    },
    /// A directive did not take its value.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {problem}")]
    Refused {
        /// The name as it was given or, where its value is at fault, as the table spells it.
        name: String,
        /// What is wrong.
        problem: SetProblem,
    },
}

/// What is wrong with one of the values of CONFIG SET.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetProblem {
    /// It may not change at run time.
    #[error("can't set immutable config")]
    Immutable,
    /// It may change only where `enable-protected-configs` says so.
    #[error("can't set protected config")]
    Protected,
    /// It was named twice.
    #[error("duplicate parameter")]
    Duplicate,
    /// The value makes no sense.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The value makes sense and could not be put into force; see [`SetError::not_applied`].
    #[error("{0}")]
    NotApplied(Cow<'static, str>),
}

impl SetError {
    fn new(name: &[u8], problem: impl Into<SetProblem>) -> Self {
        let name = String::from_utf8_lossy(name).into_owned();
        Self::Refused { name, problem: problem.into() }
    }

    /// Says that a value which was taken could not be put into force, such as a port in use.
    #[must_use]
    pub fn not_applied(name: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name.as_bytes(), SetProblem::NotApplied(reason.into()))
    }
}

impl Config {
    /// Gives directives new values: all of them, or none and the reason of the first that failed.
    ///
    /// The caller then puts them into force, and calls [`Self::undo`] if that fails.
    pub fn set(&mut self, pairs: &[(&[u8], &[u8])], caller: Caller) -> Result<Changed, SetError> {
        let rows = self.rows_to_set(pairs, caller)?;
        let mut values = Vec::with_capacity(rows.len());
        for (row, (name, text)) in rows.iter().zip(pairs) {
            let value = self.parse_at_run_time(*row, text);
            let spelled = TABLE[*row].spelled(name).as_bytes();
            values.push(value.map_err(|error| SetError::new(spelled, error))?);
        }
        let replace = |(row, value)| (row, std::mem::replace(&mut self.values[row], value));
        Ok(Changed { before: rows.into_iter().zip(values).map(replace).collect() })
    }

    /// Takes a change back.
    pub fn undo(&mut self, changed: Changed) {
        for (row, value) in changed.before.into_iter().rev() {
            self.values[row] = value;
        }
    }

    /// Finds the directives and checks that they may be set, before any value is looked at.
    fn rows_to_set(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
    ) -> Result<Vec<usize>, SetError> {
        let mut rows = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            let row = Directive::find(name).ok_or_else(|| SetError::Unknown {
                name: String::from_utf8_lossy(name).into_owned(),
            })?;
            // A directive and its older name are two parameters, of which the later one wins.
            let by_alias = TABLE[row].is_alias(name);
            let mut done = rows.iter().zip(pairs);
            let is_repeated = done
                .any(|(other, (name, _))| *other == row && TABLE[row].is_alias(name) == by_alias);
            let problem = match TABLE[row].access {
                Access::Immutable => Some(SetProblem::Immutable),
                Access::Protected | Access::Anchored(_) if !self.may_touch_protected(caller) => {
                    Some(SetProblem::Protected)
                }
                Access::Anchored(reason) => Some(SetProblem::NotApplied(reason.into())),
                _ if is_repeated => Some(SetProblem::Duplicate),
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(SetError::new(name, problem));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn may_touch_protected(&self, caller: Caller) -> bool {
        match self.value("enable-protected-configs") {
            Value::Choice("yes") => true,
            Value::Choice("local") => caller == Caller::Local,
            _ => false,
        }
    }

    fn parse_at_run_time(&self, row: usize, text: &[u8]) -> Result<Value, ValueError> {
        let directive = &TABLE[row];
        let words: Vec<&[u8]> = if directive.kind.takes_many() && text.is_empty() {
            Vec::new()
        } else if directive.kind.takes_many() {
            // Two blanks in a row have an empty word between them, which most kinds refuse.
            text.split(|byte| *byte == b' ').collect()
        } else {
            vec![text]
        };
        directive.parse(&words, &self.values[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<(), String> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        config.set(&pairs, Caller::Local).map(|_| ()).map_err(|error| error.to_string())
    }

    fn get(config: &Config, name: &str) -> String {
        String::from_utf8(config.get(name.as_bytes()).remove(0).1).unwrap()
    }

    #[test]
    fn one_bad_value_leaves_all_as_they_were() {
        let mut config = Config::default();
        assert_eq!(
            set(&mut config, &[("timeout", "7"), ("hz", "x")]).unwrap_err(),
            "ERR CONFIG SET failed (possibly related to argument 'hz') - \
             argument couldn't be parsed into an integer"
        );
        assert_eq!(get(&config, "timeout"), "0");
        set(&mut config, &[("timeout", "7"), ("hz", "20")]).unwrap();
        assert_eq!((get(&config, "timeout"), get(&config, "hz")), ("7".into(), "20".into()));
    }

    #[test]
    fn names_are_checked_before_values_and_from_the_left() {
        let mut config = Config::default();
        for (pairs, reply) in [
            (
                &[("timeout", "x"), ("nope", "1")][..],
                "ERR Unknown option or number of arguments for CONFIG SET - 'nope'",
            ),
            (
                &[("daemonize", "no"), ("nope", "2")],
                "ERR CONFIG SET failed (possibly related to argument 'daemonize') - \
                 can't set immutable config",
            ),
            (
                &[("timeout", "x"), ("TIMEOUT", "1")],
                "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - \
                 duplicate parameter",
            ),
            (
                &[("dir", "/tmp")],
                "ERR CONFIG SET failed (possibly related to argument 'dir') - \
                 can't set protected config",
            ),
            (
                &[("timeout", "1"), ("AppendOnly", "maybe")],
                "ERR CONFIG SET failed (possibly related to argument 'appendonly') - \
                 argument must be 'yes' or 'no'",
            ),
        ] {
            assert_eq!(set(&mut config, pairs).unwrap_err(), reply);
        }
    }

    #[test]
    fn a_bad_value_is_told_by_the_directives_own_name() {
        let mut config = Config::default();
        for (given, own) in [
            ("MaxmEmorY", "maxmemory"),
            ("Slave-Priority", "slave-priority"),
            ("repl_BACKLOG_size", "repl-backlog-size"),
        ] {
            let told = set(&mut config, &[("hz", "10"), (given, "X")]).unwrap_err();
            let expected = format!("(possibly related to argument '{own}') - ");
            assert!(told.contains(&expected), "{told}");
        }
    }

    #[test]
    fn underscores_and_older_names_are_taken() {
        let mut config = Config::default();
        set(&mut config, &[("repl_backlog_size", "2mb"), ("slave-serve-stale-data", "no")])
            .unwrap();
        assert_eq!(get(&config, "repl-backlog-size"), "2097152");
        assert_eq!(get(&config, "replica-serve-stale-data"), "no");
    }

    #[test]
    fn a_directive_and_its_older_name_are_two_of_which_the_later_wins() {
        let mut config = Config::default();
        set(&mut config, &[("slave-serve-stale-data", "no"), ("replica-serve-stale-data", "yes")])
            .unwrap();
        assert_eq!(get(&config, "replica-serve-stale-data"), "yes");
        let pairs: &[(&[u8], &[u8])] =
            &[(b"replica-serve-stale-data", b"yes"), (b"slave_serve_stale_data", b"no")];
        let changed = config.set(pairs, Caller::Local).unwrap();
        assert_eq!(get(&config, "replica-serve-stale-data"), "no");
        config.undo(changed);
        assert_eq!(get(&config, "replica-serve-stale-data"), "yes");
        let twice = [("slave-serve-stale-data", "no"), ("SLAVE-serve-stale-data", "no")];
        assert!(set(&mut config, &twice).unwrap_err().ends_with("duplicate parameter"));
    }

    #[test]
    fn what_cannot_be_switched_off_takes_no_and_stays_on() {
        let mut config = Config::default();
        for (asked, ignored) in [("no", 1), ("yes", 0)] {
            set(&mut config, &[("appendonly", asked)]).unwrap();
            assert_eq!(get(&config, "appendonly"), "yes");
            assert_eq!(config.ignored().len(), ignored, "{asked}");
        }
    }

    #[test]
    fn a_change_can_be_taken_back() {
        let mut config = Config::default();
        let changed = config.set(&[(b"timeout", b"1"), (b"save", b"")], Caller::Remote).unwrap();
        assert!(changed.contains("save") && !changed.contains("hz"));
        assert_eq!(get(&config, "save"), "");
        config.undo(changed);
        assert_eq!(get(&config, "save"), "3600 1 300 100 60 10000");
        assert_eq!(get(&config, "timeout"), "0");
    }

    #[test]
    fn protected_directives_follow_their_switch() {
        let mut config = Config::from_text(b"enable-protected-configs local").unwrap();
        let pair: &[(&[u8], &[u8])] = &[(b"dbfilename", b"x.rdb")];
        assert!(config.set(pair, Caller::Local).is_ok());
        assert!(config.set(pair, Caller::Remote).is_err());
        let own = set(&mut config, &[("dbfilename", "00000000000000000001.log")]).unwrap_err();
        assert!(own.contains("files of its own"), "{own}");
        assert_eq!(get(&config, "dbfilename"), "x.rdb");
    }
}
