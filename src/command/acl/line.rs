//! The words that make a user: those of `ACL SETUSER`, of a file's line, of a line of the configuration.

use super::{DEFAULT, RuleFault, User, UserSet, Users};

/// Joins the words between parentheses to one; the error is the place of one that does not close.
pub fn join_selectors<'w>(words: impl Iterator<Item = &'w [u8]>) -> Result<Vec<Vec<u8>>, usize> {
    let mut joined: Vec<Vec<u8>> = Vec::new();
    let mut open = None;
    for (place, word) in words.enumerate() {
        if let (Some(_), Some(selector)) = (open, joined.last_mut()) {
            selector.push(b' ');
            selector.extend_from_slice(word);
        } else {
            open = word.starts_with(b"(").then_some(place);
            joined.push(word.to_vec());
        }
        if word.ends_with(b")") {
            open = None;
        }
    }
    open.map_or(Ok(joined), Err)
}

/// What is wrong with a `user` line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// Which of the lines it is.
    pub line: usize,
    /// What is wrong, with the rule that it is about.
    pub problem: String,
}

/// Makes the users that lines of the configuration say, each without the word `user`.
///
/// A line for the default user begins with nothing, as all do.
pub fn read_lines(lines: &[Vec<Vec<u8>>], users: &Users) -> Result<Vec<User>, LineFault> {
    let mut found: Vec<User> = Vec::new();
    for (line, words) in lines.iter().enumerate() {
        let failed = |rule: &[u8], fault: String| {
            let rule = String::from_utf8_lossy(rule);
            let problem = format!("Error in user declaration '{rule}': {fault}");
            LineFault { line, problem }
        };
        let Some((name, rules)) = words.split_first() else { continue };
        if super::has_blanks(name) {
            let text = "Usernames can't contain spaces or null characters";
            return Err(failed(name, text.to_owned()));
        }
        if found.iter().any(|user| user.name == *name) {
            return Err(failed(name, RuleFault::Duplicate.to_string()));
        }
        let mut user = users.make(name);
        let joined = join_selectors(rules.iter().map(Vec::as_slice));
        let joined = joined.map_err(|place| {
            failed(&rules[place], "Unmatched parenthesis in selector definition".to_owned())
        })?;
        for rule in joined {
            let followed = user.follow(&rule, users.new_channels());
            followed.map_err(|fault| failed(shown(&rule), fault.to_string()))?;
        }
        found.push(user);
    }
    Ok(found)
}

/// Checks the lines of a configuration without a server.
pub fn check_lines(lines: &[Vec<Vec<u8>>]) -> Result<(), LineFault> {
    read_lines(lines, &Users::default()).map(drop)
}

/// Returns as much of a rule as may be shown: a password is not to stand in a log.
fn shown(rule: &[u8]) -> &[u8] {
    match rule {
        [b'>' | b'<' | b'#' | b'!', ..] => &rule[..1],
        _ => rule,
    }
}

impl UserSet {
    /// Puts in users that were read, in the place of those of their names.
    ///
    /// They keep the numbers of these: whoever is logged in stays so.
    pub fn put_read(&mut self, read: Vec<User>) {
        for mut user in read {
            if let Some(known) = self.find(&user.name) {
                user.id = known.id;
            }
            self.put(user);
        }
    }

    /// Has those users that were read and the default one, which is open if it was not among them.
    pub fn replace(&mut self, read: Vec<User>) {
        let stays = |name: &[u8]| read.iter().any(|user| user.name == name);
        self.retain(stays);
        if !stays(DEFAULT) {
            self.put(User::open_default());
        }
        self.put_read(read);
    }
}
