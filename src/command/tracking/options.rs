//! What `CLIENT TRACKING` is asked for, and whether it fits what the client tracks already.

use std::sync::Arc;

use crate::command::{Call, ClientInfo, Fault};
use crate::number::parse_i64_strict;

use super::state::{Choice, Tracking};

const SWITCHES_BROADCAST: Fault = Fault::fixed(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);
const SWITCHES_CHOICE: Fault = Fault::fixed(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
     re-enabling it with a different mode.",
);
const BOTH_CHOICES: Fault = Fault::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode");
const CHOICE_OF_BROADCAST: Fault =
    Fault::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST");
const PREFIX_ALONE: Fault = Fault::fixed("ERR PREFIX option requires BCAST mode to be enabled");
const TWO_REDIRECTS: Fault =
    Fault::fixed("ERR A client can only redirect to a single other client");
const NO_CLIENT: Fault = Fault::fixed("ERR The client ID you want redirect to does not exist");

/// The words behind `CLIENT TRACKING`, in whatever order they came.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that may come or not")]
struct Options {
    is_broadcast: bool,
    is_opt_in: bool,
    is_opt_out: bool,
    skips_own: bool,
    redirect: Option<Arc<ClientInfo>>,
    prefixes: Vec<Box<[u8]>>,
}

/// Reads what is to be tracked from now on; none if it is nothing.
pub(super) fn read(call: &Call<'_, '_>) -> Result<Option<Tracking>, Fault> {
    let options = Options::parse(call)?;
    match call.args.word(2) {
        word if word.eq_ignore_ascii_case(b"ON") => {
            options.checked(call.session.tracking()).map(Some)
        }
        word if word.eq_ignore_ascii_case(b"OFF") => Ok(None),
        _ => Err(Fault::SYNTAX),
    }
}

impl Options {
    fn parse(call: &Call<'_, '_>) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut words = call.args.from(3).iter().peekable();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("REDIRECT") && words.peek().is_some() {
                if options.redirect.is_some() {
                    return Err(TWO_REDIRECTS);
                }
                let id = words.next().and_then(parse_i64_strict).ok_or(Fault::NOT_AN_INTEGER)?;
                let mut clients = call.host.clients().into_iter();
                let found = clients.find(|client| client.id as i64 == id);
                options.redirect = Some(found.ok_or(NO_CLIENT)?);
            } else if is("BCAST") {
                options.is_broadcast = true;
            } else if is("OPTIN") {
                options.is_opt_in = true;
            } else if is("OPTOUT") {
                options.is_opt_out = true;
            } else if is("NOLOOP") {
                options.skips_own = true;
            } else if is("PREFIX")
                && let Some(prefix) = words.next()
            {
                options.prefixes.push(prefix.into());
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Makes sure that the options fit together, and to what is tracked already.
    fn checked(self, tracking: Option<&Tracking>) -> Result<Tracking, Fault> {
        if !self.is_broadcast && !self.prefixes.is_empty() {
            return Err(PREFIX_ALONE);
        }
        let old = tracking.map(|tracking| tracking.choice);
        if old.is_some_and(|old| (old == Choice::Broadcast) != self.is_broadcast) {
            return Err(SWITCHES_BROADCAST);
        }
        if self.is_broadcast && (self.is_opt_in || self.is_opt_out) {
            return Err(CHOICE_OF_BROADCAST);
        }
        if self.is_opt_in && self.is_opt_out {
            return Err(BOTH_CHOICES);
        }
        let (is_in, is_out) = (old == Some(Choice::OptIn), old == Some(Choice::OptOut));
        if (self.is_opt_in && is_out) || (self.is_opt_out && is_in) {
            return Err(SWITCHES_CHOICE);
        }
        let held = tracking.map_or(&[][..], |tracking| &tracking.prefixes);
        check_overlaps(held, &self.prefixes)?;
        let mut prefixes = held.to_vec();
        if self.is_broadcast && self.prefixes.is_empty() {
            prefixes.push(Box::default());
        }
        prefixes.extend(self.prefixes);
        prefixes.sort();
        prefixes.dedup();
        let choice = match (self.is_broadcast, self.is_opt_in, self.is_opt_out) {
            (true, ..) => Choice::Broadcast,
            (_, true, _) => Choice::OptIn,
            (_, _, true) => Choice::OptOut,
            _ => Choice::Read,
        };
        let is_caching_said = tracking.is_some_and(|tracking| tracking.is_caching_said);
        let (skips_own, redirect) = (self.skips_own, self.redirect);
        Ok(Tracking { choice, is_caching_said, skips_own, redirect, prefixes })
    }
}

/// Makes sure that no prefix begins another one.
fn check_overlaps(held: &[Box<[u8]>], given: &[Box<[u8]>]) -> Result<(), Fault> {
    let overlaps = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    let fault = |prefix: &[u8], which: &str, other: &[u8]| {
        Fault::of_bytes(
            [
                b"ERR Prefix '",
                prefix,
                b"' overlaps with ",
                which.as_bytes(),
                b" prefix '",
                other,
                b"'. Prefixes for a single client must not overlap.",
            ]
            .concat(),
        )
    };
    for (index, prefix) in given.iter().enumerate() {
        if let Some(other) = held.iter().find(|other| overlaps(prefix, other)) {
            return Err(fault(prefix, "an existing", other));
        }
        if let Some(other) = given[index + 1..].iter().find(|other| overlaps(prefix, other)) {
            return Err(fault(prefix, "another provided", other));
        }
    }
    Ok(())
}
