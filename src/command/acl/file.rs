//! The text of an ACL file: a line for each user.

use std::fmt;

use super::line::join_selectors;
use super::{RuleFault, User, Users, c_text, has_blanks};

/// What is wrong with the lines of a file, in the words of stock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFaults(Vec<u8>);

impl FileFaults {
    /// The words, which may repeat some of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn add(&mut self, parts: &[&[u8]]) {
        self.0.extend_from_slice(&parts.concat());
    }
}

impl fmt::Display for FileFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl std::error::Error for FileFaults {}

/// Reads all users of a file, or tells what is wrong with every line.
pub fn read(text: &[u8], path: &str, users: &Users) -> Result<Vec<User>, FileFaults> {
    let (mut found, mut faults) = (Vec::<User>::new(), FileFaults::default());
    for (number, line) in (1..).zip(c_text(text).split(|byte| *byte == b'\n')) {
        let line = trim(line, b" \t\r\n");
        if line.is_empty() {
            continue;
        }
        let place = format!("{path}:{number}");
        let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
        let [b"user", name, rules @ ..] = words.as_slice() else {
            let rest: &[u8] = b" should start with user keyword followed by the username. ";
            faults.add(&[place.as_bytes(), rest]);
            continue;
        };
        if has_blanks(name) {
            let rest: &[u8] = b": username '";
            faults.add(&[b"'", place.as_bytes(), rest, name, b"' contains invalid characters. "]);
        } else if found.iter().any(|user| user.name == *name) {
            let number = format!("{number}. ");
            let parts: [&[u8]; 4] =
                [b"WARNING: Duplicate user '", name, b"' found on line ", number.as_bytes()];
            faults.add(&parts);
        } else {
            let mut user = users.make(name);
            read_rules(&mut user, (&place, rules), users, &mut faults);
            found.push(user);
        }
    }
    if faults == FileFaults::default() {
        return Ok(found);
    }
    let nothing_changed: &[u8] =
        b"WARNING: ACL errors detected, no change to the previously active \
        ACL rules was performed";
    faults.add(&[nothing_changed]);
    Err(faults)
}

fn read_rules(
    user: &mut User,
    (place, rules): (&str, &[&[u8]]),
    users: &Users,
    faults: &mut FileFaults,
) {
    let Ok(rules) = join_selectors(rules.iter().copied()) else {
        faults.add(&[place.as_bytes(), b": Unmatched parenthesis in selector definition. "]);
        return;
    };
    let mut is_told = false;
    for rule in rules {
        let rule = trim(&rule, b"\t\r\n");
        match user.follow(rule, users.new_channels()) {
            Err(fault @ RuleFault::Unknown) => {
                let parts: [&[u8]; 3] = [b": Error in applying operation '", rule, b"': "];
                faults.add(&[place.as_bytes()]);
                faults.add(&parts);
                faults.add(&[fault.to_string().as_bytes(), b". "]);
            }
            // What it says may be a password.
            Err(fault) if !is_told => {
                is_told = true;
                faults.add(&[place.as_bytes(), b": ", fault.to_string().as_bytes(), b". "]);
            }
            _ => {}
        }
    }
}

/// Writes users as a file has them.
pub fn write<'u>(users: impl Iterator<Item = &'u User>) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users {
        text.extend(user.kept_line());
        text.push(b'\n');
    }
    text
}

fn trim<'t>(text: &'t [u8], blanks: &[u8]) -> &'t [u8] {
    let is_text = |byte: &u8| !blanks.contains(byte);
    let Some(begin) = text.iter().position(is_text) else { return &[] };
    let end = text.iter().rposition(is_text).map_or(begin, |last| last + 1);
    &text[begin..end]
}
