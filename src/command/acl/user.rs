//! One user: whether it may log in, how, and what it may do then.

use super::c_text;
use super::password::Digest;
use super::pattern::Purpose;
use super::selector::{NewChannels, Selector};
use super::{DEFAULT, DEFAULT_ID};

/// What is wrong with a rule, in the words of stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// No such command or category.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// It makes no sense.
    #[error("Syntax error")]
    Syntax,
    /// All keys are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not \
         have any effect. Try 'resetkeys' to start with an empty list of patterns"
    )]
    AllKeys,
    /// All channels are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does \
         not have any effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    AllChannels,
    /// The password to be taken away is not there.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// What should be a hash is none.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal \
         characters"
    )]
    BadDigest,
    /// A user is said twice in the configuration.
    #[error("Duplicate user found. A user can only be defined once in config files")]
    Duplicate,
    /// Subcommands have no first argument that could be allowed.
    #[error("Allowing first-arg of a subcommand is not supported")]
    PartOfSubcommand,
}

/// One user.
#[derive(Clone, Debug)]
pub struct User {
    /// Tells it from others of its name, before and after it.
    pub id: u64,
    /// Its name.
    pub name: Vec<u8>,
    is_on: bool,
    takes_any_password: bool,
    /// Whether payloads of `RESTORE` are to be checked; here they always are.
    sanitizes: bool,
    passwords: Vec<Digest>,
    /// What the rules outside of parentheses say, and then each pair of these.
    selectors: Vec<Selector>,
}

impl User {
    /// Makes a user that may neither log in nor do anything.
    pub fn new(id: u64, name: &[u8], channels: NewChannels) -> Self {
        Self {
            id,
            name: name.to_vec(),
            is_on: false,
            takes_any_password: false,
            sanitizes: true,
            passwords: Vec::new(),
            selectors: vec![Selector::new(channels)],
        }
    }

    /// Makes the default user as it is where nobody says otherwise: it may do everything.
    pub fn open_default() -> Self {
        let mut user = Self::new(DEFAULT_ID, DEFAULT, NewChannels::All);
        for rule in ["on", "nopass", "allkeys", "allcommands"] {
            let followed = user.follow(rule.as_bytes(), NewChannels::All);
            debug_assert!(followed.is_ok(), "{rule} is a rule");
        }
        user
    }

    /// Follows one rule; after an error the user is what it was.
    pub fn follow(&mut self, word: &[u8], channels: NewChannels) -> Result<(), RuleFault> {
        match c_text(word).to_ascii_lowercase().as_slice() {
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => self.set_passwords(true),
            b"resetpass" => self.set_passwords(false),
            b"sanitize-payload" => self.sanitizes = true,
            b"skip-sanitize-payload" => self.sanitizes = false,
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = Self::new(self.id, &self.name, channels),
            _ => return self.follow_sign(word, channels),
        }
        Ok(())
    }

    /// Follows a rule that begins with a sign, or is one of selectors.
    fn follow_sign(&mut self, word: &[u8], channels: NewChannels) -> Result<(), RuleFault> {
        match word {
            [b'>', password @ ..] => self.add_password(Digest::of(password)),
            [b'<', password @ ..] => self.remove_password(&Digest::of(password))?,
            [b'#', digits @ ..] => {
                self.add_password(Digest::parse(digits).ok_or(RuleFault::BadDigest)?);
            }
            [b'!', digits @ ..] => {
                self.remove_password(&Digest::parse(digits).ok_or(RuleFault::BadDigest)?)?;
            }
            [b'(', rules @ .., b')'] => self.selectors.push(Selector::read(rules, channels)?),
            _ => self.selectors[0].follow(word)?,
        }
        Ok(())
    }

    fn set_passwords(&mut self, takes_any: bool) {
        self.passwords.clear();
        self.takes_any_password = takes_any;
    }

    fn add_password(&mut self, digest: Digest) {
        if !digest.is_among(&self.passwords) {
            self.passwords.push(digest);
        }
        self.takes_any_password = false;
    }

    fn remove_password(&mut self, digest: &Digest) -> Result<(), RuleFault> {
        let place = self.passwords.iter().position(|known| known == digest);
        self.passwords.remove(place.ok_or(RuleFault::NoSuchPassword)?);
        Ok(())
    }

    /// Gives it one password in the place of all it has, or lets any do, as `requirepass` wants.
    pub fn require(&mut self, password: Option<&[u8]>) {
        self.set_passwords(password.is_none());
        if let Some(password) = password {
            self.add_password(Digest::of(password));
        }
    }

    /// Tells whether somebody may log in as this user by a password.
    pub fn takes(&self, password: &[u8]) -> bool {
        let is_right = Digest::of(password).is_among(&self.passwords);
        self.is_on && (self.takes_any_password || is_right)
    }

    /// Tells whether any password does, be the user on or off.
    pub fn takes_any_password(&self) -> bool {
        self.takes_any_password
    }

    /// Tells whether clients are this user without a word, should it be the default one.
    pub fn lets_in(&self) -> bool {
        self.is_on && self.takes_any_password
    }

    /// Tells whether it may do everything.
    pub fn is_unbound(&self) -> bool {
        self.selectors.iter().any(Selector::covers_all)
    }

    /// Returns what it may do: any of these has to cover a command.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Lists its flags, by their rules.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            Some(if self.is_on { "on" } else { "off" }),
            self.takes_any_password.then_some("nopass"),
            Some(if self.sanitizes { "sanitize-payload" } else { "skip-sanitize-payload" }),
        ];
        flags.into_iter().flatten()
    }

    /// Lists its passwords.
    pub fn passwords(&self) -> &[Digest] {
        &self.passwords
    }

    /// Writes `user`, its name and its rules.
    fn write(&self, out: &mut Vec<u8>, purpose: Purpose) {
        out.extend_from_slice(b"user ");
        out.extend_from_slice(&self.name);
        for flag in self.flags() {
            out.push(b' ');
            out.extend_from_slice(flag.as_bytes());
        }
        for digest in &self.passwords {
            out.extend_from_slice(format!(" #{digest}").as_bytes());
        }
        out.push(b' ');
        self.selectors[0].write(out, purpose);
        for selector in &self.selectors[1..] {
            out.extend_from_slice(b" (");
            selector.write(out, purpose);
            out.push(b')');
        }
    }

    /// Returns the line that shows it.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(&mut line, Purpose::Shown);
        line
    }

    /// Returns the line of a file that makes it again.
    pub fn kept_line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(&mut line, Purpose::Kept);
        line
    }
}
