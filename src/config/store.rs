//! The configuration in force: a value for each directive, and where it came from.

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::directive::{Class, Directive, hyphenated};
use super::glob::{self, Case};
use super::source::{self, ConfigError, Includes, LineError, Origin, Statement};
use super::syntax;
use super::table::{FORGOTTEN, NO_MODULE, OF_MODULES, TABLE};
use super::value::{Kind, Value};

/// Why the limit of one class is taken and changes nothing.
const FEEDS_HAVE_NO_BUFFER: &str =
    "on replicas, which are fed from the log and have no buffer; the other classes are obeyed";

/// A command that goes by another name; an empty one means that it is not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name it has without this.
    pub from: Vec<u8>,
    /// The name clients must use.
    pub to: Vec<u8>,
}

/// The values of all directives.
#[derive(Clone, Debug)]
pub struct Config {
    /// One value for each row of the table, in its order.
    pub(super) values: Vec<Value>,
    /// Which of them a file or the command line named.
    given: Vec<bool>,
    /// The file that CONFIG REWRITE edits, absolute.
    pub(super) file: Option<PathBuf>,
    /// What `rename-command` asks for, in order.
    pub(super) renames: Vec<Rename>,
    /// The `user` lines, in order.
    users: Vec<Statement>,
    /// The directives of modules that were named.
    of_modules: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let mut values: Vec<_> = TABLE.iter().map(Directive::default_value).collect();
        for (row, value) in TABLE.iter().zip(&mut values) {
            if matches!(row.kind, Kind::Directory) {
                *value = Value::Text(absolute(Path::new(row.default)).into_os_string().into_vec());
            }
        }
        Self {
            given: vec![false; values.len()],
            values,
            file: None,
            renames: Vec::new(),
            users: Vec::new(),
            of_modules: Vec::new(),
        }
    }
}

impl Config {
    /// Builds the configuration from statements, of which a later one overrides an earlier one.
    ///
    /// `file` is what CONFIG REWRITE will edit.
    pub fn from_statements(
        statements: &[Statement],
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self { file: file.map(absolute), ..Self::default() };
        for statement in statements {
            config.apply(statement).map_err(|problem| statement.error(problem))?;
        }
        Ok(config)
    }

    /// Reads a configuration file and those it includes.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let mut statements = Vec::new();
        source::read_file(path, &mut statements)?;
        Self::from_statements(&statements, Some(path))
    }

    /// Reads a text that includes no other.
    pub fn from_text(text: &[u8]) -> Result<Self, ConfigError> {
        let mut statements = Vec::new();
        source::read_text(text, &Origin::Stdin, Includes::Refused, 0, &mut statements)?;
        Self::from_statements(&statements, None)
    }

    /// Answers CONFIG GET: a name that several patterns match is listed once, as it came first.
    #[must_use]
    pub fn get_all(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (name, value) in patterns.iter().flat_map(|pattern| self.get(pattern)) {
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                found.push((name, value));
            }
        }
        found
    }

    /// Answers CONFIG GET for one pattern: names and values, as clients of stock servers know them.
    ///
    /// A plain name is answered as it was spelled; a pattern lists older names beside the newer.
    #[must_use]
    pub fn get(&self, pattern: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        if !glob::is_pattern(pattern) {
            let found = Directive::find(pattern);
            return found.map(|row| (pattern.to_vec(), self.reply(row))).into_iter().collect();
        }
        let mut found = Vec::new();
        for (index, row) in TABLE.iter().enumerate() {
            for name in [Some(row.name), row.alias].into_iter().flatten() {
                if glob::matches(pattern, name.as_bytes(), Case::Ignored) {
                    found.push((name.as_bytes().to_vec(), self.reply(index)));
                }
            }
        }
        found
    }

    /// The file the configuration was read from, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The commands that go by another name or are taken away.
    #[must_use]
    pub fn renames(&self) -> &[Rename] {
        &self.renames
    }

    /// Whether a file or the command line named this directive.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        Directive::find(name.as_bytes()).is_some_and(|row| self.given[row])
    }

    /// Lists the directives that were set to something else than their default and change nothing.
    ///
    /// Each with the reason, for a warning.
    #[must_use]
    pub fn ignored(&self) -> Vec<(&str, &'static str)> {
        let mut found = Vec::new();
        for (index, row) in TABLE.iter().enumerate() {
            let (value, default) = (&self.values[index], row.default_value());
            let reason = match (row.class, row.kind) {
                (Class::Ignored(reason), _) | (_, Kind::AlwaysYes(reason)) => reason,
                (_, Kind::OutputLimits) if value.replica_limit() != default.replica_limit() => {
                    FEEDS_HAVE_NO_BUFFER
                }
                _ => continue,
            };
            if *value != default {
                found.push((row.name, reason));
            }
        }
        found.extend(self.of_modules.iter().map(|name| (name.as_str(), NO_MODULE)));
        found
    }

    /// The value of a directive of the table.
    ///
    /// # Panics
    /// When there is no such row: names are spelled out in this crate only.
    pub(super) fn value(&self, name: &str) -> &Value {
        let row = Directive::find(name.as_bytes());
        &self.values[row.expect("only names of the table are asked for")]
    }

    pub(super) fn reply(&self, row: usize) -> Vec<u8> {
        self.values[row].to_reply(TABLE[row].kind)
    }

    /// Puts what a start has found out into the place of a value, for CONFIG GET to show.
    ///
    /// # Panics
    /// When there is no such row, or it takes no such word: both are spelled out in this crate only.
    pub fn settle(&mut self, name: &str, word: &str) {
        let row = Directive::find(name.as_bytes()).expect("only names of the table are asked for");
        let value = TABLE[row].parse(&[word.as_bytes()], &self.values[row]);
        self.values[row] = value.expect("only words of its kind are put there");
    }

    /// Takes one statement.
    fn apply(&mut self, statement: &Statement) -> Result<(), LineError> {
        let words: Vec<&[u8]> = statement.words.iter().map(Vec::as_slice).collect();
        let [name, arguments @ ..] = words.as_slice() else { return Ok(()) };
        match Directive::find(name) {
            Some(row) => self.take(row, arguments),
            None => self.apply_special(statement, name, arguments),
        }
    }

    /// Takes the arguments of a line for the directive in this row of the table.
    pub(super) fn take(&mut self, row: usize, arguments: &[&[u8]]) -> Result<(), LineError> {
        let directive = &TABLE[row];
        // One quoted argument stands for the words in it: `save "900 1"`.
        let unquoted = match arguments {
            [list] if directive.kind.takes_many() && !list.is_empty() => {
                Some(syntax::words(list).ok_or(LineError::Quotes)?)
            }
            _ => None,
        };
        let unquoted: Option<Vec<&[u8]>> =
            unquoted.as_ref().map(|words| words.iter().map(Vec::as_slice).collect());
        let arguments = unquoted.as_deref().unwrap_or(arguments);
        let mut value = directive.parse(arguments, &self.values[row])?;
        // The first `save` takes the place of the default; further ones add to it, and an empty
        // one takes everything away.
        if let (Value::SavePoints(new), Value::SavePoints(old)) = (&mut value, &self.values[row])
            && self.given[row]
            && !new.is_empty()
        {
            new.splice(0..0, old.iter().copied());
        }
        self.values[row] = value;
        self.given[row] = true;
        Ok(())
    }

    /// Takes a statement that sets no value.
    fn apply_special(
        &mut self,
        statement: &Statement,
        name: &[u8],
        arguments: &[&[u8]],
    ) -> Result<(), LineError> {
        let spelled = name;
        let name = hyphenated(spelled).to_ascii_lowercase();
        match (name.as_slice(), arguments) {
            (b"rename-command", [from, to]) => {
                self.renames.push(Rename { from: from.to_vec(), to: to.to_vec() });
                Ok(())
            }
            (b"loadmodule", [_, ..]) => Err(LineError::Refused("modules cannot be loaded")),
            (b"sentinel", [_, ..]) => {
                Err(LineError::Refused("sentinel directive while not in sentinel mode"))
            }
            // What its rules mean is not known here.
            (b"user", [user, ..]) => {
                // As any other directive, it takes the place of what a file says that is included.
                self.users
                    .retain(|known| known.origin == statement.origin || known.words[1] != *user);
                self.users.push(statement.clone());
                Ok(())
            }
            (name, [_]) if FORGOTTEN.iter().any(|known| known.as_bytes() == name) => Ok(()),
            (name, [_, ..]) if OF_MODULES.iter().any(|kind| name.starts_with(kind.as_bytes())) => {
                let name = String::from_utf8_lossy(spelled).into_owned();
                if !self.of_modules.contains(&name) {
                    self.of_modules.push(name);
                }
                Ok(())
            }
            _ => Err(LineError::Directive),
        }
    }

    /// Lists what the `user` lines say: the name of each user and its rules.
    #[must_use]
    pub fn user_lines(&self) -> Vec<Vec<Vec<u8>>> {
        self.users.iter().map(|line| line.words[1..].to_vec()).collect()
    }

    /// Blames one of the `user` lines for a problem.
    #[must_use]
    pub fn user_fault(&self, line: usize, problem: String) -> ConfigError {
        self.users[line].error(LineError::User(problem))
    }
}

/// Completes a path by the current directory, which may be gone: then the path stays as it is.
fn absolute(path: &Path) -> PathBuf {
    // `absolute` keeps a leading `./` out, unlike joining would.
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(config: &Config, name: &str) -> String {
        String::from_utf8(config.get(name.as_bytes()).remove(0).1).unwrap()
    }

    fn read(text: &str) -> Config {
        Config::from_text(text.as_bytes()).unwrap()
    }

    fn refusal(text: &str) -> String {
        let error = Config::from_text(text.as_bytes()).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn values_print_as_clients_of_stock_servers_know_them() {
        let config = read("maxmemory 100mb\nunixsocketperm 700\nmaxmemory-clients 5%\nhz 1000");
        for (name, value) in [
            ("save", "3600 1 300 100 60 10000"),
            ("maxmemory", "104857600"),
            ("unixsocketperm", "700"),
            ("maxmemory-clients", "5%"),
            ("hz", "500"),
            ("shutdown-on-sigint", "default"),
            ("appendonly", "yes"),
            ("oom-score-adj-values", "0 200 800"),
            ("bind", "127.0.0.1 -::1"),
            (
                "client-output-buffer-limit",
                "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
            ),
        ] {
            assert_eq!(get(&config, name), value, "{name}");
        }
    }

    #[test]
    fn a_plain_name_is_answered_as_it_was_spelled_and_a_pattern_with_all_names() {
        let config = Config::default();
        let names = |pattern: &str| {
            let found = config.get(pattern.as_bytes());
            found.iter().map(|(n, _)| String::from_utf8_lossy(n).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("PORT"), ["PORT"]);
        assert_eq!(names("repl_timeout"), ["repl_timeout"]);
        assert_eq!(names("*SLAVE-read*"), ["slave-read-only"]);
        assert_eq!(
            names("hash-max-*-value"),
            ["hash-max-listpack-value", "hash-max-ziplist-value"]
        );
        assert_eq!(names("nope"), [""; 0]);
    }

    #[test]
    fn a_name_is_listed_once_however_many_patterns_match_it() {
        let names = |patterns: &[&str]| -> Vec<String> {
            let patterns: Vec<_> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
            let found = Config::default().get_all(&patterns);
            found.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
        };
        assert_eq!(names(&["MAXmemory", "maxmemor[y]", "maxmemory"]), ["MAXmemory"]);
        assert_eq!(names(&["maxmemor[y]", "MAXmemory"]), ["maxmemory"]);
        let both = ["replica-read-only", "slave-read-only"];
        assert_eq!(names(&["*-read-only", both[1]]), both);
    }

    #[test]
    fn save_lines_add_up_and_an_empty_one_clears() {
        for (text, value) in [
            ("save 1 1\nsave 2 2", "1 1 2 2"),
            ("save 1 1\nsave \"\"\nsave 2 2", "2 2"),
            ("save 1 1\nsave \"\"", ""),
            ("save", ""),
            ("save \"1 1 2 2\"", "1 1 2 2"),
        ] {
            assert_eq!(get(&read(text), "save"), value, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_reason() {
        for (text, reason) in [
            ("cluster-enabled yes", "this server is not part of a cluster"),
            ("loadmodule x.so a b", "modules cannot be loaded"),
            (
                "replica-read-only no",
                "a replica's log holds what its primary wrote and nothing else; write to the primary",
            ),
            ("dir /no/such/directory", "No such file or directory"),
            ("port 1 2", "wrong number of arguments"),
            ("nope 1", "Bad directive or wrong number of arguments"),
            ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
            ("unixsocketperm 1000", "argument must be between 0 and 777 inclusive"),
        ] {
            assert_eq!(refusal(text), reason, "{text}");
        }
        read("cluster-enabled no\ntls_port 0\nreplicaof no one\nlist-max-ziplist-value 1");
    }

    #[test]
    fn underscores_stand_for_hyphens() {
        let config = read(
            "repl_backlog_size 31457280\nSLAVE_serve-stale_data no\nserver_cpulist 0-1\n\
             rename_command FLUSHALL \"\"\nlist_max_ziplist_entries 5",
        );
        assert_eq!(get(&config, "repl-backlog-size"), "31457280");
        assert_eq!(get(&config, "replica-serve-stale-data"), "no");
        assert_eq!(get(&config, "server_cpulist"), "0-1");
        assert!(config.is_given("repl-backlog-size"));
        assert_eq!(config.renames().len(), 1);
        // Valkey knows it so.
        assert_eq!(get(&read("server-cpulist 0"), "server_cpulist"), "0");
        assert_eq!(refusal("syslog-i_dent x y"), "Bad directive or wrong number of arguments");
    }

    #[test]
    fn user_lines_are_kept_as_they_are_and_blamed_by_their_place() {
        let config = read("user a on\nport 1\nUSER b \"+get\" '(~x'  +set)");
        let words = |line: &Vec<Vec<u8>>| String::from_utf8(line.join(&b'|')).unwrap();
        let lines: Vec<_> = config.user_lines().iter().map(words).collect();
        assert_eq!(lines, ["a|on", "b|+get|(~x|+set)"]);
        let fault = config.user_fault(1, "no".to_owned()).to_string();
        assert!(fault.starts_with("no\n    in standard input, line 3:\n"), "{fault}");
        assert_eq!(refusal("user"), "Bad directive or wrong number of arguments");
    }

    #[test]
    fn only_what_differs_from_its_default_is_reported_as_ignored() {
        let config = read(
            "disable-thp yes\nappendonly no\nactiverehashing no\nrename-command FLUSHALL \"\"",
        );
        let names: Vec<_> = config.ignored().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["appendonly", "activerehashing"]);
        let limit = |class| read(&format!("client-output-buffer-limit {class} 1mb 1mb 1"));
        let warned = [("client-output-buffer-limit", FEEDS_HAVE_NO_BUFFER)];
        assert_eq!(limit("replica").ignored(), warned);
        assert!(limit("normal").ignored().is_empty() && limit("pubsub").ignored().is_empty());
        let modules = read("search-timeout 500\nsearch-timeout 5\nts-chunk-size-bytes 4096");
        let warned = [("search-timeout", NO_MODULE), ("ts-chunk-size-bytes", NO_MODULE)];
        assert_eq!(modules.ignored(), warned);
        assert_eq!(refusal("search-timeout"), "Bad directive or wrong number of arguments");
        let rename = Rename { from: b"FLUSHALL".to_vec(), to: Vec::new() };
        assert_eq!(config.renames(), [rename]);
    }
}
