//! A set of permissions, all of which one command must be covered by: commands, keys and channels.

use super::pattern::{KeyPattern, Pattern, Purpose};
use super::permissions::{Permissions, Verdict};
use super::{RuleFault, c_text, has_blanks};
use crate::net::inline;

/// The channels of a new user, as `acl-pubsub-default` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewChannels {
    /// All.
    All,
    /// None.
    #[default]
    None,
}

/// Names that are allowed: all there are, or those that match one of some patterns.
#[derive(Clone, Debug)]
pub enum Names<P> {
    /// All.
    All,
    /// Those that match.
    Matching(Vec<P>),
}

/// A set of permissions, all of which one command must be covered by.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The commands.
    pub commands: Permissions,
    /// The keys.
    pub keys: Names<KeyPattern>,
    /// The channels.
    pub channels: Names<Pattern>,
}

impl Selector {
    /// Begins with no command, no key and the channels that new users have.
    pub fn new(channels: NewChannels) -> Self {
        Self {
            commands: Permissions::default(),
            keys: Names::none(),
            channels: match channels {
                NewChannels::All => Names::All,
                NewChannels::None => Names::none(),
            },
        }
    }

    /// Reads the rules between two parentheses.
    pub fn read(rules: &[u8], channels: NewChannels) -> Result<Self, RuleFault> {
        let mut selector = Self::new(channels);
        let (mut words, mut spans) = (Vec::new(), Vec::new());
        // As in stock, quotes that do not close leave no rules at all.
        if inline::split(c_text(rules), &mut words, &mut spans).is_ok() {
            for span in spans {
                selector.follow(&words[span.start..span.end])?;
            }
        }
        Ok(selector)
    }

    /// Follows a rule of a selector.
    pub fn follow(&mut self, word: &[u8]) -> Result<(), RuleFault> {
        let is = |rules: [&str; 2]| {
            rules.iter().any(|rule| c_text(word).eq_ignore_ascii_case(rule.as_bytes()))
        };
        match word {
            [] => {}
            _ if is(["allkeys", "~*"]) => self.keys = Names::All,
            _ if is(["resetkeys", "resetkeys"]) => self.keys = Names::none(),
            _ if is(["allchannels", "&*"]) => self.channels = Names::All,
            _ if is(["resetchannels", "resetchannels"]) => self.channels = Names::none(),
            _ if is(["allcommands", "+@all"]) => self.commands.reset(Verdict::Allow),
            _ if is(["nocommands", "-@all"]) => self.commands.reset(Verdict::Deny),
            [sign @ (b'~' | b'%'), rest @ ..] => self.add_keys(*sign, rest)?,
            [b'&', rest @ ..] => self.add_channels(rest)?,
            [b'+', name @ ..] => self.commands.follow(Verdict::Allow, name)?,
            [b'-', name @ ..] => self.commands.follow(Verdict::Deny, name)?,
            _ => return Err(RuleFault::Syntax),
        }
        Ok(())
    }

    fn add_keys(&mut self, sign: u8, rest: &[u8]) -> Result<(), RuleFault> {
        let Names::Matching(patterns) = &mut self.keys else { return Err(RuleFault::AllKeys) };
        let new = KeyPattern::read(sign, rest).ok_or(RuleFault::Syntax)?;
        match patterns.iter_mut().find(|known| known.pattern == new.pattern) {
            Some(known) => known.access = known.access.and(new.access),
            None => patterns.push(new),
        }
        Ok(())
    }

    fn add_channels(&mut self, rest: &[u8]) -> Result<(), RuleFault> {
        let Names::Matching(patterns) = &mut self.channels else {
            return Err(RuleFault::AllChannels);
        };
        if has_blanks(rest) {
            return Err(RuleFault::Syntax);
        }
        let new = Pattern::new(rest);
        if !patterns.contains(&new) {
            patterns.push(new);
        }
        Ok(())
    }

    /// Tells whether it covers everything.
    pub fn covers_all(&self) -> bool {
        self.keys.are_all() && self.channels.are_all() && self.commands.allows_all()
    }

    /// Writes the patterns of keys, with blanks between.
    pub fn write_keys(&self, out: &mut Vec<u8>, purpose: Purpose) {
        match &self.keys {
            Names::All => out.extend_from_slice(b"~*"),
            Names::Matching(patterns) => {
                joined(out, patterns, |pattern, out| pattern.write(out, purpose));
            }
        }
    }

    /// Writes the patterns of channels, with blanks between.
    pub fn write_channels(&self, out: &mut Vec<u8>) {
        match &self.channels {
            Names::All => out.extend_from_slice(b"&*"),
            Names::Matching(patterns) => joined(out, patterns, |pattern, out| {
                out.push(b'&');
                out.extend_from_slice(pattern.text());
            }),
        }
    }

    /// Writes all its rules.
    pub fn write(&self, out: &mut Vec<u8>, purpose: Purpose) {
        let begun = out.len();
        self.write_keys(out, purpose);
        if out.len() > begun {
            out.push(b' ');
        }
        if !self.channels.are_all() {
            out.extend_from_slice(b"resetchannels ");
        }
        let begun = out.len();
        self.write_channels(out);
        if out.len() > begun {
            out.push(b' ');
        }
        self.commands.write(out);
    }
}

impl<P> Names<P> {
    fn none() -> Self {
        Self::Matching(Vec::new())
    }

    /// Tells whether all names are allowed.
    pub fn are_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

/// Writes elements with blanks between.
fn joined<P>(out: &mut Vec<u8>, elements: &[P], write: impl Fn(&P, &mut Vec<u8>)) {
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        write(element, out);
    }
}
