//! Where configuration comes from: files, the files they include, standard input, the command line.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::glob;
use super::syntax;
use super::value::ValueError;

/// Files that may include one another this deep.
const INCLUDE_DEPTH_MAX: usize = 16;

/// A configuration file that is longer is not one.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Where a statement was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this file.
    File(Arc<Path>),
    /// On standard input.
    Stdin,
    /// Among the program's arguments.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// Whether `include` is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Includes {
    /// The named files are read.
    Followed,
    /// The line is an error: the text must stand alone.
    Refused,
}

/// A directive with its arguments, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The file or other source.
    pub origin: Origin,
    /// The line in it, counted from one; zero on the command line.
    pub line: usize,
    /// The line as it stands there.
    pub text: Vec<u8>,
    /// The directive's name and its arguments; never empty.
    pub words: Vec<Vec<u8>>,
}

impl Statement {
    /// Blames this statement for `problem`.
    #[must_use]
    pub fn error(&self, problem: LineError) -> ConfigError {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        ConfigError::Line { origin: self.origin.clone(), line: self.line, text, problem }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("can't open config file '{}': {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Standard input could not be read.
    #[error("can't read the configuration from standard input: {0}")]
    Stdin(#[source] io::Error),
    /// A file is too long to be a configuration.
    #[error("{0} is longer than {FILE_BYTES_MAX} bytes and is not read as a configuration")]
    TooLong(Origin),
    /// A line makes no sense.
    #[error("{}", at_line(origin, *line, text, problem))]
    Line {
        /// Where the line stands.
        origin: Origin,
        /// Its number, counted from one; zero on the command line.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        problem: LineError,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// A quote is not closed, or something follows it at once.
    #[error("Unbalanced quotes in configuration line")]
    Quotes,
    /// No such directive, or not with so many arguments.
    #[error("Bad directive or wrong number of arguments")]
    Directive,
    /// The value was not taken.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// What a `user` line says is wrong.
    #[error("{0}")]
    User(String),
    /// A directive that is known and not supported.
    #[error("{0}")]
    Refused(&'static str),
    /// Files include one another without end.
    #[error("files include one another more than {INCLUDE_DEPTH_MAX} deep")]
    IncludeDepth,
    /// The file to include could not be read.
    #[error(transparent)]
    Include(Box<ConfigError>),
}

/// Reads a file and what it includes, and appends its statements to `found`.
pub fn read_file(path: &Path, found: &mut Vec<Statement>) -> Result<(), ConfigError> {
    read_nested(path, 0, found)
}

/// Reads standard input and the files it includes, and appends its statements to `found`.
///
/// Returns the text, as it cannot be read again.
pub fn read_stdin(found: &mut Vec<Statement>) -> Result<Vec<u8>, ConfigError> {
    let text = read_limited(io::stdin().lock(), &Origin::Stdin)
        .map_err(|error| error.unwrap_or_else(ConfigError::Stdin))?;
    read_text(&text, &Origin::Stdin, Includes::Followed, 0, found)?;
    Ok(text)
}

/// Reads a text and appends its statements to `found`.
pub fn read_text(
    text: &[u8],
    origin: &Origin,
    includes: Includes,
    depth: usize,
    found: &mut Vec<Statement>,
) -> Result<(), ConfigError> {
    for line in syntax::lines(text) {
        let unbalanced = line.words.is_none();
        let statement = Statement {
            origin: origin.clone(),
            line: line.number,
            text: line.text.to_vec(),
            words: line.words.unwrap_or_default(),
        };
        if unbalanced {
            return Err(statement.error(LineError::Quotes));
        }
        match statement.words.as_slice() {
            [] => {}
            [name, pattern] if name.eq_ignore_ascii_case(b"include") => {
                if includes == Includes::Refused {
                    return Err(statement.error(LineError::Refused("include is not followed here")));
                }
                include(pattern, depth, &statement, found)?;
            }
            _ => found.push(statement),
        }
    }
    Ok(())
}

/// Reads the files of an `include`: a plain name must exist, a pattern may match nothing.
fn include(
    pattern: &[u8],
    depth: usize,
    statement: &Statement,
    found: &mut Vec<Statement>,
) -> Result<(), ConfigError> {
    if depth >= INCLUDE_DEPTH_MAX {
        return Err(statement.error(LineError::IncludeDepth));
    }
    let path = Path::new(std::ffi::OsStr::from_bytes(pattern));
    let paths =
        if glob::is_pattern(pattern) { glob::files(path) } else { vec![path.to_path_buf()] };
    for path in paths {
        read_nested(&path, depth + 1, found).map_err(|error| match error {
            ConfigError::File { .. } => statement.error(LineError::Include(Box::new(error))),
            other => other,
        })?;
    }
    Ok(())
}

fn read_nested(path: &Path, depth: usize, found: &mut Vec<Statement>) -> Result<(), ConfigError> {
    let origin = Origin::File(Arc::from(path));
    let failed = |source| ConfigError::File { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(failed)?;
    let text = read_limited(file, &origin).map_err(|error| error.unwrap_or_else(failed))?;
    read_text(&text, &origin, Includes::Followed, depth, found)
}

/// Why a source was not read to its end.
enum ReadError {
    Io(io::Error),
    TooLong(ConfigError),
}

impl ReadError {
    fn unwrap_or_else(self, name: impl FnOnce(io::Error) -> ConfigError) -> ConfigError {
        match self {
            Self::Io(error) => name(error),
            Self::TooLong(error) => error,
        }
    }
}

fn read_limited(source: impl Read, origin: &Origin) -> Result<Vec<u8>, ReadError> {
    let mut text = Vec::new();
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(ReadError::Io)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ReadError::TooLong(ConfigError::TooLong(origin.clone())));
    }
    Ok(text)
}

fn at_line(origin: &Origin, line: usize, text: &str, problem: &LineError) -> String {
    let place = match line {
        0 => format!("on {origin}"),
        line => format!("in {origin}, line {line}"),
    };
    format!("{problem}\n    {place}:\n    >>> '{text}'")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(found: &[Statement]) -> Vec<String> {
        found.iter().map(|s| String::from_utf8(s.words.join(&b' ')).unwrap()).collect()
    }

    #[test]
    fn included_files_take_the_place_of_the_line_that_names_them() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(root.join("1.inc"), "hz 1\n").unwrap();
        fs::write(root.join("2.inc"), "hz 2\n").unwrap();
        let main = format!("port 1\ninclude {0}/*.inc\ninclude {0}/no*\nport 2\n", root.display());
        fs::write(root.join("main.conf"), main).unwrap();
        let mut found = Vec::new();
        read_file(&root.join("main.conf"), &mut found).unwrap();
        assert_eq!(names(&found), ["port 1", "hz 1", "hz 2", "port 2"]);
        assert_eq!(found[2].line, 1);
    }

    #[test]
    fn a_file_that_includes_itself_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("loop.conf");
        fs::write(&path, format!("include {}\n", path.display())).unwrap();
        let error = read_file(&path, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("include one another"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named_with_the_line_that_wants_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.conf");
        fs::write(&path, "\ninclude /no/such/file\n").unwrap();
        let error = read_file(&path, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("/no/such/file") && error.contains("a.conf, line 2"), "{error}");
    }

    #[test]
    fn a_line_is_shown_with_its_file_and_number() {
        let origin = Origin::File(Arc::from(Path::new("x.conf")));
        let text = b"# c\n\nport \"1\n";
        let error = read_text(text, &origin, Includes::Followed, 0, &mut Vec::new()).unwrap_err();
        let shown = error.to_string();
        assert_eq!(
            shown,
            "Unbalanced quotes in configuration line\n    in x.conf, line 3:\n    >>> 'port \"1'"
        );
    }
}
